;; Shifts and rotations of i32; BMI2 has shifts that need no cl.
;;! show = asm, asm bmi2
(module
  ;; Counts are taken modulo the width, as the machine does.
  (func (export "shl") (param i32 i32) (result i32)
    (i32.shl (local.get 0) (local.get 1)))
  ;;run shl(5, 1) = 10
  ;;run shl(-0x80000000, 31) = 0
  ;;run shl(-2, 32) = -2
  ;;run shl(1, -1) = -2147483648
  ;;= asm
  ;;   mov ecx, esi
  ;;   mov eax, edi
  ;;   shl eax, cl
  ;;   ret
  ;;= asm bmi2
  ;;   shlx eax, edi, esi
  ;;   ret

  (func (export "shl by five") (param i32) (result i32)
    (i32.shl (local.get 0) (i32.const 5)))
  ;;run shl by five(100) = 3200
  ;;run shl by five(-0x80000000) = 0
  ;;run shl by five(-1) = -32
  ;;= asm
  ;;   mov eax, edi
  ;;   shl eax, 5
  ;;   ret

  (func (export "shr_s") (param i32 i32) (result i32)
    (i32.shr_s (local.get 0) (local.get 1)))
  ;;run shr_s(5, 1) = 2
  ;;run shr_s(-0x80000000, 31) = -1
  ;;run shr_s(-2, 32) = -2
  ;;run shr_s(1, -1) = 0
  ;;= asm
  ;;   mov ecx, esi
  ;;   mov eax, edi
  ;;   sar eax, cl
  ;;   ret
  ;;= asm bmi2
  ;;   sarx eax, edi, esi
  ;;   ret

  (func (export "shr_s by five") (param i32) (result i32)
    (i32.shr_s (local.get 0) (i32.const 5)))
  ;;run shr_s by five(100) = 3
  ;;run shr_s by five(-0x80000000) = -67108864
  ;;run shr_s by five(-1) = -1
  ;;= asm
  ;;   mov eax, edi
  ;;   sar eax, 5
  ;;   ret

  (func (export "shr_u") (param i32 i32) (result i32)
    (i32.shr_u (local.get 0) (local.get 1)))
  ;;run shr_u(5, 1) = 2
  ;;run shr_u(-0x80000000, 31) = 1
  ;;run shr_u(-2, 32) = -2
  ;;run shr_u(1, -1) = 0
  ;;= asm
  ;;   mov ecx, esi
  ;;   mov eax, edi
  ;;   shr eax, cl
  ;;   ret
  ;;= asm bmi2
  ;;   shrx eax, edi, esi
  ;;   ret

  (func (export "shr_u by five") (param i32) (result i32)
    (i32.shr_u (local.get 0) (i32.const 5)))
  ;;run shr_u by five(100) = 3
  ;;run shr_u by five(-0x80000000) = 67108864
  ;;run shr_u by five(-1) = 134217727
  ;;= asm
  ;;   mov eax, edi
  ;;   shr eax, 5
  ;;   ret

  (func (export "rotl") (param i32 i32) (result i32)
    (i32.rotl (local.get 0) (local.get 1)))
  ;;run rotl(5, 1) = 10
  ;;run rotl(-0x80000000, 31) = 1073741824
  ;;run rotl(-2, 32) = -2
  ;;run rotl(1, -1) = -2147483648
  ;;= asm
  ;;   mov ecx, esi
  ;;   mov eax, edi
  ;;   rol eax, cl
  ;;   ret

  (func (export "rotl by five") (param i32) (result i32)
    (i32.rotl (local.get 0) (i32.const 5)))
  ;;run rotl by five(100) = 3200
  ;;run rotl by five(-0x80000000) = 16
  ;;run rotl by five(-1) = -1
  ;;= asm
  ;;   mov eax, edi
  ;;   rol eax, 5
  ;;   ret

  (func (export "rotr") (param i32 i32) (result i32)
    (i32.rotr (local.get 0) (local.get 1)))
  ;;run rotr(5, 1) = -2147483646
  ;;run rotr(-0x80000000, 31) = 1
  ;;run rotr(-2, 32) = -2
  ;;run rotr(1, -1) = 2
  ;;= asm
  ;;   mov ecx, esi
  ;;   mov eax, edi
  ;;   ror eax, cl
  ;;   ret

  (func (export "rotr by five") (param i32) (result i32)
    (i32.rotr (local.get 0) (i32.const 5)))
  ;;run rotr by five(100) = 536870915
  ;;run rotr by five(-0x80000000) = 67108864
  ;;run rotr by five(-1) = -1
  ;;= asm
  ;;   mov eax, edi
  ;;   rol eax, 27
  ;;   ret

  (func (export "shl by more than the width") (param i32) (result i32)
    (i32.shl (local.get 0) (i32.const 33)))
  ;;run shl by more than the width(3) = 6
  ;;= asm
  ;;   mov eax, edi
  ;;   shl eax, 1
  ;;   ret

  ;; The high bits of a second word follow.
  (func (export "shift of two") (param i32 i32) (result i32)
    (i32.or (i32.shl (local.get 0) (i32.const 5)) (i32.shr_u (local.get 1) (i32.const 27))))
  ;;run shift of two(1, -1) = 63
  ;;run shift of two(-1, 0) = -32
  ;;= asm
  ;;   mov eax, edi
  ;;   shld eax, esi, 5
  ;;   ret

  (func (export "rotation by hand") (param i32) (result i32)
    (i32.or (i32.shl (local.get 0) (i32.const 7)) (i32.shr_u (local.get 0) (i32.const 25))))
  ;;run rotation by hand(1) = 128
  ;;run rotation by hand(-2) = -129
  ;;= asm
  ;;   mov eax, edi
  ;;   rol eax, 7
  ;;   ret

  (func (export "field") (param i32) (result i32)
    (i32.and (i32.shr_u (local.get 0) (i32.const 4)) (i32.const 7)))
  ;;run field(0x1234) = 3
  ;;run field(-1) = 7
  ;;= asm
  ;;   mov eax, edi
  ;;   shr eax, 4
  ;;   and eax, 7
  ;;   ret

  ;; What compilers wrote before there were sign extensions.
  (func (export "sign of the byte") (param i32) (result i32)
    (i32.shr_s (i32.shl (local.get 0) (i32.const 24)) (i32.const 24)))
  ;;run sign of the byte(0x80) = -128
  ;;run sign of the byte(0x17f) = 127
  ;;= asm
  ;;   movsx eax, dil
  ;;   ret
)
