"""Settings: attributes of ``wasmpy.config``, each overridden by an environment variable. Switches of features.
Options of compiling, also those that ``bind`` gives to a module.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import typing
    from collections import abc
else:
    from ._lazy import abc, typing

# Every setting: its default, and what it means.
SETTINGS = {
    "cache_dir": ("", "the user's cache; else the platform's place for caches"),
    "cache_size": ("1G", "the most bytes that its images may have together, like 500M; 0: no bound"),
    "cache_days": ("60", "so many days an image stays there unused; 0: no bound"),
    "no_cache": ("", "any text: neither read nor write images"),
    "cpu": ("host", "what may be used of the CPU: host, or x86-64, x86-64-v2 (baseline), x86-64-v3"),
    "quiet": ("", "any text: no notice when compiling takes long"),
    "log": ("", 'level of the logger "wasmpy": debug, info, warning …'),
    "stats": ("", "any text: at exit a line on what was found in caches and what was compiled"),
}


def variable(name: str) -> str:
    """A variable of the environment, "" if it is not set.

    Without the methods of ``os.environ``, in which a KeyError of a signal's handler would be taken for their own.
    """
    known = getattr(os.environ, "_data", None)
    if known is None:  # Somebody has put another mapping there.
        return os.environ.get(name, "")
    return os.fsdecode(known.get(os.fsencode(name), b""))


class Config:
    """Settings as attributes; of each the environment variable ``WASMPY_`` and its name in capitals wins.

    ``wasmpy doctor`` lists them with their meanings. Assigning another name raises AttributeError.
    """

    cache_dir: object
    cache_size: object
    cache_days: object
    no_cache: object
    cpu: object
    quiet: object
    log: object
    stats: object

    def __init__(self) -> None:
        for name, (default, _) in SETTINGS.items():
            self.__dict__[name] = default

    def __setattr__(self, name: str, value: object) -> None:
        if name not in SETTINGS:
            raise AttributeError(f"wasmpy.config has no setting {name!r}: {', '.join(SETTINGS)}")
        self.__dict__[name] = value

    def get(self, name: str) -> str:
        """The value in force: the environment's, else the attribute's."""
        value = self.__dict__[name]
        return variable(f"WASMPY_{name.upper()}") or ("" if value is None or value is False else str(value))

    def origin(self, name: str) -> str:
        """Where the value in force comes from."""
        if variable(f"WASMPY_{name.upper()}"):
            return f"WASMPY_{name.upper()}"
        return "default" if self.__dict__[name] == SETTINGS[name][0] else "wasmpy.config"

    def __repr__(self) -> str:
        return f"wasmpy.config({', '.join(f'{name}={self.get(name)!r}' for name in SETTINGS)})"


config: Config = Config()

# --- features, with the names and numbers that wasmpy 0.2.3 gave them --------------------------------------------

NONE = 0
MUTABLE_GLOBALS = 1
SATURATING_FLOAT_TO_INT = 2
SIGN_EXTENSION = 4
MULTI_VALUE = 8
REFERENCE_TYPES = 16
BULK_MEMORY = 32
SIMD = 64
ALL = 127

_FEATURES = {
    MUTABLE_GLOBALS: "mutable_globals",
    SATURATING_FLOAT_TO_INT: "saturating_float_to_int",
    SIGN_EXTENSION: "sign_extension",
    MULTI_VALUE: "multi_value",
    REFERENCE_TYPES: "reference_types",
    BULK_MEMORY: "bulk_memory",
    SIMD: "simd",
}

_enabled = ALL


def enable(flag: int) -> None:
    """Allows modules to use a feature again; ``NONE`` forbids all that have flags. See ``disable``."""
    global _enabled
    _enabled = NONE if flag == NONE else _enabled | _known(flag)


def disable(flag: int) -> None:
    """From now on modules that need a feature are rejected with CompileError: ``disable(wasmpy.SIMD)``.

    Flags are ``MUTABLE_GLOBALS``, ``SATURATING_FLOAT_TO_INT``, ``SIGN_EXTENSION``, ``MULTI_VALUE``,
    ``REFERENCE_TYPES``, ``BULK_MEMORY``, ``SIMD``, several by ``|``, or ``ALL``. All are enabled at the beginning.
    """
    global _enabled
    _enabled &= ~_known(flag)


def _known(flag: int) -> int:
    if not NONE <= flag <= ALL:
        raise ValueError(f"{flag} is not a feature: use constants like wasmpy.SIMD")
    return flag


def disabled() -> str:
    """The names of features that are disabled, as the compiler wants them."""
    if _enabled == ALL:
        return ""
    return ",".join(name for flag, name in _FEATURES.items() if not _enabled & flag)


# --- modules that are imported -----------------------------------------------------------------------------------

# What `bind` was given, by full module name: imports {module: {name: value}}, and options of compiling.
bindings: dict[str, abc.Mapping[str, typing.Any]] = {}
_options: dict[str, dict[str, object]] = {}


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
        bindings[name] = imports
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
