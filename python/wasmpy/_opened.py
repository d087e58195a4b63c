"""The images that are open, and the end of those that no module is left of.

CPython never closes what it opened for an import. A host that loads many different modules would keep the code of all
of them: 50 kB and three mappings each. So images are closed when none of their modules is left, some time later. The
compiled code counts them (compiler, ``runtime/images.ts``), and knows what must stay: the first image of an
interpreter, whose types and signal handlers all others use.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from ._traps import Image

# Of the compiled code that stays: (record, path) → whether the image is closed now.
close: Callable[[int, bytes], bool] | None = None

# Address of an image's record → its generation, the path by which it was opened first, its code.
_images: dict[int, tuple[int, str, Image]] = {}

# Looked through when there are so many, and then when there are twice as many as were left.
_FEW = 32
_many = _FEW

# Of the call that is closing: a record must not be used for another image while its old one is asked for. No lock: an
# exception of a signal's handler can come right after the call that takes one, and it would never be given back.
_closer: object = None


def register(kernel: dict[str, Callable[..., Any]], meta: dict[str, Any], module: ModuleType) -> None:
    """To be called for each instance. Its module has the image's path in ``__wasm_image__``, if we opened it."""
    from . import _traps

    path = module.__dict__.pop("__wasm_image__", None) or module.__dict__.get("__file__") or ""
    start, table, record, generation = kernel["code"]()
    known = _images.get(record)
    if known is None or known[0] != generation:
        image = _traps.Image(start, table, meta, module)
        _traps.register(image)
        _images[record] = generation, path, image


def close_unused(*, few: bool = False) -> None:
    """Closes images, if there are many, or ``few`` will do. Those in memory stay: they could not be opened again."""
    global _closer, _many
    me = object()
    if close is None or (len(_images) < _many and not few) or _closer is not None:
        return
    _closer = me  # from the question to `try` there is no call: no other thread and no handler comes between
    try:
        from ._traps import forget

        for record, entry in list(_images.items()):
            _, path, image = entry
            if path.startswith("/proc/self/") or not close(record, os.fsencode(path)):
                continue
            # The record may be another image's by now, or this one's again, which another thread has opened.
            now = _images.pop(record)
            if now is not entry:
                _images[record] = now
            forget(image)
        _many = max(_FEW, 2 * len(_images))
    finally:
        if _closer is me:
            _closer = None


def _after_fork() -> None:
    """In the child: whoever was at it is not there."""
    global _closer
    _closer = None


os.register_at_fork(after_in_child=_after_fork)
