;; Tables: entries are checked against the length; references to objects are counted.
;;! show = asm
(module
  (table $functions (export "functions") 4 8 funcref)
  (table $objects (export "objects") 4 8 externref)
  (elem $some func $plus $minus)
  (elem (table $functions) (i32.const 0) func $plus)

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

  (func (export "table.get") (param i32) (result funcref)
    (table.get $functions (local.get 0)))
  ;;run table.get(0) = &plus
  ;;run table.get(1) = null
  ;;run table.get(4) = trap out of bounds table access
  ;;run table.get(-1) = trap out of bounds table access
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
  ;;   mov esi, edi
  ;;   mov rdi, rax
  ;;   call wasmpy_table_get
  ;;   add rsp, 8
  ;;   ret
  ;; L2:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1

  (func (export "table.set") (param i32 funcref)
    (table.set $functions (local.get 0) (local.get 1)))
  ;;run table.set(0, null) =
  ;;run table.get(0) = null
  ;;run table.set(4, null) = trap out of bounds table access
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
  ;;   mov rdx, rsi
  ;;   mov esi, edi
  ;;   mov rdi, rax
  ;;   call wasmpy_table_set
  ;;   add rsp, 8
  ;;   ret
  ;; L2:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1

  (func (export "get object") (param i32) (result externref)
    (table.get $objects (local.get 0)))
  ;;run get object(0) = null
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
  ;;   call wasmpy_table_get
  ;;   add rsp, 8
  ;;   ret
  ;; L2:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1

  (func (export "set object") (param i32 externref)
    (table.set $objects (local.get 0) (local.get 1)))
  ;;run set object(0, "a") =
  ;;run get object(0) = "a"
  ;;run set object(4, "a") = trap out of bounds table access
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
  ;;   mov rdx, rsi
  ;;   mov esi, edi
  ;;   mov rdi, rax
  ;;   call wasmpy_table_set
  ;;   add rsp, 8
  ;;   ret
  ;; L2:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1

  (func (export "table.size") (result i32)
    (table.size $functions))
  ;;run table.size() = 4
  ;;= asm
  ;;   mov rax, [r15 + 48]
  ;;   mov rax, [rax + 8]
  ;;   mov eax, eax
  ;;   ret

  (func (export "table.grow") (param i32 externref) (result i32)
    (table.grow $objects (local.get 1) (local.get 0)))
  ;;run table.grow(2, "b") = 4
  ;;run get object(5) = "b"
  ;;run table.grow(3, null) = -1
  ;;run table.grow(-1, null) = -1
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
  ;;   mov edx, edi
  ;;   mov rdi, rax
  ;;   call wasmpy_table_grow
  ;;   mov eax, eax
  ;;   add rsp, 8
  ;;   ret
  ;; L2:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1

  (func (export "table.fill") (param i32 externref i32)
    (table.fill $objects (local.get 0) (local.get 1) (local.get 2)))
  ;;run table.fill(1, "c", 2) =
  ;;run get object(2) = "c"
  ;;run table.fill(6, null, 0) =
  ;;run table.fill(6, null, 1) = trap out of bounds table access
  ;;run table.fill(7, null, 0) = trap out of bounds table access
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
  ;;   mov ecx, edx
  ;;   mov rdx, rsi
  ;;   mov esi, edi
  ;;   mov rdi, rax
  ;;   call wasmpy_table_fill
  ;;   add rsp, 8
  ;;   ret
  ;; L2:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1

  (func (export "table.copy") (param i32 i32 i32)
    (table.copy $objects $objects (local.get 0) (local.get 1) (local.get 2)))
  ;;run table.copy(4, 0, 2) =
  ;;run get object(4) = "a"
  ;;run table.copy(5, 0, 2) = trap out of bounds table access
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
  ;;   mov r8d, edx
  ;;   mov edx, edi
  ;;   mov rdi, rax
  ;;   mov ecx, esi
  ;;   mov rsi, rax
  ;;   call wasmpy_table_copy
  ;;   add rsp, 8
  ;;   ret
  ;; L2:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1

  (func (export "table.init") (param i32 i32 i32)
    (table.init $functions $some (local.get 0) (local.get 1) (local.get 2)))
  ;;run table.init(2, 0, 2) =
  ;;run table.get(3) = &minus
  ;;run table.init(0, 1, 2) = trap out of bounds table access
  ;;run table.init(4, 0, 0) =
  ;;run table.init(5, 0, 0) = trap out of bounds table access
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
  ;;   lea rcx, [r15 + 144]
  ;;   mov r8d, edx
  ;;   mov edx, edi
  ;;   mov rdi, rax
  ;;   mov r11d, esi
  ;;   mov rsi, rcx
  ;;   mov ecx, r11d
  ;;   call wasmpy_table_init
  ;;   add rsp, 8
  ;;   ret
  ;; L2:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1

  (func (export "elem.drop")
    (elem.drop $some))
  ;;run elem.drop() =
  ;;run table.init(0, 0, 0) =
  ;;run table.init(0, 0, 1) = trap out of bounds table access
  ;;= asm
  ;;   mov r11, [r15]
  ;;   cmp rsp, [r11]
  ;;   jb L2
  ;;   mov r11, [r11 + 24]
  ;;   cmp [r11], r14b
  ;;   jne L2
  ;; L1:
  ;;   sub rsp, 8
  ;;   lea rdi, [r15 + 144]
  ;;   call wasmpy_elem_drop
  ;;   add rsp, 8
  ;;   ret
  ;; L2:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1
)
