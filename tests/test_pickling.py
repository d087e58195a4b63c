"""Modules and functions in other processes and interpreters: pickle, pools, and what others make of them."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from conftest import environment

MODULE = """
(module
  (func $f (export "f") (export "add one") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func $hidden)
  (table (export "t") 2 funcref)
  (elem (i32.const 0) $f $hidden)
  (func (export "fails") (param i32) unreachable))
"""
# Enough: starting many processes takes long.
SOME = pytest.mark.parametrize("interpreter", ["3.10", "3.12", "3.14"], indirect=True)

FILES = {"m.wat": MODULE, "pkg/__init__.py": "", "pkg/n.wat": MODULE, "pkg/other.wat": MODULE}


@pytest.fixture
def script(interpreter, cache, tmp_path):
    """script(code): what the code prints as the main module of a program, within a minute."""

    def run(code: str) -> str:
        # What starts workers asks for the interpreter's file, which is not always enough to start it.
        python = tmp_path / "python"
        start = f"import sys, multiprocessing as m; sys.executable = '{python}'; m.set_executable('{python}')\n"
        command = f'#!/bin/sh\nexec {shlex.join(interpreter.command)} "$@"\n'
        for name, content in {**FILES, "main.py": start + textwrap.dedent(code), "python": command}.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(content)
        python.chmod(0o755)
        done = interpreter.run("main.py", cwd=tmp_path, env=environment(cache), timeout=100)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


# What reads it has not imported wasmpy.
READ = """
import pickle, sys
with open("pickled", "rb") as file:
    for data in pickle.load(file):
        f, n, again = pickle.loads(data)
        assert f is again is n.t[0] is n["add one"] is sys.modules["pkg.n"].f and n is sys.modules["pkg.n"], n
        print(f(1), end=" ")
"""


def test_by_name(script, interpreter, tmp_path, cache):
    """Every protocol, both picklers; read in a process that finds wasmpy only by what it reads."""
    write = """
        import copy, copyreg, io, pickle
        import wasmpy, m
        from pkg import n

        def of(pickler, protocol, **attributes):
            file = io.BytesIO()
            pickler(file, protocol).dump([n.f, n, n["add one"]])
            return file.getvalue()

        class Own(pickle.Pickler):
            dispatch_table = copyreg.dispatch_table.copy()
            dispatch_table[complex] = lambda x: (complex, (x.real, x.imag))

        with open("pickled", "wb") as file:
            pickle.dump([of(made, p) for made in (pickle.Pickler, pickle._Pickler, Own) for p in range(6)], file)
        print(copy.copy(n) is copy.deepcopy(n) is n, copy.copy(n.f) is copy.deepcopy(n.f) is n.f)
        import importlib
        importlib.reload(n)
        print(pickle.loads(pickle.dumps(n.f)) is n.f)
    """
    assert script(write) == "True True\nTrue\n"
    done = interpreter.run("-c", READ, cwd=tmp_path, env=environment(cache))
    assert done.stdout == "2 " * 18, done.stderr


@SOME
def test_others_are_pickled_as_ever(script):
    """Builtins of Python have the type of ours."""
    code = """
        import copyreg, math, pickle, sys
        from types import BuiltinFunctionType

        def results():
            made = []
            things = len, math.sin, "x".join, [].append, dict.fromkeys, (1).__add__, sys.gettrace, object().__dir__
            for thing in things:
                for protocol in range(6):
                    for dump in (pickle.dumps, pickle._dumps):
                        try:
                            made.append(dump(thing, protocol))
                        except Exception as error:
                            made.append(f"{type(error)} {error}".partition(" at 0x")[0])
            return made

        before = results()
        seen = []
        copyreg.pickle(BuiltinFunctionType, lambda f: seen.append(f) or f.__reduce__())
        import wasmpy, m
        assert results() == before and seen
        seen.clear()
        assert pickle.loads(pickle.dumps(m.f)) is m.f and not seen
    """
    assert script(code) == ""


@SOME
def test_what_cannot_be_found_again(script):
    code = """
        import importlib.util, pickle, sys
        import wasmpy, m

        def complain(thing):
            try:
                pickle.dumps(thing)
            except TypeError as error:
                print(error)

        complain(m.t[1])
        instance = wasmpy.load("m.wat")
        complain(instance)
        complain(instance.f)
        complain(instance.t[0])
        complain(wasmpy.Func("(i32) -> i32", abs))
        old = m.f
        del sys.modules["m"]
        complain(old)
        complain(m)
        import m as other
        complain(old)
        assert pickle.loads(pickle.dumps(other.f)) is other.f
    """
    lines = script(code).splitlines()
    assert len(lines) == 8
    hidden = "cannot pickle <built-in function hidden>: m does not export it, so it cannot be found again elsewhere"
    assert lines[0] == hidden
    assert lines[1] == "an instance has its own memory: it cannot be copied or pickled, its module can"
    for line in (*lines[2:6], lines[7]):
        assert line.endswith(
            ": its instance is not a module that was imported, so it cannot be found again elsewhere. "
            "Pickle the wasmpy.Module, and instantiate that where it arrives"
        )
    assert lines[6].endswith("m.wat'>: 'm' is not in sys.modules, where it could be found again")


@SOME
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_pools(script, method):
    """The workers import what they are sent, though the program imports it only where it is the main one."""
    code = f"""
        import concurrent.futures, multiprocessing, sys
        if __name__ == "__main__":
            import wasmpy, m
            from pkg import n
            context = multiprocessing.get_context({method!r})
            with context.Pool(2) as pool:
                print(pool.map(m.f, range(5)), pool.apply(n["add one"], (1,)), pool.apply(getattr, (n, "f"))(7))
                try:
                    pool.apply(m.fails, (1,))
                except wasmpy.Trap as trap:
                    print(trap, trap.frames[0][:2])
            with concurrent.futures.ProcessPoolExecutor(2, context) as pool:
                print(list(pool.map(n.f, range(5))))
    """
    assert script(code) == "[1, 2, 3, 4, 5] 2 8\nunreachable ('m', 'fails')\n[1, 2, 3, 4, 5]\n"


@pytest.mark.parametrize("interpreter", ["3.14", "3.15"], indirect=True)  # where there is such a pool
def test_interpreters(script):
    code = """
        from concurrent.futures import InterpreterPoolExecutor
        import wasmpy, m
        from pkg import n
        with InterpreterPoolExecutor(2) as pool:
            print(list(pool.map(m.f, range(5))), pool.submit(n["add one"], 1).result())
    """
    assert script(code) == "[1, 2, 3, 4, 5] 2\n"


@SOME
def test_joblib(script):
    pytest.importorskip("joblib")
    code = """
        if __name__ == "__main__":
            import joblib, wasmpy, m
            from pkg import n
            work = joblib.Parallel(n_jobs=2)
            print(work(joblib.delayed(n.f)(i) for i in range(5)))
            print(work(joblib.delayed(m["add one"])(i) for i in range(5)))
            print(work(joblib.delayed(lambda i: n.f(i) + m.f(i))(i) for i in range(5)))
    """
    assert script(code) == "[1, 2, 3, 4, 5]\n[1, 2, 3, 4, 5]\n[2, 4, 6, 8, 10]\n"


@SOME
def test_cloudpickle(script, interpreter, tmp_path, cache):
    pytest.importorskip("cloudpickle")
    code = """
        import cloudpickle, wasmpy, m
        from pkg import n
        import pkg
        def both(i):
            return n.f(i), m["add one"](i), pkg.n.f(i)
        with open("pickled", "wb") as file:
            cloudpickle.dump([both, m, m.f], file)
    """
    script(code)
    read = "import pickle; f, m, g = pickle.load(open('pickled', 'rb')); print(f(1), g(1), g is m.f)"
    done = interpreter.run("-c", read, cwd=tmp_path, env=environment(cache))
    assert done.stdout == "(2, 2, 2) 2 True\n", done.stderr


@pytest.mark.slow
def test_dask(tmp_path: Path, cache: Path) -> None:
    """Dask's workers on this machine, from PyPI."""
    python = tmp_path / "env" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "distributed", "platformdirs"], check=True, env={**os.environ, "PYTHONPATH": ""})
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    code = """
        if __name__ == "__main__":
            from distributed import Client, LocalCluster
            import wasmpy, m
            from pkg import n
            with LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as c:
                print(c.gather(c.map(m.f, range(5))), c.submit(lambda i: n["add one"](i), 1).result())
                try:
                    c.submit(m.fails, 1).result()
                except wasmpy.Trap as trap:
                    print(trap)
    """
    (tmp_path / "main.py").write_text(textwrap.dedent(code))
    places = environment(cache)["PYTHONPATH"].split(os.pathsep)
    own = next(place for place in places if (Path(place) / "wasmpy").is_dir())
    done = subprocess.run(
        [python, "main.py"],
        cwd=tmp_path,
        env={**os.environ, **environment(cache), "PYTHONPATH": own},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    shutil.rmtree(tmp_path / "env")
    assert done.stdout == "[1, 2, 3, 4, 5] 2\nunreachable\n", done.stderr
