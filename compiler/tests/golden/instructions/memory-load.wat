;; Loads. Guarded memories need no check: no address reaches beyond what is reserved, and a fault is the trap. Checked ones
;; compare with the limit first.
;;! show = asm
(module
  (memory (export "memory") 1 1)
  (data (i32.const 0) "\00\00\80\3f\80\ff\7f\00\01\02\03\04\f5\f6\f7\f8\11\12\13\14\15\16\97\98")
  (data (i32.const 65520) "\00\00\00\00\00\00\00\00\18\2d\44\54\fb\21\09\40")

  (func (export "i32.load") (param i32) (result i32)
    (i32.load (local.get 0)))
  ;;run i32.load(8) = 67305985
  ;;run i32.load(65532) = 1074340347
  ;;run i32.load(65533) = trap out of bounds memory access
  ;;run i32.load(-1) = trap out of bounds memory access
  ;;= asm
  ;;   mov eax, [r14 + rdi]  ; may trap
  ;;   ret
  ;;= asm checked
  ;;   mov rax, [r15 + 48]
  ;;   lea rcx, [rdi + 4]
  ;;   cmp rcx, [rax + 8]
  ;;   ja L1
  ;;   mov rax, [rax]
  ;;   mov eax, [rax + rdi]
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 4
  ;;   call wasmpy_raise
  ;;   int3

  (func (export "i64.load") (param i32) (result i64)
    (i64.load (local.get 0)))
  ;;run i64.load(8) = -506664900861165055
  ;;run i64.load(65528) = 4614256656552045848
  ;;run i64.load(65529) = trap out of bounds memory access
  ;;run i64.load(-1) = trap out of bounds memory access
  ;;= asm
  ;;   mov rax, [r14 + rdi]  ; may trap
  ;;   ret

  (func (export "f32.load") (param i32) (result f32)
    (f32.load (local.get 0)))
  ;;run f32.load(8) = 1.539989614439558e-36
  ;;run f32.load(65532) = 2.1426990032196045
  ;;run f32.load(65533) = trap out of bounds memory access
  ;;run f32.load(-1) = trap out of bounds memory access
  ;;= asm
  ;;   movss xmm0, [r14 + rdi]  ; may trap
  ;;   ret

  (func (export "f64.load") (param i32) (result f64)
    (f64.load (local.get 0)))
  ;;run f64.load(8) = -5.185702849121478e+274
  ;;run f64.load(65528) = 3.141592653589793
  ;;run f64.load(65529) = trap out of bounds memory access
  ;;run f64.load(-1) = trap out of bounds memory access
  ;;= asm
  ;;   movsd xmm0, [r14 + rdi]  ; may trap
  ;;   ret

  (func (export "i32.load8_s") (param i32) (result i32)
    (i32.load8_s (local.get 0)))
  ;;run i32.load8_s(8) = 1
  ;;run i32.load8_s(65535) = 64
  ;;run i32.load8_s(65536) = trap out of bounds memory access
  ;;run i32.load8_s(-1) = trap out of bounds memory access
  ;;= asm
  ;;   movsx eax, byte [r14 + rdi]  ; may trap
  ;;   ret

  (func (export "i32.load8_u") (param i32) (result i32)
    (i32.load8_u (local.get 0)))
  ;;run i32.load8_u(8) = 1
  ;;run i32.load8_u(65535) = 64
  ;;run i32.load8_u(65536) = trap out of bounds memory access
  ;;run i32.load8_u(-1) = trap out of bounds memory access
  ;;= asm
  ;;   movzx eax, byte [r14 + rdi]  ; may trap
  ;;   ret

  (func (export "i32.load16_s") (param i32) (result i32)
    (i32.load16_s (local.get 0)))
  ;;run i32.load16_s(8) = 513
  ;;run i32.load16_s(65534) = 16393
  ;;run i32.load16_s(65535) = trap out of bounds memory access
  ;;run i32.load16_s(-1) = trap out of bounds memory access
  ;;= asm
  ;;   movsx eax, word [r14 + rdi]  ; may trap
  ;;   ret

  (func (export "i32.load16_u") (param i32) (result i32)
    (i32.load16_u (local.get 0)))
  ;;run i32.load16_u(8) = 513
  ;;run i32.load16_u(65534) = 16393
  ;;run i32.load16_u(65535) = trap out of bounds memory access
  ;;run i32.load16_u(-1) = trap out of bounds memory access
  ;;= asm
  ;;   movzx eax, word [r14 + rdi]  ; may trap
  ;;   ret

  (func (export "i64.load8_s") (param i32) (result i64)
    (i64.load8_s (local.get 0)))
  ;;run i64.load8_s(8) = 1
  ;;run i64.load8_s(65535) = 64
  ;;run i64.load8_s(65536) = trap out of bounds memory access
  ;;run i64.load8_s(-1) = trap out of bounds memory access
  ;;= asm
  ;;   movsx rax, byte [r14 + rdi]  ; may trap
  ;;   ret

  (func (export "i64.load8_u") (param i32) (result i64)
    (i64.load8_u (local.get 0)))
  ;;run i64.load8_u(8) = 1
  ;;run i64.load8_u(65535) = 64
  ;;run i64.load8_u(65536) = trap out of bounds memory access
  ;;run i64.load8_u(-1) = trap out of bounds memory access
  ;;= asm
  ;;   movzx eax, byte [r14 + rdi]  ; may trap
  ;;   ret

  (func (export "i64.load16_s") (param i32) (result i64)
    (i64.load16_s (local.get 0)))
  ;;run i64.load16_s(8) = 513
  ;;run i64.load16_s(65534) = 16393
  ;;run i64.load16_s(65535) = trap out of bounds memory access
  ;;run i64.load16_s(-1) = trap out of bounds memory access
  ;;= asm
  ;;   movsx rax, word [r14 + rdi]  ; may trap
  ;;   ret

  (func (export "i64.load16_u") (param i32) (result i64)
    (i64.load16_u (local.get 0)))
  ;;run i64.load16_u(8) = 513
  ;;run i64.load16_u(65534) = 16393
  ;;run i64.load16_u(65535) = trap out of bounds memory access
  ;;run i64.load16_u(-1) = trap out of bounds memory access
  ;;= asm
  ;;   movzx eax, word [r14 + rdi]  ; may trap
  ;;   ret

  (func (export "i64.load32_s") (param i32) (result i64)
    (i64.load32_s (local.get 0)))
  ;;run i64.load32_s(8) = 67305985
  ;;run i64.load32_s(65532) = 1074340347
  ;;run i64.load32_s(65533) = trap out of bounds memory access
  ;;run i64.load32_s(-1) = trap out of bounds memory access
  ;;= asm
  ;;   movsxd rax, dword [r14 + rdi]  ; may trap
  ;;   ret

  (func (export "i64.load32_u") (param i32) (result i64)
    (i64.load32_u (local.get 0)))
  ;;run i64.load32_u(8) = 67305985
  ;;run i64.load32_u(65532) = 1074340347
  ;;run i64.load32_u(65533) = trap out of bounds memory access
  ;;run i64.load32_u(-1) = trap out of bounds memory access
  ;;= asm
  ;;   mov eax, [r14 + rdi]  ; may trap
  ;;   ret

  ;; An offset belongs to the address; the sum does not wrap.
  (func (export "offset") (param i32) (result i32)
    (i32.load offset=1000 (local.get 0)))
  ;;run offset(0) = 0
  ;;run offset(64532) = 1074340347
  ;;run offset(64533) = trap out of bounds memory access
  ;;run offset(-1000) = trap out of bounds memory access
  ;;= asm
  ;;   mov eax, [r14 + rdi + 1000]  ; may trap
  ;;   ret
  ;;= asm checked
  ;;   mov rax, [r15 + 48]
  ;;   lea rcx, [rdi + 1004]
  ;;   cmp rcx, [rax + 8]
  ;;   ja L1
  ;;   mov rax, [rax]
  ;;   mov eax, [rax + rdi + 1000]
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 4
  ;;   call wasmpy_raise
  ;;   int3

  ;; From 2³¹ on it is no displacement: that would be negative.
  (func (export "large offset") (param i32) (result i32)
    (i32.load offset=0x80000000 (local.get 0)))
  ;;run large offset(0) = trap out of bounds memory access
  ;;run large offset(-0x80000000) = trap out of bounds memory access
  ;;lacks asm: - \d
  ;;= asm
  ;;   mov eax, -0x80000000
  ;;   add rax, rdi
  ;;   mov eax, [r14 + rax]  ; may trap
  ;;   ret
  ;;= asm checked
  ;;   mov rax, [r15 + 48]
  ;;   mov ecx, -0x7ffffffc
  ;;   add rcx, rdi
  ;;   cmp rcx, [rax + 8]
  ;;   ja L1
  ;;   mov rax, [rax]
  ;;   add rax, rdi
  ;;   mov ecx, -0x80000000
  ;;   mov eax, [rax + rcx]
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 4
  ;;   call wasmpy_raise
  ;;   int3

  (func (export "largest offset") (param i32) (result i32)
    (i32.load offset=0xffffffff (local.get 0)))
  ;;run largest offset(0) = trap out of bounds memory access
  ;;run largest offset(-1) = trap out of bounds memory access
  ;;lacks asm: - \d
  ;;= asm
  ;;   mov eax, -1
  ;;   add rax, rdi
  ;;   mov eax, [r14 + rax]  ; may trap
  ;;   ret

  (func (export "constant address") (result i32)
    (i32.load (i32.const 16)))
  ;;run constant address() = 336794129
  ;;= asm
  ;;   mov eax, [r14 + 16]  ; may trap
  ;;   ret
  ;;= asm checked
  ;;   mov rax, [r15 + 48]
  ;;   cmp qword [rax + 8], 20
  ;;   jb L1
  ;;   mov rax, [rax]
  ;;   mov eax, [rax + 16]
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 4
  ;;   call wasmpy_raise
  ;;   int3

  ;; The addition wraps at 32 bits, so it cannot become part of a 64-bit address.
  (func (export "array") (param i32 i32) (result i32)
    (i32.load (i32.add (local.get 0) (i32.shl (local.get 1) (i32.const 2)))))
  ;;run array(8, 1) = -117967115
  ;;run array(-4, 3) = 67305985
  ;;run array(65532, 1) = trap out of bounds memory access
  ;;= asm
  ;;   lea eax, [rdi + rsi*4]
  ;;   mov eax, [r14 + rax]  ; may trap
  ;;   ret
  ;;= asm checked
  ;;   lea eax, [rdi + rsi*4]
  ;;   mov rcx, [r15 + 48]
  ;;   lea rdx, [rax + 4]
  ;;   cmp rdx, [rcx + 8]
  ;;   ja L1
  ;;   mov rcx, [rcx]
  ;;   mov eax, [rcx + rax]
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 4
  ;;   call wasmpy_raise
  ;;   int3

  ;; A load that one instruction uses is its operand.
  (func (export "operand") (param i32 i32) (result i32)
    (i32.add (local.get 1) (i32.load (local.get 0))))
  ;;run operand(8, 1) = 67305986
  ;;run operand(65536, 1) = trap out of bounds memory access
  ;;= asm
  ;;   mov eax, esi
  ;;   add eax, [r14 + rdi]  ; may trap
  ;;   ret
  ;;= asm checked
  ;;   mov rax, [r15 + 48]
  ;;   lea rcx, [rdi + 4]
  ;;   cmp rcx, [rax + 8]
  ;;   ja L1
  ;;   mov rax, [rax]
  ;;   add esi, [rax + rdi]
  ;;   mov eax, esi
  ;;   ret
  ;; L1:
  ;;   sub rsp, 8
  ;;   mov edi, 4
  ;;   call wasmpy_raise
  ;;   int3

  (func (export "compared") (param i32) (result i32)
    (i32.eq (i32.load8_u (local.get 0)) (i32.const 1)))
  ;;run compared(8) = 1
  ;;run compared(0) = 0
  ;;= asm
  ;;   cmp byte [r14 + rdi], 1  ; may trap
  ;;   sete al
  ;;   movzx eax, al
  ;;   ret

  (func (export "extended") (param i32) (result i64)
    (i64.extend_i32_s (i32.load (local.get 0))))
  ;;run extended(4) = 8388480
  ;;= asm
  ;;   movsxd rax, dword [r14 + rdi]  ; may trap
  ;;   ret

  (func (export "unaligned") (param i32) (result i64)
    (i64.load align=1 (local.get 0)))
  ;;run unaligned(3) = 216736833726283839
  ;;= asm
  ;;   mov rax, [r14 + rdi]  ; may trap
  ;;   ret
)
