;; Only the first memory has its base in a register and is guarded; the others are checked.
;;! show = asm
(module
  (memory $a 1 1)
  (memory $b 2 3)
  (data $a (i32.const 0) "abcd")

  (func (export "load first") (param i32) (result i32)
    (i32.load $a (local.get 0)))
  ;;run load first(0) = 1684234849
  ;;run load first(65536) = trap out of bounds memory access
  ;;= asm
  ;;   mov eax, [r14 + rdi]  ; may trap
  ;;   ret

  (func (export "load second") (param i32) (result i32)
    (i32.load $b (local.get 0)))
  ;;run load second(0) = 0
  ;;run load second(131068) = 0
  ;;run load second(131069) = trap out of bounds memory access
  ;;run load second(-1) = trap out of bounds memory access
  ;;= asm
  ;;   mov rax, [r15 + 56]
  ;;   lea rcx, [rdi + 4]
  ;;   cmp rcx, [rax + 8]
  ;;   ja L1
  ;;   mov rax, [rax]
  ;;   mov eax, [rax + rdi]
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 4
  ;;   call wasmpy_raise
  ;;   int3

  (func (export "store second") (param i32 i32)
    (i32.store $b offset=4 (local.get 0) (local.get 1)))
  ;;run store second(0, 7) =
  ;;run store second(131065, 7) = trap out of bounds memory access
  ;;= asm
  ;;   mov rax, [r15 + 56]
  ;;   lea rcx, [rdi + 8]
  ;;   cmp rcx, [rax + 8]
  ;;   ja L1
  ;;   mov rax, [rax]
  ;;   mov [rax + rdi + 4], esi
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 4
  ;;   call wasmpy_raise
  ;;   int3

  (func (export "copy") (param i32 i32 i32)
    (memory.copy $b $a (local.get 0) (local.get 1) (local.get 2)))
  ;;run copy(0, 0, 4) =
  ;;run copy(131072, 65536, 0) =
  ;;run copy(0, 65535, 2) = trap out of bounds memory access
  ;;run load second(0) = 1684234849
  ;;= asm
  ;;   mov r11, [r15]
  ;;   cmp rsp, [r11]
  ;;   jb L2
  ;;   mov r11, [r11 + 24]
  ;;   cmp [r11], r14b
  ;;   jne L2
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov rax, [r15 + 56]
  ;;   mov rcx, [r15 + 48]
  ;;   mov r8d, edx
  ;;   mov edx, edi
  ;;   mov rdi, rax
  ;;   mov r11d, esi
  ;;   mov rsi, rcx
  ;;   mov ecx, r11d
  ;;   call wasmpy_memory_copy
  ;;   add rsp, 8
  ;;   ret
  ;; L2:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1

  (func (export "sizes") (result i32 i32)
    (memory.size $a)
    (memory.size $b))
  ;;run sizes() = 1 2
  ;;= asm
  ;;   mov rax, [r15 + 48]
  ;;   mov rax, [rax + 8]
  ;;   shr rax, 16
  ;;   mov eax, eax
  ;;   mov rcx, [r15 + 56]
  ;;   mov rcx, [rcx + 8]
  ;;   shr rcx, 16
  ;;   mov edx, ecx
  ;;   ret

  (func (export "grow second") (param i32) (result i32)
    (memory.grow $b (local.get 0)))
  ;;run grow second(1) = 2
  ;;= asm
  ;;   mov r11, [r15]
  ;;   cmp rsp, [r11]
  ;;   jb L2
  ;;   mov r11, [r11 + 24]
  ;;   cmp [r11], r14b
  ;;   jne L2
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov rax, [r15 + 56]
  ;;   mov esi, edi
  ;;   mov rdi, rax
  ;;   call wasmpy_memory_grow
  ;;   mov eax, eax
  ;;   add rsp, 8
  ;;   ret
  ;; L2:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1

  ;; Two checks become one only where the order of traps cannot be told apart.
  (func (export "sum") (param i32) (result i32)
    (i32.add (i32.load $b (local.get 0)) (i32.load $b offset=8 (local.get 0))))
  ;;run sum(0) = 1684234849
  ;;run sum(131072) = 0
  ;;= asm
  ;;   mov rax, [r15 + 56]
  ;;   mov rcx, [rax + 8]
  ;;   lea rdx, [rdi + 4]
  ;;   cmp rdx, rcx
  ;;   ja L1
  ;;   mov rax, [rax]
  ;;   lea rdx, [rdi + 12]
  ;;   cmp rdx, rcx
  ;;   ja L2
  ;;   mov ecx, [rax + rdi + 8]
  ;;   add ecx, [rax + rdi]
  ;;   mov eax, ecx
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 4
  ;;   call wasmpy_raise
  ;;   int3
  ;; L2:
  ;;   sub rsp, 8
  ;;   mov edi, 4
  ;;   call wasmpy_raise
  ;;   int3
)
