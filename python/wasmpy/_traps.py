"""Turns a trap into an exception whose traceback shows the wasm frames.

The native side reports the trap's code, the program counter of its site, the stack pointer there, and a copy of
the stack up to the frame that entered wasm. The PC table of each image (compiler, ``mach/pctable.ts``) gives
the function and the constant frame size at any call, so the frames can be walked without frame pointers.
"""

from __future__ import annotations

import sys

from ._errors import TRAPS, Frame, Trap, WasmError, is_own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, FrameType, ModuleType, TracebackType
    from typing import Any
else:
    try:  # types would cost 0.3 ms of every start, and cannot be imported any more when the interpreter ends
        raise TypeError
    except TypeError as _raised:
        TracebackType = type(_raised.__traceback__)

_MAX_FRAMES = 100
_PYTHON_EXCEPTION = next(code for code, (message, _) in enumerate(TRAPS) if message == "python exception")


def _rank(ascending: Sequence[Any], value: Any) -> int:
    """How many of the values are not above this one. The module bisect would cost 0.3 ms of every start."""
    low, high = 0, len(ascending)
    while low < high:
        middle = (low + high) // 2
        if value < ascending[middle]:
            high = middle
        else:
            low = middle + 1
    return low


class Image:
    """The code of one loaded image, for mapping program counters."""

    def __init__(self, start: int, table: memoryview, meta: dict[str, Any], module: ModuleType) -> None:
        table = table.cast("I")
        functions, sites = table[0], table[1]
        columns = table[2:]
        self.start = start
        self.starts = columns[:functions]
        self.ends = columns[functions : 2 * functions]
        self.frames = columns[2 * functions : 3 * functions]
        self.indices = columns[3 * functions : 4 * functions]
        rest = columns[4 * functions :]
        self.sites = rest[:sites]
        self.locations = rest[sites : 2 * sites]
        self.end = start + (max(self.ends) if functions else 0)
        # Not all of `meta`, which is the instance's.
        self._texts = meta["names"], meta["lines"]
        self.name = module.__name__
        self.file = module.__file__ or module.__name__
        self.loader: Any = module.__loader__
        self._lines: list[tuple[int, int]] | None = None
        self._names: list[str] | None = None

    def row(self, offset: int) -> int:
        """The row of the function table that covers a text offset, or -1."""
        row = _rank(self.starts, offset) - 1
        return row if row >= 0 and offset <= self.ends[row] else -1

    def location(self, offset: int) -> int:
        """Byte offset of the wasm instruction at a site, or -1."""
        site = _rank(self.sites, offset) - 1
        if site < 0 or self.sites[site] != offset:
            return -1
        return (self.locations[site] & 0x7FFFFFFF) - 1

    def function(self, index: int) -> str:
        """The name of a wasm function."""
        if self._names is None:
            self._names = self._texts[0].split("\0")
        return self._names[index]

    def label(self, index: int) -> str:
        """The name of a wasm function, for people: as Rust has it, and nothing that a terminal would obey."""
        name = self.function(index)
        if name.startswith(("_ZN", "_R")):
            try:
                from ._demangle import demangled

                name = demangled(name)
            except Exception as error:
                if not _can_do_without(error):
                    raise
        return name if name.isprintable() else ascii(name)[1:-1]

    def place(self, index: int, location: int) -> str:
        """The name of a function and the place in a binary, which has no lines; as browsers write it."""
        place = f"wasm-function[{index}]:{location:#x}"
        name = self.label(index)
        return place if name == f"func[{index}]" else f"{name} ({place})"

    def begin(self, index: int) -> int:
        """Byte offset of the first instruction of a function that has a site, or -1."""
        for row, other in enumerate(self.indices):
            if other == index:
                for at in range(_rank(self.sites, self.starts[row] - 1), len(self.sites)):
                    if self.sites[at] > self.ends[row]:
                        break
                    location = self.location(self.sites[at])
                    if location >= 0:
                        return location
        return -1

    def line(self, location: int) -> int:
        """Line of the text that the instruction at a byte offset comes from, or 0: a binary has none."""
        if self._lines is None:
            pairs = [pair.split(":") for pair in self._texts[1].split()]
            self._lines = [(int(offset), int(line)) for offset, line in pairs]
        at = _rank(self._lines, (location, sys.maxsize)) - 1
        return self._lines[at][1] if at >= 0 else 0

    def show_text(self) -> None:
        """Gives the lines of text that is in no file to whatever formats tracebacks."""
        if self.file.startswith("<") and hasattr(self.loader, "get_source"):
            try:
                import linecache

                if self.file not in linecache.cache:
                    text = self.loader.get_source(self.name)
                    linecache.cache[self.file] = len(text), None, text.splitlines(keepends=True), self.file
            except Exception as error:  # The import may be under way below on the stack.
                if not _can_do_without(error):
                    raise


# In the order in which they were opened.
_images: dict[Image, None] = {}
# Another one after each change, and the one before the images were sorted: where their code begins, and they.
_state = object()
_sorted: tuple[object, list[int], list[Image]] = object(), [], []
_code: CodeType | None = None


def register(image: Image) -> None:
    """Makes an image's code known."""
    global _state
    for other in list(_images):
        if other.start <= image.end and image.start <= other.end:
            _images.pop(other, None)  # closed, though nobody has said so yet
    _images[image] = None
    _state = object()


def forget(image: Image) -> None:
    """After the image is closed."""
    global _state
    _images.pop(image, None)
    _state = object()


def _image_at(pc: int) -> Image | None:
    """The image whose code a program counter is in; of two with the same place, of which one is closed, the later."""
    global _sorted
    state, starts, images = _sorted
    if state is not _state:
        # Other threads may open and close images meanwhile: then what is kept here is outdated, and known to be.
        state = _state
        images = sorted(_images.copy(), key=_start)
        starts = [image.start for image in images]
        _sorted = state, starts, images
    at = _rank(starts, pc) - 1
    return images[at] if at >= 0 and pc <= images[at].end else None


def _start(image: Image) -> int:
    return image.start


def trap(
    code: int, pc: int, sp: int, stack: bytes, traceback: TracebackType | None = None
) -> WasmError | TracebackType | None:
    """The exception for a trap, with its traceback; called by native code, which sets it.

    For an exception that Python raised and that leaves wasm code: the traceback, with the wasm frames in front.
    """
    frames = _walk(pc, sp, stack)
    if code == _PYTHON_EXCEPTION:
        return _traceback(frames, traceback)
    message, kind = TRAPS[code]
    error: WasmError = kind(message)
    if isinstance(error, Trap):
        error.code = message
        # No generator: in one a StopIteration of a signal's handler would become a RuntimeError.
        error.frames = tuple([Frame((image.name, image.function(index), at)) for image, index, at in frames])
    return error.with_traceback(_traceback(frames, None))


def _traceback(frames: list[tuple[Image, int, int]], traceback: TracebackType | None) -> TracebackType | None:
    """The traceback with frames in front of it; the innermost comes first in the list.

    With as many as can be made: for want of memory or stack, the trap is not lost.
    """
    try:
        for image, index, location in frames:
            near = location if location >= 0 else image.begin(index)
            line = image.line(near) if near >= 0 else 0
            name = image.label(index) if line > 0 or location < 0 else image.place(index, location)
            if line > 0:
                image.show_text()
            frame = _frame(image, name)
            # A binary's lines are its bytes, as browsers' tools number them.
            traceback = TracebackType(traceback, frame, max(frame.f_lasti, 0), line or max(near, 1))
    except Exception as error:
        if not _can_do_without(error):
            raise
    return traceback


# Code of Python's that runs while a traceback is made.
_BELOW = ("importlib._bootstrap", "importlib._bootstrap_external", "linecache", "tokenize")


def _can_do_without(error: Exception) -> bool:
    """Whether a traceback is to have less in it because of an exception: for want of memory or stack, or since the
    interpreter is about to end. Not if a signal's handler or another thread raised it."""
    return type(error).__module__ == "builtins" and is_own(error, *_BELOW)


def _walk(pc: int, sp: int, stack: bytes) -> list[tuple[Image, int, int]]:
    """The wasm frames, innermost first: image, function index, byte offset or -1."""
    frames: list[tuple[Image, int, int]] = []
    at = 0  # offset in `stack` of the frame's body stack pointer
    while len(frames) < _MAX_FRAMES:
        image = _image_at(pc)
        row = -1 if image is None else image.row(pc - image.start)
        if image is None or row < 0:
            break
        index = image.indices[row]
        if index != 0xFFFFFFFF:
            frames.append((image, index, image.location(pc - image.start)))
        at += image.frames[row]
        if at + 8 > len(stack):
            break
        pc = int.from_bytes(stack[at : at + 8], "little")
        at += 8
    return frames


def _frame(image: Image, name: str) -> FrameType:
    """A real Python frame with the image's file and a function name."""
    global _code
    if _code is None:
        _code = compile("_getframe()", "<wasm>", "eval").replace(co_firstlineno=1)
        if sys.version_info >= (3, 11):
            # One entry "no location" per 8 code units: no carets under the line.
            _code = _code.replace(co_linetable=b"\xff" * ((len(_code.co_code) // 2 + 7) // 8))
    code = _code.replace(co_filename=image.file, co_name=name)
    if sys.version_info >= (3, 11):
        code = code.replace(co_qualname=name)
    # With the loader, tracebacks find the text of what is no file: in zip archives.
    known = {"_getframe": sys._getframe, "__name__": image.name, "__loader__": image.loader, "__builtins__": {}}
    frame: FrameType = eval(code, known)
    return frame
