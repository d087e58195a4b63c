;; The check of scaled indices must see the mask, also where its other operand is inverted, or has a bit cleared.
;;! show = asm bmi1
(module
  (memory 1)
  (data (i32.const 448) "\c0\01\00\00")
  (data (i32.const 510) "\fe\01\00\00")
  (func (export "f") (param i32) (result i32)
    (i32.load (i32.shl (i32.and (i32.xor (local.get 0) (i32.const -1)) (i32.const 255)) (i32.const 1))))
  ;;run f(-256) = 510
  ;;run f(-1) = 0
  ;;= asm bmi1
  ;;   not edi
  ;;   movzx eax, dil
  ;;   mov eax, [r14 + rax*2]  ; may trap
  ;;   ret
  (func (export "f2") (param i32) (result i32)
    (i32.load (i32.shl (i32.and (i32.xor (local.get 0) (i32.const -1)) (i32.const 248)) (i32.const 1))))
  ;;run f2(-225) = 448
  ;;= asm bmi1
  ;;   not edi
  ;;   and edi, 248
  ;;   mov eax, [r14 + rdi*2]  ; may trap
  ;;   ret
  (func (export "g") (param i32) (result i32)
    (i32.load (i32.shl (i32.and (i32.rotl (i32.const -2) (local.get 0)) (i32.const 240)) (i32.const 1))))
  ;;run g(4) = 448
  ;;= asm bmi1
  ;;   mov eax, -2
  ;;   mov ecx, edi
  ;;   rol eax, cl
  ;;   and eax, 240
  ;;   mov eax, [r14 + rax*2]  ; may trap
  ;;   ret
)
