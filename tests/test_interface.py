"""The rest of the interface: options of compiling, switches of features, serialized modules, callers, hints."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import re
import signal
import subprocess
import sys
import weakref

import pytest
import wasmpy
from conftest import NO_COMPILER, environment
from samples import ADD

ECHO = b"""
(module
  (import "env" "back" (func $back (result i32)))
  (func (export "i32") (param i32) (result i32) (local.get 0))
  (func (export "both") (param i64 f32 i32) (result i64 i32) (local.get 0) (local.get 2))
  (func (export "back") (result i32) (call $back)))
"""
LOG = b"""
(module
  (import "env" "log" (func $log (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "hello")
  (func $say (export "say") (call $log (i32.const 8) (i32.const 5)))
  (start $say))
"""


pytestmark = pytest.mark.usefixtures("own_cache")


class TestOptions:
    def test_wrap(self):
        imports = {"env": {"back": lambda: 2**40 + 3}}
        m = wasmpy.load(ECHO, imports, wrap=True)
        assert (m.i32(2**32), m.i32(-(2**35) - 1), m.i32(2**70 + 7), m.i32(True)) == (0, -1, 7, 1)
        assert m.both(2**64 + 5, 1, 2**31) == (5, -(2**31))
        assert m.back() == 3
        with pytest.raises(TypeError):
            m.i32(1.5)
        strict = wasmpy.load(ECHO, imports)
        for call in (lambda: strict.i32(2**32), lambda: strict.both(2**64, 1, 0), strict.back):
            with pytest.raises(OverflowError):
                call()

    def test_of_imports(self, run):
        files = {
            "wraps/__init__.py": '__wasm_options__ = {"wrap": True}',
            "wraps/m.wat": ADD,
            "wraps/strict.wat": ADD,
            "wrong/__init__.py": '__wasm_options__ = {"wraps": True}',
            "wrong/m.wat": ADD,
            "top.wat": ADD,
        }
        code = """
            import wasmpy, importlib
            wasmpy.bind("top", wrap=True)
            import top, wraps.m
            print(top.add(2**32, 1), wraps.m.add(2**33, 2), wasmpy.module(top).instantiate().add(2**40, 3))
            importlib.reload(top)
            print(top.add(2**32, 4))
            try:
                import wrong.m
            except TypeError as error:
                print(error)
        """
        expected = "1 2 3\n4\n__wasm_options__ of wrong: options() got an unexpected keyword argument 'wraps'"
        assert run(files, code).startswith(expected)

    @pytest.mark.parametrize("interrupts", [True, False])
    def test_interrupts(self, interrupts):
        class AlarmError(Exception):
            pass

        def ring(number, frame):
            raise AlarmError

        before = signal.signal(signal.SIGALRM, ring)
        m = wasmpy.load(
            b"""
            (module
              (global $n (export "n") (mut i32) (i32.const 0))
              (func (export "count") (param i32)
                (loop $again
                  (global.set $n (i32.add (global.get $n) (i32.const 1)))
                  (br_if $again (i32.lt_u (global.get $n) (local.get 0))))))
            """,
            interrupts=interrupts,
        )
        try:
            with pytest.raises(AlarmError):  # noqa: PT012
                signal.setitimer(signal.ITIMER_REAL, 0.02)
                m.count(1_000_000_000)
                for _ in range(10):
                    pass  # where Python takes the signal
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert (m.n == 1_000_000_000) is not interrupts

    def test_features(self):
        two = b'(module (func (export "f") (result i32 i32) (i32.const 1) (i32.const 2)))'
        try:
            wasmpy.disable(wasmpy.MULTI_VALUE | wasmpy.SIMD)
            with pytest.raises(wasmpy.CompileError, match="result arity"):
                wasmpy.load(two)
            assert not wasmpy.validate(two)
            wasmpy.enable(wasmpy.MULTI_VALUE)
            assert wasmpy.load(two).f() == (1, 2)
            assert not wasmpy.validate(b"(module (func (param v128)))")
            wasmpy.enable(wasmpy.NONE)
            assert not wasmpy.validate(two)
        finally:
            wasmpy.enable(wasmpy.ALL)
        assert wasmpy.validate(two)
        assert wasmpy.validate(b"(module (func (param v128)))")
        assert not wasmpy.validate(two, features="1.0")
        with pytest.raises(ValueError, match="is not a feature"):
            wasmpy.disable(128)


class TestSerialized:
    def test_round_trip(self):
        module = wasmpy.compile(ECHO, wrap=True)
        data = module.serialize()
        again = wasmpy.Module.deserialize(memoryview(data))
        assert (repr(again), again.serialize()) == (repr(module), data)
        assert again.instantiate({"env": {"back": int}}).i32(2**32 + 1) == 1

    def test_without_a_compiler(self, tmp_path):
        (tmp_path / "m.bin").write_bytes(wasmpy.wat(ADD).serialize())
        code = NO_COMPILER + (
            "import wasmpy; m = wasmpy.Module.deserialize(open('m.bin', 'rb').read());"
            "print(m.instantiate().add(1, 2), m.instantiate().add(3, 4))"
        )
        for more in ({}, {"WASMPY_NO_CACHE": "1"}):
            env = {**environment(tmp_path / "empty"), **more}
            done = subprocess.run(
                [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
            )
            assert done.stdout == "3 7\n", done.stderr

    def test_for_another_machine_it_is_compiled(self, monkeypatch, tmp_path):
        from wasmpy import _identity

        monkeypatch.setattr(_identity, "_identity", "another")
        data = wasmpy.wat(ADD).serialize()
        monkeypatch.undo()
        monkeypatch.setenv("WASMPY_CACHE_DIR", str(tmp_path))
        assert wasmpy.Module.deserialize(data).instantiate().add(1, 2) == 3
        assert len(list(tmp_path.glob("*.so"))) == 1

    def test_damage(self):
        data = wasmpy.wat(ADD).serialize()
        for bad in (data[:-1], data[:1000] + bytes([data[1000] ^ 1]) + data[1001:], data[:20]):
            with pytest.raises(ValueError, match="damaged"):
                wasmpy.Module.deserialize(bad)
        for bad in (b"", b"\0asm\1\0\0\0", pickle.dumps(1)):
            with pytest.raises(ValueError, match=r"these bytes do not come from Module\.serialize"):
                wasmpy.Module.deserialize(bad)

    def test_pickled_modules_are_sources(self):
        module = wasmpy.wat(ADD)
        data = pickle.dumps(module)
        assert len(data) < 1000
        assert pickle.loads(data).instantiate().add(1, 2) == 3
        assert copy.deepcopy(module).filename == "<wat>"
        with pytest.raises(TypeError, match="cannot be copied or pickled, its module can"):
            copy.copy(module.instantiate())


class TestCallers:
    def test_load(self):
        said = []

        @wasmpy.pass_caller
        def log(instance, address, size):
            said.append((instance, instance.memory.read_str(address, size)))

        m = wasmpy.load(LOG, {"env": {"log": log}})
        m.say()
        assert said == [(m, "hello"), (m, "hello")]
        other = wasmpy.load(LOG, {"env": {"log": log}})
        assert said[2][0] is other

    def test_while_it_starts(self):
        seen = []

        @wasmpy.pass_caller
        def tell(instance):
            seen.append((instance["memory"].read(8, 2), "f" in instance, list(instance), len(instance.exports)))

        text = b"""(module (import "a" "b" (func $f)) (memory (export "memory") 1) (data (i32.const 8) "ab")
            (start $f) (func (export "_initialize") (call $f)))"""
        wasmpy.load(text, {"a": {"b": tell}})
        assert seen == [(b"ab", False, ["memory", "_initialize"], 2)] * 2

    def test_methods_and_builtins(self):
        class Host:
            def __init__(self):
                self.seen = []

            @wasmpy.pass_caller
            def log(self, instance, address, size):
                self.seen.append((instance, address))

        host = Host()
        m = wasmpy.load(LOG, {"env": host})
        assert host.seen == [(m, 8)]
        said = []
        m = wasmpy.load(LOG, {"env": {"log": wasmpy.pass_caller(lambda *given: said.append(given))}})
        assert said == [(m, 8, 5)]
        collected = []
        m = wasmpy.load(LOG, {"env": {"log": wasmpy.pass_caller(Three(collected))}})
        assert collected == [(m, 8, 5)]
        with pytest.raises(TypeError, match="cannot know which instance"):
            wasmpy.Func("() -> ()", wasmpy.pass_caller(lambda caller: None))

    def test_imported(self, run):
        files = {"pkg/__init__.py": "", "pkg/m.wat": LOG.decode(), "pkg/env.py": """
            import wasmpy
            @wasmpy.pass_caller
            def log(module, address, size):
                print(module.__name__, module.memory.read_str(address, size))
        """}  # fmt: skip
        code = """
            import wasmpy, sys
            from pkg import m
            m.say()
        """
        assert run(files, code) == "pkg.m hello\npkg.m hello\n"

    def test_nothing_leaks(self):
        m = wasmpy.load(LOG, {"env": {"log": wasmpy.pass_caller(lambda *given: None)}})
        gone = weakref.ref(m._module)
        del m
        gc.collect()
        assert gone() is None


class Three:
    __slots__ = ("seen",)  # takes no attributes

    def __init__(self, seen):
        self.seen = seen

    def __call__(self, *given):
        self.seen.append(given)


class TestStart:
    def test_reactors_are_initialised(self, run):
        text = """
            (module (global (export "n") (mut i32) (i32.const 0))
              (func (export "_initialize") (global.set 0 (i32.const 9)))
              (func (export "_start") unreachable))
        """
        assert wasmpy.load(text.encode()).n == 9
        assert run({"m.wat": text}, "import wasmpy, m; print(m.n)") == "9\n"


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ('"wasi_snapshot_preview1" "fd_write"', "made for WASI, which wasmpy does not support yet"),
        ('"wasi_unstable" "args_get"', "made for WASI"),
        ('"wbg" "__wbg_log_1"', "wasm-bindgen"),
        ('"__wbindgen_placeholder__" "__wbindgen_throw"', "wasm-bindgen"),
        ('"./app_bg.js" "alert"', "wasm-bindgen"),
        ('"go" "debug"', "wasm_exec.js"),
        ('"gojs" "runtime.ticks"', "TinyGo"),
        ('"env" "abort"', "asc --use abort="),
        ('"env" "emscripten_resize_heap"', "-sSTANDALONE_WASM"),
        ('"env" "__cxa_throw"', "-sSTANDALONE_WASM"),
        ('"a" "b"', "-sSTANDALONE_WASM"),
        ('"env" "PyModule_Create2"', "CPython extension"),
        ('"wasm:js-string" "length"', "builtin of JavaScript engines"),
        ('"env" "sqrt"', "the linker puts"),
        ('"host" "f"', None),
    ],
)
def test_hints_for_missing_imports(wanted, hint):
    with pytest.raises(wasmpy.LinkError) as caught:
        wasmpy.load(f"(module (import {wanted} (func)) (import {wanted} (func)))".encode())
    message = str(caught.value)
    module, name = wanted.replace('"', "").split(" ", 1)
    assert message.count(f"unknown import {module}.{name}: function () -> ()") == 2
    assert message.endswith(f"imports are passed as a mapping: {{{module!r}: {{{name!r}: ...}}}}")
    assert message.count("hint") == (hint is not None)
    if hint is not None:
        assert hint in message


def test_star_imports(run):
    files = {"m.wat": """
        (module (global (export "n") i32 (i32.const 7)) (memory (export "memory") 1) (func (export "a b"))
          (func (export "_x")) (func (export "f") (result i32) (i32.const 1)) (func (export "__all__")))
    """}  # fmt: skip
    code = """
        import wasmpy, m
        names = {}
        exec("from m import *", names)
        print(sorted(name for name in names if name != "__builtins__"), names["n"], m.__all__)
        from wasmpy import *
        print(SIMD, BULK_MEMORY, NONE, enable(ALL))
    """
    assert run(files, code) == "['f', 'memory', 'n'] 7 ['n', 'memory', 'f']\n64 32 0 None\n"


def test_what_is_a_func():
    m = wasmpy.load(LOG, {"env": {"log": lambda *given: None}})
    made = wasmpy.Func("() -> i32", lambda: 7)
    assert all(isinstance(f, wasmpy.Func) for f in (m.say, made))
    assert not any(isinstance(f, wasmpy.Func) for f in (len, m, m.memory, None, lambda: None, [].append, sys.exit))


def test_memories_to_import():
    m = wasmpy.load(b'(module (import "m" "m" (memory i64 1 2)))', {"m": {"m": wasmpy.Memory(1, 2, index="i64")}})
    assert repr(m).startswith("<wasmpy.Instance")
    with pytest.raises(wasmpy.LinkError, match="its addresses are i32"):
        wasmpy.load(b'(module (import "m" "m" (memory i64 1)))', {"m": {"m": wasmpy.Memory(1, index="i32")}})
    assert wasmpy.Memory(1, 2, shared=False, page_size=65536).maximum == 2
    for given in ({"shared": True}, {"page_size": 1}):
        with pytest.raises(wasmpy.UnsupportedError, match="not supported yet"):
            wasmpy.Memory(1, **given)
    with pytest.raises(ValueError, match="i32"):
        wasmpy.Memory(1, index="u32")


class TestCommands:
    @pytest.fixture
    def python(self, tmp_path):
        def run(*arguments, check=True, **env):
            done = subprocess.run(
                [sys.executable, *arguments],
                cwd=tmp_path,
                env={**os.environ, **environment(tmp_path / "cache"), **env},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0 or not check, done.stderr
            return done

        return run

    def test_installed_packages_get_one_image_for_all(self, python, tmp_path):
        tree = tmp_path / "site-packages" / "pkg"
        tree.mkdir(parents=True)
        (tree / "m.wat").write_text(ADD)
        (tree / "__init__.py").write_text("")
        python("-m", "wasmpy", "compile", str(tmp_path / "site-packages"))
        (image,) = (tree / "__pycache__").glob("*.so")
        code = "import sys; sys.path.insert(0, 'site-packages'); import wasmpy, pkg.m; print(pkg.m.add(5, 3))"
        done = python("-c", NO_COMPILER + code, WASMPY_LOG="debug", WASMPY_STATS="1")
        assert done.stdout == "8\n"
        assert f"m.wat: found {image}" in done.stderr
        assert done.stderr.endswith("wasmpy: 1 images found, 0 compiled (0 bytes in 0.00 s)\n")
        # For this CPU only, in the user's cache: it comes first.
        (host,) = _compiled_alone(python, tree / "m.wat", tmp_path / "cache")
        done = python("-c", code, WASMPY_LOG="debug")
        assert f"m.wat: found {host}" in done.stderr
        # Another text: the image of the old one goes.
        (tree / "m.wat").write_text(ADD.replace("i32.add", "i32.sub"))
        python("-m", "wasmpy", "compile", str(tree))
        (other,) = (tree / "__pycache__").glob("*.so")
        assert other != image
        assert python("-c", NO_COMPILER + code).stdout == "2\n"

    def test_options_of_compile(self, python, tmp_path):
        (tmp_path / "m.wat").write_text(ADD)
        python("-m", "wasmpy", "compile", "--wrap", "--no-interrupts", "m.wat")
        code = "import wasmpy; wasmpy.bind('m', wrap=True, interrupts=False); import m; print(m.add(2**32, 1))"
        assert python("-c", NO_COMPILER + code).stdout == "1\n"

    def test_compile_writes_files_as_compileall_does(self, python, tmp_path):
        (tmp_path / "good.wat").write_text(ADD)
        (tmp_path / "bad.wat").write_text("(module\n (func (result i32)))")
        done = python("-m", "wasmpy", "compile", ".", check=False, PYTHONDONTWRITEBYTECODE="1")
        assert done.returncode == 1
        assert done.stderr == (
            "./bad.wat:2:20: type mismatch: expected i32, found nothing\n"
            "     (func (result i32)))\n                       ^\n"
        )
        (image,) = (tmp_path / "__pycache__").iterdir()
        assert done.stdout == f"{image}\n"
        done = python("-m", "wasmpy", "inspect", "none.wat", check=False)
        assert (done.returncode, done.stderr) == (1, "wasmpy: none.wat: No such file or directory\n")

    def test_doctor(self, python, tmp_path):
        (tmp_path / "good.wat").write_text(ADD)
        (tmp_path / "bad.wat").write_text("(module (func (result i32)))")
        done = python(
            "-m", "wasmpy", "doctor", "good.wat", "bad.wat", "none.wasm", check=False, WASMPY_CPU="baseline"
        )
        assert done.returncode == 1
        assert "; compiled code uses sse41, popcnt\n" in done.stdout
        assert "self-test: compiles and runs\n" in done.stdout
        assert "good.wat: <wasmpy.Module good.wat: " in done.stdout
        assert "bad.wat: FAILS: type mismatch" in done.stdout
        assert "none.wasm: FAILS: [Errno 2]" in done.stdout
        for name in vars(wasmpy.config):
            assert f"WASMPY_{name.upper()}" in done.stdout
        assert "'baseline' (WASMPY_CPU)" in done.stdout
        assert python("-m", "wasmpy", "doctor").returncode == 0

    def test_levels_of_cpus(self, python, tmp_path):
        (tmp_path / "m.wat").write_text(ADD)
        code = "import wasmpy, m; print(m.add(1, 2))"
        for level in ("baseline", "x86-64-v2", "x86-64"):
            assert python("-c", code, WASMPY_CPU=level).stdout == "3\n"
        done = python("-c", code, WASMPY_CPU="386", check=False)
        assert "WASMPY_CPU is host, x86-64, x86-64-v2, x86-64-v3, baseline" in done.stderr

    def test_a_level_that_this_cpu_has_not(self, monkeypatch):
        from wasmpy import _target

        monkeypatch.setenv("WASMPY_CPU", "x86-64-v3")
        monkeypatch.setattr(_target, "host_features", lambda: ["sse41", "popcnt", "lzcnt", "bmi1", "bmi2"])
        assert _target.options()["cpu"] == "sse41,popcnt,lzcnt,bmi1,bmi2"
        monkeypatch.setattr(_target, "host_features", lambda: ["lzcnt"])
        with pytest.raises(wasmpy.UnsupportedError, match="this CPU has no sse41, popcnt, bmi1, bmi2, which"):
            wasmpy.wat(ADD)


def _compiled_alone(python, file, cache):
    code = f"""
from wasmpy import _cache
build = _cache.Build(open({str(file)!r}, "rb").read(), "m", {str(file)!r})
print(_cache.locate(build))
"""
    return python("-c", code).stdout.split()


class TestSettings:
    def test_where_they_come_from(self, monkeypatch):
        monkeypatch.delenv("WASMPY_QUIET", raising=False)
        config = type(wasmpy.config)()
        assert (config.get("quiet"), config.origin("quiet")) == ("", "default")
        config.quiet = True
        assert (config.get("quiet"), config.origin("quiet")) == ("True", "wasmpy.config")
        monkeypatch.setenv("WASMPY_QUIET", "yes")
        assert (config.get("quiet"), config.origin("quiet")) == ("yes", "WASMPY_QUIET")
        with pytest.raises(AttributeError, match="no setting 'nodes': cache_dir, "):
            config.nodes = 1

    def test_log_of_a_program(self, cache, caplog):
        caplog.set_level("INFO", "wasmpy")
        wasmpy.load(b"(module (; unlike all others ;) (func))")
        assert "<wat>: compiled 39 bytes to " in caplog.text


class TestNotebooks:
    @pytest.fixture
    def shell(self):
        pytest.importorskip("IPython", reason="IPython is not installed")
        from IPython.core.interactiveshell import InteractiveShell

        shell = InteractiveShell()
        shell.run_line_magic("load_ext", "wasmpy")
        return shell

    def test_magics(self, shell, tmp_path, capsys):
        shell.run_cell("said = []\nclass env:\n    log = said.append")
        cell = '(module (import "env" "log" (func $log (param i32))) (func (export "f") (call $log (i32.const 3))))'
        assert shell.run_cell(f"%%wat m\n{cell}").success
        assert shell.run_cell("m.f(); said").result == [3]
        (tmp_path / "add.wat").write_text(ADD)
        assert shell.run_cell(f"%wasm {tmp_path}/add.wat").success
        assert shell.run_cell("add.add(1, 2)").result == 3
        assert shell.run_cell(f"%wasm '{tmp_path}/add.wat' other").success
        assert shell.run_cell("other.add(3, 2)").result == 5
        assert isinstance(shell.run_cell("%%wat m\n(module (func (result i32)))").error_in_exec, SyntaxError)
        for wrong in ("%%wat\n(module)", "%%wat a-b\n(module)", "%wasm", "%wasm a b c"):
            assert type(shell.run_cell(wrong).error_in_exec).__name__ == "UsageError"
        shell.run_line_magic("unload_ext", "wasmpy")
        assert not shell.find_line_magic("wasm")
        assert not shell.find_cell_magic("wat")

    def test_tracebacks(self, shell, tmp_path, capsys, monkeypatch):
        """None of them shows a frame of this package: of the commands, of imports, of what the session calls."""
        (tmp_path / "no.wat").write_text("(module (func (result i32)))")
        monkeypatch.syspath_prepend(tmp_path)
        shell.run_cell("def fails():\n    raise ValueError('host')\nenv = {'f': fails}")
        cells = {
            "%%wat m\n(module (func (result i32)))": "CompileError: type mismatch: expected i32, found nothing",
            '%%wat m\n(module (import "absent" "f" (func)))': "unknown import absent.f: function () -> ()",
            "%%wat m\n(module (func $deep unreachable) (start $deep))": "Trap: unreachable",
            '%%wat m\n(module (import "env" "f" (func)) (start 0))': "ValueError: host",
            "%wasm none.wasm": "No such file or directory: 'none.wasm'",
            "import no": "CompileError: type mismatch: expected i32, found nothing",
            "import wasmpy; wasmpy.load('none.wasm')": "No such file or directory: 'none.wasm'",
        }
        shown = {}
        for cell, message in cells.items():
            capsys.readouterr()
            assert not shell.run_cell(cell, store_history=True).success
            shown[cell] = re.sub(r"\x1b\[[\d;]*m", "", "".join(capsys.readouterr()))
            assert message in shown[cell]
            assert "wasmpy/_" not in shown[cell]
            assert "importlib" not in shown[cell]
        assert "deep" in shown["%%wat m\n(module (func $deep unreachable) (start $deep))"]
        assert "in fails" in shown['%%wat m\n(module (import "env" "f" (func)) (start 0))']
        shell.run_line_magic("unload_ext", "wasmpy")
        shell.run_cell("wasmpy.load('none.wasm')")
        assert "wasmpy/_api.py" in capsys.readouterr().out

    def test_tables(self, shell):
        module = wasmpy.wat('(module (import "<b>" "&" (func)) (memory (export "memory") 1 2))')
        data, _ = shell.display_formatter.format(module)
        assert data["text/plain"] == repr(module)
        html = data["text/html"]
        assert html.startswith("<table><caption>wasmpy.Module &lt;wat&gt;</caption><tr><td")
        assert ">&lt;b&gt;.&amp;</td>" in html
        assert ">1 2</td></tr></table>" in html

    def test_completion(self, shell):
        from IPython.core.completer import provisionalcompleter

        shell.user_ns["m"] = wasmpy.load(LOG, {"env": {"log": lambda *given: None}})
        with provisionalcompleter():
            assert {"memory", "say", "exports"} <= {c.text for c in shell.Completer.completions("m.", 2)}
