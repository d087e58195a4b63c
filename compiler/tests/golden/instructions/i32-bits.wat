;; Bitwise operations of i32, and what BMI1 has for them.
;;! show = asm, asm bmi1
(module
  (func (export "and") (param i32 i32) (result i32)
    (i32.and (local.get 0) (local.get 1)))
  ;;run and(12, 10) = 8
  ;;run and(-1, -0x80000000) = -2147483648
  ;;= asm
  ;;   mov eax, edi
  ;;   and eax, esi
  ;;   ret

  (func (export "or") (param i32 i32) (result i32)
    (i32.or (local.get 0) (local.get 1)))
  ;;run or(12, 10) = 14
  ;;run or(1, -0x80000000) = -2147483647
  ;;= asm
  ;;   mov eax, edi
  ;;   or eax, esi
  ;;   ret

  (func (export "xor") (param i32 i32) (result i32)
    (i32.xor (local.get 0) (local.get 1)))
  ;;run xor(12, 10) = 6
  ;;run xor(-1, 0x7fffffff) = -2147483648
  ;;= asm
  ;;   mov eax, edi
  ;;   xor eax, esi
  ;;   ret

  (func (export "and a byte") (param i32) (result i32)
    (i32.and (local.get 0) (i32.const 0xff)))
  ;;run and a byte(0x1234) = 52
  ;;run and a byte(-1) = 255
  ;;= asm
  ;;   movzx eax, dil
  ;;   ret

  (func (export "and a half") (param i32) (result i32)
    (i32.and (local.get 0) (i32.const 0xffff)))
  ;;run and a half(0x12345678) = 22136
  ;;run and a half(-1) = 65535
  ;;= asm
  ;;   movzx eax, di
  ;;   ret

  (func (export "and a mask") (param i32) (result i32)
    (i32.and (local.get 0) (i32.const -256)))
  ;;run and a mask(0x1234) = 4608
  ;;run and a mask(-1) = -256
  ;;= asm
  ;;   mov eax, edi
  ;;   and eax, -256
  ;;   ret

  (func (export "not") (param i32) (result i32)
    (i32.xor (local.get 0) (i32.const -1)))
  ;;run not(0) = -1
  ;;run not(0x7fffffff) = -2147483648
  ;;= asm
  ;;   mov eax, edi
  ;;   not eax
  ;;   ret

  (func (export "and not") (param i32 i32) (result i32)
    (i32.and (local.get 0) (i32.xor (local.get 1) (i32.const -1))))
  ;;run and not(15, 5) = 10
  ;;run and not(-1, -0x80000000) = 2147483647
  ;;= asm
  ;;   not esi
  ;;   mov eax, edi
  ;;   and eax, esi
  ;;   ret
  ;;= asm bmi1
  ;;   andn eax, esi, edi
  ;;   ret

  (func (export "lowest bit") (param i32) (result i32)
    (i32.and (local.get 0) (i32.sub (i32.const 0) (local.get 0))))
  ;;run lowest bit(12) = 4
  ;;run lowest bit(0) = 0
  ;;run lowest bit(-0x80000000) = -2147483648
  ;;= asm
  ;;   mov eax, edi
  ;;   neg eax
  ;;   and eax, edi
  ;;   ret
  ;;= asm bmi1
  ;;   blsi eax, edi
  ;;   ret

  (func (export "clear lowest bit") (param i32) (result i32)
    (i32.and (local.get 0) (i32.sub (local.get 0) (i32.const 1))))
  ;;run clear lowest bit(12) = 8
  ;;run clear lowest bit(0) = 0
  ;;run clear lowest bit(-0x80000000) = 0
  ;;= asm
  ;;   lea eax, [rdi - 1]
  ;;   and eax, edi
  ;;   ret
  ;;= asm bmi1
  ;;   blsr eax, edi
  ;;   ret

  (func (export "set bit") (param i32 i32) (result i32)
    (i32.or (local.get 0) (i32.shl (i32.const 1) (local.get 1))))
  ;;run set bit(8, 0) = 9
  ;;run set bit(0, 31) = -2147483648
  ;;run set bit(0, 32) = 1
  ;;= asm
  ;;   mov eax, edi
  ;;   bts eax, esi
  ;;   ret

  (func (export "clear bit") (param i32 i32) (result i32)
    (i32.and (local.get 0) (i32.rotl (i32.const -2) (local.get 1))))
  ;;run clear bit(9, 0) = 8
  ;;run clear bit(-1, 31) = 2147483647
  ;;= asm
  ;;   mov eax, edi
  ;;   btr eax, esi
  ;;   ret

  (func (export "test bit") (param i32 i32) (result i32)
    (i32.ne (i32.and (local.get 0) (i32.shl (i32.const 1) (local.get 1))) (i32.const 0)))
  ;;run test bit(8, 3) = 1
  ;;run test bit(8, 2) = 0
  ;;run test bit(-0x80000000, 31) = 1
  ;;= asm
  ;;   bt edi, esi
  ;;   setb al
  ;;   movzx eax, al
  ;;   ret

  ;; Bytes in the other order, as LLVM writes it.
  (func (export "bswap") (param i32) (result i32)
    (i32.or
      (i32.rotr (i32.and (local.get 0) (i32.const 0xff00ff)) (i32.const 8))
      (i32.and (i32.rotr (local.get 0) (i32.const 24)) (i32.const 0xff00ff))))
  ;;run bswap(0x12345678) = 2018915346
  ;;run bswap(0x800000ff) = -16777088
  ;;= asm
  ;;   mov eax, edi
  ;;   bswap eax
  ;;   ret

  ;; Another mask, another thing.
  (func (export "no bswap") (param i32) (result i32)
    (i32.or
      (i32.rotr (i32.and (local.get 0) (i32.const 0xff00ff)) (i32.const 8))
      (i32.and (i32.rotr (local.get 0) (i32.const 24)) (i32.const 0xff00fe))))
  ;;lacks asm: bswap
  ;;run no bswap(0x12345678) = 2018915346
  ;;run no bswap(-1) = -2
  ;;= asm
  ;;   mov eax, edi
  ;;   and eax, 0xff00ff
  ;;   rol eax, 24
  ;;   rol edi, 8
  ;;   and edi, 0xff00fe
  ;;   or eax, edi
  ;;   ret
)
