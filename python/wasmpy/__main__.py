"""The command line: ``wasmpy …`` and ``python -m wasmpy …``."""

from __future__ import annotations

import argparse
import os
import sys

from . import __version__


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
                print(_cache.image_beside(path, source, leaf))
            except Exception as error:
                print(f"{path}: {error}", file=sys.stderr)
                status = 1
    return status


def _cache_command(arguments: argparse.Namespace) -> int:
    from . import _cache

    directory = _cache.user_directory()
    if arguments.action == "dir":
        print(directory)
        return 0
    print(f"{_cache.clear(directory, prune=arguments.action == 'prune')} images removed from {directory}")
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from . import _compiler, _target
    from ._config import config

    print(f"wasmpy {__version__} on CPython {sys.version.split()[0]}")
    status = 0
    for what, ask in (
        ("target", _target.triple),
        ("CPU features", lambda: ", ".join(_target.cpu_features()) or "baseline"),
        ("node", _compiler.find_node),
        ("cache", _user_directory),
        ("compiler", _compiler.identity),
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
    status: int = arguments.run(arguments)
    return status


if __name__ == "__main__":
    sys.exit(main())
