;; Floats to integers that saturate; NaN becomes 0.
;;! show = asm
(module
  (func (export "i32.trunc_sat_f32_s") (param f32) (result i32)
    (i32.trunc_sat_f32_s (local.get 0)))
  ;;run i32.trunc_sat_f32_s(3.99) = 3
  ;;run i32.trunc_sat_f32_s(-0.5) = 0
  ;;run i32.trunc_sat_f32_s(2147483647.0) = 2147483647
  ;;run i32.trunc_sat_f32_s(-2147483649.0) = -2147483648
  ;;run i32.trunc_sat_f32_s(nan) = 0
  ;;run i32.trunc_sat_f32_s(inf) = 2147483647
  ;;run i32.trunc_sat_f32_s(-inf) = -2147483648
  ;;= asm
  ;;   cvtss2sd xmm0, xmm0
  ;;   movaps xmm1, xmm0
  ;;   cmpordsd xmm1, xmm1
  ;;   andps xmm1, xmm0
  ;;   maxsd xmm1, [wasmpy_const64_c1e0000000000000]
  ;;   minsd xmm1, [wasmpy_const64_41dfffffffc00000]
  ;;   cvttsd2si eax, xmm1
  ;;   ret

  (func (export "i32.trunc_sat_f32_u") (param f32) (result i32)
    (i32.trunc_sat_f32_u (local.get 0)))
  ;;run i32.trunc_sat_f32_u(3.99) = 3
  ;;run i32.trunc_sat_f32_u(-0.5) = 0
  ;;run i32.trunc_sat_f32_u(4294967040.0) = -256
  ;;run i32.trunc_sat_f32_u(4294967296.0) = -1
  ;;run i32.trunc_sat_f32_u(-1.0) = 0
  ;;run i32.trunc_sat_f32_u(nan) = 0
  ;;run i32.trunc_sat_f32_u(inf) = -1
  ;;run i32.trunc_sat_f32_u(-inf) = 0
  ;;= asm
  ;;   cvtss2sd xmm0, xmm0
  ;;   xorps xmm1, xmm1
  ;;   maxsd xmm0, xmm1
  ;;   minsd xmm0, [wasmpy_const64_41efffffffe00000]
  ;;   cvttsd2si rax, xmm0
  ;;   mov eax, eax
  ;;   ret

  (func (export "i32.trunc_sat_f64_s") (param f64) (result i32)
    (i32.trunc_sat_f64_s (local.get 0)))
  ;;run i32.trunc_sat_f64_s(3.99) = 3
  ;;run i32.trunc_sat_f64_s(-0.5) = 0
  ;;run i32.trunc_sat_f64_s(2147483647.0) = 2147483647
  ;;run i32.trunc_sat_f64_s(-2147483649.0) = -2147483648
  ;;run i32.trunc_sat_f64_s(nan) = 0
  ;;run i32.trunc_sat_f64_s(inf) = 2147483647
  ;;run i32.trunc_sat_f64_s(-inf) = -2147483648
  ;;= asm
  ;;   movaps xmm1, xmm0
  ;;   cmpordsd xmm1, xmm1
  ;;   andps xmm1, xmm0
  ;;   maxsd xmm1, [wasmpy_const64_c1e0000000000000]
  ;;   minsd xmm1, [wasmpy_const64_41dfffffffc00000]
  ;;   cvttsd2si eax, xmm1
  ;;   ret

  (func (export "i32.trunc_sat_f64_u") (param f64) (result i32)
    (i32.trunc_sat_f64_u (local.get 0)))
  ;;run i32.trunc_sat_f64_u(3.99) = 3
  ;;run i32.trunc_sat_f64_u(-0.5) = 0
  ;;run i32.trunc_sat_f64_u(4294967040.0) = -256
  ;;run i32.trunc_sat_f64_u(4294967296.0) = -1
  ;;run i32.trunc_sat_f64_u(-1.0) = 0
  ;;run i32.trunc_sat_f64_u(nan) = 0
  ;;run i32.trunc_sat_f64_u(inf) = -1
  ;;run i32.trunc_sat_f64_u(-inf) = 0
  ;;= asm
  ;;   xorps xmm1, xmm1
  ;;   maxsd xmm0, xmm1
  ;;   minsd xmm0, [wasmpy_const64_41efffffffe00000]
  ;;   cvttsd2si rax, xmm0
  ;;   mov eax, eax
  ;;   ret

  (func (export "i64.trunc_sat_f32_s") (param f32) (result i64)
    (i64.trunc_sat_f32_s (local.get 0)))
  ;;run i64.trunc_sat_f32_s(3.99) = 3
  ;;run i64.trunc_sat_f32_s(-0.5) = 0
  ;;run i64.trunc_sat_f32_s(9223371487098961920.0) = 9223371487098961920
  ;;run i64.trunc_sat_f32_s(9223372036854775808.0) = 9223372036854775807
  ;;run i64.trunc_sat_f32_s(-1e30) = -9223372036854775808
  ;;run i64.trunc_sat_f32_s(nan) = 0
  ;;run i64.trunc_sat_f32_s(inf) = 9223372036854775807
  ;;run i64.trunc_sat_f32_s(-inf) = -9223372036854775808
  ;;= asm
  ;;   cvtss2sd xmm0, xmm0
  ;;   movaps xmm1, xmm0
  ;;   cmpordsd xmm1, xmm1
  ;;   andps xmm1, xmm0
  ;;   movsd xmm0, [wasmpy_const64_43e0000000000000]
  ;;   cmplesd xmm0, xmm1
  ;;   movq rax, xmm0
  ;;   cvttsd2si rcx, xmm1
  ;;   xor rcx, rax
  ;;   mov rax, rcx
  ;;   ret

  (func (export "i64.trunc_sat_f32_u") (param f32) (result i64)
    (i64.trunc_sat_f32_u (local.get 0)))
  ;;run i64.trunc_sat_f32_u(3.99) = 3
  ;;run i64.trunc_sat_f32_u(-0.5) = 0
  ;;run i64.trunc_sat_f32_u(18446742974197923840.0) = -1099511627776
  ;;run i64.trunc_sat_f32_u(9223372036854775808.0) = -9223372036854775808
  ;;run i64.trunc_sat_f32_u(18446744073709551616.0) = -1
  ;;run i64.trunc_sat_f32_u(-1.0) = 0
  ;;run i64.trunc_sat_f32_u(nan) = 0
  ;;run i64.trunc_sat_f32_u(inf) = -1
  ;;run i64.trunc_sat_f32_u(-inf) = 0
  ;;= asm
  ;;   cvtss2sd xmm0, xmm0
  ;;   xorps xmm1, xmm1
  ;;   maxsd xmm0, xmm1
  ;;   cvttsd2si rax, xmm0
  ;;   movaps xmm1, xmm0
  ;;   subsd xmm1, [wasmpy_const64_43e0000000000000]
  ;;   cvttsd2si rcx, xmm1
  ;;   movsd xmm1, [wasmpy_const64_43f0000000000000]
  ;;   cmplesd xmm1, xmm0
  ;;   movq rdx, xmm1
  ;;   mov rsi, rax
  ;;   sar rsi, 63
  ;;   and rcx, rsi
  ;;   or rcx, rax
  ;;   mov rax, rcx
  ;;   or rax, rdx
  ;;   ret

  (func (export "i64.trunc_sat_f64_s") (param f64) (result i64)
    (i64.trunc_sat_f64_s (local.get 0)))
  ;;run i64.trunc_sat_f64_s(3.99) = 3
  ;;run i64.trunc_sat_f64_s(-0.5) = 0
  ;;run i64.trunc_sat_f64_s(9223371487098961920.0) = 9223371487098961920
  ;;run i64.trunc_sat_f64_s(9223372036854775808.0) = 9223372036854775807
  ;;run i64.trunc_sat_f64_s(-1e30) = -9223372036854775808
  ;;run i64.trunc_sat_f64_s(nan) = 0
  ;;run i64.trunc_sat_f64_s(inf) = 9223372036854775807
  ;;run i64.trunc_sat_f64_s(-inf) = -9223372036854775808
  ;;= asm
  ;;   movaps xmm1, xmm0
  ;;   cmpordsd xmm1, xmm1
  ;;   andps xmm1, xmm0
  ;;   movsd xmm0, [wasmpy_const64_43e0000000000000]
  ;;   cmplesd xmm0, xmm1
  ;;   movq rax, xmm0
  ;;   cvttsd2si rcx, xmm1
  ;;   xor rcx, rax
  ;;   mov rax, rcx
  ;;   ret

  (func (export "i64.trunc_sat_f64_u") (param f64) (result i64)
    (i64.trunc_sat_f64_u (local.get 0)))
  ;;run i64.trunc_sat_f64_u(3.99) = 3
  ;;run i64.trunc_sat_f64_u(-0.5) = 0
  ;;run i64.trunc_sat_f64_u(18446742974197923840.0) = -1099511627776
  ;;run i64.trunc_sat_f64_u(9223372036854775808.0) = -9223372036854775808
  ;;run i64.trunc_sat_f64_u(18446744073709551616.0) = -1
  ;;run i64.trunc_sat_f64_u(-1.0) = 0
  ;;run i64.trunc_sat_f64_u(nan) = 0
  ;;run i64.trunc_sat_f64_u(inf) = -1
  ;;run i64.trunc_sat_f64_u(-inf) = 0
  ;;= asm
  ;;   xorps xmm1, xmm1
  ;;   maxsd xmm0, xmm1
  ;;   cvttsd2si rax, xmm0
  ;;   movaps xmm1, xmm0
  ;;   subsd xmm1, [wasmpy_const64_43e0000000000000]
  ;;   cvttsd2si rcx, xmm1
  ;;   movsd xmm1, [wasmpy_const64_43f0000000000000]
  ;;   cmplesd xmm1, xmm0
  ;;   movq rdx, xmm1
  ;;   mov rsi, rax
  ;;   sar rsi, 63
  ;;   and rcx, rsi
  ;;   or rcx, rax
  ;;   mov rax, rcx
  ;;   or rax, rdx
  ;;   ret
)
