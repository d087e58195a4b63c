"""The types of this interpreter's modules, and how they match (spec 3.0, "Matching").

A defined type is a number, the same for equal types of all modules. A type of values is a text, as the
description of a module has it ("i32", "funcref", "(ref null any)"), in which ``$n`` is defined type number n.
Texts are equal where types are.
"""

from __future__ import annotations

import sys
from itertools import count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# What memories may grow to, and what all tables may begin with and each grow to: wasm/limits.ts of the compiler.
MOST_PAGES = 65536
MOST_ELEMENTS = 10_000_000

# Type codes of native globals (GlobalBase): numbers, and references by the top of their hierarchy.
_CODES = {"i32": 1, "i64": 2, "f32": 3, "f64": 4}
EXTERN, FUNC, OPAQUE = 6, 7, 8

# Characters of a type that is written out; of begin and end of one in a message.
_LONGEST = 20_000
_SHORT = 150

# Abstract heap type → all above it.
_ABOVE = {
    "none": ("i31", "struct", "array", "eq", "any"),
    "i31": ("eq", "any"),
    "struct": ("eq", "any"),
    "array": ("eq", "any"),
    "eq": ("any",),
    "nofunc": ("func",),
    "noextern": ("extern",),
    "noexn": ("exn",),
}

_numbers: dict[str, int] = {}
# Each number is given once, whatever other threads, handlers of signals and finalizers define at that moment: calls
# check nothing but the number of the function's type.
_fresh = count(1)
_structures: dict[int, str] = {}
_supertypes: dict[int, int] = {}
# Number → "struct" or "array"; functions are not listed.
_aggregates: dict[int, str] = {}


def define(meta: dict[str, Any]) -> list[int]:
    """The numbers of a module's types; those that no other module had are new."""
    numbers: list[int] = []
    group = 0  # number of the first type of the recursion group at hand
    for index, structure in enumerate(meta["types"]):
        text = value_type(structure, numbers)
        if text.startswith("rec.") and " " not in text:
            text += f" of ${group}"
        number = _numbers.get(text) or _numbers.setdefault(text, next(_fresh))
        if number not in _structures:
            if index in meta["supertypes"]:
                _supertypes[number] = numbers[meta["supertypes"][index]]
            if index in meta["aggregates"]:
                _aggregates[number] = meta["aggregates"][index]
            _structures[number] = text  # Last: a signal's handler may have raised before.
        numbers.append(number)
        if text.startswith("rec.0 "):
            group = number
    return numbers


def value_type(text: str, numbers: list[int]) -> str:
    """The text of a type in a module's description, with numbers for the module's indices."""
    if "{" not in text:
        return text
    first, *pieces = text.split("{")
    for i, piece in enumerate(pieces):
        index, _, rest = piece.partition("}")
        pieces[i] = f"${numbers[int(index)]}{rest}"
    return first + "".join(pieces)


def code(text: str) -> int:
    """The code by which a native global knows the type."""
    if text in _CODES:
        return _CODES[text]
    heap = _parts(text)[1]
    if heap in ("extern", "noextern"):
        return EXTERN
    return FUNC if heap in ("func", "nofunc") or _kind(heap) == "func" else OPAQUE


def _is_reference(text: str) -> bool:
    return "ref" in text


def _parts(text: str) -> tuple[bool, str]:
    """Whether null belongs to the reference type, and its heap type."""
    if text in ("funcref", "externref"):
        return True, text[:-3]
    heap = text[5:-1]  # (ref …)
    return (True, heap[5:]) if heap.startswith("null ") else (False, heap)


def _kind(heap: str) -> str:
    """The abstract heap type above a defined one; "" for the others."""
    return _aggregates.get(int(heap[1:]), "func") if heap.startswith("$") else ""


def is_subtype(number: int, other: int) -> bool:
    """Whether a defined type is ``other`` or declared below it."""
    while number != other:
        if number not in _supertypes:
            return False
        number = _supertypes[number]
    return True


def _heap_matches(heap: str, other: str) -> bool:
    if heap == other:
        return True
    if heap.startswith("$"):
        if other.startswith("$"):
            return is_subtype(int(heap[1:]), int(other[1:]))
        kind = _kind(heap)
        return kind == other or other in _ABOVE.get(kind, ())
    if other.startswith("$"):
        return heap == ("nofunc" if _kind(other) == "func" else "none")
    return other in _ABOVE.get(heap, ())


def matches(text: str, other: str) -> bool:
    """Whether every value of the type is one of the type ``other``."""
    if text == other or not (_is_reference(text) and _is_reference(other)):
        return text == other
    (nullable, heap), (other_nullable, other_heap) = _parts(text), _parts(other)
    return nullable <= other_nullable and _heap_matches(heap, other_heap)


def check(value: Any, text: str) -> None:
    """Raises TypeError unless ``value`` can be kept as the reference type; as arguments of calls are checked."""
    nullable, heap = _parts(text)
    if value is None:
        if not nullable:
            raise TypeError(f"None cannot be a non-null {short(text)}")
        return
    if heap == "extern":
        return
    if heap == "func" or _kind(heap) == "func":
        number = function_type(value)
        if heap == "func" or is_subtype(number, int(heap[1:])):
            return
        raise TypeError(f"the function is {short(f'${number}')}, not {short(heap)}")
    raise TypeError(f"only None can be passed as {short(text)}")


def function_type(value: Any) -> int:
    """The number of the type of a WebAssembly function. Raises TypeError for anything else."""
    number = known_function(value)
    if number is None:
        raise TypeError(f"a function reference must be a WebAssembly function or None{advice(value)}")
    return number


def known_function(value: Any) -> int | None:
    """The number of the type of a WebAssembly function; None for anything else."""
    owner = getattr(value, "__self__", None)
    state = getattr(owner, "__dict__", {}).get("__wasm__") if isinstance(owner, type(sys)) else None
    found = state.kernel["resolve"](value) if state is not None and not state.closed else None
    return None if found is None else found[1]


def is_conversion(error: BaseException) -> bool:
    """Whether native code raised it, in the frame that caught it, and not Python code that it called."""
    return error.__traceback__ is not None and error.__traceback__.tb_next is None


def advice(value: Any) -> str:
    """What to do with a callable where a WebAssembly function is wanted."""
    if not callable(value):
        return ""
    if known_function(value) is not None:
        return (
            "; to others one of an instance with nogil=True is a Python function, and needs a type: see wasmpy.Func"
        )
    return "; a Python function needs a type: see wasmpy.Func"


def structure(number: int) -> str:
    """The structure of a defined type, "(i32, f64) -> (i32)" of a function, with numbers for other types."""
    return _structures[number]


def parts(text: str) -> list[str]:
    """What stands between commas that are in no parentheses."""
    found, depth, start = [], 0, 0
    for i, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            found.append(text[start:i].strip())
            start = i + 1
    last = text[start:].strip()
    return [*found, last] if last or found else []


def readable(text: str) -> str:
    """The text with structures for numbers; where it would get very long, … stands for the inner ones."""
    import re

    bare = text.startswith("$")
    while "$" in text:
        inner = [_structures[int(number)] for number in re.findall(r"\$(\d+)", text)]
        if len(text) + sum(map(len, inner)) > _LONGEST and len(inner) > 1:
            return re.sub(r"\$\d+", "…", text)
        longer = re.sub(r"\$(\d+)", lambda match: f"<{_structures[int(match[1])]}>", text)
        text = longer[1:-1] if bare else longer
        bare = False
    return text


def short(text: str) -> str:
    """The readable text, for messages: of a long one begin and end."""
    text = readable(text)
    return text if len(text) <= 2 * _SHORT else f"{text[:_SHORT]} … {text[-_SHORT:]}"
