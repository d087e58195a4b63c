"""Compiling and instantiating by hand: Module, Instance, Func, compile, load, validate, wat.

A str or path is always a file, bytes are always content (binary or text). Nothing here resolves an import that
the caller did not pass, and no image is read or written beside the source: only in the user's own cache.
"""

from __future__ import annotations

import os
from io import FileIO

from . import _cache, _config, _image, _link, _types
from ._errors import is_own, tried, without_own_frames
from ._link import WasmModule, state_of

# `load` of what is cached is a start, too: typing, and what talks to the compiler or describes, would cost 35 ms.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import typing
    from collections import abc
    from types import ModuleType

    import typing_extensions
    from typing_extensions import Buffer

    from . import _descriptors, _imports
else:
    from ._lazy import _descriptors, _imports, abc, typing, typing_extensions

    ModuleType = type(os)

# A path, or content: anything with the buffer protocol.
if TYPE_CHECKING:
    _Source = str | os.PathLike[str] | Buffer
else:
    _Source = str | os.PathLike[str] | bytes | bytearray | memoryview

# The module name that images of `compile` and `load` are compiled for.
_LEAF = "wasm"
# Imports and exports that the repr of a Module shows.
_MOST_LINES = 40


def _is_binary(source: bytes) -> bool:
    return source[:4] == b"\0asm"


def _read(source: _Source) -> tuple[bytes, str]:
    """The content of a source and the file name to report."""
    if isinstance(source, (str, os.PathLike)):
        path = os.fsdecode(source)
        is_text = path.lstrip().startswith(("(", ";;"))
        file = None if is_text and "\0" in path else tried(FileIO, path)
        if file is not None and not isinstance(file, OSError):
            with file:
                return file.read(), path
        import errno

        if file is not None and not (is_text and file.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)):
            raise file
        shown = path if len(path) <= 40 else f"{path[:40]}…"
        raise FileNotFoundError(
            errno.ENOENT, "a str is the path of a file; for text there is wasmpy.wat(text)", shown
        )
    content = _bytes(source)
    if content is None:
        raise TypeError(
            f"a module is a path (str, os.PathLike) or content (bytes or anything with the buffer protocol), "
            f"not {type(source).__name__}"
        )
    return content, "<wasm>" if _is_binary(content) else "<wat>"


def _bytes(data: Buffer) -> bytes | None:
    """The content of anything with the buffer protocol; None of anything else."""
    try:
        return memoryview(data).tobytes()
    except TypeError as error:
        if not is_own(error):
            raise
        return None


class _Text:
    """Where tracebacks find the lines of text that is in no file."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self.filename = f"<wat {_cache.digest(source).hexdigest()[:16]}>"

    def get_source(self, name: str) -> str:
        """The text."""
        return self._source.decode("utf-8", "replace")


class _ModuleType(type):
    if not TYPE_CHECKING:

        def __getattr__(cls, name: str) -> object:
            from ._foreign import complaint

            raise complaint("Module", name, f"type object {cls.__name__!r}", cls)


class Module(metaclass=_ModuleType):
    """A compiled module, not yet instantiated. ``filename`` is where it came from."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            from ._foreign import complaint

            raise complaint("Module", name, f"{type(self).__name__!r} object", self)

    __module__ = "wasmpy"

    def __init__(
        self,
        source: _Source,
        *,
        features: str = "3.0",
        wrap: bool = False,
        interrupts: bool = True,
        nogil: bool = False,
    ) -> None:
        """Compiles ``source``, a path (str or PathLike) or content (bytes or any buffer; text or binary).

        ``features`` is the version of WebAssembly that it may use: "1.0", "2.0" or "3.0". With ``wrap`` integers that
        Python passes to its functions, or returns from functions that it imports, wrap around where they do not fit
        instead of raising OverflowError. Without ``interrupts`` its loops do not look whether Ctrl-C was pressed:
        only for modules whose loops end.

        With ``nogil`` other Python threads run while its functions do, on other cores: a call lets go of the GIL.
        Calls of one instance from several threads take turns. Such a module imports nothing, since what it imported
        would need the GIL, and no reference comes in from outside: neither by a parameter nor by a global that others
        can set. Another module that imports its functions calls them as Python functions; its memories, tables and
        globals cannot be imported. A call costs some 100 ns more.

        Raises CompileError, UnsupportedError (also for what ``nogil`` excludes), or OSError for a file.
        """
        options = _config.options(features=features, wrap=wrap, interrupts=interrupts, nogil=nogil)
        self._set(*_read(source), options)
        self._compile()

    def _set(self, source: bytes, filename: str, options: dict[str, object]) -> None:
        self._source, self._options = source, options
        self.filename: str = filename
        self._build = _cache.Build(source, _LEAF, filename, options)
        self._text = _Text(source) if filename == "<wat>" else None
        self._meta: dict[str, typing.Any] | None = None

    def _compile(self) -> None:
        try:
            _cache.locate(self._build)
        except Exception as error:
            raise without_own_frames(error)  # noqa: B904

    def serialize(self) -> bytes:
        """The module with its machine code, to be kept and given to ``Module.deserialize``."""
        from . import _serial, _store

        image = _store.content(self._build)
        return _serial.pack(self._source, self.filename, self._options, self._build.options, image)

    @classmethod
    def deserialize(cls, data: bytes | bytearray | memoryview) -> Module:
        """What ``serialize`` gave, without compiling it again. **Only for data that you would run as a program:** the
        machine code in it is run as it is.

        If another version of wasmpy serialized it, or for another machine, it is compiled again from the module that
        ``data`` holds too. Raises ValueError for data that is not all there.
        """
        from . import _serial, _store

        content = _bytes(data)
        if content is None:
            advice = "; of a file: open(path, 'rb').read()" if isinstance(data, (str, os.PathLike)) else ""
            raise TypeError(
                f"Module.deserialize takes the bytes that serialize gave, not {type(data).__name__}{advice}"
            )
        source, filename, options, machine, image = _serial.unpack(content)
        module = object.__new__(cls)
        module._set(source, filename, options)
        if image:
            module._build = build = _cache.Build(source, _LEAF, filename, {**options, **machine})
            build.image = _cache.find(build) or _store.make(build, image)
        module._compile()
        return module

    def __reduce__(self) -> typing.Any:
        return _again, (self._source, self.filename, self._options)

    def instantiate(self, imports: abc.Mapping[str, typing.Any] | None = None) -> Instance:
        """A new instance; as ``Instance(module, imports)``."""
        return Instance(self, imports)

    def _name(self, made: ModuleType) -> None:
        """Says what a module of the image comes from."""
        made.__file__ = self.filename
        if self._text is not None:
            made.__file__ = self._text.filename
            made.__loader__ = self._text  # type: ignore[assignment]

    @property
    def _description(self) -> dict[str, typing.Any]:
        """The description of the module that its image carries (``python/meta.ts`` of the compiler)."""
        if self._meta is None:
            found: list[dict[str, typing.Any]] = []
            made = _image.create(_LEAF, self._build)
            self._name(made)
            made.__dict__["__wasm_describe__"] = found.append
            _image.execute(made)
            self._meta = found[0]
        return self._meta

    @property
    def imports(self) -> tuple[_descriptors.ImportType, ...]:
        """What the module wants to be given: tuples (module, name, kind, type), in its order."""
        return _descriptors.imports(self._description)

    @property
    def exports(self) -> tuple[_descriptors.ExportType, ...]:
        """What the module has to offer: tuples (name, kind, type), in its order."""
        return _descriptors.exports(self._description)

    def custom_sections(self, name: str) -> list[bytes]:
        """The contents of all custom sections of this name, in the module's order. Assembles the text of one."""
        binary = self._source if _is_binary(self._source) else _assemble(self._source, self.filename)
        return [binary[begin:end] for _, custom, begin, end in _descriptors.sections(binary) if custom == name]

    def __repr__(self) -> str:
        imports, exports = self.imports, self.exports
        lines = _descriptors.lines(imports, exports)
        if len(lines) > _MOST_LINES:
            lines[_MOST_LINES:] = [f"  and {len(lines) - _MOST_LINES} more"]
        counts = f"{_descriptors.counted(len(imports), 'import')}, {_descriptors.counted(len(exports), 'export')}"
        return "\n".join([f"<wasmpy.Module {self.filename}: {counts}>", *lines])

    def _repr_html_(self) -> str:
        return _descriptors.table(f"wasmpy.Module {self.filename}", self.imports, self.exports)


def _again(source: bytes, filename: str, options: dict[str, object]) -> Module:
    """Makes an unpickled module: from its source, so that nothing in it is machine code."""
    module = object.__new__(Module)
    module._set(source, filename, options)
    module._compile()
    return module


class Instance:
    """An instance of a module.

    Functions, memories, tables and the values of globals are attributes, where their names are Python identifiers
    that do not begin with ``_`` and are none of the attributes below; ``instance["any name"]`` reaches every one,
    exports that are called ``exports`` or ``close`` too. ``in`` and iteration are over the names.

    ``with`` closes it at the end.
    """

    __module__ = "wasmpy"

    def __init__(self, module: Module, imports: abc.Mapping[str, typing.Any] | None = None) -> None:
        """Links and initialises. ``imports`` maps module names to namespaces: mappings, modules, instances.

        Runs the start function, and ``_initialize`` if there is one, as reactors of WASI have it. Raises LinkError,
        which lists all imports that are missing or do not fit; or what the start function raises.
        """
        if not isinstance(module, Module):
            advice = "; wasmpy.load(file, imports) does both" if isinstance(module, (str, bytes, os.PathLike)) else ""
            raise TypeError(f"the first argument is a wasmpy.Module, not {type(module).__name__}{advice}")
        resolve = _resolver(module, imports)
        self._link(module, lambda: resolve)

    def _link(self, module: Module, resolve: abc.Callable[[], abc.Callable[[_imports.Import], typing.Any]]) -> None:
        """``resolve``: a function for the imports, from the first on."""

        def prepare(made: ModuleType) -> None:
            self.__dict__["_module"] = made
            module._name(made)
            made.__dict__["__wasm_resolve__"] = resolve()
            made.__dict__["__wasm_holder__"] = self

        try:
            _image.instantiate(_LEAF, module._build, prepare)
        except BaseException as error:
            raise without_own_frames(error)  # noqa: B904

    def close(self) -> None:
        """Ends the instance, and gives its memory back without waiting for the garbage collector.

        From then on its attributes raise ValueError, and so do its functions, wherever they are kept or imported.
        What else refers to its memory keeps it: views of it, the Memory, functions, tables and globals that are kept,
        instances that import from it, and code of the instance that is still running, which goes on. Closing twice
        does nothing.
        """
        # Other threads may use it, or close it, at any moment: it always looks like an open or a closed one.
        old, state = type(self), self.__dict__.get("__wasm__")
        if state is None:  # It was never linked.
            return
        state.end_calls()  # First: whatever a signal's handler raises below, its functions cannot be called any more.
        state.closed = f"the instance of {state.file} is closed"
        variables = old.__dict__.get(_link.VARIABLES)
        object.__setattr__(self, "__class__", _closed(old if variables is None else old.__bases__[-1]))
        module = [self.__dict__.pop("_module", None)]
        if module[0] is None:
            return
        for name in [name for name in self.__dict__ if name != "__wasm__"]:
            del self.__dict__[name]
        for name in variables or ():
            delattr(old, name)  # its globals; the class waits for the garbage collector
        state.close(module)

    def __enter__(self) -> typing_extensions.Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def exports(self) -> abc.Mapping[str, typing.Any]:
        """Export name → function, Memory, Table or Global."""
        return exports(self)

    def __getitem__(self, name: str) -> typing.Any:
        return self._module[name]

    def __setitem__(self, name: str, value: object) -> None:
        self._module[name] = value

    def __contains__(self, name: object) -> bool:
        return name in self._module

    def __iter__(self) -> abc.Iterator[str]:
        return iter(self._module)

    def __dir__(self) -> list[str]:
        return sorted({"exports", *(name for name in self if hasattr(self, name))})

    if TYPE_CHECKING:  # Such methods would make every attribute slow.

        def __getattr__(self, name: str) -> typing.Any: ...
        def __setattr__(self, name: str, value: typing.Any) -> None: ...

    def __reduce__(self) -> typing.Any:
        raise TypeError("an instance has its own memory: it cannot be copied or pickled, its module can")

    def __repr__(self) -> str:
        state: _link.State | None = self.__dict__.get("__wasm__")
        if state is None:
            return "<wasmpy.Instance: not linked>"
        return f"<wasmpy.Instance of {self._module.__file__}: {_descriptors.counted(len(state.kinds), 'export')}>"


class _Description:
    """The doc string of Instance; of an instance with its exports, which ``help`` shows."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __get__(self, instance: typing.Any, kind: type) -> str:
        state: _link.State | None = None if instance is None else instance.__dict__.get("__wasm__")
        if state is None or state.closed:
            return self._text
        rows = []
        for name, value in state.exports.items():
            signature = getattr(value, "__text_signature__", None) or "(…)"
            kind_of = _descriptors.KINDS[state.kinds[name]]
            shown = f"{name}{signature.replace('$module, ', '').replace(', /', '').replace('/', '')}"
            rows.append(f"  {shown}  {value.__doc__}" if kind_of == "function" else f"  {name}  {kind_of}")
        return "\n".join([f"An instance of {state.file}. Its exports:", "", *rows, "", self._text])


Instance.__doc__ = _Description(Instance.__doc__ or "")  # type: ignore[assignment]


class _ClosedInstance(_link.Unseen, Instance):
    """An instance that was closed."""

    __module__ = "wasmpy"

    def __init__(self, *arguments: object, **named: object) -> None:
        raise self._error()

    def __getattribute__(self, name: str) -> typing.Any:
        if name == "close" or (name.startswith("_") and name != "_module"):
            return object.__getattribute__(self, name)
        raise self._error()

    def __setattr__(self, name: str, value: object) -> None:
        raise self._error()

    def close(self) -> None:
        pass

    def _error(self) -> ValueError:
        state: _link.State | None = self.__dict__.get("__wasm__")
        return ValueError("the instance is closed" if state is None else state.closed)

    def _refuse(self, *arguments: object) -> typing.Any:
        raise self._error()

    __getitem__ = __setitem__ = __contains__ = __iter__ = __enter__ = _refuse

    def __dir__(self) -> list[str]:
        return ["close"]

    def __repr__(self) -> str:
        return f"<wasmpy.Instance: {self.__dict__['__wasm__'].closed}>"


def _closed(base: type[Instance]) -> type[Instance]:
    """The class for closed instances of a class."""
    if issubclass(base, _ClosedInstance):
        return base
    return _ClosedInstance if base is Instance else type(base.__name__, (_ClosedInstance, base), {})


# Type of a function as text → the module that gives a Python callable this type.
_shims: dict[str, Module] = {}


class _FuncType(type):
    def __instancecheck__(cls, thing: object) -> bool:
        try:
            _types.function_type(thing)
        except TypeError:
            return False
        return True


class Func(metaclass=_FuncType):
    """A Python callable with a WebAssembly type: ``Func("(i32, f64) -> i32", f)`` fits where a funcref is wanted.

    All functions of WebAssembly count as instances of it: ``isinstance(m.add, wasmpy.Func)``. They are builtins.

    Makes the builtin that calls ``f`` with the conversions of an import. Parameters and results are i32, i64, f32,
    f64, externref and funcref; ``()`` stands for none. Raises ValueError for another type, TypeError if ``f`` is not
    callable.
    """

    __module__ = "wasmpy"

    if TYPE_CHECKING:

        def __call__(self, *arguments: typing.Any) -> typing.Any: ...

    def __new__(cls, type: str, function: abc.Callable[..., typing.Any]) -> typing.Any:
        if not callable(function):
            raise TypeError(f"{function!r} is not callable")
        if getattr(function, "__wasm_pass_caller__", None) is True:
            raise TypeError(
                "a wasmpy.Func cannot know which instance calls it: pass_caller is for functions given as imports"
            )
        shim = _shims.get(type)
        if shim is None:
            params, arrow, results = type.partition("->")
            if not arrow:
                raise ValueError(f'{type!r} is not the type of a function; write it like "(i32, f64) -> i32"')
            declared = f"(param {_words(params)}) (result {_words(results)})"
            text = f'(module (import "f" "f" (func {declared})) (export "f" (func 0)))'
            shim = _shims[type] = Module(text.encode())
        return Instance(shim, {"f": {"f": function}})["f"]


def _words(types: str) -> str:
    words = types.strip(" ()").replace(",", " ").split()
    for word in words:
        if word not in ("i32", "i64", "f32", "f64", "externref", "funcref"):
            raise ValueError(f"no parameter or result of type {word!r}: i32, i64, f32, f64, externref or funcref")
    return " ".join(words)


def compile(
    source: _Source, *, features: str = "3.0", wrap: bool = False, interrupts: bool = True, nogil: bool = False
) -> Module:
    """Compiles a file (str or path) or content (bytes or any buffer).

    Options and exceptions: see ``Module``.
    """
    return Module(source, features=features, wrap=wrap, interrupts=interrupts, nogil=nogil)


def load(
    source: _Source,
    imports: abc.Mapping[str, typing.Any] | None = None,
    *,
    features: str = "3.0",
    wrap: bool = False,
    interrupts: bool = True,
    nogil: bool = False,
) -> Instance:
    """Compiles and instantiates with exactly the imports given. See ``Module`` and ``Instance``.

    What cannot be linked is not compiled: imports are resolved first, if no cache has the module.
    """
    module = object.__new__(Module)
    module._set(*_read(source), _config.options(features=features, wrap=wrap, interrupts=interrupts, nogil=nogil))
    resolve = _resolver(module, imports)
    again = lambda: resolve  # noqa: E731
    if not _cache.is_cached(module._build):
        from ._prelink import resolved

        try:
            again = resolved(module._build, _LEAF, resolve)
        except BaseException as error:
            raise without_own_frames(error)  # noqa: B904
        module._compile()
    instance = object.__new__(Instance)
    instance._link(module, again)
    return instance


def _resolver(
    module: Module, imports: abc.Mapping[str, typing.Any] | None
) -> abc.Callable[[_imports.Import], typing.Any]:
    """What finds an import of the module in the mapping that a caller passed. Raises TypeError if it is none."""
    given = {} if imports is None else imports
    if given.__class__ is not dict:
        from ._imports import is_mapping

        if not is_mapping(given):
            message = f"imports are a mapping {{module: {{name: value}}}}, not {type(given).__name__}"
            example = "".join(f", here {{{i.module!r}: {{{i.name!r}: …}}}}" for i in module.imports[:1])
            raise TypeError(message + example)

    def resolve(wanted: _imports.Import) -> typing.Any:
        from ._imports import item, lookup

        return lookup(item(given, wanted.module), wanted)

    return resolve


def exports(instance: ModuleType | Instance) -> abc.Mapping[str, typing.Any]:
    """All exports of an imported module or an instance: name → function, Memory, Table or Global.

    Globals are the objects to link with, not their values. Raises TypeError for anything else.
    """
    from types import MappingProxyType

    return MappingProxyType(state_of(instance).exports)


def module(imported: ModuleType) -> Module:
    """The Module behind an imported WebAssembly module, for further instances of it."""
    if not isinstance(imported, WasmModule):
        raise TypeError(f"{imported!r} is not a WebAssembly module")
    if isinstance(state_of(imported).holder, Instance):  # what functions have as __self__
        raise TypeError(f"{imported!r} is part of an Instance: keep the Module that it was made from")
    path = imported.__file__ or ""
    loader: typing.Any = imported.__loader__
    source = loader.get_data(path)
    return _again(source, path, _config.options_of(imported.__name__))


def validate(source: _Source, *, features: str = "3.0") -> bool:
    """True if the module is valid WebAssembly. Raises only OSError for a file that cannot be read."""
    from ._compiler import request
    from ._config import disabled

    content, filename = _read(source)
    header: dict[str, object] = {"do": "validate", "without": disabled(), **_cache.form(content, filename)}
    answer, _ = request({**header, **_config.options(features=features)}, content)
    return "error" not in answer


def wat(
    text: str, *, features: str = "3.0", wrap: bool = False, interrupts: bool = True, nogil: bool = False
) -> Module:
    """Compiles inline WebAssembly text. Options and exceptions: see ``Module``."""
    if not isinstance(text, str):
        raise TypeError(f"text is a str, not {type(text).__name__}; bytes are for wasmpy.compile")
    return Module(_encoded(text), features=features, wrap=wrap, interrupts=interrupts, nogil=nogil)


def _encoded(text: str) -> bytes:
    """Lone surrogates become bytes that the compiler complains about."""
    return text.encode("utf-8", "surrogatepass")


def wat2wasm(text: str) -> bytes:
    """Assembles text to a binary. Raises CompileError with line and column."""
    return _assemble(_encoded(text), "<wat>")


def wasm2wat(binary: bytes) -> str:
    """The text of a binary. Raises CompileError with the byte offset."""
    return _asked("disassemble", bytes(binary), "<wasm>").decode()


def _assemble(source: bytes, filename: str) -> bytes:
    return _asked("assemble", source, filename)


def _asked(do: str, source: bytes, filename: str) -> bytes:
    """What the compiler answers to the request. Raises CompileError, UnsupportedError or WasmError."""
    from ._compiler import request
    from ._diagnostics import diagnostic

    answer, payload = request({"do": do}, source)
    if "error" in answer:
        raise diagnostic(answer["error"], filename, source)
    return payload
