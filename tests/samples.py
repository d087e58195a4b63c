"""Small modules, of WebAssembly and Python, that several files of tests use."""

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

# A file for tests that `run` it beside their code.
INTERPRETERS = """
import sys

HAS_LOCKS = sys.version_info >= (3, 12)  # interpreters have locks of their own

def run_in_another(code):
    if sys.version_info >= (3, 14):
        from concurrent import interpreters
        interpreter = interpreters.create()
        interpreter.exec(code)
        interpreter.close()
    elif sys.version_info >= (3, 13):
        import _interpreters
        interpreter = _interpreters.create()
        failure = _interpreters.exec(interpreter, code)
        assert failure is None, failure
        _interpreters.destroy(interpreter)
    else:
        import _xxsubinterpreters
        interpreter = _xxsubinterpreters.create()
        _xxsubinterpreters.run_string(interpreter, code)
        _xxsubinterpreters.destroy(interpreter)
"""
