"""Links an instance: has its imports bound (_imports.py), runs its initialisation, and puts its exports on the module
object.

An image calls ``attach`` when it is executed. ``kernel`` holds the image's native functions for this one
instance; what they take and give stands at the head of the compiler's ``python/kernel.ts``.
"""

from __future__ import annotations

import sys

from . import _opened, _types
from ._errors import LinkError, UnguardedError, is_own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import abc
    from types import ModuleType
    from typing import Any
else:  # typing and collections.abc would cost 3 ms of every start, types 0.3
    from ._lazy import abc

    ModuleType = type(sys)

FUNCTION, TABLE, MEMORY, GLOBAL, TAG = range(5)
KINDS = ("function", "table", "memory", "global", "tag")
_PAGE = 65536
# Attribute of the classes that one instance each has for its globals: their names.
VARIABLES = "__wasm_variables__"
# Limits of i64 tables beyond this are as good as this: the native types hold signed numbers.
MOST = 2**63 - 1


class State:
    """What the package knows of one instance; ``module.__wasm__``."""

    __slots__ = ("closed", "exports", "file", "holder", "kernel", "kinds", "meta", "name", "objects", "types")

    def __init__(self, module: ModuleType, kernel: dict[str, abc.Callable[..., Any]], meta: dict[str, Any]) -> None:
        self.name = module.__name__
        self.file = module.__dict__.get("__file__", self.name)
        # What users see of the instance: the Instance, or the module itself.
        self.holder: Any = module.__dict__.pop("__wasm_holder__", module)
        # The complaint once the instance is closed; the rest is empty then.
        self.closed = ""
        self.kernel = kernel
        self.meta = meta
        # Export name → function, Memory, Table or Global; the same object each time.
        self.exports: dict[str, Any] = {}
        self.kinds: dict[str, int] = {}
        # Number of each type of the module (_types.py).
        self.types: list[int] = []
        # (kind, index) → Memory or Table, own or imported.
        self.objects: dict[tuple[int, int], Any] = {}

    def bind(self, kind: int, index: int, value: Any) -> None:
        """Binds a native object: memory, table or global. Raises UnguardedError, see the image's ``bind``."""
        try:
            self.kernel["bind"](kind, index, value, 0)
        except MemoryError as error:
            if not is_own(error):
                raise
            raise UnguardedError from None
        self.objects[kind, index] = value

    def end_calls(self) -> None:
        """From now on the functions of the instance raise."""
        end = self.kernel.get("close")
        if end is not None:
            end()

    def close(self, module: list[ModuleType]) -> None:
        """Ends the instance, whose module object the list has, and whose functions raise already: nothing is reached
        through it any more.

        If nothing outside refers to what it had, that is freed at once. Native code that may be running does refer to
        it, through the builtin that was called.
        """
        kernel, self.kernel = self.kernel, {}
        own = self.meta["tables"]
        tables = [value for (kind, index), value in self.objects.items() if kind == TABLE and index in own]
        for namespace in (self.exports, self.kinds, self.objects):
            namespace.clear()
        clear = kernel["clear"]
        kernel.clear()
        _break_cycle(module, tables, clear)


def _break_cycle(module: list[ModuleType], tables: list[Any], clear: abc.Callable[[], None]) -> None:
    """Frees a closed instance that nothing refers to but itself, by functions in its own tables and globals.

    Nobody can get hold of it meanwhile: first of the tables, then of the module it is seen that nobody has it.
    """
    from gc import get_referents

    fresh = [object()]
    least = sys.getrefcount(fresh[0])
    # Those that only the instance has.
    private = [i for i in range(len(tables)) if sys.getrefcount(tables[i]) == least + 1]
    own = sum(
        referent is module[0]
        for holders in (module, [tables[i] for i in private])
        for holder in holders
        for referent in get_referents(holder)
    )
    # `clear` has one more.
    if sys.getrefcount(module[0]) == least + own + 1:
        for i in private:
            tables[i]._clear()
        clear()


class Unseen:
    """First base of classes that are made for single Instances: a user's class need not hear of such subclasses.

    It has a __dict__, as Instance has, so that one class can take the other's place.
    """

    def __init_subclass__(cls, **named: object) -> None:
        pass


class WasmModule(ModuleType):
    """A module made from WebAssembly. Exports are attributes; ``module["any name"]`` reaches every one of them."""

    def __getitem__(self, name: str) -> Any:
        if not isinstance(name, str):
            raise TypeError(f"export names are strings, not {type(name).__name__}")
        kind, value = _export_of(self, name)
        return value._get() if kind == GLOBAL else value

    def __setitem__(self, name: str, value: object) -> None:
        kind, cell = _export_of(self, name)
        if kind != GLOBAL:
            raise TypeError(f"export {name!r} is a {KINDS[kind]}: only globals can be assigned")
        cell._set(value)

    def __contains__(self, name: object) -> bool:
        return name in state_of(self).exports

    def __iter__(self) -> abc.Iterator[str]:
        return iter(state_of(self).exports)

    def __reduce__(self) -> Any:
        from ._pickling import reduce_module

        return reduce_module(self)

    def __dir__(self) -> list[str]:
        return sorted({*self.__all__, *(name for name in self.__dict__ if name.startswith("__"))})

    @property
    def __all__(self) -> list[str]:
        """What ``from module import *`` takes: values of globals too."""
        state: State | None = self.__dict__.get("__wasm__")
        return [] if state is None else [name for name in state.exports if _is_attribute(name)]


def state_of(module: object) -> State:
    """The state behind a module or instance. Raises TypeError for anything else, ImportError for a module that is
    still being linked, ValueError if it is closed."""
    state = getattr(module, "__dict__", {}).get("__wasm__")
    if not isinstance(state, State):
        if isinstance(module, WasmModule):
            name = module.__name__
            text = f"module {name!r} is not linked yet, most likely since what it imports imports it"
            raise ImportError(text, name=name)
        raise TypeError(f"{module!r} is not a WebAssembly module")
    if state.closed:
        raise ValueError(state.closed)
    return state


def _export_of(module: WasmModule, name: str) -> tuple[int, Any]:
    """Kind and object of an export. Raises KeyError, or what ``state_of`` does."""
    state = state_of(module)
    try:
        return state.kinds[name], state.exports[name]
    except KeyError:
        state_of(module)  # perhaps closed by another thread, just now
        raise


# --- native types and what Python adds to them --------------------------------------------------------------


def _natives(kernel: dict[str, abc.Callable[..., Any]]) -> None:
    """Takes over what an interpreter has once: the native types, and what compiled code tells Python and is told."""
    if "_bases" in globals():
        return
    from . import _signals, _traps

    *bases, watch, forget, _opened.close, ledger = kernel["natives"]()
    ledger(_collector(ledger))
    kernel["configure"](_traps.trap)
    _signals.follow(watch, forget)
    _teach_pickle()
    # Last: a signal's handler may have raised before.
    globals().setdefault("_bases", bases)


def _teach_pickle() -> None:
    """Makes pickle ask us about our functions. They are builtins, a type that they share with all others."""
    import copyreg

    kind = type(len)
    previous: abc.Callable[[Any], Any] | None = copyreg.dispatch_table.get(kind)

    def reduce(builtin: Any) -> Any:
        if issubclass(type(builtin.__self__), WasmModule):
            from ._pickling import reduce_function

            return reduce_function(builtin)
        return builtin.__reduce__() if previous is None else previous(builtin)

    if getattr(previous, "__module__", None) != __name__:  # A signal's handler may have ended this before.
        copyreg.pickle(kind, reduce)


def _collector(ledger: abc.Callable[[object], tuple[int, int]]) -> abc.Callable[[], None]:
    """What looks for garbage when memories and tables hold more than they may: among young objects first."""

    def collect() -> None:
        import gc

        if gc.isenabled():
            gc.collect(1)
            held, limit = ledger(None)
            if held > limit:
                gc.collect()

    return collect


def __getattr__(name: str) -> Any:
    """Memory, Table and Global, over the native types MemoryBase and so on: made when the first of them is wanted."""
    if name not in ("Memory", "Table", "Global", "MemoryBase", "TableBase", "GlobalBase"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ._objects import classes

    own = globals()
    if "_bases" not in own:
        # No image is loaded yet: an empty module brings the native types.
        from ._api import Instance, compile

        Instance(compile(b"\0asm\x01\0\0\0"))
    # Of threads that are here at once, one makes them for all.
    own.update(own.setdefault("_classes", classes(*own["_bases"])))
    return own[name]


def class_of(name: str) -> Any:
    """One of these classes."""
    return globals().get(name) or __getattr__(name)


# --- attach --------------------------------------------------------------------------------------------------


def read_description(text: str) -> dict[str, Any]:
    """What an image says of its module (``python/meta.ts`` of the compiler), and "names" of functions, with a NUL
    between two."""
    nothing: dict[str, Any] = {"__builtins__": {}}
    literals, _, names = text.partition("\0")
    head, *more = literals.split("\n")
    meta: dict[str, Any] = eval(head, nothing)
    meta["names"] = names
    for line in more:
        key, rows = eval(line, nothing)
        if isinstance(rows, list):
            meta[key] += rows
        else:
            meta[key].update(rows)
    return meta


def attach(module: ModuleType, kernel: dict[str, abc.Callable[..., Any]], text: str) -> None:
    """Completes the instance that the executing image belongs to. Raises LinkError, or what its start raises."""
    meta = read_description(text)
    _opened.register(kernel, meta, module)
    describe = module.__dict__.pop("__wasm_describe__", None)
    if describe is not None:  # Only the description is wanted: Module.exports.
        describe(meta)
        return
    _natives(kernel)
    state = State(module, kernel, meta)
    state.types = _types.define(meta)
    for index, number in enumerate(state.types):
        kernel["set_type"](index, number)
    resolve = module.__dict__.pop("__wasm_resolve__", None)
    if meta["imports"]:
        from ._imports import bind_imports, resolver

        importing = module.__name__ if state.holder is module else None
        bind_imports(state, resolve or resolver(module.__name__), importing)
    _check_sizes(module.__name__, meta)
    alone = is_alone(meta)
    for index, (minimum, maximum, is64) in meta["memories"].items():
        limits = min(minimum, MOST), min(maximum, MOST)
        memory = _new_memory(index == 0 and meta["guarded"], is64, alone, *limits)
        memory._owner = state
        state.bind(MEMORY, index, memory)
    for index, (element, minimum, maximum, is64) in meta["tables"].items():
        element_type = _types.value_type(element, state.types)
        functions = _types.code(element_type) == _types.FUNC
        limits = min(minimum, MOST), min(maximum, MOST)
        state.bind(TABLE, index, new("Table", element_type, is64, alone, functions, *limits))
    # Before the start function runs: what it calls may come back through the module, or the Instance that holds it.
    module.__dict__["__wasm__"] = state.holder.__dict__["__wasm__"] = state
    if state.holder is module:
        # Whatever loaded it: the stock loader of extension modules, or importlib's LazyLoader, with its own class.
        module.__class__ = WasmModule
    _export(state)
    kernel["initialize"]()
    if _is_reactor(state):
        state.exports["_initialize"]()  # calls constructors


def _is_reactor(state: State) -> bool:
    """Whether the module is one as WASI means it."""
    if state.kinds.get("_initialize") != FUNCTION:
        return False
    index = next(index for name, _, index in state.meta["exports"] if name == "_initialize")
    return _types.short(f"${state.types[state.meta['functions'][index]]}") == "() -> ()"


def _check_sizes(name: str, meta: dict[str, Any]) -> None:
    """Refuses memories and tables that begin too large: valid, but no instance can have them."""
    for index, (minimum, _, _) in meta["memories"].items():
        if minimum > _types.MOST_PAGES:
            message = (
                f"cannot link {name}: memory {index} too large: {minimum} pages, the limit is {_types.MOST_PAGES}"
            )
            raise LinkError(message, name=name)
    elements = sum(row[1] for row in meta["tables"].values())
    if elements > _types.MOST_ELEMENTS:
        message = f"cannot link {name}: tables too large: {elements} elements, the limit is {_types.MOST_ELEMENTS}"
        raise LinkError(message, name=name)


def is_alone(meta: dict[str, Any]) -> bool:
    """Whether the module of a description runs without the GIL: then others share nothing with it."""
    return "nogil" in meta


def new(name: str, text: str, is64: bool, alone: bool, *arguments: Any) -> Any:
    """A native object of the class ``name`` that knows its type; see ``_objects.refined``."""
    from ._objects import refined

    return class_of(f"{name}Base").__new__(refined(class_of(name), text, is64, alone), *arguments)


def _new_memory(is_guarded: bool, is64: bool, alone: bool, *limits: int) -> Any:
    from ._objects import reserved

    return reserved(lambda: new("Memory", "", is64, alone, *limits), is_guarded)


# --- exports -------------------------------------------------------------------------------------------------


def _is_attribute(name: str) -> bool:
    if name.startswith("_") or not name.isidentifier():
        return False
    if name.isascii():
        return True
    from unicodedata import is_normalized

    return is_normalized("NFKC", name)


def _export(state: State) -> None:
    """Puts the exports into the state and, where the name allows it, on the module or the Instance that holds it."""
    holder = state.holder
    holder_class = type(holder)
    taken = {name for base in holder_class.__mro__ for name in base.__dict__}
    bound: dict[tuple[int, int], Any] = {}
    variables: dict[str, Any] = {}
    for name, kind, index in state.meta["exports"]:
        value = bound.get((kind, index))
        if value is None:
            value = _exported(state, kind, index)
            bound[kind, index] = value
        state.exports[name] = value
        state.kinds[name] = kind
        if not _is_attribute(name) or name in taken:
            continue
        if kind == GLOBAL:
            variables[name] = _variable(name, value)
        else:
            holder.__dict__[name] = value
    if variables:
        # Attributes that read and write globals need a class of their own.
        bases = (holder_class,) if isinstance(holder, ModuleType) else (Unseen, holder_class)
        members = {
            "__module__": holder_class.__module__,
            "__doc__": holder_class.__dict__.get("__doc__"),
            **variables,
        }
        made = type(holder_class.__name__, bases, {**members, VARIABLES: tuple(variables)})
        # Not by a user's __setattr__, which may refuse it.
        object.__setattr__(holder, "__class__", made)


def _exported(state: State, kind: int, index: int) -> Any:
    if kind == FUNCTION:
        return state.kernel["function"](index)
    if (kind, index) in state.objects:
        return state.objects[kind, index]
    from ._objects import refined

    value = state.kernel["export_global"](index)
    text = _types.value_type(state.meta["globals"][index][0], state.types)
    value.__class__ = refined(class_of("Global"), text, False, is_alone(state.meta))
    return value


def _variable(name: str, cell: Any) -> property:
    def read(module: object) -> object:
        return cell._get()

    def write(module: object, value: object) -> None:
        if not cell._type()[1]:
            raise AttributeError(f"global {name!r} is immutable")
        cell._set(value)

    return property(read, write)
