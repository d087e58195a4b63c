"""Every snippet of the README runs as it stands. What its command makes of fast.c is kept in examples/first."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import environment

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
COMPILED = ROOT / "examples" / "first" / "fast.wasm"
FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_snippets(tmp_path, cache):
    sessions = []
    shutil.copy(COMPILED, tmp_path)
    for language, name, body in FENCE.findall(README.read_text()):
        if name:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(body)
        elif language == "pycon":
            sessions.append(body)
        else:
            assert language in ("sh", "text"), f"a snippet that no test runs: {language}"
    assert sessions
    for session in sessions:
        # Each session in a fresh interpreter, as a reader would start it.
        (tmp_path / "session.txt").write_text(session)
        code = (
            "import doctest, sys; sys.path.insert(0, '.');"
            "sys.exit(doctest.testfile('session.txt', module_relative=False).failed)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env={**os.environ, **environment(cache)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert doctest.DocTestParser().get_examples("\n".join(sessions))


@pytest.mark.skipif(find_spec("ziglang") is None, reason="needs the Zig tool chain: pip install ziglang==0.17.1")
def test_the_binary_is_what_the_command_makes(tmp_path):
    (command,) = re.findall(r"^python (-m ziglang cc .*)$", README.read_text(), re.MULTILINE)
    shutil.copy(COMPILED.with_suffix(".c"), tmp_path)
    subprocess.run([sys.executable, *command.split()], cwd=tmp_path, check=True)
    assert (tmp_path / "fast.wasm").read_bytes() == COMPILED.read_bytes()
