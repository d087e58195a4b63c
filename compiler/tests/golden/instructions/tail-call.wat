;; Tail calls: the frame is left, then a jump. Ten million of them would not fit any stack.
;;! show = asm
(module
  (type $step (func (param i32 i32) (result i32)))
  (table $table 2 funcref)
  (elem (i32.const 0) $count)

  (func $count (export "return_call") (param i32 i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call $count (i32.sub (local.get 0) (i32.const 1)) (i32.add (local.get 1) (i32.const 3))))
  ;;run return_call(0, 5) = 5
  ;;run return_call(1000000, 0) = 3000000
  ;;= asm
  ;;   mov r11, [r15]
  ;;   cmp rsp, [r11]
  ;;   jb L3
  ;;   mov r11, [r11 + 24]
  ;;   cmp [r11], r14b
  ;;   jne L3
  ;; L1:
  ;;   test edi, edi
  ;;   jne L2
  ;;   mov eax, esi
  ;;   ret
  ;; L2:
  ;;   add edi, -1
  ;;   add esi, 3
  ;;   jmp count
  ;; L3:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1

  (func $indirect (export "return_call_indirect") (param i32 i32 i32) (result i32)
    (return_call_indirect $table (type $step) (local.get 1) (local.get 2) (local.get 0)))
  ;;run return_call_indirect(0, 2, 1) = 7
  ;;run return_call_indirect(1, 2, 1) = trap uninitialized element
  ;;run return_call_indirect(2, 2, 1) = trap undefined element
  ;;= asm
  ;;   mov r11, [r15]
  ;;   cmp rsp, [r11]
  ;;   jb L2
  ;;   mov r11, [r11 + 24]
  ;;   cmp [r11], r14b
  ;;   jne L2
  ;; L1:
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
  ;;   mov rax, [rax]
  ;;   mov edi, esi
  ;;   mov esi, edx
  ;;   mov r11, rax
  ;;   jmp r11
  ;; L2:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1
  ;; L3:
  ;;   sub rsp, 8
  ;;   mov edi, 6
  ;;   call wasmpy_raise
  ;;   int3
  ;; L4:
  ;;   sub rsp, 8
  ;;   mov edi, 7
  ;;   call wasmpy_raise
  ;;   int3
  ;; L5:
  ;;   sub rsp, 8
  ;;   mov edi, 8
  ;;   call wasmpy_raise
  ;;   int3

  (func $through (export "return_call_ref") (param i32 i32) (result i32)
    (return_call_ref $step (local.get 0) (local.get 1) (ref.func $count)))
  ;;run return_call_ref(4, 1) = 13
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
  ;;   lea rax, [r15 + 104]
  ;;   mov rcx, [r15 + 112]
  ;;   mov rdx, r15
  ;;   cmp rcx, rdx
  ;;   jne L2
  ;;   mov rax, [r15 + 104]
  ;;   mov esi, [rsp + 8]
  ;;   mov edi, [rsp]
  ;;   mov r11, rax
  ;;   add rsp, 24
  ;;   jmp r11
  ;; L2:
  ;;   mov [rsp + 16], rax
  ;;   mov rdi, rax
  ;;   call wasmpy_func_hold
  ;;   mov rax, [r15 + 128]
  ;;   mov edx, [rsp + 8]
  ;;   mov esi, [rsp]
  ;;   mov rdi, [rsp + 16]
  ;;   mov r11, rax
  ;;   add rsp, 24
  ;;   jmp r11
  ;; L3:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L1

  (elem declare func $count)
)
