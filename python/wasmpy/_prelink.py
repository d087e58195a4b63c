"""Links before compiling: a module that lacks an import says so at once.

What a module imports stands at its beginning. So of a module that no cache has, the sections of types and imports are
cut out; they are a module of their own, which the compiler describes in a millisecond. Against that description
``_imports`` resolves and checks the imports as it does when an instance is made, only that nothing is bound. What was
found is kept for the instance: nothing that a caller gave is looked up twice.

The import statement may execute Python modules when it resolves an import, and these may import the module at hand:
so that waits until it is there, and only what is known before is checked. A Python module that has not been imported
yet may turn out to lack something only after ours is compiled.

Only a valid module may complain of its imports: before a LinkError the rest is validated, and a CompileError goes
first.
"""

from __future__ import annotations

import sys

from . import _compiler, _imports, _link, _store, _types
from ._config import disabled
from ._diagnostics import diagnostic
from ._errors import LinkError, is_own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from ._cache import Build
else:
    ModuleType = type(sys)

_MAGIC = b"\0asm"
_TYPE, _IMPORT = 1, 2


def resolved(
    build: Build, name: str, resolve: Callable[[_imports.Import], Any]
) -> Callable[[], Callable[[_imports.Import], Any]]:
    """For an image that no cache has: resolves the imports, and returns what makes functions that resolve them again,
    from the first on.

    ``name`` is for messages. Raises LinkError if the module cannot be linked, CompileError if it cannot and is not
    valid; or what ``resolve`` raises.
    """
    state = _state(build, name)
    if state is None:
        return lambda: resolve
    found = []

    def remember(wanted: _imports.Import) -> Any:
        value = resolve(wanted)
        found.append(value)
        return value

    _require(build, state, remember, None)

    def again() -> Callable[[_imports.Import], Any]:
        values = iter(found)
        return lambda wanted: next(values)

    return again


def require_linkable(build: Build, name: str) -> Callable[[_imports.Import], Any] | None:
    """For an image that no cache has and an import statement wants: what resolves its imports, if it was asked.

    Raises LinkError or CompileError if it is plain that the module cannot be linked.
    """
    state = _state(build, name)
    if state is None:
        return None
    resolve, given = _imports.resolver(name), _imports.given_to(name)

    def at_hand(wanted: _imports.Import) -> Any:
        return resolve(wanted) if wanted.module in given else _imported(name, wanted)

    for row in state.meta["imports"]:
        try:
            complaint = _imports.bind_import(state, _imports.Import(*row), at_hand)
        except _LaterError:
            continue
        if complaint:  # There is no way back: the others may be imported.
            _require(build, state, resolve, name)
    return resolve


class _LaterError(Exception):
    """Whether an import can be had is known only when a Python module has been executed."""


def _imported(name: str, wanted: _imports.Import) -> Any:
    """What Python modules have for an import, if they have been imported. Raises AbsentError or _LaterError."""
    from importlib.util import find_spec

    for full in _imports.candidates(name, wanted.module):
        module = sys.modules.get(full)
        if module is None:
            first = next((part for part in _above(full) if part not in sys.modules), full)
            if find_spec(first) is not None:
                raise _LaterError
        elif getattr(getattr(module, "__spec__", None), "_initializing", False):
            raise _LaterError
        else:
            return _imports.lookup(module, wanted, is_trusted=True)
    raise _imports.AbsentError


def _above(full: str) -> list[str]:
    """The packages that a module is in, the outermost first."""
    parts = full.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def _state(build: Build, name: str) -> _link.State | None:
    """What bind_imports wants of an instance. None if nothing is known of the imports, or there are none."""
    if _store.is_in_memory(build):
        return None
    meta = _description(build)
    if not meta or not meta["imports"]:
        return None
    state = _link.State(ModuleType(name), {"bind": _bind_nothing, "resolve": _native}, meta)
    state.types = _types.define(meta)
    return state


def _require(
    build: Build, state: _link.State, resolve: Callable[[_imports.Import], Any], importing: str | None
) -> None:
    """Raises LinkError, or CompileError, if the imports cannot all be had."""
    try:
        _imports.bind_imports(state, resolve, importing)
    except LinkError as error:
        if is_own(error):  # Not of another module, which is being imported.
            _require_valid(build)
        raise


def _bind_nothing(kind: int, index: int, value: object, address: int) -> None:
    """In the place of the kernel's ``bind``."""


def _native(value: object) -> tuple[int, int] | None:
    """In the place of the kernel's ``resolve``: no address, but the type of a WebAssembly function."""
    number = _types.known_function(value)
    return None if number is None else (0, number)


def _asked(do: str, build: Build, source: bytes) -> tuple[dict[str, Any], bytes]:
    header: dict[str, object] = {"do": do, "without": disabled()}
    if "features" in build.options:
        header["features"] = build.options["features"]
    return _compiler.request(header, source, "")


def _description(build: Build) -> dict[str, Any] | None:
    """What the compiler says of the imports alone. None if it refuses them: then it will say why, of the whole."""
    binary = build.source
    if binary[:4] != _MAGIC:
        if b"import" not in binary:
            return None
        answer, binary = _asked("assemble", build, binary)
        if "error" in answer:
            return None
    head = imports_of(binary)
    if not head:
        return None
    answer, text = _asked("describe", build, head)
    return None if "error" in answer else _link.read_description(text.decode())


def _require_valid(build: Build) -> None:
    """Raises CompileError, or UnsupportedError, if the module is not valid."""
    if build.source[:4] != _MAGIC:
        return  # It was assembled, which validates it.
    answer, _ = _asked("validate", build, build.source)
    if "error" in answer:
        raise diagnostic(answer["error"], build.filename, build.source)


def imports_of(binary: bytes) -> bytes:
    """A module of the sections of types and imports; nothing if there are no imports, or they cannot be found.

    ``binary`` need not be valid.
    """
    head = binary[:8]
    at = 8
    while at < len(binary):
        kind, begin = binary[at], at
        size, at = _size(binary, at + 1)
        at += size
        if size < 0 or at > len(binary):
            break
        if kind in (_TYPE, _IMPORT):
            head += binary[begin:at]
        if kind == _IMPORT:
            return head
        if kind > _IMPORT:
            break
    return b""


def _size(binary: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number of 32 bits and where it ends; -1 if it is none."""
    value = 0
    for shift in range(0, 35, 7):
        if at >= len(binary):
            break
        byte = binary[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    return -1, at
