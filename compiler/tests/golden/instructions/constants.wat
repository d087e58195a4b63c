;; Constants: what takes fewest bytes. A zero clears its register where the flags are free.
;;! show = asm
(module
  (func (export "i32.const") (result i32 i32 i32)
    (i32.const 0)
    (i32.const -1)
    (i32.const 0x12345678))
  ;;run i32.const() = 0 -1 305419896
  ;;= asm
  ;;   xor eax, eax
  ;;   mov edx, -1
  ;;   mov ecx, 0x12345678
  ;;   ret

  (func (export "i64.const") (result i64 i64 i64 i64 i64)
    (i64.const 0)
    (i64.const 1)
    (i64.const -1)
    (i64.const 0xffffffff)
    (i64.const -0x8000000000000000))
  ;;run i64.const() = 0 1 -1 4294967295 -9223372036854775808
  ;;= asm
  ;;   xor eax, eax
  ;;   mov edx, 1
  ;;   mov rcx, -1
  ;;   mov esi, -1
  ;;   movabs rdi, 0x8000000000000000
  ;;   ret

  (func (export "f32.const") (result f32 f32 f32)
    (f32.const 0)
    (f32.const -0)
    (f32.const 0x1.8p+1))
  ;;run f32.const() = 0.0 -0.0 3.0
  ;;= asm
  ;;   xorps xmm0, xmm0
  ;;   movss xmm1, [wasmpy_const32_80000000]
  ;;   movss xmm2, [wasmpy_const32_40400000]
  ;;   ret

  (func (export "f64.const") (result f64 f64 f64)
    (f64.const 0)
    (f64.const nan)
    (f64.const 1e100))
  ;;run f64.const() = 0.0 nan 1e+100
  ;;= asm
  ;;   xorps xmm0, xmm0
  ;;   movsd xmm1, [wasmpy_const64_7ff8000000000000]
  ;;   movsd xmm2, [wasmpy_const64_54b249ad2594c37d]
  ;;   ret

  ;; The flags of the comparison are still needed, so the zero is moved.
  (func (export "zero among flags") (param i32 i32) (result i32)
    (select (i32.const 0) (local.get 1) (i32.lt_s (local.get 0) (local.get 1))))
  ;;run zero among flags(1, 2) = 0
  ;;run zero among flags(2, 1) = 1
  ;;= asm
  ;;   xor eax, eax
  ;;   cmp edi, esi
  ;;   cmovl esi, eax
  ;;   mov eax, esi
  ;;   ret
)
