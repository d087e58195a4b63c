"""What a cached import costs: no process, few modules of the standard library."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import wasmpy
from conftest import environment

ADD = '(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))'

# What `import wasmpy` and a cached import may load beyond what the interpreter starts with. Each entry costs
# start-up time: add one only with a measurement.
ALLOWED = {"__future__", "_blake2", "collections", "collections.abc", "contextlib", "types", "typing"} | {
    "faulthandler",  # 0.04 ms
    "resource",  # 0.2 ms
}
# What those load in turn.
BEHIND = {"_collections", "_functools", "_operator", "_typing", "copyreg", "functools", "heapq", "itertools"} | {
    "keyword", "operator", "re", "re._casefix", "re._compiler", "re._constants", "re._parser", "reprlib", "enum",
    "sre_compile", "sre_constants", "sre_parse", "_sre", "_heapq", "weakref", "_weakref", "importlib",
    "importlib._bootstrap", "importlib._bootstrap_external", "importlib.machinery", "warnings", "_opcode",
    "_collections_abc", "bisect", "_bisect", "annotationlib", "ast", "_ast",
}  # fmt: skip


def test_cached_import(tmp_path, cache):
    (tmp_path / "m.wat").write_text(ADD)
    env = environment(cache)
    code = """
        import os, sys  # site has loaded os in every usual start
        sys.path.insert(0, {path!r})
        before = set(sys.modules)
        def refuse(*arguments):
            raise AssertionError("a process was started")
        os.fork = os.posix_spawn = refuse
        sys.addaudithook(lambda event, arguments: refuse() if event in {events!r} else None)
        import wasmpy, m
        assert m.add(1, 2) == 3
        print(*sorted(name for name in set(sys.modules) - before if not name.startswith("wasmpy")))
    """
    text = "\n".join(line[8:] for line in code.splitlines())
    events = ("subprocess.Popen", "os.fork", "os.posix_spawn", "os.exec", "os.system")
    first = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import wasmpy, m"
    subprocess.run([sys.executable, "-c", first], env=env, check=True)
    done = subprocess.run(
        [sys.executable, "-S", "-c", text.format(path=str(tmp_path), events=events)],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split()) - {"m"}
    assert loaded <= ALLOWED | BEHIND, sorted(loaded - ALLOWED - BEHIND)


def test_own_modules_are_no_circle():
    """So that whatever is loaded first, by whatever thread, finds the others complete."""
    package = Path(wasmpy.__file__).parent
    needs = {
        file.stem: {
            name
            for node in ast.parse(file.read_text()).body
            if isinstance(node, ast.ImportFrom) and node.level == 1
            for name in ([node.module] if node.module else [alias.name for alias in node.names])
        }
        for file in package.glob("*.py")
    }
    assert needs["_store"] >= {"_compiler", "_cache"}
    graphlib.TopologicalSorter(needs).prepare()  # raises CycleError
