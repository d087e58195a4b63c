"""Traps, stacks and crashes, each in a process of its own, with guarded and with checked memories."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import environment

PRELUDE = """
import faulthandler, gc, os, signal, sys, threading, traceback
import wasmpy

def load(text, imports=None):
    module = wasmpy.compile(text.encode())
    if os.environ["MODE"] == "checked":
        module._build = module._build.checked()
    return module.instantiate(imports)

def outcome(call, *arguments):
    try:
        return call(*arguments)
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
"""
OUT_OF_BOUNDS = "Trap: out of bounds memory access"
EXHAUSTED = "Trap: call stack exhausted"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def python(cache: Path, tmp_path: Path) -> Run:
    """python(code): runs PRELUDE and the code in a new interpreter, to its end."""

    def run(
        code: str, *arguments: str, mode: str = "guarded", **keywords: object
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments, "-c", PRELUDE + textwrap.dedent(code)],
            env={**os.environ, **environment(cache), "MODE": mode},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            **keywords,  # type: ignore[call-overload]
        )

    return run


modes = pytest.mark.parametrize("mode", ["guarded", "checked"])

# --- across instances, callbacks, start functions ------------------------------------------------------------

# Each writes its letter to its memory first, so that a wrong base shows.
PARTNERS = """
    B = load('''(module
      (import "h" "callback" (func $callback (param i32) (result i32)))
      (memory 1)
      (global $count (mut i32) (i32.const 0))
      (func (export "divide") (param i32 i32) (result i32)
        (i32.store8 (i32.const 0) (i32.const 66))
        (global.set $count (i32.add (global.get $count) (i32.const 1)))
        (i32.div_s (local.get 0) (local.get 1)))
      (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
      (func (export "call") (param i32) (result i32) (i32.add (call $callback (local.get 0)) (i32.const 1)))
      (func (export "state") (result i32 i32) (i32.load8_u (i32.const 0)) (global.get $count)))''',
      {"h": {"callback": lambda n: A.oops(n)}})
    A = load('''(module
      (import "b" "divide" (func $divide (param i32 i32) (result i32)))
      (import "b" "load" (func $load (param i32) (result i32)))
      (import "b" "call" (func $call (param i32) (result i32)))
      (memory 2)
      (type $t (func (param i32) (result i32)))
      (table funcref (elem $load $call))
      (func (export "divide") (param i32 i32) (result i32)
        (i32.store8 (i32.const 0) (i32.const 65))
        (drop (call $divide (local.get 0) (local.get 1)))
        (i32.load8_u (i32.const 0)))
      (func (export "load") (param i32) (result i32) (i32.add (call $load (local.get 0)) (i32.load (local.get 0))))
      (func (export "indirectly") (param i32 i32) (result i32)
        (i32.add (call_indirect (type $t) (local.get 0) (local.get 1)) (i32.load8_u (i32.const 0))))
      (func (export "oops") (param i32) (result i32)
        (if (local.get 0) (then (drop (i32.load (i32.const -1)))))
        (i32.load8_u (i32.const 0)))
      (func (export "state") (result i32) (i32.load8_u (i32.const 0))))''', {"b": B})
"""


@modes
def test_across_instances(python: Run, mode: str) -> None:
    code = f"""{PARTNERS}
    for _ in range(3):
        print(outcome(A.divide, 6, 3), outcome(A.divide, 6, 0), A.state(), B.state()[0])
        print(outcome(A.load, 65532) == 0, outcome(A.load, 65533), outcome(A.load, 2**32 - 1))
        print(outcome(A.indirectly, 65533, 0), outcome(A.indirectly, 1, 1), outcome(A.indirectly, 0, 1))
        print(outcome(B.call, 1), outcome(B.call, 0), A.state(), B.state()[0])
    print(B.state()[1])
    for call, arguments in ((A.divide, (1, 0)), (A.load, (65533,)), (A.indirectly, (1, 1))):
        try:
            call(*arguments)
        except wasmpy.Trap as trap:
            print([name.split("[")[0] for _, name, _ in trap.frames])
    """
    done = python(code, mode=mode)
    once = f"""\
65 Trap: integer divide by zero 65 66
True {OUT_OF_BOUNDS} {OUT_OF_BOUNDS}
{OUT_OF_BOUNDS} {OUT_OF_BOUNDS} 131
{OUT_OF_BOUNDS} 66 65 66
"""
    last = "6\n['divide', 'divide']\n['load', 'load']\n['oops']\n"
    assert (done.stdout, done.stderr) == (once * 3 + last, "")


@modes
def test_exceptions_through_callbacks(python: Run, mode: str) -> None:
    """Python → wasm → Python → wasm …: what is raised arrives as the object it was; traps keep their frames."""
    code = """
    class Error(Exception): pass
    class Base(BaseException): pass
    m = load('''(module (import "h" "f" (func $f (param i32 externref) (result externref))) (memory 1)
      (func (export "go") (param i32 externref) (result externref) (call $f (local.get 0) (local.get 1)))
      (func (export "trap") unreachable)
      (func (export "fault") (drop (i32.load (i32.const -1)))))''', {"h": {"f": lambda n, x: f(n, x)}})
    def f(n, x):
        if n > 0:
            return m.go(n - 1, x)
        if isinstance(x, BaseException):
            raise x
        return m[x]() if isinstance(x, str) else x

    errors = [Error("x"), Base("y"), KeyboardInterrupt(), SystemExit(3), RecursionError("z"), GeneratorExit(),
              StopIteration(5), MemoryError(), Error]
    for error in errors:
        for depth in (0, 1, 2, 5, 50):
            try:
                m.go(depth, error if isinstance(error, BaseException) else error())
            except BaseException as got:
                assert got is error or type(got) is error, got
                assert got.__context__ is None and got.__cause__ is None
            else:
                print("nothing raised")
            thing = object()
            assert m.go(depth, thing) is thing
    for name in ("trap", "fault"):
        for depth in (0, 1, 50):
            try:
                m.go(depth, name)
            except wasmpy.Trap as trap:
                print(trap, trap.frames[0][1], trap.__context__)
    try:
        try:
            m.trap()
        except wasmpy.Trap as first:
            m.go(3, errors[0])
    except Error as second:
        print(repr(second.__context__))
    """
    done = python(code, mode=mode)
    expected = (
        "unreachable trap None\n" * 3 + "out of bounds memory access fault None\n" * 3 + "Trap('unreachable')\n"
    )
    assert (done.stdout, done.stderr) == (expected, "")


@modes
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("unreachable", "Trap: unreachable"),
        ("(drop (i32.load (i32.const -1)))", OUT_OF_BOUNDS),
        ("(call $f)", "Error: boo"),
        ("(call $start)", EXHAUSTED),
        ("(i32.store8 (i32.const 5) (i32.const 9)) (call $f)", "Error: boo"),
    ],
)
def test_start_functions(python: Run, mode: str, body: str, message: str) -> None:
    code = f"""
    class Error(Exception): pass
    def f():
        raise Error("boo")
    memory = wasmpy.Memory(1)
    text = '''(module (import "h" "f" (func $f)) (import "h" "m" (memory 1)) (func $start {body}) (start $start))'''
    for _ in range(3):
        print(outcome(load, text, {{"h": {{"f": f, "m": memory}}}}))
    other = text.replace("(start $start)", '(export "f" (func 0))')
    print(memory[5], "f" in load(other, {{"h": {{"f": f, "m": memory}}}}))
    """
    done = python(code, mode=mode)
    written = 9 if "store8" in body else 0
    assert (done.stdout, done.stderr) == (f"{message}\n" * 3 + f"{written} True\n", "")


# --- stacks ---------------------------------------------------------------------------------------------------

RECURSIONS = """
    python = lambda n: m.python(n)
    m = load('''(module (import "h" "f" (func $f (param i32) (result i32)))
      (memory 1)
      (type $t (func (param i32) (result i32)))
      (table 6 funcref) (elem (i32.const 1) $indirect)
      (func $direct (export "direct") (param i32) (result i32) (i32.add (i32.const 1) (call $direct (local.get 0))))
      (func $indirect (export "indirect") (param i32) (result i32)
        (i32.add (i32.const 1) (call_indirect (type $t) (local.get 0) (i32.const 1))))
      (func $mutual (export "mutual") (param i32) (result i32) (i32.add (i32.const 1) (call $other (local.get 0))))
      (func $other (param i32) (result i32) (i32.sub (call $mutual (local.get 0)) (i32.const 1)))
      (func (export "python") (param i32) (result i32) (i32.add (call $f (local.get 0)) (i32.const 1)))
      (func $floats (export "floats") (param i32) (result i32)
        (i32.trunc_sat_f64_s (f64.add (f64.const 1) (call $more (f64.convert_i32_s (local.get 0))))))
      (func $more (param f64) (result f64) (f64.convert_i32_s (call $floats (i32.trunc_sat_f64_s (local.get 0)))))
      (func $many (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64 i64 i64 i64 i64 i64 i64 i64 i64)
        (call $many (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5) (local.get 6)
          (local.get 7) (local.get 8) (local.get 9) (local.get 10) (local.get 11)))
      (func (export "arguments") (param i32) (result i32)
        (call $many (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)
          (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0))
        (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (i32.wrap_i64))
      (func $tail (export "tail") (param i32) (result i32)
        (if (result i32) (local.get 0)
          (then (return_call $tail2 (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 7))))
      (func $tail2 (param i32) (result i32) (return_call $tail (local.get 0)))
      (func (export "fine") (result i32) (i32.load (i32.const 0))))''', {"h": {"f": python}})
    table = wasmpy.Table("funcref", 2)
    cross = [load('''(module (import "h" "t" (table $t 2 funcref)) (type $s (func (param i32) (result i32)))
      (memory 1)
      (func (export "f") (param i32) (result i32)
        (i32.add (i32.load8_u (i32.const 0)) (call_indirect (type $s) (local.get 0) (i32.const %d)))))''' % other,
      {"h": {"t": table}}) for other in (1, 0)]
    table[0], table[1] = cross[0].f, cross[1].f
    gc.disable()  # callbacks of the collector complain when they cannot be called
    endless = [m[name] for name in ("direct", "indirect", "mutual", "python", "floats", "arguments")] + [cross[0].f]
"""


@modes
def test_recursion_without_end(python: Run, mode: str) -> None:
    """On every stack: direct, mutual, indirect, across instances, through Python; tail calls take none."""
    code = f"""{RECURSIONS}
    def work():
        for f in endless:
            for _ in range(2):
                try:
                    f(1)
                except RecursionError:
                    pass
                else:
                    print("no end")
            failures = outcome(m.fine)
            if failures != 0 and "too little stack" not in failures:
                print(failures)
        tail = outcome(m.tail, 1_000_001)
        print("fine" if tail == 7 or "too little stack" in tail else tail)
    work()
    for kilobytes in (32 if sys.version_info < (3, 14) else 64, 64, 128, 200, 256, 512, 1024, 65536):
        threading.stack_size(kilobytes * 1024)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    """
    done = python(code, mode=mode)
    assert (done.returncode, done.stdout, done.stderr) == (0, "fine\n" * 9, "")


def big_frames(count: int, operands: int) -> str:
    """A function in whose frame so many numbers live across a call of itself: in locals, and on the operand stack."""
    numbers = range(1, count + 1)
    pushes = "\n".join(f"(i64.xor (local.get {i % count + 1}) (i64.const {2 * i + 1}))" for i in range(operands))
    pops = "\n".join(
        "local.set $x (local.set $s (i64.add (i64.mul (local.get $s) (i64.const 3)) (local.get $x)))"
        for _ in range(operands)
    )
    sets = "\n".join(f"(local.set {i} (i64.add (i64.extend_i32_s (local.get 0)) (i64.const {i})))" for i in numbers)
    sums = "\n".join(
        f"(local.set $s (i64.add (i64.mul (local.get $s) (i64.const 3)) (local.get {i})))" for i in numbers
    )
    return f"""(module (func $big (export "big") (param i32) (result i64)
      (local {"i64 " * count}) (local $s i64) (local $x i64)
      {sets}
      {pushes}
      (if (i32.gt_s (local.get 0) (i32.const 0))
        (then (local.set $s (call $big (i32.sub (local.get 0) (i32.const 1))))))
      {pops}
      {sums}
      (local.get $s)))"""


@pytest.mark.parametrize(
    ("count", "operands", "fits"),
    [(2_000, 0, (512, 8192)), (49_000, 0, (1024, 8192)), (49_000, 53_000, (4096, 16384))],
)
def test_large_frames(python: Run, tmp_path: Path, count: int, operands: int, fits: tuple[int, int]) -> None:
    """Of 16, 400 and 800 KB."""
    (tmp_path / "big.wat").write_text(big_frames(count, operands))
    code = f"""
    m = load(open("big.wat").read())
    def expected(depth):
        s = expected(depth - 1) if depth > 0 else 0
        for i in reversed(range({operands})):
            s = s * 3 + (depth + i % {count} + 1 ^ 2 * i + 1) & 2**64 - 1
        for i in range(1, {count} + 1):
            s = s * 3 + depth + i & 2**64 - 1
        return s
    answers = [expected(depth) for depth in range(2)]
    def work(kilobytes):
        got = [outcome(m.big, depth) for depth in (0, 1, 10**6)]
        right = [x & 2**64 - 1 == y for x, y in zip(got, answers) if isinstance(x, int)]
        print(kilobytes, right, {{x for x in got if isinstance(x, str)}})
    for kilobytes in (64, *{fits}):
        threading.stack_size(kilobytes * 1024)
        thread = threading.Thread(target=work, args=(kilobytes,))
        thread.start()
        thread.join()
    """
    done = python(code)
    lines = [
        "64 [] {'RecursionError: too little stack left for WebAssembly code'}",
        *(f"{size} [True, True] {{'{EXHAUSTED}'}}" for size in fits),
    ]
    assert (done.stdout.splitlines(), done.stderr) == (lines, "")


@pytest.mark.parametrize(
    ("limit", "deepest"),
    [(1 << 20, 0), (8 << 20, 100_000), (256 << 20, 3_000_000), (resource.RLIM_INFINITY, 1_000_000)],
)
def test_main_stack(python: Run, limit: int, deepest: int) -> None:
    """As deep as the resource limit allows; where there is none, not into all of the machine's memory."""
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    if hard not in (resource.RLIM_INFINITY, limit) and (limit == resource.RLIM_INFINITY or limit > hard):
        pytest.skip(f"the hard limit of the stack is {hard}")
    code = f"""
    m = load('''(module (func $deep (export "deep") (param i32) (result i32)
      (if (result i32) (local.get 0)
        (then (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1)))))
        (else (i32.const 0)))))''')
    print(outcome(m.deep, {deepest}), outcome(m.deep, 2**31 - 1))
    """
    done = python(code, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_STACK, (limit, hard)))
    assert (done.returncode, done.stdout) == (0, f"{deepest} {EXHAUSTED}\n")


def test_python_code_that_is_called_has_stack(run: Callable[[dict[str, str], str], str]) -> None:
    """Wherever wasm code calls it from, Python code can reach its own limits, not the end of the stack."""
    code = """
    import copy, json, pickle, re, sys, threading, wasmpy
    nested = []
    for _ in range(900):
        nested = [nested]
    class C:
        def __init__(self, depth): self.depth = depth
        def __call__(self, depth): return 0 if depth == 0 else C(0)(depth - 1)
        def __repr__(self): return "x" if self.depth == 0 else repr(C(self.depth - 1))
        def __getattr__(self, name): return getattr(C(self.depth - 1), name) if self.depth else 0
        def __add__(self, other): return 0 if self.depth == 0 else C(self.depth - 1) + other
    jobs = [
        lambda: repr(nested), lambda: json.dumps(nested), lambda: pickle.dumps(nested), lambda: copy.deepcopy(nested),
        lambda: C(0)(900), lambda: repr(C(900)), lambda: C(900).name, lambda: C(900) + 1,
        lambda: eval("-" * 5000 + "1"), lambda: re.compile("(" * 90 + ")" * 90),
    ]
    calls = []
    def f():
        for job in jobs:
            try:
                job()
            except (RecursionError, MemoryError):  # the latter from parsers
                pass
        calls.append(1)
    m = wasmpy.load(b'''(module (import "h" "f" (func $f))
      (global $from (export "from") (mut i32) (i32.const 0)) (global $now (export "now") (mut i32) (i32.const 0))
      (func $r (export "recur") (param i32) (result i32)
        (global.set $now (local.get 0))
        (if (i32.gt_u (local.get 0) (global.get $from)) (then (call $f)))
        (i32.add (i32.const 1) (call $r (i32.add (local.get 0) (i32.const 1))))))''', {"h": {"f": f}})
    def work():
        def deepest():
            try:
                m.recur(0)
            except RecursionError:
                return m.now
        m["from"] = 2**31 - 1
        end = deepest()
        m["from"] = end // 4
        before = len(calls)
        jobs[:], kept = [], jobs[:]
        last = deepest()
        jobs[:] = kept
        m["from"] = last - 2
        before = len(calls)
        deepest()
        print(end * 0.45 < last < end * 0.55, len(calls) > before)
    work()
    threading.stack_size(2 * 1024 * 1024)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    """
    assert run({}, code) == "True True\n" * 2


# --- other people's crashes -----------------------------------------------------------------------------------

CRASHES = """
    import ctypes, time
    text = '''(module (import "h" "f" (func $f (param i32) (result i32))) (memory (export "m") 1)
      (func $inner (param i32) (result i32) (i32.add (call $f (local.get 0)) (i32.const 1)))
      (func (export "go") (param i32) (result i32) (i32.add (call $inner (local.get 0)) (i32.const 1)))
      (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))'''
    def crash(kind):
        ways[kind]()
        return 0
    imports = {"h": {"f": crash}}
    ways = [
        lambda: ctypes.string_at(8),
        lambda: ctypes.memset(base + 100_000, 1, 1),  # in the reservation, but not by our code
        lambda: [os.kill(os.getpid(), signal.SIGSEGV), time.sleep(60)],  # may be delivered to another thread
        lambda: signal.raise_signal(signal.SIGSEGV),
        lambda: signal.pthread_kill(threading.get_ident(), signal.SIGSEGV),
        lambda: [os.kill(os.getpid(), signal.SIGBUS), time.sleep(60)],
        lambda: signal.raise_signal(signal.SIGBUS),
        lambda: os.abort(),
    ]
"""
# When faulthandler is enabled: before the image is opened, after, between two images …
OPEN, OTHER = "m = load(text, imports)", "load(text.replace('inner', 'i'), imports)"
ON, OFF = "faulthandler.enable()", "faulthandler.disable()"
UNNOTICED = "faulthandler.enable.__wrapped__()"  # as who took the function before wasmpy was imported
ORDERS = {
    "never": (OPEN,),
    "before": (ON, OPEN),
    "after": (OPEN, ON),
    "unnoticed": (OPEN, UNNOTICED),
    "between": (OPEN, UNNOTICED, OTHER),
    "off again": (OPEN, ON, OTHER, OFF),
    "off": (ON, OPEN, OFF),
    "off and on": (ON, OPEN, OFF, ON, OTHER),
}
SIGNALS = [signal.SIGSEGV] * 5 + [signal.SIGBUS] * 2 + [signal.SIGABRT]


@pytest.mark.parametrize("order", ORDERS)
def test_crashes_of_others(python: Run, order: str) -> None:
    """Die by their own signal with faulthandler's dump: as such, in a callback below wasm frames, in a thread; after
    traps, of which the first costs a dump if faulthandler was enabled later without our noticing."""
    code = f"""{CRASHES}
    {"; ".join(ORDERS[order])}
    base = ctypes.c_uint64.from_address(m.m._address()).value
    def child(kind, how):
        # Forks inherit everything: handlers, and whether there were traps.
        pid = os.fork()
        if pid == 0:
            if how == "plain":
                ways[kind]()
            elif how == "callback":
                m.go(kind)
            else:
                thread = threading.Thread(target=m.go, args=(kind,))
                thread.start()
                thread.join()
            os._exit(0)
        status = os.waitpid(pid, 0)[1]
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else f"exit {{os.WEXITSTATUS(status)}}"
    def all_ways():
        for kind in range(len(ways)):
            for how in ("plain", "callback", "thread"):
                print(kind, how, child(kind, how), file=sys.stderr, flush=True)
    all_ways()
    print("traps", outcome(m.load, -1), outcome(m.load, 0), file=sys.stderr, flush=True)
    all_ways()
    """
    done = python(code)
    assert done.returncode == 0, done.stderr
    dumps = 0
    ended = []
    trapped = False
    for line in done.stderr.splitlines():
        words = line.split()
        if line.startswith("Fatal Python error"):
            dumps += 1
        elif line.startswith("traps"):
            assert line == f"traps {OUT_OF_BOUNDS} 0"
            assert dumps == (1 if order == "unnoticed" else 0)
            dumps, trapped = 0, True
        elif len(words) == 3 and words[1] in ("plain", "callback", "thread"):
            expected = SIGNALS[int(words[0])]
            assert words[2] == str(int(expected)), (line, trapped)
            if order in ("never", "off again", "off"):
                assert dumps == 0, line
            elif not (order == "unnoticed" and trapped and expected == signal.SIGSEGV):
                assert dumps == 1, (line, trapped)
            dumps = 0
            ended.append(line)
    assert len(ended) == 2 * 3 * len(SIGNALS)


@pytest.mark.parametrize("order", ["before", "after", "on top again"])
def test_faults_that_others_handle_again_and_again(python: Run, order: str) -> None:
    """The same one, as often as it comes: whoever handles it goes on elsewhere, or changes a register or memory."""
    pytest.importorskip("wasmtime")
    code = (
        """
    def others():
        import wasmtime
        text = '(module (memory 1) (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))'
        store = wasmtime.Store()
        f = wasmtime.Instance(store, wasmtime.Module(store.engine, text), []).exports(store)["load"]
        def trap():
            try:
                f(store, 70000)
            except wasmtime.Trap:
                return True
        return trap
    def ours():
        return load('(module (memory 1) (func (export "f") (drop (i32.load (i32.const -1)))))').f
    """
        + {
            "before": "trap, f = others(), ours()",
            "after": "f = ours(); trap = others()",
            "on top again": "f = ours(); trap = others(); trap(); signal.signal(signal.SIGUSR1, lambda *_: None)",
        }[order]
        + """
    for i in range(500):
        assert trap()
        if i % 50 == 0:
            assert "out of bounds" in outcome(f)
    print("fine")
    """
    )
    done = python(code)
    assert (done.returncode, done.stdout) == (0, "fine\n"), done.stderr


def test_a_handler_of_python_code(python: Run) -> None:
    """One for SIGSEGV sees signals that are sent, as often as they are; no traps."""
    code = """
    signal.signal(signal.SIGSEGV, lambda *_: got.append(1))
    got = []
    m = load('(module (memory 1) (func (export "f") (drop (i32.load (i32.const -1)))))')
    for _ in range(200):
        assert "out of bounds" in outcome(m.f)
        signal.raise_signal(signal.SIGSEGV)
        os.kill(os.getpid(), signal.SIGSEGV)
    print(len(got))
    """
    done = python(code)
    assert (done.returncode, done.stdout) == (0, "400\n")


def test_pytest_in_development_mode(python: Run, tmp_path: Path, cache: Path) -> None:
    """-X dev and pytest enable faulthandler; the image is opened before, or after, or by the test itself."""
    (tmp_path / "traps.wat").write_text('(module (memory 1) (func (export "f") (drop (i32.load (i32.const -1)))))')
    (tmp_path / "conftest.py").write_text("import wasmpy, traps as early\n")
    (tmp_path / "test_them.py").write_text(
        textwrap.dedent("""
        import faulthandler, pytest, traps, wasmpy
        def test_first():
            assert faulthandler.is_enabled()
            for _ in range(3):
                with pytest.raises(IndexError):
                    traps.f()
        def test_again():
            late = wasmpy.load(b'(module (memory 1) (func (export "g") (i32.store (i32.const -1) (i32.const 1))))')
            with pytest.raises(wasmpy.Trap):
                late.g()
            with pytest.raises(wasmpy.Trap):
                traps.f()
        """)
    )
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "ignore", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        env={**os.environ, **environment(cache)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    assert "Fatal Python error" not in done.stdout + done.stderr


@modes
@pytest.mark.parametrize("order", ["before", "after", "between"])
def test_beside_wasmtime(python: Run, order: str, mode: str) -> None:
    """Both handle SIGSEGV, and hand on what is not theirs."""
    if find_spec("wasmtime") is None:
        pytest.skip("wasmtime is not installed")
    code = f"""
    TEXT = '(module (memory 1) (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))'
    def ours():
        return load(TEXT)
    def theirs():
        import wasmtime
        store = wasmtime.Store()
        instance = wasmtime.Instance(store, wasmtime.Module(store.engine, TEXT), [])
        f = instance.exports(store)["load"]
        def call(at):
            try:
                return f(store, at)
            except wasmtime.Trap as trap:
                return "theirs" if "out of bounds" in str(trap) else str(trap)
        return call
    order = {order!r}
    first = ours() if order != "before" else None
    other = theirs()
    last = ours() if order != "after" else first
    for _ in range(3):
        for m in (first or last, last):
            print(outcome(m.load, 70000), other(70000), outcome(m.load, 0), other(0))
    def in_thread():
        print(outcome(last.load, 70000), other(70000))
    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
    sys.stdout.flush()
    import ctypes
    ctypes.string_at(8)
    """
    done = python(code, mode=mode)
    lines = [f"{OUT_OF_BOUNDS} theirs 0 0"] * 6 + [f"{OUT_OF_BOUNDS} theirs"]
    assert (done.stdout.splitlines(), done.returncode) == (lines, -signal.SIGSEGV), done.stderr


def test_call_frames(python: Run) -> None:
    """What debuggers are told of frames is what the code does until its first call."""
    capstone = pytest.importorskip("capstone")
    elffile = pytest.importorskip("elftools.elf.elffile")
    callframe = pytest.importorskip("elftools.dwarf.callframe")
    registers = {3: "rbx", 6: "rbp", 12: "r12", 13: "r13", 14: "r14", 15: "r15"}
    code = """
    from wasmpy import _cache
    text = '''(module (import "h" "f" (func $f (param i64 f64) (result externref)))
      (memory 1)
      (func $many (export "many") (param i64 f64) (result f64) (local i64 f64)
        (local.set 2 (i64.add (local.get 0) (i64.const 1)))
        (drop (call $f (local.get 0) (local.get 1))) (drop (call $f (local.get 2) (local.get 1)))
        (f64.add (local.get 1) (f64.convert_i64_s (i64.mul (local.get 0) (local.get 2))))))'''
    print(_cache.locate(wasmpy.compile(text.encode())._build))
    """
    done = python(code)
    disassembler = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    compared = 0
    with open(done.stdout.strip(), "rb") as file:
        elf = elffile.ELFFile(file)
        (frames,) = (e for e in elf.get_dwarf_info().CFI_entries() if isinstance(e, callframe.FDE))
        rows = frames.get_decoded().table
        text = elf.get_section_by_name(".text")
        start, data = text["sh_addr"], text.data()
        assert (frames["initial_location"], frames["address_range"]) == (start, len(data))
        for symbol in elf.get_section_by_name(".symtab").iter_symbols():
            at, size = symbol["st_value"], symbol["st_size"]
            if symbol["st_info"]["type"] != "STT_FUNC" or not size:
                continue
            depth, saved = 8, {}
            for place, _, name, operand in disassembler.disasm_lite(data[at - start : at - start + size], at):
                if name == "push":
                    depth += 8
                    saved[operand] = -depth
                elif name == "sub" and operand.startswith("rsp, "):
                    depth += int(operand[5:], 0)
                elif name.startswith(("call", "ret", "jmp")):
                    end = place
                    break
            if not name.startswith("call"):
                continue
            row = [r for r in rows if r["pc"] <= end][-1]
            assert row["cfa"].offset == depth, (symbol.name, hex(end))
            known = {registers[r]: rule.arg for r, rule in row.items() if r in registers and rule.type == "OFFSET"}
            assert known == {r: distance for r, distance in saved.items() if r in registers.values()}, symbol.name
            compared += 1
    assert compared > 50


GDB_SCRIPT = """
set pagination off
set confirm off
set breakpoint pending on
handle SIGSEGV nostop noprint pass
handle SIGUSR1 stop print nopass
run
backtrace
continue
"""


def test_under_gdb(python: Run, tmp_path: Path, cache: Path) -> None:
    """A backtrace shows wasm functions by their names; handled faults do not stop the program."""
    gdb = shutil.which("gdb")
    if gdb is None:
        pytest.skip("no gdb")
    (tmp_path / "script").write_text(GDB_SCRIPT)
    (tmp_path / "program.py").write_text(
        PRELUDE
        + textwrap.dedent("""
        m = load('''(module (import "h" "stop" (func $stop)) (memory 1)
          (func $the_inner_one (call $stop) (call $stop))
          (func (export "the outer one") (call $the_inner_one) (call $the_inner_one))
          (func (export "fault") (drop (i32.load (i32.const -1)))))''',
          {"h": {"stop": lambda: os.environ.pop("STOP", "") and os.kill(os.getpid(), signal.SIGUSR1)}})
        print(outcome(m.fault))
        m["the outer one"]()
        print(outcome(m.fault), "to the end", flush=True)
        """)
    )
    done = subprocess.run(
        [gdb, "-batch", "-nx", "-x", "script", "--args", sys.executable, "program.py"],
        env={**os.environ, **environment(cache), "MODE": "guarded", "STOP": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    shown = done.stdout
    if "SIGUSR1" not in shown:
        pytest.skip(f"gdb cannot run programs here: {done.stderr[-200:]}")
    inner, outer = shown.find("in the_inner_one"), shown.find("in the outer one")
    assert 0 < inner < outer, shown[-4000:] + done.stderr[-2000:]
    assert "?? ()" not in shown[inner:], "beyond the functions are those that called them"
    assert "Backtrace stopped" not in shown
    assert f"{OUT_OF_BOUNDS} to the end" in shown
    assert "exited normally" in shown
