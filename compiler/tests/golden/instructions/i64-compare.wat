;; Comparisons of i64: as a number, as a condition.
;;! show = asm
(module
  (func (export "eqz") (param i64) (result i32)
    (i64.eqz (local.get 0)))
  ;;run eqz(0) = 1
  ;;run eqz(1) = 0
  ;;run eqz(-0x8000000000000000) = 0
  ;;= asm
  ;;   test rdi, rdi
  ;;   sete al
  ;;   movzx eax, al
  ;;   ret

  (func (export "eq") (param i64 i64) (result i32)
    (i64.eq (local.get 0) (local.get 1)))
  ;;run eq(1, 1) = 1
  ;;run eq(1, 2) = 0
  ;;run eq(-1, 1) = 0
  ;;run eq(-0x8000000000000000, 0x7fffffffffffffff) = 0
  ;;= asm
  ;;   cmp rdi, rsi
  ;;   sete al
  ;;   movzx eax, al
  ;;   ret

  (func (export "ne") (param i64 i64) (result i32)
    (i64.ne (local.get 0) (local.get 1)))
  ;;run ne(1, 1) = 0
  ;;run ne(1, 2) = 1
  ;;run ne(-1, 1) = 1
  ;;run ne(-0x8000000000000000, 0x7fffffffffffffff) = 1
  ;;= asm
  ;;   cmp rdi, rsi
  ;;   setne al
  ;;   movzx eax, al
  ;;   ret

  (func (export "lt_s") (param i64 i64) (result i32)
    (i64.lt_s (local.get 0) (local.get 1)))
  ;;run lt_s(1, 1) = 0
  ;;run lt_s(1, 2) = 1
  ;;run lt_s(-1, 1) = 1
  ;;run lt_s(-0x8000000000000000, 0x7fffffffffffffff) = 1
  ;;= asm
  ;;   cmp rdi, rsi
  ;;   setl al
  ;;   movzx eax, al
  ;;   ret

  (func (export "lt_u") (param i64 i64) (result i32)
    (i64.lt_u (local.get 0) (local.get 1)))
  ;;run lt_u(1, 1) = 0
  ;;run lt_u(1, 2) = 1
  ;;run lt_u(-1, 1) = 0
  ;;run lt_u(-0x8000000000000000, 0x7fffffffffffffff) = 0
  ;;= asm
  ;;   cmp rdi, rsi
  ;;   setb al
  ;;   movzx eax, al
  ;;   ret

  (func (export "gt_s") (param i64 i64) (result i32)
    (i64.gt_s (local.get 0) (local.get 1)))
  ;;run gt_s(1, 1) = 0
  ;;run gt_s(1, 2) = 0
  ;;run gt_s(-1, 1) = 0
  ;;run gt_s(-0x8000000000000000, 0x7fffffffffffffff) = 0
  ;;= asm
  ;;   cmp rdi, rsi
  ;;   setg al
  ;;   movzx eax, al
  ;;   ret

  (func (export "gt_u") (param i64 i64) (result i32)
    (i64.gt_u (local.get 0) (local.get 1)))
  ;;run gt_u(1, 1) = 0
  ;;run gt_u(1, 2) = 0
  ;;run gt_u(-1, 1) = 1
  ;;run gt_u(-0x8000000000000000, 0x7fffffffffffffff) = 1
  ;;= asm
  ;;   cmp rdi, rsi
  ;;   seta al
  ;;   movzx eax, al
  ;;   ret

  (func (export "le_s") (param i64 i64) (result i32)
    (i64.le_s (local.get 0) (local.get 1)))
  ;;run le_s(1, 1) = 1
  ;;run le_s(1, 2) = 1
  ;;run le_s(-1, 1) = 1
  ;;run le_s(-0x8000000000000000, 0x7fffffffffffffff) = 1
  ;;= asm
  ;;   cmp rdi, rsi
  ;;   setle al
  ;;   movzx eax, al
  ;;   ret

  (func (export "le_u") (param i64 i64) (result i32)
    (i64.le_u (local.get 0) (local.get 1)))
  ;;run le_u(1, 1) = 1
  ;;run le_u(1, 2) = 1
  ;;run le_u(-1, 1) = 0
  ;;run le_u(-0x8000000000000000, 0x7fffffffffffffff) = 0
  ;;= asm
  ;;   cmp rdi, rsi
  ;;   setbe al
  ;;   movzx eax, al
  ;;   ret

  (func (export "ge_s") (param i64 i64) (result i32)
    (i64.ge_s (local.get 0) (local.get 1)))
  ;;run ge_s(1, 1) = 1
  ;;run ge_s(1, 2) = 0
  ;;run ge_s(-1, 1) = 0
  ;;run ge_s(-0x8000000000000000, 0x7fffffffffffffff) = 0
  ;;= asm
  ;;   cmp rdi, rsi
  ;;   setge al
  ;;   movzx eax, al
  ;;   ret

  (func (export "ge_u") (param i64 i64) (result i32)
    (i64.ge_u (local.get 0) (local.get 1)))
  ;;run ge_u(1, 1) = 1
  ;;run ge_u(1, 2) = 0
  ;;run ge_u(-1, 1) = 1
  ;;run ge_u(-0x8000000000000000, 0x7fffffffffffffff) = 1
  ;;= asm
  ;;   cmp rdi, rsi
  ;;   setae al
  ;;   movzx eax, al
  ;;   ret

  (func (export "negative") (param i64) (result i32)
    (i64.lt_s (local.get 0) (i64.const 0)))
  ;;run negative(-1) = 1
  ;;run negative(0) = 0
  ;;= asm
  ;;   test rdi, rdi
  ;;   sets al
  ;;   movzx eax, al
  ;;   ret

  (func (export "not negative") (param i64) (result i32)
    (i64.gt_s (local.get 0) (i64.const -1)))
  ;;run not negative(-1) = 0
  ;;run not negative(0) = 1
  ;;= asm
  ;;   test rdi, rdi
  ;;   setns al
  ;;   movzx eax, al
  ;;   ret

  (func (export "below one") (param i64) (result i32)
    (i64.lt_u (local.get 0) (i64.const 1)))
  ;;run below one(0) = 1
  ;;run below one(1) = 0
  ;;run below one(-1) = 0
  ;;= asm
  ;;   test rdi, rdi
  ;;   sete al
  ;;   movzx eax, al
  ;;   ret

  (func (export "below zero") (param i64) (result i32)
    (i64.lt_u (local.get 0) (i64.const 0)))
  ;;run below zero(0) = 0
  ;;run below zero(-1) = 0
  ;;= asm
  ;;   xor eax, eax
  ;;   ret

  (func (export "not below zero") (param i64) (result i32)
    (i64.ge_u (local.get 0) (i64.const 0)))
  ;;run not below zero(0) = 1
  ;;run not below zero(-1) = 1
  ;;= asm
  ;;   mov eax, 1
  ;;   ret

  (func (export "not less") (param i64 i64) (result i32)
    (i32.eqz (i64.lt_s (local.get 0) (local.get 1))))
  ;;run not less(1, 2) = 0
  ;;run not less(2, 1) = 1
  ;;= asm
  ;;   cmp rdi, rsi
  ;;   setge al
  ;;   movzx eax, al
  ;;   ret

  (func (export "twice not") (param i64) (result i32)
    (i32.eqz (i64.eqz (local.get 0))))
  ;;run twice not(0) = 0
  ;;run twice not(7) = 1
  ;;= asm
  ;;   test rdi, rdi
  ;;   setne al
  ;;   movzx eax, al
  ;;   ret

  (func (export "difference is zero") (param i64 i64) (result i32)
    (i64.eqz (i64.sub (local.get 0) (local.get 1))))
  ;;run difference is zero(3, 3) = 1
  ;;run difference is zero(3, 4) = 0
  ;;= asm
  ;;   cmp rdi, rsi
  ;;   sete al
  ;;   movzx eax, al
  ;;   ret

  (func (export "in range") (param i64) (result i32)
    (i32.and (i64.ge_s (local.get 0) (i64.const 48)) (i64.le_s (local.get 0) (i64.const 57))))
  ;;run in range(47) = 0
  ;;run in range(48) = 1
  ;;run in range(57) = 1
  ;;run in range(58) = 0
  ;;= asm
  ;;   cmp rdi, 48
  ;;   setge al
  ;;   movzx eax, al
  ;;   cmp rdi, 57
  ;;   setle cl
  ;;   movzx ecx, cl
  ;;   and eax, ecx
  ;;   ret

  (func (export "branch") (param i64 i64) (result i32)
    (if (result i32) (i64.lt_u (local.get 0) (local.get 1))
      (then (i32.const 10))
      (else (return (i32.const 20)))))
  ;;run branch(1, 2) = 10
  ;;run branch(-1, 2) = 20
  ;;= asm
  ;;   cmp rdi, rsi
  ;;   jae L1
  ;;   mov eax, 10
  ;;   ret
  ;; L1:
  ;;   mov eax, 20
  ;;   ret
)
