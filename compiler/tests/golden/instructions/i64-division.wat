;; Divisions of i64 by constants become multiplications and shifts (Granlund and Montgomery).
;;! show = asm
(module
  (func (export "div_s by two") (param i64) (result i64)
    (i64.div_s (local.get 0) (i64.const 2)))
  ;;run div_s by two(7) = 3
  ;;run div_s by two(-7) = -3
  ;;run div_s by two(0) = 0
  ;;run div_s by two(-0x8000000000000000) = -4611686018427387904
  ;;run div_s by two(0x7fffffffffffffff) = 4611686018427387903
  ;;run div_s by two(-1) = 0
  ;;= asm
  ;;   mov rax, rdi
  ;;   shr rax, 63
  ;;   add rax, rdi
  ;;   sar rax, 1
  ;;   ret

  (func (export "div_s by a power") (param i64) (result i64)
    (i64.div_s (local.get 0) (i64.const 16)))
  ;;run div_s by a power(7) = 0
  ;;run div_s by a power(-7) = 0
  ;;run div_s by a power(0) = 0
  ;;run div_s by a power(-0x8000000000000000) = -576460752303423488
  ;;run div_s by a power(0x7fffffffffffffff) = 576460752303423487
  ;;run div_s by a power(-1) = 0
  ;;= asm
  ;;   mov rax, rdi
  ;;   sar rax, 63
  ;;   shr rax, 60
  ;;   add rax, rdi
  ;;   sar rax, 4
  ;;   ret

  (func (export "div_s by three") (param i64) (result i64)
    (i64.div_s (local.get 0) (i64.const 3)))
  ;;run div_s by three(7) = 2
  ;;run div_s by three(-7) = -2
  ;;run div_s by three(0) = 0
  ;;run div_s by three(-0x8000000000000000) = -3074457345618258602
  ;;run div_s by three(0x7fffffffffffffff) = 3074457345618258602
  ;;run div_s by three(-1) = 0
  ;;= asm
  ;;   movabs rcx, 0x5555555555555556
  ;;   mov rax, rdi
  ;;   imul rcx
  ;;   sar rdi, 63
  ;;   mov rax, rdx
  ;;   sub rax, rdi
  ;;   ret

  (func (export "div_s by minus seven") (param i64) (result i64)
    (i64.div_s (local.get 0) (i64.const -7)))
  ;;run div_s by minus seven(7) = -1
  ;;run div_s by minus seven(-7) = 1
  ;;run div_s by minus seven(0) = 0
  ;;run div_s by minus seven(-0x8000000000000000) = 1317624576693539401
  ;;run div_s by minus seven(0x7fffffffffffffff) = -1317624576693539401
  ;;run div_s by minus seven(-1) = 0
  ;;= asm
  ;;   movabs rcx, 0x4924924924924925
  ;;   mov rax, rdi
  ;;   imul rcx
  ;;   mov rax, rdx
  ;;   sar rax, 1
  ;;   sar rdi, 63
  ;;   sub rax, rdi
  ;;   neg rax
  ;;   ret

  (func (export "div_s by minus one") (param i64) (result i64)
    (i64.div_s (local.get 0) (i64.const -1)))
  ;;run div_s by minus one(7) = -7
  ;;run div_s by minus one(-7) = 7
  ;;run div_s by minus one(0x7fffffffffffffff) = -9223372036854775807
  ;;run div_s by minus one(-0x8000000000000000) = trap integer overflow
  ;;= asm
  ;;   movabs rax, 0x8000000000000000
  ;;   cmp rdi, rax
  ;;   je L1
  ;;   mov rax, rdi
  ;;   neg rax
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 2
  ;;   call wasmpy_raise
  ;;   int3

  (func (export "div_s by the least") (param i64) (result i64)
    (i64.div_s (local.get 0) (i64.const -0x8000000000000000)))
  ;;run div_s by the least(7) = 0
  ;;run div_s by the least(-0x8000000000000000) = 1
  ;;= asm
  ;;   movabs rax, 0x8000000000000000
  ;;   cmp rdi, rax
  ;;   sete al
  ;;   movzx eax, al
  ;;   ret

  (func (export "div_u by a power") (param i64) (result i64)
    (i64.div_u (local.get 0) (i64.const 16)))
  ;;run div_u by a power(7) = 0
  ;;run div_u by a power(-7) = 1152921504606846975
  ;;run div_u by a power(0) = 0
  ;;run div_u by a power(-0x8000000000000000) = 576460752303423488
  ;;run div_u by a power(0x7fffffffffffffff) = 576460752303423487
  ;;run div_u by a power(-1) = 1152921504606846975
  ;;= asm
  ;;   mov rax, rdi
  ;;   shr rax, 4
  ;;   ret

  (func (export "div_u by three") (param i64) (result i64)
    (i64.div_u (local.get 0) (i64.const 3)))
  ;;run div_u by three(7) = 2
  ;;run div_u by three(-7) = 6148914691236517203
  ;;run div_u by three(0) = 0
  ;;run div_u by three(-0x8000000000000000) = 3074457345618258602
  ;;run div_u by three(0x7fffffffffffffff) = 3074457345618258602
  ;;run div_u by three(-1) = 6148914691236517205
  ;;= asm
  ;;   movabs rcx, 0xaaaaaaaaaaaaaaab
  ;;   mov rax, rdi
  ;;   mul rcx
  ;;   mov rax, rdx
  ;;   shr rax, 1
  ;;   ret

  ;; The magic factor has one bit more than the machine's words.
  (func (export "div_u by seven") (param i64) (result i64)
    (i64.div_u (local.get 0) (i64.const 7)))
  ;;run div_u by seven(7) = 1
  ;;run div_u by seven(-7) = 2635249153387078801
  ;;run div_u by seven(0) = 0
  ;;run div_u by seven(-0x8000000000000000) = 1317624576693539401
  ;;run div_u by seven(0x7fffffffffffffff) = 1317624576693539401
  ;;run div_u by seven(-1) = 2635249153387078802
  ;;= asm
  ;;   movabs rcx, 0x2492492492492493
  ;;   mov rax, rdi
  ;;   mul rcx
  ;;   mov rax, rdi
  ;;   sub rax, rdx
  ;;   shr rax, 1
  ;;   add rax, rdx
  ;;   shr rax, 2
  ;;   ret

  (func (export "div_u by a large number") (param i64) (result i64)
    (i64.div_u (local.get 0) (i64.const -2)))
  ;;run div_u by a large number(-1) = 1
  ;;run div_u by a large number(-2) = 1
  ;;run div_u by a large number(-3) = 0
  ;;run div_u by a large number(5) = 0
  ;;= asm
  ;;   xor edx, edx
  ;;   mov rcx, -2
  ;;   mov rax, rdi
  ;;   div rcx
  ;;   ret

  (func (export "rem_s by a power") (param i64) (result i64)
    (i64.rem_s (local.get 0) (i64.const 8)))
  ;;run rem_s by a power(7) = 7
  ;;run rem_s by a power(-7) = -7
  ;;run rem_s by a power(0) = 0
  ;;run rem_s by a power(-0x8000000000000000) = 0
  ;;run rem_s by a power(0x7fffffffffffffff) = 7
  ;;run rem_s by a power(-1) = -1
  ;;= asm
  ;;   mov rax, rdi
  ;;   sar rax, 63
  ;;   shr rax, 61
  ;;   lea rcx, [rdi + rax]
  ;;   and ecx, 7
  ;;   sub rcx, rax
  ;;   mov rax, rcx
  ;;   ret

  (func (export "rem_s by ten") (param i64) (result i64)
    (i64.rem_s (local.get 0) (i64.const 10)))
  ;;run rem_s by ten(7) = 7
  ;;run rem_s by ten(-7) = -7
  ;;run rem_s by ten(0) = 0
  ;;run rem_s by ten(-0x8000000000000000) = -8
  ;;run rem_s by ten(0x7fffffffffffffff) = 7
  ;;run rem_s by ten(-1) = -1
  ;;= asm
  ;;   movabs rcx, 0x6666666666666667
  ;;   mov rax, rdi
  ;;   imul rcx
  ;;   sar rdx, 2
  ;;   mov rax, rdi
  ;;   sar rax, 63
  ;;   sub rdx, rax
  ;;   imul rax, rdx, 10
  ;;   sub rdi, rax
  ;;   mov rax, rdi
  ;;   ret

  (func (export "rem_u by a power") (param i64) (result i64)
    (i64.rem_u (local.get 0) (i64.const 8)))
  ;;run rem_u by a power(7) = 7
  ;;run rem_u by a power(-7) = 1
  ;;run rem_u by a power(0) = 0
  ;;run rem_u by a power(-0x8000000000000000) = 0
  ;;run rem_u by a power(0x7fffffffffffffff) = 7
  ;;run rem_u by a power(-1) = 7
  ;;= asm
  ;;   mov rax, rdi
  ;;   and eax, 7
  ;;   ret

  (func (export "rem_u by ten") (param i64) (result i64)
    (i64.rem_u (local.get 0) (i64.const 10)))
  ;;run rem_u by ten(7) = 7
  ;;run rem_u by ten(-7) = 9
  ;;run rem_u by ten(0) = 0
  ;;run rem_u by ten(-0x8000000000000000) = 8
  ;;run rem_u by ten(0x7fffffffffffffff) = 7
  ;;run rem_u by ten(-1) = 5
  ;;= asm
  ;;   movabs rcx, 0xcccccccccccccccd
  ;;   mov rax, rdi
  ;;   mul rcx
  ;;   shr rdx, 3
  ;;   imul rax, rdx, 10
  ;;   sub rdi, rax
  ;;   mov rax, rdi
  ;;   ret

  (func (export "div_u by zero") (param i64) (result i64)
    (i64.div_u (local.get 0) (i64.const 0)))
  ;;run div_u by zero(1) = trap integer divide by zero
  ;;= asm
  ;;   sub rsp, 8
  ;;   mov edi, 1
  ;;   call wasmpy_raise
  ;;   int3

  ;; Quotient and remainder of one division.
  (func (export "both") (param i64 i64) (result i64 i64)
    (i64.div_u (local.get 0) (local.get 1))
    (i64.rem_u (local.get 0) (local.get 1)))
  ;;run both(17, 5) = 3 2
  ;;run both(-1, 10) = 1844674407370955161 5
  ;;run both(1, 0) = trap integer divide by zero
  ;;= asm
  ;;   test rsi, rsi
  ;;   je L1
  ;;   xor edx, edx
  ;;   mov rax, rdi
  ;;   div rsi
  ;;   mov rcx, rax
  ;;   xor edx, edx
  ;;   mov rax, rdi
  ;;   div rsi
  ;;   mov rax, rcx
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 1
  ;;   call wasmpy_raise
  ;;   int3
)
