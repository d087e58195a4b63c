"""The compiler: requests and answers. It is an image, opened in this process (_machine.py); no other is started.

A job has an instance of its own, in the thread that asks. What is large is compiled in chunks of functions, by that
thread and by others, each with an instance; that thread links them. Whatever ends a job early, a signal's handler for
one, its instances are not used again: so there is no state that an exception could leave behind, and no lock.
"""

from __future__ import annotations

import os
from _thread import get_ident
from io import FileIO
from itertools import count

from ._diagnostics import diagnostic
from ._errors import is_own, tried
from ._machine import FailedError, Machine, limit
from ._progress import Notice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Thread
    from typing import Any

# The compiler's own limit (compiler/wasm/limits.ts): what is larger is not even read.
_MOST_BYTES = 1 << 30
# What is larger, in bytes of source, takes seconds: that is said before.
_LONG_BYTES = 1 << 22
# Instances that are kept, and the bytes that a job may take in one of them.
_MOST_IDLE = 4
_MOST_KEPT_BYTES = 1 << 23
# Threads that compile at the same time; each takes some 20 MB.
_MOST_THREADS = 8
# Seconds for helpers to notice that nothing is left to do.
_MOMENT = 0.02

# Whoever has a job takes one from here, and puts it back when the job is done.
_idle: list[Machine] = []


def _take() -> Machine:
    if _idle:
        try:
            return _idle.pop()
        except IndexError as error:  # Another thread was faster.
            if not is_own(error):
                raise
    return Machine()


def _put_back(machine: Machine) -> None:
    if machine.is_sound and machine.used <= _MOST_KEPT_BYTES and len(_idle) < _MOST_IDLE:
        machine.call("reset")
        _idle.append(machine)
    else:
        machine.close()


def request(header: dict[str, Any], payload: bytes, what: str = "a module") -> tuple[dict[str, Any], bytes]:
    """Does one job. The answer has "error" if the source is wrong; of a script, its commands.

    ``header``: ``do``, one of the jobs below, and options (``target`` is this machine). ``what`` is compiled, for the
    user's eyes; "" for what is not worth a word. Raises UnsupportedError where there is no compiler, RecursionError
    where the thread's stack is too small for it, or what a signal's handler raises.
    """
    source = bytes(payload)  # The length of an array is its number of items, whatever their size.
    if len(source) > _MOST_BYTES:
        return {"error": limit("module too large", f"{len(source)}, the limit is {_MOST_BYTES}")}, b""
    notice = Notice(what)
    machine = _take()
    try:
        answer = _answer(machine, header, source, notice)
        notice.end()
        _put_back(machine)
    except BaseException:
        notice.end()
        machine.close()
        raise
    return answer


def _answer(machine: Machine, header: dict[str, Any], source: bytes, notice: Notice) -> tuple[dict[str, Any], bytes]:
    try:
        if header.get("form") == "binary":
            machine.call("requireBinary", machine.new_bytes(source))
        return _JOBS[header["do"]](machine, header, source, notice)
    except FailedError as failed:
        if not is_own(failed):
            raise
        return {"error": failed.complaint}, b""


def compile_image(source: bytes, leaf: str, options: dict[str, object], filename: str) -> bytes:
    """The bytes of the extension module for ``source``."""
    answer, image = request({"do": "compile", "leaf": leaf, **options}, source, filename)
    if "error" in answer:
        raise diagnostic(answer["error"], filename, source)
    return image


# --- jobs --------------------------------------------------------------------------------------------------------


def _features(machine: Machine, header: dict[str, Any]) -> int:
    version = int(str(header.get("features", "3.0"))[0])
    features: int = machine.call("features", version, machine.new_text(str(header.get("without", ""))))
    return features


def _options(machine: Machine, header: dict[str, Any]) -> None:
    """Says how the job's module is to be compiled."""
    machine.call(
        "options",
        machine.new_text(header.get("leaf", "wasm")),
        _features(machine, header),
        header.get("level", 2),
        header.get("checked", False),
        header.get("wrap", False),
        header.get("interrupts", True),
        machine.call("cpu", machine.new_text(header.get("cpu", ""))),
        header.get("verified", False),
        header.get("nogil", False),
    )


def _begin(machine: Machine, header: dict[str, Any], source: bytes) -> int:
    """Begins to compile; how many chunks there are."""
    _options(machine, header)
    chunks: int = machine.call("begin", machine.new_bytes(source))
    return chunks


def _compile(machine: Machine, header: dict[str, Any], source: bytes, notice: Notice) -> tuple[dict[str, Any], bytes]:
    if len(source) > _LONG_BYTES:
        notice.give()
    chunks = _begin(machine, header, source)
    _Shared(machine, header, source, chunks, notice).run()
    return {}, machine.read_bytes(machine.call("finish"))


def _show(machine: Machine, header: dict[str, Any], source: bytes, _: Notice) -> tuple[dict[str, Any], bytes]:
    _options(machine, header)
    texts = [machine.new_text(header.get(name, "")) for name in ("stage", "filter")]
    return {}, machine.read_bytes(machine.call("show", machine.new_bytes(source), *texts))


def _script(machine: Machine, header: dict[str, Any], source: bytes, _: Notice) -> tuple[dict[str, Any], bytes]:
    import json

    name = "script"
    arguments: tuple[int, ...] = (machine.new_bytes(source), _features(machine, header))
    while True:
        try:
            commands = machine.read_bytes(machine.call(name, *arguments))
        except FailedError as failed:
            # Of a command or a module of the script; unless the compiler itself has failed.
            if not is_own(failed) or not machine.is_sound:
                raise
            name, arguments = "resumeScript", ()
        else:
            return json.loads(commands), machine.read_bytes(machine.call("scriptPayload"))


def _simple(name: str) -> Any:
    """A job that takes a source and features."""

    def do(machine: Machine, header: dict[str, Any], source: bytes, _: Notice) -> tuple[dict[str, Any], bytes]:
        made = machine.call(name, machine.new_bytes(source), _features(machine, header))
        return {}, b"" if made is None else machine.read_bytes(made)

    return do


_JOBS: dict[str, Callable[[Machine, dict[str, Any], bytes, Notice], tuple[dict[str, Any], bytes]]] = {
    "compile": _compile,
    "show": _show,
    "script": _script,
    "validate": _simple("validate"),
    "assemble": _simple("assemble"),
    "disassemble": _simple("disassemble"),
    "describe": _simple("describeModule"),
}


# --- chunks ------------------------------------------------------------------------------------------------------


class _Shared:
    """A compilation whose chunks several threads may compile; this one links them, in their order."""

    def __init__(self, machine: Machine, header: dict[str, Any], source: bytes, chunks: int, notice: Notice) -> None:
        self._machine = machine
        self._header = header
        self._source = source
        self._chunks = chunks
        self._notice = notice
        # Whoever wants a chunk takes the next number, up to the first chunk that fails.
        self._next = count()
        self._end = chunks
        # Chunks that are compiled and not linked, or what is wrong with them.
        self._made: dict[int, bytes | FailedError] = {}
        # The instances of helpers. Whoever takes one out, its helper or the one that stops it, decides what becomes
        # of it.
        self._helping: dict[int, Machine] = {}
        # Of each thread: how many functions it has begun.
        self._done: dict[int, int] = {}
        self._threads: list[Thread] = []

    def run(self) -> None:
        """Compiles and links all. Raises FailedError for the first chunk that fails."""
        try:
            self._start(min(_threads(), self._chunks) - 1)
            for k in range(self._chunks):
                self._link(k)
                self._tell()
            for thread in self._threads:
                thread.join(_MOMENT)
        except BaseException:
            self._stop()
            raise
        self._stop()
        for thread in self._threads:
            thread.join()

    def _stop(self) -> None:
        """Ends what helpers do."""
        self._end = 0
        for ident in list(self._helping):
            helper = self._helping.pop(ident, None)
            if helper is not None:
                helper.stop()

    def _start(self, number: int) -> None:
        """Starts helpers, as far as the system lets us."""
        if number <= 0:
            return
        from threading import Thread

        for _ in range(number):
            thread = Thread(target=self._help, name="wasmpy compiler")
            try:
                thread.start()
            except RuntimeError as error:
                if not is_own(error, "threading"):
                    raise
                return
            self._threads.append(thread)

    def _link(self, k: int) -> None:
        """Compiles chunks until this one is there, and links it."""
        machine = self._machine
        while k not in self._made:
            taken = next(self._next)
            if taken >= self._end:
                if self._wait():
                    continue
                taken = k  # The one that had it is gone: a fork, or no memory.
            if taken == k:
                machine.call("link", k, machine.call("compileChunk", k))
                self._done[get_ident()] = machine.done
                return
            self._compile(machine, taken)
        made = self._made.pop(k)
        if isinstance(made, FailedError):
            raise made
        machine.call("link", k, machine.new_bytes(made))

    def _compile(self, machine: Machine, k: int) -> None:
        try:
            self._made[k] = machine.read_bytes(machine.call("compileChunk", k))
        except FailedError as failed:
            if not is_own(failed):
                raise
            self._made[k] = failed
            self._end = min(self._end, k)
        self._done[get_ident()] = machine.done

    def _wait(self) -> bool:
        """Whether other threads compile; waits for them a moment. A fork leaves none of them."""
        for thread in self._threads:
            if thread.is_alive():
                thread.join(0.1)
                self._tell()
                return True
        return False

    def _help(self) -> None:
        """What a helper does. Of whatever it fails with, the one that asked for the job makes up for it."""
        machine = _take()
        self._helping[get_ident()] = machine
        try:
            _begin(machine, self._header, self._source)
            while True:
                k = next(self._next)
                if k >= self._end:
                    break
                self._compile(machine, k)
        except Exception:
            machine.is_sound = False
        if self._helping.pop(get_ident(), None) is None:
            machine.is_sound = False  # It was stopped.
        _put_back(machine)

    def _tell(self) -> None:
        if self._notice.wants_progress or self._notice.milliseconds() is not None:
            self._notice.tell(sum(self._done.values()), self._machine.call("functions"))


def _threads() -> int:
    """How many threads may run at the same time: of this process's CPUs, and of what a cgroup leaves of them."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    file = tried(FileIO, "/sys/fs/cgroup/cpu.max")
    if not isinstance(file, OSError):
        with file:
            limits = tried(file.read)
        # Microseconds of processor time, or "max", in so many.
        if not isinstance(limits, OSError) and len(limits.split()) == 2 and limits[:1].isdigit():
            quota, period = map(int, limits.split())
            cpus = min(cpus, max(1, quota // max(1, period)))
    return min(cpus, _MOST_THREADS)
