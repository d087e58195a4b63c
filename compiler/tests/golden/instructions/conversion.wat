;; Conversions that cannot trap.
;;! show = asm
(module
  (func (export "f32.convert_i32_s") (param i32) (result f32)
    (f32.convert_i32_s (local.get 0)))
  ;;run f32.convert_i32_s(1) = 1.0
  ;;run f32.convert_i32_s(-1) = -1.0
  ;;run f32.convert_i32_s(-0x80000000) = -2147483648.0
  ;;run f32.convert_i32_s(16777217) = 16777216.0
  ;;= asm
  ;;   xorps xmm0, xmm0
  ;;   cvtsi2ss xmm0, edi
  ;;   ret

  (func (export "f32.convert_i32_u") (param i32) (result f32)
    (f32.convert_i32_u (local.get 0)))
  ;;run f32.convert_i32_u(1) = 1.0
  ;;run f32.convert_i32_u(-1) = 4294967296.0
  ;;run f32.convert_i32_u(-0x80000000) = 2147483648.0
  ;;run f32.convert_i32_u(16777217) = 16777216.0
  ;;= asm
  ;;   xorps xmm0, xmm0
  ;;   cvtsi2ss xmm0, rdi
  ;;   ret

  (func (export "f32.convert_i64_s") (param i64) (result f32)
    (f32.convert_i64_s (local.get 0)))
  ;;run f32.convert_i64_s(1) = 1.0
  ;;run f32.convert_i64_s(-1) = -1.0
  ;;run f32.convert_i64_s(-0x8000000000000000) = -9223372036854776000.0
  ;;run f32.convert_i64_s(9007199254740993) = 9007199254740992.0
  ;;run f32.convert_i64_s(0x7fffff4000000001) = 9223371487098962000.0
  ;;= asm
  ;;   xorps xmm0, xmm0
  ;;   cvtsi2ss xmm0, rdi
  ;;   ret

  (func (export "f32.convert_i64_u") (param i64) (result f32)
    (f32.convert_i64_u (local.get 0)))
  ;;run f32.convert_i64_u(1) = 1.0
  ;;run f32.convert_i64_u(-1) = 18446744073709552000.0
  ;;run f32.convert_i64_u(-0x8000000000000000) = 9223372036854776000.0
  ;;run f32.convert_i64_u(9007199254740993) = 9007199254740992.0
  ;;run f32.convert_i64_u(0x7fffff4000000001) = 9223371487098962000.0
  ;;= asm
  ;;   mov rax, rdi
  ;;   shr rax, 1
  ;;   mov rcx, rdi
  ;;   and ecx, 1
  ;;   or rax, rcx
  ;;   test rdi, rdi
  ;;   mov rcx, rdi
  ;;   cmovs rcx, rax
  ;;   xorps xmm0, xmm0
  ;;   cvtsi2ss xmm0, rcx
  ;;   sar rdi, 63
  ;;   movq xmm1, rdi
  ;;   andps xmm1, xmm0
  ;;   addss xmm0, xmm1
  ;;   ret

  (func (export "f64.convert_i32_s") (param i32) (result f64)
    (f64.convert_i32_s (local.get 0)))
  ;;run f64.convert_i32_s(1) = 1.0
  ;;run f64.convert_i32_s(-1) = -1.0
  ;;run f64.convert_i32_s(-0x80000000) = -2147483648.0
  ;;run f64.convert_i32_s(16777217) = 16777217.0
  ;;= asm
  ;;   xorps xmm0, xmm0
  ;;   cvtsi2sd xmm0, edi
  ;;   ret

  (func (export "f64.convert_i32_u") (param i32) (result f64)
    (f64.convert_i32_u (local.get 0)))
  ;;run f64.convert_i32_u(1) = 1.0
  ;;run f64.convert_i32_u(-1) = 4294967295.0
  ;;run f64.convert_i32_u(-0x80000000) = 2147483648.0
  ;;run f64.convert_i32_u(16777217) = 16777217.0
  ;;= asm
  ;;   xorps xmm0, xmm0
  ;;   cvtsi2sd xmm0, rdi
  ;;   ret

  (func (export "f64.convert_i64_s") (param i64) (result f64)
    (f64.convert_i64_s (local.get 0)))
  ;;run f64.convert_i64_s(1) = 1.0
  ;;run f64.convert_i64_s(-1) = -1.0
  ;;run f64.convert_i64_s(-0x8000000000000000) = -9223372036854776000.0
  ;;run f64.convert_i64_s(9007199254740993) = 9007199254740992.0
  ;;run f64.convert_i64_s(0x7fffff4000000001) = 9223371212221055000.0
  ;;= asm
  ;;   xorps xmm0, xmm0
  ;;   cvtsi2sd xmm0, rdi
  ;;   ret

  (func (export "f64.convert_i64_u") (param i64) (result f64)
    (f64.convert_i64_u (local.get 0)))
  ;;run f64.convert_i64_u(1) = 1.0
  ;;run f64.convert_i64_u(-1) = 18446744073709552000.0
  ;;run f64.convert_i64_u(-0x8000000000000000) = 9223372036854776000.0
  ;;run f64.convert_i64_u(9007199254740993) = 9007199254740992.0
  ;;run f64.convert_i64_u(0x7fffff4000000001) = 9223371212221055000.0
  ;;= asm
  ;;   mov rax, rdi
  ;;   shr rax, 1
  ;;   mov rcx, rdi
  ;;   and ecx, 1
  ;;   or rax, rcx
  ;;   test rdi, rdi
  ;;   mov rcx, rdi
  ;;   cmovs rcx, rax
  ;;   xorps xmm0, xmm0
  ;;   cvtsi2sd xmm0, rcx
  ;;   sar rdi, 63
  ;;   movq xmm1, rdi
  ;;   andps xmm1, xmm0
  ;;   addsd xmm0, xmm1
  ;;   ret

  (func (export "f32.demote_f64") (param f64) (result f32)
    (f32.demote_f64 (local.get 0)))
  ;;run f32.demote_f64(0.1) = 0.10000000149011612
  ;;run f32.demote_f64(1e300) = inf
  ;;run f32.demote_f64(-1e-300) = -0.0
  ;;run f32.demote_f64(nan) = nan
  ;;= asm
  ;;   cvtsd2ss xmm0, xmm0
  ;;   ret

  (func (export "f64.promote_f32") (param f32) (result f64)
    (f64.promote_f32 (local.get 0)))
  ;;run f64.promote_f32(0.1) = 0.10000000149011612
  ;;run f64.promote_f32(-0.0) = -0.0
  ;;run f64.promote_f32(nan) = nan
  ;;run f64.promote_f32(inf) = inf
  ;;= asm
  ;;   cvtss2sd xmm0, xmm0
  ;;   ret

  (func (export "i32.wrap_i64") (param i64) (result i32)
    (i32.wrap_i64 (local.get 0)))
  ;;run i32.wrap_i64(0x1ffffffff) = -1
  ;;run i32.wrap_i64(-1) = -1
  ;;run i32.wrap_i64(-0x8000000000000000) = 0
  ;;= asm
  ;;   mov eax, edi
  ;;   ret

  (func (export "i64.extend_i32_s") (param i32) (result i64)
    (i64.extend_i32_s (local.get 0)))
  ;;run i64.extend_i32_s(-1) = -1
  ;;run i64.extend_i32_s(0x7fffffff) = 2147483647
  ;;= asm
  ;;   movsxd rax, edi
  ;;   ret

  ;; Registers hold an i32 with zeros above it.
  (func (export "i64.extend_i32_u") (param i32) (result i64)
    (i64.extend_i32_u (local.get 0)))
  ;;run i64.extend_i32_u(-1) = 4294967295
  ;;run i64.extend_i32_u(0x7fffffff) = 2147483647
  ;;= asm
  ;;   mov eax, edi
  ;;   ret

  (func (export "i32.extend8_s") (param i32) (result i32)
    (i32.extend8_s (local.get 0)))
  ;;run i32.extend8_s(0x80) = -128
  ;;run i32.extend8_s(0x17f) = 127
  ;;= asm
  ;;   movsx eax, dil
  ;;   ret

  (func (export "i32.extend16_s") (param i32) (result i32)
    (i32.extend16_s (local.get 0)))
  ;;run i32.extend16_s(0x8000) = -32768
  ;;run i32.extend16_s(0x17fff) = 32767
  ;;= asm
  ;;   movsx eax, di
  ;;   ret

  (func (export "i64.extend8_s") (param i64) (result i64)
    (i64.extend8_s (local.get 0)))
  ;;run i64.extend8_s(0x80) = -128
  ;;run i64.extend8_s(0x17f) = 127
  ;;= asm
  ;;   movsx rax, dil
  ;;   ret

  (func (export "i64.extend16_s") (param i64) (result i64)
    (i64.extend16_s (local.get 0)))
  ;;run i64.extend16_s(0x8000) = -32768
  ;;run i64.extend16_s(0x17fff) = 32767
  ;;= asm
  ;;   movsx rax, di
  ;;   ret

  (func (export "i64.extend32_s") (param i64) (result i64)
    (i64.extend32_s (local.get 0)))
  ;;run i64.extend32_s(0x80000000) = -2147483648
  ;;run i64.extend32_s(0x17fffffff) = 2147483647
  ;;= asm
  ;;   movsxd rax, edi
  ;;   ret

  (func (export "i32.reinterpret_f32") (param f32) (result i32)
    (i32.reinterpret_f32 (local.get 0)))
  ;;run i32.reinterpret_f32(1.0) = 1065353216
  ;;run i32.reinterpret_f32(-0.0) = -2147483648
  ;;= asm
  ;;   movd eax, xmm0
  ;;   ret

  (func (export "i64.reinterpret_f64") (param f64) (result i64)
    (i64.reinterpret_f64 (local.get 0)))
  ;;run i64.reinterpret_f64(1.0) = 4607182418800017408
  ;;run i64.reinterpret_f64(-0.0) = -9223372036854775808
  ;;= asm
  ;;   movq rax, xmm0
  ;;   ret

  (func (export "f32.reinterpret_i32") (param i32) (result f32)
    (f32.reinterpret_i32 (local.get 0)))
  ;;run f32.reinterpret_i32(0x3f800000) = 1.0
  ;;run f32.reinterpret_i32(0x7fc00000) = nan
  ;;run f32.reinterpret_i32(-0x80000000) = -0.0
  ;;= asm
  ;;   movd xmm0, edi
  ;;   ret

  (func (export "f64.reinterpret_i64") (param i64) (result f64)
    (f64.reinterpret_i64 (local.get 0)))
  ;;run f64.reinterpret_i64(0x3ff0000000000000) = 1.0
  ;;run f64.reinterpret_i64(-0x8000000000000000) = -0.0
  ;;= asm
  ;;   movq xmm0, rdi
  ;;   ret

  ;; The bits of a signalling NaN survive: nothing is left of the way through f32.
  (func (export "bits through memory") (param i32) (result i32)
    (i32.reinterpret_f32 (f32.reinterpret_i32 (local.get 0))))
  ;;run bits through memory(0x7fa00001) = 2141192193
  ;;lacks opt: reinterpret
  ;;= asm
  ;;   mov eax, edi
  ;;   ret

  (func (export "extend twice") (param i64) (result i64)
    (i64.extend_i32_u (i32.wrap_i64 (local.get 0))))
  ;;run extend twice(-1) = 4294967295
  ;;= asm
  ;;   mov eax, edi
  ;;   ret

  (func (export "wrap of a sum") (param i64 i64) (result i32)
    (i32.wrap_i64 (i64.add (local.get 0) (local.get 1))))
  ;;run wrap of a sum(0xffffffff, 1) = 0
  ;;run wrap of a sum(-1, -1) = -2
  ;;= asm
  ;;   mov rax, rdi
  ;;   add eax, esi
  ;;   ret
)
