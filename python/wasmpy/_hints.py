"""What to do about imports that are missing: by the marks that tool chains leave on them."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._imports import Import

_EMSCRIPTEN = (
    "Emscripten made the module for JavaScript that it wrote beside it: build with -sSTANDALONE_WASM --no-entry, "
    "and use neither files nor C++ exceptions"
)
# Modules and names of imports → what they tell. The first row that fits an import counts.
_MARKS: tuple[tuple[str, str, str], ...] = (
    (
        r"wasi_snapshot_preview\d|wasi_unstable|wasix_.*|wasi:.*",
        r".*",
        "the module is made for WASI, which wasmpy does not support yet: build it for a target without a system "
        "(Rust: wasm32-unknown-unknown, Zig: wasm32-freestanding, TinyGo: -target=wasm-unknown), or pass these "
        "functions yourself, as the guide does under 'A little WASI'",
    ),
    (
        r"wbg|__wbindgen_.*|\..*_bg\.js",
        r".*",
        "wasm-bindgen made the module for JavaScript that it wrote beside it: in Rust, export functions by "
        '#[unsafe(no_mangle)] pub extern "C" fn, build for wasm32-unknown-unknown, and leave out '
        "wasm-bindgen and what depends on it (js-sys, web-sys, getrandom with its feature for browsers)",
    ),
    (
        r"go|gojs",
        r".*",
        "Go made the module for the JavaScript of its wasm_exec.js (GOOS=js): TinyGo with -target=wasm-unknown and "
        "//go:wasmexport makes modules that need none; for GOOS=wasip1 -buildmode=c-shared the guide has a recipe",
    ),
    (
        r"env",
        r"abort|seed|trace|console\.log|Date\.now",
        "AssemblyScript's run time wants it: pass a function, for abort of (message, file, line, column), or compile "
        "with asc --use abort=",
    ),
    (
        r"env",
        r"_?emscripten_.*|_emval_.*|_embind_.*|invoke_.*|__syscall_.*|___?cxa_.*|_\w+_js",
        _EMSCRIPTEN,
    ),
    (r"a", r"\w{1,3}", _EMSCRIPTEN),
    (
        r"env|capi",
        r"_?Py[A-Z_].*",
        "the module is a CPython extension that was compiled to WebAssembly, which wasmpy does not support yet",
    ),
    (
        r"wasm:.*",
        r".*",
        "it is a builtin of JavaScript engines, which wasmpy does not have yet: compile for another target",
    ),
    (
        r"env",
        r".*",
        "the linker puts into env what is declared but defined nowhere: link the library that has it, or pass it",
    ),
)


def hints(missing: Sequence[Import], importing: str | None) -> list[str]:
    """Lines that say what to do. ``importing``: name of the module if an import statement wants it."""
    found: dict[str, list[str]] = {}
    for wanted in missing:
        for module, name, text in _MARKS:
            if re.fullmatch(module, wanted.module) and re.fullmatch(name, wanted.name):
                found.setdefault(text, []).append(f"{wanted.module}.{wanted.name}")
                break
    lines = []
    for text, names in found.items():
        what = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        lines.append(f"hint for {what}: {text}")
    first = missing[0]
    example = f"{{{first.module!r}: {{{first.name!r}: ...}}}}"
    if importing is None:
        lines.append(f"imports are passed as a mapping: {example}")
    else:
        lines.append(f"imports are given before the import statement: wasmpy.bind({importing!r}, {example})")
    return lines
