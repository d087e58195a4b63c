"""What is wrong with a call, in words: native code asks when an argument or a result could not be converted.

Each function gets the exception and returns the one to raise.
"""

from __future__ import annotations

from types import ModuleType

from . import _types
from ._descriptors import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_NUMBERS = ("i32", "i64", "f32", "f64")


def argument(error: BaseException, name: str, doc: str, position: int, value: object) -> BaseException:
    """An argument that is not of its type."""
    if not _is_ours(error):
        return error
    names, types = _parameters(doc)
    wanted = types[position] if position < len(types) else ""
    # Names that the module does not give are p0, p1 …
    own = names[position] if position < len(names) and names[position] != f"p{position}" else ""
    about = ": ".join(part for part in (own, wanted) if part)
    return type(error)(
        f"{name}() argument {position + 1}{about and f' ({about})'}: {error}{_help(value, wanted, str(error))}"
    )


def arity(error: BaseException, name: str, doc: str, wanted: int, given: int) -> BaseException:
    """The wrong number of arguments."""
    names, types = _parameters(doc)
    if len(names) == len(types):
        types = [typ if own == f"p{i}" else f"{own}: {typ}" for i, (own, typ) in enumerate(zip(names, types))]  # noqa: B905
    listed = f": {', '.join(types)}" if 0 < len(types) == wanted else ""
    count = counted(wanted, "argument") if wanted else "no arguments"
    return type(error)(f"{name}() takes {'exactly ' if wanted else ''}{count}{listed} ({given} given)")


def result(  # noqa: PLR0917
    error: BaseException, module: ModuleType, index: int, function: Callable[..., Any], position: int, value: object
) -> BaseException:
    """A result of an imported function that is not of its type; position -1: several in something else than one."""
    if not _is_ours(error):
        return error
    who, types = _imported(module, index, function)
    if position < 0:
        return type(error)(f"{who} must return {len(types)} values ({', '.join(types)}); it returned {_shown(value)}")
    wanted = types[position] if position < len(types) else ""
    about = f"result {position + 1}" if len(types) > 1 else "the result"
    advice = "; does it lack a return?" if value is None else ""
    return type(error)(f"{who} returned {_shown(value)}, but {about} is {wanted}: {error}{advice}")


def results(  # noqa: PLR0917
    error: BaseException, module: ModuleType, index: int, function: Callable[..., Any], wanted: int, given: int
) -> BaseException:
    """The wrong number of results; given -1: more than wanted."""
    who, types = _imported(module, index, function)
    many = f"more than {wanted}" if given < 0 else counted(given, "value")
    return type(error)(f"{who} must return {wanted} values ({', '.join(types)}); it returned {many}")


def _is_ours(error: BaseException) -> bool:
    """Whether a conversion raised it, and not Python code that it called."""
    return type(error) in (TypeError, OverflowError) and error.__traceback__ is None


def _parameters(doc: str) -> tuple[list[str], list[str]]:
    """Names and types of parameters, as far as the doc string of a function has them (``python/functions.ts``)."""
    signature, _, text = doc.rpartition("\n--\n\n")
    names = [name for name in signature.partition("($module, ")[2].rstrip("/)").split(", ") if name]
    params = text.partition("(param ")[2]
    types, word, depth = [], "", 0
    for char in params:
        if char == ")" and depth == 0:
            break
        depth += (char == "(") - (char == ")")
        if char == " " and depth == 0:
            types.append(word)
            word = ""
        else:
            word += char
    types.append(word)
    return names, [typ for typ in types if typ and typ != "…"]


def _imported(module: ModuleType, index: int, function: Callable[..., Any]) -> tuple[str, list[str]]:
    """What an imported function is called, and the types of its results."""
    state = module.__dict__["__wasm__"]
    meta = state.meta
    rows = [row for row in meta["imports"] if row[2] == 0]
    outer, inner = rows[index][:2]
    own = getattr(function, "__qualname__", None) or getattr(getattr(function, "func", None), "__qualname__", None)
    who = f"the imported function {outer}.{inner}" + (f" ({own})" if own and own != inner else "")
    structure = _types.structure(state.types[meta["functions"][index]])
    return who, _types.parts(structure.partition(" -> ")[2].partition("; ")[0].strip()[1:-1])


def _shown(value: object) -> str:
    if value is None or value.__class__ in (bool, int, float, str, bytes):
        text = repr(value)
        if len(text) <= 40:
            return text
    name = value.__class__.__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _help(value: object, wanted: str, complaint: str) -> str:
    """Half a sentence on what to do instead."""
    if wanted not in _NUMBERS:
        return _types.advice(value) if "must be a WebAssembly function" in complaint else ""
    if isinstance(value, str):
        return "; strings lie in memory: see wasmpy.Memory.write_str and temp"
    if isinstance(value, float) and wanted in ("i32", "i64"):
        return "; convert it: int(x)"
    try:
        memoryview(value)  # type: ignore[arg-type]
    except TypeError:
        is_data = isinstance(value, (list, tuple, dict, set))
    else:
        is_data = True
    return "; arrays and structures lie in memory: see wasmpy.Memory.write, view and temp" if is_data else ""
