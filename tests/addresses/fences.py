"""Fences around memories: 64 GiB on either side in which nothing is mapped that could be read or written."""

from __future__ import annotations

import ctypes
import mmap
from typing import Any

from wasmpy import _link

FENCE = 1 << 36
PROT_NONE, PROT_READ_WRITE, MAP_RESERVE = 0, mmap.PROT_READ | mmap.PROT_WRITE, 0x4022

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


class Record(ctypes.Structure):
    """A memory's record: abi/layout.ts of the compiler."""

    _fields_ = [(name, ctypes.c_uint64) for name in ("base", "size", "max", "reserved")]


class Fences:
    """Moves memories, before anything is bound to them, to where nothing else is near."""

    def __init__(self, checked: bool) -> None:
        self.checked = checked
        self.inside: dict[int, Any] = {}
        bind = _link.State.bind

        def fenced(state: _link.State, kind: int, index: int, value: Any) -> None:
            if kind == _link.MEMORY:
                self.enclose(value)
            bind(state, kind, index, value)

        _link.State.bind = fenced  # type: ignore[method-assign]

    def enclose(self, memory: Any) -> None:
        if id(memory) in self.inside:
            return
        self.inside[id(memory)] = memory
        record = Record.from_address(memory._address())
        reserved = min(record.max, record.reserved) if self.checked else record.reserved
        space = libc.mmap(None, reserved + 2 * FENCE, PROT_NONE, MAP_RESERVE, -1, 0)
        assert space != 2**64 - 1, "no address space"
        assert libc.mprotect(space + FENCE, record.size, PROT_READ_WRITE) == 0
        libc.munmap(record.base, record.reserved)
        record.base, record.reserved = space + FENCE, reserved

    def release(self) -> None:
        """Forgets the memories; fences stay."""
        self.inside.clear()
