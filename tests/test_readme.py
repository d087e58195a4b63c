"""Every snippet of the README runs as it stands."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

from conftest import environment

README = Path(__file__).resolve().parent.parent / "README.md"
FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_snippets(tmp_path, cache):
    sessions = []
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
