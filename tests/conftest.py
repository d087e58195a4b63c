"""Shared fixtures. Tests that import WebAssembly run it in fresh interpreters, of every CPython that is found."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import interpreters
import oracle
import platformdirs
import pytest
import wasmpy

FOUND = interpreters.find()


def _heed_signals() -> None:
    """Undoes what the background of a shell and ``nohup`` leave to all children: that they ignore Ctrl-C and so on.

    Tests send such signals to the programs they start. Handlers end with the program, so those get the default; this
    process itself still ignores what ends background jobs.
    """
    numbers = signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM, signal.SIGINT
    for number in numbers:
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)


_heed_signals()
# Of an editable install whose sources have changed.
oracle.make_current()


def pytest_report_header() -> list[str]:
    absent = [version for version, found in FOUND.items() if found is None]
    present = [version for version, found in FOUND.items() if found is not None]
    return [f"CPythons: {', '.join(present)}; absent: {', '.join(absent) or 'none'}"]


# At the beginning of a program: nothing can be compiled in it.
NO_COMPILER = "import wasmpy._machine; wasmpy._machine._open = None\n"


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of compiled images that all tests of the session share."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process compiles into that cache."""
    monkeypatch.setenv("WASMPY_CACHE_DIR", str(cache))


def load(text: str, imports: Any = None) -> wasmpy.Instance:
    return wasmpy.load(text.encode(), imports)


@pytest.fixture(params=interpreters.VERSIONS)
def interpreter(request: pytest.FixtureRequest) -> interpreters.Interpreter:
    """Each CPython version in turn; skips, or fails where WASMPY_REQUIRE_PYTHONS is set, those that are absent."""
    found = FOUND[request.param]
    if found is None:
        if os.environ.get("WASMPY_REQUIRE_PYTHONS"):
            pytest.fail(f"no CPython {request.param} found")
        pytest.skip(f"no CPython {request.param} found: python3 dev.py pythons")
    return found


def environment(cache: Path) -> dict[str, str]:
    """What another interpreter needs to use the wasmpy under test."""
    places = {str(Path(package.__file__ or "").parent.parent) for package in (wasmpy, platformdirs)}
    return {
        "PYTHONPATH": os.pathsep.join(sorted(places)),
        "WASMPY_CACHE_DIR": str(cache),
        "PYTHONDONTWRITEBYTECODE": "",
    }


def run_python(
    code: str,
    directory: Path,
    cache: Path,
    *,
    before: Sequence[str] = (),
    options: Sequence[str] = (),
    check: bool = True,
    seconds: float = 60,
    **env: str | None,
) -> subprocess.CompletedProcess[str]:
    """Runs the code in a new process of this interpreter with ``options``, ``before`` in front of its command line.

    None as the value of a variable of the environment removes it. Raises TimeoutExpired after so many seconds.
    """
    variables = {**os.environ, **environment(cache), **env}
    done = subprocess.run(
        [*before, sys.executable, *options, "-c", textwrap.dedent(code)],
        cwd=directory,
        env={k: v for k, v in variables.items() if v is not None},
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
    assert done.returncode == 0 or not check, done.stderr
    return done


@pytest.fixture
def run(interpreter: interpreters.Interpreter, cache: Path, tmp_path: Path) -> Callable[[dict[str, str], str], str]:
    """run(files, code): writes the files, runs the code in their directory, returns what it printed."""

    def run(files: dict[str, str], code: str) -> str:
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(textwrap.dedent(content))
        done = interpreter.run("-c", textwrap.dedent(code), cwd=tmp_path, env=environment(cache))
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., str]:
    """python(code, **environment): what the code prints in a new process with a user cache of this test's own."""

    def run(code: str, **options: Any) -> str:
        return run_python(code, tmp_path, tmp_path / "cache", **options).stdout

    return run
