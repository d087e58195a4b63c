"""Memory, Table and Global: the comfortable classes over the native ones."""

# The native types are made at run time: to the type checker they are Any.
# mypy: disable-error-code="no-any-return, misc"

from __future__ import annotations

from . import _types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

_PAGE = 65536
# What unchecked accesses can reach: ir/layout.ts of the compiler.
_GUARDED_RESERVATION = 2**33 + _PAGE
_CODES = {"i32": 1, "i64": 2, "f32": 3, "f64": 4, "externref": 6, "funcref": 7}
_NAMES = {code: name for name, code in _CODES.items()}

# Classes for what the native types do not know: (class, text of the type or "", i64 addresses) → subclass.
_refined: dict[tuple[Any, str, bool], Any] = {}


def refined(base: Any, text: str, is64: bool) -> Any:
    """Memory, Table or Global itself, or a subclass that knows a more precise type and keeps to it.

    ``text`` is the type of the values, "" for memories; ``is64``: addresses are i64.
    """
    if text in ("", *_CODES) and not is64:
        return base
    key = base, text, is64
    if key not in _refined:
        members = {"__slots__": (), "__module__": "wasmpy", "__new__": _refuse, "_is64": is64}
        if text not in ("", *_CODES):
            members |= {"_text": text, **_checked(base, text)}
        _refined[key] = type(base.__name__, (base,), members)
    return _refined[key]


def _limits(initial: int, maximum: int | None, most: int) -> tuple[int, int]:
    """Limits for the native types, which leave it to the caller how much i32 addresses can reach."""
    if initial > most or (maximum is not None and not initial <= maximum <= most):
        raise ValueError("invalid limits")
    return initial, -1 if maximum is None else maximum


def reserved(make: Callable[[], Any], wants_all: bool) -> Any:
    """The memory that ``make`` returns; if it could reserve nothing, or with ``wants_all`` less than all of the index
    space, garbage is collected and another one made. Raises MemoryError.
    """
    try:
        memory = make()
        if not wants_all or memory.reserved() >= _GUARDED_RESERVATION:
            return memory
        del memory
    except MemoryError:
        pass
    import gc

    gc.collect()
    try:
        return make()
    except MemoryError:
        message = "no address space left for a memory of this size: drop others, or raise the limit (ulimit -v)"
        raise MemoryError(message) from None


def _refuse(cls: Any, *arguments: Any) -> Any:
    raise TypeError("only WebAssembly makes objects of this type")


def _checked(base: Any, text: str) -> dict[str, Any]:
    """Methods of a table or global for values of the reference type only. A value stands last among arguments."""

    def set(self: Any, *arguments: Any) -> None:
        _types.check(arguments[-1], text)
        base.set(self, *arguments)

    def grow(self: Any, count: int, value: Any = None) -> int:
        _types.check(value, text)
        return base.grow(self, count, value)

    return {"set": set, "grow": grow} if hasattr(base, "grow") else {"set": set}


def classes(memory_base: Any, table_base: Any, global_base: Any) -> dict[str, type]:
    """Memory, Table and Global over this interpreter's native types, and these: name → class."""

    class Memory(memory_base):
        """Linear memory. Supports the buffer protocol: ``memoryview(memory)``, ``numpy.frombuffer(memory)``.

        Sizes of the constructor and of ``grow`` are pages of 64 KiB; offsets are bytes. Negative offsets raise
        IndexError: they are addresses above 2 GiB read as signed numbers, see ``wasmpy.u32``.
        """

        __slots__ = ()
        _is64 = False

        def __new__(cls, initial: int, maximum: int | None = None) -> Memory:
            limits = _limits(initial, maximum, 65536)
            return reserved(lambda: memory_base.__new__(cls, *limits), True)

        @property
        def pages(self) -> int:
            """Current size in pages."""
            return self.size() // _PAGE

        @property
        def maximum(self) -> int | None:
            """Declared maximum in pages."""
            maximum = self.limits()[1]
            return None if maximum < 0 else maximum

        def __len__(self) -> int:
            return self.size()

        def grow(self, pages: int) -> int:
            """Adds pages; returns the size before. Raises ValueError where the memory cannot grow so far."""
            before = memory_base.grow(self, pages)
            if before < 0:
                raise ValueError(f"cannot grow the memory by {pages} pages")
            return before

        def _span(self, key: slice) -> tuple[int, int]:
            if key.step not in (None, 1):
                raise ValueError("slices of a memory have no step")
            size = self.size()
            start = 0 if key.start is None else key.start.__index__()
            stop = size if key.stop is None else key.stop.__index__()
            if start < 0 or stop < 0:
                raise IndexError("negative memory offset: an address above 2 GiB read as signed?")
            if start > size or stop > size:
                raise IndexError(f"memory offset out of range: {max(start, stop)} > {size}")
            return start, max(start, stop)

        def _offset(self, key: Any) -> int:
            offset = key.__index__()
            if not 0 <= offset < self.size():
                raise IndexError(f"memory offset out of range: {offset}")
            return offset

        def __getitem__(self, key: Any) -> Any:
            if isinstance(key, slice):
                start, stop = self._span(key)
                return bytes(memoryview(self)[start:stop])
            return memoryview(self)[self._offset(key)]

        def __setitem__(self, key: Any, value: Any) -> None:
            if not isinstance(key, slice):
                memoryview(self)[self._offset(key)] = value
                return
            start, stop = self._span(key)
            data = memoryview(value).cast("B")
            if len(data) != stop - start:
                raise ValueError(f"cannot put {len(data)} bytes into a slice of {stop - start}")
            memoryview(self)[start:stop] = data

        def _address(self, address: int) -> int:
            return address & (0xFFFFFFFFFFFFFFFF if self._is64 else 0xFFFFFFFF)

        def read(self, address: int, size: int) -> bytes:
            """``size`` bytes from ``address``, which may be given as a signed i32."""
            address = self._address(address)
            return self[address : address + size]

        def write(self, address: int, data: Any) -> None:
            """Puts bytes at ``address``, which may be given as a signed i32."""
            address = self._address(address)
            self[address : address + memoryview(data).nbytes] = data

        def read_str(self, address: int, size: int, encoding: str = "utf-8") -> str:
            """The text in ``size`` bytes from ``address``."""
            return self.read(address, size).decode(encoding)

        def read_cstr(self, address: int, encoding: str = "utf-8") -> str:
            """The text up to the next zero byte."""
            address = self._address(address)
            view = memoryview(self)
            chunk = 256
            for start in range(address, len(view), chunk):
                end = bytes(view[start : start + chunk]).find(0)
                if end >= 0:
                    return self.read_str(address, start + end - address, encoding)
            raise IndexError(f"no zero byte behind memory offset {address}")

        def read_struct(self, form: str, address: int) -> tuple[Any, ...]:
            """``struct.unpack_from(form, …)`` at ``address``."""
            from struct import unpack_from

            return unpack_from(form, self, self._address(address))

        def __repr__(self) -> str:
            return f"<wasmpy.Memory of {self.pages} pages>"

    class Table(table_base):
        """A table of references: a sequence that can grow."""

        __slots__ = ()
        _is64 = False

        def __new__(cls, element: str, initial: int, maximum: int | None = None) -> Table:
            if element not in ("funcref", "externref"):
                raise ValueError(f"no table holds {element!r}: funcref or externref")
            return table_base.__new__(cls, element == "funcref", *_limits(initial, maximum, 0xFFFFFFFF))

        @property
        def _text(self) -> str:
            return "funcref" if self.functions() else "externref"

        def __len__(self) -> int:
            return self.size()

        def _index(self, key: Any) -> int:
            index = key.__index__()
            if not 0 <= index < self.size():
                raise IndexError(f"table index out of range: {index}")
            return index

        def __getitem__(self, key: Any) -> Any:
            return self.get(self._index(key))

        def __setitem__(self, key: Any, value: Any) -> None:
            self.set(self._index(key), value)

        def __iter__(self) -> Iterator[Any]:
            return (self.get(i) for i in range(self.size()))

        def grow(self, count: int, value: Any = None) -> int:
            """Adds ``count`` elements; returns the size before. Raises ValueError where it cannot."""
            before = table_base.grow(self, count, value)
            if before < 0:
                raise ValueError(f"cannot grow the table by {count} elements")
            return before

        def __repr__(self) -> str:
            return f"<wasmpy.Table of {self.size()} elements>"

    class Global(global_base):
        """A global variable that can be linked: ``Global("i32", 7, mutable=True)``."""

        __slots__ = ()

        def __new__(cls, type: str, value: Any, mutable: bool = False) -> Global:
            if type not in _CODES:
                raise ValueError(f"no global of type {type!r}: {', '.join(_CODES)}")
            return global_base.__new__(cls, _CODES[type], mutable, value)

        @property
        def value(self) -> Any:
            """The current value; assigning to an immutable global raises TypeError."""
            return self.get()

        @value.setter
        def value(self, value: Any) -> None:
            self.set(value)

        def __repr__(self) -> str:
            mutable = "mutable " if self.type()[1] else ""
            return f"<wasmpy.Global {mutable}{_types.readable(self._text)} {self.get()!r}>"

        @property
        def _text(self) -> str:
            return _NAMES[self.type()[0]]

    made: dict[str, type] = {"Memory": Memory, "Table": Table, "Global": Global}
    for name, made_class in made.items():
        made_class.__module__ = "wasmpy"
        made_class.__qualname__ = name
    return {**made, "MemoryBase": memory_base, "TableBase": table_base, "GlobalBase": global_base}
