"""What the import statement finds, in which order, and what it leaves behind."""

from __future__ import annotations

import zipfile

import pytest

# Enough: what depends on the version more is tested on all of them elsewhere.
pytestmark = pytest.mark.parametrize("interpreter", ["3.10", "3.12", "3.15"], indirect=True)

COUNT = """
(module
  (global $n (export "n") (mut i32) (i32.const 0))
  (func (export "next") (result i32)
    (global.set $n (i32.add (global.get $n) (i32.const 1)))
    (global.get $n)))
"""


def number(n: int) -> str:
    return f'(module (func (export "f") (result i32) (i32.const {n})))'


def test_reload(run):
    code = """
        import wasmpy, importlib, count
        print(count.next(), count.n)
        old = count.next
        assert importlib.reload(count) is count
        print(count.n, count.next(), count["n"], old(), count.n, sorted(count))
        import pathlib
        pathlib.Path("count.wat").write_text('(module (func (export "other") (result i32) (i32.const 7)))')
        importlib.reload(count)
        print(count.other(), list(count), old())
        pathlib.Path("count.wat").write_text("(module (func unreachable) (start 0))")
        try:
            importlib.reload(count)
        except wasmpy.Trap:
            print(count.other(), count["other"]())
    """
    assert run({"count.wat": COUNT}, code) == "1 1\n0 1 1 2 1 ['n', 'next']\n7 ['other'] 3\n7 7\n"


def test_precedence(run):
    files = {
        f"{directory}/m{suffix}": number(n)
        for n, (directory, suffix) in enumerate(
            [
                ("wat", ".wat"),
                ("wasm", ".wat"),
                ("py", ".wat"),
                ("so", ".wat"),
                ("package", ".wat"),
                ("spaces", ".wat"),
            ]
        )
    }
    files |= {
        "py/m.py": "def f(): return 'py'",
        "so/m.py": "",
        "package/m/__init__.py": "def f(): return 'package'",
        "spaces/m/x.txt": "",
        "early/m/x.txt": "",
    }
    code = """
        import sys, os, shutil, wasmpy, importlib, glob
        open("wasm/m.wasm", "wb").write(wasmpy.wat2wasm('(module (func (export "f") (result i32) (i32.const 99)))'))
        def fresh(*path):
            sys.path[:] = [*path, *paths]
            sys.modules.pop("m", None)
            importlib.invalidate_caches()
            import m
            return m
        paths = sys.path[:]
        for name in ("wat", "wasm", "py", "package", "spaces"):
            print(name, fresh(name).f())
        print("early", fresh("early", "wat").f())
        image = glob.glob("wat/__pycache__/m.wasmpy-*.so")[0]
        shutil.copy(image, "so/m.abi3.so")
        print(fresh("so").__file__.rpartition("/")[2])
    """
    expected = "wat 0\nwasm 99\npy py\npackage package\nspaces 5\nearly 0\n"
    output = run(files, code)
    assert output.startswith(expected), output
    assert output.endswith("m.abi3.so\n")


def test_names_of_the_standard_library(run):
    """Data files with any such name, beside the script and in an archive, change nothing; packages may have them."""
    code = """
        import sys, zipfile
        NUMBER = '(module (func (export "f") (result i32) (i32.const 7)))'
        names = {*sys.stdlib_module_names, "sitecustomize", "platformdirs", "wasmpy"}
        with zipfile.ZipFile("a.zip", "w") as archive:
            for name in names:
                open(f"{name}.wat", "w").write(NUMBER)
                open(f"{name}.wasm", "wb").write(b"no WebAssembly")
                archive.writestr(f"{name}.wat", NUMBER)
        sys.path.append("a.zip")
        import wasmpy
        print(wasmpy.load("json.wat").f(), wasmpy.wat2wasm(NUMBER)[:4])  # nothing is loaded or compiled yet
        import pkg.json, pkg.tempfile, own, json, tempfile, zlib, argparse
        print(pkg.json.f(), pkg.tempfile.f(), own.f(), *(hasattr(m, "f") for m in (json, tempfile, zlib, argparse)))
        try:
            wasmpy.wat("(module (func (export")
        except wasmpy.CompileError as error:
            print("CompileError", error.lineno)
        import importlib.util, pkgutil
        names -= {"__main__", "wasmpy"}
        print([name for name in names if importlib.util.find_spec(name) is not None
               and importlib.util.find_spec(name).origin.endswith(("wasm", "wat"))])
        print([m.name for m in pkgutil.iter_modules(["."])], [m.name for m in pkgutil.iter_modules(pkg.__path__)])
    """
    files = {"pkg/__init__.py": "", "pkg/json.wat": number(1), "pkg/tempfile.wat": number(2), "own.wat": number(3)}
    expected = "7 b'\\x00asm'\n1 2 3 False False False False\nCompileError 1\n[]\n"
    expected += "['pkg', 'own'] ['json', 'tempfile']\n"
    assert run(files, code) == expected


def test_a_module_of_the_program_with_such_a_name(run):
    code = """
        import sys
        sys.modules["resource"] = type(sys)("resource")  # resource.py beside the script
        import wasmpy, m
        print(m.f())
    """
    files = {"m.wat": number(7)}
    run(files, "import wasmpy, m")
    assert run(files, code) == "7\n"


def test_attributes(run):
    code = """
        import wasmpy, pkg.m as m, sys, os
        path = os.path.abspath("pkg/m.wat")
        print(m.__name__, m.__package__, m.__file__ == path, m.__spec__.origin == path, m.__spec__.name)
        print(type(m.__loader__).__name__, m.__loader__ is m.__spec__.loader, m.__loader__.get_source("pkg.m")[:7])
        print(sys.modules["pkg.m"] is m is sys.modules["pkg"].m, m.__spec__.loader.is_package("pkg.m"))
        import importlib.resources, importlib.util
        print(importlib.util.find_spec("pkg.m").origin == path)
        print(importlib.resources.read_text("pkg", "m.wat")[:7] if sys.version_info < (3, 13) else "(module")
        # By hand, without sys.modules.
        spec = importlib.util.spec_from_file_location("other.m", path, loader=type(m.__loader__)("other.m", path))
        other = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(other)
        print(other.f(), "other.m" in sys.modules)
    """
    expected = "pkg.m pkg True True pkg.m\nWasmLoader True (module\nTrue False\nTrue\n(module\n3 False\n"
    assert run({"pkg/__init__.py": "", "pkg/m.wat": number(3)}, code) == expected


def test_failed_imports_leave_nothing(run):
    files = {
        "pkg/__init__.py": "",
        "pkg/links.wat": '(module (import "absent" "f" (func)))',
        "pkg/starts.wat": "(module (func unreachable) (start 0))",
        "pkg/invalid.wat": "(module (func (result i32)))",
    }
    code = """
        import wasmpy, sys, importlib, pkg
        for name in ("links", "starts", "invalid"):
            for _ in range(2):
                try:
                    importlib.import_module(f"pkg.{name}")
                except wasmpy.WasmError as error:
                    print(type(error).__name__, f"pkg.{name}" in sys.modules, hasattr(pkg, name))
    """
    lines = ["LinkError", "LinkError", "Trap", "Trap", "CompileError", "CompileError"]
    assert run(files, code) == "".join(f"{name} False False\n" for name in lines)


def test_more_instances(run):
    code = """
        import wasmpy, count, os
        count.next()
        one, two = (wasmpy.module(count).instantiate() for _ in range(2))
        print(one.next(), one.next(), two.next(), count.next(), wasmpy.module(count).filename == count.__file__)
        try:
            wasmpy.module(os)
        except TypeError as error:
            print("TypeError")
    """
    assert run({"count.wat": COUNT}, code) == "1 2 1 2 True\nTypeError\n"


def test_pkgutil(run):
    files = {
        "pkg/__init__.py": "",
        "pkg/m.wat": number(1),
        "pkg/m.py": "",
        "top.wat": number(1),
        "pkg/sub/__init__.py": "",
    }
    code = """
        import sys
        first = "pkgutil" in sys.modules
        import wasmpy
        assert first or "pkgutil" not in sys.modules
        import pkg, pkgutil
        print([m.name for m in pkgutil.iter_modules(["."])], [m.name for m in pkgutil.walk_packages(["."])])
        print([(m.name, m.ispkg) for m in pkgutil.iter_modules(pkg.__path__, "pkg.")])
        finder = next(pkgutil.iter_modules(["."])).module_finder
        from importlib.machinery import FileFinder
        print(isinstance(finder, FileFinder), finder.find_spec("top").origin.endswith("top.wat"))
    """
    expected = "['pkg', 'top'] ['pkg', 'pkg.m', 'pkg.sub', 'top']\n[('pkg.m', False), ('pkg.sub', True)]\nTrue True\n"
    assert run(files, code) == expected


def test_archives(run, tmp_path):
    with zipfile.ZipFile(tmp_path / "app.pyz", "w") as archive:
        archive.writestr("count.wat", COUNT)
        archive.writestr("both.wat", number(1))
        archive.writestr("both.py", "def f(): return 'py'")
        archive.writestr("pkg/__init__.py", "")
        archive.writestr("pkg/m.wat", number(5))
        archive.writestr("__main__.py", "import wasmpy, count; print('main', count.next())")
    code = """
        import sys, os, importlib
        sys.path.insert(0, "app.pyz")
        import wasmpy, count, both, pkg.m
        print(count.next(), both.f(), pkg.m.f(), count.__file__, pkg.m.__spec__.origin, pkg.m.__package__)
        print(importlib.reload(count).next(), wasmpy.module(count).instantiate().next(), os.listdir())
        try:
            import absent
        except ImportError:
            print(count.__loader__.get_source("count").strip()[:7])
        import runpy
        sys.modules.pop("count")
        runpy.run_path("app.pyz", run_name="__main__")
    """
    expected = "1 py 5 app.pyz/count.wat app.pyz/pkg/m.wat pkg\n1 1 ['app.pyz']\n(module\nmain 1\n"
    assert run({}, code) == expected


def test_editable_installs(run):
    """Setuptools' finder hands over to the path hooks by way of a package's directory."""
    code = """
        import sys
        from importlib.util import spec_from_file_location
        class Editable:
            @staticmethod
            def find_spec(name, path=None, target=None):
                if name == "editable":
                    return spec_from_file_location(
                        name, "src/editable/__init__.py", submodule_search_locations=["src/editable"]
                    )
        sys.meta_path.append(Editable)
        import wasmpy
        from editable import m
        print(m.f())
    """
    assert run({"src/editable/__init__.py": "", "src/editable/m.wat": number(4)}, code) == "4\n"


def test_installed_once(run):
    code = """
        import sys, wasmpy, importlib
        before = len(sys.path_hooks), len(sys.meta_path)
        from wasmpy import _hook
        _hook.install()
        importlib.reload(_hook).install()
        print(before == (len(sys.path_hooks), len(sys.meta_path)))
    """
    assert run({}, code) == "True\n"


def test_loader_by_hand(run):
    """By the suffix and by the public loader, also with a name that the import statement would not give."""
    code = """
        import sys
        from importlib.util import module_from_spec, spec_from_file_location
        import wasmpy
        open("n.wasm", "wb").write(wasmpy.wat2wasm('(module (func (export "f") (result i32) (i32.const 8)))'))
        for name, path in (("x", "n.wasm"), ("plug-in.x", "m.wat"), ("json", "n.wasm")):
            for keywords in ({}, {"loader": wasmpy.WasmLoader(name, path)}):
                spec = spec_from_file_location(name, path, **keywords)
                module = module_from_spec(spec)
                spec.loader.exec_module(module)
                print(module.__name__, module.f(), module["f"](), type(spec.loader) is wasmpy.WasmLoader)
        import json
        print(json.dumps(1), spec_from_file_location("x", "x.txt"), spec_from_file_location("x", "x.py") is not None)
    """
    expected = "".join(f"{name} True\n" * 2 for name in ("x 8 8", "plug-in.x 7 7", "json 8 8"))
    assert run({"m.wat": number(7)}, code) == expected + "1 None True\n"


def test_lazy_loader(run):
    """The class of a module is WebAssembly's whatever loads it; what was assigned before it was loaded counts."""
    code = """
        import importlib.util, sys
        import wasmpy

        def lazily(name):
            spec = importlib.util.find_spec(name)
            loader = importlib.util.LazyLoader(spec.loader)
            spec.loader = loader
            module = sys.modules[name] = importlib.util.module_from_spec(spec)
            loader.exec_module(module)
            assert type(module).__name__ == "_LazyModule"
            return module

        m = lazily("pkg.m")
        print(m.n, m["n"], m.next())
        m.n = 9
        print(m.next(), m["n"], sorted(m), "n" in m, isinstance(m, wasmpy._link.WasmModule))
        del sys.modules["pkg.m"]
        m = lazily("pkg.m")
        m.n = 41
        print(m.next(), m.n, m["n"])
        n = lazily("links")
        print(n.f(), n["f"](), importlib.reload(n).f())
    """
    files = {
        "pkg/__init__.py": "",
        "pkg/m.wat": COUNT,
        "links.wat": '(module (import "pkg.m" "next" (func $f (result i32))) (export "f" (func $f)))',
    }
    assert run(files, code) == "0 0 1\n10 10 ['n', 'next'] True True\n42 42 42\n43 44 45\n"


def test_class_of_extension_modules(run):
    """An image that lies there as an extension module is opened by the stock loader."""
    code = """
        import glob, os, sys, wasmpy, count
        image = glob.glob("__pycache__/count.*.so")[0]
        os.mkdir("so")
        os.rename(image, "so/count.abi3.so")
        del sys.modules["count"]
        sys.path.insert(0, "so")
        import count
        count.n = 5
        print(count.__file__[-14:], count["n"], count.next(), count["next"]())
    """
    # Another content than in other tests, so that no cache has the image already.
    assert run({"count.wat": COUNT + ";; stock"}, code) == "/count.abi3.so 5 6 7\n"


def imports(module: str, name: str = "f") -> str:
    return f'(module (import "{module}" "{name}" (func $f)) (export "f" (func $f)))'


def test_circles(run):
    files = {
        "one.wat": imports("two"),
        "two.wat": imports("one"),
        "own.wat": imports("own"),
        "c.wat": imports("helper"),
        "helper.py": "import d\nf = d.f",
        "d.wat": imports("c"),
        "pkg/__init__.py": "",
        "pkg/e.wat": imports(".f"),
        "pkg/f.wat": imports("e"),
        "g.wat": imports("early"),
        "early.py": "import g\ndef f(): pass\ng['f']",
    }
    code = """
        import sys, importlib, wasmpy
        for name in ("one", "two", "one", "own", "c", "pkg.e", "g"):
            try:
                importlib.import_module(name)
            except ImportError as error:
                print(type(error).__name__, str(error).partition(". ")[0])
            assert name not in sys.modules
        wasmpy.bind("two", {"one": {"f": lambda: print("called")}})
        import one
        one.f()
    """
    say = "LinkError cannot link {}: its imports lead back to a module that is not linked yet: {}\n"
    assert run(files, code) == "".join(
        [
            say.format("two", "one → two → one"),
            say.format("one", "two → one → two"),
            say.format("two", "one → two → one"),
            say.format("own", "own → own"),
            say.format("d", "c → helper → d → c"),
            say.format("pkg.f", "pkg.e → pkg.f → pkg.e"),
            "ImportError module 'g' is not linked yet, most likely since what it imports imports it\n",
            "called\n",
        ]
    )


def test_relative_imports(run):
    files = {
        "top.wat": imports(".a"),
        "pkg/__init__.py": "def f(): print('pkg')",
        "pkg/far.wat": imports("...a"),
        "pkg/sub/__init__.py": "",
        "pkg/sub/up.wat": imports("..other"),
        "pkg/sub/package.wat": imports(".."),
        "pkg/other.py": "def f(): print('other')",
    }
    code = """
        import wasmpy, pkg.sub.up, pkg.sub.package
        pkg.sub.up.f(), pkg.sub.package.f()
        import importlib
        for name in ("top", "pkg.far"):
            try:
                importlib.import_module(name)
            except wasmpy.LinkError as error:
                print(str(error).splitlines()[1])
    """
    lines = ["other", "pkg", "  unknown import .a.f: function () -> ()", "  unknown import ...a.f: function () -> ()"]
    assert run(files, code).splitlines() == lines


def test_tracebacks_of_imports(run, tmp_path):
    """Frames of the program and of WebAssembly, none of this package or of importlib."""
    files = {
        "links.wat": '(module (import "absent" "f" (func)))',
        "invalid.wat": "(module (func (result i32)))",
        "starts.wat": "(module (func $deep unreachable) (func call $deep) (start 1))",
        "python.wat": imports("fails"),
        "fails.py": "def f(): pass\n1 / 0",
        "calls.wat": '(module (import "host" "f" (func $f)) (start $f))',
        "host.py": "def f(): raise KeyError",
        "nested.wat": imports("links"),
        "outer.py": "import starts",
    }
    code = """
        import sys, traceback, wasmpy
        for name in ("links", "invalid", "starts", "python", "calls", "nested", "outer"):
            for again in range(2):
                try:
                    exec(compile(f"import {name}", "user.py", "exec"))
                except Exception as error:
                    frames = traceback.extract_tb(error.__traceback__)
                    print(name, *(f"{frame.filename.rpartition('/')[2]}:{frame.name}" for frame in frames[1:]))
                    assert "wasmpy/_" not in traceback.format_exc(), traceback.format_exc()
    """
    user = "user.py:<module>"
    expected = {
        "links": [user],
        "invalid": [user],
        "starts": [user, "starts.wat:func[1]", "starts.wat:deep"],
        "python": [user, "fails.py:<module>"],
        "calls": [user, "host.py:f"],
        "nested": [user],
        "outer": [user, "outer.py:<module>", "starts.wat:func[1]", "starts.wat:deep"],
    }
    lines = [" ".join([name, *frames]) for name, frames in expected.items() for _ in range(2)]
    assert run(files, code).splitlines() == lines
