"""Writes binaries of WebAssembly, right or wrong, byte by byte."""

from __future__ import annotations

from collections.abc import Sequence

HEADER = b"\0asm\x01\0\0\0"
I32, I64, F32, F64, FUNCREF, EXTERNREF = (bytes([b]) for b in (0x7F, 0x7E, 0x7D, 0x7C, 0x70, 0x6F))
END = b"\x0b"
NO_LOCALS = b"\0"
FUNCTION, TABLE, MEMORY, GLOBAL, TAG = range(5)


def u(value: int) -> bytes:
    """LEB128, unsigned."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def s(value: int) -> bytes:
    """LEB128, signed."""
    out = bytearray()
    while not -64 <= value <= 63:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)


def vec(items: Sequence[bytes]) -> bytes:
    return u(len(items)) + b"".join(items)


def name(text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return u(len(data)) + data


def section(number: int, content: bytes) -> bytes:
    return bytes([number]) + u(len(content)) + content


def functype(params: Sequence[bytes] = (), results: Sequence[bytes] = ()) -> bytes:
    return b"\x60" + vec(params) + vec(results)


def code(body: bytes, locals: bytes = NO_LOCALS) -> bytes:
    """A function's entry of the code section; ``body`` without its last end."""
    content = locals + body + END
    return u(len(content)) + content


def export(text: str | bytes, kind: int, index: int) -> bytes:
    return name(text) + bytes([kind]) + u(index)


def local(kind: bytes, index: int = 0) -> bytes:
    return kind + u(index)


def const(value: int) -> bytes:
    return b"\x41" + s(value)


def get(index: int) -> bytes:
    return b"\x20" + u(index)


def put(index: int) -> bytes:
    return b"\x21" + u(index)


ADD = b"\x6a"
DROP = b"\x1a"


def module(
    *,
    types: Sequence[bytes] = (),
    imports: Sequence[bytes] = (),
    functions: Sequence[int] = (),
    tables: Sequence[bytes] = (),
    memories: Sequence[bytes] = (),
    tags: Sequence[bytes] = (),
    globals: Sequence[bytes] = (),
    exports: Sequence[bytes] = (),
    start: int | None = None,
    elems: Sequence[bytes] = (),
    data_count: int | None = None,
    codes: Sequence[bytes] = (),
    datas: Sequence[bytes] = (),
    customs: bytes = b"",
) -> bytes:
    """A module; the entries are encoded already."""
    out = [HEADER]
    rows = (
        (1, types), (2, imports), (3, [u(f) for f in functions]), (4, tables), (5, memories), (13, tags),
        (6, globals), (7, exports),
    )  # fmt: skip
    for number, entries in rows:
        if entries:
            out.append(section(number, vec(entries)))
    if start is not None:
        out.append(section(8, u(start)))
    if elems:
        out.append(section(9, vec(elems)))
    if data_count is not None:
        out.append(section(12, u(data_count)))
    if codes:
        out.append(section(10, vec(codes)))
    if datas:
        out.append(section(11, vec(datas)))
    return b"".join([*out, customs])


def one(
    body: bytes,
    params: Sequence[bytes] = (),
    results: Sequence[bytes] = (),
    locals: bytes = NO_LOCALS,
    **others: object,
) -> bytes:
    """A module with one exported function, ``f``, and a memory of one page."""
    types = [functype(params, results), *others.pop("types", ())]  # type: ignore[misc]
    parts = {"memories": [b"\0\x01"], "exports": [export("f", FUNCTION, 0)], **others}
    return module(types=types, functions=[0], codes=[code(body, locals)], **parts)  # type: ignore[arg-type]
