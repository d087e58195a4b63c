"""The interpreter itself."""

from __future__ import annotations

import platform
from types import SimpleNamespace
from typing import Any

NAME = "Python def"


def version() -> str:
    return f"{platform.python_implementation()} {platform.python_version()}, {platform.python_compiler()}"


def calls() -> Any:
    def add(a, b):  # type: ignore[no-untyped-def]
        return a + b

    def six(a, b, c, d, e, f):  # type: ignore[no-untyped-def]  # noqa: PLR0917
        return a + b + c + d + e + f

    def two(a, b):  # type: ignore[no-untyped-def]
        return b, a

    return SimpleNamespace(add_i32=add, add_i64=add, add_f64=add, six=six, two=two)
