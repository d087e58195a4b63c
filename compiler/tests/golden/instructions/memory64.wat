;; Memories with 64-bit addresses are always checked. Constant offsets may be up to 2⁶⁴ - 1.
;;! show = asm
(module
  (memory i64 1 2)

  (func (export "load") (param i64) (result i32)
    (i32.load (local.get 0)))
  ;;run load(0) = 0
  ;;run load(65532) = 0
  ;;run load(65533) = trap out of bounds memory access
  ;;run load(-1) = trap out of bounds memory access
  ;;run load(0x100000000) = trap out of bounds memory access
  ;;= asm
  ;;   mov rax, [r15 + 48]
  ;;   mov rcx, [rax + 8]
  ;;   cmp rcx, 4
  ;;   jb L1
  ;;   add rcx, -4
  ;;   cmp rdi, rcx
  ;;   ja L1
  ;;   mov rax, [rax]
  ;;   mov eax, [rax + rdi]
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 4
  ;;   call wasmpy_raise
  ;;   int3

  ;; An offset does not wrap either.
  (func (export "load offset") (param i64) (result i32)
    (i32.load offset=1000 (local.get 0)))
  ;;run load offset(0) = 0
  ;;run load offset(64532) = 0
  ;;run load offset(64533) = trap out of bounds memory access
  ;;run load offset(-1000) = trap out of bounds memory access
  ;;= asm
  ;;   mov rax, [r15 + 48]
  ;;   mov rcx, [rax + 8]
  ;;   cmp rcx, 1004
  ;;   jb L1
  ;;   add rcx, -1004
  ;;   cmp rdi, rcx
  ;;   ja L1
  ;;   mov rax, [rax]
  ;;   mov eax, [rax + rdi + 1000]
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 4
  ;;   call wasmpy_raise
  ;;   int3

  (func (export "load wide offset") (param i64) (result i32)
    (i32.load offset=0x100000000 (local.get 0)))
  ;;run load wide offset(0) = trap out of bounds memory access
  ;;run load wide offset(-0x100000000) = trap out of bounds memory access
  ;;= asm
  ;;   mov rax, [r15 + 48]
  ;;   mov rcx, [rax + 8]
  ;;   movabs rdx, 0x0000000100000004
  ;;   cmp rcx, rdx
  ;;   jb L1
  ;;   movabs rdx, 0xfffffffefffffffc
  ;;   add rdx, rcx
  ;;   cmp rdi, rdx
  ;;   ja L1
  ;;   mov rax, [rax]
  ;;   add rax, rdi
  ;;   movabs rcx, 0x0000000100000000
  ;;   mov eax, [rax + rcx]
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 4
  ;;   call wasmpy_raise
  ;;   int3

  (func (export "load widest offset") (param i64) (result i32)
    (i32.load offset=0xffffffffffffffff (local.get 0)))
  ;;run load widest offset(0) = trap out of bounds memory access
  ;;run load widest offset(1) = trap out of bounds memory access
  ;;= asm
  ;;   mov rax, [r15 + 48]
  ;;   mov rcx, [rax + 8]
  ;;   cmp rcx, -1
  ;;   jb L1
  ;;   add rcx, 1
  ;;   cmp rdi, rcx
  ;;   ja L1
  ;;   mov rax, [rax]
  ;;   mov eax, [rax + rdi - 1]
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 4
  ;;   call wasmpy_raise
  ;;   int3

  (func (export "store") (param i64 i64)
    (i64.store (local.get 0) (local.get 1)))
  ;;run store(65528, 1) =
  ;;run store(65529, 1) = trap out of bounds memory access
  ;;= asm
  ;;   mov rax, [r15 + 48]
  ;;   mov rcx, [rax + 8]
  ;;   cmp rcx, 8
  ;;   jb L1
  ;;   add rcx, -8
  ;;   cmp rdi, rcx
  ;;   ja L1
  ;;   mov rax, [rax]
  ;;   mov [rax + rdi], rsi
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 4
  ;;   call wasmpy_raise
  ;;   int3

  (func (export "size") (result i64)
    (memory.size))
  ;;run size() = 1
  ;;= asm
  ;;   mov rax, [r15 + 48]
  ;;   mov rax, [rax + 8]
  ;;   shr rax, 16
  ;;   ret

  (func (export "grow") (param i64) (result i64)
    (memory.grow (local.get 0)))
  ;;run grow(1) = 1
  ;;run grow(0x1000000000000) = -1
  ;;run grow(-1) = -1
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
  ;;   mov rsi, rdi
  ;;   mov rdi, rax
  ;;   call wasmpy_memory_grow
  ;;   add rsp, 8
  ;;   ret
  ;; L2:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1

  (func (export "fill") (param i64 i32 i64)
    (memory.fill (local.get 0) (local.get 1) (local.get 2)))
  ;;run fill(0, 1, 131072) =
  ;;run fill(0, 1, 131073) = trap out of bounds memory access
  ;;run fill(-1, 1, 2) = trap out of bounds memory access
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
  ;;   mov rcx, rdx
  ;;   mov edx, esi
  ;;   mov rsi, rdi
  ;;   mov rdi, rax
  ;;   call wasmpy_memory_fill
  ;;   add rsp, 8
  ;;   ret
  ;; L2:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1
)
