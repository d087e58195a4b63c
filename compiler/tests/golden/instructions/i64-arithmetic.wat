;; Sums, products and quotients of i64.
;;! show = asm
(module
  (func (export "add") (param i64 i64) (result i64)
    (i64.add (local.get 0) (local.get 1)))
  ;;run add(1, 2) = 3
  ;;run add(0x7fffffffffffffff, 1) = -9223372036854775808
  ;;run add(-0x8000000000000000, -1) = 9223372036854775807
  ;;= asm
  ;;   mov rax, rdi
  ;;   add rax, rsi
  ;;   ret

  (func (export "add three") (param i64 i64) (result i64)
    (i64.add (i64.add (local.get 0) (local.get 1)) (i64.const 100)))
  ;;run add three(1, 2) = 103
  ;;run add three(0x7fffffffffffffff, 0x7fffffffffffffff) = 98
  ;;= asm
  ;;   mov rax, rdi
  ;;   add rax, rsi
  ;;   add rax, 100
  ;;   ret

  (func (export "add scaled") (param i64 i64) (result i64)
    (i64.add (local.get 0) (i64.shl (local.get 1) (i64.const 3))))
  ;;run add scaled(1, 2) = 17
  ;;run add scaled(1, 0x7fffffffffffffff) = -7
  ;;= asm
  ;;   lea rax, [rdi + rsi*8]
  ;;   ret

  (func (export "add constant") (param i64) (result i64)
    (i64.add (local.get 0) (i64.const 1)))
  ;;run add constant(0x7fffffffffffffff) = -9223372036854775808
  ;;run add constant(-1) = 0
  ;;= asm
  ;;   mov rax, rdi
  ;;   add rax, 1
  ;;   ret

  ;; Too wide for an immediate.
  (func (export "add wide constant") (param i64) (result i64)
    (i64.add (local.get 0) (i64.const 0x123456789)))
  ;;run add wide constant(1) = 4886718346
  ;;run add wide constant(0x7fffffffffffffff) = -9223372031968057464
  ;;= asm
  ;;   movabs rax, 0x0000000123456789
  ;;   add rdi, rax
  ;;   mov rax, rdi
  ;;   ret

  (func (export "sub") (param i64 i64) (result i64)
    (i64.sub (local.get 0) (local.get 1)))
  ;;run sub(1, 2) = -1
  ;;run sub(-0x8000000000000000, 1) = 9223372036854775807
  ;;run sub(0, -0x8000000000000000) = -9223372036854775808
  ;;= asm
  ;;   mov rax, rdi
  ;;   sub rax, rsi
  ;;   ret

  (func (export "negate") (param i64) (result i64)
    (i64.sub (i64.const 0) (local.get 0)))
  ;;run negate(5) = -5
  ;;run negate(-0x8000000000000000) = -9223372036854775808
  ;;run negate(0) = 0
  ;;= asm
  ;;   mov rax, rdi
  ;;   neg rax
  ;;   ret

  (func (export "mul") (param i64 i64) (result i64)
    (i64.mul (local.get 0) (local.get 1)))
  ;;run mul(3, -7) = -21
  ;;run mul(0x10001, 0x10001) = 4295098369
  ;;run mul(-0x8000000000000000, -1) = -9223372036854775808
  ;;= asm
  ;;   mov rax, rdi
  ;;   imul rax, rsi
  ;;   ret

  (func (export "mul by five") (param i64) (result i64)
    (i64.mul (local.get 0) (i64.const 5)))
  ;;run mul by five(7) = 35
  ;;run mul by five(0x7fffffffffffffff) = 9223372036854775803
  ;;= asm
  ;;   lea rax, [rdi + rdi*4]
  ;;   ret

  (func (export "mul by a power") (param i64) (result i64)
    (i64.mul (local.get 0) (i64.const 64)))
  ;;run mul by a power(-3) = -192
  ;;run mul by a power(0x7fffffffffffffff) = -64
  ;;= asm
  ;;   mov rax, rdi
  ;;   shl rax, 6
  ;;   ret

  (func (export "mul by minus one") (param i64) (result i64)
    (i64.mul (local.get 0) (i64.const -1)))
  ;;run mul by minus one(5) = -5
  ;;run mul by minus one(-0x8000000000000000) = -9223372036854775808
  ;;= asm
  ;;   mov rax, rdi
  ;;   neg rax
  ;;   ret

  (func (export "mul by a constant") (param i64) (result i64)
    (i64.mul (local.get 0) (i64.const 1000)))
  ;;run mul by a constant(7) = 7000
  ;;run mul by a constant(0x7fffffffffffffff) = -1000
  ;;= asm
  ;;   imul rax, rdi, 1000
  ;;   ret

  ;; Two traps: a zero divisor, and the one quotient that does not fit.
  (func (export "div_s") (param i64 i64) (result i64)
    (i64.div_s (local.get 0) (local.get 1)))
  ;;run div_s(7, 2) = 3
  ;;run div_s(-7, 2) = -3
  ;;run div_s(7, -2) = -3
  ;;run div_s(-0x8000000000000000, 2) = -4611686018427387904
  ;;run div_s(-0x8000000000000000, 1) = -9223372036854775808
  ;;run div_s(1, 0) = trap integer divide by zero
  ;;run div_s(-0x8000000000000000, -1) = trap integer overflow
  ;;= asm
  ;;   test rsi, rsi
  ;;   je L1
  ;;   movabs rax, 0x8000000000000000
  ;;   add rax, rdi
  ;;   lea rcx, [rsi + 1]
  ;;   or rax, rcx
  ;;   je L2
  ;;   mov rax, rdi
  ;;   cqo
  ;;   idiv rsi
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 1
  ;;   call wasmpy_raise
  ;;   int3
  ;; L2:
  ;;   sub rsp, 8
  ;;   mov edi, 2
  ;;   call wasmpy_raise
  ;;   int3

  (func (export "div_u") (param i64 i64) (result i64)
    (i64.div_u (local.get 0) (local.get 1)))
  ;;run div_u(7, 2) = 3
  ;;run div_u(-1, 2) = 9223372036854775807
  ;;run div_u(-0x8000000000000000, -1) = 0
  ;;run div_u(1, 0) = trap integer divide by zero
  ;;= asm
  ;;   test rsi, rsi
  ;;   je L1
  ;;   xor edx, edx
  ;;   mov rax, rdi
  ;;   div rsi
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 1
  ;;   call wasmpy_raise
  ;;   int3

  ;; MIN rem -1 is 0, for which the machine would fault.
  (func (export "rem_s") (param i64 i64) (result i64)
    (i64.rem_s (local.get 0) (local.get 1)))
  ;;run rem_s(7, 2) = 1
  ;;run rem_s(-7, 2) = -1
  ;;run rem_s(7, -2) = 1
  ;;run rem_s(-0x8000000000000000, -1) = 0
  ;;run rem_s(-0x8000000000000000, 3) = -2
  ;;run rem_s(1, 0) = trap integer divide by zero
  ;;= asm
  ;;   test rsi, rsi
  ;;   je L1
  ;;   mov eax, 1
  ;;   cmp rsi, -1
  ;;   mov rcx, rax
  ;;   cmovne rcx, rsi
  ;;   mov rax, rdi
  ;;   cqo
  ;;   idiv rcx
  ;;   mov rax, rdx
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 1
  ;;   call wasmpy_raise
  ;;   int3

  (func (export "rem_u") (param i64 i64) (result i64)
    (i64.rem_u (local.get 0) (local.get 1)))
  ;;run rem_u(7, 2) = 1
  ;;run rem_u(-1, 10) = 5
  ;;run rem_u(1, -1) = 1
  ;;run rem_u(1, 0) = trap integer divide by zero
  ;;= asm
  ;;   test rsi, rsi
  ;;   je L1
  ;;   xor edx, edx
  ;;   mov rax, rdi
  ;;   div rsi
  ;;   mov rax, rdx
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 1
  ;;   call wasmpy_raise
  ;;   int3
)
