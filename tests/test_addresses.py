"""The laws of addresses: tests/addresses finds nothing wrong, and does find what is planted.

    python tests/test_addresses.py [WORD]

plants all bugs, or those with the word; the default test run plants some of them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import oracle
import pytest

HERE = Path(__file__).resolve().parent
COMPILER = HERE.parent / "compiler"


def addresses(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HERE / "addresses" / "run.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


@pytest.mark.parametrize("mode", ["guarded", "checked"])
def test_addresses(mode: str) -> None:
    few = ["--settings", "2", "--calls", "8", "--random", "10"]
    done = addresses(*few, *(["--checked"] if mode == "checked" else []))
    assert done.returncode == 0, (done.returncode, done.stderr[:4000])


class Bug(NamedTuple):
    what: str
    file: str
    old: str
    new: str
    # The options and groups to find it with, and how it shows: a miss of the model's value or trap, or a crash.
    arguments: str = "widths"
    crashes: bool = False


BUGS = (
    Bug("offsets from 2^31 on are negative displacements", "isa/x64/lower.ts",
        "hi === 0 ? lo >>> 0 : hi",
        "hi === 0 ? lo : hi", crashes=True),
    Bug("displacements wrap", "isa/x64/lower.ts",
        "function fits(disp: f64): boolean {\n  return disp === (disp | 0);",
        "function fits(_: f64): boolean {\n  return true;", crashes=True),
    Bug("any shift scales", "opt/addresses.ts",
        "return bits >>> (32 - k) === 0 ? k : 0;",
        "return k;", "indices", crashes=True),
    Bug("sums with constants that may wrap go into offsets", "opt/addresses.ts",
        "(bits & c) !== 0 : (bits >>> 0) + c >= TWO32) break;",
        "(bits & c) !== 0 : false) break;", "indices"),
    Bug("an or is taken for a sum", "opt/addresses.ts",
        "(bits & c) !== 0 : (bits",
        "false : (bits", "indices"),
    Bug("known bits of a sum forget the carry", "opt/bits.ts",
        "return sum < TWO32 ? upTo(sum >>> 0) : -1;",
        "return a | b;", "indices"),
    Bug("the wrap of an i64 is nothing", "isa/x64/lower.rules",
        "(i32.wrap_i64 x) => (mov32 x)",
        "(i32.wrap_i64 x) => x", "indices", crashes=True),
    Bug("reservations end with the index space", "abi/layout.ts",
        "0x2_0000_0000 + 65536",
        "0x1_0000_0000", crashes=True),
    Bug("checks leave out the offset's carry", "lower/accesses.ts",
        "hi + (end > 0xffffffff ? 1 : 0)",
        "hi", "--checked widths", crashes=True),
    Bug("checks are one byte short", "lower/accesses.ts",
        "const end: f64 = (lo >>> 0) + size; // of",
        "const end: f64 = (lo >>> 0) + size - 1; // of", "--checked widths", crashes=True),
    Bug("i64 checks wrap", "opt/checks.ts",
        "this.trapIf(check, op.I64_LT_U, available, needed);",
        "", crashes=True),
    Bug("trampolines do not bring the base back", "python/imports.ts",
        "      c.op(op.SET_VMCTX, own);\n",
        "", "partners"),
    Bug("sizes of memories survive calls", "opt/effects.ts",
        "if ((flags & CALL) !== 0) bits |= this.shared;",
        "if ((flags & CALL) !== 0) bits |= 0;", "--checked growth"),
    Bug("bulk operations wrap", "runtime/memory.ts",
        "c.op(op.I64_LT_U, c.op(op.I64_SUB, size, count), at); // at",
        "c.op(op.I64_LT_U, size, c.op(op.I64_ADD, at, count)); // at", "bulk", crashes=True),
    Bug("small copies write the first piece first", "lower/pieces.ts",
        "for (let k = values.length - 1; k >= 0; k--) writing.store(writing.offsets[k], values[k]);",
        "for (let k = 0; k < values.length; k++) writing.store(writing.offsets[k], values[k]);", "bulk"),
    Bug("small fills are checked but for the last piece", "lower/pieces.ts",
        "addressIn(out, memory, index, 0, 0, n);",
        "addressIn(out, memory, index, 0, 0, n - (n % this.size));", "--checked bulk", crashes=True),
)  # fmt: skip
# The compiler's own check of addresses would be first to find some of them.
UNVERIFIED = (("backend.ts", "    this.verifySelection();\n", ""),)
DEFAULT = ("offsets from 2^31 on are negative displacements", "checks are one byte short")


def plant(bug: Bug, directory: Path) -> str:
    """ "" if the bug is found, and as it should be."""
    copy = directory / "compiler"
    shutil.copytree(COMPILER, copy, ignore=shutil.ignore_patterns("node_modules", "tests", "fuzz"))
    for file, old, new in ((bug.file, bug.old, bug.new), *UNVERIFIED):
        source = (copy / file).read_text()
        if source.count(old) != 1:
            return f"applies {source.count(old)} times"
        (copy / file).write_text(source.replace(old, new))
    made = subprocess.run([oracle.find_node(), "tools/gen.ts"], cwd=copy, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        return f"does not build: {made.stderr[-300:]}"
    done = addresses("--compiler", str(copy), *bug.arguments.split())
    if done.returncode == 0:
        return "not found"
    if "Traceback" in done.stderr:
        return f"an error, but no finding: {done.stderr[-1000:]}"
    return "" if (done.returncode < 0) == bug.crashes else f"found by {done.returncode}: {done.stderr[-300:]}"


@pytest.mark.parametrize("what", DEFAULT)
def test_planted(what: str, tmp_path: Path) -> None:
    if not (COMPILER / "main.ts").exists():
        pytest.skip("the compiler's sources are not here")
    (bug,) = (bug for bug in BUGS if bug.what == what)
    assert plant(bug, tmp_path) == ""


def main() -> int:
    missed = 0
    for bug in BUGS:
        if any(word not in bug.what for word in sys.argv[1:]):
            continue
        with tempfile.TemporaryDirectory() as directory:
            problem = plant(bug, Path(directory))
        missed += bool(problem)
        print(f"{bug.what}: {problem or 'found'}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
