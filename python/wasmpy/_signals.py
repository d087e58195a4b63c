"""Keeps compiled code informed of what Python changes about memory faults and stacks.

An image puts its handlers in front of whoever handles memory faults (compiler, ``runtime/handlers.ts``) when it is
executed. Some functions of Python displace them: ``signal.signal``, and faulthandler's ``enable`` and ``disable``.
Others change what is known of the running threads (``runtime/stack.ts``): forks, limits, blocked signals. To look at
every call from Python would cost ten times that call, so these functions are replaced by ones that do the same and
then say so.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

_FAULTS = (_signal.SIGSEGV, _signal.SIGBUS)


def follow(watch: Callable[[bool], None], forget: Callable[[], None]) -> None:
    """To be called once in each interpreter, with builtins of the kernel."""

    def after(module: ModuleType, name: str, tell: Callable[[tuple[Any, ...], Any], object]) -> None:
        original: Callable[..., Any] | None = getattr(module, name, None)
        if original is None:  # The program has a resource.py of its own.
            return

        def replaced(*arguments: Any, **keywords: Any) -> Any:
            result = original(*arguments, **keywords)
            tell(arguments, result)
            return result

        # As functools.wraps has it, which would cost 3 ms of every start.
        replaced.__wrapped__ = original  # type: ignore[attr-defined]
        for attribute in ("__module__", "__name__", "__qualname__", "__doc__"):
            setattr(replaced, attribute, getattr(original, attribute))
        setattr(module, name, replaced)

    # The functions behind those of the module signal, for those too who have these already.
    after(_signal, "signal", lambda given, _: watch(False) if given[0] in _FAULTS else None)
    after(_signal, "pthread_sigmask", lambda *_: forget())
    try:
        import faulthandler
        import resource
    except ImportError:  # An interpreter with a lock of its own, which must leave it to the first one.
        pass
    else:
        after(faulthandler, "enable", lambda *_: watch(False))
        after(faulthandler, "disable", lambda _, was_enabled: watch(was_enabled))
        after(resource, "setrlimit", lambda *_: forget())
        after(resource, "prlimit", lambda *_: forget())
    os.register_at_fork(after_in_child=forget)
