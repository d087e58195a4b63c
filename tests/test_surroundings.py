"""What a process may lack or have too little of: address space, stack, descriptors, processes, files, streams, users.

Either everything works or an ImportError says what is missing; nothing crashes or hangs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap

import pytest
from conftest import NO_COMPILER, environment, run_python

MODULE = """
(module
  (memory (export "memory") 1)
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "trap") (drop (i32.load (i32.const -1))))
  (func $deep (export "deep") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (call $deep (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))
      (else (i32.const 0)))))
"""
USE = """
import wasmpy
try:
    import m
except ImportError as error:
    print(type(error).__name__, error)
else:
    try:
        m.trap()
    except wasmpy.Trap:
        try:
            m.deep(10**9)
        except RecursionError:
            print(m.add(5, 3))
"""
# Another user, who may read everything (so also an interpreter in root's home) but write nothing.
OTHER_USER = [
    "setpriv",
    "--reuid=54321",
    "--regid=54321",
    "--clear-groups",
    "--inh-caps=+dac_read_search",
    "--ambient-caps=+dac_read_search",
]


def _works(*command: str) -> bool:
    return (
        bool(shutil.which(command[0])) and subprocess.run(command, check=False, capture_output=True).returncode == 0
    )


needs_users = pytest.mark.skipif(not _works(*OTHER_USER, "true"), reason="needs root and setpriv")
needs_mounts = pytest.mark.skipif(
    not _works("unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"), reason="needs the right to mount"
)


@pytest.fixture
def python(tmp_path):
    """python(code, before=command, cached=…): runs the code beside m.wat, which has been compiled or not."""
    (tmp_path / "m.wat").write_text(MODULE)

    def run(code: str, *, cached: bool = False, **options):
        if cached:
            assert run_python("import wasmpy, m; print(m.add(5, 3))", tmp_path, tmp_path / "cache").stdout == "8\n"
        return run_python(code, tmp_path, tmp_path / "cache", **options)

    return run


def shell(words: str) -> list[str]:
    """A command that does ``words`` in a shell before it becomes what is appended to it."""
    return ["sh", "-c", f'{words}\nexec "$@"', "sh"]


# --- limits ----------------------------------------------------------------------------------------------------

LIMITS = [
    # name, limit, what is printed where the image is cached and where it has to be compiled
    ("AS", 3 << 30, "8", "8"),
    ("AS", 600 << 20, "8", "8"),
    ("STACK", 256 << 10, "8", "8"),
    ("STACK", 1 << 30, "8", "8"),
    ("STACK", -1, "8", "8"),
    ("NOFILE", 6, "8", "8"),
    ("NOFILE", 9, "8", "8"),
    ("NOFILE", 16, "8", "8"),
    ("NOFILE", 64, "8", "8"),
    ("FSIZE", 0, "8", "no place for the compiled module"),
    ("FSIZE", 4096, "8", "no place for the compiled module"),
]


@pytest.mark.parametrize("is_cached", [True, False])
@pytest.mark.parametrize("row", LIMITS, ids=lambda row: f"{row[0]} {row[1]}")
def test_limits(python, row, is_cached):
    """Stacks of the main thread are as large as the limit was when the process began, all else is set then."""
    name, limit, *outcomes = row
    expected = outcomes[0 if is_cached else 1]
    code = f"""
        import resource
        if {name!r} != "STACK":
            resource.setrlimit(resource.RLIMIT_{name}, ({limit}, {limit}))
    """
    if is_cached and name == "AS":  # Little space takes another image.
        python(f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({3 << 30}, {3 << 30})); import wasmpy, m")
    before = shell(f"ulimit -s {'unlimited' if limit < 0 else limit >> 10}") if name == "STACK" else []
    done = python(textwrap.dedent(code) + USE, cached=is_cached, before=before, check=False)
    output = done.stdout + done.stderr
    if expected == "8":
        assert done.stdout == "8\n", output
    else:
        assert expected in output
        assert "Error" in output


@needs_users
@pytest.mark.parametrize("limit", [1, 7])
def test_few_processes(python, limit):
    """Where there are no threads, one compiles."""
    code = f"""
        import resource
        resource.setrlimit(resource.RLIMIT_NPROC, ({limit}, {limit}))
        from wasmpy import _compiler
        _compiler._threads = lambda: 8
    """
    assert python(textwrap.dedent(code) + USE, before=OTHER_USER, WASMPY_NO_CACHE="1").stdout == "8\n"


# --- streams ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("closed", "is_cached"), [(fds, False) for fds in ("0", "1", "2", "01", "02", "12", "012")] + [("012", True)]
)
def test_closed_streams(python, tmp_path, closed, is_cached):
    """Descriptors 0 to 2 that others open later are not taken for streams."""
    words = " ".join(f"{fd}{'<' if fd == '0' else '>'}&-" for fd in closed)
    code = """
        import wasmpy, m
        assert wasmpy.load(b'(module (func (export "f") (result i32) (i32.const 7)))').f() == 7
        with open("answer", "w") as file:
            file.write(str(m.add(5, 3)))
    """
    done = python(code, cached=is_cached, before=shell(f"exec {words}"), WASMPY_NO_CACHE="" if is_cached else "1")
    assert (tmp_path / "answer").read_text() == "8", done
    assert done.stdout == done.stderr == ""


def test_pipes_end_with_the_program(python, tmp_path):
    """python x.py | cat: nothing that the program started holds its output."""
    (tmp_path / "x.py").write_text("import wasmpy, m, sys, os; print(m.add(5, 3)); sys.stdout.flush(); os._exit(0)\n")
    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" x.py 2>&1 | cat'],
        cwd=tmp_path,
        env={**os.environ, **environment(tmp_path / "cache")},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "8\n"


# --- directories -----------------------------------------------------------------------------------------------


@needs_mounts
@pytest.mark.parametrize("options", ["ro", "noexec", "size=16k", "nr_inodes=3"])
@pytest.mark.parametrize("places", ["tree", "cache", "tree cache temporary"])
def test_file_systems(python, tmp_path, options, places):
    """Read-only, noexec, full, without inodes."""
    script = f"""
        set -e
        cd "$1"
        for d in tree cache temporary; do mkdir -m 700 $d; mount -t tmpfs -o mode=700 none $d; done
        cp m.wat tree
        for d in {places}; do mount -o remount,{options} $d; done
        cd tree
        for i in 1 2; do "{sys.executable}" -c "$CODE"; done
    """
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", str(tmp_path)],
        env={
            **os.environ,
            **environment(tmp_path / "cache"),
            "CODE": USE + "\nassert wasmpy.load('m.wat').add(1, 1) == 2",
            "TMPDIR": str(tmp_path / "temporary"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout == "8\n8\n", done.stderr


@needs_users
def test_another_user_reads(python, tmp_path):
    """A tree and an image of somebody else serve who can write nothing, as bytecode does."""
    nothing = {"HOME": "/dev/null/x", "WASMPY_CACHE_DIR": None}
    code = NO_COMPILER + USE + "import os; print(os.geteuid())"
    done = python(code, cached=True, before=OTHER_USER, **nothing)
    assert done.stdout == "8\n54321\n"
    for image in (tmp_path / "__pycache__").glob("*.so"):
        image.unlink()
    done = python(USE, before=OTHER_USER, **nothing)
    assert done.stdout == "8\n"
    assert not list((tmp_path / "__pycache__").iterdir())


@needs_users
def test_two_users_and_one_cache(python, tmp_path):
    """The second is told whose the cache is, and how to get one."""
    code = "import wasmpy; print(wasmpy.load('m.wat').add(5, 3))"
    assert python(code).stdout == "8\n"
    before = sorted((tmp_path / "cache").rglob("*"))
    done = python(code, before=OTHER_USER, check=False)
    assert "UnsafeDirectoryError" in done.stderr
    assert "belongs to user 0, not to 54321" in done.stderr
    assert "WASMPY_CACHE_DIR" in done.stderr
    assert sorted((tmp_path / "cache").rglob("*")) == before
