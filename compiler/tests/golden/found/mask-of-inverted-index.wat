;; The check of scaled indices must see the mask, also where its other operand is inverted, or has a bit cleared.
;;! show = asm bmi1
(module
  (memory 1)
  (data (i32.const 448) "\c0\01\00\00")
  (data (i32.const 510) "\fe\01\00\00")
  (func (export "f") (param i32) (result i32)
    (i32.load (i32.shl (i32.and (i32.xor (local.get 0) (i32.const -1)) (i32.const 255)) (i32.const 1))))
  ;;run f(-256) = ?
  ;;run f(-1) = ?
  (func (export "f2") (param i32) (result i32)
    (i32.load (i32.shl (i32.and (i32.xor (local.get 0) (i32.const -1)) (i32.const 248)) (i32.const 1))))
  ;;run f2(-225) = ?
  (func (export "g") (param i32) (result i32)
    (i32.load (i32.shl (i32.and (i32.rotl (i32.const -2) (local.get 0)) (i32.const 240)) (i32.const 1))))
  ;;run g(4) = ?
)
