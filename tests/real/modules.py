"""The real modules: where each comes from, how it is made, what it must do."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import checks
import recipes


class Real(NamedTuple):
    name: str
    # What it is written in and where it is from.
    origin: str
    build: Callable[[], Path]
    check: Callable[[bytes], None]
    # An instruction in it that is not supported yet: then it must be rejected, and the message must name it.
    unsupported: str = ""


def _npm(name: str, origin: str, path: str, check: Callable[[bytes], None], unsupported: str = "") -> Real:
    return Real(name, f"{origin}, npm", partial(recipes.from_npm, path), check, unsupported)


ARGON2 = "argon2-browser/dist/argon2"
# Quick to obtain and to check: the default tests run them.
QUICK = [
    _npm("source-map", "Rust", "source-map/lib/mappings.wasm", checks.source_map),
    Real("llhttp", "C, npm undici", recipes.llhttp, checks.llhttp),
    _npm("oniguruma", "C", "vscode-oniguruma/release/onig.wasm", checks.oniguruma),
    _npm("argon2", "C", f"{ARGON2}.wasm", checks.argon2),
    _npm("argon2 with SIMD", "C", f"{ARGON2}-simd.wasm", checks.loads, "i64x2.add"),
    Real("as-bignum", "AssemblyScript, npm", partial(recipes.assemblyscript, "bignum.ts"), checks.bignum),
    _npm("tree-sitter", "C", "web-tree-sitter/web-tree-sitter.wasm", checks.loads),
    _npm("QuickJS", "C", "@jitl/quickjs-wasmfile-release-sync/dist/emscripten-module.wasm", checks.loads),
]
SLOW = [
    Real("zlib", "C, crate libz-sys", recipes.zlib, checks.zlib),
    Real("zstd", "C, crate zstd-sys", recipes.zstd, checks.zstd),
    Real("lua", "C, crate lua-src", recipes.lua, checks.lua),
    Real("sqlite", "C, crate libsqlite3-sys", recipes.sqlite, checks.sqlite),
    Real("rust", "Rust, crates regex, blake3, pulldown-cmark", recipes.rust, checks.rust),
    Real("goldmark", "Go", recipes.go, checks.go),
    _npm("sql.js", "C", "sql.js/dist/sql-wasm.wasm", checks.loads),
    _npm("resvg", "Rust", "@resvg/resvg-wasm/index_bg.wasm", checks.loads),
    _npm("esbuild", "Go", "esbuild-wasm/esbuild.wasm", checks.loads),
    _npm("lightningcss", "Rust", "lightningcss-wasm/lightningcss_node.wasm", checks.loads),
]
ALL = QUICK + SLOW
