;; Stores.
;;! show = asm
(module
  (memory (export "memory") 1 1)

  (func (export "i32.store") (param i32 i32) (result i64)
    (i32.store (local.get 0) (local.get 1))
    (i64.load (i32.const 16)))
  ;;run i32.store(16, -2) = 4294967294
  ;;run i32.store(65532, -2) = 4294967294
  ;;run i32.store(65533, -2) = trap out of bounds memory access
  ;;= asm
  ;;   mov [r14 + rdi], esi  ; may trap
  ;;   mov rax, [r14 + 16]  ; may trap
  ;;   ret
  ;;= asm checked
  ;;   mov rax, [r15 + 48]
  ;;   mov rcx, [rax + 8]
  ;;   lea rdx, [rdi + 4]
  ;;   cmp rdx, rcx
  ;;   ja L1
  ;;   mov rax, [rax]
  ;;   mov [rax + rdi], esi
  ;;   cmp rcx, 24
  ;;   jb L2
  ;;   mov rax, [rax + 16]
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

  (func (export "i64.store") (param i32 i64) (result i64)
    (i64.store (local.get 0) (local.get 1))
    (i64.load (i32.const 16)))
  ;;run i64.store(16, -0x123456789abcdef) = -81985529216486895
  ;;run i64.store(65528, -0x123456789abcdef) = -81985529216486895
  ;;run i64.store(65529, -0x123456789abcdef) = trap out of bounds memory access
  ;;= asm
  ;;   mov [r14 + rdi], rsi  ; may trap
  ;;   mov rax, [r14 + 16]  ; may trap
  ;;   ret

  (func (export "f32.store") (param i32 f32) (result i64)
    (f32.store (local.get 0) (local.get 1))
    (i64.load (i32.const 16)))
  ;;run f32.store(16, -1.5) = -81985527984685056
  ;;run f32.store(65532, -1.5) = -81985527984685056
  ;;run f32.store(65533, -1.5) = trap out of bounds memory access
  ;;= asm
  ;;   movss [r14 + rdi], xmm0  ; may trap
  ;;   mov rax, [r14 + 16]  ; may trap
  ;;   ret

  (func (export "f64.store") (param i32 f64) (result i64)
    (f64.store (local.get 0) (local.get 1))
    (i64.load (i32.const 16)))
  ;;run f64.store(16, -1.5) = -4613937818241073152
  ;;run f64.store(65528, -1.5) = -4613937818241073152
  ;;run f64.store(65529, -1.5) = trap out of bounds memory access
  ;;= asm
  ;;   movsd [r14 + rdi], xmm0  ; may trap
  ;;   mov rax, [r14 + 16]  ; may trap
  ;;   ret

  (func (export "i32.store8") (param i32 i32) (result i64)
    (i32.store8 (local.get 0) (local.get 1))
    (i64.load (i32.const 16)))
  ;;run i32.store8(16, -2) = -4613937818241072898
  ;;run i32.store8(65535, -2) = -4613937818241072898
  ;;run i32.store8(65536, -2) = trap out of bounds memory access
  ;;= asm
  ;;   mov [r14 + rdi], sil  ; may trap
  ;;   mov rax, [r14 + 16]  ; may trap
  ;;   ret

  (func (export "i32.store16") (param i32 i32) (result i64)
    (i32.store16 (local.get 0) (local.get 1))
    (i64.load (i32.const 16)))
  ;;run i32.store16(16, -2) = -4613937818241007618
  ;;run i32.store16(65534, -2) = -4613937818241007618
  ;;run i32.store16(65535, -2) = trap out of bounds memory access
  ;;= asm
  ;;   mov [r14 + rdi], si  ; may trap
  ;;   mov rax, [r14 + 16]  ; may trap
  ;;   ret

  (func (export "i64.store8") (param i32 i64) (result i64)
    (i64.store8 (local.get 0) (local.get 1))
    (i64.load (i32.const 16)))
  ;;run i64.store8(16, -0x123456789abcdef) = -4613937818241007855
  ;;run i64.store8(65535, -0x123456789abcdef) = -4613937818241007855
  ;;run i64.store8(65536, -0x123456789abcdef) = trap out of bounds memory access
  ;;= asm
  ;;   mov [r14 + rdi], sil  ; may trap
  ;;   mov rax, [r14 + 16]  ; may trap
  ;;   ret

  (func (export "i64.store16") (param i32 i64) (result i64)
    (i64.store16 (local.get 0) (local.get 1))
    (i64.load (i32.const 16)))
  ;;run i64.store16(16, -0x123456789abcdef) = -4613937818241060335
  ;;run i64.store16(65534, -0x123456789abcdef) = -4613937818241060335
  ;;run i64.store16(65535, -0x123456789abcdef) = trap out of bounds memory access
  ;;= asm
  ;;   mov [r14 + rdi], si  ; may trap
  ;;   mov rax, [r14 + 16]  ; may trap
  ;;   ret

  (func (export "i64.store32") (param i32 i64) (result i64)
    (i64.store32 (local.get 0) (local.get 1))
    (i64.load (i32.const 16)))
  ;;run i64.store32(16, -0x123456789abcdef) = -4613937816255843823
  ;;run i64.store32(65532, -0x123456789abcdef) = -4613937816255843823
  ;;run i64.store32(65533, -0x123456789abcdef) = trap out of bounds memory access
  ;;= asm
  ;;   mov [r14 + rdi], esi  ; may trap
  ;;   mov rax, [r14 + 16]  ; may trap
  ;;   ret

  (func (export "constant") (param i32)
    (i32.store (local.get 0) (i32.const 7))
    (i64.store offset=8 (local.get 0) (i64.const -1))
    (i64.store offset=16 (local.get 0) (i64.const 0x123456789ab))
    (f64.store offset=24 (local.get 0) (f64.const 0)))
  ;;run constant(32) =
  ;;run constant(65520) = trap out of bounds memory access
  ;;= asm
  ;;   mov dword [r14 + rdi], 7  ; may trap
  ;;   mov qword [r14 + rdi + 8], -1  ; may trap
  ;;   movabs rax, 0x00000123456789ab
  ;;   mov [r14 + rdi + 16], rax  ; may trap
  ;;   mov qword [r14 + rdi + 24], 0  ; may trap
  ;;   ret

  ;; Read, changed and written in one instruction.
  (func (export "increment") (param i32) (result i32)
    (i32.store (local.get 0) (i32.add (i32.load (local.get 0)) (i32.const 1)))
    (i32.load (local.get 0)))
  ;;run increment(32) = 8
  ;;run increment(65533) = trap out of bounds memory access
  ;;= asm
  ;;   mov eax, [r14 + rdi]  ; may trap
  ;;   add eax, 1
  ;;   mov [r14 + rdi], eax  ; may trap
  ;;   ret
  ;;= asm checked
  ;;   mov rax, [r15 + 48]
  ;;   lea rcx, [rdi + 4]
  ;;   cmp rcx, [rax + 8]
  ;;   ja L1
  ;;   mov rax, [rax]
  ;;   add dword [rax + rdi], 1
  ;;   mov eax, [rax + rdi]
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 4
  ;;   call wasmpy_raise
  ;;   int3

  (func (export "byte of a sum") (param i32 i32 i32) (result i32)
    (i32.store8 (local.get 0) (i32.add (local.get 1) (local.get 2)))
    (i32.load8_u (local.get 0)))
  ;;run byte of a sum(40, 200, 100) = 44
  ;;= asm
  ;;   add esi, edx
  ;;   mov [r14 + rdi], sil  ; may trap
  ;;   movzx eax, sil
  ;;   ret

  ;; What was just stored need not be loaded.
  (func (export "forwarded") (param i32 i32) (result i32)
    (i32.store (local.get 0) (local.get 1))
    (i32.load (local.get 0)))
  ;;run forwarded(48, 5) = 5
  ;;run forwarded(-4, 1) = trap out of bounds memory access
  ;;lacks opt: i32.load
  ;;= asm
  ;;   mov [r14 + rdi], esi  ; may trap
  ;;   mov eax, esi
  ;;   ret
  ;;= asm checked
  ;;   mov rax, [r15 + 48]
  ;;   lea rcx, [rdi + 4]
  ;;   cmp rcx, [rax + 8]
  ;;   ja L1
  ;;   mov rax, [rax]
  ;;   mov [rax + rdi], esi
  ;;   mov eax, [rax + rdi]
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 4
  ;;   call wasmpy_raise
  ;;   int3

  ;; Checked, one comparison serves both: the first store comes before the trap of the second.
  (func (export "two fields") (param i32 i64 i64)
    (i64.store (local.get 0) (local.get 1))
    (i64.store offset=8 (local.get 0) (local.get 2)))
  ;;run two fields(64, 1, 2) =
  ;;run two fields(65528, 1, 2) = trap out of bounds memory access
  ;;= asm
  ;;   mov [r14 + rdi], rsi  ; may trap
  ;;   mov [r14 + rdi + 8], rdx  ; may trap
  ;;   ret
  ;;= asm checked
  ;;   mov rax, [r15 + 48]
  ;;   mov rcx, [rax + 8]
  ;;   lea r8, [rdi + 8]
  ;;   cmp r8, rcx
  ;;   ja L1
  ;;   mov rax, [rax]
  ;;   mov [rax + rdi], rsi
  ;;   lea rsi, [rdi + 16]
  ;;   cmp rsi, rcx
  ;;   ja L2
  ;;   mov [rax + rdi + 8], rdx
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
