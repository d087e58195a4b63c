;; What is computed, loaded or checked once is not computed, loaded or checked again.
;;! show = opt
(module
  (memory (export "memory") 1)
  (global $g (mut i32) (i32.const 7))
  (table 1 funcref)

  (func (export "common") (param i32 i32) (result i32)
    (i32.mul (i32.add (local.get 0) (local.get 1)) (i32.add (local.get 1) (local.get 0))))
  ;;run common(2, 3) = 25
  ;;= opt
  ;; func "common" wasm(i32 i32) -> i32 layout {
  ;; b0(v0 i32, v1 i32):
  ;;   v2 = i32.add v0 v1
  ;;   v3 = i32.mul v2 v2
  ;;   return (v3)
  ;; }

  (func (export "folded") (param i32) (result i32)
    (i32.add (i32.add (i32.add (local.get 0) (i32.const 3)) (i32.const 4)) (i32.mul (i32.const 5) (i32.const 6))))
  ;;run folded(1) = 38
  ;;= opt
  ;; func "folded" wasm(i32) -> i32 layout {
  ;; b0(v0 i32):
  ;;   v1 = i32.const 37
  ;;   v2 = i32.add v0 v1
  ;;   return (v2)
  ;; }

  (func (export "cancelled") (param i32 i32) (result i32)
    (i32.xor (i32.sub (i32.add (local.get 0) (local.get 1)) (local.get 1)) (i32.const 0)))
  ;;run cancelled(5, 9) = 5
  ;;= opt
  ;; func "cancelled" wasm(i32 i32) -> i32 layout {
  ;; b0(v0 i32, v1 i32):
  ;;   return (v0)
  ;; }

  ;; The store between the loads goes elsewhere.
  (func (export "loaded once") (param i32) (result i32)
    (local i32)
    (local.set 1 (i32.load (local.get 0)))
    (i32.store offset=4 (local.get 0) (i32.const 1))
    (i32.add (local.get 1) (i32.load (local.get 0))))
  ;;run loaded once(16) = 0
  ;;= opt
  ;; func "loaded once" wasm(i32) -> i32 layout {
  ;; b0(v0 i32):
  ;;   v1 = bounds_check32 v0 +0 memory 0 size 4
  ;;   v2 = i32.load v1 +0 memory 0 trap
  ;;   v3 = i32.const 1
  ;;   i32.store v1 v3 +4 memory 0 trap
  ;;   v4 = i32.add v2 v2
  ;;   return (v4)
  ;; }

  ;; Here it may be the same cell.
  (func (export "loaded twice") (param i32 i32) (result i32)
    (local i32)
    (local.set 2 (i32.load (local.get 0)))
    (i32.store (local.get 1) (i32.const 5))
    (i32.add (local.get 2) (i32.load (local.get 0))))
  ;;run loaded twice(32, 32) = 5
  ;;run loaded twice(32, 64) = 10
  ;;= opt
  ;; func "loaded twice" wasm(i32 i32) -> i32 layout {
  ;; b0(v0 i32, v1 i32):
  ;;   v2 = bounds_check32 v0 +0 memory 0 size 4
  ;;   v3 = i32.load v2 +0 memory 0 trap
  ;;   v4 = i32.const 5
  ;;   v5 = bounds_check32 v1 +0 memory 0 size 4
  ;;   i32.store v5 v4 +0 memory 0 trap
  ;;   v6 = i32.load v2 +0 memory 0 trap
  ;;   v7 = i32.add v3 v6
  ;;   return (v7)
  ;; }

  (func (export "stored then loaded") (param i32) (result i32)
    (global.set $g (local.get 0))
    (i32.store (i32.const 8) (i32.const 1))
    (i32.add (global.get $g) (global.get $g)))
  ;;lacks opt: i32.load
  ;;run stored then loaded(4) = 8
  ;;= opt
  ;; func "stored then loaded" wasm(i32) -> i32 layout {
  ;; b0(v0 i32):
  ;;   v1 = vmctx
  ;;   i32.store v1 v0 +448 global 0
  ;;   v2 = i32.const 8
  ;;   v3 = i32.const 1
  ;;   v4 = bounds_check32 v2 +0 memory 0 size 4
  ;;   i32.store v4 v3 +0 memory 0 trap
  ;;   v5 = i32.add v0 v0
  ;;   return (v5)
  ;; }

  ;; One test of the divisor.
  (func (export "divided twice") (param i32 i32 i32) (result i32)
    (i32.add (i32.div_u (local.get 0) (local.get 2)) (i32.div_u (local.get 1) (local.get 2))))
  ;;run divided twice(10, 20, 5) = 6
  ;;run divided twice(10, 20, 0) = trap integer divide by zero
  ;;= opt
  ;; func "divided twice" wasm(i32 i32 i32) -> i32 layout {
  ;; b0(v0 i32, v1 i32, v2 i32):
  ;;   v3 = i32.eqz v2
  ;;   trap_if v3 integer_divide_by_zero
  ;;   v4 = i32.div_u v0 v2
  ;;   v5 = i32.div_u v1 v2
  ;;   v6 = i32.add v4 v5
  ;;   return (v6)
  ;; }

  ;; A condition is known behind its branch.
  (func (export "tested twice") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (if (result i32) (local.get 0) (then (i32.const 1)) (else (i32.const 2))))
      (else (select (i32.const 3) (i32.const 4) (local.get 0)))))
  ;;run tested twice(0) = 4
  ;;run tested twice(1) = 1
  ;;= opt
  ;; func "tested twice" wasm(i32) -> i32 layout {
  ;; b0(v0 i32):
  ;;   br_if v0 b1 b2
  ;; b1:
  ;;   v1 = i32.const 1
  ;;   jump b6(v1)
  ;; b2:
  ;;   v2 = i32.const 4
  ;;   jump b6(v2)
  ;; b6(v3 i32):
  ;;   return (v3)
  ;; }

  ;; Checked: one comparison for all accesses that end where another has.
  (func (export "one check") (param i32) (result i32)
    (i32.store (local.get 0) (i32.add (i32.load (local.get 0)) (i32.const 1)))
    (i32.load (local.get 0)))
  ;;run one check(100) = 1
  ;;run one check(65533) = trap out of bounds memory access
  ;;= opt checked
  ;; func "one check" wasm(i32) -> i32 layout {
  ;; b0(v0 i32):
  ;;   v1 = vmctx
  ;;   v2 = ptr.load v1 +48 vmctx readonly
  ;;   v3 = i64.load v2 +8 vmctx
  ;;   v4 = i64.extend_i32_u v0
  ;;   v5 = i64.const 4
  ;;   v6 = i64.add v4 v5
  ;;   v7 = i64.gt_u v6 v3
  ;;   trap_if v7 out_of_bounds_memory_access
  ;;   v8 = ptr.load v2 +0 vmctx
  ;;   v9 = ptr.add v8 v4
  ;;   v10 = i32.load v9 +0 memory 0
  ;;   v11 = i32.const 1
  ;;   v12 = i32.add v10 v11
  ;;   i32.store v9 v12 +0 memory 0
  ;;   v13 = i32.load v9 +0 memory 0
  ;;   return (v13)
  ;; }
)
