"""The command line: ``wasmpy …`` and ``python -m wasmpy …``."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from . import __version__
from ._errors import WasmError


def _wast(arguments: argparse.Namespace) -> int:
    from . import _wast

    passed, failed, skipped = 0, 0, 0
    for path in _wast.scripts(arguments.paths):
        count, failures, skips = _wast.run_file(path, arguments.features)
        passed, failed, skipped = passed + count, failed + len(failures), skipped + len(skips)
        for line in failures:
            print(line)
        if arguments.verbose:
            for line in skips:
                print(f"{line} (skipped)")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


def _compile(arguments: argparse.Namespace) -> int:
    from . import _cache

    status = 0
    for top in arguments.paths:
        if not os.path.isdir(top):
            files = [top]
        else:
            files = [
                os.path.join(folder, file)
                for folder, _, names in sorted(os.walk(top))
                for file in sorted(names)
                if file.endswith((".wasm", ".wat"))
            ]
        for path in files:
            with open(path, "rb") as file:
                source = file.read()
            leaf = os.path.splitext(os.path.basename(path))[0]
            try:
                image = _cache.locate(_cache.Build(source, leaf, path, beside=True))
                if image.startswith("/proc/"):
                    raise OSError("no cache directory takes the image")
                print(image)
            except Exception as error:
                print(f"{path}: {error}", file=sys.stderr)
                status = 1
    return status


_KINDS = ("function", "table", "memory", "global", "tag")


def _inspect(arguments: argparse.Namespace) -> int:
    from . import _compiler, _target

    with open(arguments.file, "rb") as file:
        source = file.read()
    stage = arguments.stage
    if stage == "wat":
        header: dict[str, object] = {"do": "disassemble"}
    elif stage is not None:
        header = {"do": "show", "stage": stage, "filter": arguments.function, **_target.options()}
    else:
        header = {"do": "describe"}
    answer, payload = _compiler.request(header, source)
    if "error" in answer:
        raise _compiler.diagnostic(answer["error"], arguments.file, source)
    if stage is not None:
        print(payload.decode(), end="")
        return 0
    meta = eval(payload, {"__builtins__": {}})
    if arguments.json:
        import json

        print(json.dumps(meta, indent=2))
        return 0
    print(f"{arguments.file}: {len(source)} bytes")
    for row in meta["imports"]:
        module, name, kind, index = row
        print(f"  import {module}.{name}: {_describe(meta, kind, index)}")
    for name, kind, index in meta["exports"]:
        print(f"  export {name}: {_describe(meta, kind, index)}")
    return 0


def _describe(meta: dict[str, Any], kind: int, index: int) -> str:
    """The type of something imported or exported."""
    if kind == 0:
        return f"function {meta['types'][meta['functions'][index]]}"
    limits = {1: {**meta["imported_tables"], **meta["tables"]}, 2: {**meta["imported_memories"], **meta["memories"]}}
    if kind in limits and index in limits[kind]:
        *_, least, most, _ = limits[kind][index]
        unit = "elements" if kind == 1 else "pages"
        return f"{_KINDS[kind]} of {least}{'' if most < 0 else f' to {most}'} {unit}"
    if kind == 3:
        text, mutable = meta["globals"][index]
        return f"{'mutable ' if mutable else ''}global {text}"
    return _KINDS[kind]


def _cache_command(arguments: argparse.Namespace) -> int:
    from . import _cache, _store

    directory = _cache.user_directory()
    if arguments.action == "dir":
        print(directory)
        return 0
    print(f"{_store.clear(directory, prune=arguments.action == 'prune')} images removed from {directory}")
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from . import _compiler, _identity, _target
    from ._config import config

    print(f"wasmpy {__version__} on CPython {sys.version.split()[0]}")
    status = 0
    for what, ask in (
        ("target", _target.triple),
        ("CPU features", lambda: ", ".join(_target.cpu_features()) or "baseline"),
        ("node", _compiler.find_node),
        ("cache", _user_directory),
        ("compiler", _identity.identity),
        ("settings", lambda: repr(config)),
        ("self-test", _self_test),
    ):
        try:
            print(f"{what}: {ask()}")
        except Exception as error:
            print(f"{what}: FAILS: {error}")
            status = 1
    return status


def _user_directory() -> str:
    from ._cache import user_directory

    return user_directory()


def _self_test() -> str:
    from ._api import load

    text = b'(module (func (export "f") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1))))'
    return "compiles and runs" if load(text)["f"](41) == 42 else "WRONG RESULT"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="wasmpy", description="WebAssembly modules as native Python modules.")
    parser.add_argument("--version", action="version", version=f"wasmpy {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    wast = commands.add_parser("wast", help="run specification scripts")
    wast.add_argument("paths", nargs="+", metavar="FILE|DIR")
    wast.add_argument("--features", choices=("1.0", "2.0", "3.0"), default="3.0")
    wast.add_argument("-v", "--verbose", action="store_true", help="list what is skipped")
    wast.set_defaults(run=_wast)

    inspect = commands.add_parser("inspect", help="what a module imports and exports, and how it is compiled")
    inspect.add_argument("file")
    stages = inspect.add_mutually_exclusive_group()
    stages.add_argument("--json", action="store_true", help="the description as JSON")
    for name, text in (
        ("wat", "the module as text"),
        ("ir", "intermediate representation as built"),
        ("opt", "intermediate representation after optimisation"),
        ("asm", "machine code"),
    ):
        stages.add_argument(f"--{name}", dest="stage", action="store_const", const=name, help=text)
    inspect.add_argument("--function", default="", metavar="NAME", help="only functions whose names contain NAME")
    inspect.set_defaults(run=_inspect)

    compiling = commands.add_parser("compile", help="compile modules ahead of their first import")
    compiling.add_argument("paths", nargs="+", metavar="FILE|DIR")
    compiling.set_defaults(run=_compile)

    cache = commands.add_parser("cache", help="the user's cache of compiled images")
    cache.add_argument("action", choices=("dir", "clear", "prune"))
    cache.set_defaults(run=_cache_command)

    doctor = commands.add_parser("doctor", help="say what works here and what does not")
    doctor.set_defaults(run=_doctor)
    return parser


def main() -> int:
    """Runs the command line; returns the exit status."""
    arguments = _parser().parse_args()
    try:
        status: int = arguments.run(arguments)
    except (WasmError, OSError) as error:
        where = getattr(error, "filename", None)
        line = getattr(error, "lineno", None)
        place = f"{where}:{line}: " if line else f"{where}: " if where else ""
        print(f"wasmpy: {place}{getattr(error, 'msg', None) or error}", file=sys.stderr)
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main())
