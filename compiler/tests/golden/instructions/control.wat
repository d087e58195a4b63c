;; Blocks, loops and branches. Loops poll for interrupts at their ends: `cmp rsp, [..]` against the stack limit.
;;! show = asm
(module
  (func (export "nop") (param i32) (result i32)
    (nop)
    (local.get 0)
    (nop))
  ;;run nop(5) = 5
  ;;= asm
  ;;   mov eax, edi
  ;;   ret

  (func (export "unreachable") (param i32) (result i32)
    (if (local.get 0) (then (unreachable)))
    (i32.const 1))
  ;;run unreachable(0) = 1
  ;;run unreachable(1) = trap unreachable
  ;;= asm
  ;;   test edi, edi
  ;;   je L1
  ;;   sub rsp, 8
  ;;   mov edi, 0
  ;;   call wasmpy_raise
  ;;   int3
  ;; L1:
  ;;   mov eax, 1
  ;;   ret

  (func (export "block") (param i32) (result i32)
    (block (result i32)
      (br_if 0 (i32.const 10) (local.get 0))
      (drop)
      (i32.const 20)))
  ;;run block(1) = 10
  ;;run block(0) = 20
  ;;= asm
  ;;   test edi, edi
  ;;   jne L1
  ;;   mov eax, 20
  ;;   ret
  ;; L1:
  ;;   mov eax, 10
  ;;   ret

  (func (export "if") (param i32) (result i32)
    (local i32)
    (if (local.get 0) (then (local.set 1 (i32.const 7))))
    (local.get 1))
  ;;run if(0) = 0
  ;;run if(3) = 7
  ;;= asm
  ;;   test edi, edi
  ;;   je L1
  ;;   mov eax, 7
  ;;   ret
  ;; L1:
  ;;   xor eax, eax
  ;;   ret

  (func (export "if else") (param i32 i32) (result i32)
    (if (result i32) (i32.gt_s (local.get 0) (local.get 1))
      (then (i32.sub (local.get 0) (local.get 1)))
      (else (i32.sub (local.get 1) (local.get 0)))))
  ;;run if else(5, 3) = 2
  ;;run if else(3, 5) = 2
  ;;= asm
  ;;   cmp edi, esi
  ;;   jle L1
  ;;   mov eax, edi
  ;;   sub eax, esi
  ;;   ret
  ;; L1:
  ;;   mov eax, esi
  ;;   sub eax, edi
  ;;   ret

  (func (export "loop") (param i32) (result i32) (local i32)
    (loop $again
      (local.set 1 (i32.add (local.get 1) (local.get 0)))
      (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (local.get 1))
  ;;run loop(1) = 1
  ;;run loop(10) = 55
  ;;= asm
  ;;   mov rax, [r15]
  ;;   mov rax, [rax + 24]
  ;;   xor ecx, ecx
  ;; L1:
  ;;   cmp [rax], r14b
  ;;   jne L3
  ;; L2:
  ;;   add ecx, edi
  ;;   add edi, -1
  ;;   jne L1
  ;;   mov eax, ecx
  ;;   ret
  ;; L3:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L2

  ;; The test moves to the end.
  (func (export "while") (param i32) (result i32) (local i32)
    (block $out
      (loop $again
        (br_if $out (i32.eqz (local.get 0)))
        (local.set 1 (i32.add (local.get 1) (local.get 0)))
        (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
        (br $again)))
    (local.get 1))
  ;;run while(0) = 0
  ;;run while(10) = 55
  ;;= asm
  ;;   mov rax, [r15]
  ;;   mov rax, [rax + 24]
  ;;   xor ecx, ecx
  ;;   jmp L2
  ;; L1:
  ;;   add ecx, edi
  ;;   add edi, -1
  ;; L2:
  ;;   cmp [rax], r14b
  ;;   jne L4
  ;; L3:
  ;;   test edi, edi
  ;;   jne L1
  ;;   mov eax, ecx
  ;;   ret
  ;; L4:
  ;;   sub rsp, 8
  ;;   call wasmpy_stack_slow
  ;;   add rsp, 8
  ;;   jmp L3

  ;; A divisor known not to be zero is not tested again.
  (func (export "return") (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (return (i32.const 100))))
    (i32.div_u (i32.const 100) (local.get 0)))
  ;;lacks opt: trap_if
  ;;run return(0) = 100
  ;;run return(3) = 33
  ;;= asm
  ;;   test edi, edi
  ;;   jne L1
  ;;   mov eax, 100
  ;;   ret
  ;; L1:
  ;;   mov eax, 100
  ;;   xor edx, edx
  ;;   div edi
  ;;   ret

  (func (export "br") (param i32) (result i32)
    (block $out (result i32)
      (block $in
        (br_if $in (local.get 0))
        (br $out (i32.const 1)))
      (i32.const 2)))
  ;;run br(0) = 1
  ;;run br(1) = 2
  ;;= asm
  ;;   test edi, edi
  ;;   jne L1
  ;;   mov eax, 1
  ;;   ret
  ;; L1:
  ;;   mov eax, 2
  ;;   ret

  (func (export "br_table") (param i32) (result i32)
    (block $three
      (block $two
        (block $one
          (block $zero
            (br_table $zero $one $two $three $one (local.get 0)))
          (return (i32.const 10)))
        (return (i32.const 11)))
      (return (i32.const 12)))
    (i32.const 13))
  ;;run br_table(0) = 10
  ;;run br_table(2) = 12
  ;;run br_table(3) = 13
  ;;run br_table(4) = 11
  ;;run br_table(-1) = 11
  ;;= asm
  ;;   cmp edi, 4
  ;;   jae L4
  ;;   lea r11, [wasmpy_table0_br_table]
  ;;   movsxd rax, dword [r11 + rdi*4]
  ;;   add rax, r11
  ;;   jmp rax
  ;; L1:
  ;;   mov eax, 10
  ;;   ret
  ;; L2:
  ;;   mov eax, 12
  ;;   ret
  ;; L3:
  ;;   mov eax, 13
  ;;   ret
  ;; L4:
  ;;   mov eax, 11
  ;;   ret
  ;; wasmpy_table0_br_table: L1, L4, L2, L3

  ;; A constant index chooses at once.
  (func (export "constant index") (result i32)
    (block $a (result i32)
      (block $b (result i32)
        (br_table $a $b (i32.const 5) (i32.const 1)))
      (i32.const 1)
      (i32.add)))
  ;;lacks opt: br_table
  ;;run constant index() = 6
  ;;= asm
  ;;   mov eax, 6
  ;;   ret

  (func (export "select") (param i32 i32 i32) (result i32)
    (select (local.get 0) (local.get 1) (local.get 2)))
  ;;run select(1, 2, 0) = 2
  ;;run select(1, 2, -1) = 1
  ;;= asm
  ;;   test edx, edx
  ;;   mov eax, esi
  ;;   cmovne eax, edi
  ;;   ret

  (func (export "select by a comparison") (param i64 i64) (result i64)
    (select (local.get 0) (local.get 1) (i64.lt_u (local.get 0) (local.get 1))))
  ;;run select by a comparison(1, 2) = 1
  ;;run select by a comparison(-1, 2) = 2
  ;;= asm
  ;;   cmp rdi, rsi
  ;;   mov rax, rsi
  ;;   cmovb rax, rdi
  ;;   ret

  (func (export "select f64") (param f64 f64 i32) (result f64)
    (select (local.get 0) (local.get 1) (local.get 2)))
  ;;run select f64(1.5, 2.5, 0) = 2.5
  ;;run select f64(1.5, 2.5, 1) = 1.5
  ;;= asm
  ;;   movq rax, xmm0
  ;;   movq rcx, xmm1
  ;;   test edi, edi
  ;;   cmovne rcx, rax
  ;;   movq xmm0, rcx
  ;;   ret

  (func (export "select t") (param externref externref i32) (result externref)
    (select (result externref) (local.get 0) (local.get 1) (local.get 2)))
  ;;run select t("a", "b", 1) = "a"
  ;;run select t("a", null, 0) = null
  ;;= asm
  ;;   test edx, edx
  ;;   mov rax, rsi
  ;;   cmovne rax, rdi
  ;;   ret

  (func (export "select one") (param i32) (result i32)
    (select (i32.const 1) (i32.const 0) (local.get 0)))
  ;;run select one(0) = 0
  ;;run select one(9) = 1
  ;;= asm
  ;;   test edi, edi
  ;;   setne al
  ;;   movzx eax, al
  ;;   ret
)
