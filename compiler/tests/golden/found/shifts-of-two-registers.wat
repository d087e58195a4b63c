;; Two shifts whose counts do not add up to the width are no shift across two registers. (A planted bug that the
;; fuzzer took long to find.)
;;run f(1, -1) = 33554431
;;run g(1, -1) = 63
;;run h(0x40000000) = trap out of bounds memory access
(module
  (memory 1)
  (func (export "f") (param i32 i32) (result i32)
    (i32.or (i32.shl (local.get 0) (i32.const 5)) (i32.shr_u (local.get 1) (i32.const 7))))
  (func (export "g") (param i32 i32) (result i32)
    (i32.or (i32.shl (local.get 0) (i32.const 5)) (i32.shr_u (local.get 1) (i32.const 27))))
  (func (export "h") (param i32) (result i32)
    (i32.load offset=0x10 (i32.sub (i32.shl (local.get 0) (i32.const 2)) (i32.const 0x10)))))
