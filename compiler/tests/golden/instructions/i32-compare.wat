;; Comparisons of i32: as a number, as a condition.
;;! show = asm
(module
  (func (export "eqz") (param i32) (result i32)
    (i32.eqz (local.get 0)))
  ;;run eqz(0) = 1
  ;;run eqz(1) = 0
  ;;run eqz(-0x80000000) = 0
  ;;= asm
  ;;   test edi, edi
  ;;   sete al
  ;;   movzx eax, al
  ;;   ret

  (func (export "eq") (param i32 i32) (result i32)
    (i32.eq (local.get 0) (local.get 1)))
  ;;run eq(1, 1) = 1
  ;;run eq(1, 2) = 0
  ;;run eq(-1, 1) = 0
  ;;run eq(-0x80000000, 0x7fffffff) = 0
  ;;= asm
  ;;   cmp edi, esi
  ;;   sete al
  ;;   movzx eax, al
  ;;   ret

  (func (export "ne") (param i32 i32) (result i32)
    (i32.ne (local.get 0) (local.get 1)))
  ;;run ne(1, 1) = 0
  ;;run ne(1, 2) = 1
  ;;run ne(-1, 1) = 1
  ;;run ne(-0x80000000, 0x7fffffff) = 1
  ;;= asm
  ;;   cmp edi, esi
  ;;   setne al
  ;;   movzx eax, al
  ;;   ret

  (func (export "lt_s") (param i32 i32) (result i32)
    (i32.lt_s (local.get 0) (local.get 1)))
  ;;run lt_s(1, 1) = 0
  ;;run lt_s(1, 2) = 1
  ;;run lt_s(-1, 1) = 1
  ;;run lt_s(-0x80000000, 0x7fffffff) = 1
  ;;= asm
  ;;   cmp edi, esi
  ;;   setl al
  ;;   movzx eax, al
  ;;   ret

  (func (export "lt_u") (param i32 i32) (result i32)
    (i32.lt_u (local.get 0) (local.get 1)))
  ;;run lt_u(1, 1) = 0
  ;;run lt_u(1, 2) = 1
  ;;run lt_u(-1, 1) = 0
  ;;run lt_u(-0x80000000, 0x7fffffff) = 0
  ;;= asm
  ;;   cmp edi, esi
  ;;   setb al
  ;;   movzx eax, al
  ;;   ret

  (func (export "gt_s") (param i32 i32) (result i32)
    (i32.gt_s (local.get 0) (local.get 1)))
  ;;run gt_s(1, 1) = 0
  ;;run gt_s(1, 2) = 0
  ;;run gt_s(-1, 1) = 0
  ;;run gt_s(-0x80000000, 0x7fffffff) = 0
  ;;= asm
  ;;   cmp edi, esi
  ;;   setg al
  ;;   movzx eax, al
  ;;   ret

  (func (export "gt_u") (param i32 i32) (result i32)
    (i32.gt_u (local.get 0) (local.get 1)))
  ;;run gt_u(1, 1) = 0
  ;;run gt_u(1, 2) = 0
  ;;run gt_u(-1, 1) = 1
  ;;run gt_u(-0x80000000, 0x7fffffff) = 1
  ;;= asm
  ;;   cmp edi, esi
  ;;   seta al
  ;;   movzx eax, al
  ;;   ret

  (func (export "le_s") (param i32 i32) (result i32)
    (i32.le_s (local.get 0) (local.get 1)))
  ;;run le_s(1, 1) = 1
  ;;run le_s(1, 2) = 1
  ;;run le_s(-1, 1) = 1
  ;;run le_s(-0x80000000, 0x7fffffff) = 1
  ;;= asm
  ;;   cmp edi, esi
  ;;   setle al
  ;;   movzx eax, al
  ;;   ret

  (func (export "le_u") (param i32 i32) (result i32)
    (i32.le_u (local.get 0) (local.get 1)))
  ;;run le_u(1, 1) = 1
  ;;run le_u(1, 2) = 1
  ;;run le_u(-1, 1) = 0
  ;;run le_u(-0x80000000, 0x7fffffff) = 0
  ;;= asm
  ;;   cmp edi, esi
  ;;   setbe al
  ;;   movzx eax, al
  ;;   ret

  (func (export "ge_s") (param i32 i32) (result i32)
    (i32.ge_s (local.get 0) (local.get 1)))
  ;;run ge_s(1, 1) = 1
  ;;run ge_s(1, 2) = 0
  ;;run ge_s(-1, 1) = 0
  ;;run ge_s(-0x80000000, 0x7fffffff) = 0
  ;;= asm
  ;;   cmp edi, esi
  ;;   setge al
  ;;   movzx eax, al
  ;;   ret

  (func (export "ge_u") (param i32 i32) (result i32)
    (i32.ge_u (local.get 0) (local.get 1)))
  ;;run ge_u(1, 1) = 1
  ;;run ge_u(1, 2) = 0
  ;;run ge_u(-1, 1) = 1
  ;;run ge_u(-0x80000000, 0x7fffffff) = 1
  ;;= asm
  ;;   cmp edi, esi
  ;;   setae al
  ;;   movzx eax, al
  ;;   ret

  (func (export "negative") (param i32) (result i32)
    (i32.lt_s (local.get 0) (i32.const 0)))
  ;;run negative(-1) = 1
  ;;run negative(0) = 0
  ;;= asm
  ;;   test edi, edi
  ;;   sets al
  ;;   movzx eax, al
  ;;   ret

  (func (export "not negative") (param i32) (result i32)
    (i32.gt_s (local.get 0) (i32.const -1)))
  ;;run not negative(-1) = 0
  ;;run not negative(0) = 1
  ;;= asm
  ;;   test edi, edi
  ;;   setns al
  ;;   movzx eax, al
  ;;   ret

  (func (export "below one") (param i32) (result i32)
    (i32.lt_u (local.get 0) (i32.const 1)))
  ;;run below one(0) = 1
  ;;run below one(1) = 0
  ;;run below one(-1) = 0
  ;;= asm
  ;;   test edi, edi
  ;;   sete al
  ;;   movzx eax, al
  ;;   ret

  (func (export "below zero") (param i32) (result i32)
    (i32.lt_u (local.get 0) (i32.const 0)))
  ;;run below zero(0) = 0
  ;;run below zero(-1) = 0
  ;;= asm
  ;;   xor eax, eax
  ;;   ret

  (func (export "not below zero") (param i32) (result i32)
    (i32.ge_u (local.get 0) (i32.const 0)))
  ;;run not below zero(0) = 1
  ;;run not below zero(-1) = 1
  ;;= asm
  ;;   mov eax, 1
  ;;   ret

  (func (export "not less") (param i32 i32) (result i32)
    (i32.eqz (i32.lt_s (local.get 0) (local.get 1))))
  ;;run not less(1, 2) = 0
  ;;run not less(2, 1) = 1
  ;;= asm
  ;;   cmp edi, esi
  ;;   setge al
  ;;   movzx eax, al
  ;;   ret

  (func (export "twice not") (param i32) (result i32)
    (i32.eqz (i32.eqz (local.get 0))))
  ;;run twice not(0) = 0
  ;;run twice not(7) = 1
  ;;= asm
  ;;   test edi, edi
  ;;   setne al
  ;;   movzx eax, al
  ;;   ret

  (func (export "difference is zero") (param i32 i32) (result i32)
    (i32.eqz (i32.sub (local.get 0) (local.get 1))))
  ;;run difference is zero(3, 3) = 1
  ;;run difference is zero(3, 4) = 0
  ;;= asm
  ;;   cmp edi, esi
  ;;   sete al
  ;;   movzx eax, al
  ;;   ret

  (func (export "in range") (param i32) (result i32)
    (i32.and (i32.ge_s (local.get 0) (i32.const 48)) (i32.le_s (local.get 0) (i32.const 57))))
  ;;run in range(47) = 0
  ;;run in range(48) = 1
  ;;run in range(57) = 1
  ;;run in range(58) = 0
  ;;= asm
  ;;   cmp edi, 48
  ;;   setge al
  ;;   movzx eax, al
  ;;   cmp edi, 57
  ;;   setle cl
  ;;   movzx ecx, cl
  ;;   and eax, ecx
  ;;   ret

  (func (export "branch") (param i32 i32) (result i32)
    (if (result i32) (i32.lt_u (local.get 0) (local.get 1))
      (then (i32.const 10))
      (else (return (i32.const 20)))))
  ;;run branch(1, 2) = 10
  ;;run branch(-1, 2) = 20
  ;;= asm
  ;;   cmp edi, esi
  ;;   jae L1
  ;;   mov eax, 10
  ;;   ret
  ;; L1:
  ;;   mov eax, 20
  ;;   ret
)
