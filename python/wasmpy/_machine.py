"""One instance of the compiler: WebAssembly that wasmpy compiled, opened like any other image, in this process.

What it exports, and what that takes, stands in the compiler's ``self/exports.ts``. Bytes and texts go in and out
through its memory; numbers are its own. A call that fails is a trap; the instance then says why.
"""

from __future__ import annotations

import os
from _codecs import utf_16_le_decode, utf_16_le_encode  # encodings would cost 0.4 ms of the first import

from . import _identity, _image, _link
from ._errors import Trap, UnguardedError, UnsupportedError, is_own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

# In the order of base/errors.ts.
_KINDS = ("malformed", "invalid", "unsupported", "limit", "internal", "proposed", "stopped")
_STACK = "call stack exhausted"


class FailedError(Exception):
    """A job failed: what the compiler says of it, for ``_diagnostics.diagnostic``."""

    def __init__(self, complaint: dict[str, Any]) -> None:
        super().__init__(complaint["message"])
        self.complaint = complaint


def limit(message: str, detail: str) -> dict[str, Any]:
    """What the compiler would say of a limit, were it asked."""
    return _complaint("limit", message, detail)


def _complaint(kind: str, message: str, detail: str) -> dict[str, Any]:
    return {"kind": kind, "message": message, "detail": detail, "at": -1, "line": 0, "column": 0, "function": ""}


class _Exports:
    """What the linker gives the exports to: ``_api.Instance`` in small."""


class Machine:
    """An instance. One thread at a time may be in it; ``stop`` is for others."""

    def __init__(self) -> None:
        self._holder, self._module = _open()
        self._state = self._holder.__dict__["__wasm__"]
        # The image's file.
        self.file: str = self._state.file
        exports: dict[str, Any] = self._state.exports
        self._exports = exports
        self._memory = exports["memory"]
        self.call("load")
        self.call("keep")
        self._least: int = exports["top"]._get()
        self._progress_at, self._stop_at = self.call("progress_at"), self.call("stop_at")
        # It has not been in a state that nobody knows.
        self.is_sound = True

    def call(self, name: str, *arguments: int) -> Any:
        """What the export returns. Raises FailedError; or what a signal's handler raises."""
        try:
            return self._exports[name](*arguments)
        except Trap as error:
            if not is_own(error):
                raise
            raise FailedError(self._why(error)) from None

    def _why(self, trap: Trap) -> dict[str, Any]:
        if self._exports["failure"]._get():
            found = self.call("diagnose")
            return {
                "kind": _KINDS[self.call("kindOf", found)],
                "message": self.read_text(self.call("messageOf", found)),
                "detail": self.read_text(self.call("detailOf", found)),
                "at": self.call("atOf", found),
                "line": self.call("lineOf", found),
                "column": self.call("columnOf", found),
                "function": self.read_text(self.call("functionOf", found)),
            }
        self.is_sound = False
        if trap.code == _STACK:
            return limit(_STACK, "the module is too complex for the stack of this thread (threading.stack_size)")
        site = self._exports["site"]._get()
        if site == -1:
            return limit("out of memory", "the module is too large or too complex")
        return _complaint("internal", "internal compiler error", f"{trap.code} {_site(site)}{_frames(trap)}")

    # --- memory ------------------------------------------------------------------------------------------------

    def _word(self, at: int) -> int:
        return int.from_bytes(self._memory[at : at + 4], "little")

    def read_bytes(self, array: int) -> bytes:
        """A copy of what an array of bytes holds."""
        at = self._word(array)
        return bytes(self._memory[at : at + self._word(array + 4)])

    def read_text(self, at: int) -> str:
        units = self._memory[at + 4 : at + 4 + 2 * self._word(at)]
        return utf_16_le_decode(bytes(units), "surrogatepass")[0]

    def new_bytes(self, content: bytes) -> int:
        array: int = self.call("new_bytes", len(content))
        at = self._word(array)
        self._memory[at : at + len(content)] = content
        return array

    def new_text(self, text: str) -> int:
        units = utf_16_le_encode(text, "surrogatepass")[0]
        at: int = self.call("new_text", len(units) // 2)
        self._memory[at + 4 : at + 4 + len(units)] = units
        return at

    @property
    def used(self) -> int:
        """Bytes of memory that the job takes."""
        return int(self._exports["top"]._get()) - self._least

    @property
    def done(self) -> int:
        """How many functions of the job were begun."""
        return self._word(self._progress_at)

    def stop(self) -> None:
        """From another thread: makes the job fail at its next function, and every other one of this instance."""
        memory = self._memory
        if memory is not None:  # as it is when it is closed meanwhile
            memory[self._stop_at : self._stop_at + 4] = b"\1\0\0\0"

    def close(self) -> None:
        """Gives its memory back. To be called when nobody is in it."""
        self._state.end_calls()
        self._state.closed = "the compiler is closed"
        self._memory = None
        kind = type(self._holder)
        self._holder.__dict__.clear()
        for name in kind.__dict__.get(_link.VARIABLES, ()):
            delattr(kind, name)
        module, self._module = self._module, []
        if module:
            self._state.close(module)


def _open() -> tuple[_Exports, list[ModuleType]]:
    """A new instance of the image. Nothing is looked for in a cache, nothing compiled."""
    # Guarded memories take more address space than some limits leave; then bounds are checked instead.
    for name in ("compiler.so", "compiler-checked.so"):
        module = [_load(os.path.join(_identity.images(), name))]
        holder = module[0].__dict__["__wasm_holder__"] = _Exports()
        try:
            _image.execute(module[0])
        except UnguardedError:
            continue
        return holder, module
    raise MemoryError("no room for the compiler's memory")


# How the module is called: its frames are this package's.
_NAME = "wasmpy.compiler"


def _load(path: str) -> ModuleType:
    """From the file; or, where that cannot be mapped (noexec, a path that is not text), from a copy in memory."""
    found = _image.open_image(_NAME, path)
    if isinstance(found, ImportError) and _image.refuses_place(found):
        from . import _store

        found = _image.open_image(_NAME, _store.in_memory(path))
    if isinstance(found, ImportError):
        raise UnsupportedError(f"the compiler cannot be opened: {found}", path=path)
    found.__file__ = path
    return found


def _site(number: int) -> str:
    """Where a check stands in the compiler's sources."""
    if not number:
        return ""
    with open(os.path.join(_identity.images(), "compiler.sites"), encoding="utf-8") as file:
        return file.read().split("\n")[number]


def _frames(trap: Trap) -> str:
    return "".join(f"\n    at {frame.function}" for frame in trap.frames[:20])
