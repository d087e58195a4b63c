"""Hostile modules: each a function of a size that the time it takes must be linear in."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

from .binary import (
    ADD,
    DROP,
    END,
    F32,
    F64,
    FUNCTION,
    GLOBAL,
    HEADER,
    I32,
    I64,
    code,
    const,
    export,
    functype,
    get,
    module,
    name,
    one,
    put,
    s,
    section,
    u,
    vec,
)  # fmt: skip

NUMBERS = (I32, I64, F32, F64)


@dataclass(frozen=True)
class Case:
    """``make(size)`` makes a module; ``size`` is the size to test with."""

    name: str
    make: Callable[[int], bytes]
    size: int
    # Small enough for every test run.
    fast: bool


CASES: list[Case] = []


def case(size: int, *, fast: bool = False) -> Callable[[Callable[[int], bytes]], Callable[[int], bytes]]:
    def add(make: Callable[[int], bytes]) -> Callable[[int], bytes]:
        CASES.append(Case(make.__name__, make, size, fast))
        return make

    return add


BLOCK, LOOP, IF, ELSE = b"\x02\x40", b"\x03\x40", b"\x04\x40", b"\x05"
BLOCK_I32, IF_I32 = b"\x02\x7f", b"\x04\x7f"
LOAD, STORE = b"\x28\x02\0", b"\x36\x02\0"
CALL = b"\x10"


def br(label: int) -> bytes:
    return b"\x0c" + u(label)


def br_if(label: int) -> bytes:
    return b"\x0d" + u(label)


# --- locals -------------------------------------------------------------------------------------------------


@case(1, fast=True)
def locals_without_end(size: int) -> bytes:
    return one(b"", locals=vec([u(2**32 - 1) + I32] * size))


@case(1000, fast=True)
def locals_beyond_32_bits(size: int) -> bytes:
    return one(b"", locals=vec([u(2**32 - 1) + I32] * size))


@case(50_000)
def locals_each_of_another_type(size: int) -> bytes:
    groups = [u(1) + NUMBERS[i % 4] for i in range(size)]
    return one(b"".join(get(i) + put(i) for i in range(size)), locals=vec(groups))


@case(49_999)
def locals_in_a_loop(size: int) -> bytes:
    step = b"".join(get(i) + get(i + 1) + ADD + put(i) for i in range(size - 1))
    return one(LOOP + step + get(0) + br_if(0) + END + get(5), [I32], [I32], vec([u(size) + I32]))


@case(20_000)
def locals_and_many_loops(size: int) -> bytes:
    """Each loop changes one of many locals."""
    loops = b"".join(LOOP + get(i) + const(1) + ADD + put(i) + get(0) + br_if(0) + END for i in range(size))
    total = b"".join(get(i) + ADD for i in range(size))
    return one(loops + const(0) + total, [I32], [I32], vec([u(size) + I32]))


@case(20_000)
def locals_and_nested_loops(size: int) -> bytes:
    opening = b"".join(LOOP + get(i) + const(1) + ADD + put(i) for i in range(size))
    closing = (get(0) + br_if(0) + END) * size
    return one(opening + closing + get(size - 1), [I32], [I32], vec([u(size) + I32]))


@case(20_000)
def locals_and_many_ifs(size: int) -> bytes:
    ifs = b"".join(get(0) + IF + get(i) + const(1) + ADD + put(i) + END for i in range(size))
    total = b"".join(get(i) + ADD for i in range(size))
    return one(ifs + const(0) + total, [I32], [I32], vec([u(size) + I32]))


@case(20_000)
def locals_all_live_around_calls(size: int) -> bytes:
    calls = b"".join(const(i) + CALL + u(0) + put(i % 1000) for i in range(size))
    return one(get(0) + IF + calls + END + b"".join(get(i) + ADD for i in range(1, 1000)).join([get(0), b""]),
               [I32], [I32], vec([u(1000) + I32]))  # fmt: skip


# --- control ------------------------------------------------------------------------------------------------


@case(100_000)
def blocks_nested(size: int) -> bytes:
    return one(BLOCK * size + END * size)


@case(100_000)
def blocks_nested_with_results(size: int) -> bytes:
    return one(BLOCK_I32 * size + get(0) + (get(0) + br_if(0) + END) * size, [I32], [I32])


@case(1000, fast=True)
def blocks_not_closed(size: int) -> bytes:
    return one(BLOCK * size)


@case(100_000)
def loops_nested(size: int) -> bytes:
    return one(LOOP * size + (get(0) + br_if(0) + END) * size, [I32])


@case(100_000)
def loops_nested_with_outward_branches(size: int) -> bytes:
    return one(LOOP * size + b"".join(get(0) + br_if((size - i) // 2) + END for i in range(size)), [I32])


@case(100_000)
def loops_in_a_row(size: int) -> bytes:
    return one((LOOP + get(0) + br_if(0) + END) * size, [I32])


@case(50_000)
def loops_that_load(size: int) -> bytes:
    return one((LOOP + get(0) + LOAD + get(1) + LOAD + ADD + br_if(0) + END) * size, [I32, I32])


@case(100_000)
def ifs_nested_with_results(size: int) -> bytes:
    return one((get(0) + IF_I32) * size + get(1) + (ELSE + get(0) + END) * size, [I32, I32], [I32])


@case(100_000)
def ifs_nested_that_set_a_local(size: int) -> bytes:
    body = (get(0) + IF + get(1) + const(1) + ADD + put(1)) * size + (ELSE + get(0) + put(1) + END) * size
    return one(body + get(1), [I32, I32], [I32])


@case(100_000)
def ifs_in_a_row(size: int) -> bytes:
    body = (get(0) + IF + get(1) + const(1) + ADD + put(1) + ELSE + get(0) + put(1) + END) * size
    return one(body + get(1), [I32, I32], [I32])


@case(100_000)
def conditions_nested(size: int) -> bytes:
    """Facts from dominating branches add up."""
    body = b"".join(get(0) + const(i) + b"\x48" + IF for i in range(size)) + get(0) + put(1) + END * size
    return one(body + get(1), [I32, I32], [I32])


@case(65_520, fast=True)
def br_table_of_one_label(size: int) -> bytes:
    return one(BLOCK + get(0) + b"\x0e" + vec([u(0)] * size) + u(0) + END, [I32])


@case(65_520)
def br_table_of_all_labels(size: int) -> bytes:
    table = b"\x0e" + vec([u(i) for i in range(size)]) + u(0)
    arms = b"".join(END + get(1) + const(i) + ADD + put(1) for i in range(size))
    return one(BLOCK * size + get(0) + table + arms + get(1), [I32, I32], [I32])


@case(2**32 - 1, fast=True)
def br_table_without_end(size: int) -> bytes:
    return one(BLOCK + get(0) + b"\x0e" + u(size) + u(0) * 100_000 + END, [I32])


@case(30)
def br_tables_of_one_label_in_a_row(size: int) -> bytes:
    arm = BLOCK + get(0) + b"\x0e" + vec([u(i & 1) for i in range(65_520)]) + u(0) + END
    return one(BLOCK + arm * size + END, [I32])


@case(4_000)
def br_table_with_many_operands(size: int) -> bytes:
    operands = b"".join(get(1) for _ in range(1000))
    body = b"\x02" + u(1) + operands + get(0) + b"\x0e" + vec([u(0)] * size) + u(0) + END + DROP * 1000
    return one(body, [I32, I32], types=[functype([], [I32] * 1000)])


@case(20_000)
def branches_with_many_operands(size: int) -> bytes:
    """Each branch is four bytes and has a thousand operands."""
    operands = b"".join(get(1) for _ in range(1000))
    body = b"\x02" + u(1) + operands + (get(0) + br_if(0)) * size + END + DROP * 1000
    return one(body, [I32, I32], types=[functype([], [I32] * 1000)])


@case(20_000)
def loop_branches_with_many_operands(size: int) -> bytes:
    operands = b"".join(get(1) for _ in range(1000))
    body = operands + b"\x03" + u(1) + (get(0) + br_if(0)) * size + END + DROP * 1000
    return one(body, [I32, I32], types=[functype([I32] * 1000, [I32] * 1000)])


@case(20_000)
def blocks_with_many_operands(size: int) -> bytes:
    operands = b"".join(get(1) for _ in range(1000))
    body = operands + (b"\x02" + u(1) + END) * size + DROP * 1000
    return one(body, [I32, I32], types=[functype([I32] * 1000, [I32] * 1000)])


@case(5_000)
def loops_with_many_operands(size: int) -> bytes:
    operands = b"".join(get(1) for _ in range(1000))
    body = operands + (b"\x03" + u(1) + get(0) + br_if(0) + END) * size + DROP * 1000
    return one(body, [I32, I32], types=[functype([I32] * 1000, [I32] * 1000)])


@case(5_000)
def ifs_with_many_operands(size: int) -> bytes:
    operands = b"".join(get(1) for _ in range(1000))
    body = operands + (get(0) + b"\x04" + u(1) + DROP + get(1) + ELSE + DROP + get(0) + END) * size + DROP * 1000
    return one(body, [I32, I32], types=[functype([I32] * 1000, [I32] * 1000)])


@case(100_000)
def branches_to_one_label(size: int) -> bytes:
    body = BLOCK_I32 + b"".join(const(i) + get(0) + br_if(0) + DROP for i in range(size)) + const(0) + END
    return one(body, [I32], [I32])


@case(100_000)
def code_behind_unreachable(size: int) -> bytes:
    return one(b"\0" + (BLOCK + get(0) + br_if(0) + END) * size, [I32])


@case(100_000)
def returns(size: int) -> bytes:
    return one((get(0) + IF + get(0) + b"\x0f" + END) * size + get(0), [I32], [I32])


@case(100_000)
def traps(size: int) -> bytes:
    return one((get(0) + IF + b"\0" + END) * size, [I32])


@case(50_000)
def try_tables_nested(size: int) -> bytes:
    return one((b"\x1f\x40" + u(0)) * size + END * size)


# --- straight-line code -------------------------------------------------------------------------------------


@case(500_000)
def sum_of_constants(size: int) -> bytes:
    return one(const(1) + b"".join(const(i) + ADD for i in range(size // 2)), [], [I32])


@case(500_000)
def chain_of_additions(size: int) -> bytes:
    return one(get(0) + (get(0) + ADD) * (size // 2), [I32], [I32])


@case(500_000)
def mixed_arithmetic(size: int) -> bytes:
    operators = [b"\x6a", b"\x6b", b"\x6c", b"\x71", b"\x72", b"\x73", b"\x74", b"\x75", b"\x76", b"\x77", b"\x46"]
    body = b"".join(get(i % 7) + operators[i * i % 11] + b"\x22" + u(i % 7) for i in range(size // 3))
    return one(get(0) + body, [I32] * 7, [I32])


@case(300_000)
def divisions(size: int) -> bytes:
    return one(get(0) + (get(1) + b"\x6d" + get(1) + b"\x70") * (size // 4), [I32, I32], [I32])


@case(300_000)
def loads(size: int) -> bytes:
    return one(get(0) + LOAD * size, [I32], [I32])


@case(300_000)
def loads_at_offsets(size: int) -> bytes:
    body = b"".join(get(i % 5) + b"\x28\x02" + u(4 * i) + ADD for i in range(size // 3))
    return one(get(0) + body, [I32] * 5, [I32])


@case(300_000)
def stores(size: int) -> bytes:
    return one(b"".join(get(i % 5) + get(1) + b"\x36\x02" + u(4 * i) for i in range(size // 3)), [I32] * 5)


@case(300_000)
def stores_and_loads(size: int) -> bytes:
    body = b"".join(
        get(i % 5) + get(0) + b"\x36\x02" + u(4 * i) + get(i % 3) + b"\x28\x02" + u(4 * i + 400) + put(0)
        for i in range(size // 6)
    )
    return one(body, [I32] * 5)


@case(200_000)
def global_accesses(size: int) -> bytes:
    body = b"".join(b"\x23" + u(i % 100) + get(0) + ADD + b"\x24" + u((i + 1) % 100) for i in range(size // 4))
    return one(body, [I32], globals=[I32 + b"\x01" + const(0) + END] * 100)


@case(100_000)
def calls(size: int) -> bytes:
    return one(get(0) + (CALL + u(0)) * size, [I32], [I32])


@case(1_000_000)
def calls_of_nothing(size: int) -> bytes:
    return one((CALL + u(0)) * size)


@case(1_000)
def calls_with_many_operands(size: int) -> bytes:
    operands = b"".join(get(i) for i in range(1000))
    return one((operands + CALL + u(0) + DROP * 1000) * size + operands, [I32] * 1000, [I32] * 1000)


@case(20_000)
def calls_that_pass_results_on(size: int) -> bytes:
    operands = b"".join(get(i) for i in range(1000))
    return one(operands + (CALL + u(0)) * size, [I32] * 1000, [I32] * 1000)


@case(100_000)
def indirect_calls(size: int) -> bytes:
    return one((get(0) + get(0) + b"\x11\0\0") * size + b"", [I32], [], tables=[b"\x70\0\x0a"])


@case(100_000)
def values_all_live(size: int) -> bytes:
    body = b"".join(get(0) + b"\x28\x02" + u(4 * i) for i in range(size)) + ADD * (size - 1)
    return one(body, [I32], [I32])


@case(100_000)
def values_all_live_over_a_call(size: int) -> bytes:
    body = b"".join(get(0) + b"\x28\x02" + u(4 * i) for i in range(size))
    return module(
        types=[functype([I32], [I32]), functype()],
        functions=[0, 1],
        memories=[b"\0\x01"],
        exports=[export("f", FUNCTION, 0)],
        codes=[code(body + CALL + u(1) + ADD * (size - 1)), code(b"")],
    )


@case(100_000)
def values_all_live_over_loops(size: int) -> bytes:
    body = b"".join(get(0) + b"\x28\x02" + u(4 * i) for i in range(size // 2))
    return one(body + (LOOP + get(0) + br_if(0) + END) * (size // 2) + ADD * (size // 2 - 1), [I32], [I32])


@case(100_000)
def floats_all_live(size: int) -> bytes:
    body = b"".join(get(0) + b"\x2b\x03" + u(8 * i) for i in range(size)) + b"\xa0" * (size - 1)
    return one(body, [I32], [F64])


@case(100_000)
def selects(size: int) -> bytes:
    return one(get(0) + (get(1) + get(2) + b"\x1b") * size, [I32] * 3, [I32])


@case(100_000)
def float_constants(size: int) -> bytes:
    body = b"".join(b"\x44" + i.to_bytes(6, "little") + b"\xf0\x3f" + b"\xa0" for i in range(size))
    return one(b"\x44" + bytes(8) + body, [], [F64])


@case(100_000)
def conversions(size: int) -> bytes:
    return one(get(0) + b"\xaa\xb7" * size, [F64], [F64])


@case(100_000)
def grows_and_copies(size: int) -> bytes:
    body = (get(0) + b"\x40\0" + DROP + get(0) + get(0) + get(0) + b"\xfc\x0a\0\0") * size
    return one(body, [I32])


@case(7_654_321 - 2)
def body_of_nops(size: int) -> bytes:
    return one(b"\x01" * (size - 1))


@case(7_654_321 - 6)
def body_of_tests(size: int) -> bytes:
    return one(get(0) + b"\x45" * (size - 2), [I32], [I32])


@case(7_654_321 - 6)
def body_of_conversions(size: int) -> bytes:
    return one(get(0) + b"\xaa\xb7" * ((size - 2) // 2), [F64], [F64])


@case(1_000_000)
def body_of_one_megabyte(size: int) -> bytes:
    statement = get(0) + get(1) + ADD + b"\x22" + u(1) + get(0) + STORE
    return one(statement * (size // len(statement)) + get(1), [I32, I32], [I32])


# --- many of them -------------------------------------------------------------------------------------------


@case(50_000)
def functions(size: int) -> bytes:
    return module(
        types=[functype([I32], [I32])],
        functions=[0] * size,
        codes=[code(get(0) + const(i) + ADD) for i in range(size)],
    )


@case(40)
def functions_of_conversions(size: int) -> bytes:
    """What becomes of it is eighty times larger."""
    body = code(get(0) + b"\xaa\xb7" * 32_000)
    return module(types=[functype([F64], [F64])], functions=[0] * size, codes=[body] * size)


@case(5)
def functions_of_largest_parts(size: int) -> bytes:
    body = code(get(0) + b"\xaa\xb7" * 195_000)
    return module(types=[functype([F64], [F64])], functions=[0] * size, codes=[body] * size)


@case(1_000_000)
def empty_functions(size: int) -> bytes:
    return module(types=[functype()], functions=[0] * size, codes=[code(b"")] * size)


@case(50_000)
def functions_exported(size: int) -> bytes:
    return module(
        types=[functype([I32], [I32])],
        functions=[0] * size,
        exports=[export(f"f{i}", FUNCTION, i) for i in range(size)],
        codes=[code(get(0))] * size,
    )


@case(100_000)
def functions_in_a_table(size: int) -> bytes:
    return module(
        types=[functype([I32], [I32])],
        functions=[0] * size,
        tables=[b"\x70\0" + u(size)],
        exports=[export("t", 1, 0)],
        elems=[u(0) + const(0) + END + vec([u(i) for i in range(size)])],
        codes=[code(get(0))] * size,
    )


@case(20_000)
def functions_of_many_types(size: int) -> bytes:
    rows = list(itertools.islice(itertools.product(NUMBERS, repeat=8), size))
    return module(
        types=[functype(row, [I32]) for row in rows],
        functions=range(len(rows)),
        exports=[export(f"f{i}", FUNCTION, i) for i in range(len(rows))],
        codes=[code(const(1))] * len(rows),
    )


@case(1_000)
def functions_of_large_types(size: int) -> bytes:
    types = [functype([NUMBERS[i >> k % 10 & 1] for k in range(1000)], [I32] * 1000) for i in range(size)]
    return module(
        types=types,
        functions=range(size),
        exports=[export(f"f{i}", FUNCTION, i) for i in range(size)],
        codes=[code(const(1) * 1000)] * size,
    )


@case(1_000_000)
def types(size: int) -> bytes:
    return module(types=[functype([I32], [I32])] * size)


@case(100_000)
def types_all_different(size: int) -> bytes:
    return module(types=[functype([NUMBERS[i >> k & 1] for k in range(17)]) for i in range(size)])


@case(1_000_000)
def types_in_one_group(size: int) -> bytes:
    return HEADER + section(1, u(1) + b"\x4e" + u(size) + functype([I32], [I32]) * size)


@case(100_000)
def groups_of_types(size: int) -> bytes:
    return HEADER + section(1, u(size) + (b"\x4e" + u(2) + b"\x5f\x01\x63" + s(0) + b"\0" + b"\x5f\0") * size)


@case(200_000, fast=True)
def supertypes_without_end(size: int) -> bytes:
    chain = [b"\x50\x00\x5f\0", *(b"\x50\x01" + u(i) + b"\x5f\0" for i in range(size - 1))]
    return HEADER + section(1, vec(chain))


@case(200_000)
def supertypes_without_end_in_one_group(size: int) -> bytes:
    chain = [
        b"\x50\x00\x5f\0",
        *(b"\x50\x01" + u(i) + b"\x5f\x01\x63" + s(size - 1) + b"\0" for i in range(size - 1)),
    ]
    return HEADER + section(1, u(1) + b"\x4e" + vec(chain))


@case(200_000)
def supertypes_in_chains(size: int) -> bytes:
    chain = [b"\x50\x01" + u(i - 1) + b"\x5f\0" if i % 64 else b"\x50\x00\x5f\0" for i in range(size)]
    return HEADER + section(1, vec(chain))


@case(200_000)
def fields_of_supertypes(size: int) -> bytes:
    """Each type's fields are compared with its supertype's, over chains of 63."""
    chain = b"".join((b"\x50\x01" + u(i - 1) if i else b"\x50\0") + b"\x5f\0" for i in range(64))
    wide = b"\x5f" + vec([b"\x63" + s(0) + b"\0"] * 10_000)
    deep = b"\x5f" + vec([b"\x63" + s(63) + b"\0"] * 10_000)
    n = size // 10_000
    rows = b"".join(b"\x50\0" + wide + b"\x50\x01" + u(64 + 2 * i) + deep for i in range(n))
    return HEADER + section(1, u(64 + 2 * n) + chain + rows)


@case(1_000_000)
def exports(size: int) -> bytes:
    return one(b"", exports=[export(f"f{i}", FUNCTION, 0) for i in range(size)])


@case(100)
def exports_of_long_names(size: int) -> bytes:
    return one(b"", exports=[export(f"{i:05}" * 20_000, FUNCTION, 0) for i in range(size)])


@case(100_000)
def exports_of_globals(size: int) -> bytes:
    return module(
        globals=[I32 + b"\x01" + const(i) + END for i in range(size)],
        exports=[export(f"g{i}", GLOBAL, i) for i in range(size)],
    )


@case(1_000_000)
def imports_of_functions(size: int) -> bytes:
    return module(types=[functype()], imports=[name("m") + name("f") + b"\0\0"] * size)


@case(100_000)
def imports_of_globals(size: int) -> bytes:
    return module(imports=[name("m") + name(f"g{i}") + b"\x03\x7f\0" for i in range(size)])


@case(100_000)
def imports_of_tables(size: int) -> bytes:
    return module(imports=[name("m") + name(f"t{i}") + b"\x01\x70\0\0" for i in range(size)])


@case(1_000_000)
def globals_(size: int) -> bytes:
    return module(globals=[I32 + b"\x01" + const(1) + END] * size)


@case(100_000)
def globals_of_globals(size: int) -> bytes:
    return module(globals=[I32 + b"\0" + const(1) + END, *(I32 + b"\0\x23" + u(i) + END for i in range(size - 1))])


@case(500_000)
def constant_expression(size: int) -> bytes:
    return module(globals=[I32 + b"\0" + const(1) + (const(1) + ADD) * (size // 2) + END])


@case(500_000)
def constant_expression_all_live(size: int) -> bytes:
    return module(globals=[I32 + b"\0" + const(1) * (size // 2) + ADD * (size // 2 - 1) + END])


@case(100_000)
def tables(size: int) -> bytes:
    return module(tables=[b"\x70\0\x01"] * size)


@case(100, fast=True)
def tables_of_full_size(size: int) -> bytes:
    return module(tables=[b"\x70\0" + u(10_000_000)] * size)


@case(1, fast=True)
def table_of_enormous_size(size: int) -> bytes:
    return module(tables=[b"\x70\0" + u(2**32 - 1)] * size)


@case(1, fast=True)
def table_of_enormous_64_bit_size(size: int) -> bytes:
    return module(tables=[b"\x70\x04" + u(2**64 - 1)] * size)


@case(100, fast=True)
def memories_of_full_size(size: int) -> bytes:
    return module(memories=[b"\0" + u(65536)] * size)


@case(1, fast=True)
def memory_of_enormous_64_bit_size(size: int) -> bytes:
    return module(memories=[b"\x04" + u(2**48)] * size)


@case(1, fast=True)
def memory_of_enormous_size(size: int) -> bytes:
    return module(memories=[b"\0" + u(2**32 - 1)] * size)


@case(100_000)
def data_segments(size: int) -> bytes:
    return module(memories=[b"\0\x01"], datas=[b"\0" + const(i & 0xFFFF) + END + name(b"x") for i in range(size)])


@case(50_000_000)
def data_segment_of_megabytes(size: int) -> bytes:
    return module(memories=[b"\0" + u(1 + size // 65536)], datas=[b"\0" + const(0) + END + name(bytes(size))])


@case(1_000_000)
def passive_data_segments(size: int) -> bytes:
    return module(memories=[b"\0\x01"], datas=[b"\x01\0"] * size)


@case(10_000_000)
def elem_segments_as_many_as_allowed(size: int) -> bytes:
    return HEADER + section(9, u(size) + b"\x01\0\0" * size)


@case(200_000)
def elem_segments(size: int) -> bytes:
    return one(b"", tables=[b"\x70\0\x01"], elems=[b"\0" + const(0) + END + b"\x01\0"] * size)


@case(5_000_000)
def elem_segment_of_functions(size: int) -> bytes:
    return one(b"", tables=[b"\x70\0" + u(size)], elems=[b"\0" + const(0) + END + u(size) + bytes(size)])


@case(1_000_000)
def elem_segment_of_expressions(size: int) -> bytes:
    elems = [b"\x04" + const(0) + END + u(size) + (b"\xd2\0" + END + b"\xd0\x70" + END) * (size // 2)]
    return one(b"", tables=[b"\x70\0" + u(size)], elems=elems)


@case(200_000)
def elem_segment_of_globals(size: int) -> bytes:
    elems = [b"\x04" + const(0) + END + u(size) + (b"\x23\0" + END) * size]
    return one(b"", tables=[b"\x70\0" + u(size)], globals=[b"\x70\0\xd0\x70" + END], elems=elems)


@case(1_000_000)
def custom_sections(size: int) -> bytes:
    return HEADER + b"\0\x01\0" * size


@case(200_000)
def names(size: int) -> bytes:
    rows = [u(i) + name("some name" + "x" * (i % 20)) for i in range(size)]
    sub = b"\x01" + u(len(vec(rows))) + vec(rows)
    return module(types=[functype()], functions=[0] * 1000, codes=[code(b"")] * 1000,
                  customs=section(0, name("name") + sub))  # fmt: skip


@case(1_000)
def functions_of_one_long_name(size: int) -> bytes:
    rows = [u(i) + name("x" * 5000) for i in range(size)]
    sub = b"\x01" + u(len(vec(rows))) + vec(rows)
    return module(types=[functype()], functions=[0] * size, codes=[code(b"")] * size,
                  exports=[export(f"f{i}", FUNCTION, i) for i in range(size)],
                  customs=section(0, name("name") + sub))  # fmt: skip


@case(300, fast=True)
def sections_that_promise_too_much(size: int) -> bytes:
    return HEADER + section(1, u(2**32 - 1)) * size


# --- text ---------------------------------------------------------------------------------------------------


@case(100_000)
def text_folded_deeply(size: int) -> bytes:
    return b"(module (func (result i32) " + b"(i32.add (i32.const 1) " * size + b"(i32.const 0)" + b")" * size + b"))"


@case(100_000)
def text_blocks_folded_deeply(size: int) -> bytes:
    return b"(module (func " + b"(block " * size + b")" * size + b"))"


@case(100_000)
def text_ifs_folded_deeply(size: int) -> bytes:
    return b"(module (func " + b"(if (i32.const 1) (then " * size + b"))" * size + b"))"


@case(1_000_000, fast=True)
def text_comments_nested(size: int) -> bytes:
    return b"(;" * size + b";)" * size + b"(module)"


@case(1_000_000, fast=True)
def text_comments_not_closed(size: int) -> bytes:
    return b"(module " + b"(;" * size


@case(1_000_000, fast=True)
def text_parentheses(size: int) -> bytes:
    return b"(" * size


@case(1_000_000, fast=True)
def text_annotations_nested(size: int) -> bytes:
    return b"(module (@a " + b"(x " * size + b")" * size + b"))"


@case(2_000_000)
def text_long_identifier(size: int) -> bytes:
    return b"(module (func $" + b"x" * size + b") (func (call $" + b"x" * size + b")))"


@case(2_000_000, fast=True)
def text_long_word(size: int) -> bytes:
    return b"(module (" + b"x" * size + b"))"


@case(2_000_000)
def text_long_string(size: int) -> bytes:
    return b'(module (memory 100) (data (i32.const 0) "' + b"\\00" * size + b'"))'


@case(1_000_000)
def text_long_number(size: int) -> bytes:
    return b"(module (func (drop (f64.const 1" + b"7" * size + b"e-1000000))))"


@case(1_000_000)
def text_long_fraction(size: int) -> bytes:
    return b"(module (func (drop (f32.const 0." + b"0" * 40 + b"1" * size + b"))))"


@case(1_000_000)
def text_long_hexadecimal_number(size: int) -> bytes:
    return b"(module (func (drop (f64.const 0x1." + b"f" * size + b"p-1000))))"


@case(1_000_000)
def text_long_integer(size: int) -> bytes:
    return b"(module (func (drop (i32.const " + b"0" * size + b"1))))"


@case(30_000)
def text_many_numbers(size: int) -> bytes:
    return b"(module (func " + b"(drop (f64.const 1.2345678901234567890123456789e-290))" * size + b"))"


@case(50_000)
def text_many_identifiers(size: int) -> bytes:
    funcs = b"".join(b"(func $function_%d (call $function_%d))" % (i, size - 1 - i) for i in range(size))
    return b"(module " + funcs + b")"


@case(20_000)
def text_many_inline_types(size: int) -> bytes:
    def params(i: int) -> bytes:
        return b" ".join((b"i32", b"i64", b"f32", b"f64")[i >> 2 * k & 3] for k in range(8))

    return b"(module " + b"".join(b"(func (param %s))" % params(i) for i in range(size)) + b")"


@case(1_000)
def text_many_labels(size: int) -> bytes:
    """Labels are looked up from the innermost outwards."""
    opening = b"".join(b"block $l%d " % i for i in range(size))
    return b"(module (func " + opening + b"br $l0 " * size + b"end " * size + b"))"


@case(50_000)
def text_many_locals(size: int) -> bytes:
    declared = b"".join(b"(local $l%d i32)" % i for i in range(size))
    return b"(module (func " + declared + b"".join(b"local.get $l%d drop " % i for i in range(size)) + b"))"


@case(100_000)
def text_many_lines(size: int) -> bytes:
    return b"(module (func\n" + b"i32.const 1\ndrop\n" * size + b"i32.const\n))"


@case(5_000_000)
def text_error_at_the_end_of_a_long_line(size: int) -> bytes:
    return b"(module " + b" " * size + b"nonsense)"


@case(100_000)
def text_many_exports(size: int) -> bytes:
    return b"(module (func $f) " + b"".join(b'(export "f%d" (func $f))' % i for i in range(size)) + b")"


@case(100_000)
def text_of_wrong_encoding(size: int) -> bytes:
    return b"(module (func " + b"\xff\xfe" * size + b"))"


@case(1_300, fast=True)
def text_quotations_nested(size: int) -> bytes:
    """Each level has the same length once more: the text is quadratic in the size."""

    def quote(level: int) -> bytes:
        return b'"' if level == 1 else b"\\" + b"5c" * (level - 2) + b"22"

    opening = b"".join(b"(module quote " + quote(level) for level in range(1, size + 1))
    return opening + b"(module)" + b"".join(quote(level) + b")" for level in range(size, 0, -1))


@case(40_000, fast=True)
def text_uses_of_a_type_with_too_many_parameters(size: int) -> bytes:
    return b"(module (type (func (param " + b"i32 " * size + b")))" + b"(func (type 0))" * size + b")"


@case(40_000)
def text_uses_of_a_type_with_many_parameters(size: int) -> bytes:
    return b"(module (type (func (param " + b"i32 " * 1000 + b")))" + b"(func (type 0))" * size + b")"


@case(40_000, fast=True)
def text_custom_sections_from_last_to_first(size: int) -> bytes:
    return b"(module" + b'(@custom "a" (after data))' * size + b'(@custom "a" (before type))' * size + b")"


@case(100_000)
def text_identifier_of_most_bytes(size: int) -> bytes:
    return b"(module (func $" + b"x" * size + b") (func (call $" + b"x" * size + b")))"


from . import amplified  # noqa: E402, F401
