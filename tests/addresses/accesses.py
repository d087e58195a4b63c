"""Accesses at an address, and what they must do to a memory."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from indices import M64, signed

PAGE = 65536

EDGES = (0, PAGE, 2**29, 2**30, 2**31, 3 * 2**30, 2**32)


class Model:
    """The bytes of a memory: what no access may change but by the model's leave."""

    def __init__(self, memory: Any) -> None:
        self.memory = memory
        self.refresh()
        r = random.Random(7)
        for edge in EDGES:
            begin, end = max(0, edge - 512), min(self.size, edge + 512)
            if begin < end:
                self.view[begin:end] = bytes(r.randrange(1, 256) for _ in range(end - begin))
        if self.size:
            self.view[: min(self.size, PAGE)] = bytes(r.randrange(256) for _ in range(min(self.size, PAGE)))

    def refresh(self) -> None:
        self.view = memoryview(self.memory)
        self.size = len(self.view)

    def check(self, address: int, size: int) -> None:
        if address + size > self.size:
            raise IndexError

    def read(self, address: int, size: int) -> int:
        self.check(address, size)
        return int.from_bytes(self.view[address : address + size], "little")


# What may be done at an address: text with {i} for the index, {o} and {p} for offsets, and its model, which is given
# the effective addresses for both offsets and returns the result and what is written, as (address, bytes).
Effect = tuple[int, list[tuple[int, bytes]]]
Access = tuple[str, Callable[[Model, int, int], Effect]]
VALUE = 0x8877_6655_4433_2211


def loading(text: str, size: int, sign: bool = False) -> Access:
    def model(m: Model, at: int, _: int) -> Effect:
        x = m.read(at, size)
        return (signed(x, size * 8) & M64 if sign else x), []

    return text, model


def storing(text: str, size: int) -> Access:
    def model(m: Model, at: int, _: int) -> Effect:
        m.check(at, size)
        return 0, [(at, VALUE.to_bytes(8, "little")[:size])]

    return f"{text} (i64.const 0)", model


def changing(text: str, size: int, change: Callable[[int], int]) -> Access:
    def model(m: Model, at: int, _: int) -> Effect:
        x = change(m.read(at, size)) & ((1 << size * 8) - 1)
        return 0, [(at, x.to_bytes(size, "little"))]

    return f"{text} (i64.const 0)", model


# An i64 load of each size, then what has instructions of its own.
WIDTHS: dict[str, Access] = {
    **{
        f"i64.load{n}_{s}": loading(f"(i64.load{n}_{s} $m {{o}} {{i}})", n // 8, s == "s")
        for n in (8, 16, 32) for s in "us"
    },
    **{
        f"i32.load{n}_{s}": loading(f"(i64.extend_i32_{s} (i32.load{n}_{s} $m {{o}} {{i}}))", n // 8, s == "s")
        for n in (8, 16) for s in "us"
    },
    "i32.load": loading("(i64.extend_i32_u (i32.load $m {o} {i}))", 4),
    "i64.load": loading("(i64.load $m {o} {i})", 8),
    "f32.load": loading("(i64.extend_i32_u (i32.reinterpret_f32 (f32.load $m {o} {i})))", 4),
    "f64.load": loading("(i64.reinterpret_f64 (f64.load $m {o} {i}))", 8),
    **{
        f"{t}.store{n}": storing(f"({t}.store{n} $m {{o}} {{i}} ({t}.const {signed(VALUE, 8 * size)}))", size)
        for t, n, size in (("i32", "8", 1), ("i32", "16", 2), ("i32", "", 4), ("i64", "8", 1), ("i64", "16", 2),
                           ("i64", "32", 4), ("i64", "", 8))
    },
    "f32.store": storing(f"(f32.store $m {{o}} {{i}} (f32.reinterpret_i32 (i32.const {signed(VALUE, 32)})))", 4),
    "f64.store": storing(f"(f64.store $m {{o}} {{i}} (f64.reinterpret_i64 (i64.const {signed(VALUE, 64)})))", 8),
}  # fmt: skip

FEW: dict[str, Access] = {name: WIDTHS[name] for name in ("i64.load8_u", "i64.load", "i64.store", "i32.store16")}

# Where the access is part of a larger instruction, or one of several on one index.
COMBINED: dict[str, Access] = {
    "operand": (
        "(i64.add (local.get $c) (i64.load $m {o} {i}))",
        lambda m, at, _: (m.read(at, 8) + 5 & M64, []),
    ),
    "operand, first": (
        "(i64.sub (i64.load $m {o} {i}) (local.get $c))",
        lambda m, at, _: (m.read(at, 8) - 5 & M64, []),
    ),
    "compared": (
        "(i64.extend_i32_u (i32.lt_u (i32.load $m {o} {i}) (i32.const 0x55555555)))",
        lambda m, at, _: (int(m.read(at, 4) < 0x55555555), []),
    ),
    "compared byte": (
        "(i64.extend_i32_u (i32.eqz (i32.load8_u $m {o} {i})))",
        lambda m, at, _: (int(m.read(at, 1) == 0), []),
    ),
    "float operand": (
        "(i64.extend_i32_u (f64.lt (f64.const 0) (f64.load $m {o} {i})))",
        lambda m, at, _: (int(0 < m.read(at, 8) <= 0x7FF0_0000_0000_0000), []),
    ),
    "converted": (
        "(i64.trunc_sat_f64_s (f64.convert_i32_s (i32.load $m {o} {i})))",
        lambda m, at, _: (signed(m.read(at, 4), 32) & M64, []),
    ),
    "changed": changing(
        "(i64.store $m {o} {i} (i64.add (i64.load $m {o} {i}) (local.get $c)))", 8, lambda x: x + 5
    ),
    "changed byte": changing(
        "(i32.store8 $m {o} {i} (i32.xor (i32.load8_u $m {o} {i}) (i32.const 0x7f)))", 1, lambda x: x ^ 0x7F
    ),
    "two, the near one first": (
        "(i64.add (i64.load8_u $m {o} {i}) (i64.load8_u $m {p} {i}))",
        lambda m, at, far: (m.read(at, 1) + m.read(far, 1), []),
    ),
    "two, the far one first": (
        "(i64.add (i64.load8_u $m {p} {i}) (i64.load8_u $m {o} {i}))",
        lambda m, at, far: (m.read(far, 1) + m.read(at, 1), []),
    ),
    "checked before": (
        "(drop (i64.load8_u $m {i})) (i64.load $m {o} {i})",
        lambda m, at, _: (m.read(at, 8), []),
    ),
    "in a loop": (
        """(local $n i32) (local $s i64) (loop $l
             (local.set $s (i64.add (local.get $s) (i64.load $m {o} {i})))
             (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 3))))
           (local.get $s)""",
        lambda m, at, _: (3 * m.read(at, 8) & M64, []),
    ),
    "in a branch": (
        "(if (result i64) (i64.gt_u (local.get $c) (i64.const 4)) (then (i64.load $m {o} {i})) (else (i64.const 1)))",
        lambda m, at, _: (m.read(at, 8), []),
    ),
}  # fmt: skip
