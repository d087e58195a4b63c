;; Bitwise operations of i64, and what BMI1 has for them.
;;! show = asm, asm bmi1
(module
  (func (export "and") (param i64 i64) (result i64)
    (i64.and (local.get 0) (local.get 1)))
  ;;run and(12, 10) = 8
  ;;run and(-1, -0x8000000000000000) = -9223372036854775808
  ;;= asm
  ;;   mov rax, rdi
  ;;   and rax, rsi
  ;;   ret

  (func (export "or") (param i64 i64) (result i64)
    (i64.or (local.get 0) (local.get 1)))
  ;;run or(12, 10) = 14
  ;;run or(1, -0x8000000000000000) = -9223372036854775807
  ;;= asm
  ;;   mov rax, rdi
  ;;   or rax, rsi
  ;;   ret

  (func (export "xor") (param i64 i64) (result i64)
    (i64.xor (local.get 0) (local.get 1)))
  ;;run xor(12, 10) = 6
  ;;run xor(-1, 0x7fffffffffffffff) = -9223372036854775808
  ;;= asm
  ;;   mov rax, rdi
  ;;   xor rax, rsi
  ;;   ret

  (func (export "and a byte") (param i64) (result i64)
    (i64.and (local.get 0) (i64.const 0xff)))
  ;;run and a byte(0x1234) = 52
  ;;run and a byte(-1) = 255
  ;;= asm
  ;;   movzx eax, dil
  ;;   ret

  (func (export "and a half") (param i64) (result i64)
    (i64.and (local.get 0) (i64.const 0xffff)))
  ;;run and a half(0x12345678) = 22136
  ;;run and a half(-1) = 65535
  ;;= asm
  ;;   movzx eax, di
  ;;   ret

  (func (export "and a mask") (param i64) (result i64)
    (i64.and (local.get 0) (i64.const -256)))
  ;;run and a mask(0x1234) = 4608
  ;;run and a mask(-1) = -256
  ;;= asm
  ;;   mov rax, rdi
  ;;   and rax, -256
  ;;   ret

  (func (export "and a word") (param i64) (result i64)
    (i64.and (local.get 0) (i64.const 0xffffffff)))
  ;;run and a word(-1) = 4294967295
  ;;run and a word(-0x8000000000000000) = 0
  ;;= asm
  ;;   mov eax, edi
  ;;   ret

  (func (export "and a positive mask") (param i64) (result i64)
    (i64.and (local.get 0) (i64.const 0x7fffffff)))
  ;;run and a positive mask(-1) = 2147483647
  ;;run and a positive mask(-0x8000000000000000) = 0
  ;;= asm
  ;;   mov rax, rdi
  ;;   and eax, 0x7fffffff
  ;;   ret

  (func (export "and a wide mask") (param i64) (result i64)
    (i64.and (local.get 0) (i64.const 0xff00ff00ff00)))
  ;;run and a wide mask(-1) = 280379743338240
  ;;run and a wide mask(-0x8000000000000000) = 0
  ;;= asm
  ;;   movabs rax, 0x0000ff00ff00ff00
  ;;   and rdi, rax
  ;;   mov rax, rdi
  ;;   ret

  (func (export "set the sign") (param i64) (result i64)
    (i64.or (local.get 0) (i64.const 0x8000000000000000)))
  ;;run set the sign(1) = -9223372036854775807
  ;;= asm
  ;;   movabs rax, 0x8000000000000000
  ;;   or rdi, rax
  ;;   mov rax, rdi
  ;;   ret

  (func (export "not") (param i64) (result i64)
    (i64.xor (local.get 0) (i64.const -1)))
  ;;run not(0) = -1
  ;;run not(0x7fffffffffffffff) = -9223372036854775808
  ;;= asm
  ;;   mov rax, rdi
  ;;   not rax
  ;;   ret

  (func (export "and not") (param i64 i64) (result i64)
    (i64.and (local.get 0) (i64.xor (local.get 1) (i64.const -1))))
  ;;run and not(15, 5) = 10
  ;;run and not(-1, -0x8000000000000000) = 9223372036854775807
  ;;= asm
  ;;   not rsi
  ;;   mov rax, rdi
  ;;   and rax, rsi
  ;;   ret
  ;;= asm bmi1
  ;;   andn rax, rsi, rdi
  ;;   ret

  (func (export "lowest bit") (param i64) (result i64)
    (i64.and (local.get 0) (i64.sub (i64.const 0) (local.get 0))))
  ;;run lowest bit(12) = 4
  ;;run lowest bit(0) = 0
  ;;run lowest bit(-0x8000000000000000) = -9223372036854775808
  ;;= asm
  ;;   mov rax, rdi
  ;;   neg rax
  ;;   and rax, rdi
  ;;   ret
  ;;= asm bmi1
  ;;   blsi rax, rdi
  ;;   ret

  (func (export "clear lowest bit") (param i64) (result i64)
    (i64.and (local.get 0) (i64.sub (local.get 0) (i64.const 1))))
  ;;run clear lowest bit(12) = 8
  ;;run clear lowest bit(0) = 0
  ;;run clear lowest bit(-0x8000000000000000) = 0
  ;;= asm
  ;;   lea rax, [rdi - 1]
  ;;   and rax, rdi
  ;;   ret
  ;;= asm bmi1
  ;;   blsr rax, rdi
  ;;   ret

  (func (export "set bit") (param i64 i64) (result i64)
    (i64.or (local.get 0) (i64.shl (i64.const 1) (local.get 1))))
  ;;run set bit(8, 0) = 9
  ;;run set bit(0, 63) = -9223372036854775808
  ;;run set bit(0, 64) = 1
  ;;= asm
  ;;   mov rax, rdi
  ;;   bts rax, rsi
  ;;   ret

  (func (export "clear bit") (param i64 i64) (result i64)
    (i64.and (local.get 0) (i64.rotl (i64.const -2) (local.get 1))))
  ;;run clear bit(9, 0) = 8
  ;;run clear bit(-1, 63) = 9223372036854775807
  ;;= asm
  ;;   mov rax, rdi
  ;;   btr rax, rsi
  ;;   ret

  (func (export "test bit") (param i64 i64) (result i32)
    (i64.ne (i64.and (local.get 0) (i64.shl (i64.const 1) (local.get 1))) (i64.const 0)))
  ;;run test bit(8, 3) = 1
  ;;run test bit(8, 2) = 0
  ;;run test bit(-0x8000000000000000, 63) = 1
  ;;= asm
  ;;   bt rdi, rsi
  ;;   setb al
  ;;   movzx eax, al
  ;;   ret
)
