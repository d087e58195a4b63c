;; References: a function is a pointer to its record, an external one the object itself; null is 0.
;;! show = asm
(module
  (type $binary (func (param i32 i32) (result i32)))
  (type $holder (func (result (ref null $binary))))
  (global $held (mut (ref null $binary)) (ref.null $binary))
  (elem declare func $plus)

  (func $plus (export "plus") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1)))
  ;;run plus(1, 2) = 3
  ;;= asm
  ;;   mov eax, edi
  ;;   add eax, esi
  ;;   ret

  (func (export "ref.null") (result externref funcref)
    (ref.null extern)
    (ref.null func))
  ;;run ref.null() = null null
  ;;= asm
  ;;   xor eax, eax
  ;;   xor edx, edx
  ;;   ret

  (func (export "ref.is_null") (param externref) (result i32)
    (ref.is_null (local.get 0)))
  ;;run ref.is_null(null) = 1
  ;;run ref.is_null("a") = 0
  ;;= asm
  ;;   test rdi, rdi
  ;;   sete al
  ;;   movzx eax, al
  ;;   ret

  (func (export "ref.func") (result funcref)
    (ref.func $plus))
  ;;run ref.func() = &plus
  ;;= asm
  ;;   lea rax, [r15 + 128]
  ;;   ret

  (func (export "hold") (param i32)
    (global.set $held (ref.null $binary))
    (if (local.get 0) (then (global.set $held (ref.func $plus)))))
  ;;run hold(0) =
  ;;= asm
  ;;   mov r11, [r15]
  ;;   cmp rsp, [r11]
  ;;   jb L3
  ;;   mov r11, [r11 + 24]
  ;;   cmp [r11], r14b
  ;;   jne L3
  ;; L1:
  ;;   push rbx
  ;;   sub rsp, 16
  ;;   mov ebx, edi
  ;;   lea rax, [r15 + 496]
  ;;   mov [rsp], rax
  ;;   xor esi, esi
  ;;   mov edx, 1
  ;;   mov rdi, rax
  ;;   call wasmpy_ref_set
  ;;   test ebx, ebx
  ;;   je L2
  ;;   lea rsi, [r15 + 128]
  ;;   mov edx, 1
  ;;   mov rdi, [rsp]
  ;;   call wasmpy_ref_set
  ;; L2:
  ;;   add rsp, 16
  ;;   pop rbx
  ;;   ret
  ;; L3:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1

  (func (export "ref.as_non_null") (result i32)
    (call_ref $binary (i32.const 1) (i32.const 2) (ref.as_non_null (global.get $held))))
  ;;run ref.as_non_null() = trap null reference
  ;;= asm
  ;;   mov r11, [r15]
  ;;   cmp rsp, [r11]
  ;;   jb L3
  ;;   mov r11, [r11 + 24]
  ;;   cmp [r11], r14b
  ;;   jne L3
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov rdi, [r15 + 496]
  ;;   call wasmpy_func_hold
  ;;   test rax, rax
  ;;   je L4
  ;;   mov rcx, [rax + 8]
  ;;   mov rdx, r15
  ;;   cmp rcx, rdx
  ;;   jne L2
  ;;   mov edi, 1
  ;;   mov esi, 2
  ;;   call qword [rax]
  ;;   add rsp, 8
  ;;   ret
  ;; L2:
  ;;   mov [rsp], rax
  ;;   mov rdi, rax
  ;;   call wasmpy_func_hold
  ;;   mov esi, 1
  ;;   mov edx, 2
  ;;   mov rax, [rsp]
  ;;   mov rdi, [rsp]
  ;;   call qword [rax + 24]
  ;;   add rsp, 8
  ;;   ret
  ;; L3:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1
  ;; L4:
  ;;   mov edi, 10
  ;;   call wasmpy_raise
  ;;   int3

  (func (export "call_ref") (param i32 i32) (result i32)
    (call_ref $binary (local.get 0) (local.get 1) (global.get $held)))
  ;;run call_ref(1, 2) = trap null function reference
  ;;run hold(1) =
  ;;run call_ref(1, 2) = 3
  ;;run ref.as_non_null() = 3
  ;;= asm
  ;;   mov r11, [r15]
  ;;   cmp rsp, [r11]
  ;;   jb L3
  ;;   mov r11, [r11 + 24]
  ;;   cmp [r11], r14b
  ;;   jne L3
  ;; L1:
  ;;   sub rsp, 24
  ;;   mov [rsp + 8], rsi
  ;;   mov [rsp], rdi
  ;;   mov rdi, [r15 + 496]
  ;;   call wasmpy_func_hold
  ;;   test rax, rax
  ;;   je L4
  ;;   mov rcx, [rax + 8]
  ;;   mov rdx, r15
  ;;   cmp rcx, rdx
  ;;   jne L2
  ;;   mov esi, [rsp + 8]
  ;;   mov edi, [rsp]
  ;;   call qword [rax]
  ;;   add rsp, 24
  ;;   ret
  ;; L2:
  ;;   mov [rsp + 16], rax
  ;;   mov rdi, rax
  ;;   call wasmpy_func_hold
  ;;   mov rax, [rsp + 16]
  ;;   mov edx, [rsp + 8]
  ;;   mov esi, [rsp]
  ;;   mov rdi, [rsp + 16]
  ;;   call qword [rax + 24]
  ;;   add rsp, 24
  ;;   ret
  ;; L3:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1
  ;; L4:
  ;;   mov edi, 14
  ;;   call wasmpy_raise
  ;;   int3

  (func (export "br_on_null") (param i32) (result i32)
    (block $null
      (return (call_ref $binary (local.get 0) (i32.const 1) (br_on_null $null (global.get $held)))))
    (i32.const -1))
  ;;run br_on_null(4) = 5
  ;;= asm
  ;;   mov r11, [r15]
  ;;   cmp rsp, [r11]
  ;;   jb L4
  ;;   mov r11, [r11 + 24]
  ;;   cmp [r11], r14b
  ;;   jne L4
  ;; L1:
  ;;   sub rsp, 24
  ;;   mov [rsp], rdi
  ;;   mov rdi, [r15 + 496]
  ;;   call wasmpy_func_hold
  ;;   test rax, rax
  ;;   je L2
  ;;   mov rcx, [rax + 8]
  ;;   mov rdx, r15
  ;;   cmp rcx, rdx
  ;;   jne L3
  ;;   mov esi, 1
  ;;   mov edi, [rsp]
  ;;   call qword [rax]
  ;;   add rsp, 24
  ;;   ret
  ;; L2:
  ;;   mov eax, -1
  ;;   add rsp, 24
  ;;   ret
  ;; L3:
  ;;   mov [rsp + 8], rax
  ;;   mov rdi, rax
  ;;   call wasmpy_func_hold
  ;;   mov edx, 1
  ;;   mov rax, [rsp + 8]
  ;;   mov esi, [rsp]
  ;;   mov rdi, [rsp + 8]
  ;;   call qword [rax + 24]
  ;;   add rsp, 24
  ;;   ret
  ;; L4:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1

  (func (export "br_on_non_null") (param i32) (result i32)
    (block $there (result (ref $binary))
      (br_on_non_null $there (global.get $held))
      (return (i32.const -1)))
    (drop)
    (i32.const 1))
  ;;run br_on_non_null(4) = 1
  ;;run hold(0) =
  ;;run br_on_non_null(4) = -1
  ;;run br_on_null(4) = -1
  ;;= asm
  ;;   mov r11, [r15]
  ;;   cmp rsp, [r11]
  ;;   jb L3
  ;;   mov r11, [r11 + 24]
  ;;   cmp [r11], r14b
  ;;   jne L3
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov rdi, [r15 + 496]
  ;;   call wasmpy_func_hold
  ;;   test rax, rax
  ;;   jne L2
  ;;   mov eax, -1
  ;;   add rsp, 8
  ;;   ret
  ;; L2:
  ;;   mov eax, 1
  ;;   add rsp, 8
  ;;   ret
  ;; L3:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1
)
