"""IPython and Jupyter: ``%load_ext wasmpy`` brings ``%%wat name`` and ``%wasm path``.

It also takes the frames of this package out of the tracebacks that the shell shows."""

from __future__ import annotations

import os
import shlex
import sys
from importlib import import_module
from typing import Any

from ._api import load
from ._errors import others_frames


def load_ipython_extension(shell: Any) -> None:
    """What ``%load_ext wasmpy`` calls."""

    def wat(line: str, cell: str) -> None:
        """``%%wat NAME``: the cell is WebAssembly text; binds NAME to an instance of it.

        What the module imports are variables of the session: (import "env" "log" …) is ``env["log"]`` if ``env`` is a
        mapping, ``env.log`` for all else.
        """
        names = line.split()
        if len(names) != 1:
            raise _usage("%%wat NAME")
        _bind(shell, names[0], cell.encode())

    def wasm(line: str) -> None:
        """``%wasm PATH [NAME]``: binds NAME, or else the file's name without its end, to an instance of the file."""
        words = shlex.split(line)
        if len(words) not in (1, 2):
            raise _usage("%wasm PATH [NAME]")
        name = words[1] if len(words) == 2 else os.path.splitext(os.path.basename(words[0]))[0]
        _bind(shell, name, words[0])

    def show(thrown: Any = None, *arguments: Any, **keywords: Any) -> None:
        kind, error, traceback = thrown or sys.exc_info()
        if isinstance(error, BaseException):
            # The error's own is what the shell looks at, from 3.11 on; before, it shows syntax errors without one.
            error.__traceback__ = traceback = others_frames(traceback)
            if sys.version_info < (3, 11):
                keywords["running_compiled_code"] = False
            thrown = kind, error, traceback
        shown(thrown, *arguments, **keywords)

    if not hasattr(shell.showtraceback, "_wasmpy"):
        shown = shell.showtraceback
        show._wasmpy = True  # type: ignore[attr-defined]
        shell.showtraceback = show
    shell.register_magic_function(wat, "cell")
    shell.register_magic_function(wasm, "line")


def unload_ipython_extension(shell: Any) -> None:
    """What ``%unload_ext wasmpy`` calls."""
    for kind, name in (("cell", "wat"), ("line", "wasm")):
        shell.magics_manager.magics[kind].pop(name, None)
    if hasattr(shell.showtraceback, "_wasmpy"):
        del shell.showtraceback


def _bind(shell: Any, name: str, source: bytes | str) -> None:
    if not name.isidentifier():
        raise _usage(f"{name!r} is not a name for a variable")
    shell.push({name: load(source, shell.user_ns)})


def _usage(text: str) -> Exception:
    error: Any = import_module("IPython.core.error")
    made: Exception = error.UsageError(text)
    return made
