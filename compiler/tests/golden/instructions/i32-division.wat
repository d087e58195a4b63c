;; Divisions of i32 by constants become multiplications and shifts (Granlund and Montgomery).
;;! show = asm
(module
  (func (export "div_s by two") (param i32) (result i32)
    (i32.div_s (local.get 0) (i32.const 2)))
  ;;run div_s by two(7) = 3
  ;;run div_s by two(-7) = -3
  ;;run div_s by two(0) = 0
  ;;run div_s by two(-0x80000000) = -1073741824
  ;;run div_s by two(0x7fffffff) = 1073741823
  ;;run div_s by two(-1) = 0
  ;;= asm
  ;;   mov eax, edi
  ;;   shr eax, 31
  ;;   add eax, edi
  ;;   sar eax, 1
  ;;   ret

  (func (export "div_s by a power") (param i32) (result i32)
    (i32.div_s (local.get 0) (i32.const 16)))
  ;;run div_s by a power(7) = 0
  ;;run div_s by a power(-7) = 0
  ;;run div_s by a power(0) = 0
  ;;run div_s by a power(-0x80000000) = -134217728
  ;;run div_s by a power(0x7fffffff) = 134217727
  ;;run div_s by a power(-1) = 0
  ;;= asm
  ;;   mov eax, edi
  ;;   sar eax, 31
  ;;   shr eax, 28
  ;;   add eax, edi
  ;;   sar eax, 4
  ;;   ret

  (func (export "div_s by three") (param i32) (result i32)
    (i32.div_s (local.get 0) (i32.const 3)))
  ;;run div_s by three(7) = 2
  ;;run div_s by three(-7) = -2
  ;;run div_s by three(0) = 0
  ;;run div_s by three(-0x80000000) = -715827882
  ;;run div_s by three(0x7fffffff) = 715827882
  ;;run div_s by three(-1) = 0
  ;;= asm
  ;;   movsxd rax, edi
  ;;   mov ecx, -0x55555555
  ;;   imul rax, rcx
  ;;   sar rax, 33
  ;;   sar edi, 31
  ;;   sub eax, edi
  ;;   ret

  (func (export "div_s by minus seven") (param i32) (result i32)
    (i32.div_s (local.get 0) (i32.const -7)))
  ;;run div_s by minus seven(7) = -1
  ;;run div_s by minus seven(-7) = 1
  ;;run div_s by minus seven(0) = 0
  ;;run div_s by minus seven(-0x80000000) = 306783378
  ;;run div_s by minus seven(0x7fffffff) = -306783378
  ;;run div_s by minus seven(-1) = 0
  ;;= asm
  ;;   mov eax, edi
  ;;   sar eax, 31
  ;;   movsxd rcx, edi
  ;;   mov edx, -0x6db6db6d
  ;;   imul rcx, rdx
  ;;   sar rcx, 34
  ;;   sub eax, ecx
  ;;   ret

  (func (export "div_s by minus one") (param i32) (result i32)
    (i32.div_s (local.get 0) (i32.const -1)))
  ;;run div_s by minus one(7) = -7
  ;;run div_s by minus one(-7) = 7
  ;;run div_s by minus one(0x7fffffff) = -2147483647
  ;;run div_s by minus one(-0x80000000) = trap integer overflow
  ;;= asm
  ;;   cmp edi, -0x80000000
  ;;   je L1
  ;;   mov eax, edi
  ;;   neg eax
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 2
  ;;   call wasmpy_raise
  ;;   int3

  (func (export "div_s by the least") (param i32) (result i32)
    (i32.div_s (local.get 0) (i32.const -0x80000000)))
  ;;run div_s by the least(7) = 0
  ;;run div_s by the least(-0x80000000) = 1
  ;;= asm
  ;;   cmp edi, -0x80000000
  ;;   sete al
  ;;   movzx eax, al
  ;;   ret

  (func (export "div_u by a power") (param i32) (result i32)
    (i32.div_u (local.get 0) (i32.const 16)))
  ;;run div_u by a power(7) = 0
  ;;run div_u by a power(-7) = 268435455
  ;;run div_u by a power(0) = 0
  ;;run div_u by a power(-0x80000000) = 134217728
  ;;run div_u by a power(0x7fffffff) = 134217727
  ;;run div_u by a power(-1) = 268435455
  ;;= asm
  ;;   mov eax, edi
  ;;   shr eax, 4
  ;;   ret

  (func (export "div_u by three") (param i32) (result i32)
    (i32.div_u (local.get 0) (i32.const 3)))
  ;;run div_u by three(7) = 2
  ;;run div_u by three(-7) = 1431655763
  ;;run div_u by three(0) = 0
  ;;run div_u by three(-0x80000000) = 715827882
  ;;run div_u by three(0x7fffffff) = 715827882
  ;;run div_u by three(-1) = 1431655765
  ;;= asm
  ;;   mov eax, -0x55555555
  ;;   imul rdi, rax
  ;;   mov rax, rdi
  ;;   shr rax, 33
  ;;   ret

  ;; The magic factor has one bit more than the machine's words.
  (func (export "div_u by seven") (param i32) (result i32)
    (i32.div_u (local.get 0) (i32.const 7)))
  ;;run div_u by seven(7) = 1
  ;;run div_u by seven(-7) = 613566755
  ;;run div_u by seven(0) = 0
  ;;run div_u by seven(-0x80000000) = 306783378
  ;;run div_u by seven(0x7fffffff) = 306783378
  ;;run div_u by seven(-1) = 613566756
  ;;= asm
  ;;   imul rax, rdi, 0x24924925
  ;;   shr rax, 32
  ;;   sub edi, eax
  ;;   shr edi, 1
  ;;   add edi, eax
  ;;   mov eax, edi
  ;;   shr eax, 2
  ;;   ret

  (func (export "div_u by a large number") (param i32) (result i32)
    (i32.div_u (local.get 0) (i32.const -2)))
  ;;run div_u by a large number(-1) = 1
  ;;run div_u by a large number(-2) = 1
  ;;run div_u by a large number(-3) = 0
  ;;run div_u by a large number(5) = 0
  ;;= asm
  ;;   lea rax, [rdi + rdi*2]
  ;;   shr rax, 32
  ;;   sub edi, eax
  ;;   shr edi, 1
  ;;   add edi, eax
  ;;   mov eax, edi
  ;;   shr eax, 31
  ;;   ret

  (func (export "rem_s by a power") (param i32) (result i32)
    (i32.rem_s (local.get 0) (i32.const 8)))
  ;;run rem_s by a power(7) = 7
  ;;run rem_s by a power(-7) = -7
  ;;run rem_s by a power(0) = 0
  ;;run rem_s by a power(-0x80000000) = 0
  ;;run rem_s by a power(0x7fffffff) = 7
  ;;run rem_s by a power(-1) = -1
  ;;= asm
  ;;   mov eax, edi
  ;;   sar eax, 31
  ;;   shr eax, 29
  ;;   lea ecx, [rdi + rax]
  ;;   and ecx, 7
  ;;   sub ecx, eax
  ;;   mov eax, ecx
  ;;   ret

  (func (export "rem_s by ten") (param i32) (result i32)
    (i32.rem_s (local.get 0) (i32.const 10)))
  ;;run rem_s by ten(7) = 7
  ;;run rem_s by ten(-7) = -7
  ;;run rem_s by ten(0) = 0
  ;;run rem_s by ten(-0x80000000) = -8
  ;;run rem_s by ten(0x7fffffff) = 7
  ;;run rem_s by ten(-1) = -1
  ;;= asm
  ;;   movsxd rax, edi
  ;;   mov ecx, -0x33333333
  ;;   imul rax, rcx
  ;;   sar rax, 35
  ;;   mov ecx, edi
  ;;   sar ecx, 31
  ;;   sub eax, ecx
  ;;   imul eax, eax, 10
  ;;   sub edi, eax
  ;;   mov eax, edi
  ;;   ret

  (func (export "rem_u by a power") (param i32) (result i32)
    (i32.rem_u (local.get 0) (i32.const 8)))
  ;;run rem_u by a power(7) = 7
  ;;run rem_u by a power(-7) = 1
  ;;run rem_u by a power(0) = 0
  ;;run rem_u by a power(-0x80000000) = 0
  ;;run rem_u by a power(0x7fffffff) = 7
  ;;run rem_u by a power(-1) = 7
  ;;= asm
  ;;   mov eax, edi
  ;;   and eax, 7
  ;;   ret

  (func (export "rem_u by ten") (param i32) (result i32)
    (i32.rem_u (local.get 0) (i32.const 10)))
  ;;run rem_u by ten(7) = 7
  ;;run rem_u by ten(-7) = 9
  ;;run rem_u by ten(0) = 0
  ;;run rem_u by ten(-0x80000000) = 8
  ;;run rem_u by ten(0x7fffffff) = 7
  ;;run rem_u by ten(-1) = 5
  ;;= asm
  ;;   mov eax, -0x33333333
  ;;   imul rax, rdi
  ;;   shr rax, 35
  ;;   imul eax, eax, 10
  ;;   sub edi, eax
  ;;   mov eax, edi
  ;;   ret

  (func (export "div_u by zero") (param i32) (result i32)
    (i32.div_u (local.get 0) (i32.const 0)))
  ;;run div_u by zero(1) = trap integer divide by zero
  ;;= asm
  ;;   sub rsp, 8
  ;;   mov edi, 1
  ;;   call wasmpy_raise
  ;;   int3

  ;; Quotient and remainder of one division.
  (func (export "both") (param i32 i32) (result i32 i32)
    (i32.div_u (local.get 0) (local.get 1))
    (i32.rem_u (local.get 0) (local.get 1)))
  ;;run both(17, 5) = 3 2
  ;;run both(-1, 10) = 429496729 5
  ;;run both(1, 0) = trap integer divide by zero
  ;;= asm
  ;;   test esi, esi
  ;;   je L1
  ;;   xor edx, edx
  ;;   mov eax, edi
  ;;   div esi
  ;;   mov ecx, eax
  ;;   xor edx, edx
  ;;   mov eax, edi
  ;;   div esi
  ;;   mov eax, ecx
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 1
  ;;   call wasmpy_raise
  ;;   int3
)
