"""The exceptions of wasmpy."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, TypeVar

    _Result = TypeVar("_Result")


class WasmError(Exception):
    """Base of everything wasmpy raises on its own behalf."""


class CompileError(WasmError, SyntaxError):
    """The module is malformed, invalid, or beyond a limit of the implementation.

    A SyntaxError, which says for text where: ``filename``, ``lineno``, ``offset``, ``text`` and their ends. For
    binaries ``byte_offset`` is the place, if the error has one, and ``function`` the name of the function it is in.
    """

    byte_offset: int | None = None
    function: str = ""


class LinkError(WasmError, ImportError):
    """An import is missing or does not fit; the message lists all of them."""


class UnsupportedError(WasmError, ImportError):
    """The module is valid but cannot be compiled or run here; or it uses what a proposal adds to WebAssembly.

    An ImportError: ``try: import fast`` / ``except ImportError`` falls back.
    """


class UnguardedError(MemoryError):
    """Memory 0 has reserved too little for code that leaves bounds to the reservation. Whoever loads the image
    takes the checked one instead."""


class Frame(tuple[str, str, int]):
    """A WebAssembly frame of a trap: module name, function name, byte offset in the binary or -1."""

    __slots__ = ()

    @property
    def module(self) -> str:
        """Name of the module."""
        return self[0]

    @property
    def function(self) -> str:
        """Name of the function."""
        return self[1]

    @property
    def offset(self) -> int:
        """Byte offset in the binary, or -1."""
        return self[2]

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            from ._foreign import complaint

            raise complaint("Frame", name, "'Frame' object", self)


class Trap(WasmError, RuntimeError):
    """WebAssembly code trapped. The instance stays usable, with whatever the code had done so far.

    A trap is also a ZeroDivisionError, OverflowError, IndexError (memory or table accesses out of bounds) or
    RecursionError (stack exhausted) where Python has a word for it.

    ``code`` is the specification's message. ``frames`` lists the WebAssembly frames, innermost first, as tuples of
    module name, function name and byte offset in the binary, -1 where it is not known; at most 100. These are also
    their attributes: ``frame.module``, ``frame.function``, ``frame.offset``.
    """

    code: str = ""
    if TYPE_CHECKING:
        frames: tuple[Frame, ...] = ()
    else:  # Hints of classes are read in the package, where there is no Frame.
        frames: tuple[tuple[str, str, int], ...] = ()

    def __reduce__(self) -> tuple[object, ...]:
        # The subclasses have no names of their own.
        return _trap, (self.code, self.args), self.__dict__


class _ArithmeticTrap(Trap, ZeroDivisionError):
    pass


class _OverflowTrap(Trap, OverflowError):
    pass


class _BoundsTrap(Trap, IndexError):
    pass


class _StackTrap(Trap, RecursionError):
    pass


def _publish(*classes: type[WasmError]) -> None:
    for made in classes:
        made.__module__ = "wasmpy"
        if issubclass(made, Trap):
            made.__name__ = made.__qualname__ = "Trap"
            made.__doc__ = Trap.__doc__


_publish(WasmError, CompileError, LinkError, UnsupportedError, Trap)
_publish(_ArithmeticTrap, _OverflowTrap, _BoundsTrap, _StackTrap)

# In the order of ir/traps.ts of the compiler.
TRAPS: tuple[tuple[str, type[WasmError]], ...] = (
    ("unreachable", Trap),
    ("integer divide by zero", _ArithmeticTrap),
    ("integer overflow", _OverflowTrap),
    ("invalid conversion to integer", Trap),
    ("out of bounds memory access", _BoundsTrap),
    ("out of bounds table access", _BoundsTrap),
    ("undefined element", _BoundsTrap),
    ("uninitialized element", Trap),
    ("indirect call type mismatch", Trap),
    ("call stack exhausted", _StackTrap),
    ("null reference", Trap),
    ("python exception", Trap),
    ("data segment does not fit", LinkError),
    ("elements segment does not fit", LinkError),
    ("null function reference", Trap),
)


def _trap(code: str, args: tuple[Any, ...]) -> WasmError:
    """Makes an unpickled trap."""
    return dict(TRAPS).get(code, Trap)(*args)


def _is_own(module: object) -> bool:
    return isinstance(module, str) and module.startswith("wasmpy.")


def without_own_frames(error: BaseException) -> BaseException:
    """The exception, with no frames of this package where its traceback begins."""
    traceback = error.__traceback__
    while traceback is not None and _is_own(traceback.tb_frame.f_globals.get("__name__")):
        traceback = traceback.tb_next
    return error.with_traceback(traceback)


def others_frames(traceback: TracebackType | None) -> TracebackType | None:
    """The traceback without the frames of this package, wherever they are."""
    from types import TracebackType

    entries = []
    while traceback is not None:
        if not _is_own(traceback.tb_frame.f_globals.get("__name__")):
            entries.append(traceback)
        traceback = traceback.tb_next
    result = None
    for entry in reversed(entries):
        result = TracebackType(result, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return result


# --- whose exception it is -----------------------------------------------------------------------------------------
#
# A signal's handler may run between any two instructions, and within calls of the system, and may raise anything.
# That must arrive as it is, wherever it meets us. So what an exception stands for is never told by its class, but by
# the place it comes from: a handler has a frame of its own. Conditions of ours are values, or have classes that
# nobody else has.


def is_own(error: BaseException, *modules: str) -> bool:
    """Whether an exception that was just caught was raised by this package, by what is written in C, or in
    ``modules``: and not by a signal's handler."""
    traceback = error.__traceback__
    while traceback is not None:
        module = traceback.tb_frame.f_globals.get("__name__")
        if not _is_own(module) and module not in modules:
            return False
        traceback = traceback.tb_next
    return True


def tried(call: Callable[..., _Result], *arguments: Any, **keywords: Any) -> _Result | OSError:
    """The result of a call of the system, or the OSError with which it fails."""
    try:
        return call(*arguments, **keywords)
    except OSError as error:
        if not is_own(error) or error.errno is None:  # From outside: PyThreadState_SetAsyncExc.
            raise
        # With its traceback it would tie the caller's frames into a cycle, and a lock in them would last until the
        # garbage collector comes.
        return error.with_traceback(None)
