"""Applications and installations: zip files, editable installs, namespace packages, PyInstaller, pytest-xdist.

What is marked slow makes virtual environments from PyPI: python3 -m pytest -m slow tests/test_packaging.py
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
import zipapp
from pathlib import Path

import pytest
from conftest import environment, run_python

ADD = '(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))'
ROOT = Path(__file__).resolve().parent.parent


def write(directory: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(content)


def run(*command: object, cwd: Path, **env: str | None) -> str:
    """Runs the command to its end; what it printed."""
    variables = {k: v for k, v in {**os.environ, **env}.items() if v is not None}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
    return done.stdout


@pytest.mark.parametrize("compressed", [False, True])
def test_zipapp(tmp_path, compressed):
    """An application in one file, twice: compiled, and from the cache."""
    files = {
        "app/main.py": (
            "import wasmpy\ndef run():\n    from pkg import m\n    import top\n"
            "    print(m.add(5, 3), top.add(1, 1))\n"
        ),
        "app/pkg/__init__.py": "",
        "app/pkg/m.wat": ADD,
        "app/top.wat": ADD,
    }
    write(tmp_path, files)
    zipapp.create_archive(tmp_path / "app", tmp_path / "app.pyz", main="main:run", compressed=compressed)
    shutil.rmtree(tmp_path / "app")
    for _ in range(2):
        assert run(sys.executable, "app.pyz", cwd=tmp_path, **environment(tmp_path / "cache")) == "8 2\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["app.pyz", "cache"]


def test_pth_files(tmp_path):
    """Static editable installs are a line of a .pth file."""
    write(tmp_path, {"src/pkg/__init__.py": "", "src/pkg/m.wat": ADD, "site/x.pth": str(tmp_path / "src")})
    code = "import site; site.addsitedir('site'); import wasmpy; from pkg import m; print(m.add(5, 3), m.__file__)"
    assert run_python(code, tmp_path, tmp_path / "cache").stdout == f"8 {tmp_path}/src/pkg/m.wat\n"


def test_namespace_packages(tmp_path):
    """Portions in several directories and an archive; they come and go."""
    write(tmp_path, {"one/ns/a.wat": ADD, "two/ns/b.wat": ADD, "two/ns/deep/c.wat": ADD, "two/ns/a.wat": "(module)"})
    code = """
        import sys, zipfile
        sys.path[:0] = ["one", "two", "three.zip"]
        with zipfile.ZipFile("three.zip", "w") as archive:
            archive.writestr("ns/", "")
            archive.writestr("ns/d.wat", ADD)
        import wasmpy, ns.a, ns.b, ns.deep.c, ns.d
        print([m.add(5, 3) for m in (ns.a, ns.b, ns.deep.c, ns.d)], ns.__file__, ns.a.__package__, len(ns.__path__))
        import os, shutil
        os.makedirs("four/ns")
        shutil.copy("one/ns/a.wat", "four/ns/e.wat")
        sys.path.append("four")
        import ns.e
        print(ns.e.add(1, 1), ns.e.__spec__.name)
        import pkgutil
        print(sorted(m.name for m in pkgutil.walk_packages(ns.__path__, "ns.")))
    """
    expected = "[8, 8, 8, 8] None ns 3\n2 ns.e\n['ns.a', 'ns.b', 'ns.e']\n"
    assert run_python(f"ADD = {ADD!r}\n" + textwrap.dedent(code), tmp_path, tmp_path / "c").stdout == expected


# --- slow ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with wasmpy, PyInstaller and pytest-xdist, installed from the sources here."""
    directory = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", directory, cwd=directory)
    python = directory / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--disable-pip-version-check"]
    clean = {"PYTHONPATH": None}
    run(*pip, ROOT, "pyinstaller", "pytest-xdist", cwd=directory, **clean)
    return python


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["--onedir", "--onefile"])
def test_pyinstaller(installed, tmp_path, kind):
    """The application has its modules compiled in it, for every CPU, and the compiler; no cache where it runs."""
    write(
        tmp_path,
        {
            "app.py": (
                "import sys, wasmpy, top, hidden_too\nfrom pkg.deep import m\nfrom pkg import names\n"
                "import importlib\nh = importlib.import_module('pkg.hidden')\n"
                "print(m.add(5, 3), top.add(1, 1), names.m2.add(1, 2), h.add(2, 2), m.__file__[-6:])\n"
                "print(isinstance(m, type(top)), m['add'](1, 0), sorted(m), wasmpy.__version__ > '')\n"
                "print(wasmpy.validate(b'(module (func))'))\n"
                "m.trap() if len(sys.argv) > 1 else None\n"
            ),
            "hidden_too.py": "",
            "top.wat": ADD,
            "pkg/__init__.py": "",
            "pkg/names.py": "from . import m2\n",
            "pkg/m2.wat": ADD,
            "pkg/hidden.wat": ADD,
            "pkg/deep/__init__.py": "",
            "pkg/deep/m.wat": ADD[:-1] + '(memory 1) (func (export "trap") unreachable))',
        },
    )
    env: dict[str, str | None] = {
        "PYTHONPATH": None,
        "WASMPY_CACHE_DIR": str(tmp_path / "cache"),
    }
    options = [kind, "--noconfirm", "--hidden-import", "pkg.hidden", "--log-level", "WARN"]
    run(installed, "-m", "PyInstaller", *options, "app.py", cwd=tmp_path, **env)
    program = tmp_path / "dist" / "app" if kind == "--onefile" else tmp_path / "dist" / "app" / "app"
    moved = tmp_path / "elsewhere"
    shutil.move(tmp_path / "dist", moved)
    shutil.rmtree(tmp_path / "build")
    shutil.rmtree(tmp_path / "cache")
    for name in ("pkg", "top.wat", "app.py"):
        (tmp_path / name).rename(tmp_path / f"gone-{name}")
    program = moved / program.relative_to(tmp_path / "dist")
    bare = {"PATH": "/nonexistent", "HOME": str(tmp_path / "home"), "WASMPY_CACHE_DIR": None, "XDG_CACHE_HOME": None}
    expected = "8 2 3 4 /m.wat\nTrue 1 ['add', 'trap'] True\nTrue\n"
    assert run(program, cwd=tmp_path, **env | bare) == expected
    # Little address space: the images with bounds checks are there, too.
    assert run("/bin/sh", "-c", f"ulimit -v 4000000; exec {program}", cwd=tmp_path, **env | bare) == expected
    failed = subprocess.run([program, "trap"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "m.wat" in failed.stderr
    assert "Trap: unreachable" in failed.stderr


@pytest.mark.slow
def test_xdist(installed, tmp_path):
    """Workers that all want the same new files: results are right, and one compiles each."""
    tests = """
        import pytest, wasmpy
        from pkg import m
        @pytest.mark.parametrize("i", range(40))
        def test(i):
            import pkg.n as n
            assert m.add(i, i) == n.add(i, i) == 2 * i
            assert wasmpy.load(b'(module (func (export "f") (result i32) (i32.const %d)))' % (i % 4)).f() == i % 4
            with pytest.raises(wasmpy.Trap, match="unreachable"):
                wasmpy.load(b'(module (func (export "f") unreachable))').f()
    """
    write(
        tmp_path,
        {
            "pkg/__init__.py": "",
            "pkg/m.wat": ADD,
            "pkg/n.wat": ADD,
            "test_it.py": textwrap.dedent(tests),
        },
    )
    env = {
        "PYTHONPATH": None,
        "PYTHONDONTWRITEBYTECODE": None,
        "WASMPY_CACHE_DIR": str(tmp_path / "cache"),
    }
    for extra in ([], ["--dist", "worksteal"], ["--dist", "loadfile"]):
        output = run(
            installed, "-m", "pytest", "-q", "-n", "6", "-p", "no:cacheprovider", *extra, cwd=tmp_path, **env
        )
        assert "40 passed" in output
    assert len(list((tmp_path / "pkg" / "__pycache__").glob("*.so"))) == 2


@pytest.mark.slow
def test_real_editable_installs(installed, tmp_path):
    """As pip makes them, by setuptools: in its compatible and its strict mode, and with a src folder."""
    write(
        tmp_path,
        {
            "project/pyproject.toml": '[build-system]\nrequires = ["setuptools"]\n'
            'build-backend = "setuptools.build_meta"\n'
            '[project]\nname = "edited"\nversion = "1"\n'
            '[tool.setuptools.package-data]\nedited = ["*.wat"]\n',
            "project/src/edited/__init__.py": "",
            "project/src/edited/m.wat": ADD,
        },
    )
    pip = [sys.executable, "-m", "pip", "--python", installed, "install", "-q", "--disable-pip-version-check"]
    env = {"PYTHONPATH": None, "WASMPY_CACHE_DIR": str(tmp_path / "cache")}
    for mode in ("lenient", "strict", "compat"):
        run(*pip, "-e", tmp_path / "project", "--config-settings", f"editable_mode={mode}", cwd=tmp_path, **env)
        code = "import wasmpy; from edited import m; print(m.add(5, 3))"
        assert run(installed, "-c", code, cwd=tmp_path, **env) == "8\n"
