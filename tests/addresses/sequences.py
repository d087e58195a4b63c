"""Several accesses in a row: loops, growth in between, bulk operations, instances that call each other."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

from accesses import PAGE, Model
from cases import FEW_OFFSETS
from indices import M64, WIDTH, Read
from session import KINDS, Session

# Loops over addresses that wrap around: text of the body, and what it sums up. Parameters $a and $b (how often,
# also {count}), locals $i of the index type {t}, $n and $s; {o} an offset.
LOOPS: dict[str, tuple[str, Callable[[Read, int, int, int, int], int]]] = {
    "upwards": (
        """(local.set $i (local.get $a))
           (loop $l
             (local.set $s (i64.add (local.get $s) (i64.load32_u $m {o} (local.get $i))))
             (local.set $i ({t}.add (local.get $i) ({t}.const 4)))
             (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (local.get $b))))""",
        lambda read, a, n, o, top: sum(read((a + 4 * k) % top + o, 4) for k in range(n)),
    ),
    "downwards": (
        """(local.set $i (local.get $a))
           (loop $l
             (local.set $i ({t}.sub (local.get $i) ({t}.const 8)))
             (local.set $s (i64.add (local.get $s) (i64.load8_u $m {o} (local.get $i))))
             (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (local.get $b))))""",
        lambda read, a, n, o, top: sum(read((a - 8 * (k + 1)) % top + o, 1) for k in range(n)),
    ),
    "scaled": (
        """(local.set $i ({t}.shr_u (local.get $a) ({t}.const 2)))
           (loop $l
             (local.set $s (i64.add (local.get $s)
               (i64.load32_u $m {o} ({t}.shl (local.get $i) ({t}.const 2)))))
             (local.set $i ({t}.add (local.get $i) ({t}.const 1)))
             (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (local.get $b))))""",
        lambda read, a, n, o, top: sum(read((((a >> 2) + k) << 2) % top + o, 4) for k in range(n)),
    ),
    "base and scaled": (
        """(loop $l
             (local.set $s (i64.add (local.get $s)
               (i64.load $m {o} ({t}.add (local.get $a) ({t}.shl (local.get $i) ({t}.const 3))))))
             (local.set $i ({t}.add (local.get $i) ({t}.const 1)))
             (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (local.get $b))))""",
        lambda read, a, n, o, top: sum(read((a + 8 * k) % top + o, 8) for k in range(n)),
    ),
    "four at once": (
        """(local.set $i (local.get $a))
           (loop $l
             (local.set $s (i64.add (i64.add (i64.add (i64.add (local.get $s)
               (i64.load8_u $m {o} (local.get $i)))
               (i64.load8_u $m {o} ({t}.add (local.get $i) ({t}.const 1))))
               (i64.load8_u $m {o} ({t}.add (local.get $i) ({t}.const 2))))
               (i64.load8_u $m {o} ({t}.or (local.get $i) ({t}.const 3)))))
             (local.set $i ({t}.add (local.get $i) ({t}.const 4)))
             (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (local.get $b))))""",
        lambda read, a, n, o, top: sum(
            read((at % top | 3 if d == 3 else (at + d) % top) + o, 1)
            for at in range(a, a + 4 * n, 4)
            for d in range(4)
        ),
    ),
    "bounded": (
        """(loop $l
             (if ({t}.lt_u (local.get $i) {count})
               (then
                 (local.set $s (i64.add (local.get $s)
                   (i64.load8_u $m {o} ({t}.add (local.get $a) (local.get $i)))))
                 (local.set $i ({t}.add (local.get $i) ({t}.const 1)))
                 (br $l))))""",
        lambda read, a, n, o, top: sum(read((a + k) % top + o, 1) for k in range(n)),
    ),
    "bounded, signed, from below zero": (
        """(local.set $i ({t}.const -6))
           (loop $l
             (local.set $s (i64.add (local.get $s)
               (i64.load8_u $m {o} ({t}.add (local.get $a) (local.get $i)))))
             (br_if $l ({t}.lt_s (local.tee $i ({t}.add (local.get $i) ({t}.const 1))) ({t}.const 2))))""",
        lambda read, a, _, o, top: sum(read((a + k) % top + o, 1) for k in range(-6, 2)),
    ),
    "invariant, with stores": (
        """(loop $l
             (local.set $s (i64.add (local.get $s) (i64.load8_u $m {o} ({t}.add (local.get $a) ({t}.const 8)))))
             (i32.store8 $m (local.get $i) (i32.const 0))
             (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (local.get $b))))""",
        lambda read, a, n, o, top: sum(
            0 if k and (a + 8) % top + o == 0 else read((a + 8) % top + o, 1) for k in range(n)
        ),
    ),
}  # fmt: skip


def run_loops(s: Session, kind: str, t: str, pages: int) -> None:
    top = 1 << WIDTH[t]
    text = [KINDS[kind].format(t=t, l=f"{pages} {pages}"), '(export "memory" (memory $m))']
    if "export" in text[0]:
        text.pop()
    for name, (body, _) in LOOPS.items():
        for offset in FEW_OFFSETS:
            text.append(f'(func (export "{name} {offset}") (param $a {t}) (param $b i32) (result i64)')
            text.append(f"(local $i {t}) (local $n i32) (local $s i64)")
            count = "(i64.extend_i32_u (local.get $b))" if t == "i64" else "(local.get $b)"
            text.append(body.format(t=t, o=f"offset={offset}", count=count) + " (local.get $s))")
    instance = s.instance(f"(module {' '.join(text)})")
    model = Model(instance.memory)
    for name, (_, sum_up) in LOOPS.items():
        for offset in FEW_OFFSETS:
            function = instance[f"{name} {offset}"]
            starts = {e + d for e in (0, model.size - offset, top - offset) for d in (-40, -24, -16, -8, -4, 0, 4, 8)}
            for a in sorted(a % top for a in starts):
                first = bytes(model.view[:1])
                try:
                    expected: int | None = sum_up(model.read, a, 7, offset, top) & M64
                except IndexError:
                    expected = None
                got = s.result(function, a, 7)
                model.view[:1] = first
                if got != expected:
                    s.fail(f"loop {name}, {kind} {t} of {pages} +{offset:#x} ({a:#x}): {got}, not {expected}")
    s.fences.release()


# Growth seen by code that has the memory's size or base in hand: $grow grows by pages, in one of several ways.
GROWTH = """
(module
  (import "h" "grow" (func $python (param i32) (result i32)))
  (import "other" "grow" (func $other (param i32) (result i32)))
  (memory $m {where} {t} {l})
  (table funcref (elem $own $other $python))
  (type $grow (func (param i32) (result i32)))
  (func $own (export "grow") (param i32) (result i32)
    {grow})
  (func (export "size") (result i32) {size})
  (func (export "load") (param {t}) (result i32) (i32.load8_u $m (local.get 0)))
  (func (export "store") (param {t}) (i32.store8 $m (local.get 0) (i32.const 77)))
  (func (export "before and after") (param $at {t}) (param $how i32) (param $pages i32) (result i32)
    (local $sum i32)
    (local.set $sum (i32.load8_u $m ({t}.const 0)))
    (drop (call_indirect (type $grow) (local.get $pages) (local.get $how)))
    (i32.store8 $m (local.get $at) (i32.const 9))
    (i32.add (i32.mul (local.get $sum) (i32.const 256)) (i32.load8_u $m (local.get $at))))
  (func (export "in a loop") (param $how i32) (param $count i32) (result i32)
    (local $n i32) (local $sum i32)
    (loop $l
      (drop (call_indirect (type $grow) (i32.const 1) (local.get $how)))
      (i32.store8 $m ({t}.sub ({t}.shl (memory.size $m) ({t}.const 16)) ({t}.const 1)) (local.get $n))
      (local.set $sum (i32.add (local.get $sum)
        (i32.load8_u $m ({t}.sub ({t}.shl (memory.size $m) ({t}.const 16)) ({t}.const 1)))))
      (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (local.get $count))))
    (local.get $sum)))
"""


def _grow(memory: list[Any], pages: int) -> int:
    before: int = memory[0].grow(pages)
    return before


def run_growth(s: Session, where: str, t: str) -> None:
    """Growth by the module itself, another instance that shares the memory, and Python; up to the maximum."""

    def want(what: str, got: Any, expected: Any) -> None:
        if got != expected:
            s.fail(f"growth, {where or 'own'} {t}, {what}: {got}, not {expected}")

    def traps(f: Any, *arguments: int) -> bool:
        return s.result(f, *arguments) is None

    def text(where: str, limits: str) -> str:
        is64 = t == "i64"
        pages, grown, size = "(local.get 0)", "(memory.grow $m {})", "(memory.size $m)"
        if is64:
            pages, grown, size = f"(i64.extend_i32_u {pages})", f"(i32.wrap_i64 {grown})", f"(i32.wrap_i64 {size})"
        return GROWTH.format(where=where, t=t, l=limits, grow=grown.format(pages), size=size)

    for limits, most in (("1", 65536), ("1 9", 9), ("0 65536", 65536)):
        # The memory belongs to `first`; the imported kind is another instance's view of it, which then is tested.
        grown: list[Any] = []  # the memory, once it is there
        grow = partial(_grow, grown)
        host = {"h": {"grow": grow}, "other": {"grow": grow}}
        first = s.instance(text('(export "memory")', limits), host)
        memory = first.memory
        grown.append(memory)
        tested = first
        if where:
            given = {**host, "other": first, "m": {"m": memory}}
            tested = s.instance(text('(import "m" "m")', limits), given)
        start = memory.pages
        want("size", tested.size(), start)
        want("beyond", traps(tested.load, start * PAGE), True)
        want("nothing", tested.grow(0), start)
        for how in range(3):
            size = memory.pages * PAGE
            want(f"at once, how {how}, by none", traps(tested["before and after"], size, how, 0), True)
            if size:
                want(f"at once, how {how}", traps(tested["before and after"], size, how, 1), False)
                want("what was written", (first.load(size), tested.load(size), memory[size]), (9, 9, 9))
            else:
                tested.grow(1)
            want("the last byte", traps(tested.load, memory.pages * PAGE - 1), False)
            want("and the next", traps(tested.load, memory.pages * PAGE), True)
        if most > 9:
            for how in range(3):
                want(f"in a loop, how {how}", tested["in a loop"](how, 4), 6)
        view = memoryview(memory)
        now = memory.pages
        want("too much", tested.grow(most - now + 1), -1)
        want("still", memory.pages, now)
        want("to the maximum", tested.grow(most - now), now)
        want("a view stays", len(view), now * PAGE)
        for m in {id(x): x for x in (first, tested)}.values():
            last = most * PAGE - 1
            want("maximum", (m.size(), traps(m.load, last), traps(m.store, last)), (most, False, False))
            want("behind it", [traps(m.load, min(last + d, (1 << WIDTH[t]) - 1)) for d in (1, 2**31)],
                 [last != 2**32 - 1 or t == "i64"] * 2)  # fmt: skip
            want("no more", m.grow(1), -1)
        want("stored there", memory[most * PAGE - 1], 77)
        s.fences.release()


# Bulk operations: name → text, with indices a, b and a count c, all as i64 parameters.
BULK = """
(module
  (memory $m {t} {p} {p}) (memory $n {t} 1 1)
  (data $d "0123456789abcdef")
  (func (export "memory") (result i32) (i32.const 0))
  (export "m" (memory $m)) (export "n" (memory $n))
  (func (export "fill") (param {t} {t} {t}) (memory.fill $m (local.get 0) (i32.const 42) (local.get 2)))
  (func (export "copy") (param {t} {t} {t}) (memory.copy $m $m (local.get 0) (local.get 1) (local.get 2)))
  (func (export "to") (param {t} {t} {t}) (memory.copy $m $n (local.get 0) (local.get 1) (local.get 2)))
  (func (export "from") (param {t} {t} {t}) (memory.copy $n $m (local.get 0) (local.get 1) (local.get 2)))
  (func (export "init") (param {t} {t} {t}) (memory.init $m $d (local.get 0) {s} {c})))
"""


# How many bytes: at run time; or known in advance, where a few become loads and stores.
COUNTS = (0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 100)


def bulk_text(t: str, pages: int) -> str:
    narrow = "(i32.wrap_i64 (local.get {}))" if t == "i64" else "(local.get {})"
    text = BULK.format(t=t, p=pages, s=narrow.format(1), c=narrow.format(2))
    fixed = []
    for count in COUNTS:
        for name, operation in (
            ("fill", "fill $m"),
            ("copy", "copy $m $m"),
            ("to", "copy $m $n"),
            ("from", "copy $n $m"),
        ):
            second = "(local.get 1)" if name != "fill" else "(i32.const 42)"
            operands = f"(local.get 0) {second} ({t}.const {count})"
            fixed.append(f'(func (export "{name} {count}") (param {t} {t} {t}) (memory.{operation} {operands}))')
    return text.rstrip()[:-1] + "\n".join(fixed) + ")"


def run_bulk(s: Session, t: str, pages: int) -> None:
    """Nothing is written where a part is out of bounds; what overlaps is copied as if all were read first."""
    top = 1 << WIDTH[t]
    instance = s.instance(bulk_text(t, pages))
    m, n = Model(instance.m), Model(instance.n)
    r = random.Random(s.options.seed)
    segment = b"0123456789abcdef"

    def near(edges: tuple[int, ...]) -> int:
        distances = (-300, -65, -64, -33, -32, -17, -16, -15, -9, -8, -7, -4, -3, -2, -1, 0, 0, 1, 8)
        return (r.choice(edges) + r.choice(distances)) % top

    for k in range(6000):
        name = r.choice(["fill", "copy", "to", "from", "init"])
        to, source = (n if name == "from" else m), (n if name == "to" else m)
        length = 16 if name == "init" else source.size
        a = near((0, to.size, to.size, 2**31, 2**32, top))
        b = (a + r.randrange(-20, 20)) % top if r.random() < 0.3 else near((0, length, length, 2**31, 2**32, top))
        count = r.choice([*COUNTS, 300, near((to.size,)), top - 1, top - to.size])
        if name == "init":
            b, count = b % 2**32, count % 2**32
        isin = a + count <= to.size and (name == "fill" or b + count <= length)
        if isin and count > 400:
            continue
        exported = f"{name} {count}" if k % 2 and count in COUNTS and name != "init" else name
        # What is written and its neighbourhood, or the end, where a part could have been.
        first, last = (max(0, a - 16), min(to.size, a + count + 16)) if isin else (max(0, to.size - 128), to.size)
        before = bytes(to.view[first:last])
        wanted = bytearray(before)
        if isin:
            data = segment[b : b + count] if name == "init" else bytes(source.view[b : b + count])
            wanted[a - first : a - first + count] = bytes([42]) * count if name == "fill" else data
        trapped = s.result(instance[exported], a, b, count) is None
        if trapped == isin or bytes(to.view[first:last]) != wanted:
            s.fail(f"{exported}, {t} of {pages} ({a:#x}, {b:#x}, {count:#x}): {'trap' if trapped else 'done'}")
        to.view[first:last] = before
    s.fences.release()


# Instances with memories of their own call each other: afterwards each must have its own base again.
PARTNER = """
(module
  (import "h" "next" (func $next (param i32 i32) (result i32)))
  (memory (export "memory") 1 1)
  (func (export "go") (param $depth i32) (param $at i32) (result i32)
    (local $sum i32)
    (local.set $sum (i32.load8_u (local.get $at)))
    (if (local.get $depth) (then
      (local.set $sum (i32.add (local.get $sum)
        (call $next (i32.sub (local.get $depth) (i32.const 1)) (local.get $at))))))
    (i32.store8 offset=1 (local.get $at) (i32.load8_u (local.get $at)))
    (i32.add (local.get $sum) (i32.load8_u offset=1 (local.get $at)))))
"""


def run_partners(s: Session) -> None:
    """A → B → Python → A → B …, each with a memory of its own at the same indices."""
    ring: list[Any] = []

    def last(depth: int, at: int) -> int:
        result: int = ring[-1].go(depth, at)
        return result

    ring.append(s.instance(PARTNER, {"h": {"next": last}}))
    for _ in range(3):
        ring.append(s.instance(PARTNER, {"h": {"next": ring[-1].go}}))
    for k, instance in enumerate(ring):
        instance.memory[100] = k + 1
        instance.memory[PAGE - 1] = 200 + k
    for start in range(4):
        for depth in range(9):
            expected = sum(2 * ((start - d) % 4 + 1) for d in range(depth + 1))
            got = s.result(ring[start].go, depth, 100)
            if got != expected:
                s.fail(f"partners from {start}, depth {depth}: {got}, not {expected}")
            if s.result(ring[start].go, depth, PAGE - 1) is not None:
                s.fail("partners: no trap")
    for k, instance in enumerate(ring):
        if instance.memory[101] != k + 1:
            s.fail(f"partners: memory {k} holds {instance.memory[101]}")
    s.fences.release()
