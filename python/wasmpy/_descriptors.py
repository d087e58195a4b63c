"""What a module imports and exports, and its sections: from the description in its image and from its binary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from . import _types

KINDS = ("function", "table", "memory", "global", "tag")
_SECTIONS = (
    "custom", "type", "import", "function", "table", "memory", "global",
    "export", "start", "element", "code", "data", "data count", "tag",
)  # fmt: skip


class ImportType(NamedTuple):
    """Something that a module wants to be given. ``kind`` and ``type`` as for ``ExportType``."""

    module: str
    name: str
    kind: str
    type: str


class ExportType(NamedTuple):
    """Something that a module has to offer.

    ``kind`` is function, table, memory, global or tag. ``type`` is the type as text: of a function
    "(i32, i32) -> (f64)", of the others as the text format writes it, "(mut i32)", "1 3" or "i64 1" (pages),
    "2 funcref" (elements).
    """

    name: str
    kind: str
    type: str


def imports(meta: dict[str, Any]) -> tuple[ImportType, ...]:
    """The imports, in the module's order."""
    numbers = _types.define(meta)
    return tuple(
        ImportType(module, name, KINDS[kind], _text(meta, numbers, kind, index))
        for module, name, kind, index in meta["imports"]
    )


def exports(meta: dict[str, Any]) -> tuple[ExportType, ...]:
    """The exports, in the module's order."""
    numbers = _types.define(meta)
    return tuple(
        ExportType(name, KINDS[kind], _text(meta, numbers, kind, index)) for name, kind, index in meta["exports"]
    )


def _text(meta: dict[str, Any], numbers: list[int], kind: int, index: int) -> str:
    name = KINDS[kind]
    if name == "function":
        return _types.readable(f"${numbers[meta['functions'][index]]}")
    if name == "global":
        text, mutable = meta["globals"][index]
        text = _types.readable(_types.value_type(text, numbers))
        return f"(mut {text})" if mutable else text
    if name == "table":
        text, *limits = meta["imported_tables"].get(index) or meta["tables"][index]
        return f"{_limits(*limits)} {_types.readable(_types.value_type(text, numbers))}"
    if name == "memory":
        return _limits(*(meta["imported_memories"].get(index) or meta["memories"][index]))
    return ""


def _limits(least: int, most: int, is64: bool) -> str:
    return f"{'i64 ' if is64 else ''}{least}{'' if most < 0 else f' {most}'}"


def lines(imported: tuple[ImportType, ...], exported: tuple[ExportType, ...]) -> list[str]:
    """Imports and exports for people, one a line."""
    rows = [(f"import {printable(i.module)}.{printable(i.name)}", i.kind, i.type) for i in imported]
    rows += [(f"export {printable(e.name)}", e.kind, e.type) for e in exported]
    width = max((len(row[0]) for row in rows if len(row[0]) <= 40), default=0)
    return [f"  {what:{width}}  {kind} {_types.short(text)}".rstrip() for what, kind, text in rows]


def counted(number: int, what: str) -> str:
    """``1 page``, ``2 pages``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def printable(name: str) -> str:
    """A name of a module that may be anybody's, for terminals: without line breaks and control characters."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)


def table(title: str, imported: tuple[ImportType, ...], exported: tuple[ExportType, ...]) -> str:
    """Imports and exports as HTML, for notebooks."""
    from html import escape

    rows = [("import", f"{i.module}.{i.name}", i.kind, _types.short(i.type)) for i in imported]
    rows += [("export", e.name, e.kind, _types.short(e.type)) for e in exported]
    cells = ("".join(f'<td style="text-align: left">{escape(text)}</td>' for text in row) for row in rows)
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    return f"<table><caption>{escape(title)}</caption>{body}</table>"


def sections(binary: bytes) -> Iterator[tuple[str, str, int, int]]:
    """The sections of a valid binary: name ("custom" …), name of a custom one, begin and end of the content."""
    at = 8
    while at < len(binary):
        kind = binary[at]
        size, at = _leb(binary, at + 1)
        end = at + size
        if kind == 0:
            length, at = _leb(binary, at)
            yield "custom", binary[at : at + length].decode(), at + length, end
        else:
            yield _SECTIONS[kind] if kind < len(_SECTIONS) else str(kind), "", at, end
        at = end


def count(binary: bytes, begin: int) -> int:
    """The number that a section's content begins with: of its entries."""
    return _leb(binary, begin)[0]


def _leb(binary: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number and where it ends."""
    value = shift = 0
    while True:
        byte = binary[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
