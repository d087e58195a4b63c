;; What becomes part of an address: only what cannot wrap at 32 bits. Guarded memory has 8 GiB for index and offset.
;;! show = asm
(module
  (memory (export "memory") 1)
  (data (i32.const 16) "\01\02\03\04\05\06\07\08")

  (func (export "sum with a constant") (param i32) (result i32)
    (i32.load8_u (i32.add (local.get 0) (i32.const 16))))
  ;;run sum with a constant(2) = 3
  ;;run sum with a constant(-2) = 0
  ;;= asm
  ;;   add edi, 16
  ;;   movzx eax, byte [r14 + rdi]  ; may trap
  ;;   ret

  ;; The mask leaves room: the sum does not wrap.
  (func (export "masked index") (param i32) (result i32)
    (i32.load8_u (i32.add (i32.and (local.get 0) (i32.const 7)) (i32.const 16))))
  ;;run masked index(9) = 2
  ;;= asm
  ;;   and edi, 7
  ;;   movzx eax, byte [r14 + rdi + 16]  ; may trap
  ;;   ret

  (func (export "scaled index") (param i32) (result i32)
    (i32.load offset=16 (i32.shl (local.get 0) (i32.const 2))))
  ;;run scaled index(1) = 134678021
  ;;run scaled index(0x40000000) = 67305985
  ;;= asm
  ;;   shl edi, 2
  ;;   mov eax, [r14 + rdi + 16]  ; may trap
  ;;   ret

  ;; A byte, shifted, loses no bits.
  (func (export "table of words") (param i32) (result i32)
    (i32.load offset=16 (i32.shl (i32.load8_u (local.get 0)) (i32.const 2))))
  ;;lacks asm: shl
  ;;run table of words(16) = 134678021
  ;;= asm
  ;;   movzx eax, byte [r14 + rdi]  ; may trap
  ;;   mov eax, [r14 + rax*4 + 16]  ; may trap
  ;;   ret

  (func (export "fields") (param i32) (result i32)
    (i32.add (i32.load offset=16 (local.get 0)) (i32.load offset=20 (local.get 0))))
  ;;run fields(0) = 201984006
  ;;= asm
  ;;   mov eax, [r14 + rdi + 20]  ; may trap
  ;;   add eax, [r14 + rdi + 16]  ; may trap
  ;;   ret

  (func (export "no room") (param i32) (result i32)
    (i32.load8_u (i32.add (i32.or (local.get 0) (i32.const 0x80000000)) (i32.const -0x80000000))))
  ;;run no room(18) = 3
  ;;= asm
  ;;   or edi, -0x80000000
  ;;   add edi, -0x80000000
  ;;   movzx eax, byte [r14 + rdi]  ; may trap
  ;;   ret

  ;; 64-bit sums fold as they are: memory records, tables, the instance.
  (func (export "constant sum") (result i32)
    (i32.load8_u offset=1 (i32.add (i32.const 16) (i32.const 2))))
  ;;run constant sum() = 4
  ;;= asm
  ;;   movzx eax, byte [r14 + 19]  ; may trap
  ;;   ret
)
