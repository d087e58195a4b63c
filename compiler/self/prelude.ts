// What lies below the run time, in the text format: memory, the growth of arrays, the joining of texts, and checks. What
// is freed is everything from an address on.
//
//   text          number of units, units of 16 bits
//   typed array   address of its elements, their number
//   array         address of its cells, their number, and for how many there is room
//   object        number of its class, fields
//   function      number in the table, `this`, captured variables of 8 bytes each

/** FIRST: the first free address. PAGES: the memory at first. */
export const PRELUDE = `(type $closure (func (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
(memory (export "memory") PAGES 32767)
(global $top (export "top") (mut i32) (i32.const FIRST))
(global $base (mut i32) (i32.const FIRST))
(global $limit (mut i32) (i32.const 0))
(global $failure (export "failure") (mut i32) (i32.const 0))
(global $site (export "site") (mut i32) (i32.const 0))

;; --- failing: a trap; what it was for stays in the globals
(func $throw (param $failure i32) (global.set $failure (local.get $failure)) (unreachable))
(func $overflow (param $site i32) (global.set $site (local.get $site)) (unreachable))
(func $outside (param $site i32) (global.set $site (local.get $site)) (unreachable))
(func $out_of_memory (global.set $site (i32.const -1)) (unreachable))

;; --- memory
(func $allocate (export "allocate") (param $bytes i32) (result i32) (local $at i32)
  (if (i32.gt_u (local.get $bytes) (i32.const 0x7ff00000)) (then (call $out_of_memory)))
  (local.set $at (global.get $top))
  (global.set $top (i32.and (i32.add (i32.add (local.get $at) (local.get $bytes)) (i32.const 7)) (i32.const -8)))
  (if (i32.gt_u (global.get $top) (global.get $limit)) (then (call $grow)))
  (local.get $at))
(func $grow (local $pages i32)
  (if (i32.gt_u (global.get $top) (i32.const 0x7ff00000)) (then (call $out_of_memory)))
  (local.set $pages (i32.sub (i32.shr_u (i32.add (global.get $top) (i32.const 65535)) (i32.const 16)) (memory.size)))
  (if (i32.gt_s (local.get $pages) (i32.const 0)) (then
    (if (i32.lt_u (local.get $pages) (i32.const 64)) (then (local.set $pages (i32.const 64))))
    (if (i32.eq (memory.grow (local.get $pages)) (i32.const -1)) (then (call $out_of_memory)))))
  (global.set $limit (i32.shl (memory.size) (i32.const 16))))
;; What is there now stays for good.
(func (export "keep") (global.set $base (global.get $top)))
(func $free_all
  (call $free (global.get $base)) (global.set $failure (i32.const 0)) (global.set $site (i32.const 0)))
(func $free (param $from i32)
  (memory.fill (local.get $from) (i32.const 0) (i32.sub (global.get $top) (local.get $from)))
  (global.set $top (local.get $from)))
;; The bytes, in a typed array that was made after $from, are made anew there.
(func $free_but (param $from i32) (param $bytes i32) (result i32) (local $n i32)
  (local.set $n (i32.load offset=4 (local.get $bytes)))
  (memory.copy (i32.add (local.get $from) (i32.const 8)) (i32.load (local.get $bytes)) (local.get $n))
  (i32.store (local.get $from) (i32.add (local.get $from) (i32.const 8)))
  (i32.store offset=4 (local.get $from) (local.get $n))
  (call $free (i32.and (i32.add (i32.add (local.get $from) (local.get $n)) (i32.const 15)) (i32.const -8)))
  (local.get $from))

;; --- numbers: what does not fit is not made to
(func $same_sign (param $x i32) (param $site i32) (result i32)
  (if (i32.lt_s (local.get $x) (i32.const 0)) (then (call $overflow (local.get $site)))) (local.get $x))
(func $wide_to_i32 (param $x i64) (param $site i32) (result i32)
  (if (i64.ne (i64.extend32_s (local.get $x)) (local.get $x)) (then (call $overflow (local.get $site))))
  (i32.wrap_i64 (local.get $x)))
(func $wide_to_u32 (param $x i64) (param $site i32) (result i32)
  (if (i64.ne (i64.shr_u (local.get $x) (i64.const 32)) (i64.const 0)) (then (call $overflow (local.get $site))))
  (i32.wrap_i64 (local.get $x)))
(func $f64_to_i32 (param $x f64) (param $site i32) (result i32) (local $i i32)
  (local.set $i (i32.trunc_sat_f64_s (local.get $x)))
  (if (f64.ne (f64.convert_i32_s (local.get $i)) (local.get $x)) (then (call $overflow (local.get $site))))
  (local.get $i))
(func $f64_to_u32 (param $x f64) (param $site i32) (result i32) (local $i i32)
  (local.set $i (i32.trunc_sat_f64_u (local.get $x)))
  (if (f64.ne (f64.convert_i32_u (local.get $i)) (local.get $x)) (then (call $overflow (local.get $site))))
  (local.get $i))
;; The low 32 bits of the integer part; 0 of what has none.
(func $truncate (param $x f64) (result i32)
  (if (f64.lt (f64.abs (local.get $x)) (f64.const 0x1p63)) (then
    (return (i32.wrap_i64 (i64.trunc_sat_f64_s (local.get $x))))))
  (if (i32.eqz (f64.lt (f64.abs (local.get $x)) (f64.const inf))) (then (return (i32.const 0))))
  (i32.wrap_i64 (i64.trunc_sat_f64_s
    (f64.sub (local.get $x) (f64.mul (f64.floor (f64.mul (local.get $x) (f64.const 0x1p-32))) (f64.const 0x1p32))))))
;; Exact for integers of up to 53 bits, which is all that the core asks for.
(func $remainder (param $a f64) (param $b f64) (result f64) (local $x i64) (local $y i64)
  (local.set $x (i64.trunc_sat_f64_s (local.get $a))) (local.set $y (i64.trunc_sat_f64_s (local.get $b)))
  (if (i32.eqz (i32.and
      (i32.and (f64.eq (f64.convert_i64_s (local.get $x)) (local.get $a)) (f64.lt (f64.abs (local.get $a)) (f64.const 0x1p53)))
      (i32.and (f64.eq (f64.convert_i64_s (local.get $y)) (local.get $b)) (i64.ne (local.get $y) (i64.const 0)))))
    (then (call $overflow (i32.const 0))))
  (f64.copysign (f64.convert_i64_s (i64.rem_s (local.get $x) (local.get $y))) (local.get $a)))
(func $is_nan (param f64) (result i32) (f64.ne (local.get 0) (local.get 0)))
(func $min_i32 (param i32 i32) (result i32)
  (select (local.get 0) (local.get 1) (i32.lt_s (local.get 0) (local.get 1))))
(func $max_i32 (param i32 i32) (result i32)
  (select (local.get 0) (local.get 1) (i32.gt_s (local.get 0) (local.get 1))))
(func $min_u32 (param i32 i32) (result i32)
  (select (local.get 0) (local.get 1) (i32.lt_u (local.get 0) (local.get 1))))
(func $max_u32 (param i32 i32) (result i32)
  (select (local.get 0) (local.get 1) (i32.gt_u (local.get 0) (local.get 1))))
(func $abs (param i32) (result i32)
  (select (local.get 0) (i32.sub (i32.const 0) (local.get 0)) (i32.ge_s (local.get 0) (i32.const 0))))

;; --- texts
(func $new_text (export "new_text") (param $units i32) (result i32) (local $at i32)
  (if (i32.gt_u (local.get $units) (i32.const 0x1fffffff)) (then (call $out_of_memory)))
  (local.set $at (call $allocate (i32.add (i32.const 4) (i32.shl (local.get $units) (i32.const 1)))))
  (i32.store (local.get $at) (local.get $units)) (local.get $at))
(func $concatenate (param $a i32) (param $b i32) (result i32) (local $n i32) (local $m i32) (local $r i32)
  (if (i32.eqz (i32.and (i32.ne (local.get $a) (i32.const 0)) (i32.ne (local.get $b) (i32.const 0)))) (then (call $outside (i32.const 0))))
  (local.set $n (i32.shl (i32.load (local.get $a)) (i32.const 1)))
  (local.set $m (i32.shl (i32.load (local.get $b)) (i32.const 1)))
  (if (i32.eqz (local.get $n)) (then (return (local.get $b))))
  (if (i32.eqz (local.get $m)) (then (return (local.get $a))))
  (local.set $r (call $new_text (i32.add (i32.load (local.get $a)) (i32.load (local.get $b)))))
  (memory.copy (i32.add (local.get $r) (i32.const 4)) (i32.add (local.get $a) (i32.const 4)) (local.get $n))
  (memory.copy (i32.add (i32.add (local.get $r) (i32.const 4)) (local.get $n)) (i32.add (local.get $b) (i32.const 4)) (local.get $m))
  (local.get $r))
(func $same_text (param $a i32) (param $b i32) (result i32) (local $end i32)
  (if (i32.eq (local.get $a) (local.get $b)) (then (return (i32.const 1))))
  (if (i32.eqz (i32.and (i32.ne (local.get $a) (i32.const 0)) (i32.ne (local.get $b) (i32.const 0)))) (then (return (i32.const 0))))
  (if (i32.ne (i32.load (local.get $a)) (i32.load (local.get $b))) (then (return (i32.const 0))))
  (local.set $end (i32.add (local.get $a) (i32.shl (i32.load (local.get $a)) (i32.const 1))))
  (block $same (loop $next
    (br_if $same (i32.ge_u (local.get $a) (local.get $end)))
    (if (i32.ne (i32.load16_u offset=4 (local.get $a)) (i32.load16_u offset=4 (local.get $b))) (then (return (i32.const 0))))
    (local.set $a (i32.add (local.get $a) (i32.const 2)))
    (local.set $b (i32.add (local.get $b) (i32.const 2)))
    (br $next)))
  (i32.const 1))

;; --- typed arrays
(func $new_typed (param $length i32) (param $size i32) (param $site i32) (result i32) (local $at i32)
  (if (i32.lt_s (local.get $length) (i32.const 0)) (then (call $overflow (local.get $site))))
  (if (i32.gt_u (local.get $length) (i32.div_u (i32.const 0x7ff00000) (local.get $size))) (then (call $out_of_memory)))
  (local.set $at (call $allocate (i32.const 8)))
  (i32.store (local.get $at) (call $allocate (i32.mul (local.get $length) (local.get $size))))
  (i32.store offset=4 (local.get $at) (local.get $length)) (local.get $at))
(func (export "new_bytes") (param i32) (result i32) (call $new_typed (local.get 0) (i32.const 1) (i32.const 0)))

;; --- arrays
(func $new_array (param $room i32) (result i32) (local $at i32)
  (local.set $at (call $allocate (i32.const 16)))
  (i32.store (local.get $at) (call $allocate (i32.shl (local.get $room) (i32.const 2))))
  (i32.store offset=8 (local.get $at) (local.get $room)) (local.get $at))
(func $make_room (param $array i32) (param $length i32) (local $room i32) (local $at i32)
  (if (i32.le_s (local.get $length) (i32.load offset=8 (local.get $array))) (then (return)))
  (if (i32.gt_u (local.get $length) (i32.const 0xfffffff)) (then (call $out_of_memory)))
  (local.set $room (call $max_i32 (i32.shl (i32.load offset=8 (local.get $array)) (i32.const 1)) (call $max_i32 (local.get $length) (i32.const 4))))
  (local.set $at (call $allocate (i32.shl (local.get $room) (i32.const 2))))
  (memory.copy (local.get $at) (i32.load (local.get $array)) (i32.shl (i32.load offset=4 (local.get $array)) (i32.const 2)))
  (i32.store (local.get $array) (local.get $at)) (i32.store offset=8 (local.get $array) (local.get $room)))
(func $push (param $array i32) (param $x i32) (result i32) (local $n i32)
  (local.set $n (i32.load offset=4 (local.get $array)))
  (if (i32.ge_s (local.get $n) (i32.load offset=8 (local.get $array))) (then
    (call $make_room (local.get $array) (i32.add (local.get $n) (i32.const 1)))))
  (i32.store (i32.add (i32.load (local.get $array)) (i32.shl (local.get $n) (i32.const 2))) (local.get $x))
  (local.set $n (i32.add (local.get $n) (i32.const 1)))
  (i32.store offset=4 (local.get $array) (local.get $n)) (local.get $n))
(func $extend (param $array i32) (param $more i32) (local $n i32) (local $m i32)
  (local.set $n (i32.load offset=4 (local.get $array))) (local.set $m (i32.load offset=4 (local.get $more)))
  (call $make_room (local.get $array) (i32.add (local.get $n) (local.get $m)))
  (memory.copy (i32.add (i32.load (local.get $array)) (i32.shl (local.get $n) (i32.const 2))) (i32.load (local.get $more)) (i32.shl (local.get $m) (i32.const 2)))
  (i32.store offset=4 (local.get $array) (i32.add (local.get $n) (local.get $m))))
;; An array may grow by one element at its end; holes are not known.
(func $set_element (param $array i32) (param $i i32) (param $x i32) (param $site i32)
  (if (i32.ge_u (local.get $i) (i32.load offset=4 (local.get $array))) (then
    (if (i32.ne (local.get $i) (i32.load offset=4 (local.get $array))) (then (call $outside (local.get $site))))
    (drop (call $push (local.get $array) (local.get $x))) (return)))
  (i32.store (i32.add (i32.load (local.get $array)) (i32.shl (local.get $i) (i32.const 2))) (local.get $x)))
(func $set_length (param $array i32) (param $length i32) (param $site i32)
  (if (i32.gt_u (local.get $length) (i32.load offset=4 (local.get $array))) (then (call $outside (local.get $site))))
  (i32.store offset=4 (local.get $array) (local.get $length)))
`;
