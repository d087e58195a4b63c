;; Floats to integers: NaN is an invalid conversion, what does not fit an overflow. (For V8 both are one, so which of them is
;; for the calls in CPython to tell.)
;;! show = asm
(module
  (func (export "i32.trunc_f32_s") (param f32) (result i32)
    (i32.trunc_f32_s (local.get 0)))
  ;;run i32.trunc_f32_s(3.99) = 3
  ;;run i32.trunc_f32_s(-0.5) = 0
  ;;run i32.trunc_f32_s(2147483647.0) = trap integer overflow
  ;;run i32.trunc_f32_s(-2147483648.0) = -2147483648
  ;;run i32.trunc_f32_s(2147483648.0) = trap integer overflow
  ;;run i32.trunc_f32_s(nan) = trap invalid conversion to integer
  ;;run i32.trunc_f32_s(-inf) = trap integer overflow
  ;;= asm
  ;;   ucomiss xmm0, xmm0
  ;;   jp L1
  ;;   movss xmm1, [wasmpy_const32_cf000000]
  ;;   ucomiss xmm1, xmm0
  ;;   ja L2
  ;;   ucomiss xmm0, [wasmpy_const32_4f000000]
  ;;   jae L2
  ;;   cvttss2si eax, xmm0
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 3
  ;;   call wasmpy_raise
  ;;   int3
  ;; L2:
  ;;   sub rsp, 8
  ;;   mov edi, 2
  ;;   call wasmpy_raise
  ;;   int3

  (func (export "i32.trunc_f32_u") (param f32) (result i32)
    (i32.trunc_f32_u (local.get 0)))
  ;;run i32.trunc_f32_u(3.99) = 3
  ;;run i32.trunc_f32_u(-0.5) = 0
  ;;run i32.trunc_f32_u(4294967040.0) = -256
  ;;run i32.trunc_f32_u(4294967296.0) = trap integer overflow
  ;;run i32.trunc_f32_u(-0.9) = 0
  ;;run i32.trunc_f32_u(-1.0) = trap integer overflow
  ;;run i32.trunc_f32_u(nan) = trap invalid conversion to integer
  ;;run i32.trunc_f32_u(-inf) = trap integer overflow
  ;;= asm
  ;;   ucomiss xmm0, xmm0
  ;;   jp L1
  ;;   movss xmm1, [wasmpy_const32_bf800000]
  ;;   ucomiss xmm1, xmm0
  ;;   jae L2
  ;;   ucomiss xmm0, [wasmpy_const32_4f800000]
  ;;   jae L2
  ;;   cvttss2si rax, xmm0
  ;;   mov eax, eax
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 3
  ;;   call wasmpy_raise
  ;;   int3
  ;; L2:
  ;;   sub rsp, 8
  ;;   mov edi, 2
  ;;   call wasmpy_raise
  ;;   int3

  (func (export "i32.trunc_f64_s") (param f64) (result i32)
    (i32.trunc_f64_s (local.get 0)))
  ;;run i32.trunc_f64_s(3.99) = 3
  ;;run i32.trunc_f64_s(-0.5) = 0
  ;;run i32.trunc_f64_s(2147483647.0) = 2147483647
  ;;run i32.trunc_f64_s(-2147483648.0) = -2147483648
  ;;run i32.trunc_f64_s(2147483648.0) = trap integer overflow
  ;;run i32.trunc_f64_s(nan) = trap invalid conversion to integer
  ;;run i32.trunc_f64_s(-inf) = trap integer overflow
  ;;= asm
  ;;   ucomisd xmm0, xmm0
  ;;   jp L1
  ;;   movsd xmm1, [wasmpy_const64_c1e0000000200000]
  ;;   ucomisd xmm1, xmm0
  ;;   jae L2
  ;;   ucomisd xmm0, [wasmpy_const64_41e0000000000000]
  ;;   jae L2
  ;;   cvttsd2si eax, xmm0
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 3
  ;;   call wasmpy_raise
  ;;   int3
  ;; L2:
  ;;   sub rsp, 8
  ;;   mov edi, 2
  ;;   call wasmpy_raise
  ;;   int3

  (func (export "i32.trunc_f64_u") (param f64) (result i32)
    (i32.trunc_f64_u (local.get 0)))
  ;;run i32.trunc_f64_u(3.99) = 3
  ;;run i32.trunc_f64_u(-0.5) = 0
  ;;run i32.trunc_f64_u(4294967040.0) = -256
  ;;run i32.trunc_f64_u(4294967296.0) = trap integer overflow
  ;;run i32.trunc_f64_u(-0.9) = 0
  ;;run i32.trunc_f64_u(-1.0) = trap integer overflow
  ;;run i32.trunc_f64_u(nan) = trap invalid conversion to integer
  ;;run i32.trunc_f64_u(-inf) = trap integer overflow
  ;;= asm
  ;;   ucomisd xmm0, xmm0
  ;;   jp L1
  ;;   movsd xmm1, [wasmpy_const64_bff0000000000000]
  ;;   ucomisd xmm1, xmm0
  ;;   jae L2
  ;;   ucomisd xmm0, [wasmpy_const64_41f0000000000000]
  ;;   jae L2
  ;;   cvttsd2si rax, xmm0
  ;;   mov eax, eax
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 3
  ;;   call wasmpy_raise
  ;;   int3
  ;; L2:
  ;;   sub rsp, 8
  ;;   mov edi, 2
  ;;   call wasmpy_raise
  ;;   int3

  (func (export "i64.trunc_f32_s") (param f32) (result i64)
    (i64.trunc_f32_s (local.get 0)))
  ;;run i64.trunc_f32_s(3.99) = 3
  ;;run i64.trunc_f32_s(-0.5) = 0
  ;;run i64.trunc_f32_s(9223371487098961920.0) = 9223371487098961920
  ;;run i64.trunc_f32_s(-9223372036854775808.0) = -9223372036854775808
  ;;run i64.trunc_f32_s(9223372036854775808.0) = trap integer overflow
  ;;run i64.trunc_f32_s(nan) = trap invalid conversion to integer
  ;;run i64.trunc_f32_s(-inf) = trap integer overflow
  ;;= asm
  ;;   ucomiss xmm0, xmm0
  ;;   jp L1
  ;;   movss xmm1, [wasmpy_const32_df000000]
  ;;   ucomiss xmm1, xmm0
  ;;   ja L2
  ;;   ucomiss xmm0, [wasmpy_const32_5f000000]
  ;;   jae L2
  ;;   cvttss2si rax, xmm0
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 3
  ;;   call wasmpy_raise
  ;;   int3
  ;; L2:
  ;;   sub rsp, 8
  ;;   mov edi, 2
  ;;   call wasmpy_raise
  ;;   int3

  (func (export "i64.trunc_f32_u") (param f32) (result i64)
    (i64.trunc_f32_u (local.get 0)))
  ;;run i64.trunc_f32_u(3.99) = 3
  ;;run i64.trunc_f32_u(-0.5) = 0
  ;;run i64.trunc_f32_u(18446742974197923840.0) = -1099511627776
  ;;run i64.trunc_f32_u(9223372036854775808.0) = -9223372036854775808
  ;;run i64.trunc_f32_u(18446744073709551616.0) = trap integer overflow
  ;;run i64.trunc_f32_u(-0.9) = 0
  ;;run i64.trunc_f32_u(-1.0) = trap integer overflow
  ;;run i64.trunc_f32_u(nan) = trap invalid conversion to integer
  ;;run i64.trunc_f32_u(-inf) = trap integer overflow
  ;;= asm
  ;;   ucomiss xmm0, xmm0
  ;;   jp L1
  ;;   movss xmm1, [wasmpy_const32_bf800000]
  ;;   ucomiss xmm1, xmm0
  ;;   jae L2
  ;;   ucomiss xmm0, [wasmpy_const32_5f800000]
  ;;   jae L2
  ;;   cvttss2si rax, xmm0
  ;;   subss xmm0, [wasmpy_const32_5f000000]
  ;;   cvttss2si rcx, xmm0
  ;;   mov rdx, rax
  ;;   sar rdx, 63
  ;;   and rcx, rdx
  ;;   or rcx, rax
  ;;   mov rax, rcx
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 3
  ;;   call wasmpy_raise
  ;;   int3
  ;; L2:
  ;;   sub rsp, 8
  ;;   mov edi, 2
  ;;   call wasmpy_raise
  ;;   int3

  (func (export "i64.trunc_f64_s") (param f64) (result i64)
    (i64.trunc_f64_s (local.get 0)))
  ;;run i64.trunc_f64_s(3.99) = 3
  ;;run i64.trunc_f64_s(-0.5) = 0
  ;;run i64.trunc_f64_s(9223371487098961920.0) = 9223371487098961920
  ;;run i64.trunc_f64_s(-9223372036854775808.0) = -9223372036854775808
  ;;run i64.trunc_f64_s(9223372036854775808.0) = trap integer overflow
  ;;run i64.trunc_f64_s(nan) = trap invalid conversion to integer
  ;;run i64.trunc_f64_s(-inf) = trap integer overflow
  ;;= asm
  ;;   ucomisd xmm0, xmm0
  ;;   jp L1
  ;;   movsd xmm1, [wasmpy_const64_c3e0000000000000]
  ;;   ucomisd xmm1, xmm0
  ;;   ja L2
  ;;   ucomisd xmm0, [wasmpy_const64_43e0000000000000]
  ;;   jae L2
  ;;   cvttsd2si rax, xmm0
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 3
  ;;   call wasmpy_raise
  ;;   int3
  ;; L2:
  ;;   sub rsp, 8
  ;;   mov edi, 2
  ;;   call wasmpy_raise
  ;;   int3

  (func (export "i64.trunc_f64_u") (param f64) (result i64)
    (i64.trunc_f64_u (local.get 0)))
  ;;run i64.trunc_f64_u(3.99) = 3
  ;;run i64.trunc_f64_u(-0.5) = 0
  ;;run i64.trunc_f64_u(18446742974197923840.0) = -1099511627776
  ;;run i64.trunc_f64_u(9223372036854775808.0) = -9223372036854775808
  ;;run i64.trunc_f64_u(18446744073709551616.0) = trap integer overflow
  ;;run i64.trunc_f64_u(-0.9) = 0
  ;;run i64.trunc_f64_u(-1.0) = trap integer overflow
  ;;run i64.trunc_f64_u(nan) = trap invalid conversion to integer
  ;;run i64.trunc_f64_u(-inf) = trap integer overflow
  ;;= asm
  ;;   ucomisd xmm0, xmm0
  ;;   jp L1
  ;;   movsd xmm1, [wasmpy_const64_bff0000000000000]
  ;;   ucomisd xmm1, xmm0
  ;;   jae L2
  ;;   ucomisd xmm0, [wasmpy_const64_43f0000000000000]
  ;;   jae L2
  ;;   cvttsd2si rax, xmm0
  ;;   subsd xmm0, [wasmpy_const64_43e0000000000000]
  ;;   cvttsd2si rcx, xmm0
  ;;   mov rdx, rax
  ;;   sar rdx, 63
  ;;   and rcx, rdx
  ;;   or rcx, rax
  ;;   mov rax, rcx
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 3
  ;;   call wasmpy_raise
  ;;   int3
  ;; L2:
  ;;   sub rsp, 8
  ;;   mov edi, 2
  ;;   call wasmpy_raise
  ;;   int3
)
