"""Machine code that mach/emit.ts made of Code written by hand, run on this machine."""

from __future__ import annotations

import ctypes
import json
import mmap
import platform
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

COMPILER = Path(__file__).parent.parent / "compiler"

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64" or not sys.platform.startswith("linux"), reason="runs x86-64 code"
)

# offsets in the context and in the instance: compiler/abi/layout.ts
LAYOUT = """
import * as l from "./abi/layout.ts";
process.stdout.write(JSON.stringify({ ...l }, (k, v) => (typeof v === "function" ? undefined : v)));
"""
LIMIT_REACHED = (1 << 64) - 1


def run_node(*arguments: str) -> bytes:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node")
    return subprocess.run([node, *arguments], cwd=COMPILER, check=True, capture_output=True).stdout


class Machine:
    def __init__(self) -> None:
        run_node("tools/gen.ts")
        self.layout = json.loads(run_node("--input-type=module-typescript", "-e", LAYOUT))
        made = json.loads(run_node("tests/emitted.ts"))
        self.cases = made["cases"]
        self.entries = made["entries"]
        self.pcs = made["pcs"]
        code = bytes.fromhex(made["blob"])
        self.memory = mmap.mmap(-1, len(code), prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        self.memory.write(code)
        self.base = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        self.context = (ctypes.c_uint64 * 64)()
        self.breaker = ctypes.c_uint8()
        self.vmctx = (ctypes.c_uint64 * 8)()
        self.vmctx[self.layout["VMCTX_CONTEXT"]["offset"] // 8] = ctypes.addressof(self.context)
        self.set("CONTEXT_BREAKER", ctypes.addressof(self.breaker))

    def call(self, entry: str, *arguments: int | float) -> int:
        types = [ctypes.c_double if isinstance(a, float) else ctypes.c_uint64 for a in arguments]
        function = ctypes.CFUNCTYPE(ctypes.c_uint64, *types)(self.base + self.entries[entry])
        return function(*arguments)

    def cell(self, name: str) -> int:
        return self.context[self.layout[name]["offset"] // 8]

    def set(self, name: str, value: int) -> None:
        self.context[self.layout[name]["offset"] // 8] = value

    def guarded(self, name: str, argument: int, limit: int = 0, later: int = 0, *, asked: int = 0) -> int:
        """Calls with a stack limit, the one that the slow path puts in its place, and what the breaker is."""
        ctypes.memset(self.context, 0, ctypes.sizeof(self.context))
        self.set("CONTEXT_LIMIT", limit)
        self.set("CONTEXT_PUT_OFF", later)
        self.breaker.value = asked
        self.set("CONTEXT_BREAKER", ctypes.addressof(self.breaker))
        return self.call(f"guard {name}", ctypes.addressof(self.vmctx), argument)

    def place(self) -> tuple[int, int, int]:
        """Function index, wasm offset and frame size of the latest trap or slow path."""
        pc = self.cell("CONTEXT_TRAP_PC") - self.base
        info = self.pcs["info"][self.pcs["site"].index(pc)]
        (row,) = [
            k
            for k, (start, end) in enumerate(zip(self.pcs["start"], self.pcs["end"], strict=True))
            if start <= pc < end
        ]
        return self.pcs["index"][row], info - 1, self.pcs["frame"][row]

    def check_frame(self) -> None:
        """The stack pointer at the site and the frame size lead to the caller's return address."""
        sp = self.cell("CONTEXT_TRAP_SP")
        assert sp % 16 == 0
        assert sp + self.place()[2] + 8 == self.cell("CONTEXT_ENTRY_SP")


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine()


def test_results(machine: Machine) -> None:
    assert len(machine.cases) > 150
    wrong = []
    for case in machine.cases:
        arguments = []
        for a in case["args"]:
            if a == "vmctx":
                arguments.append(ctypes.addressof(machine.vmctx))
            else:
                arguments.append(float(a) if isinstance(a, str) else a)
        found = machine.call(case["entry"], *arguments)
        if found != int(case["result"]):
            wrong.append((case["entry"], case["args"], found, case["result"]))
    assert wrong == []


def test_saved_registers(machine: Machine) -> None:
    vmctx = ctypes.addressof(machine.vmctx)
    assert machine.call("enter keeps", vmctx) == 15
    assert machine.call("enter is preserved", vmctx) == 127 + 15 * 64


@pytest.mark.parametrize(("name", "index"), [("trap leaf", 1), ("trap slots", 2), ("trap calls", 3)])
def test_traps(machine: Machine, name: str, index: int) -> None:
    assert machine.guarded(name, 41) == 42
    assert machine.guarded(name, 0) == 1000
    assert machine.cell("CONTEXT_TRAP_CODE") == 3
    assert machine.place()[:2] == (index, 77)
    machine.check_frame()


def test_trap_as_terminator(machine: Machine) -> None:
    assert machine.guarded("trap always", 0) == 1000
    assert machine.cell("CONTEXT_TRAP_CODE") == 9
    assert machine.place()[:2] == (4, 5)
    machine.check_frame()


def test_poll(machine: Machine) -> None:
    assert machine.guarded("poll", 10) == 55
    assert machine.cell("CONTEXT_REFS_COUNT") == 0
    for asked in 1, 8, 128, 255:
        assert machine.guarded("poll", 10, asked=asked) == 55
        assert machine.cell("CONTEXT_REFS_COUNT") == 1
    assert machine.place()[:2] == (5, 31)
    machine.check_frame()


@pytest.mark.parametrize(("name", "index"), [("small frame", 6), ("large frame", 7), ("huge frame", 8)])
def test_prologue(machine: Machine, name: str, index: int) -> None:
    assert machine.guarded(name, 21) == 42
    assert machine.cell("CONTEXT_REFS_COUNT") == 0
    # the slow path returns and the function runs
    for limit, asked in (LIMIT_REACHED, 0), (0, 1), (0, 128), (LIMIT_REACHED, 1):
        assert machine.guarded(name, 21, limit, asked=asked) == 42
        assert machine.cell("CONTEXT_REFS_COUNT") == 1
        assert machine.place()[:2] == (index, 12)
        machine.check_frame()


@pytest.mark.parametrize(("name", "index"), [("large frame", 7), ("huge frame", 8)])
def test_frame_too_large_for_the_stack(machine: Machine, name: str, index: int) -> None:
    machine.guarded(name, 21)
    sp = machine.cell("CONTEXT_ENTRY_SP")
    # (the stack pointer differs a little from call to call)
    assert machine.guarded(name, 21, sp - 2000, sp - 2000) == 1000
    assert machine.cell("CONTEXT_TRAP_CODE") == 9
    assert machine.place()[:2] == (index, 12)
    machine.check_frame()
    # so large that limit + size overflows
    high = (1 << 64) - 4096
    assert machine.guarded(name, 21, high, high) == 1000
    assert machine.guarded(name, 21, sp - (2 << 20), sp - (2 << 20)) == 42


def test_table_is_sorted(machine: Machine) -> None:
    pcs = machine.pcs
    assert pcs["site"] == sorted(set(pcs["site"]))
    edges = [edge for pair in zip(pcs["start"], pcs["end"], strict=True) for edge in pair]
    assert edges == sorted(edges)
    assert struct.calcsize("P") == 8
