"""What a user sees of a compilation that takes long: on a terminal a line that says how far it is, else a line in the
log."""

from __future__ import annotations

import os
import sys
import time

from ._config import config
from ._errors import tried

# What takes longer is announced.
_NOTICE_SECONDS = 1.0


class Notice:
    """Of one request. ``what`` is compiled, for the user's eyes; "" for what is not announced."""

    def __init__(self, what: str) -> None:
        self._what = "" if config.get("quiet") else what
        self._due = time.monotonic() + _NOTICE_SECONDS
        self._is_given = False
        # The line on the terminal that is not ended yet.
        self._line = ""
        self.wants_progress = bool(self._what) and sys.stderr is not None and sys.stderr.isatty()

    def milliseconds(self) -> int | None:
        """Until it is due; None when it has been given."""
        return None if self._is_given else max(0, round((self._due - time.monotonic()) * 1000))

    def give(self) -> None:
        """It is due."""
        self._is_given = True
        if self.wants_progress:
            self._show("...")
        elif self._what:
            from . import _log

            _log.logger().info("compiling %s", self._what)

    def tell(self, done: int, functions: int) -> None:
        """So many functions of all are compiled."""
        if not self._is_given and self.milliseconds() == 0:
            self.give()
        if self._is_given and self.wants_progress:
            from ._descriptors import counted

            self._show(f"{done} of {counted(functions, 'function')}")

    def end(self) -> None:
        """Ends the line."""
        if self._line:
            self._line = ""
            print(file=sys.stderr, flush=True)

    def _show(self, text: str) -> None:
        from ._descriptors import printable

        name = printable(self._what)
        size = tried(os.get_terminal_size, 2)
        room = (80 if isinstance(size, OSError) or not size.columns else size.columns) - len(text) - 22
        if len(name) > max(room, 10):
            name = f"…{name[-max(room, 10) :]}"
        before, self._line = self._line, f"wasmpy: compiling {name}{'' if text == '...' else ':'} {text}"
        start = "\r" if before else ""
        print(start + self._line + " " * (len(before) - len(self._line)), end="", file=sys.stderr, flush=True)


_has_told = False


def tell_unkept(error: OSError) -> None:
    """Says, once in a process, that no directory takes compiled modules."""
    global _has_told
    if _has_told:
        return
    _has_told = True
    text = (
        f"compiled modules are not kept, every process compiles them again ({error}): set WASMPY_CACHE_DIR to a "
        "directory of your own"
    )
    if config.get("log") or "logging" in sys.modules:
        from . import _log

        _log.logger().info("%s", text)
    if not config.get("log") and not config.get("quiet") and sys.stderr is not None:
        print(f"wasmpy: {text}", file=sys.stderr, flush=True)
