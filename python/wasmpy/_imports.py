"""Finds what a module imports, in a mapping that was passed or by the import statement's rules, and binds it through
the image's kernel.
"""

from __future__ import annotations

import sys
from _thread import get_ident

from . import _config, _link, _types
from ._errors import LinkError, is_own
from ._link import FUNCTION, GLOBAL, KINDS, MEMORY, MOST, TABLE, State, WasmModule, new

TYPE_CHECKING = False
if TYPE_CHECKING:
    import typing
    from collections import abc
    from typing import Any

    _Callable = typing.TypeVar("_Callable", bound=abc.Callable[..., object])
else:
    from ._lazy import abc, typing

    _Callable = object

# Lines of a LinkError.
_MOST_PROBLEMS = 1000
_UNKNOWN = "unknown import {}"
# Toolchain names that an import statement never takes for Python modules.
_TOOLCHAIN = frozenset({"env", "a", "go", "gojs", "wbg", "__wbindgen_placeholder__"})
# After restrict_imports: the Python modules that WebAssembly may still import.
_allowed: frozenset[str] | None = None
# Modules whose imports are being found, the outermost first: name → thread, and the module that is being imported.
_linking: dict[str, tuple[int, str]] = {}
_OF_ANOTHER = (
    "it belongs to an instance with nogil=True, which may run at the same time: only its functions can be imported"
)


class AbsentError(Exception):
    """There is nothing for an import. A class that nobody else raises."""


class Import:
    """One import: its two names, its kind, and its position in the index space of its kind."""

    __slots__ = ("kind", "module", "name", "position")

    def __init__(self, module: str, name: str, kind: int, position: int) -> None:
        self.module = module
        self.name = name
        self.kind = kind
        self.position = position


def pass_caller(function: _Callable) -> _Callable:
    """Decorator for functions that WebAssembly imports: they get the instance that imports them as first argument.

    ::

        @wasmpy.pass_caller
        def log(instance, address, size):
            print(instance.memory.read_str(address, size))

    It is a module if an import statement made the instance, else a ``wasmpy.Instance``.
    """
    try:
        function.__wasm_pass_caller__ = True  # type: ignore[attr-defined]
    except AttributeError:  # A builtin or bound method.
        from functools import partial

        made: Any = partial(function)
        made.__wasm_pass_caller__ = True
        return made  # type: ignore[no-any-return]
    return function


def restrict_imports(allowed: abc.Iterable[str] = ()) -> None:
    """From now on modules that are imported get nothing but what ``bind`` or ``__wasm_imports__`` gives them, and the
    Python or WebAssembly modules named here by their full names. Cannot be widened again, only narrowed.

    For programs that import files they do not trust and cannot use ``load``, which gives only what it is passed.
    """
    global _allowed
    names = frozenset([allowed] if isinstance(allowed, str) else allowed)
    _allowed = names if _allowed is None else _allowed & names


def candidates(name: str, wanted: str) -> list[str]:
    """Full names of the modules that an import from ``wanted`` may mean in the module ``name``, as far as allowed."""
    package = name.rpartition(".")[0]
    rest = wanted.lstrip(".")
    above = len(wanted) - len(rest) - 1  # Dots as in Python: one is the package itself.
    names = []
    if above >= 0:
        parts = package.split(".") if package else []
        if above < len(parts):
            names.append(".".join([*parts[: len(parts) - above], *filter(None, [rest])]))
    else:
        if package:
            names.append(f"{package}.{wanted}")
        if wanted and wanted not in _TOOLCHAIN:
            names.append(wanted)
    return [full for full in names if _allowed is None or full in _allowed]


def given_to(name: str) -> abc.Mapping[str, Any]:
    """What `bind` or its package gives the module ``name``."""
    given = _config.bindings.get(name, {})
    package = name.rpartition(".")[0]
    if not given and package in sys.modules:
        given = getattr(sys.modules[package], "__wasm_imports__", {})
    return given


def resolver(name: str) -> abc.Callable[[Import], Any]:
    """The import statement's rules for the module ``name``; AbsentError for what it does not find."""
    given = given_to(name)
    # What was found among what is given: to look up twice could be noticed.
    known: dict[tuple[int, int], Any] = {}

    def resolve(wanted: Import) -> Any:
        if wanted.module in given:
            key = wanted.kind, wanted.position
            if key not in known:
                known[key] = lookup(item(given, wanted.module), wanted)
            return known[key]
        for candidate in candidates(name, wanted.module):
            _linking[name] = get_ident(), candidate
            try:
                # The function behind the import statement: it takes importlib's frames out of tracebacks.
                namespace = __import__(candidate, None, None, ("__name__",))
                if isinstance(namespace, WasmModule) and "__wasm__" not in namespace.__dict__:
                    raise LinkError(_circle(name, candidate), name=name)
            except ModuleNotFoundError as error:
                if error.name is not None and (candidate == error.name or candidate.startswith(error.name + ".")):
                    continue
                raise
            finally:
                _linking.pop(name, None)
            return lookup(namespace, wanted, is_trusted=True)
        raise AbsentError

    return resolve


def _circle(name: str, candidate: str) -> str:
    """What to say of ``name`` if it imports a module that is not linked yet: the way round, and what to do."""
    thread = get_ident()
    way = [candidate]
    names = list(_linking)
    for linking in names[names.index(candidate) :] if candidate in names else [name]:
        other, imported = _linking[linking]
        if other == thread:
            way += [part for part in (linking, imported) if part != way[-1]]
    # Of a module that imports itself, once is left out by that.
    way += [candidate] if len(way) == 1 else []
    return (
        f"cannot link {name}: its imports lead back to a module that is not linked yet: {' → '.join(way)}. "
        "WebAssembly modules cannot import each other in a circle: pass one of them a Python function that imports "
        f"the other one when it is called, by wasmpy.bind({name!r}, …)"
    )


def lookup(namespace: Any, wanted: Import, *, is_trusted: bool = False) -> Any:
    """What ``namespace`` (a mapping, wasm module, Python module or object) has for an import. Raises AbsentError.

    What Python puts on every object (``__class__``, ``__reduce_ex__``) belongs to a namespace only for code that is
    trusted: it leads out of any sandbox. A mapping may have it.
    """
    inner = getattr(namespace, "__dict__", {}).get("__wasm__")
    if isinstance(inner, State):
        try:
            return item(inner.exports, wanted.name)
        except AbsentError:
            if inner.closed:  # perhaps by another thread, just now
                raise ValueError(inner.closed) from None
            raise
    if is_mapping(namespace):
        return item(namespace, wanted.name)
    if wanted.name.startswith("__") and wanted.name.endswith("__") and not is_trusted:
        raise AbsentError
    try:
        return getattr(namespace, wanted.name)
    except AttributeError as error:
        if not _is_answer(error, "__getattr__", "__getattribute__", "__get__", wanted.name):
            raise
        raise AbsentError from None


def is_mapping(thing: object) -> bool:
    """Whether its class says so: a module or object may have a function that is called keys."""
    kind = type(thing)
    return issubclass(kind, dict) or (hasattr(kind, "keys") and hasattr(kind, "__getitem__"))


def item(mapping: abc.Mapping[str, Any], key: str) -> Any:
    """What the mapping has. Raises AbsentError."""
    try:
        return mapping[key]
    except KeyError as error:
        if not _is_answer(error, "__getitem__", "__missing__"):
            raise
        raise AbsentError from None


def _is_answer(error: BaseException, *methods: str) -> bool:
    """Whether what was asked says by this exception that it has not what is wanted: and not a signal's handler, which
    broke in before one of these methods or after it."""
    below = error.__traceback__ and error.__traceback__.tb_next
    return is_own(error) or (below is not None and below.tb_frame.f_code.co_name in methods)


def bind_imports(state: State, resolve: abc.Callable[[Import], Any], importing: str | None) -> None:
    """Binds every import, or raises one LinkError that lists all that are missing or do not fit: at most 1,000.

    ``resolve`` finds an import, or raises AbsentError. ``importing``: name of the module if an import statement wants
    it.
    """
    problems: list[str] = []
    missing: list[Import] = []
    more = 0
    for row in state.meta["imports"]:
        wanted = Import(*row)
        complaint = bind_import(state, wanted, resolve)
        if not complaint:
            continue
        if len(problems) >= _MOST_PROBLEMS:
            more += 1
            continue
        problems.append(complaint.format(_describe(state, wanted)))
        if complaint == _UNKNOWN:
            missing.append(wanted)
    if problems:
        if more:
            problems.append(f"and {more} more")
        name = state.name
        if missing:
            from ._hints import hints

            problems += hints(missing, importing)
        lines = "\n  ".join(problems)
        raise LinkError(f"cannot link {name}:\n  {lines}", name=name)


def bind_import(state: State, wanted: Import, resolve: abc.Callable[[Import], Any]) -> str:
    """What is wrong with it, with {} for what is wanted; or ""."""
    try:
        value = resolve(wanted)
    except AbsentError:
        return _UNKNOWN
    try:
        complaint = _BINDERS[wanted.kind](state, wanted.position, value)
    except (TypeError, OverflowError) as error:
        if not is_own(error):
            raise
        complaint = str(error)
    if not complaint:
        return ""
    return "incompatible import type for {}: " + complaint.replace("{", "{{").replace("}", "}}")


def _describe(state: State, wanted: Import) -> str:
    return f"{wanted.module}.{wanted.name}: {_describe_type(state, wanted)}"


def _describe_type(state: State, wanted: Import) -> str:
    meta, position = state.meta, wanted.position
    if wanted.kind == FUNCTION:
        return f"function {_function_text(state.types[meta['functions'][position]])}"
    if wanted.kind == GLOBAL:
        text, mutable = meta["globals"][position]
        return f"{'mutable ' if mutable else ''}global {_readable(state, text)}"
    if wanted.kind == TABLE:
        text, _, _, is64 = meta["imported_tables"][position]
        return f"{'i64 ' if is64 else ''}table of {_readable(state, text)}"
    if wanted.kind == MEMORY:
        return "i64 memory" if meta["imported_memories"][position][2] else "memory"
    return KINDS[wanted.kind]


def _function_text(number: int) -> str:
    return _types.short(f"${number}")


def _readable(state: State, text: str) -> str:
    return _types.short(_types.value_type(text, state.types))


def _bind_function(state: State, index: int, value: Any) -> str:
    kernel = state.kernel
    found = kernel["resolve"](value)
    if found is None:
        if not callable(value):
            return f"{type(value).__name__} is not callable"
        if getattr(value, "__wasm_pass_caller__", None) is True:
            from functools import partial

            value = partial(value, state.holder)
        # Of an instance that runs without the GIL: linked as a Python function, which takes the instance's lock.
        known = _types.known_function(value)
        if known is not None and not _types.is_subtype(known, state.types[state.meta["functions"][index]]):
            return f"the function is {_function_text(known)}"
        kernel["bind"](FUNCTION, index, value, 0)
        return ""
    address, number = found
    if not _types.is_subtype(number, state.types[state.meta["functions"][index]]):
        return f"the function is {_function_text(number)}"
    kernel["bind"](FUNCTION, index, value, address)
    return ""


def _is_one(value: object, name: str) -> bool:
    """Whether it is a Memory, Table or Global: really, and not only by its ``__class__``, as proxies are."""
    return issubclass(type(value), _link.class_of(name))


def _bind_memory(state: State, index: int, value: Any) -> str:
    if not _is_one(value, "Memory"):
        return f"{type(value).__name__} is not a Memory"
    if value._alone:
        return _OF_ANOTHER
    complaint = _fits(value, state.meta["imported_memories"][index])
    if not complaint:
        state.bind(MEMORY, index, value)
    return complaint


def _bind_table(state: State, index: int, value: Any) -> str:
    if not _is_one(value, "Table"):
        return f"{type(value).__name__} is not a Table"
    if value._alone:
        return _OF_ANOTHER
    text, *limits = state.meta["imported_tables"][index]
    if value._text != _types.value_type(text, state.types):
        return f"it is a table of {_types.short(value._text)}"
    complaint = _fits(value, limits)
    if not complaint:
        state.bind(TABLE, index, value)
    return complaint


def _fits(value: Any, declared: abc.Sequence[int]) -> str:
    """Import matching of the limits of a memory or table: minimum, maximum or -1, whether addresses are i64."""
    if value._is64 != declared[2]:
        return f"its addresses are {'i64' if value._is64 else 'i32'}"
    actual = value._limits()
    if actual[0] < declared[0]:
        return f"its size {actual[0]} is below the declared minimum {declared[0]}"
    if declared[1] >= 0 and (actual[1] < 0 or actual[1] > min(declared[1], MOST)):
        return f"its maximum is {'missing' if actual[1] < 0 else actual[1]}, declared {declared[1]}"
    return ""


def _bind_global(state: State, index: int, value: Any) -> str:
    text, mutable = state.meta["globals"][index]
    text = _types.value_type(text, state.types)
    if not _is_one(value, "Global"):
        if mutable:
            return "a mutable global needs a wasmpy.Global"
        code = _types.code(text)
        if code >= _types.EXTERN:
            _types.check(value, text)
        value = new("Global", text, False, False, code, False, value)
    if value._alone:
        return _OF_ANOTHER
    can_change = value._type()[1]
    fits = value._text == text if mutable else _types.matches(value._text, text)
    if can_change != mutable or not fits:
        return f"it is {'mutable ' if can_change else ''}{_types.short(value._text)}"
    state.bind(GLOBAL, index, value)
    return ""


def _bind_tag(state: State, index: int, value: Any) -> str:
    return "tags are not supported yet"


_BINDERS = (_bind_function, _bind_table, _bind_memory, _bind_global, _bind_tag)
