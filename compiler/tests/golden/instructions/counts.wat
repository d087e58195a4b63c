;; Counting bits. Only popcnt belongs to x86-64-v2, and none of it to x86-64; without lzcnt and tzcnt a zero needs care.
;;! show = asm, asm lzcnt bmi1
(module
  (func (export "i32.clz") (param i32) (result i32)
    (i32.clz (local.get 0)))
  ;;run i32.clz(0) = 32
  ;;run i32.clz(1) = 31
  ;;run i32.clz(-1) = 0
  ;;run i32.clz(-0x80000000) = 0
  ;;run i32.clz(0x00f00000) = 8
  ;;= asm
  ;;   mov eax, 63
  ;;   bsr eax, edi
  ;;   xor eax, 31
  ;;   ret
  ;;= asm lzcnt bmi1
  ;;   lzcnt eax, edi
  ;;   ret

  (func (export "i32.ctz") (param i32) (result i32)
    (i32.ctz (local.get 0)))
  ;;run i32.ctz(0) = 32
  ;;run i32.ctz(1) = 0
  ;;run i32.ctz(-1) = 0
  ;;run i32.ctz(-0x80000000) = 31
  ;;run i32.ctz(0x00f00000) = 20
  ;;= asm
  ;;   mov eax, 32
  ;;   bsf eax, edi
  ;;   ret
  ;;= asm lzcnt bmi1
  ;;   tzcnt eax, edi
  ;;   ret

  (func (export "i32.popcnt") (param i32) (result i32)
    (i32.popcnt (local.get 0)))
  ;;run i32.popcnt(0) = 0
  ;;run i32.popcnt(1) = 1
  ;;run i32.popcnt(-1) = 32
  ;;run i32.popcnt(-0x80000000) = 1
  ;;run i32.popcnt(0x00f00000) = 4
  ;;= asm
  ;;   xor eax, eax
  ;;   popcnt eax, edi
  ;;   ret
  ;;= asm sse2
  ;;   mov eax, edi
  ;;   shr eax, 1
  ;;   and eax, 0x55555555
  ;;   sub edi, eax
  ;;   mov eax, edi
  ;;   and eax, 0x33333333
  ;;   shr edi, 2
  ;;   and edi, 0x33333333
  ;;   add eax, edi
  ;;   mov ecx, eax
  ;;   shr ecx, 4
  ;;   add eax, ecx
  ;;   and eax, 0xf0f0f0f
  ;;   imul eax, eax, 0x1010101
  ;;   shr eax, 24
  ;;   ret

  (func (export "i64.clz") (param i64) (result i64)
    (i64.clz (local.get 0)))
  ;;run i64.clz(0) = 64
  ;;run i64.clz(1) = 63
  ;;run i64.clz(-1) = 0
  ;;run i64.clz(-0x8000000000000000) = 0
  ;;run i64.clz(0x00f00000) = 40
  ;;= asm
  ;;   mov eax, 127
  ;;   bsr rax, rdi
  ;;   xor rax, 63
  ;;   ret
  ;;= asm lzcnt bmi1
  ;;   lzcnt rax, rdi
  ;;   ret

  (func (export "i64.ctz") (param i64) (result i64)
    (i64.ctz (local.get 0)))
  ;;run i64.ctz(0) = 64
  ;;run i64.ctz(1) = 0
  ;;run i64.ctz(-1) = 0
  ;;run i64.ctz(-0x8000000000000000) = 63
  ;;run i64.ctz(0x00f00000) = 20
  ;;= asm
  ;;   mov eax, 64
  ;;   bsf rax, rdi
  ;;   ret
  ;;= asm lzcnt bmi1
  ;;   tzcnt rax, rdi
  ;;   ret

  (func (export "i64.popcnt") (param i64) (result i64)
    (i64.popcnt (local.get 0)))
  ;;run i64.popcnt(0) = 0
  ;;run i64.popcnt(1) = 1
  ;;run i64.popcnt(-1) = 64
  ;;run i64.popcnt(-0x8000000000000000) = 1
  ;;run i64.popcnt(0x00f00000) = 4
  ;;= asm
  ;;   xor eax, eax
  ;;   popcnt rax, rdi
  ;;   ret

  ;; Number of bits that a number needs.
  (func (export "width") (param i32) (result i32)
    (i32.sub (i32.const 32) (i32.clz (local.get 0))))
  ;;run width(0) = 0
  ;;run width(1) = 1
  ;;run width(-1) = 32
  ;;= asm
  ;;   mov eax, 63
  ;;   bsr eax, edi
  ;;   xor eax, 31
  ;;   mov ecx, 32
  ;;   sub ecx, eax
  ;;   mov eax, ecx
  ;;   ret
  ;;= asm lzcnt bmi1
  ;;   lzcnt eax, edi
  ;;   mov ecx, 32
  ;;   sub ecx, eax
  ;;   mov eax, ecx
  ;;   ret

  (func (export "is a power") (param i32) (result i32)
    (i32.eq (i32.popcnt (local.get 0)) (i32.const 1)))
  ;;run is a power(0) = 0
  ;;run is a power(64) = 1
  ;;run is a power(65) = 0
  ;;= asm
  ;;   xor eax, eax
  ;;   popcnt eax, edi
  ;;   cmp eax, 1
  ;;   sete al
  ;;   movzx eax, al
  ;;   ret
)
