"""The specification's own suites, through real images: every action runs as native code in this process.

The scripts are not part of the project: ``../shared/spec``, or where ``WASMPY_SPEC`` points.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import environment
from suites import SPEC

# Commands of each suite, from its counts: a runner that lost some would not be noticed otherwise.
SUITES = [("1.0", "1.0", 19270), ("2.0", "2.0", 28018)]

INSTRUCTIONS = Path(__file__).resolve().parents[1] / "compiler" / "wasm" / "instructions.ts"
# What is missing besides instructions.
FEATURES = {"tag", "v128"}


def scripts(folder: Path) -> list[str]:
    """The scripts of a suite; those of 2.0's simd folder wait for SIMD."""
    return sorted(str(path) for path in folder.rglob("*.wast") if "simd" not in path.parts)


@pytest.mark.skipif(not SPEC.is_dir(), reason=f"the specification's suites are not at {SPEC}")
@pytest.mark.parametrize(("features", "folder", "count"), SUITES)
def test_suite(features, folder, count, cache):
    command = [sys.executable, "-m", "wasmpy", "wast", "--features", features, *scripts(SPEC / folder)]
    done = subprocess.run(
        command, env={**os.environ, **environment(cache)}, capture_output=True, text=True, check=False
    )
    last = done.stdout.rstrip().rpartition("\n")[2]
    assert re.fullmatch(rf"{count} passed, 0 failed, 0 skipped", last), done.stdout[-3000:] + done.stderr[-3000:]


@pytest.mark.skipif(not SPEC.is_dir(), reason=f"the specification's suites are not at {SPEC}")
@pytest.mark.parametrize(("features", "folder"), [("2.0", "2.0/simd"), ("3.0", "3.0")])
def test_suite_with_gaps(features, folder, cache):
    """Nothing fails, and whatever is skipped is so for want of an instruction or feature that it names."""
    command = [sys.executable, "-m", "wasmpy", "wast", "-v", "--features", features, str(SPEC / folder)]
    done = subprocess.run(
        command, env={**os.environ, **environment(cache)}, capture_output=True, text=True, check=False
    )
    *skips, last = done.stdout.splitlines()
    assert re.fullmatch(rf"\d+ passed, 0 failed, {len(skips)} skipped", last), (
        done.stdout[-3000:] + done.stderr[-3000:]
    )
    known = set(re.findall(r'^  i\("([^"]+)"', INSTRUCTIONS.read_text(), re.MULTILINE))
    for line in skips:
        reason = re.search(r": (instruction|feature) not supported yet: (\S+) .*\(skipped\)$", line)
        assert reason is not None, line
        assert reason[2] in (known if reason[1] == "instruction" else FEATURES), line


def test_the_runner_can_fail(tmp_path, cache):
    script = tmp_path / "wrong.wast"
    script.write_text("""
        (module
          (func (export "one") (result i32) (i32.const 1))
          (func (export "same") (param f32) (result f32) (local.get 0))
          (func (export "trap") (unreachable)))
        (assert_return (invoke "one") (i32.const 2))
        (assert_return (invoke "same" (f32.const nan:0x200001)) (f32.const nan:0x200002))
        (assert_return (invoke "same" (f32.const nan:0x200001)) (f32.const nan:0x200001))
        (assert_trap (invoke "trap") "integer overflow")
        (assert_trap (invoke "one") "unreachable")
        (assert_exhaustion (invoke "trap") "call stack exhausted")
        (assert_malformed (module quote "(func)") "unexpected token")
        (assert_invalid (module (func)) "type mismatch")
        (assert_unlinkable (module) "unknown import")
    """)
    done = subprocess.run(
        [sys.executable, "-m", "wasmpy", "wast", str(script)],
        env={**os.environ, **environment(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.endswith("2 passed, 8 failed, 0 skipped\n"), done.stdout


def test_scripts_that_cannot_be_read(tmp_path, cache):
    """What is no command, or needs a proposal, is said with its line; all else is run."""
    script = tmp_path / "strange.wast"
    script.write_text("""(module (func (export "f") (result i32) (i32.const 1)))
        (assert_return (invoke "f") (tuple.make (i32.const 1)))
        (component)
        (assert_return (invoke "f") (ref.i31_shared))
        (module definition (memory 1 1 shared))
        (assert_invalid (module (func (atomic.fence))) "threads are not of 3.0")
        (nonsense (1 2 "a")) stray
        (assert_return (invoke "f") (i32.const 1))""")
    (tmp_path / "torn.wast").write_text("(module")
    (tmp_path / "bytes.wast").write_bytes(b"\xff\0")
    done = subprocess.run(
        [sys.executable, "-m", "wasmpy", "wast", "-v", "missing.wast", "bytes.wast", "torn.wast", "strange.wast"],
        env={**os.environ, **environment(cache)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == ""
    *lines, last = done.stdout.splitlines()
    assert last == "3 passed, 6 failed, 3 skipped"
    for text in (
        "missing.wast: [Errno 2]",
        "bytes.wast:1: unreadable: malformed UTF-8 encoding",
        "torn.wast:1: unreadable: unexpected token: unclosed parenthesis",
        "strange.wast:2: unreadable: unknown operator: tuple.make",
        "strange.wast:7: unreadable: unknown operator: nonsense",
        "strange.wast:7: unreadable: unknown operator: stray",
        "strange.wast:3: unreadable: not supported yet: this is a component",
        'strange.wast:4: unreadable: not supported yet: instruction "ref.i31_shared"',
        'strange.wast:5: definition: not supported yet: memory type "shared" of the proposal "threads"',
    ):
        assert any(line.startswith(text) for line in lines), (text, done.stdout)
