;; Instructions on ranges of memory call helpers, which poll when they last long; where the number of bytes is known and
;; small they are loads and stores.
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
  ;;   mov r11, [r11 + 24]
  ;;   cmp [r11], r14b
  ;;   jne L2
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov rax, [r15 + 48]
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
  ;;   mov r11, [r11 + 24]
  ;;   cmp [r11], r14b
  ;;   jne L2
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov rax, [r15 + 48]
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
  ;;   mov r11, [r11 + 24]
  ;;   cmp [r11], r14b
  ;;   jne L2
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov eax, [r15 + 120]
  ;;   mov rcx, [r15 + 48]
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
  ;;   mov dword [r15 + 120], 0
  ;;   ret

  ;; All is loaded first, and the end stored first: it traps before a byte is changed.
  (func (export "copy of 8") (param i32 i32) (result i64)
    (memory.copy (local.get 0) (local.get 1) (i32.const 8))
    (i64.load (local.get 0)))
  ;;lacks asm: call wasmpy_memory
  ;;run copy of 8(0, 100) = 7523094288207667809
  ;;run copy of 8(4, 0) = 7523094288207667809
  ;;run copy of 8(65528, 0) = 7233733596922733153
  ;;run copy of 8(65529, 0) = trap out of bounds memory access
  ;;run copy of 8(0, -1) = trap out of bounds memory access
  ;;= asm
  ;;   mov rax, [r14 + rsi]  ; may trap
  ;;   mov [r14 + rdi], rax  ; may trap
  ;;   ret

  (func (export "copy of 19") (param i32 i32)
    (memory.copy (local.get 0) (local.get 1) (i32.const 19)))
  ;;run copy of 19(200, 90) =
  ;;run copy of 8(200, 211) = 29387087063311202
  ;;run copy of 19(205, 200) =
  ;;run copy of 8(0, 216) = 29387087063311202
  ;;run copy of 19(65520, 100) = trap out of bounds memory access
  ;;run copy of 8(0, 65520) = 0
  ;;run copy of 19(65517, 100) =
  ;;= asm
  ;;   mov rax, [r14 + rsi]  ; may trap
  ;;   mov rcx, [r14 + rsi + 8]  ; may trap
  ;;   mov rdx, [r14 + rsi + 11]  ; may trap
  ;;   mov [r14 + rdi + 11], rdx  ; may trap
  ;;   mov [r14 + rdi + 8], rcx  ; may trap
  ;;   mov [r14 + rdi], rax  ; may trap
  ;;   ret
  ;;= asm checked
  ;;   mov rax, [r15 + 48]
  ;;   mov rcx, [rax + 8]
  ;;   lea rdx, [rsi + 19]
  ;;   cmp rdx, rcx
  ;;   ja L1
  ;;   mov rax, [rax]
  ;;   lea rdx, [rdi + 19]
  ;;   cmp rdx, rcx
  ;;   ja L1
  ;;   mov rcx, [rax + rsi]
  ;;   mov rdx, [rax + rsi + 8]
  ;;   mov rsi, [rax + rsi + 11]
  ;;   mov [rax + rdi + 11], rsi
  ;;   mov [rax + rdi + 8], rdx
  ;;   mov [rax + rdi], rcx
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 4
  ;;   call wasmpy_raise
  ;;   int3

  (func (export "copy of 3") (param i32 i32)
    (memory.copy (local.get 0) (local.get 1) (i32.const 3)))
  ;;run copy of 3(0, 101) =
  ;;run copy of 8(16, 0) = 6579042
  ;;run copy of 3(65534, 0) = trap out of bounds memory access
  ;;= asm
  ;;   movzx eax, word [r14 + rsi]  ; may trap
  ;;   movzx ecx, word [r14 + rsi + 1]  ; may trap
  ;;   mov [r14 + rdi + 1], cx  ; may trap
  ;;   mov [r14 + rdi], ax  ; may trap
  ;;   ret

  (func (export "fill of 12") (param i32 i32)
    (memory.fill (local.get 0) (local.get 1) (i32.const 12)))
  ;;run fill of 12(0, 0x1fe) =
  ;;run copy of 8(16, 4) = -72340172838076674
  ;;run fill of 12(65525, 7) = trap out of bounds memory access
  ;;run copy of 8(16, 65528) = 0
  ;;= asm
  ;;   movzx eax, sil
  ;;   movabs rcx, 0x0101010101010101
  ;;   imul rax, rcx
  ;;   mov [r14 + rdi + 4], rax  ; may trap
  ;;   mov [r14 + rdi], rax  ; may trap
  ;;   ret

  (func (export "clear") (param i32)
    (memory.fill (local.get 0) (i32.const 0) (i32.const 32)))
  ;;run clear(0) =
  ;;run copy of 8(16, 24) = 0
  ;;= asm
  ;;   mov qword [r14 + rdi + 24], 0  ; may trap
  ;;   mov qword [r14 + rdi + 16], 0  ; may trap
  ;;   mov qword [r14 + rdi + 8], 0  ; may trap
  ;;   mov qword [r14 + rdi], 0  ; may trap
  ;;   ret

  (func (export "memory.size") (result i32)
    (memory.size))
  ;;run memory.size() = 1
  ;;= asm
  ;;   mov rax, [r15 + 48]
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
  ;;   mov r11, [r11 + 24]
  ;;   cmp [r11], r14b
  ;;   jne L2
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov rax, [r15 + 48]
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
