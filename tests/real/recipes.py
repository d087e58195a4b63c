"""How each real module is made from its package: functions that give the path of the ``.wasm``."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import packages
from packages import HERE

GLUE = HERE / "glue"


def from_npm(path: str) -> Path:
    """A module that its package carries as it is."""
    return packages.npm() / path


def llhttp() -> Path:
    """undici carries it as base64 in JavaScript."""
    script = packages.npm() / "undici" / "lib" / "llhttp" / "llhttp-wasm.js"
    wasm, needed = packages.built("llhttp", HERE / "npm" / "package-lock.json")
    if needed:
        found = re.search(r"wasmBase64 = '([^']+)'", script.read_text())
        assert found is not None
        wasm.write_bytes(base64.b64decode(found[1]))
        packages.ready(wasm.parent)
    return wasm


def assemblyscript(source: str) -> Path:
    """A package written in AssemblyScript, compiled by its compiler."""
    path = GLUE / source
    wasm, needed = packages.built(path.stem, path, HERE / "npm" / "package-lock.json")
    if needed:
        modules = packages.npm()
        compiler = modules / "assemblyscript" / "bin" / "asc.js"
        packages.run(
            packages.node(), compiler, path, "--path", modules, "--outFile", wasm, "--exportRuntime", "-O2",
            "--disable", "bulk-memory", cwd=modules.parent,
        )  # fmt: skip
        packages.ready(wasm.parent)
    return wasm


def c(name: str, sources: list[str], exports: list[str], *flags: str, glue: str = "") -> Path:
    """Sources in C from a crate, compiled by Zig for WASI, as a library. ``glue``: files of ours with them."""
    own = [GLUE / f"{glue}.c", GLUE / f"{glue}.h"] if glue else []
    own = [path for path in own if path.exists()]
    wasm, needed = packages.built(name, HERE / "crates" / "Cargo.lock", HERE / "requirements.txt", *own)
    if needed:
        vendor = packages.crates()
        files = [path for pattern in sources for path in sorted(vendor.glob(pattern))]
        include = [f"-I{folder}" for folder in sorted({path.parent for path in files})]
        header = ["-include", GLUE / f"{glue}.h"] if glue else []
        packages.run(
            *packages.zig(), "cc", "-target", "wasm32-wasi", "-mexec-model=reactor", "-O2", "-g0", "-s",
            *include, *header, *flags, *files, *own[:1], "-o", wasm,
            *(f"-Wl,--export={export}" for export in ["malloc", "free", *exports]),
        )  # fmt: skip
        packages.ready(wasm.parent)
    return wasm


ZLIB = "adler32 crc32 deflate inflate inffast inftrees trees zutil compress uncompr"
# Without what needs an operating system: files, processes, libraries to load.
LUA = """lapi lauxlib lbaselib lcode lcorolib lctype ldebug ldo ldump lfunc lgc llex lmathlib lmem lobject lopcodes
    lparser lstate lstring lstrlib ltable ltablib ltm lundump lutf8lib lvm lzio"""
SQLITE = """open close exec errmsg prepare_v2 step finalize libversion column_count column_type column_int64
    column_double column_text column_bytes"""
SQLITE_OPTIONS = """OS_OTHER=1 THREADSAFE=0 OMIT_LOAD_EXTENSION ENABLE_FTS5 ENABLE_RTREE ENABLE_MATH_FUNCTIONS
    TEMP_STORE=3"""


def zlib() -> Path:
    exports = ["compress2", "compressBound", "uncompress", "crc32", "adler32"]
    return c("zlib", [f"libz-sys/src/zlib/{name}.c" for name in ZLIB.split()], exports)


def zstd() -> Path:
    exports = ["ZSTD_compress", "ZSTD_compressBound", "ZSTD_decompress", "ZSTD_isError"]
    folders = ("common", "compress", "decompress")
    return c("zstd", [f"zstd-sys/zstd/lib/{f}/*.c" for f in folders], exports, "-DZSTD_DISABLE_ASM")


def sqlite() -> Path:
    files = ["libsqlite3-sys/sqlite3/sqlite3.c", "libsqlite3-sys/sqlite3/wasm32-wasi-vfs.c"]
    flags = [*(f"-DSQLITE_{option}" for option in SQLITE_OPTIONS.split()), "-DLONGDOUBLE_TYPE=double"]
    return c("sqlite", files, [f"sqlite3_{name}" for name in SQLITE.split()], *flags)


def lua() -> Path:
    files = [f"lua-src/lua-5.4.*/{name}.c" for name in LUA.split()]
    return c("lua", files, ["__stack_pointer"], "-Dl_signalT=int", glue="lua")


def rust() -> Path:
    folder = HERE / "crates"
    sources = folder / "Cargo.toml", folder / "Cargo.lock", folder / "src" / "lib.rs"
    wasm, needed = packages.built("rust", *sources)
    if needed:
        target = "wasm32-unknown-unknown"
        library = packages.run(packages.tool("rustc"), "--print", "target-libdir", "--target", target).strip()
        if not Path(library).exists():
            packages.run(packages.tool("rustup"), "target", "add", target)
        packages.run(
            packages.tool("cargo"), "build", "--locked", "--release", "--quiet", "--target", target,
            "--target-dir", wasm.parent, cwd=folder,
        )  # fmt: skip
        (wasm.parent / target / "release" / "crates.wasm").rename(wasm)
        packages.ready(wasm.parent)
    return wasm


def go() -> Path:
    folder = HERE / "go"
    wasm, needed = packages.built("go", folder / "go.mod", folder / "go.sum", folder / "main.go")
    if needed:
        packages.run(
            packages.tool("go"), "build", "-mod=readonly", "-trimpath", "-buildmode=c-shared", "-o", wasm, ".",
            cwd=folder, env={"GOOS": "wasip1", "GOARCH": "wasm", "GOFLAGS": "-buildvcs=false"},
        )  # fmt: skip
        packages.ready(wasm.parent)
    return wasm
