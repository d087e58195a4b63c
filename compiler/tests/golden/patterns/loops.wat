;; Loops as compilers write them: the condition at the end, a pointer or an index that counts.
;;! show = asm
(module
  (memory (export "memory") 1)
  (data (i32.const 0) "\01\00\00\00\02\00\00\00\03\00\00\00\04\00\00\00\05\00\00\00hello")

  ;; A sum over a pointer.
  (func (export "sum") (param $p i32) (param $n i32) (result i32) (local $sum i32)
    (if (i32.eqz (local.get $n)) (then (return (i32.const 0))))
    (loop $next
      (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $p))))
      (local.set $p (i32.add (local.get $p) (i32.const 4)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))
  ;;run sum(0, 5) = 15
  ;;run sum(0, 0) = 0
  ;;= asm
  ;;   xor eax, eax
  ;;   test esi, esi
  ;;   jne L1
  ;;   xor eax, eax
  ;;   ret
  ;; L1:
  ;;   mov rcx, [r15]
  ;;   mov rcx, [rcx + 24]
  ;; L2:
  ;;   cmp [rcx], r14b
  ;;   jne L4
  ;; L3:
  ;;   add eax, [r14 + rdi]  ; may trap
  ;;   add edi, 4
  ;;   add esi, -1
  ;;   jne L2
  ;;   ret
  ;; L4:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L3
  ;;= asm checked
  ;;   xor eax, eax
  ;;   test esi, esi
  ;;   jne L1
  ;;   xor eax, eax
  ;;   ret
  ;; L1:
  ;;   mov rcx, [r15]
  ;;   mov rcx, [rcx + 24]
  ;;   mov rdx, [r15 + 48]
  ;; L2:
  ;;   cmp [rcx], r14b
  ;;   jne L4
  ;; L3:
  ;;   lea r8, [rdi + 4]
  ;;   cmp r8, [rdx + 8]
  ;;   ja L5
  ;;   mov r8, [rdx]
  ;;   add eax, [r8 + rdi]
  ;;   add edi, 4
  ;;   add esi, -1
  ;;   jne L2
  ;;   ret
  ;; L4:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L3
  ;; L5:
  ;;   sub rsp, 8
  ;;   mov edi, 4
  ;;   call wasmpy_raise
  ;;   int3

  ;; The same over an index: what it is compared with stays in a register.
  (func (export "sum by index") (param $p i32) (param $n i32) (result i32) (local $i i32) (local $sum i32)
    (block $done
      (br_if $done (i32.le_s (local.get $n) (i32.const 0)))
      (loop $next
        (local.set $sum (i32.add (local.get $sum)
          (i32.load (i32.add (local.get $p) (i32.shl (local.get $i) (i32.const 2))))))
        (br_if $next (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n)))))
    (local.get $sum))
  ;;run sum by index(0, 5) = 15
  ;;= asm
  ;;   xor eax, eax
  ;;   xor ecx, ecx
  ;;   cmp esi, 0
  ;;   jle L3
  ;;   mov rdx, [r15]
  ;;   mov rdx, [rdx + 24]
  ;;   mov r11d, ecx
  ;;   mov ecx, eax
  ;;   mov eax, r11d
  ;; L1:
  ;;   cmp [rdx], r14b
  ;;   jne L4
  ;; L2:
  ;;   lea r8d, [rdi + rcx*4]
  ;;   add eax, [r14 + r8]  ; may trap
  ;;   add ecx, 1
  ;;   cmp ecx, esi
  ;;   jne L1
  ;;   ret
  ;; L3:
  ;;   xor eax, eax
  ;;   ret
  ;; L4:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L2

  (func (export "strlen") (param $p i32) (result i32) (local $q i32)
    (local.set $q (local.get $p))
    (block $end
      (loop $next
        (br_if $end (i32.eqz (i32.load8_u (local.get $q))))
        (local.set $q (i32.add (local.get $q) (i32.const 1)))
        (br $next)))
    (i32.sub (local.get $q) (local.get $p)))
  ;;run strlen(20) = 5
  ;;run strlen(65535) = 0
  ;;= asm
  ;;   mov rax, [r15]
  ;;   mov rax, [rax + 24]
  ;;   mov ecx, edi
  ;;   jmp L2
  ;; L1:
  ;;   add ecx, 1
  ;; L2:
  ;;   cmp [rax], r14b
  ;;   jne L4
  ;; L3:
  ;;   cmp byte [r14 + rcx], 0  ; may trap
  ;;   jne L1
  ;;   mov eax, ecx
  ;;   sub eax, edi
  ;;   ret
  ;; L4:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L3

  ;; What does not change is computed once: the product and the global.
  (global $scale (mut i32) (i32.const 3))
  (func (export "invariants") (param $n i32) (param $x i32) (result i32) (local $sum i32)
    (loop $next
      (local.set $sum (i32.add (local.get $sum)
        (i32.mul (global.get $scale) (i32.mul (local.get $x) (local.get $x)))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))
  ;;run invariants(4, 2) = 48
  ;;= asm
  ;;   mov rax, [r15]
  ;;   mov rax, [rax + 24]
  ;;   imul esi, esi
  ;;   imul esi, [r15 + 432]
  ;;   xor ecx, ecx
  ;; L1:
  ;;   cmp [rax], r14b
  ;;   jne L3
  ;; L2:
  ;;   add ecx, esi
  ;;   add edi, -1
  ;;   jne L1
  ;;   mov eax, ecx
  ;;   ret
  ;; L3:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L2

  ;; A multiplication and a constant that fits no instruction.
  (func (export "hash") (param $p i32) (param $n i32) (result i64) (local $h i64)
    (local.set $h (i64.const 0xcbf29ce484222325))
    (block $done
      (br_if $done (i32.eqz (local.get $n)))
      (loop $next
        (local.set $h (i64.mul (i64.xor (local.get $h) (i64.load8_u (local.get $p))) (i64.const 0x100000001b3)))
        (local.set $p (i32.add (local.get $p) (i32.const 1)))
        (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
    (local.get $h))
  ;;run hash(20, 5) = -6615550055289275125
  ;;= asm
  ;;   movabs rax, 0xcbf29ce484222325
  ;;   test esi, esi
  ;;   je L3
  ;;   mov rcx, [r15]
  ;;   mov rcx, [rcx + 24]
  ;; L1:
  ;;   cmp [rcx], r14b
  ;;   jne L4
  ;; L2:
  ;;   movzx edx, byte [r14 + rdi]  ; may trap
  ;;   xor rax, rdx
  ;;   movabs rdx, 0x00000100000001b3
  ;;   imul rax, rdx
  ;;   add edi, 1
  ;;   add esi, -1
  ;;   jne L1
  ;;   ret
  ;; L3:
  ;;   movabs rax, 0xcbf29ce484222325
  ;;   ret
  ;; L4:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L2

  (func (export "dot") (param $p i32) (param $q i32) (param $n i32) (result f64) (local $sum f64)
    (loop $next
      (local.set $sum (f64.add (local.get $sum) (f64.mul (f64.load (local.get $p)) (f64.load (local.get $q)))))
      (local.set $p (i32.add (local.get $p) (i32.const 8)))
      (local.set $q (i32.add (local.get $q) (i32.const 8)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))
  ;;run dot(1000, 1000, 3) = 0.0
  ;;= asm
  ;;   mov rax, [r15]
  ;;   mov rax, [rax + 24]
  ;;   xorps xmm0, xmm0
  ;; L1:
  ;;   cmp [rax], r14b
  ;;   jne L3
  ;; L2:
  ;;   movsd xmm1, [r14 + rsi]  ; may trap
  ;;   mulsd xmm1, [r14 + rdi]  ; may trap
  ;;   addsd xmm0, xmm1
  ;;   add edi, 8
  ;;   add esi, 8
  ;;   add edx, -1
  ;;   jne L1
  ;;   ret
  ;; L3:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L2

  (func (export "gcd") (param $a i32) (param $b i32) (result i32) (local $t i32)
    (block $done
      (br_if $done (i32.eqz (local.get $b)))
      (loop $next
        (local.set $t (i32.rem_u (local.get $a) (local.get $b)))
        (local.set $a (local.get $b))
        (br_if $next (local.tee $b (local.get $t)))))
    (local.get $a))
  ;;run gcd(48, 36) = 12
  ;;run gcd(7, 0) = 7
  ;;= asm
  ;;   test esi, esi
  ;;   je L4
  ;;   mov eax, esi
  ;;   mov rcx, [r15]
  ;;   mov rcx, [rcx + 24]
  ;;   mov esi, eax
  ;;   mov eax, edi
  ;;   jmp L2
  ;; L1:
  ;;   mov eax, esi
  ;;   mov esi, edx
  ;; L2:
  ;;   cmp [rcx], r14b
  ;;   jne L5
  ;; L3:
  ;;   test esi, esi
  ;;   je L6
  ;;   xor edx, edx
  ;;   div esi
  ;;   test edx, edx
  ;;   jne L1
  ;;   mov eax, esi
  ;;   ret
  ;; L4:
  ;;   mov eax, edi
  ;;   ret
  ;; L5:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L3
  ;; L6:
  ;;   sub rsp, 8
  ;;   mov edi, 1
  ;;   call wasmpy_raise
  ;;   int3

  (func (export "fibonacci") (param $n i32) (result i64) (local $a i64) (local $b i64) (local $t i64)
    (local.set $b (i64.const 1))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $n)))
        (local.set $t (i64.add (local.get $a) (local.get $b)))
        (local.set $a (local.get $b))
        (local.set $b (local.get $t))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br $next)))
    (local.get $a))
  ;;run fibonacci(50) = 12586269025
  ;;= asm
  ;;   mov rax, [r15]
  ;;   mov rax, [rax + 24]
  ;;   mov ecx, 1
  ;;   xor edx, edx
  ;;   jmp L2
  ;;   nop
  ;;   nop
  ;; L1:
  ;;   add rdx, rcx
  ;;   add edi, -1
  ;;   mov r11, rcx
  ;;   mov rcx, rdx
  ;;   mov rdx, r11
  ;; L2:
  ;;   cmp [rax], r14b
  ;;   jne L4
  ;; L3:
  ;;   test edi, edi
  ;;   jne L1
  ;;   mov rax, rdx
  ;;   ret
  ;; L4:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L3
)
