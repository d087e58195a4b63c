"""Hostile modules in which a few bytes stand for much: deep types, long lists of types, long names."""

from __future__ import annotations

from .binary import (
    DROP,
    END,
    F64,
    FUNCTION,
    HEADER,
    I32,
    code,
    export,
    functype,
    module,
    name,
    s,
    section,
    u,
    vec,
)
from .cases import CALL, case

# The last of them is 63 steps below the first.
CHAIN = [(b"\x50\x01" + u(i - 1) if i else b"\x50\0") + b"\x5f\0" for i in range(64)]
TOP, BOTTOM = b"\x63" + s(0), b"\x63" + s(63)
UNREACHABLE = b"\0"
BLOCK_OF_TYPE = b"\x02"


def behind_unreachable(types: list[bytes], body: bytes) -> bytes:
    """One function without parameters or results, after which nothing is reached."""
    return module(types=[*types, functype()], functions=[len(types)], codes=[code(UNREACHABLE + body + UNREACHABLE)])


@case(100_000)
def fields_of_supertypes_without_end(size: int) -> bytes:
    """The types of the fields stand later in the group, in a chain that is too long."""
    base = 5
    wide = b"\x50\0\x5f" + vec([b"\x63" + s(base) + b"\0"] * 10_000)
    deep = b"\x50\x01" + u(0) + b"\x5f" + vec([b"\x63" + s(base + size - 1) + b"\0"] * 10_000)
    chain = [b"\x50\0\x5f\0", *(b"\x50\x01" + u(base + i) + b"\x5f\0" for i in range(size - 1))]
    return HEADER + section(1, u(1) + b"\x4e" + vec([wide, *[deep] * 4, *chain]))


@case(20_000)
def tail_calls_with_results_of_subtypes(size: int) -> bytes:
    return module(
        types=[*CHAIN, functype([], [TOP] * 1000), functype([], [BOTTOM] * 1000)],
        functions=[64, 65],
        codes=[code(UNREACHABLE + (b"\x12" + u(1)) * size), code(UNREACHABLE)],
    )


@case(20_000)
def catches_of_subtypes(size: int) -> bytes:
    handler = b"\x1f\x40" + vec([b"\0\0\0"] * size) + END
    return module(
        types=[*CHAIN, functype([], [TOP] * 1000), functype([BOTTOM] * 1000), functype()],
        functions=[66],
        tags=[b"\0" + u(65)],
        codes=[code(BLOCK_OF_TYPE + s(64) + handler + UNREACHABLE + END + UNREACHABLE)],
    )


@case(20_000)
def calls_with_operands_of_subtypes(size: int) -> bytes:
    types = [*CHAIN, functype([TOP] * 1000, [BOTTOM] * 1000)]
    return module(types=types, functions=[64], codes=[code(UNREACHABLE + CALL + b"\0" + (CALL + b"\0") * size)])


@case(200_000, fast=True)
def calls_whose_results_stay(size: int) -> bytes:
    return module(
        types=[functype([], [I32] * 1000), functype()],
        functions=[0, 1],
        codes=[code(UNREACHABLE), code((CALL + b"\0") * size + UNREACHABLE)],
    )


@case(20_000)
def calls_behind_unreachable(size: int) -> bytes:
    return module(
        types=[functype([I32] * 1000, [I32] * 1000)],
        functions=[0],
        codes=[code(UNREACHABLE + (CALL + b"\0") * size + UNREACHABLE)],
    )


@case(20_000)
def branches_behind_unreachable(size: int) -> bytes:
    body = BLOCK_OF_TYPE + s(0) + UNREACHABLE + b"\x0d\0" * size + END
    return behind_unreachable([functype([I32] * 1000, [I32] * 1000)], body)


@case(20_000)
def blocks_behind_unreachable(size: int) -> bytes:
    return behind_unreachable([functype([I32] * 1000, [I32] * 1000)], (BLOCK_OF_TYPE + s(0) + END) * size)


@case(20_000)
def structures_behind_unreachable(size: int) -> bytes:
    wide = b"\x5f" + vec([b"\x63\x6e\0"] * 10_000)
    return behind_unreachable([wide], (b"\xfb\0\0" + DROP) * size)


@case(20_000)
def arrays_behind_unreachable(size: int) -> bytes:
    return behind_unreachable([b"\x5e\x63\x6e\0"], (b"\xfb\x08\0" + u(10_000) + DROP) * size)


@case(30_000)
def exports_with_many_parameters(size: int) -> bytes:
    return module(
        types=[functype([I32] * 1000, [I32] * 1000)],
        functions=[0] * size,
        exports=[export(f"{i:x}", FUNCTION, i) for i in range(size)],
        codes=[code(UNREACHABLE)] * size,
    )


@case(100_000)
def exports_with_some_parameters(size: int) -> bytes:
    """As many as their doc strings still name."""
    return module(
        types=[functype([I32] * 20, [I32] * 20)],
        functions=[0] * size,
        exports=[export(f"{i:x}", FUNCTION, i) for i in range(size)],
        codes=[code(UNREACHABLE)] * size,
    )


@case(30_000)
def types_of_large_texts(size: int) -> bytes:
    """What the image says of them is larger than it may be."""
    return module(types=[functype([I32] * 1000, [F64] * 1000)] * size)


@case(12_000_000)
def error_in_a_function_of_long_name(size: int) -> bytes:
    """Each byte of the name is six in JSON."""
    rows = [u(0) + name(b"\x01" * size)]
    sub = b"\x01" + u(len(vec(rows))) + vec(rows)
    return module(types=[functype()], functions=[0], codes=[code(b"\x6a")], customs=section(0, name("name") + sub))


@case(4_000_000)
def text_error_of_long_detail(size: int) -> bytes:
    return b"(module (func (call $" + b"x" * size + b")))"


@case(65_520)
def br_tables_behind_unreachable(size: int) -> bytes:
    """Each label is another block with many results."""
    depth = size // 64
    types = [functype([], [I32] * 1000)]
    table = b"\x0e" + vec([u(i) for i in range(depth)]) + u(0)
    return behind_unreachable(
        types, (BLOCK_OF_TYPE + s(0)) * depth + UNREACHABLE + table + (END + UNREACHABLE) * depth
    )
