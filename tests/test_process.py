"""The compiler as part of the process: threads, forks, signals, notices, stacks, memory."""

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

import pytest
from conftest import environment, run_python

ADD = b'(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))'
PRELUDE = """
import os, signal, sys, time, threading
import wasmpy
from wasmpy import _compiler, _machine

def large(functions, name="f"):
    '''A module that takes a millisecond for some functions.'''
    body = "(local.set 0 (i32.add (i32.mul (local.get 0) (i32.const 3)) (i32.const 4)))" * 50
    return (f'(module (func (export "{name}") (result i32) (i32.const 7))' + f"(func (param i32) {body})" * functions
        + ")").encode()

def seconds(function):
    started = time.monotonic()
    function()
    return time.monotonic() - started

assert wasmpy.validate(b"(module)")
"""


@pytest.fixture
def python(tmp_path, cache):
    """python(code, **environment): runs the code after PRELUDE in a new process, returns what it printed."""

    def run(code: str, *, prelude: str = PRELUDE, **options) -> str:
        return run_python(prelude + textwrap.dedent(code), tmp_path, cache, **options).stdout

    return run


def test_no_process_is_started(python):
    code = """
        import sys
        def refuse(event, arguments):
            if event in ("subprocess.Popen", "os.fork", "os.posix_spawn", "os.exec", "os.system"):
                raise AssertionError(event)
        sys.addaudithook(refuse)
        import os, wasmpy
        os.environ["PATH"] = "/nowhere"
        print(wasmpy.load(b'(module (func (export "f") (result i32) (i32.const 7)))').f())
        print(wasmpy.wasm2wat(wasmpy.wat2wasm("(module)")), end="")
        print("subprocess" in sys.modules)
    """
    assert python(code, prelude="", WASMPY_NO_CACHE="1") == "7\n(module)\nFalse\n"


def test_fork(python):
    code = """
        child = os.fork()
        if child == 0:
            os._exit(0 if wasmpy.load(large(1, "child")).child() == 7 else 1)
        print(os.waitpid(child, 0)[1], wasmpy.validate(b"(module)"))
        # In the midst of a job of another thread.
        thread = threading.Thread(target=wasmpy.compile, args=(large(300),))
        thread.start()
        for number in range(5):
            time.sleep(0.03)
            child = os.fork()
            if child == 0:
                os._exit(0 if wasmpy.load(large(1, f"child {number}"))[f"child {number}"]() == 7 else 1)
            print(os.waitpid(child, 0)[1])
        thread.join()
        print(wasmpy.load(large(300)).f())
    """
    assert (
        python("import warnings; warnings.simplefilter('ignore')\n" + textwrap.dedent(code))
        == "0 True\n" + "0\n" * 5 + "7\n"
    )


def test_a_signal_handler_forks(python):
    """Both go on, also where other threads have chunks of the job that are not there in the child."""
    code = """
        import warnings
        warnings.simplefilter("ignore")
        for delay in (0.02, 0.1, 0.3, 0.5):
            children = []
            signal.signal(signal.SIGALRM, lambda *_: children.append(os.fork()))
            signal.setitimer(signal.ITIMER_REAL, delay)
            source = large(400, f"f {delay}")
            answer = _compiler.request({"do": "compile"}, source)
            while not children:
                time.sleep(0.01)
            signal.setitimer(signal.ITIMER_REAL, 0)
            right = answer == _compiler.request({"do": "compile"}, source)
            if children == [0]:
                os._exit(0 if right else 1)
            print(right, os.waitpid(children[0], 0)[1])
    """
    assert python(code, WASMPY_NO_CACHE="1", seconds=200) == "True 0\n" * 4


def test_interrupted(python):
    """At once, wherever it is; the next job is done."""
    code = """
        source, binary = large(600), wasmpy.wat2wasm(large(600).decode())
        late = []
        for job in (lambda: wasmpy.wat2wasm(source.decode()), lambda: wasmpy.validate(binary),
                    lambda: wasmpy.wasm2wat(binary), lambda: _compiler.request({"do": "compile"}, binary),
                    lambda: _compiler.request({"do": "show", "stage": "opt"}, binary)):
            whole = seconds(job)
            for part in (0.1, 0.5, 0.9):
                sent = []
                def send():
                    sent.append(time.monotonic())
                    os.kill(os.getpid(), signal.SIGINT)
                timer = threading.Timer(whole * part, send)
                try:
                    timer.start()
                    job()
                    timer.join()
                except KeyboardInterrupt:
                    late.append(time.monotonic() - sent[0])
            assert wasmpy.validate(b"(module)")
        print(len(late) > 9, sorted(late)[len(late) // 2] < 0.05, max(late) < 0.5)
    """
    assert python(code, seconds=200) == "True True True\n"


def test_a_signal_handler_may_compile(python):
    code = """
        def handler(*_):
            print(wasmpy.load(large(1, "handler"))["handler"]())
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        answer = _compiler.request({"do": "compile"}, large(300))
        print(answer == _compiler.request({"do": "compile"}, large(300)))
    """
    assert python(code) == "7\nTrue\n"


def test_threads(python):
    """Four that compile different modules make the images that one makes."""
    code = """
        sources = [large(300 + number, f"f {number}") for number in range(4)]
        images = [_compiler.request({"do": "compile"}, source) for source in sources]
        wrong = []
        def compile(number):
            for k in range(4):
                if _compiler.request({"do": "compile"}, sources[(number + k) % 4]) != images[(number + k) % 4]:
                    wrong.append((number, k))
        threads = [threading.Thread(target=compile, args=(number,)) for number in range(4)]
        [t.start() for t in threads]; [t.join() for t in threads]
        print(wrong, len(_compiler._idle) <= 4)
    """
    assert python(code) == "[] True\n"


def test_other_threads_run_meanwhile(python):
    code = """
        source = large(1500)
        turns, done = 0, False
        def count():
            global turns
            while not done:
                time.sleep(0.005)
                turns += 1
        thread = threading.Thread(target=count)
        thread.start()
        took = seconds(lambda: _compiler.request({"do": "compile"}, source))
        seen, done = turns, True
        thread.join()
        print(seen > took / 0.05)
    """
    assert python(code) == "True\n"


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_several_threads_make_the_image_of_one(python, threads):
    code = f"""
        source = wasmpy.wat2wasm(large(600).decode())
        _compiler._threads = lambda: 1
        image = _compiler.request({{"do": "compile"}}, source)
        _compiler._threads = lambda: {threads}
        for _ in range(3):
            assert _compiler.request({{"do": "compile"}}, source) == image
        print([thread.name for thread in threading.enumerate()])
    """
    assert python(code) == "['MainThread']\n"


def test_no_thread_can_be_started(python):
    code = """
        exec("def refuse(*_, **more): raise RuntimeError('planted')", threading.__dict__)  # as if it were there
        threading._start_new_thread = threading._start_joinable_thread = threading.refuse
        _compiler._threads = lambda: 4
        print(len(_compiler.request({"do": "compile"}, large(600))[1]) > 100000)
    """
    assert python(code) == "True\n"


@pytest.mark.parametrize("how", ["a failure", "no instance", "an exception"])
def test_helpers_that_fail(python, how):
    """The job ends as it would without them."""
    code = f"""
        how = {how!r}
        source = large(600)
        image = _compiler.request({{"do": "compile"}}, source)
        call, main = _machine.Machine.call, threading.get_ident()
        def failing(machine, name, *arguments):
            if threading.get_ident() != main and name == ("begin" if how == "no instance" else "compileChunk"):
                raise MemoryError("planted") if how != "a failure" else _machine.FailedError(
                    _machine.limit("planted", ""))
            return call(machine, name, *arguments)
        _machine.Machine.call = failing
        _compiler._threads = lambda: 3
        answer = _compiler.request({{"do": "compile"}}, source)
        print(answer == image, answer[0].get("error", {{}}).get("message"))
        _machine.Machine.call = call
        print(_compiler.request({{"do": "compile"}}, source) == image)
    """
    outcomes = {"False planted\nTrue\n"} if how == "a failure" else {"True None\nTrue\n"}
    # Whether a helper gets a chunk at all depends on the system.
    assert python(code) in outcomes | {"True None\nTrue\n"}


def test_the_first_failing_chunk_is_told_of(python):
    """Whoever compiles it."""
    code = """
        body = "(local.set 0 (i32.add (i32.mul (local.get 0) (i32.const 3)) (i32.const 4)))" * 50
        good = f"(func (param i32) {body})" * 500
        many = "(i32.add (i32.const 1)) " * 60000
        bad = lambda name: f"(func ${name} " + "(local i64)" * 60000 + ")"
        source = ("(module" + good + bad("one") + good + bad("two") + good + bad("three") + ")").encode()
        _compiler._threads = lambda: 1
        answer = _compiler.request({"do": "compile"}, source)
        print(answer[0]["error"]["function"])
        _compiler._threads = lambda: 4
        for _ in range(5):
            assert _compiler.request({"do": "compile"}, source) == answer
    """
    assert python(code, seconds=200) == "one\n"


def test_memory_stays_flat(python):
    """Of jobs that end well, of those that fail, and of large ones, whose memory is given back."""
    code = """
        import resource
        def use(number):
            for k in range(200):
                wasmpy.wat2wasm(f'(module (func (export "{number} {k}")))')
                wasmpy.validate(b"(module (func i32.add))")
        def resident():
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * 4096
        use(0)
        before = resident()
        for number in range(10):
            use(number)
        grown = resident() - before
        for number in range(3):
            _compiler.request({"do": "compile"}, large(400, f"{number}"))
        print(grown < 2 << 20, resident() - before < 24 << 20)
    """
    assert python(code) == "True True\n"


@pytest.mark.parametrize("kilobytes", [128, 256, 1024])
def test_threads_with_little_stack(python, kilobytes):
    code = f"""
        from wasmpy import _link
        threading.stack_size({kilobytes} << 10)
        answers = []
        thread = threading.Thread(target=lambda: answers.append(_compiler.request({{"do": "compile"}}, large(1500))))
        thread.start()
        thread.join()
        print(answers == [_compiler.request({{"do": "compile"}}, large(1500))])
    """
    assert python(code) == "True\n"


def test_a_thread_with_too_little_stack(python):
    """An error says so."""
    code = """
        threading.stack_size(40 << 10)
        def work():
            try:
                print(len(_compiler.request({"do": "compile"}, large(300))[1]) > 0)
            except RecursionError as error:
                print("too little stack" in str(error))
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        print(wasmpy.validate(b"(module)"))
    """
    assert python(code) == "True\nTrue\n"


def test_little_address_space(python):
    """The image with bounds checks is taken where the guarded memory has no room."""
    code = """
        import resource
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        import wasmpy
        from wasmpy import _compiler
        print(wasmpy.load(b'(module (func (export "f") (result i32) (i32.const 7)))').f())
        print(_compiler._idle[0].file.endswith("-checked.so"))
    """
    assert python(code, prelude="", WASMPY_NO_CACHE="1") == "7\nTrue\n"


def test_an_internal_error(python):
    """Names the place in the compiler's sources; the instance is not used again."""
    code = """
        exports = _compiler._idle[-1]._exports
        exports["begin"] = lambda *arguments: exports["link"](0, 0)  # before there is a job
        exports["begin"].__globals__["__name__"] = "wasmpy.planted"
        try:
            wasmpy.wat("(module (func))")
        except wasmpy.WasmError as error:
            print(type(error).__name__, error)
        print(wasmpy.load(b'(module (func (export "f") (result i32) (i32.const 7)))').f())
    """
    said, seven = python(code, WASMPY_NO_CACHE="1").rsplit("\n", 2)[:2]
    assert said.startswith("WasmError internal compiler error: ")
    assert "link" in said
    assert "please report this" in said
    assert seven == "7"


@pytest.mark.parametrize("how", ["terminal", "quiet", "log"])
def test_notice(cache, tmp_path, how):
    """Whoever waits at a terminal learns why."""
    code = """
        import sys, time, wasmpy
        from wasmpy import _machine
        call = _machine.Machine.call
        def slowly(machine, name, *arguments):
            if name == "begin":
                time.sleep(1.2)
            return call(machine, name, *arguments)
        _machine.Machine.call = slowly
        wasmpy.compile("m.wat")
        print("logging" in sys.modules)
    """
    if how == "log":
        code = "import logging; logging.basicConfig(level='INFO')\n" + textwrap.dedent(code)
    (tmp_path / "m.wat").write_bytes(ADD)
    ours, theirs = pty.openpty()
    with open(ours, "rb", buffering=0) as terminal:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            cwd=tmp_path,
            env={**os.environ, **environment(cache), "WASMPY_NO_CACHE": "1"}
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


def test_these_tests_in_the_background():
    """Of a shell, or under nohup: what ignores Ctrl-C there leaves that to its children."""
    test = f"{__file__}::test_a_signal_handler_may_compile"
    background = f'trap "" INT HUP QUIT; exec "{sys.executable}" -m pytest -q -p no:cacheprovider "{test}"'
    done = subprocess.run(["sh", "-c", background], capture_output=True, text=True, timeout=100, check=False)
    assert "1 passed" in done.stdout, done.stdout
