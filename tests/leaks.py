"""Does anything grow that should not? Each scenario is repeated many times; what the process holds afterwards is
compared with what it held after a first part.

    python tests/leaks.py [--quick] [NAME…]

Watched: resident memory, bytes in use of malloc, Python's memory blocks, objects that the garbage collector knows,
mappings, open descriptors, reference counts of objects that the scenario names and, on a debug build of CPython, the
total of all reference counts. A line for each scenario says how much of each a repetition left behind; exit status 1
if that is too much.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from itertools import count, pairwise
from typing import Any, NamedTuple

import wasmpy
from wasmpy import _link, _opened, _traps

PAGE = os.sysconf("SC_PAGE_SIZE")


class _Mallinfo(ctypes.Structure):
    """struct mallinfo2: uordblks are bytes in use, hblkhd those of blocks that are mappings of their own."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


class Holdings(NamedTuple):
    """What a process holds."""

    resident: int
    malloc: int
    blocks: int
    objects: int
    maps: int
    descriptors: int
    witnesses: int
    references: int


# The most that one repetition may leave behind on average: less than one object, or 16 bytes of malloc's.
MOST = Holdings(
    resident=24, malloc=3, blocks=0.4, objects=0.4, maps=0.02, descriptors=0.02, witnesses=0.4, references=0.4
)
# Below this, a difference is noise: memory that was cut up otherwise, caches of the interpreter.
NOISE = Holdings(
    resident=1 << 20, malloc=4 << 10, blocks=30, objects=10, maps=4, descriptors=1, witnesses=4, references=20
)


def holdings(witnesses: Iterable[object]) -> Holdings:
    for _ in range(3):
        gc.collect()
    _opened.close_unused(few=True)
    with open("/proc/self/statm") as file:
        resident = int(file.read().split()[1]) * PAGE
    with open("/proc/self/maps") as file:
        maps = sum(1 for _ in file)
    mallinfo = getattr(ctypes.CDLL(None), "mallinfo2", None)  # glibc 2.33
    malloc = 0
    if mallinfo is not None:
        mallinfo.restype = _Mallinfo
        info = mallinfo()
        malloc = info.uordblks + info.hblkhd
    return Holdings(
        resident,
        malloc,
        sys.getallocatedblocks(),
        len(gc.get_objects()),
        maps,
        len(os.listdir("/proc/self/fd")),
        sum(sys.getrefcount(witness) for witness in witnesses),
        getattr(sys, "gettotalrefcount", int)(),
    )


class Scenario(NamedTuple):
    name: str
    # Repetitions of the full run. A quick run has a hundredth, at least `quick`.
    times: int
    # Prepares, and returns what repeats: called with a number of repetitions.
    prepare: Callable[[], Callable[[int], object]]
    # Enough to tell a leak of one object or of 16 bytes from noise.
    quick: int = 600
    # Repetitions before the first look, for the interpreter's caches to fill.
    warm: int = 60


def each(function: Callable[[], object]) -> Callable[[int], None]:
    """Repeats by calling."""

    def repeat(times: int) -> None:
        for _ in range(times):
            function()

    return repeat


def raising(kind: type[BaseException], function: Callable[[], object]) -> Callable[[], None]:
    def call() -> None:
        try:
            function()
        except kind:
            return
        raise AssertionError(f"no {kind.__name__}")

    return call


class Witness:
    """An object of which references are counted."""


# --- scenarios -----------------------------------------------------------------------------------------------

EVERYTHING = b"""(module
  (import "env" "callback" (func $callback (param i32 externref) (result i32)))
  (import "env" "number" (global $number i32))
  (memory (export "memory") 1 4) (data (i32.const 8) "hello")
  (table $functions (export "functions") 4 funcref)
  (table $objects (export "objects") 4 8 externref)
  (global $counter (export "counter") (mut i64) (i64.const 7))
  (global $object (export "object") (mut externref) (ref.null extern))
  (elem (table $functions) (i32.const 0) func $add $callback)
  (elem $passive func $add)
  (data $bytes "later")
  (func $add (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "call") (param externref) (result i32) (call $callback (global.get $number) (local.get 0)))
  (func (export "two") (param i64 f64) (result f64 i64) (local.get 1) (local.get 0))
  (func (export "keep") (param externref) (result externref)
    (table.set $objects (i32.const 1) (local.get 0)) (global.set $object (local.get 0))
    (table.get $objects (i32.const 1)))
  (func (export "turn") (param externref i32) (local externref)
    (loop $again
      (table.set $objects (i32.and (local.get 1) (i32.const 3)) (local.get 0))
      (local.set 2 (table.get $objects (i32.and (local.get 1) (i32.const 3))))
      (global.set $object (local.get 2))
      (drop (global.get $object))
      (br_if $again (local.tee 1 (i32.sub (local.get 1) (i32.const 1))))))
  (func (export "ask") (param externref i32)
    (loop $again
      (drop (call $callback (local.get 1) (local.get 0)))
      (br_if $again (local.tee 1 (i32.sub (local.get 1) (i32.const 1))))))
  (func (export "trap") (param i32) (result i32) (i32.div_s (i32.const 1) (local.get 0)))
  (func $deep (export "deep") (param i32 externref) (result i32)
    (if (i32.eqz (local.get 0)) (then (return (i32.load (i32.const -1)))))
    (i32.add (call $deep (i32.sub (local.get 0) (i32.const 1)) (local.get 1)) (i32.const 1)))
  (func $endless (export "endless") (result i32) (i32.add (call $endless) (i32.const 1)))
  (func (export "grow") (param externref) (result i32) (table.grow $objects (local.get 0) (i32.const 1)))
  (func (export "self") (result funcref) (ref.func $add))
)"""


def nothing(*arguments: object) -> int:
    return 1


def everything(callback: Callable[..., object] = nothing) -> Any:
    return wasmpy.Module(EVERYTHING).instantiate({"env": {"callback": callback, "number": 5}})


def instances() -> Callable[[int], None]:
    module = wasmpy.Module(EVERYTHING)
    imports = {"env": {"callback": nothing, "number": 5}}

    def make() -> None:
        made: Any = module.instantiate(imports)
        made.add(1, 2)
        made.keep(WITNESS)

    return each(make)


def cycles() -> Callable[[int], None]:
    """An instance that its own callback and table refer to."""
    module = wasmpy.Module(EVERYTHING)

    def make() -> None:
        def callback(number: int, value: object) -> int:
            return len(made.exports)

        made: Any = module.instantiate({"env": {"callback": callback, "number": 5}})
        made.keep(made)
        made.objects[2] = made.add
        made.functions[3] = made.self()
        made.call(None)

    return each(make)


def links() -> Callable[[int], None]:
    """Instances that share functions, memories, tables and globals."""
    first = wasmpy.Module(b"""(module (memory (export "m") 1) (table (export "t") 2 funcref) (func (export "f"))
        (global (export "g") (mut i32) (i32.const 1)) (global (export "e") externref (ref.null extern)))""")
    second = wasmpy.Module(b"""(module (import "a" "m" (memory 1)) (import "a" "t" (table 2 funcref))
        (import "a" "f" (func $f)) (import "a" "g" (global $g (mut i32))) (import "a" "e" (global externref))
        (elem (i32.const 0) $f $own) (func $own (global.set $g (i32.const 2)) (call $f))
        (func (export "run") (call_indirect (i32.const 1))))""")

    def make() -> None:
        a: Any = first.instantiate()
        b: Any = second.instantiate({"a": a})
        b.run()

    return each(make)


def different_modules() -> Callable[[int], None]:
    """Different modules, each compiled: the compiler's side is in another process."""
    numbers = count(int(time.time() * 1000) << 16)
    return each(
        lambda: wasmpy.load(f'(module (func (export "f") (result i64) i64.const {next(numbers)}))'.encode()).f()
    )


def different_descriptions() -> Callable[[int], None]:
    numbers = count(int(time.time() * 1000) << 16)
    text = '(module (func (export "g") (result i64) i64.const {}))'
    return each(lambda: wasmpy.compile(text.format(next(numbers)).encode()).exports)


def link_errors() -> Callable[[int], None]:
    module = wasmpy.Module(EVERYTHING)
    bad = {"env": {"callback": 3}}
    return each(raising(wasmpy.LinkError, lambda: module.instantiate(bad)))


def trapping_starts() -> Callable[[int], None]:
    module = wasmpy.Module(b"""(module
        (import "a" "f" (func $f (param externref))) (import "a" "o" (global $o externref))
        (memory 1) (table 1 externref) (global $g (mut externref) (ref.null extern))
        (func $start (global.set $g (global.get $o)) (table.set (i32.const 0) (global.get $o))
          (call $f (global.get $g)) unreachable) (start $start))""")
    imports = {"a": {"f": lambda value: value, "o": WITNESS}}
    return each(raising(wasmpy.Trap, lambda: module.instantiate(imports)))


def segments_outside() -> Callable[[int], None]:
    module = wasmpy.Module(b'(module (memory 1) (data (i32.const 1) "a") (data (i32.const 65536) "b"))')
    return each(raising(wasmpy.Trap, module.instantiate))


def failed_compiles() -> Callable[[int], None]:
    texts = [
        b"(module (func i32.add))", b"(module (func", b"\0asm\1\0\0\0\xff",
        b"(module (func (result v128) unreachable", b'(module (import "a" "b" (func)) (func (call 7)))',
        b"(module (type (struct)) (func (drop (struct.new 0))))",
    ]  # fmt: skip

    def fail() -> None:
        for text in texts:
            try:
                wasmpy.compile(text)
            except (wasmpy.CompileError, wasmpy.UnsupportedError):
                continue
            raise AssertionError(text)

    return each(fail)


def calls() -> Callable[[int], None]:
    made = everything()

    def call() -> None:
        made.add(1000, -70000)
        made.two(2**40, 0.5)
        made.keep(WITNESS)
        made.call(WITNESS)
        made.counter += 1
        assert made.self() is made.add

    return each(call)


def wrong_calls() -> Callable[[int], None]:
    made = everything()
    wrong = [
        lambda: made.add(1), lambda: made.add(2**40, 1), lambda: made.add(1.5, 1), lambda: made.two(1, "x"),
        lambda: made.add(1, WITNESS), lambda: made["no"], lambda: made.memory[99999], lambda: made.objects[9],
        lambda: made.functions.__setitem__(0, WITNESS), lambda: made.memory.grow(99), lambda: made.objects.grow(99),
    ]  # fmt: skip
    kinds = (TypeError, OverflowError, KeyError, IndexError, ValueError)

    def call() -> None:
        for function in wrong:
            try:
                function()
            except kinds:
                continue
            raise AssertionError("no error")

    return each(call)


class Number:
    """Converts to what it holds, as a new object where numbers are; holding None, raises ValueError."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __index__(self) -> Any:
        if self.value is None:
            raise ValueError
        return self.value if isinstance(self.value, str) else self.value + 0

    __float__ = __index__


def conversions() -> Callable[[int], None]:
    """Arguments and results of every kind, right and wrong, on their way in and out."""
    answer: list[Any] = [None]

    def many(*arguments: object) -> Any:
        return answer[0]() if callable(answer[0]) else answer[0]

    text = b"""(module
        (type $t (func (param i32 i64 f32 f64 externref funcref) (result i32 f64 externref funcref)))
        (import "env" "many" (func $many (type $t)))
        (func (export "f") (type $t)
            (call $many (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5))))"""
    functions = [wasmpy.Module(text, wrap=wrap).instantiate({"env": {"many": many}})["f"] for wrap in (False, True)]
    add = everything().add
    WATCHED.append(add.__self__)
    big, index, bad = 2**62, Number(3), Number(None)
    right = big // 2**32, big, 0.25, 0.5, WITNESS, add
    given = [right, (index, Number(big), index, Number(0.5), None, None), (True, -big, 7, big, [1], None)]
    given += [(*right[:i], wrong, *right[i + 1 :]) for i in range(4) for wrong in (bad, "1", None, Number("1"))]
    given += [(2**70, *right[1:]), (index, Number(2**70), *right[2:]), (*right[:5], f"{big}")]
    given += [right[:3], (*right, 1)]
    answers = [
        (1, 0.5, WITNESS, add),
        [index, index, [], None],
        lambda: iter((1, 2, None, None)),
        (1, 0.5, WITNESS, WITNESS),
        (bad, 1, 2, None),
        (1, bad, 2, None),
        (1, 0.5, WITNESS),
        (1, 0.5, WITNESS, add, WITNESS),
        *(3, None, "abcd"),
        (2**70, 1.0, WITNESS, add),
        lambda: (Witness() for _ in range(9)),
        lambda: 1 // 0,
        lambda: (1 // n for n in (1, 0)),
    ]

    def convert() -> None:
        for value in answers:
            answer[0] = value
            for arguments in given if value is answers[0] else given[:2]:
                for f in functions:
                    try:
                        f(*arguments)
                    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
                        pass

    return each(convert)


def traps() -> Callable[[int], None]:
    made = everything()
    return each(raising(wasmpy.Trap, lambda: made.trap(0)))


def deep_traps() -> Callable[[int], None]:
    made = everything()
    return each(raising(wasmpy.Trap, lambda: made.deep(20, WITNESS)))


def exhaustion() -> Callable[[int], None]:
    made = everything()
    return each(raising(RecursionError, made.endless))


def exceptions() -> Callable[[int], None]:
    def callback(number: int, value: object) -> int:
        raise ValueError(number)

    made = everything(callback)
    return each(raising(ValueError, lambda: made.call(WITNESS)))


def wrong_results() -> Callable[[int], None]:
    made = everything(lambda number, value: value)
    return each(raising(TypeError, lambda: made.call(WITNESS)))


def nested() -> Callable[[int], None]:
    """Wasm, Python, wasm, Python, wasm; then a trap that goes all the way."""

    def callback(number: int, value: object) -> int:
        inner.call(value)
        return 0

    def last(number: int, value: object) -> int:
        return made.trap(0)

    inner = everything(last)
    made = everything(callback)
    return each(raising(wasmpy.Trap, lambda: made.call(WITNESS)))


def externrefs() -> Callable[[int], None]:
    """Inside one call: a table and a global, set and read."""
    made = everything()
    return lambda times: made.turn(WITNESS, times)


def swept_externrefs() -> Callable[[int], None]:
    """Inside one call: ever new objects, of which the stack holds the latest only."""
    text = b"""(module (import "env" "make" (func $make (result externref))) (table 1 externref)
        (func (export "f") (param i32)
            (loop $again
                (table.set (i32.const 0) (call $make))
                (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"""
    f: Callable[[int], None] = wasmpy.load(text, {"env": {"make": Witness}})["f"]
    return f


def fresh_externrefs() -> Callable[[int], None]:
    made = everything()
    return each(lambda: made.keep(Witness()))


def externrefs_out() -> Callable[[int], None]:
    """Inside one call: given to a callback again and again."""
    made = everything()
    return lambda times: made.ask(WITNESS, times)


def memories() -> Callable[[int], None]:
    def make() -> None:
        memory = wasmpy.Memory(1, 4)
        memory.write(10, b"data")
        memory.grow(1)
        view = memoryview(memory)
        memory = None
        assert view[10] == 100

    return each(make)


def tables_and_globals() -> Callable[[int], None]:
    made = everything()

    def make() -> None:
        # Without cycles: freed by the count of references, not by the collector, which clears first.
        plain = wasmpy.Table("externref", 4)
        plain[0] = WITNESS
        plain.grow(2, WITNESS)
        wasmpy.Global("externref", WITNESS)
        table = wasmpy.Table("externref", 10)
        table[3] = WITNESS
        table.grow(5, WITNESS)
        table[4] = table
        functions = wasmpy.Table("funcref", 2)
        functions[0] = made.add
        functions[1] = wasmpy.Func("(i32) -> i32", nothing)
        cell = wasmpy.Global("externref", WITNESS, mutable=True)
        cell.value = cell
        wasmpy.Global("i64", 2**40)

    return each(make)


def descriptions() -> Callable[[int], None]:
    def describe() -> None:
        module = wasmpy.Module(EVERYTHING)
        repr(module)
        module.custom_sections("name")

    return each(describe)


def address_space() -> Callable[[int], None]:
    """More memories alive at once than address space has reservations for, by cycles that nobody has collected."""
    module = wasmpy.Module(b'(module (memory (export "m") 1) (table (export "t") 1 externref))')

    def make() -> None:
        made: Any = module.instantiate()
        made.t[0] = made
        made.m[5] = 5

    return each(make)


WITNESS = Witness()
# More of them, added by scenarios.
WATCHED: list[object] = []


def common() -> list[object]:
    """Objects of ours, and shared ones that native code handles: before 3.12, these too are counted."""
    own = [WITNESS, nothing, Witness, wasmpy.Trap, wasmpy.LinkError, wasmpy.Memory, wasmpy.Table, wasmpy.Global]
    internal = [_link, _link.attach, _traps.trap]
    return [*own, *internal, *WATCHED, ValueError, None, True, (), 0, 1, 2, "wasm"]


SCENARIOS = [
    Scenario("instances", 10**5, instances, warm=1500),
    Scenario("instances in cycles", 10**5, cycles, warm=1000),
    Scenario("linked instances", 10**5, links),
    Scenario("cycles through memories", 20_000, address_space),
    Scenario("link errors", 10**4, link_errors),
    Scenario("trapping starts", 10**4, trapping_starts),
    Scenario("segments outside", 10**4, segments_outside),
    Scenario("failed compiles", 10**4, failed_compiles, quick=240),
    Scenario("descriptions", 10**4, descriptions),
    Scenario("calls", 10**6, calls),
    Scenario("wrong calls", 10**5, wrong_calls),
    Scenario("conversions", 10**4, conversions),
    Scenario("traps", 10**6, traps),
    Scenario("traps in deep frames", 10**5, deep_traps),
    Scenario("exhausted stacks", 10**4, exhaustion),
    Scenario("exceptions of callbacks", 10**6, exceptions),
    Scenario("wrong results of callbacks", 10**6, wrong_results),
    Scenario("traps through callbacks", 10**5, nested),
    Scenario("externrefs in a loop", 10**7, externrefs),
    Scenario("externrefs to a callback", 10**7, externrefs_out),
    Scenario("swept externrefs", 10**7, swept_externrefs),
    Scenario("fresh externrefs", 10**6, fresh_externrefs),
    Scenario("memories", 10**5, memories),
    Scenario("tables and globals", 10**5, tables_and_globals),
    Scenario("different modules", 10**4, different_modules, quick=240, warm=240),
    Scenario("descriptions of different modules", 10**4, different_descriptions, quick=240, warm=240),
]


PARTS = 3


def measure(scenario: Scenario, times: int) -> tuple[Holdings, list[str]]:
    """What each repetition left behind, of so many, and the names of what is too much.

    A leak grows in each part of the run; what grows in one is a cache that fills or memory that is cut up otherwise.
    """
    repeat = scenario.prepare()
    repeat(scenario.warm)
    seen = [holdings(common())]
    part = times // PARTS
    for _ in range(PARTS):
        repeat(part)
        seen.append(holdings(common()))
    left = Holdings(
        *(min(after - before for before, after in pairwise(column)) / part for column in zip(*seen, strict=True))
    )
    limits = (most + noise / part for most, noise in zip(MOST, NOISE, strict=True))
    return left, [n for n, value, limit in zip(Holdings._fields, left, limits, strict=True) if value > limit]


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests/leaks.py")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="few repetitions")
    arguments = parser.parse_args()
    chosen = [s for s in SCENARIOS if not arguments.names or s.name in arguments.names]
    print(f"{'left by each repetition':28}{'times':>9}" + "".join(f"{name:>12}" for name in Holdings._fields))
    bad = 0
    for scenario in chosen:
        times = max(scenario.quick, scenario.times // 100) if arguments.quick else scenario.times
        start = time.perf_counter()
        left, too_much = measure(scenario, times)
        bad += bool(too_much)
        values = "".join(f"{value:12.3f}" for value in left)
        verdict = f"LEAKS {', '.join(too_much)}" if too_much else ""
        print(f"{scenario.name:28}{times:9}{values} {time.perf_counter() - start:6.1f} s {verdict}", flush=True)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.environ["WASMPY_CACHE_DIR"] = folder
        main()
