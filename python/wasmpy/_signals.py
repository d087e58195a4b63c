"""Keeps our signal handlers in front of those that Python installs later.

An image puts its handlers in front of what is there when it is executed: of Python's handler of signals, so that
loops notice Ctrl-C, and of whoever handles memory faults (compiler, ``runtime/handlers.ts``). Three functions of
Python displace them: ``signal.signal``, with which ``asyncio.run`` installs its own Ctrl-C, and faulthandler's
``enable`` and ``disable``. To look at every call from Python would cost ten times that call, so these functions are
replaced by ones that do the same and then put our handlers back.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

# A signal that no handler is ever asked for.
_NONE = 0


def follow(watch: Callable[[int, bool], None]) -> None:
    """To be called once in each interpreter, with the kernel function of any instance."""

    def displaces(module: ModuleType, name: str, *, tells: bool = False, ends: bool = False) -> None:
        original: Callable[..., Any] = getattr(module, name)

        def replaced(*arguments: Any, **keywords: Any) -> Any:
            result = original(*arguments, **keywords)
            watch(arguments[0] if tells and _is_handled(arguments[0]) else _NONE, ends and result)
            return result

        replaced.__name__ = replaced.__qualname__ = name
        replaced.__module__ = original.__module__
        replaced.__doc__ = original.__doc__
        replaced.__wrapped__ = original  # type: ignore[attr-defined]
        setattr(module, name, replaced)

    # The function behind signal.signal, for those too who have that already.
    displaces(_signal, "signal", tells=True)
    try:
        import faulthandler
    except ImportError:  # An interpreter with a lock of its own, which must leave it to the first one.
        pass
    else:
        displaces(faulthandler, "enable")
        displaces(faulthandler, "disable", ends=True)
    # The handler of SIGINT, which images look at, is not Python's where that signal is ignored (nohup).
    handled = filter(_is_handled, range(1, _signal.NSIG))
    watch(next(handled, _NONE), False)


def _is_handled(signal: int) -> bool:
    """Whether Python code handles the signal."""
    return callable(_signal.getsignal(signal))
