"""Small modules that several files of tests use."""

from __future__ import annotations

ADD = '(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))'

MEMORY = """
(module
  (memory (export "memory") 1 3)
  (func (export "peek") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "poke") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
  (func (export "size") (result i32) (memory.size))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (data (i32.const 16) "hello\\00"))
"""

GLOBALS = """
(module
  (global (export "counter") (mut i32) (i32.const 5))
  (global (export "limit") i64 (i64.const -7))
  (global (export "ratio") (mut f64) (f64.const 0.5))
  (func (export "bump") (global.set 0 (i32.add (global.get 0) (i32.const 1)))))
"""
