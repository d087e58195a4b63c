(module
  (import "env" "void" (func $v))
  (memory 1)
  (table 1 funcref)
  (global (mut funcref) (ref.func $s))
  (func (export "f") (result i32) i32.const 5 i32.load)
  (elem (i32.const 0) func $s)
  (func $s call $v unreachable)
  (start $s))
