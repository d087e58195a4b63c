"""Every row of the compiler's table of limits: what is just within it is taken, what is beyond it has its own error.

The table is compiler/wasm/limits.ts; a row without a test fails. What takes long is tried if WASMPY_HOSTILE is set.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import wasmpy
from hostile.binary import (
    ADD,
    DROP,
    END,
    F64,
    FUNCTION,
    HEADER,
    I32,
    code,
    const,
    export,
    functype,
    get,
    module,
    name,
    one,
    section,
    u,
    vec,
)  # fmt: skip
from wasmpy import _compiler, _types

TABLE = Path(__file__).resolve().parent.parent / "compiler" / "wasm" / "limits.ts"
LIMITS = {
    row[1]: int(row[2].replace("_", ""), 0)
    for row in re.finditer(r"^export const (MAX_\w+) = (\w+);", TABLE.read_text(), re.MULTILINE)
}
FUNC = functype()


@dataclass(frozen=True)
class Row:
    """``make(n)`` has n of what is limited; at n = limit + 1 the message is ``message``."""

    make: Callable[[int], bytes]
    message: str
    # The largest that is tried is so much below the limit; None: it would take too long.
    below: int | None = 0
    slow: bool = False
    compile: bool = False


def _import(kind: bytes) -> bytes:
    return name("m") + name("f") + kind


def _supertypes(n: int) -> bytes:
    chain = [b"\x50\x00\x5f\0", *(b"\x50\x01" + u(i) + b"\x5f\0" for i in range(n))]
    return HEADER + section(1, vec(chain))


def _many(number: int, entry: bytes, n: int) -> bytes:
    return HEADER + section(number, u(n) + entry * n)


ROWS: dict[str, Row] = {
    # Python refuses it before it is sent; the compiler itself would too.
    "MAX_MODULE_BYTES": Row(bytes, "module too large", below=None),
    "MAX_TYPES": Row(lambda n: _many(1, FUNC, n), "too many types", slow=True),
    "MAX_SUBTYPING_DEPTH": Row(_supertypes, "subtyping too deep"),
    "MAX_FUNCTIONS": Row(
        lambda n: module(types=[FUNC]) + section(3, u(n) + bytes(n)) + section(10, u(n) + code(b"") * n),
        "too many functions",
    ),
    "MAX_IMPORTS": Row(
        lambda n: module(types=[FUNC]) + section(2, u(n) + _import(b"\0\0") * n), "too many imports", slow=True
    ),
    "MAX_EXPORTS": Row(
        lambda n: (
            module(types=[FUNC], imports=[_import(b"\0\0")])
            + section(7, u(n) + b"".join(export(b"%d" % i, FUNCTION, 0) for i in range(n)))
        ),
        "too many exports",
        slow=True,
    ),
    "MAX_GLOBALS": Row(lambda n: _many(6, I32 + b"\0\x41\0\x0b", n), "too many globals", slow=True),
    "MAX_TAGS": Row(lambda n: module(types=[FUNC]) + section(13, u(n) + b"\0\0" * n), "too many tags"),
    "MAX_DATA_SEGMENTS": Row(lambda n: _many(11, b"\x01\0", n), "too many data segments"),
    # So many objects are more than the compiler's heap.
    "MAX_ELEM_SEGMENTS": Row(lambda n: _many(9, b"\x01\0\0", n), "too many element segments", below=9_900_000),
    "MAX_ELEMENTS": Row(
        lambda n: module(types=[FUNC], imports=[_import(b"\0\0")]) + section(9, u(1) + b"\x01\0" + u(n) + bytes(n)),
        "too many elements in a segment",
    ),
    "MAX_TABLES": Row(lambda n: _many(4, b"\x70\0\0", n), "too many tables"),
    "MAX_MEMORIES": Row(lambda n: _many(5, b"\0\0", n), "too many memories"),
    "MAX_PARAMS": Row(lambda n: module(types=[functype([I32] * n)]), "too many parameters"),
    "MAX_RESULTS": Row(lambda n: module(types=[functype([], [I32] * n)]), "too many results"),
    "MAX_FIELDS": Row(lambda n: module(types=[b"\x5f" + vec([I32 + b"\0"] * n)]), "too many fields"),
    # The body: a vector of locals, and an end.
    "MAX_BODY_BYTES": Row(lambda n: one(b"\x01" * (n - 2)), "function body too large"),
    "MAX_LOCALS": Row(lambda n: one(b"", [I32], locals=vec([u(n - 1) + I32])), "too many local variables"),
    "MAX_BR_TABLE": Row(
        lambda n: one(b"\x02\x40" + const(0) + b"\x0e" + u(n) + bytes(n) + u(0) + END), "branch table too large"
    ),
    "MAX_ARRAY_NEW_FIXED": Row(
        lambda n: one(const(0) * n + b"\xfb\x08\x01" + u(n) + DROP, types=[b"\x5e" + I32 + b"\0"]),
        "too many operands of array.new_fixed",
    ),
    "MAX_CATCHES": Row(lambda n: one(b"\x1f\x40" + u(n) + b"\x02\0" * n + END), "too many catch clauses"),
    "MAX_NAME_BYTES": Row(lambda n: one(b"", exports=[export(b"x" * n, FUNCTION, 0)]), "name too long"),
    # An addition is one part, and so is its constant; the return and its operand are seven.
    "MAX_PARTS": Row(
        lambda n: one(get(0) + (b"\x41\x01" + ADD) * (n // 2), [I32], [I32]),
        "function too complex",
        below=10,
        slow=True,
        compile=True,
    ),
    # A global is three: address, value, store.
    "MAX_INIT_PARTS": Row(
        lambda n: module(
            types=[FUNC],
            imports=[_import(b"\0\0")],
            globals=[b"\x70\x01\xd2\0" + END] * min(n // 3, 1_000_000),
        ),
        "function too complex",
        below=3_999_000,
        slow=True,
        compile=True,
    ),
    # A conversion is more than 150 bytes, and what traps is in a function of its own.
    "MAX_CODE_BYTES": Row(
        lambda n: module(
            types=[functype([F64], [F64])],
            functions=[0] * (n // 2_300_000),
            codes=[code(get(0) + b"\xaa\xb7" * 32_000)] * (n // 2_300_000),
        ),
        "compiled code too large",
        below=40_000_000,
        slow=True,
        compile=True,
    ),
    "MAX_IMAGE_BYTES": Row(
        lambda n: module(datas=[b"\x01" + u(n) + bytes(n)]),
        "compiled module too large",
        below=1 << 20,  # there is more in an image
        slow=True,
        compile=True,
    ),
}
# Limits of instances, which have tests of their own below.
AT_RUN_TIME = {"MAX_TABLE_SIZE", "MAX_MEMORY_PAGES"}


def test_every_limit_has_a_test() -> None:
    assert len(LIMITS) > 20
    assert set(LIMITS) == set(ROWS) | AT_RUN_TIME


def test_python_knows_the_same_limits() -> None:
    assert LIMITS["MAX_MODULE_BYTES"] == _compiler._MOST_BYTES
    assert LIMITS["MAX_TABLE_SIZE"] == _types.MOST_ELEMENTS
    assert LIMITS["MAX_MEMORY_PAGES"] == _types.MOST_PAGES


def ask(row: Row, n: int) -> dict[str, str] | None:
    answer, _ = _compiler.request({"do": "compile" if row.compile else "validate"}, row.make(n))
    return answer.get("error")


@pytest.mark.parametrize("limit", ROWS)
def test_limit(limit: str) -> None:
    row, n = ROWS[limit], LIMITS[limit]
    everything = not row.slow or bool(os.environ.get("WASMPY_HOSTILE"))
    if row.compile and not everything:
        pytest.skip("takes seconds and gigabytes; set WASMPY_HOSTILE")
    if row.below is not None and everything:
        assert ask(row, n - row.below) is None
    error = ask(row, n + 1)
    assert error is not None
    assert (error["kind"], error["message"]) == ("limit", row.message)
    assert f"the limit is {n}" in error["detail"]


def test_code_out_of_proportion_to_its_size() -> None:
    """A branch of four bytes has a thousand operands."""

    def made(count: int) -> bytes:
        body = b"\x02" + u(1) + get(0) * 1000 + (get(0) + b"\x0d\0") * count + END + DROP * 1000
        return one(body, [I32], types=[functype([], [I32] * 1000)])

    wasmpy.compile(made(100))
    with pytest.raises(wasmpy.CompileError, match=r"function too complex: .* in function f at byte 0x") as caught:
        wasmpy.compile(made(2000))
    assert caught.value.byte_offset is not None


def test_memories() -> None:
    most = LIMITS["MAX_MEMORY_PAGES"]
    m = wasmpy.wat(
        """(module (memory (export "m") 1) (memory (export "other") i64 1)
             (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
             (func (export "grow_other") (param i64) (result i64) (memory.grow 1 (local.get 0))))"""
    ).instantiate()
    assert (m.grow(most), m.grow(-1), m.grow_other(most), m.grow_other(-1)) == (-1, -1, -1, -1)
    assert m.grow(most - 1) == 1
    assert (m.grow(1), len(m.m)) == (-1, most * 65536)
    assert wasmpy.Memory(most).pages == most
    with pytest.raises(ValueError, match="invalid limits"):
        wasmpy.Memory(most + 1)
    grown = wasmpy.Memory(0)
    grown.grow(most)
    with pytest.raises(ValueError, match="cannot grow"):
        grown.grow(1)
    wasmpy.wat(f"(module (memory {most}))").instantiate()
    with pytest.raises(wasmpy.CompileError, match="memory size must be at most 65536 pages"):
        wasmpy.wat(f"(module (memory {most + 1}))")
    with pytest.raises(wasmpy.LinkError, match=f"memory 0 too large: {most + 1} pages, the limit is {most}"):
        wasmpy.wat(f"(module (memory i64 {most + 1}))").instantiate()


def test_tables() -> None:
    most = LIMITS["MAX_TABLE_SIZE"]
    m = wasmpy.wat(
        """(module (table (export "t") 0 funcref)
             (func (export "grow") (param i32) (result i32) (table.grow (ref.null func) (local.get 0))))"""
    ).instantiate()
    assert (m.grow(most + 1), m.grow(-1), m.grow(most), m.grow(1), len(m.t)) == (-1, -1, 0, -1, most)
    assert len(wasmpy.Table("externref", most)) == most
    with pytest.raises(ValueError, match=f"the limit is {most}"):
        wasmpy.Table("externref", most + 1)
    with pytest.raises(ValueError, match="cannot grow"):
        m.t.grow(1)
    wasmpy.wat(f"(module (table {most} funcref))").instantiate()
    for fields in (f"(table {most + 1} funcref)", f"(table 1 funcref) (table {most} funcref)"):
        with pytest.raises(wasmpy.LinkError, match=f"tables too large: {most + 1} elements, the limit is {most}"):
            wasmpy.wat(f"(module {fields})").instantiate()
