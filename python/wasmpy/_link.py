"""Links an instance: finds its imports, binds them through the image's kernel, runs its initialisation, and puts
its exports on the module object.

An image calls ``attach`` when it is executed. ``kernel`` holds the image's native functions for this one
instance; what they take and give stands at the head of the compiler's ``python/kernel.ts``.
"""

from __future__ import annotations

import sys
from _thread import get_ident

from . import _opened, _types
from ._errors import LinkError, UnguardedError, is_own

TYPE_CHECKING = False
if TYPE_CHECKING:
    import typing
    from collections import abc
    from types import ModuleType
    from typing import Any

    _Callable = typing.TypeVar("_Callable", bound=abc.Callable[..., object])
else:  # typing and collections.abc would cost 3 ms of every start, types 0.3
    from ._lazy import abc, typing

    ModuleType = type(sys)
    _Callable = object

FUNCTION, TABLE, MEMORY, GLOBAL, TAG = range(5)
_KINDS = ("function", "table", "memory", "global", "tag")
_PAGE = 65536
# Attribute of the classes that one instance each has for its globals: their names.
VARIABLES = "__wasm_variables__"
# Lines of a LinkError.
_MOST_PROBLEMS = 1000
_UNKNOWN = "unknown import {}"
_OF_ANOTHER = (
    "it belongs to an instance with nogil=True, which may run at the same time: only its functions can be imported"
)
# Limits of i64 tables beyond this are as good as this: the native types hold signed numbers.
_MOST = 2**63 - 1

# Toolchain names that an import statement never takes for Python modules.
_TOOLCHAIN = frozenset({"env", "a", "go", "gojs", "wbg", "__wbindgen_placeholder__"})

# What `bind` was given, by full module name: imports {module: {name: value}}, and options of compiling.
_bindings: dict[str, abc.Mapping[str, Any]] = {}
_options: dict[str, dict[str, object]] = {}

# After restrict_imports: the Python modules that WebAssembly may still import.
_allowed: frozenset[str] | None = None

# Modules whose imports are being found, the outermost first: name → thread, and the module that is being imported.
_linking: dict[str, tuple[int, str]] = {}


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
            raise TypeError(f"export {name!r} is a {_KINDS[kind]}: only globals can be assigned")
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


def bind(
    name: str,
    imports: abc.Mapping[str, typing.Any] | None = None,
    *,
    wrap: bool = False,
    interrupts: bool = True,
    nogil: bool = False,
) -> None:
    """Says how the module ``name`` is to be imported: to be called before it is.

    ``imports`` is a mapping module → (mapping, module or object). It comes before everything else that the import
    statement would find; what it lacks is still looked for. ``wrap``, ``interrupts`` and ``nogil`` are those of
    ``Module``. A package can say the same for all modules in it by ``__wasm_imports__ = {…}`` and
    ``__wasm_options__ = {"wrap": True}`` in its ``__init__.py``.
    """
    if imports is not None:
        _bindings[name] = imports
    made = options(wrap=wrap, interrupts=interrupts, nogil=nogil)
    if made:
        _options[name] = made


def options(
    *, features: str = "3.0", wrap: bool = False, interrupts: bool = True, nogil: bool = False
) -> dict[str, object]:
    """Options of compiling, as the compiler wants them: those that are not the default."""
    if features not in ("1.0", "2.0", "3.0"):
        raise ValueError(f'features are "1.0", "2.0" or "3.0", not {features!r}')
    made: dict[str, object] = {} if features == "3.0" else {"features": features}
    if wrap:
        made["wrap"] = True
    if not interrupts:
        made["interrupts"] = False
    if nogil:
        made["nogil"] = True
    return made


def options_of(name: str) -> dict[str, object]:
    """The options for compiling the module that is imported as ``name``: of ``bind``, else of its package."""
    if name in _options:
        return _options[name]
    package = name.rpartition(".")[0]
    given = getattr(sys.modules.get(package), "__wasm_options__", None)
    if not given:
        return {}
    try:
        return options(**given)
    except TypeError as error:
        raise TypeError(f"__wasm_options__ of {package}: {error}") from None


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


# --- native types and what Python adds to them --------------------------------------------------------------


def _natives(kernel: dict[str, abc.Callable[..., Any]]) -> None:
    """Builds Memory, Table and Global over the interpreter's native types, once."""
    if "Memory" in globals():
        return
    from . import _objects, _signals, _traps

    *types, watch, forget, _opened.close, ledger = kernel["natives"]()
    ledger(_collector(ledger))
    kernel["configure"](_traps.trap)
    _signals.follow(watch, forget)
    _teach_pickle()
    # Last: a signal's handler may have raised before. Of threads that are here at once, one makes them for all.
    globals().update(globals().setdefault("_classes", _objects.classes(*types)))


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
    if name in ("Memory", "Table", "Global"):
        # No image is loaded yet: an empty module brings the native types.
        from ._api import Instance, compile

        Instance(compile(b"\0asm\x01\0\0\0"))
        return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# --- attach --------------------------------------------------------------------------------------------------


def read_description(text: str) -> dict[str, Any]:
    """What an image says of its module; see ``python/meta.ts`` of the compiler."""
    nothing: dict[str, Any] = {"__builtins__": {}}
    head, *more = text.split("\n")
    meta: dict[str, Any] = eval(head, nothing)
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
    resolve = module.__dict__.pop("__wasm_resolve__", None) or resolver(module.__name__)
    bind_imports(state, resolve, module.__name__ if state.holder is module else None)
    _check_sizes(module.__name__, meta)
    alone = is_alone(meta)
    for index, (minimum, maximum, is64) in meta["memories"].items():
        limits = min(minimum, _MOST), min(maximum, _MOST)
        memory = _new_memory(index == 0 and meta["guarded"], is64, alone, *limits)
        memory._owner = state
        state.bind(MEMORY, index, memory)
    for index, (element, minimum, maximum, is64) in meta["tables"].items():
        element_type = _types.value_type(element, state.types)
        functions = _types.code(element_type) == _types.FUNC
        limits = min(minimum, _MOST), min(maximum, _MOST)
        state.bind(TABLE, index, _new("Table", element_type, is64, alone, functions, *limits))
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
    return _function_text(state.types[state.meta["functions"][index]]) == "() -> ()"


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


def _new(name: str, text: str, is64: bool, alone: bool, *arguments: Any) -> Any:
    """A native object of the class ``name`` that knows its type; see ``_objects.refined``."""
    from ._objects import refined

    own = globals()
    return own[f"{name}Base"].__new__(refined(own[name], text, is64, alone), *arguments)


def _new_memory(is_guarded: bool, is64: bool, alone: bool, *limits: int) -> Any:
    from ._objects import reserved

    return reserved(lambda: _new("Memory", "", is64, alone, *limits), is_guarded)


def given_to(name: str) -> abc.Mapping[str, Any]:
    """What `bind` or its package gives the module ``name``."""
    given = _bindings.get(name, {})
    package = name.rpartition(".")[0]
    if not given and package in sys.modules:
        given = getattr(sys.modules[package], "__wasm_imports__", {})
    return given


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
    return _KINDS[wanted.kind]


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
    known = globals().get(name) or __getattr__(name)  # Before the first image is executed (_prelink.py).
    return issubclass(type(value), known)


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
    if declared[1] >= 0 and (actual[1] < 0 or actual[1] > min(declared[1], _MOST)):
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
        value = _new("Global", text, False, False, code, False, value)
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
    value.__class__ = refined(globals()["Global"], text, False, is_alone(state.meta))
    return value


def _variable(name: str, cell: Any) -> property:
    def read(module: object) -> object:
        return cell._get()

    def write(module: object, value: object) -> None:
        if not cell._type()[1]:
            raise AttributeError(f"global {name!r} is immutable")
        cell._set(value)

    return property(read, write)
