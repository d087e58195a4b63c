(module
  (import "host" "i32" (func $i32 (param i32 i32) (result i32)))
  (import "host" "f64" (func $f64 (param f64 f64) (result f64)))
  (func (export "loop_i32") (param $n i32) (result i32) (local $i i32) (local $sum i32)
    (loop $next
      (local.set $sum (i32.add (local.get $sum) (call $i32 (local.get $i) (i32.const 1000))))
      (br_if $next (i32.lt_s (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.get $sum))
  (func (export "loop_f64") (param $n i32) (result f64) (local $i i32) (local $sum f64)
    (loop $next
      (local.set $sum
        (f64.add (local.get $sum) (call $f64 (f64.convert_i32_s (local.get $i)) (f64.const 1000))))
      (br_if $next (i32.lt_s (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.get $sum)))
