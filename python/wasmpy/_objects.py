"""Memory, Table and Global: the comfortable classes over the native ones."""

from __future__ import annotations

from _operator import index

from . import _types
from ._errors import is_own

TYPE_CHECKING = False
if TYPE_CHECKING:
    import contextlib
    import typing
    from collections import abc
    from typing import overload

    import typing_extensions

    class _MemoryBase:
        def __new__(cls, *limits: int) -> typing.Any: ...
        def __buffer__(self, flags: int, /) -> memoryview: ...
        def grow(self, pages: int) -> int: ...
        def _size(self) -> int: ...
        def _limits(self) -> tuple[int, int]: ...
        def _reserved(self) -> int: ...
        def _address(self) -> int: ...

    class _TableBase:
        def __new__(cls, functions: bool, *limits: int) -> typing.Any: ...
        def grow(self, count: int, value: typing.Any) -> int: ...
        def _get(self, index: int) -> typing.Any: ...
        def _set(self, index: int, value: typing.Any) -> None: ...
        def _clear(self) -> None: ...
        def _size(self) -> int: ...
        def _limits(self) -> tuple[int, int]: ...
        def _functions(self) -> bool: ...

    class _GlobalBase:
        def __new__(cls, code: int, mutable: bool, value: typing.Any) -> typing.Any: ...
        def _get(self) -> typing.Any: ...
        def _set(self, value: typing.Any) -> None: ...
        def _type(self) -> tuple[int, bool]: ...

else:  # The native types are made at run time: see `classes`.
    from ._lazy import abc, contextlib, typing, typing_extensions

    _MemoryBase = _TableBase = _GlobalBase = object

_PAGE = 65536
# What unchecked accesses can reach: abi/layout.ts of the compiler.
_GUARDED_RESERVATION = 2**33 + _PAGE
_CODES = {"i32": 1, "i64": 2, "f32": 3, "f64": 4, "externref": 6, "funcref": 7}
_NAMES = {code: name for name, code in _CODES.items()}

# Formats of views: letter of the struct module → size in bytes, and what NumPy calls it.
_VIEWS = {
    "b": (1, "i1", "int8"), "B": (1, "u1", "uint8"), "?": (1, "b1", "bool"),
    "h": (2, "i2", "int16"), "H": (2, "u2", "uint16"),
    "i": (4, "i4", "int32"), "I": (4, "u4", "uint32"), "f": (4, "f4", "float32"),
    "q": (8, "i8", "int64"), "Q": (8, "u8", "uint64"), "d": (8, "f8", "float64"),
}  # fmt: skip

# Names that other packages have for what is called otherwise here (_foreign.py).
_ABSENT = {
    "Memory": "data_ptr data_len data_size size get_buffer_ptr buffer uint8_view int32_view type",
    "Table": "get set size type",
    "Global": "get set set_value",
}

# Classes for what the native types do not know: (class, text of the type or "", i64 addresses, alone) → subclass.
_refined: dict[tuple[typing.Any, str, bool, bool], typing.Any] = {}


def refined(base: typing.Any, text: str, is64: bool, alone: bool) -> typing.Any:
    """Memory, Table or Global itself, or a subclass that knows a more precise type and keeps to it.

    ``text`` is the type of the values, "" for memories; ``is64``: addresses are i64; ``alone``: it belongs to an
    instance that runs without the GIL, and other instances cannot have it.
    """
    if text in ("", *_CODES) and not is64 and not alone:
        return base
    key = base, text, is64, alone
    if key not in _refined:
        members = {"__slots__": (), "__module__": "wasmpy", "__new__": _refuse, "_is64": is64, "_alone": alone}
        if text not in ("", *_CODES):
            members |= {"_text": text, **_checked(base, text)}
        _refined[key] = type(base.__name__, (base,), members)
    return _refined[key]


def _limits(initial: int, maximum: int | None, most: int) -> tuple[int, int]:
    """Limits for the native types, which leave it to the caller how much i32 addresses can reach."""
    if not 0 <= initial <= most or (maximum is not None and not initial <= maximum <= most):
        raise ValueError(f"invalid limits: {initial} to {maximum}, of at most {most}")
    return initial, -1 if maximum is None else maximum


def reserved(make: abc.Callable[[], typing.Any], wants_all: bool) -> typing.Any:
    """The memory that ``make`` returns; if it could reserve nothing, or with ``wants_all`` less than all of the index
    space, garbage is collected and another one made. Raises MemoryError.
    """
    try:
        memory = make()
        if not wants_all or memory._reserved() >= _GUARDED_RESERVATION:
            return memory
        del memory
    except MemoryError as error:
        if not is_own(error):
            raise
    import gc

    gc.collect()
    try:
        return make()
    except MemoryError as error:
        if not is_own(error):
            raise
        message = "no address space left for a memory of this size: drop others, or raise the limit (ulimit -v)"
        raise MemoryError(message) from None


class _Absent:
    """An attribute that is not there, and says which one is: a __getattr__ would make all attributes slow."""

    def __init__(self, owner: str, name: str) -> None:
        self._owner = owner
        self._name = name

    def __get__(self, instance: object, kind: type) -> object:
        from ._foreign import complaint

        what = f"type object {self._owner!r}" if instance is None else f"{self._owner!r} object"
        raise complaint(self._owner, self._name, what, kind if instance is None else instance)


def _present(self: object) -> list[str]:
    """What ``dir`` lists."""
    absent = {key for base in type(self).__mro__ for key, value in vars(base).items() if isinstance(value, _Absent)}
    return [name for name in object.__dir__(self) if name not in absent]


def _refuse(cls: typing.Any, *arguments: typing.Any) -> typing.Any:
    raise TypeError("only WebAssembly makes objects of this type")


def _checked(base: typing.Any, text: str) -> dict[str, typing.Any]:
    """Methods of a table or global for values of the reference type only. A value stands last among arguments."""

    def _set(self: typing.Any, *arguments: typing.Any) -> None:
        _types.check(arguments[-1], text)
        base._set(self, *arguments)

    def grow(self: typing.Any, count: int, value: typing.Any = None) -> int:
        _types.check(value, text)
        before: int = base.grow(self, count, value)
        return before

    return {"_set": _set, "grow": grow} if hasattr(base, "grow") else {"_set": _set}


def _flat(data: typing.Any) -> typing.Any:
    """The bytes of an object with the buffer protocol, copied only where they do not lie in one piece."""
    if isinstance(data, str):
        raise TypeError("a str has to be encoded: use write_str or write_cstr, or data.encode()")
    view = memoryview(data)
    if not view.c_contiguous or view.nbytes == 0:
        return view.tobytes()
    return view if view.format == "B" and view.ndim == 1 else view.cast("B")


def _letter(form: typing.Any) -> str:
    """The letter for a format of a view: a letter, a name or code of NumPy's, or one of its types."""
    # A dtype has its code as `str`, a type of scalars its name.
    text = form if isinstance(form, str) else getattr(form, "str", None) or getattr(form, "__name__", None)
    if isinstance(text, str):
        bare = text[1:] if text[:1] in ("<", "=", "@", "|") else text
        bare = bare.rstrip("_")  # numpy.bool_
        for letter, (_, *names) in _VIEWS.items():
            if bare == letter or bare in names:
                return letter
    codes = ", ".join(f"{letter} ({name})" for letter, (_, _, name) in _VIEWS.items())
    advice = "a memory is little-endian; " if isinstance(text, str) and text[:1] in (">", "!") else ""
    raise ValueError(
        f"a view cannot have the format {form!r}: {advice}one of {codes}; for others numpy.frombuffer(memory, …)"
    )


def _zero(encoding: str) -> bytes:
    """The zero that ends a text in the encoding: as wide as its smallest unit."""
    if encoding == "utf-8":
        return b"\0"
    # Of two zeros, so that a mark of the byte order is not counted.
    zero = "\0\0".encode(encoding)[len("\0".encode(encoding)) :]
    return zero if zero in (b"\0\0", b"\0\0\0\0") else b"\0"


def _little(form: str) -> str:
    """A format of the struct module, little-endian with standard sizes unless it says otherwise."""
    return form if form and form[0] in "<>=!@" else "<" + form


class Memory(_MemoryBase):
    """Linear memory: an array of bytes that WebAssembly and Python share.

    ``Memory(initial, maximum=None, *, shared=False, index="i32", page_size=65536)`` makes one, to be imported by
    modules; both sizes are pages of 64 KiB, from 0 to 65536. With ``index="i64"`` addresses have 64 bits. Raises
    ValueError for other sizes, MemoryError where the system gives no address space, UnsupportedError for shared
    memories and pages of another size.

    It supports the buffer protocol: ``memoryview(memory)`` and ``numpy.frombuffer(memory)`` are the memory itself,
    without a copy; they stay valid when it grows, and as long as they were. ``len(memory)`` is its size in bytes.

    ``memory[a]`` is a byte, ``memory[a:b]`` a copy as bytes; both can be assigned. These offsets are not negative:
    nothing counts from the end. The methods take an *address* as WebAssembly gives it: an int, or one of those above
    2 GiB read as a signed number. What is not all inside the memory raises IndexError.
    """

    __slots__ = ()
    _is64 = False
    _alone = False
    if TYPE_CHECKING:
        _owner: typing.Any

    def __new__(
        cls,
        initial: int,
        maximum: int | None = None,
        *,
        shared: bool = False,
        index: str = "i32",
        page_size: int = _PAGE,
    ) -> Memory:
        if index not in ("i32", "i64"):
            raise ValueError(f'the index of a memory is "i32" or "i64", not {index!r}')
        if shared or page_size != _PAGE:
            from ._errors import UnsupportedError

            what = "shared memories" if shared else f"pages of {page_size} bytes"
            raise UnsupportedError(f"{what} are not supported yet")
        is64 = index == "i64"
        limits = _limits(initial, maximum, 1 << 48 if is64 else 1 << 16)
        made = refined(cls, "", is64, False)
        memory: Memory = reserved(lambda: super(Memory, cls).__new__(made, *limits), not is64)
        return memory

    @property
    def pages(self) -> int:
        """Current size in pages of 64 KiB."""
        return self._size() // _PAGE

    @property
    def maximum(self) -> int | None:
        """Declared maximum in pages, or None."""
        maximum = self._limits()[1]
        return None if maximum < 0 else maximum

    def __len__(self) -> int:
        return self._size()

    def __iter__(self) -> abc.Iterator[int]:
        return iter(memoryview(self))

    def grow(self, pages: int) -> int:
        """Adds pages of 64 KiB; returns how many there were. Raises ValueError where it cannot grow so far."""
        before = super().grow(pages)
        if before < 0:
            most = "" if self.maximum is None else f", its maximum {self.maximum}"
            raise ValueError(f"cannot grow the memory by {pages} pages: it has {self.pages}{most}")
        return before

    # --- offsets ---

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, key: typing.SupportsIndex, /) -> int: ...
        @overload
        def __getitem__(self, key: slice, /) -> bytes: ...

    def __getitem__(self, key: typing.Any, /) -> typing.Any:
        view = memoryview(self)
        if isinstance(key, slice):
            if key.step is None:
                start, stop = key.start, key.stop
                # The common case: two ints in the right order.
                if start.__class__ is stop.__class__ is int and 0 <= start <= stop <= len(view):
                    return view[key].tobytes()
            start, stop = self._span(key, len(view))
            return view[start:stop].tobytes()
        return view[self._offset(key, len(view))]

    if TYPE_CHECKING:

        @overload
        def __setitem__(self, key: typing.SupportsIndex, value: int, /) -> None: ...
        @overload
        def __setitem__(self, key: slice, value: typing_extensions.Buffer, /) -> None: ...

    def __setitem__(self, key: typing.Any, value: typing.Any, /) -> None:
        view = memoryview(self)
        if not isinstance(key, slice):
            view[self._offset(key, len(view))] = value
            return
        start, stop = self._span(key, len(view))
        data = value if value.__class__ is bytes else _flat(value)
        if len(data) != stop - start:
            raise ValueError(f"cannot put {len(data)} bytes into a slice of {stop - start}: a memory keeps its size")
        view[start:stop] = data

    def _span(self, key: slice, size: int) -> tuple[int, int]:
        if key.step not in (None, 1):
            raise ValueError("slices of a memory have no step")
        start = 0 if key.start is None else index(key.start)
        stop = size if key.stop is None else index(key.stop)
        if not (0 <= start <= size and 0 <= stop <= size):
            raise self._outside(stop if 0 <= start <= size else start)
        return start, max(start, stop)

    def _offset(self, key: typing.Any, size: int) -> int:
        offset = index(key)
        if not 0 <= offset < size:
            raise self._outside(offset)
        return offset

    def _outside(self, offset: int) -> IndexError:
        if offset < 0:
            bits = 64 if self._is64 else 32
            return IndexError(
                f"memory offset {offset} is negative: nothing counts from the end. If it is an address that "
                f"WebAssembly gave, read as signed: wasmpy.u{bits}({offset}) is {offset % (1 << bits)}"
            )
        return IndexError(f"memory offset {offset} is outside: the memory has {self._size()} bytes")

    # --- addresses ---

    def _unsigned(self, address: int) -> int:
        """An address that may be read as signed; others that are negative raise IndexError."""
        address = index(address)
        if address < 0:
            bits = 64 if self._is64 else 32
            if address < -1 << (bits - 1):
                raise IndexError(f"{address} is not an address of {bits} bits")
            address += 1 << bits
        return address

    def _beyond(self, address: int, size: int) -> Exception:
        """The exception for ``size`` bytes at ``address`` that are not all in the memory."""
        if size < 0:
            return ValueError(f"a size cannot be negative: {size}")
        actual = self._unsigned(address)
        given = f"{address}" if actual == address else f"{address}, which is {actual} unsigned,"
        what, verb = ("1 byte", "is not") if size == 1 else (f"{size} bytes", "are not all")
        return IndexError(f"{what} at address {given} {verb} inside: the memory has {self._size()} bytes")

    def read(self, address: int, size: int) -> bytes:
        """A copy of ``size`` bytes from ``address``. Raises IndexError, ValueError for a negative size."""
        view = memoryview(self)
        start = address if address.__class__ is int and address >= 0 else self._unsigned(address)
        stop = start + size
        if size < 0 or stop > len(view):
            raise self._beyond(address, size)
        return view[start:stop].tobytes()

    def write(self, address: int, data: typing_extensions.Buffer) -> None:
        """Puts the bytes of ``data`` at ``address``: anything with the buffer protocol. Raises IndexError; then
        nothing is written."""
        view = memoryview(self)
        if data.__class__ is not bytes:
            data = _flat(data)
        start = address if address.__class__ is int and address >= 0 else self._unsigned(address)
        size = len(data)  # type: ignore[arg-type]
        if start + size > len(view):
            raise self._beyond(address, size)
        view[start : start + size] = data

    def view(self, address: int, count: int | tuple[int, ...], format: typing.Any = "B") -> memoryview:
        """``count`` elements from ``address`` as a memoryview, which is the memory itself and no copy.

        ``format`` is one letter of the struct module: ``b B`` 8 bits, ``h H`` 16, ``i I`` 32, ``q Q`` 64, ``f`` f32,
        ``d`` f64, ``?`` a byte that is 0 or 1; or what NumPy calls these: ``"<f4"``, ``"float32"``,
        ``numpy.float32``, a dtype. A tuple of counts gives an array of several dimensions, the last of which varies
        fastest. Raises IndexError, ValueError for a negative count or another format.
        """
        letter: typing.Any = format if format.__class__ is str and format in _VIEWS else _letter(format)
        size = _VIEWS[letter][0]
        for n in count if isinstance(count, tuple) else (count,):
            if n < 0:
                raise ValueError(f"a count cannot be negative: {n}")
            size *= n
        start = self._unsigned(address)
        whole = memoryview(self)
        if start + size > len(whole):
            raise self._beyond(address, size)
        part = whole[start : start + size]
        return part.cast(letter, count) if isinstance(count, tuple) else part.cast(letter)

    def read_str(self, address: int, size: int, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The text in ``size`` bytes from ``address``. Raises IndexError, UnicodeDecodeError.

        ``encoding`` and ``errors`` are those of ``bytes.decode``.
        """
        return self.read(address, size).decode(encoding, errors)

    def read_cstr(self, address: int, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The text from ``address`` up to the next zero: of one byte, in UTF-16 of two, in UTF-32 of four, which
        count from ``address``. Raises IndexError, also where there is none, UnicodeDecodeError.
        """
        zero = _zero(encoding)
        width = len(zero)
        start = self._unsigned(address)
        view = memoryview(self)
        if start + width > len(view):
            raise self._beyond(address, width)
        stop = len(view) - (len(view) - start) % width
        form: typing.Any = {1: "B", 2: "H", 4: "I"}[width]
        chunk = 256
        for at in range(start, stop, chunk):
            part = view[at : min(at + chunk, stop)]
            if width == 1:
                end = part.tobytes().find(0)
            else:
                units = part.cast(form).tolist()
                end = units.index(0) * width if 0 in units else -1
            if end >= 0:
                return str(view[start : at + end], encoding, errors)
        unit = "byte" if width == 1 else f"unit of {width} bytes"
        raise IndexError(f"no zero {unit} from address {address} to the end of the memory")

    def write_str(self, address: int, text: str, encoding: str = "utf-8", errors: str = "strict") -> int:
        """Puts the encoded text, and no zero behind it, at ``address``; returns the number of bytes.

        Raises IndexError, UnicodeEncodeError; then nothing is written. Text in ``utf-16`` and ``utf-32`` begins with
        a mark of the byte order, in ``utf-16-le`` and ``utf-32-le`` it does not.
        """
        data = text.encode(encoding, errors)
        self.write(address, data)
        return len(data)

    def write_cstr(self, address: int, text: str, encoding: str = "utf-8", errors: str = "strict") -> int:
        """Puts the encoded text and a zero, as wide as in ``read_cstr``, at ``address``; returns the number of bytes,
        the zero included. Raises ValueError for a text with a zero inside, and as ``write_str``.
        """
        data = text.encode(encoding, errors)
        zero = _zero(encoding)
        if "\0" in text or (len(zero) == 1 and 0 in data):
            raise ValueError("the text has a zero inside, where C would see its end")
        self.write(address, data + zero)
        return len(data) + len(zero)

    def read_struct(self, form: str, address: int) -> tuple[typing.Any, ...]:
        """The values of a structure at ``address``, as ``struct.unpack``.

        ``form`` is little-endian with standard sizes and without padding, unless its first character says otherwise:
        ``i`` is an i32 or an address, ``q`` an i64, ``f`` and ``d`` floats, ``x`` a byte of padding.
        """
        import struct

        form = _little(form)
        return struct.unpack(form, self.read(address, struct.calcsize(form)))

    def write_struct(self, form: str, address: int, *values: typing.Any) -> None:
        """Puts the values at ``address`` as a structure; ``form`` as for ``read_struct``."""
        import struct

        self.write(address, struct.pack(_little(form), *values))

    def temp(
        self,
        data: typing_extensions.Buffer | str | int,
        *,
        allocate: abc.Callable[[int], int] | None = None,
        free: abc.Callable[[int], object] | None = None,
    ) -> contextlib.AbstractContextManager[tuple[int, int]]:
        """A block of this memory for the time of a ``with`` statement::

            with memory.temp(b"data") as (address, size):
                function(address, size)

        It holds a copy of ``data``; of a str in UTF-8, with a zero behind that ``size`` does not count; for an int it
        has that size and any content. The module that has the memory gives the block and takes it back: by its
        exports ``malloc`` and ``free``, ``alloc`` and ``dealloc``, ``__wbindgen_malloc`` and ``__wbindgen_free``, or
        ``cabi_realloc``, whose blocks stay; or by the functions given here, of the size and of the address. Raises
        LookupError where there are none, MemoryError where there is no room.
        """
        from ._blocks import Block

        if isinstance(data, str):
            return Block(self, data.encode(), allocate, free, zeros=1)
        return Block(self, data if isinstance(data, int) else _flat(data), allocate, free)

    def __repr__(self) -> str:
        from ._descriptors import counted

        return f"<wasmpy.Memory of {counted(self.pages, 'page')}>"


class Table(_TableBase):
    """A table of references: a sequence that can grow.

    ``Table(element, initial, maximum=None)`` makes one, to be imported by modules, with ``element`` "funcref" or
    "externref" and sizes in elements: at most 10,000,000, however large the maximum. Elements are WebAssembly
    functions, any objects in tables of externref, or None for null. An index outside raises IndexError, also a
    negative one; an element that is no WebAssembly function in a table of functions raises TypeError: see
    ``wasmpy.Func``.
    """

    __slots__ = ()
    _is64 = False
    _alone = False

    def __new__(cls, element: str, initial: int, maximum: int | None = None) -> Table:
        if element not in ("funcref", "externref"):
            raise ValueError(f"a table cannot hold {element!r}: its elements are funcref or externref")
        limits = _limits(initial, maximum, 0xFFFFFFFF)
        if initial > _types.MOST_ELEMENTS:
            raise ValueError(f"a table of {initial} elements is too large: the limit is {_types.MOST_ELEMENTS}")
        table: Table = super().__new__(cls, element == "funcref", *limits)
        return table

    @property
    def _text(self) -> str:
        return "funcref" if self._functions() else "externref"

    @property
    def element(self) -> str:
        """The type of the elements, as in the text format."""
        return _types.readable(self._text)

    @property
    def maximum(self) -> int | None:
        """Declared maximum of elements, or None."""
        maximum = self._limits()[1]
        return None if maximum < 0 else maximum

    def __len__(self) -> int:
        return self._size()

    def _index(self, key: typing.SupportsIndex) -> int:
        place = index(key)
        if not 0 <= place < self._size():
            raise IndexError(f"table index {place} is outside: the table has {self._size()} elements")
        return place

    def __getitem__(self, key: typing.SupportsIndex, /) -> typing.Any:
        return self._get(self._index(key))

    def _check_free(self) -> None:
        if self._alone:
            raise TypeError("a table of an instance with nogil=True is read-only: code that uses it may be running")

    def __setitem__(self, key: typing.SupportsIndex, value: typing.Any, /) -> None:
        self._check_free()
        place = self._index(key)
        try:
            self._set(place, value)
        except TypeError as error:
            if not _types.is_conversion(error):
                raise
            raise TypeError(f"table element {place}: {error}{_types.advice(value)}") from None

    def __iter__(self) -> abc.Iterator[typing.Any]:
        return (self._get(i) for i in range(self._size()))

    def grow(self, count: int, value: typing.Any = None) -> int:
        """Adds ``count`` elements; returns how many there were. Raises ValueError where it cannot grow so far."""
        self._check_free()
        try:
            before = super().grow(count, value)
        except TypeError as error:
            if not _types.is_conversion(error):
                raise
            raise TypeError(f"{error}{_types.advice(value)}") from None
        if before < 0:
            most = "" if self.maximum is None else f", its maximum {self.maximum}"
            raise ValueError(f"cannot grow the table by {count} elements: it has {len(self)}{most}")
        return before

    def __repr__(self) -> str:
        from ._descriptors import counted

        return f"<wasmpy.Table of {counted(self._size(), 'element')}>"


class Global(_GlobalBase):
    """A global variable to link with: ``Global(type, value, mutable=False)``.

    ``type`` is i32, i64, f32, f64, externref or funcref; values cross as arguments of calls do.
    """

    __slots__ = ()
    _alone = False

    def __new__(cls, type: str, value: typing.Any, mutable: bool = False) -> Global:
        if type not in _CODES:
            raise ValueError(f"a global cannot have the type {type!r}: one of {', '.join(_CODES)}")
        made: Global = super().__new__(cls, _CODES[type], bool(mutable), value)
        return made

    @property
    def value(self) -> typing.Any:
        """The current value. Assigning raises TypeError where the global is immutable or the value of another type,
        OverflowError for an int out of range."""
        return self._get()

    @value.setter
    def value(self, value: typing.Any) -> None:
        try:
            self._set(value)
        except TypeError as error:
            if not _types.is_conversion(error):
                raise
            raise TypeError(f"{error}{_types.advice(value)}") from None

    @property
    def type(self) -> str:
        """The type of the value, as in the text format."""
        return _types.readable(self._text)

    @property
    def mutable(self) -> bool:
        """Whether the value can change."""
        return self._type()[1]

    @property
    def _text(self) -> str:
        return _NAMES[self._type()[0]]

    def __repr__(self) -> str:
        return f"<wasmpy.Global {'mutable ' if self.mutable else ''}{self.type} {self._get()!r}>"


def classes(memory_base: typing.Any, table_base: typing.Any, global_base: typing.Any) -> dict[str, type]:
    """Memory, Table and Global over this interpreter's native types, and these: name → class."""
    made: dict[str, type] = {}
    for own, base, slots in (
        # The state of the instance that made the memory: it keeps what `temp` calls.
        (Memory, memory_base, ("_owner",)),
        (Table, table_base, ()),
        (Global, global_base, ()),
    ):
        members: dict[str, typing.Any] = {
            "__slots__": slots,
            "__module__": "wasmpy",
            "__doc__": own.__doc__,
            "__dir__": _present,
        }
        members |= {name: _Absent(own.__name__, name) for name in _ABSENT[own.__name__].split()}
        made[own.__name__] = type(own.__name__, (own, base), members)
    return {**made, "MemoryBase": memory_base, "TableBase": table_base, "GlobalBase": global_base}
