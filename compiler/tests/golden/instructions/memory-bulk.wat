;; Instructions on ranges of memory call helpers, which poll when they last long.
;;! show = asm
(module
  (memory (export "memory") 1 3)
  (data (i32.const 100) "abcdefgh")
  (data $hello "hello")

  (func (export "memory.fill") (param i32 i32 i32) (result i64)
    (memory.fill (local.get 0) (local.get 1) (local.get 2))
    (i64.load (i32.const 0)))
  ;;run memory.fill(2, 0x1ab, 4) = 188753807867904
  ;;run memory.fill(0, 0, 8) = 0
  ;;run memory.fill(65536, 1, 0) = 0
  ;;run memory.fill(65537, 1, 0) = trap out of bounds memory access
  ;;run memory.fill(65535, 1, 2) = trap out of bounds memory access
  ;;= asm
  ;;   mov r11, [r15]
  ;;   cmp rsp, [r11]
  ;;   jb L2
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov rax, [r15 + 40]
  ;;   mov ecx, edx
  ;;   mov edx, esi
  ;;   mov esi, edi
  ;;   mov rdi, rax
  ;;   call wasmpy_memory_fill
  ;;   nop
  ;;   mov rax, [r14]  ; may trap
  ;;   add rsp, 8
  ;;   ret
  ;; L2:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1

  (func (export "memory.copy") (param i32 i32 i32) (result i64)
    (memory.copy (local.get 0) (local.get 1) (local.get 2))
    (i64.load (i32.const 0)))
  ;;run memory.copy(0, 100, 8) = 7523094288207667809
  ;;run memory.copy(1, 0, 4) = 7523094283895857505
  ;;run memory.copy(0, 1, 4) = 7523094283912700513
  ;;run memory.copy(65536, 0, 0) = 7523094283912700513
  ;;run memory.copy(0, 65535, 2) = trap out of bounds memory access
  ;;= asm
  ;;   mov r11, [r15]
  ;;   cmp rsp, [r11]
  ;;   jb L2
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov rax, [r15 + 40]
  ;;   mov r8d, edx
  ;;   mov edx, edi
  ;;   mov rdi, rax
  ;;   mov ecx, esi
  ;;   mov rsi, rax
  ;;   call wasmpy_memory_copy
  ;;   nop
  ;;   mov rax, [r14]  ; may trap
  ;;   add rsp, 8
  ;;   ret
  ;; L2:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1

  (func (export "memory.init") (param i32 i32 i32) (result i64)
    (memory.init $hello (local.get 0) (local.get 1) (local.get 2))
    (i64.load (i32.const 0)))
  ;;run memory.init(0, 0, 5) = 7523094331292149096
  ;;run memory.init(2, 1, 3) = 7523094318406788456
  ;;run memory.init(0, 0, 6) = trap out of bounds memory access
  ;;run memory.init(0, 5, 0) = 7523094318406788456
  ;;= asm
  ;;   mov r11, [r15]
  ;;   cmp rsp, [r11]
  ;;   jb L2
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov eax, [r15 + 96]
  ;;   mov rcx, [r15 + 40]
  ;;   lea r8, [wasmpy_data_1]
  ;;   mov r9d, edx
  ;;   mov edx, eax
  ;;   mov r11d, edi
  ;;   mov rdi, rcx
  ;;   mov ecx, r11d
  ;;   mov r11d, esi
  ;;   mov rsi, r8
  ;;   mov r8d, r11d
  ;;   call wasmpy_memory_init
  ;;   nop
  ;;   mov rax, [r14]  ; may trap
  ;;   add rsp, 8
  ;;   ret
  ;; L2:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1

  (func (export "data.drop")
    (data.drop $hello))
  ;;run data.drop() =
  ;;run memory.init(0, 0, 1) = trap out of bounds memory access
  ;;run memory.init(0, 0, 0) = 7523094318406788456
  ;;= asm
  ;;   mov dword [r15 + 96], 0
  ;;   ret

  (func (export "copy of a few bytes") (param i32 i32)
    (memory.copy (local.get 0) (local.get 1) (i32.const 8)))
  ;;run copy of a few bytes(0, 100) =
  ;;run copy of a few bytes(65530, 0) = trap out of bounds memory access
  ;;= asm
  ;;   mov r11, [r15]
  ;;   cmp rsp, [r11]
  ;;   jb L2
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov rax, [r15 + 40]
  ;;   mov r8d, 8
  ;;   mov ecx, esi
  ;;   mov rsi, rax
  ;;   mov edx, edi
  ;;   mov rdi, rax
  ;;   call wasmpy_memory_copy
  ;;   add rsp, 8
  ;;   ret
  ;; L2:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1

  (func (export "memory.size") (result i32)
    (memory.size))
  ;;run memory.size() = 1
  ;;= asm
  ;;   mov rax, [r15 + 40]
  ;;   mov rax, [rax + 8]
  ;;   shr rax, 16
  ;;   mov eax, eax
  ;;   ret

  (func (export "memory.grow") (param i32) (result i32)
    (memory.grow (local.get 0)))
  ;;run memory.grow(0) = 1
  ;;run memory.grow(1) = 1
  ;;run memory.grow(2) = -1
  ;;run memory.grow(-1) = -1
  ;;run memory.size() = 2
  ;;= asm
  ;;   mov r11, [r15]
  ;;   cmp rsp, [r11]
  ;;   jb L2
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov rax, [r15 + 40]
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
)
