"""The exceptions of wasmpy, and the Python side of a trap."""

from __future__ import annotations


class WasmError(Exception):
    """Base of everything wasmpy raises on its own behalf."""


class CompileError(WasmError, SyntaxError):
    """The module is malformed, invalid, or beyond a limit of the implementation.

    A SyntaxError with ``filename``, ``lineno`` and ``offset`` for text; ``byte_offset`` for binaries.
    """

    byte_offset: int | None = None


class LinkError(WasmError, ImportError):
    """An import is missing or does not fit; the message lists all of them."""


class UnsupportedError(WasmError, ImportError):
    """The module is valid but cannot be compiled or run here."""


class UnguardedError(MemoryError):
    """Memory 0 has reserved too little for code that leaves bounds to the reservation. Whoever loads the image
    takes the checked one instead."""


class Trap(WasmError, RuntimeError):
    """WebAssembly code trapped. ``code`` is the spec's message; the instance stays usable.

    ``frames`` lists the wasm frames, innermost first, as (module, function, byte offset) tuples.
    """

    code: str = ""
    frames: tuple[tuple[str, str, int], ...] = ()


class _ArithmeticTrap(Trap, ZeroDivisionError):
    pass


class _OverflowTrap(Trap, OverflowError):
    pass


class _BoundsTrap(Trap, IndexError):
    pass


class _StackTrap(Trap, RecursionError):
    pass


for _class in (_ArithmeticTrap, _OverflowTrap, _BoundsTrap, _StackTrap):
    _class.__name__ = _class.__qualname__ = "Trap"

# In the order of ir/traps.ts of the compiler.
TRAPS: tuple[tuple[str, type[WasmError]], ...] = (
    ("unreachable", Trap),
    ("integer divide by zero", _ArithmeticTrap),
    ("integer overflow", _OverflowTrap),
    ("invalid conversion to integer", Trap),
    ("out of bounds memory access", _BoundsTrap),
    ("out of bounds table access", _BoundsTrap),
    ("undefined element", _BoundsTrap),
    ("uninitialized element", Trap),
    ("indirect call type mismatch", Trap),
    ("call stack exhausted", _StackTrap),
    ("null reference", Trap),
    ("python exception", Trap),
    ("data segment does not fit", LinkError),
    ("elements segment does not fit", LinkError),
    ("null function reference", Trap),
)
