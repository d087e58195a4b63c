"""Exceptions for what the compiler complains of."""

from __future__ import annotations

from ._errors import CompileError, UnsupportedError, WasmError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def diagnostic(error: dict[str, Any], filename: str, source: bytes) -> WasmError:
    """The exception for an error that the compiler reported."""
    message = error["message"] + (f": {error['detail']}" if error["detail"] else "")
    kind, line, at = error["kind"], error.get("line", 0), error.get("at", -1)
    function = error["function"] or ""
    where = f" in function {_readable(function)}" if function else ""
    if kind == "internal":
        return WasmError(f"{message}{where} ({filename}); please report this")
    if line <= 0:
        message += where + (f" at byte {at:#x}" if at >= 0 else "")
    if kind in ("unsupported", "proposed"):
        return UnsupportedError(f"{message} ({filename}{f', line {line}' if line > 0 else ''})", path=filename)
    make: Callable[..., CompileError] = CompileError
    if line <= 0:
        result = make(message, (filename, None, None, None))
    else:
        result = make(message, (filename, line, *_caret(source, line, error["column"])))
    result.function = function
    if line <= 0 and at >= 0:
        result.byte_offset = at
    return result


def _readable(name: str) -> str:
    if not name.startswith(("_ZN", "_R")):
        return name
    from ._demangle import demangled

    return demangled(name)


def _caret(source: bytes, line: int, column: int) -> tuple[int, str, int, int]:
    """What a SyntaxError knows of a place: column in characters, the line, number of the last line, end column."""
    lines = source.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    text = lines[line - 1] if line <= len(lines) else b""
    end = column - 1
    if text[end : end + 1] == b'"':
        end = text.find(b'"', end + 1) + 1 or len(text)
    else:
        end += text[end : end + 1] in (b"(", b")")
        if text[end - 1 : end] != b")":
            while end < len(text) and text[end] not in b' \t();"':
                end += 1

    def characters(count: int) -> int:
        return len(text[:count].decode("utf-8", "replace")) + 1

    return characters(column - 1), text.decode("utf-8", "replace"), line, characters(max(end, column))
