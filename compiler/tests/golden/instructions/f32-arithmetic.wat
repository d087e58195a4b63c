;; Arithmetic of f32.
;;! show = asm
(module
  (func (export "add") (param f32 f32) (result f32)
    (f32.add (local.get 0) (local.get 1)))
  ;;run add(1.5, 2.25) = 3.75
  ;;run add(0.1, 0.2) = 0.30000001192092896
  ;;run add(inf, -inf) = nan
  ;;run add(nan, 1.0) = nan
  ;;run add(-0.0, 0.0) = 0.0
  ;;= asm
  ;;   addss xmm0, xmm1
  ;;   ret

  (func (export "sub") (param f32 f32) (result f32)
    (f32.sub (local.get 0) (local.get 1)))
  ;;run sub(1.5, 2.25) = -0.75
  ;;run sub(0.1, 0.2) = -0.10000000149011612
  ;;run sub(inf, -inf) = inf
  ;;run sub(nan, 1.0) = nan
  ;;run sub(-0.0, 0.0) = -0.0
  ;;= asm
  ;;   subss xmm0, xmm1
  ;;   ret

  (func (export "mul") (param f32 f32) (result f32)
    (f32.mul (local.get 0) (local.get 1)))
  ;;run mul(1.5, 2.25) = 3.375
  ;;run mul(0.1, 0.2) = 0.020000001415610313
  ;;run mul(inf, -inf) = -inf
  ;;run mul(nan, 1.0) = nan
  ;;run mul(-0.0, 0.0) = -0.0
  ;;= asm
  ;;   mulss xmm0, xmm1
  ;;   ret

  (func (export "div") (param f32 f32) (result f32)
    (f32.div (local.get 0) (local.get 1)))
  ;;run div(1.5, 2.25) = 0.6666666865348816
  ;;run div(0.1, 0.2) = 0.5
  ;;run div(inf, -inf) = nan
  ;;run div(nan, 1.0) = nan
  ;;run div(-0.0, 0.0) = nan
  ;;run div(1.0, 0.0) = inf
  ;;= asm
  ;;   divss xmm0, xmm1
  ;;   ret

  ;; Not the machine's: zeros have signs, and a NaN wins.
  (func (export "min") (param f32 f32) (result f32)
    (f32.min (local.get 0) (local.get 1)))
  ;;run min(1.0, 2.0) = 1.0
  ;;run min(2.0, 1.0) = 1.0
  ;;run min(0.0, -0.0) = -0.0
  ;;run min(-0.0, 0.0) = -0.0
  ;;run min(nan, 1.0) = nan
  ;;run min(1.0, nan) = nan
  ;;run min(-inf, inf) = -inf
  ;;= asm
  ;;   movaps xmm2, xmm0
  ;;   minss xmm2, xmm1
  ;;   movaps xmm3, xmm1
  ;;   minss xmm3, xmm0
  ;;   movaps xmm4, xmm0
  ;;   cmpunordss xmm4, xmm1
  ;;   orps xmm2, xmm3
  ;;   movaps xmm3, xmm4
  ;;   andnps xmm3, xmm2
  ;;   addss xmm0, xmm1
  ;;   andps xmm0, xmm4
  ;;   orps xmm3, xmm0
  ;;   movaps xmm0, xmm3
  ;;   ret

  (func (export "max") (param f32 f32) (result f32)
    (f32.max (local.get 0) (local.get 1)))
  ;;run max(1.0, 2.0) = 2.0
  ;;run max(2.0, 1.0) = 2.0
  ;;run max(0.0, -0.0) = 0.0
  ;;run max(-0.0, 0.0) = 0.0
  ;;run max(nan, 1.0) = nan
  ;;run max(1.0, nan) = nan
  ;;run max(-inf, inf) = inf
  ;;= asm
  ;;   movaps xmm2, xmm0
  ;;   maxss xmm2, xmm1
  ;;   movaps xmm3, xmm1
  ;;   maxss xmm3, xmm0
  ;;   movaps xmm4, xmm0
  ;;   cmpunordss xmm4, xmm1
  ;;   andps xmm2, xmm3
  ;;   movaps xmm3, xmm4
  ;;   andnps xmm3, xmm2
  ;;   addss xmm0, xmm1
  ;;   andps xmm0, xmm4
  ;;   orps xmm3, xmm0
  ;;   movaps xmm0, xmm3
  ;;   ret

  (func (export "copysign") (param f32 f32) (result f32)
    (f32.copysign (local.get 0) (local.get 1)))
  ;;run copysign(1.5, -0.0) = -1.5
  ;;run copysign(-1.5, 2.0) = 1.5
  ;;run copysign(inf, -1.0) = -inf
  ;;run copysign(-0.0, 0.0) = 0.0
  ;;= asm
  ;;   andps xmm0, [wasmpy_const128_7fffffff7fffffff]
  ;;   andps xmm1, [wasmpy_const128_8000000080000000]
  ;;   orps xmm0, xmm1
  ;;   ret

  (func (export "abs") (param f32) (result f32)
    (f32.abs (local.get 0)))
  ;;run abs(1.5) = 1.5
  ;;run abs(-1.5) = 1.5
  ;;run abs(-0.0) = 0.0
  ;;run abs(-inf) = inf
  ;;run abs(nan) = nan
  ;;= asm
  ;;   andps xmm0, [wasmpy_const128_7fffffff7fffffff]
  ;;   ret

  (func (export "neg") (param f32) (result f32)
    (f32.neg (local.get 0)))
  ;;run neg(1.5) = -1.5
  ;;run neg(-1.5) = 1.5
  ;;run neg(-0.0) = 0.0
  ;;run neg(-inf) = inf
  ;;run neg(nan) = nan
  ;;= asm
  ;;   xorps xmm0, [wasmpy_const128_8000000080000000]
  ;;   ret

  (func (export "sqrt") (param f32) (result f32)
    (f32.sqrt (local.get 0)))
  ;;run sqrt(4.0) = 2.0
  ;;run sqrt(2.0) = 1.4142135381698608
  ;;run sqrt(-0.0) = -0.0
  ;;run sqrt(-1.0) = nan
  ;;run sqrt(inf) = inf
  ;;= asm
  ;;   sqrtss xmm0, xmm0
  ;;   ret

  (func (export "ceil") (param f32) (result f32)
    (f32.ceil (local.get 0)))
  ;;run ceil(1.5) = 2.0
  ;;run ceil(-1.5) = -1.0
  ;;run ceil(2.5) = 3.0
  ;;run ceil(-0.3) = -0.0
  ;;run ceil(0.5) = 1.0
  ;;run ceil(nan) = nan
  ;;run ceil(-0.0) = -0.0
  ;;run ceil(1e30) = 1.0000000150474662e+30
  ;;= asm
  ;;   roundss xmm0, xmm0, 10
  ;;   ret

  (func (export "floor") (param f32) (result f32)
    (f32.floor (local.get 0)))
  ;;run floor(1.5) = 1.0
  ;;run floor(-1.5) = -2.0
  ;;run floor(2.5) = 2.0
  ;;run floor(-0.3) = -1.0
  ;;run floor(0.5) = 0.0
  ;;run floor(nan) = nan
  ;;run floor(-0.0) = -0.0
  ;;run floor(1e30) = 1.0000000150474662e+30
  ;;= asm
  ;;   roundss xmm0, xmm0, 9
  ;;   ret

  (func (export "trunc") (param f32) (result f32)
    (f32.trunc (local.get 0)))
  ;;run trunc(1.5) = 1.0
  ;;run trunc(-1.5) = -1.0
  ;;run trunc(2.5) = 2.0
  ;;run trunc(-0.3) = -0.0
  ;;run trunc(0.5) = 0.0
  ;;run trunc(nan) = nan
  ;;run trunc(-0.0) = -0.0
  ;;run trunc(1e30) = 1.0000000150474662e+30
  ;;= asm
  ;;   roundss xmm0, xmm0, 11
  ;;   ret

  (func (export "nearest") (param f32) (result f32)
    (f32.nearest (local.get 0)))
  ;;run nearest(1.5) = 2.0
  ;;run nearest(-1.5) = -2.0
  ;;run nearest(2.5) = 2.0
  ;;run nearest(-0.3) = -0.0
  ;;run nearest(0.5) = 0.0
  ;;run nearest(nan) = nan
  ;;run nearest(-0.0) = -0.0
  ;;run nearest(1e30) = 1.0000000150474662e+30
  ;;= asm
  ;;   roundss xmm0, xmm0, 8
  ;;   ret

  (func (export "double") (param f32) (result f32)
    (f32.mul (local.get 0) (f32.const 2)))
  ;;run double(1.5) = 3.0
  ;;run double(inf) = inf
  ;;run double(-0.0) = -0.0
  ;;= asm
  ;;   mulss xmm0, [wasmpy_const32_40000000]
  ;;   ret

  ;; A power of two: the quotient is the product with its inverse.
  (func (export "divide by four") (param f32) (result f32)
    (f32.div (local.get 0) (f32.const 4)))
  ;;run divide by four(1.5) = 0.375
  ;;run divide by four(-0.0) = -0.0
  ;;run divide by four(1e-30) = 2.500000007927692e-31
  ;;= asm
  ;;   mulss xmm0, [wasmpy_const32_3e800000]
  ;;   ret

  ;; Not x: -0 + 0 is 0.
  (func (export "add zero") (param f32) (result f32)
    (f32.add (local.get 0) (f32.const 0)))
  ;;run add zero(-0.0) = 0.0
  ;;run add zero(1.5) = 1.5
  ;;has asm: addss|addsd
  ;;= asm
  ;;   xorps xmm1, xmm1
  ;;   addss xmm0, xmm1
  ;;   ret

  ;; Not a negation: 0 - 0 is 0.
  (func (export "subtract from zero") (param f32) (result f32)
    (f32.sub (f32.const 0) (local.get 0)))
  ;;run subtract from zero(0.0) = 0.0
  ;;run subtract from zero(1.5) = -1.5
  ;;= asm
  ;;   xorps xmm1, xmm1
  ;;   subss xmm1, xmm0
  ;;   movaps xmm0, xmm1
  ;;   ret

  ;; This one is the machine's minimum.
  (func (export "lesser") (param f32 f32) (result f32)
    (select (local.get 0) (local.get 1) (f32.lt (local.get 0) (local.get 1))))
  ;;run lesser(1.0, 2.0) = 1.0
  ;;run lesser(2.0, 1.0) = 1.0
  ;;run lesser(nan, 1.0) = 1.0
  ;;run lesser(1.0, nan) = nan
  ;;run lesser(0.0, -0.0) = -0.0
  ;;= asm
  ;;   minss xmm0, xmm1
  ;;   ret

  ;; Constants are no NaN.
  (func (export "bounded") (param f32) (result f32)
    (f32.max (f32.min (local.get 0) (f32.const 1)) (f32.const -1)))
  ;;run bounded(5.0) = 1.0
  ;;run bounded(-5.0) = -1.0
  ;;run bounded(nan) = nan
  ;;run bounded(-0.0) = -0.0
  ;;run bounded(0.5) = 0.5
  ;;= asm
  ;;   movss xmm1, [wasmpy_const32_3f800000]
  ;;   minss xmm1, xmm0
  ;;   mulss xmm1, [wasmpy_const32_3f800000]
  ;;   movss xmm0, [wasmpy_const32_bf800000]
  ;;   maxss xmm0, xmm1
  ;;   mulss xmm0, [wasmpy_const32_3f800000]
  ;;   ret

  ;; Zeros that the operation must tell apart: of -0 and 0 the lesser is -0.
  (func (export "not below zero") (param f32) (result f32)
    (f32.max (local.get 0) (f32.const -0)))
  ;;run not below zero(0.0) = 0.0
  ;;run not below zero(-0.0) = -0.0
  ;;run not below zero(-1.5) = -0.0
  ;;run not below zero(nan) = nan
  ;;lacks asm: unord
  ;;= asm
  ;;   movss xmm1, [wasmpy_const32_80000000]
  ;;   maxss xmm1, xmm0
  ;;   movaps xmm0, xmm1
  ;;   mulss xmm0, [wasmpy_const32_3f800000]
  ;;   ret

  (func (export "at least zero") (param f32) (result f32)
    (f32.max (local.get 0) (f32.const 0)))
  ;;run at least zero(0.0) = 0.0
  ;;run at least zero(-0.0) = 0.0
  ;;run at least zero(-1.5) = 0.0
  ;;run at least zero(nan) = nan
  ;;lacks asm: unord
  ;;= asm
  ;;   xorps xmm1, xmm1
  ;;   maxss xmm1, xmm0
  ;;   xorps xmm0, xmm0
  ;;   addss xmm1, xmm0
  ;;   movaps xmm0, xmm1
  ;;   ret

  ;; A signalling NaN becomes quiet; its other bits are any.
  (func (export "is quiet") (param i32) (result i32 i32)
    (i32.and (i32.const 0x7fc00000) (i32.reinterpret_f32 (f32.min (f32.reinterpret_i32 (local.get 0)) (f32.const 1))))
    (i32.and (i32.const 0x7fc00000) (i32.reinterpret_f32 (f32.max (f32.reinterpret_i32 (local.get 0)) (f32.const 0)))))
  ;;run is quiet(0x7fa00001) = 2143289344 2143289344
  ;;run is quiet(0x7fc00001) = 2143289344 2143289344
  ;;run is quiet(1) = 0 0
  ;;= asm
  ;;   movd xmm0, edi
  ;;   movss xmm1, [wasmpy_const32_3f800000]
  ;;   minss xmm1, xmm0
  ;;   mulss xmm1, [wasmpy_const32_3f800000]
  ;;   movd eax, xmm1
  ;;   and eax, 0x7fc00000
  ;;   xorps xmm1, xmm1
  ;;   maxss xmm1, xmm0
  ;;   xorps xmm0, xmm0
  ;;   addss xmm1, xmm0
  ;;   movd edx, xmm1
  ;;   and edx, 0x7fc00000
  ;;   ret

  (func (export "sum of squares") (param f32 f32) (result f32)
    (f32.sqrt (f32.add (f32.mul (local.get 0) (local.get 0)) (f32.mul (local.get 1) (local.get 1)))))
  ;;run sum of squares(3.0, 4.0) = 5.0
  ;;= asm
  ;;   mulss xmm0, xmm0
  ;;   mulss xmm1, xmm1
  ;;   addss xmm0, xmm1
  ;;   sqrtss xmm0, xmm0
  ;;   ret
)
