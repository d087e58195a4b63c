;; Locals become values; globals lie in the instance, imported ones behind a pointer.
;;! show = asm
(module
  (global $count (mut i32) (i32.const 5))
  (global $wide i64 (i64.const 0x123456789))
  (global $ratio (mut f64) (f64.const 0.5))

  (func (export "local.get") (param i32 i32) (result i32)
    (local.get 1))
  ;;run local.get(1, 2) = 2
  ;;= asm
  ;;   mov eax, esi
  ;;   ret

  ;; A local begins as zero; setting it costs nothing.
  (func (export "local.set") (param i32) (result i32) (local i32)
    (local.set 1 (i32.add (local.get 0) (local.get 1)))
    (local.get 1))
  ;;run local.set(7) = 7
  ;;= asm
  ;;   mov eax, edi
  ;;   ret

  (func (export "local.tee") (param i32) (result i32) (local i32)
    (i32.mul (local.tee 1 (i32.add (local.get 0) (i32.const 1))) (local.get 1)))
  ;;run local.tee(7) = 64
  ;;= asm
  ;;   mov eax, edi
  ;;   add eax, 1
  ;;   imul eax, eax
  ;;   ret

  (func (export "swap") (param i32 i32) (result i32 i32)
    (local.get 1)
    (local.get 0))
  ;;run swap(1, 2) = 2 1
  ;;= asm
  ;;   mov edx, edi
  ;;   mov eax, esi
  ;;   ret

  (func (export "drop") (param i32) (result i32)
    (drop (i32.mul (local.get 0) (local.get 0)))
    (i32.const 3))
  ;;run drop(9) = 3
  ;;= asm
  ;;   mov eax, 3
  ;;   ret

  ;; What is dropped may still trap.
  (func (export "drop of a quotient") (param i32) (result i32)
    (drop (i32.div_u (i32.const 1) (local.get 0)))
    (i32.const 3))
  ;;run drop of a quotient(1) = 3
  ;;run drop of a quotient(0) = trap integer divide by zero
  ;;= asm
  ;;   test edi, edi
  ;;   je L1
  ;;   mov eax, 3
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 1
  ;;   call wasmpy_raise
  ;;   int3

  (func (export "global.get") (result i32 f64)
    (global.get $count)
    (global.get $ratio))
  ;;run global.get() = 5 0.5
  ;;= asm
  ;;   mov eax, [r15 + 544]
  ;;   movsd xmm0, [r15 + 576]
  ;;   ret

  ;; Never changed: a constant.
  (func (export "global.get of a constant") (result i64)
    (global.get $wide))
  ;;run global.get of a constant() = 4886718345
  ;;= asm
  ;;   movabs rax, 0x0000000123456789
  ;;   ret

  (func (export "global.set") (param i32)
    (global.set $count (local.get 0)))
  ;;run global.set(8) =
  ;;run global.get() = 8 0.5
  ;;= asm
  ;;   mov [r15 + 544], edi
  ;;   ret

  (func (export "increment") (result i32)
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (global.get $count))
  ;;run increment() = 9
  ;;= asm
  ;;   mov eax, [r15 + 544]
  ;;   add eax, 1
  ;;   mov [r15 + 544], eax
  ;;   ret

  ;; The stack pointer of compiled C: loaded once, stored twice.
  (func (export "frame") (param i32) (result i32) (local i32)
    (global.set $count (local.tee 1 (i32.sub (global.get $count) (i32.const 16))))
    (local.set 0 (i32.xor (local.get 0) (global.get $count)))
    (global.set $count (i32.add (local.get 1) (i32.const 16)))
    (local.get 0))
  ;;run frame(3) = -6
  ;;= asm
  ;;   mov eax, [r15 + 544]
  ;;   lea ecx, [rax - 16]
  ;;   mov [r15 + 544], ecx
  ;;   xor edi, ecx
  ;;   mov [r15 + 544], eax
  ;;   mov eax, edi
  ;;   ret
)
