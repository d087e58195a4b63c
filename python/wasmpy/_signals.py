"""Keeps compiled code informed of what Python changes about signals and stacks.

An image puts its handlers in front of what is there when it is executed: of Python's handler of signals, so that
loops notice Ctrl-C, and of whoever handles memory faults (compiler, ``runtime/handlers.ts``). Some functions of
Python displace them: ``signal.signal``, with which ``asyncio.run`` installs its own Ctrl-C, and faulthandler's
``enable`` and ``disable``. Others change what is known of the running threads (``runtime/stack.ts``): forks, limits,
blocked signals. To look at every call from Python would cost ten times that call, so these functions are replaced by
ones that do the same and then say so.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import os
from functools import wraps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

# A signal that no handler is ever asked for.
_NONE = 0


def follow(watch: Callable[[int, bool], None], forget: Callable[[], None]) -> None:
    """To be called once in each interpreter, with builtins of the kernel."""

    def after(module: ModuleType, name: str, tell: Callable[[tuple[Any, ...], Any], object]) -> None:
        original: Callable[..., Any] | None = getattr(module, name, None)
        if original is None:  # The program has a resource.py of its own.
            return

        @wraps(original)
        def replaced(*arguments: Any, **keywords: Any) -> Any:
            result = original(*arguments, **keywords)
            tell(arguments, result)
            return result

        setattr(module, name, replaced)

    # The functions behind those of the module signal, for those too who have these already.
    after(_signal, "signal", lambda given, _: watch(given[0] if _is_handled(given[0]) else _NONE, False))
    after(_signal, "pthread_sigmask", lambda *_: forget())
    try:
        import faulthandler
        import resource
    except ImportError:  # An interpreter with a lock of its own, which must leave it to the first one.
        pass
    else:
        after(faulthandler, "enable", lambda *_: watch(_NONE, False))
        after(faulthandler, "disable", lambda _, was_enabled: watch(_NONE, was_enabled))
        after(resource, "setrlimit", lambda *_: forget())
        after(resource, "prlimit", lambda *_: forget())
    os.register_at_fork(after_in_child=forget)
    # The handler of SIGINT, which images look at, is not Python's where that signal is ignored (nohup).
    handled = filter(_is_handled, range(1, _signal.NSIG))
    watch(next(handled, _NONE), False)


def _is_handled(signal: int) -> bool:
    """Whether Python code handles the signal."""
    return callable(_signal.getsignal(signal))
