;; Comparisons of floats. An unordered pair sets carry, zero and parity, so `above` is the condition that NaNs fail.
;;! show = asm
(module
  (func (export "f32.eq") (param f32 f32) (result i32)
    (f32.eq (local.get 0) (local.get 1)))
  ;;run f32.eq(1.0, 1.0) = 1
  ;;run f32.eq(1.0, 2.0) = 0
  ;;run f32.eq(2.0, 1.0) = 0
  ;;run f32.eq(nan, nan) = 0
  ;;run f32.eq(-0.0, 0.0) = 1
  ;;= asm
  ;;   ucomiss xmm0, xmm1
  ;;   setnp r11b
  ;;   sete al
  ;;   and al, r11b
  ;;   movzx eax, al
  ;;   ret

  (func (export "f32.ne") (param f32 f32) (result i32)
    (f32.ne (local.get 0) (local.get 1)))
  ;;run f32.ne(1.0, 1.0) = 0
  ;;run f32.ne(1.0, 2.0) = 1
  ;;run f32.ne(2.0, 1.0) = 1
  ;;run f32.ne(nan, nan) = 1
  ;;run f32.ne(-0.0, 0.0) = 0
  ;;= asm
  ;;   ucomiss xmm0, xmm1
  ;;   setp r11b
  ;;   setne al
  ;;   or al, r11b
  ;;   movzx eax, al
  ;;   ret

  (func (export "f32.lt") (param f32 f32) (result i32)
    (f32.lt (local.get 0) (local.get 1)))
  ;;run f32.lt(1.0, 1.0) = 0
  ;;run f32.lt(1.0, 2.0) = 1
  ;;run f32.lt(2.0, 1.0) = 0
  ;;run f32.lt(nan, nan) = 0
  ;;run f32.lt(-0.0, 0.0) = 0
  ;;= asm
  ;;   ucomiss xmm1, xmm0
  ;;   seta al
  ;;   movzx eax, al
  ;;   ret

  (func (export "f32.gt") (param f32 f32) (result i32)
    (f32.gt (local.get 0) (local.get 1)))
  ;;run f32.gt(1.0, 1.0) = 0
  ;;run f32.gt(1.0, 2.0) = 0
  ;;run f32.gt(2.0, 1.0) = 1
  ;;run f32.gt(nan, nan) = 0
  ;;run f32.gt(-0.0, 0.0) = 0
  ;;= asm
  ;;   ucomiss xmm0, xmm1
  ;;   seta al
  ;;   movzx eax, al
  ;;   ret

  (func (export "f32.le") (param f32 f32) (result i32)
    (f32.le (local.get 0) (local.get 1)))
  ;;run f32.le(1.0, 1.0) = 1
  ;;run f32.le(1.0, 2.0) = 1
  ;;run f32.le(2.0, 1.0) = 0
  ;;run f32.le(nan, nan) = 0
  ;;run f32.le(-0.0, 0.0) = 1
  ;;= asm
  ;;   ucomiss xmm1, xmm0
  ;;   setae al
  ;;   movzx eax, al
  ;;   ret

  (func (export "f32.ge") (param f32 f32) (result i32)
    (f32.ge (local.get 0) (local.get 1)))
  ;;run f32.ge(1.0, 1.0) = 1
  ;;run f32.ge(1.0, 2.0) = 0
  ;;run f32.ge(2.0, 1.0) = 1
  ;;run f32.ge(nan, nan) = 0
  ;;run f32.ge(-0.0, 0.0) = 1
  ;;= asm
  ;;   ucomiss xmm0, xmm1
  ;;   setae al
  ;;   movzx eax, al
  ;;   ret

  (func (export "f64.eq") (param f64 f64) (result i32)
    (f64.eq (local.get 0) (local.get 1)))
  ;;run f64.eq(1.0, 1.0) = 1
  ;;run f64.eq(1.0, 2.0) = 0
  ;;run f64.eq(2.0, 1.0) = 0
  ;;run f64.eq(nan, nan) = 0
  ;;run f64.eq(-0.0, 0.0) = 1
  ;;= asm
  ;;   ucomisd xmm0, xmm1
  ;;   setnp r11b
  ;;   sete al
  ;;   and al, r11b
  ;;   movzx eax, al
  ;;   ret

  (func (export "f64.ne") (param f64 f64) (result i32)
    (f64.ne (local.get 0) (local.get 1)))
  ;;run f64.ne(1.0, 1.0) = 0
  ;;run f64.ne(1.0, 2.0) = 1
  ;;run f64.ne(2.0, 1.0) = 1
  ;;run f64.ne(nan, nan) = 1
  ;;run f64.ne(-0.0, 0.0) = 0
  ;;= asm
  ;;   ucomisd xmm0, xmm1
  ;;   setp r11b
  ;;   setne al
  ;;   or al, r11b
  ;;   movzx eax, al
  ;;   ret

  (func (export "f64.lt") (param f64 f64) (result i32)
    (f64.lt (local.get 0) (local.get 1)))
  ;;run f64.lt(1.0, 1.0) = 0
  ;;run f64.lt(1.0, 2.0) = 1
  ;;run f64.lt(2.0, 1.0) = 0
  ;;run f64.lt(nan, nan) = 0
  ;;run f64.lt(-0.0, 0.0) = 0
  ;;= asm
  ;;   ucomisd xmm1, xmm0
  ;;   seta al
  ;;   movzx eax, al
  ;;   ret

  (func (export "f64.gt") (param f64 f64) (result i32)
    (f64.gt (local.get 0) (local.get 1)))
  ;;run f64.gt(1.0, 1.0) = 0
  ;;run f64.gt(1.0, 2.0) = 0
  ;;run f64.gt(2.0, 1.0) = 1
  ;;run f64.gt(nan, nan) = 0
  ;;run f64.gt(-0.0, 0.0) = 0
  ;;= asm
  ;;   ucomisd xmm0, xmm1
  ;;   seta al
  ;;   movzx eax, al
  ;;   ret

  (func (export "f64.le") (param f64 f64) (result i32)
    (f64.le (local.get 0) (local.get 1)))
  ;;run f64.le(1.0, 1.0) = 1
  ;;run f64.le(1.0, 2.0) = 1
  ;;run f64.le(2.0, 1.0) = 0
  ;;run f64.le(nan, nan) = 0
  ;;run f64.le(-0.0, 0.0) = 1
  ;;= asm
  ;;   ucomisd xmm1, xmm0
  ;;   setae al
  ;;   movzx eax, al
  ;;   ret

  (func (export "f64.ge") (param f64 f64) (result i32)
    (f64.ge (local.get 0) (local.get 1)))
  ;;run f64.ge(1.0, 1.0) = 1
  ;;run f64.ge(1.0, 2.0) = 0
  ;;run f64.ge(2.0, 1.0) = 1
  ;;run f64.ge(nan, nan) = 0
  ;;run f64.ge(-0.0, 0.0) = 1
  ;;= asm
  ;;   ucomisd xmm0, xmm1
  ;;   setae al
  ;;   movzx eax, al
  ;;   ret

  (func (export "f32 is nan") (param f32) (result i32)
    (f32.ne (local.get 0) (local.get 0)))
  ;;run f32 is nan(nan) = 1
  ;;run f32 is nan(1.0) = 0
  ;;= asm
  ;;   ucomiss xmm0, xmm0
  ;;   setp al
  ;;   movzx eax, al
  ;;   ret

  ;; Not `ge`: true for NaN.
  (func (export "f32 not less") (param f32 f32) (result i32)
    (i32.eqz (f32.lt (local.get 0) (local.get 1))))
  ;;run f32 not less(1.0, 2.0) = 0
  ;;run f32 not less(nan, 1.0) = 1
  ;;run f32 not less(1.0, 1.0) = 1
  ;;= asm
  ;;   ucomiss xmm1, xmm0
  ;;   setbe al
  ;;   movzx eax, al
  ;;   ret

  (func (export "f32 branch") (param f32 f32) (result i32)
    (block
      (br_if 0 (f32.eq (local.get 0) (local.get 1)))
      (return (i32.const 10)))
    (i32.const 20))
  ;;run f32 branch(1.0, 1.0) = 20
  ;;run f32 branch(1.0, 2.0) = 10
  ;;run f32 branch(nan, nan) = 10
  ;;= asm
  ;;   ucomiss xmm0, xmm1
  ;;   jp L1
  ;;   je L2
  ;; L1:
  ;;   mov eax, 10
  ;;   ret
  ;; L2:
  ;;   mov eax, 20
  ;;   ret

  (func (export "f32 below a constant") (param f32) (result i32)
    (f32.lt (local.get 0) (f32.const 0.5)))
  ;;run f32 below a constant(0.25) = 1
  ;;run f32 below a constant(0.5) = 0
  ;;run f32 below a constant(nan) = 0
  ;;= asm
  ;;   movss xmm1, [wasmpy_const32_3f000000]
  ;;   ucomiss xmm1, xmm0
  ;;   seta al
  ;;   movzx eax, al
  ;;   ret

  (func (export "f64 is nan") (param f64) (result i32)
    (f64.ne (local.get 0) (local.get 0)))
  ;;run f64 is nan(nan) = 1
  ;;run f64 is nan(1.0) = 0
  ;;= asm
  ;;   ucomisd xmm0, xmm0
  ;;   setp al
  ;;   movzx eax, al
  ;;   ret

  ;; Not `ge`: true for NaN.
  (func (export "f64 not less") (param f64 f64) (result i32)
    (i32.eqz (f64.lt (local.get 0) (local.get 1))))
  ;;run f64 not less(1.0, 2.0) = 0
  ;;run f64 not less(nan, 1.0) = 1
  ;;run f64 not less(1.0, 1.0) = 1
  ;;= asm
  ;;   ucomisd xmm1, xmm0
  ;;   setbe al
  ;;   movzx eax, al
  ;;   ret

  (func (export "f64 branch") (param f64 f64) (result i32)
    (block
      (br_if 0 (f64.eq (local.get 0) (local.get 1)))
      (return (i32.const 10)))
    (i32.const 20))
  ;;run f64 branch(1.0, 1.0) = 20
  ;;run f64 branch(1.0, 2.0) = 10
  ;;run f64 branch(nan, nan) = 10
  ;;= asm
  ;;   ucomisd xmm0, xmm1
  ;;   jp L1
  ;;   je L2
  ;; L1:
  ;;   mov eax, 10
  ;;   ret
  ;; L2:
  ;;   mov eax, 20
  ;;   ret

  (func (export "f64 below a constant") (param f64) (result i32)
    (f64.lt (local.get 0) (f64.const 0.5)))
  ;;run f64 below a constant(0.25) = 1
  ;;run f64 below a constant(0.5) = 0
  ;;run f64 below a constant(nan) = 0
  ;;= asm
  ;;   movsd xmm1, [wasmpy_const64_3fe0000000000000]
  ;;   ucomisd xmm1, xmm0
  ;;   seta al
  ;;   movzx eax, al
  ;;   ret
)
