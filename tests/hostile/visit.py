"""Loads modules and calls their exports: for modules that nobody has checked, in a process of its own.

Reads from standard input, again and again, a size (four bytes, little-endian) and a module. Writes for each a line:
"works", or the class of the exception.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from typing import Any

import wasmpy

# Code may run so long.
SECONDS = 0.5


def _nothing(*values: object) -> None:
    return None


class Namespace(dict[str, Any]):
    """Has whatever a module may ask for, as a function."""

    def __missing__(self, key: str) -> Any:
        return _nothing


class Everything(dict[str, Any]):
    def __missing__(self, key: str) -> Any:
        return Namespace()


class TooLong(Exception):
    pass


def _stop(number: int, frame: object) -> None:
    raise TooLong


@contextlib.contextmanager
def timed() -> Iterator[None]:
    """Interrupts what takes too long, as Ctrl-C would."""
    try:
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        yield
    except TooLong:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def visit(source: bytes) -> None:
    """Raises WasmError, MemoryError, or what should not be."""
    with timed():
        instance = wasmpy.load(source, Everything())
        for name in instance:
            value = instance[name]
            if callable(value):
                with contextlib.suppress(wasmpy.Trap, TypeError, MemoryError):
                    value()


def main() -> None:
    # What a shell runs in the background ignores SIGINT; then nothing interrupts WebAssembly.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGALRM, _stop)
    pipe = sys.stdin.buffer
    while size := pipe.read(4):
        source = pipe.read(int.from_bytes(size, "little"))
        try:
            visit(source)
            outcome = "works"
        except (wasmpy.WasmError, MemoryError, TooLong) as error:
            outcome = next(c.__name__ for c in type(error).__mro__ if not c.__name__.startswith("_"))
            if type(error) is wasmpy.WasmError:  # nothing of the module's
                outcome = f"InternalError: {error}"
        print(outcome.replace("\n", " "), flush=True)


if __name__ == "__main__":
    main()
