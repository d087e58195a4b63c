;; Sums, products and quotients of i32.
;;! show = asm
(module
  (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1)))
  ;;run add(1, 2) = 3
  ;;run add(0x7fffffff, 1) = -2147483648
  ;;run add(-0x80000000, -1) = 2147483647
  ;;= asm
  ;;   mov eax, edi
  ;;   add eax, esi
  ;;   ret

  (func (export "add three") (param i32 i32) (result i32)
    (i32.add (i32.add (local.get 0) (local.get 1)) (i32.const 100)))
  ;;run add three(1, 2) = 103
  ;;run add three(0x7fffffff, 0x7fffffff) = 98
  ;;= asm
  ;;   mov eax, edi
  ;;   add eax, esi
  ;;   add eax, 100
  ;;   ret

  (func (export "add scaled") (param i32 i32) (result i32)
    (i32.add (local.get 0) (i32.shl (local.get 1) (i32.const 3))))
  ;;run add scaled(1, 2) = 17
  ;;run add scaled(1, 0x7fffffff) = -7
  ;;= asm
  ;;   lea eax, [rdi + rsi*8]
  ;;   ret

  (func (export "add constant") (param i32) (result i32)
    (i32.add (local.get 0) (i32.const 1)))
  ;;run add constant(0x7fffffff) = -2147483648
  ;;run add constant(-1) = 0
  ;;= asm
  ;;   mov eax, edi
  ;;   add eax, 1
  ;;   ret

  (func (export "sub") (param i32 i32) (result i32)
    (i32.sub (local.get 0) (local.get 1)))
  ;;run sub(1, 2) = -1
  ;;run sub(-0x80000000, 1) = 2147483647
  ;;run sub(0, -0x80000000) = -2147483648
  ;;= asm
  ;;   mov eax, edi
  ;;   sub eax, esi
  ;;   ret

  (func (export "negate") (param i32) (result i32)
    (i32.sub (i32.const 0) (local.get 0)))
  ;;run negate(5) = -5
  ;;run negate(-0x80000000) = -2147483648
  ;;run negate(0) = 0
  ;;= asm
  ;;   mov eax, edi
  ;;   neg eax
  ;;   ret

  (func (export "mul") (param i32 i32) (result i32)
    (i32.mul (local.get 0) (local.get 1)))
  ;;run mul(3, -7) = -21
  ;;run mul(0x10001, 0x10001) = 131073
  ;;run mul(-0x80000000, -1) = -2147483648
  ;;= asm
  ;;   mov eax, edi
  ;;   imul eax, esi
  ;;   ret

  (func (export "mul by five") (param i32) (result i32)
    (i32.mul (local.get 0) (i32.const 5)))
  ;;run mul by five(7) = 35
  ;;run mul by five(0x7fffffff) = 2147483643
  ;;= asm
  ;;   lea eax, [rdi + rdi*4]
  ;;   ret

  (func (export "mul by a power") (param i32) (result i32)
    (i32.mul (local.get 0) (i32.const 64)))
  ;;run mul by a power(-3) = -192
  ;;run mul by a power(0x7fffffff) = -64
  ;;= asm
  ;;   mov eax, edi
  ;;   shl eax, 6
  ;;   ret

  (func (export "mul by minus one") (param i32) (result i32)
    (i32.mul (local.get 0) (i32.const -1)))
  ;;run mul by minus one(5) = -5
  ;;run mul by minus one(-0x80000000) = -2147483648
  ;;= asm
  ;;   mov eax, edi
  ;;   neg eax
  ;;   ret

  (func (export "mul by a constant") (param i32) (result i32)
    (i32.mul (local.get 0) (i32.const 1000)))
  ;;run mul by a constant(7) = 7000
  ;;run mul by a constant(0x7fffffff) = -1000
  ;;= asm
  ;;   imul eax, edi, 1000
  ;;   ret

  ;; Two traps: a zero divisor, and the one quotient that does not fit.
  (func (export "div_s") (param i32 i32) (result i32)
    (i32.div_s (local.get 0) (local.get 1)))
  ;;run div_s(7, 2) = 3
  ;;run div_s(-7, 2) = -3
  ;;run div_s(7, -2) = -3
  ;;run div_s(-0x80000000, 2) = -1073741824
  ;;run div_s(-0x80000000, 1) = -2147483648
  ;;run div_s(1, 0) = trap integer divide by zero
  ;;run div_s(-0x80000000, -1) = trap integer overflow
  ;;= asm
  ;;   test esi, esi
  ;;   je L1
  ;;   lea eax, [rdi - 0x80000000]
  ;;   lea ecx, [rsi + 1]
  ;;   or eax, ecx
  ;;   je L2
  ;;   mov eax, edi
  ;;   cdq
  ;;   idiv esi
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

  (func (export "div_u") (param i32 i32) (result i32)
    (i32.div_u (local.get 0) (local.get 1)))
  ;;run div_u(7, 2) = 3
  ;;run div_u(-1, 2) = 2147483647
  ;;run div_u(-0x80000000, -1) = 0
  ;;run div_u(1, 0) = trap integer divide by zero
  ;;= asm
  ;;   test esi, esi
  ;;   je L1
  ;;   xor edx, edx
  ;;   mov eax, edi
  ;;   div esi
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 1
  ;;   call wasmpy_raise
  ;;   int3

  ;; MIN rem -1 is 0, for which the machine would fault.
  (func (export "rem_s") (param i32 i32) (result i32)
    (i32.rem_s (local.get 0) (local.get 1)))
  ;;run rem_s(7, 2) = 1
  ;;run rem_s(-7, 2) = -1
  ;;run rem_s(7, -2) = 1
  ;;run rem_s(-0x80000000, -1) = 0
  ;;run rem_s(-0x80000000, 3) = -2
  ;;run rem_s(1, 0) = trap integer divide by zero
  ;;= asm
  ;;   test esi, esi
  ;;   je L1
  ;;   mov eax, 1
  ;;   cmp esi, -1
  ;;   mov ecx, eax
  ;;   cmovne ecx, esi
  ;;   mov eax, edi
  ;;   cdq
  ;;   idiv ecx
  ;;   mov eax, edx
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 1
  ;;   call wasmpy_raise
  ;;   int3

  (func (export "rem_u") (param i32 i32) (result i32)
    (i32.rem_u (local.get 0) (local.get 1)))
  ;;run rem_u(7, 2) = 1
  ;;run rem_u(-1, 10) = 5
  ;;run rem_u(1, -1) = 1
  ;;run rem_u(1, 0) = trap integer divide by zero
  ;;= asm
  ;;   test esi, esi
  ;;   je L1
  ;;   xor edx, edx
  ;;   mov eax, edi
  ;;   div esi
  ;;   mov eax, edx
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 1
  ;;   call wasmpy_raise
  ;;   int3
)
