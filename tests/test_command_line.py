"""The command line: what it says, where it ends, and how it fails."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from conftest import environment

TEXT = """(module
  (import "env" "log" (func $log (param i32)))
  (func $fibonacci (export "fib") (param i32) (result i32) (i32.const 1))
  (func $factorial (export "fact") (param i32) (result i32) (i32.const 1)))
"""


@pytest.fixture
def wasmpy(tmp_path, cache):
    """wasmpy(arguments…): runs the command beside m.wat."""
    (tmp_path / "m.wat").write_text(TEXT)

    def run(*arguments, **options):
        return subprocess.run(
            [sys.executable, "-m", "wasmpy", *arguments],
            cwd=tmp_path,
            env={**os.environ, **environment(cache)},
            capture_output=True,
            check=False,
            timeout=100,
            **options,
        )

    return run


@pytest.mark.parametrize("command", [["inspect", "m.wat"], ["inspect", "m.wat", "--asm"], ["--help"], ["doctor"]])
@pytest.mark.parametrize("streams", ["1", "1 2", "unbuffered"])
def test_into_a_pipe_that_nobody_reads(tmp_path, cache, command, streams):
    """Silently: also what is written only at exit."""
    (tmp_path / "m.wat").write_text(TEXT)
    reads, writes = os.pipe()
    os.close(reads)
    done = subprocess.run(
        [sys.executable, *(["-u"] if streams == "unbuffered" else []), "-m", "wasmpy", *command],
        cwd=tmp_path,
        env={**os.environ, **environment(cache), "PYTHONUNBUFFERED": ""},
        stdout=writes,
        stderr=writes if streams == "1 2" else subprocess.PIPE,
        check=False,
        timeout=100,
    )
    os.close(writes)
    assert not done.stderr
    assert done.returncode in (0, 141), done.returncode


def test_a_function_that_is_not_there(wasmpy):
    done = wasmpy("inspect", "m.wat", "--ir", "--function", "fibonaci", text=True)
    assert (done.returncode, done.stdout) == (1, "")
    expected = "wasmpy: no function of its own has a name with 'fibonaci' in it; there are fibonacci, and 1 more\n"
    assert done.stderr == expected
    done = wasmpy("inspect", "m.wat", "--asm", "--function", "zzz", text=True)
    assert done.stderr.endswith("there are fibonacci, factorial\n")
    assert wasmpy("inspect", "m.wat", "--asm", "--function", "fib").returncode == 0
    done = wasmpy("inspect", "m.wat", "--function", "fib", text=True)
    assert "--function goes with --ir, --opt, --code or --asm" in done.stderr
    assert wasmpy("inspect", "m.wat", "--wat", "--function", "fib").returncode == 1


def test_the_standard_input(wasmpy, tmp_path):
    for file in ("m.wat", "n.wasm"):
        source = TEXT.encode() if file == "m.wat" else b"\0asm\1\0\0\0"
        (tmp_path / file).write_bytes(source)
        for options in ([], ["--wat"], ["--json"]):
            piped = wasmpy("inspect", "-", *options, input=source)
            named = wasmpy("inspect", file, *options)
            assert piped.returncode == 0, piped.stderr
            ignored = (b"compiled:", b'  "image')
            lines = [line for line in piped.stdout.splitlines() if not line.startswith(ignored)]
            expected = [line for line in named.stdout.splitlines() if not line.startswith(ignored)]
            assert lines == [line.replace(file.encode(), b"<stdin>") for line in expected]


def test_errors_of_text(wasmpy, tmp_path):
    (tmp_path / "bad.wat").write_text('(module\n\t(func (export "é") (result i32)\n\t\t(i32.addd)))')
    for command in (["inspect", "bad.wat"], ["compile", "bad.wat"]):
        done = wasmpy(*command, text=True)
        assert done.returncode == 1
        first, *shown = done.stderr.removeprefix("wasmpy: ").splitlines()
        assert first.startswith("bad.wat:3:4: unknown operator")
        assert shown == ["    \t\t(i32.addd)))", "    \t\t ^^^^^^^^"]
    done = wasmpy("inspect", "-", input="(module (func", text=True)
    assert done.stderr.startswith("wasmpy: <stdin>:1:")
    (tmp_path / "bad.wasm").write_bytes(b"\0asm\1\0\0\0\7")
    done = wasmpy("inspect", "bad.wasm", text=True)
    assert len(done.stderr.splitlines()) == 1
    assert "byte 0x" in done.stderr


def test_numbers(wasmpy, tmp_path):
    (tmp_path / "one.wat").write_text("(module (func))")
    assert b" 1 function of its own" in wasmpy("inspect", "one.wat").stdout
    assert b" 2 functions of its own" in wasmpy("inspect", "m.wat").stdout


@pytest.mark.parametrize("command", [[], ["inspect"], ["compile"], ["cache"], ["doctor"], ["wast"]])
def test_help(wasmpy, command):
    """Each says what it is for, and what every argument means."""
    done = wasmpy(*command, "--help", text=True)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    begin = next(i for i, line in enumerate(lines) if line in ("positional arguments:", "options:"))
    assert lines[begin - 2].endswith("."), done.stdout
    for line, after in zip(lines[begin:], [*lines[begin + 1 :], ""], strict=True):
        if line.startswith("  ") and not line.startswith("    ") and len(line.split()) == 1 and command:
            assert after.startswith("     "), f"no help for {line.strip()}"
