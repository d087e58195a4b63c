;; Arithmetic of f64.
;;! show = asm
(module
  (func (export "add") (param f64 f64) (result f64)
    (f64.add (local.get 0) (local.get 1)))
  ;;run add(1.5, 2.25) = 3.75
  ;;run add(0.1, 0.2) = 0.30000000000000004
  ;;run add(inf, -inf) = nan
  ;;run add(nan, 1.0) = nan
  ;;run add(-0.0, 0.0) = 0.0
  ;;= asm
  ;;   addsd xmm0, xmm1
  ;;   ret

  (func (export "sub") (param f64 f64) (result f64)
    (f64.sub (local.get 0) (local.get 1)))
  ;;run sub(1.5, 2.25) = -0.75
  ;;run sub(0.1, 0.2) = -0.1
  ;;run sub(inf, -inf) = inf
  ;;run sub(nan, 1.0) = nan
  ;;run sub(-0.0, 0.0) = -0.0
  ;;= asm
  ;;   subsd xmm0, xmm1
  ;;   ret

  (func (export "mul") (param f64 f64) (result f64)
    (f64.mul (local.get 0) (local.get 1)))
  ;;run mul(1.5, 2.25) = 3.375
  ;;run mul(0.1, 0.2) = 0.020000000000000004
  ;;run mul(inf, -inf) = -inf
  ;;run mul(nan, 1.0) = nan
  ;;run mul(-0.0, 0.0) = -0.0
  ;;= asm
  ;;   mulsd xmm0, xmm1
  ;;   ret

  (func (export "div") (param f64 f64) (result f64)
    (f64.div (local.get 0) (local.get 1)))
  ;;run div(1.5, 2.25) = 0.6666666666666666
  ;;run div(0.1, 0.2) = 0.5
  ;;run div(inf, -inf) = nan
  ;;run div(nan, 1.0) = nan
  ;;run div(-0.0, 0.0) = nan
  ;;run div(1.0, 0.0) = inf
  ;;= asm
  ;;   divsd xmm0, xmm1
  ;;   ret

  ;; Not the machine's: zeros have signs, and a NaN wins.
  (func (export "min") (param f64 f64) (result f64)
    (f64.min (local.get 0) (local.get 1)))
  ;;run min(1.0, 2.0) = 1.0
  ;;run min(2.0, 1.0) = 1.0
  ;;run min(0.0, -0.0) = -0.0
  ;;run min(-0.0, 0.0) = -0.0
  ;;run min(nan, 1.0) = nan
  ;;run min(1.0, nan) = nan
  ;;run min(-inf, inf) = -inf
  ;;= asm
  ;;   movaps xmm2, xmm0
  ;;   minsd xmm2, xmm1
  ;;   movaps xmm3, xmm1
  ;;   minsd xmm3, xmm0
  ;;   movaps xmm4, xmm0
  ;;   cmpunordsd xmm4, xmm1
  ;;   orps xmm2, xmm3
  ;;   movaps xmm3, xmm4
  ;;   andnps xmm3, xmm2
  ;;   addsd xmm0, xmm1
  ;;   andps xmm0, xmm4
  ;;   orps xmm3, xmm0
  ;;   movaps xmm0, xmm3
  ;;   ret

  (func (export "max") (param f64 f64) (result f64)
    (f64.max (local.get 0) (local.get 1)))
  ;;run max(1.0, 2.0) = 2.0
  ;;run max(2.0, 1.0) = 2.0
  ;;run max(0.0, -0.0) = 0.0
  ;;run max(-0.0, 0.0) = 0.0
  ;;run max(nan, 1.0) = nan
  ;;run max(1.0, nan) = nan
  ;;run max(-inf, inf) = inf
  ;;= asm
  ;;   movaps xmm2, xmm0
  ;;   maxsd xmm2, xmm1
  ;;   movaps xmm3, xmm1
  ;;   maxsd xmm3, xmm0
  ;;   movaps xmm4, xmm0
  ;;   cmpunordsd xmm4, xmm1
  ;;   andps xmm2, xmm3
  ;;   movaps xmm3, xmm4
  ;;   andnps xmm3, xmm2
  ;;   addsd xmm0, xmm1
  ;;   andps xmm0, xmm4
  ;;   orps xmm3, xmm0
  ;;   movaps xmm0, xmm3
  ;;   ret

  (func (export "copysign") (param f64 f64) (result f64)
    (f64.copysign (local.get 0) (local.get 1)))
  ;;run copysign(1.5, -0.0) = -1.5
  ;;run copysign(-1.5, 2.0) = 1.5
  ;;run copysign(inf, -1.0) = -inf
  ;;run copysign(-0.0, 0.0) = 0.0
  ;;= asm
  ;;   andps xmm0, [wasmpy_const128_7fffffffffffffff]
  ;;   andps xmm1, [wasmpy_const128_8000000000000000]
  ;;   orps xmm0, xmm1
  ;;   ret

  (func (export "abs") (param f64) (result f64)
    (f64.abs (local.get 0)))
  ;;run abs(1.5) = 1.5
  ;;run abs(-1.5) = 1.5
  ;;run abs(-0.0) = 0.0
  ;;run abs(-inf) = inf
  ;;run abs(nan) = nan
  ;;= asm
  ;;   andps xmm0, [wasmpy_const128_7fffffffffffffff]
  ;;   ret

  (func (export "neg") (param f64) (result f64)
    (f64.neg (local.get 0)))
  ;;run neg(1.5) = -1.5
  ;;run neg(-1.5) = 1.5
  ;;run neg(-0.0) = 0.0
  ;;run neg(-inf) = inf
  ;;run neg(nan) = nan
  ;;= asm
  ;;   xorps xmm0, [wasmpy_const128_8000000000000000]
  ;;   ret

  (func (export "sqrt") (param f64) (result f64)
    (f64.sqrt (local.get 0)))
  ;;run sqrt(4.0) = 2.0
  ;;run sqrt(2.0) = 1.4142135623730951
  ;;run sqrt(-0.0) = -0.0
  ;;run sqrt(-1.0) = nan
  ;;run sqrt(inf) = inf
  ;;= asm
  ;;   sqrtsd xmm0, xmm0
  ;;   ret

  (func (export "ceil") (param f64) (result f64)
    (f64.ceil (local.get 0)))
  ;;run ceil(1.5) = 2.0
  ;;run ceil(-1.5) = -1.0
  ;;run ceil(2.5) = 3.0
  ;;run ceil(-0.3) = -0.0
  ;;run ceil(0.5) = 1.0
  ;;run ceil(nan) = nan
  ;;run ceil(-0.0) = -0.0
  ;;run ceil(1e30) = 1e+30
  ;;= asm
  ;;   roundsd xmm0, xmm0, 10
  ;;   ret

  (func (export "floor") (param f64) (result f64)
    (f64.floor (local.get 0)))
  ;;run floor(1.5) = 1.0
  ;;run floor(-1.5) = -2.0
  ;;run floor(2.5) = 2.0
  ;;run floor(-0.3) = -1.0
  ;;run floor(0.5) = 0.0
  ;;run floor(nan) = nan
  ;;run floor(-0.0) = -0.0
  ;;run floor(1e30) = 1e+30
  ;;= asm
  ;;   roundsd xmm0, xmm0, 9
  ;;   ret
  ;;= asm sse2
  ;;   movaps xmm1, xmm0
  ;;   andps xmm1, [wasmpy_const128_8000000000000000]
  ;;   movaps xmm2, xmm0
  ;;   andps xmm2, [wasmpy_const128_7fffffffffffffff]
  ;;   movaps xmm3, xmm2
  ;;   cmpltsd xmm3, [wasmpy_const64_4330000000000000]
  ;;   addsd xmm2, [wasmpy_const64_4330000000000000]
  ;;   subsd xmm2, [wasmpy_const64_4330000000000000]
  ;;   orps xmm2, xmm1
  ;;   movaps xmm4, xmm0
  ;;   cmpltsd xmm4, xmm2
  ;;   andps xmm4, [wasmpy_const128_3ff0000000000000]
  ;;   subsd xmm2, xmm4
  ;;   mulsd xmm0, [wasmpy_const64_3ff0000000000000]
  ;;   movaps xmm4, xmm3
  ;;   andnps xmm4, xmm0
  ;;   movaps xmm0, xmm2
  ;;   andps xmm0, xmm3
  ;;   orps xmm0, xmm4
  ;;   orps xmm0, xmm1
  ;;   ret

  (func (export "trunc") (param f64) (result f64)
    (f64.trunc (local.get 0)))
  ;;run trunc(1.5) = 1.0
  ;;run trunc(-1.5) = -1.0
  ;;run trunc(2.5) = 2.0
  ;;run trunc(-0.3) = -0.0
  ;;run trunc(0.5) = 0.0
  ;;run trunc(nan) = nan
  ;;run trunc(-0.0) = -0.0
  ;;run trunc(1e30) = 1e+30
  ;;= asm
  ;;   roundsd xmm0, xmm0, 11
  ;;   ret

  (func (export "nearest") (param f64) (result f64)
    (f64.nearest (local.get 0)))
  ;;run nearest(1.5) = 2.0
  ;;run nearest(-1.5) = -2.0
  ;;run nearest(2.5) = 2.0
  ;;run nearest(-0.3) = -0.0
  ;;run nearest(0.5) = 0.0
  ;;run nearest(nan) = nan
  ;;run nearest(-0.0) = -0.0
  ;;run nearest(1e30) = 1e+30
  ;;= asm
  ;;   roundsd xmm0, xmm0, 8
  ;;   ret

  (func (export "double") (param f64) (result f64)
    (f64.mul (local.get 0) (f64.const 2)))
  ;;run double(1.5) = 3.0
  ;;run double(inf) = inf
  ;;run double(-0.0) = -0.0
  ;;= asm
  ;;   mulsd xmm0, [wasmpy_const64_4000000000000000]
  ;;   ret

  ;; A power of two: the quotient is the product with its inverse.
  (func (export "divide by four") (param f64) (result f64)
    (f64.div (local.get 0) (f64.const 4)))
  ;;run divide by four(1.5) = 0.375
  ;;run divide by four(-0.0) = -0.0
  ;;run divide by four(1e-30) = 2.5e-31
  ;;= asm
  ;;   mulsd xmm0, [wasmpy_const64_3fd0000000000000]
  ;;   ret

  ;; Not x: -0 + 0 is 0.
  (func (export "add zero") (param f64) (result f64)
    (f64.add (local.get 0) (f64.const 0)))
  ;;run add zero(-0.0) = 0.0
  ;;run add zero(1.5) = 1.5
  ;;has asm: addss|addsd
  ;;= asm
  ;;   xorps xmm1, xmm1
  ;;   addsd xmm0, xmm1
  ;;   ret

  ;; Not a negation: 0 - 0 is 0.
  (func (export "subtract from zero") (param f64) (result f64)
    (f64.sub (f64.const 0) (local.get 0)))
  ;;run subtract from zero(0.0) = 0.0
  ;;run subtract from zero(1.5) = -1.5
  ;;= asm
  ;;   xorps xmm1, xmm1
  ;;   subsd xmm1, xmm0
  ;;   movaps xmm0, xmm1
  ;;   ret

  ;; This one is the machine's minimum.
  (func (export "lesser") (param f64 f64) (result f64)
    (select (local.get 0) (local.get 1) (f64.lt (local.get 0) (local.get 1))))
  ;;run lesser(1.0, 2.0) = 1.0
  ;;run lesser(2.0, 1.0) = 1.0
  ;;run lesser(nan, 1.0) = 1.0
  ;;run lesser(1.0, nan) = nan
  ;;run lesser(0.0, -0.0) = -0.0
  ;;= asm
  ;;   minsd xmm0, xmm1
  ;;   ret

  ;; Constants are no NaN.
  (func (export "bounded") (param f64) (result f64)
    (f64.max (f64.min (local.get 0) (f64.const 1)) (f64.const -1)))
  ;;run bounded(5.0) = 1.0
  ;;run bounded(-5.0) = -1.0
  ;;run bounded(nan) = nan
  ;;run bounded(-0.0) = -0.0
  ;;run bounded(0.5) = 0.5
  ;;= asm
  ;;   movsd xmm1, [wasmpy_const64_3ff0000000000000]
  ;;   minsd xmm1, xmm0
  ;;   mulsd xmm1, [wasmpy_const64_3ff0000000000000]
  ;;   movsd xmm0, [wasmpy_const64_bff0000000000000]
  ;;   maxsd xmm0, xmm1
  ;;   mulsd xmm0, [wasmpy_const64_3ff0000000000000]
  ;;   ret

  ;; Zeros that the operation must tell apart: of -0 and 0 the lesser is -0.
  (func (export "not below zero") (param f64) (result f64)
    (f64.max (local.get 0) (f64.const -0)))
  ;;run not below zero(0.0) = 0.0
  ;;run not below zero(-0.0) = -0.0
  ;;run not below zero(-1.5) = -0.0
  ;;run not below zero(nan) = nan
  ;;lacks asm: unord
  ;;= asm
  ;;   movsd xmm1, [wasmpy_const64_8000000000000000]
  ;;   maxsd xmm1, xmm0
  ;;   movaps xmm0, xmm1
  ;;   mulsd xmm0, [wasmpy_const64_3ff0000000000000]
  ;;   ret

  (func (export "at least zero") (param f64) (result f64)
    (f64.max (local.get 0) (f64.const 0)))
  ;;run at least zero(0.0) = 0.0
  ;;run at least zero(-0.0) = 0.0
  ;;run at least zero(-1.5) = 0.0
  ;;run at least zero(nan) = nan
  ;;lacks asm: unord
  ;;= asm
  ;;   xorps xmm1, xmm1
  ;;   maxsd xmm1, xmm0
  ;;   xorps xmm0, xmm0
  ;;   addsd xmm1, xmm0
  ;;   movaps xmm0, xmm1
  ;;   ret

  (func (export "sum of squares") (param f64 f64) (result f64)
    (f64.sqrt (f64.add (f64.mul (local.get 0) (local.get 0)) (f64.mul (local.get 1) (local.get 1)))))
  ;;run sum of squares(3.0, 4.0) = 5.0
  ;;= asm
  ;;   mulsd xmm0, xmm0
  ;;   mulsd xmm1, xmm1
  ;;   addsd xmm0, xmm1
  ;;   sqrtsd xmm0, xmm0
  ;;   ret
)
