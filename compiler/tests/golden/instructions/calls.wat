;; Calls of functions: of the module, imported, through tables. Arguments and results stay in registers. The first
;; lines of a function that calls compare the stack pointer with its limit.
;;! show = asm
(module
  (type $binary (func (param i32 i32) (result i32)))
  (type $unary (func (param i32) (result i32)))
  (import "host" "add" (func $host (param i32 i32) (result i32)))
  (table $table 8 funcref)
  (elem (i32.const 1) $plus $minus $twice)

  (func $plus (export "plus") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1)))
  ;;run plus(1, 2) = 3
  ;;= asm
  ;;   mov eax, edi
  ;;   add eax, esi
  ;;   ret

  (func $minus (export "minus") (param i32 i32) (result i32)
    (i32.sub (local.get 0) (local.get 1)))
  ;;run minus(1, 2) = -1
  ;;= asm
  ;;   mov eax, edi
  ;;   sub eax, esi
  ;;   ret

  (func $twice (export "twice") (param i32) (result i32)
    (i32.shl (local.get 0) (i32.const 1)))
  ;;run twice(4) = 8
  ;;= asm
  ;;   mov eax, edi
  ;;   shl eax, 1
  ;;   ret

  (func $divmod (export "divmod") (param i32 i32) (result i32 i32)
    (i32.div_u (local.get 0) (local.get 1))
    (i32.rem_u (local.get 0) (local.get 1)))
  ;;run divmod(17, 5) = 3 2
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

  (func (export "call") (param i32 i32) (result i32)
    (call $plus (call $minus (local.get 0) (local.get 1)) (local.get 1)))
  ;;run call(5, 3) = 5
  ;;= asm
  ;;   mov r11, [r15]
  ;;   cmp rsp, [r11]
  ;;   jb L2
  ;;   mov r11, [r11 + 24]
  ;;   cmp [r11], r14b
  ;;   jne L2
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov [rsp], rsi
  ;;   call minus
  ;;   mov esi, [rsp]
  ;;   mov edi, eax
  ;;   call plus
  ;;   add rsp, 8
  ;;   ret
  ;; L2:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1

  (func (export "call with two results") (param i32 i32) (result i32)
    (i32.add (call $divmod (local.get 0) (local.get 1))))
  ;;run call with two results(17, 5) = 5
  ;;run call with two results(17, 0) = trap integer divide by zero
  ;;= asm
  ;;   mov r11, [r15]
  ;;   cmp rsp, [r11]
  ;;   jb L2
  ;;   mov r11, [r11 + 24]
  ;;   cmp [r11], r14b
  ;;   jne L2
  ;; L1:
  ;;   sub rsp, 8
  ;;   call divmod
  ;;   add edx, eax
  ;;   mov eax, edx
  ;;   add rsp, 8
  ;;   ret
  ;; L2:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1

  (func (export "call of an import") (param i32) (result i32)
    (call $host (local.get 0) (i32.const 1)))
  ;;run call of an import(41) = 42
  ;;= asm
  ;;   mov r11, [r15]
  ;;   cmp rsp, [r11]
  ;;   jb L2
  ;;   mov r11, [r11 + 24]
  ;;   cmp [r11], r14b
  ;;   jne L2
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov rax, [r15 + 120]
  ;;   mov edx, 1
  ;;   mov esi, edi
  ;;   mov rdi, rax
  ;;   call qword [rax + 24]
  ;;   add rsp, 8
  ;;   ret
  ;; L2:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1

  ;; Three checks: the index, the entry, its type.
  (func (export "call_indirect") (param i32 i32 i32) (result i32)
    (call_indirect $table (type $binary) (local.get 1) (local.get 2) (local.get 0)))
  ;;run call_indirect(1, 5, 3) = 8
  ;;run call_indirect(2, 5, 3) = 2
  ;;run call_indirect(3, 5, 3) = trap indirect call type mismatch
  ;;run call_indirect(0, 5, 3) = trap uninitialized element
  ;;run call_indirect(8, 5, 3) = trap undefined element
  ;;run call_indirect(-1, 5, 3) = trap undefined element
  ;;= asm
  ;;   mov r11, [r15]
  ;;   cmp rsp, [r11]
  ;;   jb L2
  ;;   mov r11, [r11 + 24]
  ;;   cmp [r11], r14b
  ;;   jne L2
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov rax, [r15 + 48]
  ;;   cmp rdi, [rax + 8]
  ;;   jae L3
  ;;   mov rax, [rax]
  ;;   mov rax, [rax + rdi*8]
  ;;   test rax, rax
  ;;   je L4
  ;;   mov rcx, [r15 + 56]
  ;;   cmp rcx, [rax + 16]
  ;;   jne L5
  ;;   mov edi, esi
  ;;   mov esi, edx
  ;;   call qword [rax]
  ;;   add rsp, 8
  ;;   ret
  ;; L2:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1
  ;; L3:
  ;;   mov edi, 6
  ;;   call wasmpy_raise
  ;;   int3
  ;; L4:
  ;;   mov edi, 7
  ;;   call wasmpy_raise
  ;;   int3
  ;; L5:
  ;;   mov edi, 8
  ;;   call wasmpy_raise
  ;;   int3

  ;; What lives across the call waits on the stack, or in a register that the callee saves.
  (func $factorial (export "factorial") (param i64) (result i64)
    (if (result i64) (i64.eqz (local.get 0))
      (then (i64.const 1))
      (else (i64.mul (local.get 0) (call $factorial (i64.sub (local.get 0) (i64.const 1)))))))
  ;;run factorial(20) = 2432902008176640000
  ;;= asm
  ;;   mov r11, [r15]
  ;;   cmp rsp, [r11]
  ;;   jb L3
  ;;   mov r11, [r11 + 24]
  ;;   cmp [r11], r14b
  ;;   jne L3
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov [rsp], rdi
  ;;   mov rax, rdi
  ;;   test rax, rax
  ;;   jne L2
  ;;   mov eax, 1
  ;;   add rsp, 8
  ;;   ret
  ;; L2:
  ;;   lea rdi, [rax - 1]
  ;;   call factorial
  ;;   imul rax, [rsp]
  ;;   add rsp, 8
  ;;   ret
  ;; L3:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1

  (func $many (export "many") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (i32.sub (local.get 8) (local.get 9)))
  ;;run many(1, 2, 3, 4, 5, 6, 7, 8, 10, 9) = 1
  ;;= asm
  ;;   mov eax, [rsp + 8]
  ;;   mov ecx, [rsp + 16]
  ;;   sub eax, ecx
  ;;   ret 16

  ;; Eight arguments in registers, the others on the stack, which the callee pops.
  (func (export "call with many") (param i32) (result i32)
    (call $many (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0)
      (local.get 0) (local.get 0) (local.get 0) (local.get 0) (i32.const 1)))
  ;;run call with many(5) = 4
  ;;= asm
  ;;   mov r11, [r15]
  ;;   cmp rsp, [r11]
  ;;   jb L2
  ;;   mov r11, [r11 + 24]
  ;;   cmp [r11], r14b
  ;;   jne L2
  ;; L1:
  ;;   sub rsp, 24
  ;;   mov [rsp], edi
  ;;   mov eax, 1
  ;;   mov [rsp + 8], eax
  ;;   mov eax, edi
  ;;   mov r10d, edi
  ;;   mov r9d, edi
  ;;   mov r8d, edi
  ;;   mov ecx, edi
  ;;   mov edx, edi
  ;;   mov esi, edi
  ;;   call many
  ;;   sub rsp, 16
  ;;   add rsp, 24
  ;;   ret
  ;; L2:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1
)
