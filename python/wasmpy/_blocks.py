"""Blocks of linear memory for the time of a ``with`` statement: ``Memory.temp``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from . import _types

# Exports that give a block and take it back, in the order of preference. Who gives takes the size, or size and
# alignment; who takes back the address, or address and size, or address, size and alignment.
_PAIRS = (("malloc", "free"), ("alloc", "dealloc"), ("__wbindgen_malloc", "__wbindgen_free"))
_REALLOC = "cabi_realloc"
# How the usual tool chains come to export them.
_EXPORT = (
    "Build it so that it does: C with -Wl,--export=malloc -Wl,--export=free; Rust with a pair alloc(size) and "
    "dealloc(address, size) of its own; AssemblyScript with --exportRuntime, and temp(data, allocate=lambda size: "
    'm["__pin"](m["__new"](size, 1)), free=m["__unpin"]).'
)
# What a block is good for: vectors of 128 bits.
_ALIGNMENT = 16


class Block:
    """A block that ``__enter__`` fills and ``__exit__`` gives back."""

    def __init__(
        self,
        memory: Any,
        data: Any,
        allocate: Callable[[int], int] | None,
        free: Callable[[int], object] | None,
        *,
        zeros: int = 0,
    ) -> None:
        if isinstance(data, int) and data < 0:
            raise ValueError(f"a size cannot be negative: {data}")
        self._memory = memory
        self._size = data if isinstance(data, int) else len(data)
        # Some give null for no bytes, which is no failure.
        self._whole = max(self._size + zeros, 1)
        self._data = None if isinstance(data, int) else bytes(data) + bytes(zeros) if zeros else data
        self._address = 0
        self._allocate, self._free = (allocate, free) if allocate is not None else _functions(memory, self._whole)

    def __enter__(self) -> tuple[int, int]:
        """Address and size."""
        assert self._allocate is not None
        address = self._allocate(self._whole)
        if address == 0:
            raise MemoryError(f"the module has no {self._size} bytes of linear memory left")
        self._address = self._memory._unsigned(address)
        if self._data is not None:
            self._memory.write(self._address, self._data)
        return self._address, self._size

    def __exit__(self, *exception: object) -> None:
        if self._free is not None:
            self._free(self._address)


def _functions(memory: Any, size: int) -> tuple[Callable[[int], int], Callable[[int], object] | None]:
    """What gives a block of a memory and what takes back one of ``size`` bytes, at least one."""
    state = getattr(memory, "_owner", None)
    if state is not None and state.closed:
        raise ValueError(f"{state.closed}: it gave out the blocks of this memory")
    exports = {} if state is None else state.exports
    for give, take in _PAIRS:
        if give in exports and take in exports:
            giving, taking = _arity(state, give), _arity(state, take)
            if giving in (1, 2) and taking in (1, 2, 3):
                return (
                    partial(_call, exports[give], giving, (_ALIGNMENT,)),
                    partial(_call, exports[take], taking, (size, _ALIGNMENT)),
                )
    if _REALLOC in exports and _arity(state, _REALLOC) == 4:
        return partial(exports[_REALLOC], 0, 0, _ALIGNMENT), None
    if state is None:
        raise LookupError(
            "no module gives out blocks of this memory, which was made in Python: use addresses of your own, with "
            "write and write_str, or pass functions, temp(data, allocate=…, free=…)"
        )
    names = ", ".join(f"{give} and {take}" for give, take in _PAIRS)
    raise LookupError(
        f"the module of this memory exports no functions that give out blocks of it ({names}, or {_REALLOC}). "
        f"{_EXPORT} Or pass functions that it has: temp(data, allocate=…, free=…)"
    )


def _call(function: Callable[..., Any], arity: int, more: tuple[int, ...], first: int) -> Any:
    """Calls ``function`` with as many arguments as it takes."""
    return function(*(first, *more)[:arity])


def _arity(state: Any, name: str) -> int:
    """Number of integer parameters of an exported function; 0 if there are others, or if it is none."""
    kind, index = next((kind, index) for export, kind, index in state.meta["exports"] if export == name)
    if kind != 0:
        return 0
    text = _types.structure(state.types[state.meta["functions"][index]])
    parameters = text.partition("(")[2].partition(")")[0].split(", ")
    return len(parameters) if all(parameter in ("i32", "i64") for parameter in parameters) else 0
