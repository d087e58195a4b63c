;; Shifts and rotations of i64; BMI2 has shifts that need no cl.
;;! show = asm, asm bmi2
(module
  ;; Counts are taken modulo the width, as the machine does.
  (func (export "shl") (param i64 i64) (result i64)
    (i64.shl (local.get 0) (local.get 1)))
  ;;run shl(5, 1) = 10
  ;;run shl(-0x8000000000000000, 63) = 0
  ;;run shl(-2, 64) = -2
  ;;run shl(1, -1) = -9223372036854775808
  ;;= asm
  ;;   mov rcx, rsi
  ;;   mov rax, rdi
  ;;   shl rax, cl
  ;;   ret
  ;;= asm bmi2
  ;;   shlx rax, rdi, rsi
  ;;   ret

  (func (export "shl by five") (param i64) (result i64)
    (i64.shl (local.get 0) (i64.const 5)))
  ;;run shl by five(100) = 3200
  ;;run shl by five(-0x8000000000000000) = 0
  ;;run shl by five(-1) = -32
  ;;= asm
  ;;   mov rax, rdi
  ;;   shl rax, 5
  ;;   ret

  (func (export "shr_s") (param i64 i64) (result i64)
    (i64.shr_s (local.get 0) (local.get 1)))
  ;;run shr_s(5, 1) = 2
  ;;run shr_s(-0x8000000000000000, 63) = -1
  ;;run shr_s(-2, 64) = -2
  ;;run shr_s(1, -1) = 0
  ;;= asm
  ;;   mov rcx, rsi
  ;;   mov rax, rdi
  ;;   sar rax, cl
  ;;   ret
  ;;= asm bmi2
  ;;   sarx rax, rdi, rsi
  ;;   ret

  (func (export "shr_s by five") (param i64) (result i64)
    (i64.shr_s (local.get 0) (i64.const 5)))
  ;;run shr_s by five(100) = 3
  ;;run shr_s by five(-0x8000000000000000) = -288230376151711744
  ;;run shr_s by five(-1) = -1
  ;;= asm
  ;;   mov rax, rdi
  ;;   sar rax, 5
  ;;   ret

  (func (export "shr_u") (param i64 i64) (result i64)
    (i64.shr_u (local.get 0) (local.get 1)))
  ;;run shr_u(5, 1) = 2
  ;;run shr_u(-0x8000000000000000, 63) = 1
  ;;run shr_u(-2, 64) = -2
  ;;run shr_u(1, -1) = 0
  ;;= asm
  ;;   mov rcx, rsi
  ;;   mov rax, rdi
  ;;   shr rax, cl
  ;;   ret
  ;;= asm bmi2
  ;;   shrx rax, rdi, rsi
  ;;   ret

  (func (export "shr_u by five") (param i64) (result i64)
    (i64.shr_u (local.get 0) (i64.const 5)))
  ;;run shr_u by five(100) = 3
  ;;run shr_u by five(-0x8000000000000000) = 288230376151711744
  ;;run shr_u by five(-1) = 576460752303423487
  ;;= asm
  ;;   mov rax, rdi
  ;;   shr rax, 5
  ;;   ret

  (func (export "rotl") (param i64 i64) (result i64)
    (i64.rotl (local.get 0) (local.get 1)))
  ;;run rotl(5, 1) = 10
  ;;run rotl(-0x8000000000000000, 63) = 4611686018427387904
  ;;run rotl(-2, 64) = -2
  ;;run rotl(1, -1) = -9223372036854775808
  ;;= asm
  ;;   mov rcx, rsi
  ;;   mov rax, rdi
  ;;   rol rax, cl
  ;;   ret

  (func (export "rotl by five") (param i64) (result i64)
    (i64.rotl (local.get 0) (i64.const 5)))
  ;;run rotl by five(100) = 3200
  ;;run rotl by five(-0x8000000000000000) = 16
  ;;run rotl by five(-1) = -1
  ;;= asm
  ;;   mov rax, rdi
  ;;   rol rax, 5
  ;;   ret

  (func (export "rotr") (param i64 i64) (result i64)
    (i64.rotr (local.get 0) (local.get 1)))
  ;;run rotr(5, 1) = -9223372036854775806
  ;;run rotr(-0x8000000000000000, 63) = 1
  ;;run rotr(-2, 64) = -2
  ;;run rotr(1, -1) = 2
  ;;= asm
  ;;   mov rcx, rsi
  ;;   mov rax, rdi
  ;;   ror rax, cl
  ;;   ret

  (func (export "rotr by five") (param i64) (result i64)
    (i64.rotr (local.get 0) (i64.const 5)))
  ;;run rotr by five(100) = 2305843009213693955
  ;;run rotr by five(-0x8000000000000000) = 288230376151711744
  ;;run rotr by five(-1) = -1
  ;;= asm
  ;;   mov rax, rdi
  ;;   rol rax, 59
  ;;   ret

  (func (export "shl by more than the width") (param i64) (result i64)
    (i64.shl (local.get 0) (i64.const 65)))
  ;;run shl by more than the width(3) = 6
  ;;= asm
  ;;   mov rax, rdi
  ;;   shl rax, 1
  ;;   ret

  ;; The high bits of a second word follow.
  (func (export "shift of two") (param i64 i64) (result i64)
    (i64.or (i64.shl (local.get 0) (i64.const 5)) (i64.shr_u (local.get 1) (i64.const 59))))
  ;;run shift of two(1, -1) = 63
  ;;run shift of two(-1, 0) = -32
  ;;= asm
  ;;   mov rax, rdi
  ;;   shld rax, rsi, 5
  ;;   ret

  (func (export "rotation by hand") (param i64) (result i64)
    (i64.or (i64.shl (local.get 0) (i64.const 7)) (i64.shr_u (local.get 0) (i64.const 57))))
  ;;run rotation by hand(1) = 128
  ;;run rotation by hand(-2) = -129
  ;;= asm
  ;;   mov rax, rdi
  ;;   rol rax, 7
  ;;   ret

  (func (export "field") (param i64) (result i64)
    (i64.and (i64.shr_u (local.get 0) (i64.const 4)) (i64.const 7)))
  ;;run field(0x1234) = 3
  ;;run field(-1) = 7
  ;;= asm
  ;;   mov rax, rdi
  ;;   shr rax, 4
  ;;   and eax, 7
  ;;   ret

  ;; What compilers wrote before there were sign extensions.
  (func (export "sign of the byte") (param i64) (result i64)
    (i64.shr_s (i64.shl (local.get 0) (i64.const 56)) (i64.const 56)))
  ;;run sign of the byte(0x80) = -128
  ;;run sign of the byte(0x17f) = 127
  ;;= asm
  ;;   movsx rax, dil
  ;;   ret
)
