"""The command line: ``wasmpy …`` and ``python -m wasmpy …``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from . import __version__
from ._diagnostics import diagnostic
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
    from . import _cache, _config, _store

    sys.dont_write_bytecode = False  # As compileall: who asks for files gets them.
    options = _config.options(wrap=arguments.wrap, interrupts=arguments.interrupts, nogil=arguments.nogil)
    status = 0
    for top in arguments.paths:
        if not os.path.isdir(top):
            files = [top]
        else:
            files = sorted(
                os.path.join(folder, file)
                for folder, _, names in os.walk(top)
                for file in names
                if file.endswith((".wasm", ".wat"))
            )
        for path in files:
            with open(path, "rb") as file:
                source = file.read()
            leaf = os.path.splitext(os.path.basename(path))[0]
            try:
                build = _cache.Build(source, leaf, path, options, beside=True)
                image = _store.install(build) if build.is_installed else _cache.locate(build)
                if image.startswith("/proc/"):
                    raise OSError("no cache directory takes the image")
                print(image)
            except Exception as error:
                print(_complaint(error, path), file=sys.stderr)
                status = 1
    return status


def _inspect(arguments: argparse.Namespace) -> int:
    from . import _cache, _compiler, _target
    from ._link import read_description

    stage = arguments.stage
    if arguments.function and stage not in ("ir", "opt", "code", "asm"):
        raise ValueError("--function goes with --ir, --opt, --code or --asm")
    if arguments.file == "-":
        arguments.file = "<stdin>"
        source = sys.stdin.buffer.read()
    else:
        with open(arguments.file, "rb") as file:
            source = file.read()

    def ask(header: dict[str, object]) -> bytes:
        form = _cache.form(source, arguments.file)
        answer, payload = _compiler.request({**header, **form}, source, arguments.file)
        if "error" in answer:
            raise diagnostic(answer["error"], arguments.file, source)
        return payload

    if stage == "wat":
        print(ask({"do": "disassemble"}).decode(), end="")
    elif stage is not None:
        options = _target.options()
        text = ask({"do": "show", "stage": stage, "filter": arguments.function, **options}).decode()
        if arguments.function and not text:
            meta = read_description(ask({"do": "describe"}).decode())
            raise ValueError(_no_function(arguments.function, meta))
        print(_readable(text), end="")
    else:
        meta = read_description(ask({"do": "describe"}).decode())
        binary = source if source[:4] == b"\0asm" else ask({"do": "assemble"})
        _print_description(arguments, meta, source, binary)
    return 0


def _readable(listing: str) -> str:
    """A listing with names of Rust functions as Rust has them."""
    import re

    from ._demangle import demangled

    return re.sub(r"\b_(?:ZN|R)[\w.$]+", lambda match: demangled(match[0]), listing)


def _no_function(wanted: str, meta: dict[str, Any]) -> str:
    """That no function has such a name, and those that it might have been."""
    from difflib import get_close_matches

    names = meta["names"].split("\0")[sum(kind == 0 for _, _, kind, _ in meta["imports"]) :]
    close = get_close_matches(wanted, names, 5, 0.5) or names[:5]
    more = f", and {len(names) - len(close)} more" if len(names) > len(close) else ""
    return f"no function of its own has a name with {wanted!r} in it; there are {', '.join(close)}{more}"


def _print_description(arguments: argparse.Namespace, meta: dict[str, Any], source: bytes, binary: bytes) -> None:
    from . import _cache, _descriptors

    imports, exports = _descriptors.imports(meta), _descriptors.exports(meta)
    sections = [
        {"name": f"custom {custom!r}" if custom else name, "bytes": end - begin}
        for name, custom, begin, end in _descriptors.sections(binary)
    ]
    functions = sum(
        _descriptors.count(binary, begin) for name, _, begin, _ in _descriptors.sections(binary) if name == "function"
    )
    leaf = os.path.splitext(os.path.basename(arguments.file))[0]
    image = _cache.find(_cache.Build(source, leaf, arguments.file, beside=True))
    size = None if image is None else os.path.getsize(image)
    if arguments.json:
        import json

        description = {
            "file": arguments.file,
            "bytes": len(binary),
            "functions": functions,
            "sections": sections,
            "imports": [row._asdict() for row in imports],
            "exports": [row._asdict() for row in exports],
            "image": image,
            "image_bytes": size,
        }
        print(json.dumps(description, indent=2))
        return
    length, own = _descriptors.counted(len(binary), "byte"), _descriptors.counted(functions, "function")
    print(f"{arguments.file}: {length}, {own} of its own")
    width = max((len(str(section["name"])) for section in sections), default=0)
    for section in sections:
        print(f"  {section['name']:{width}}  {section['bytes']:>10} bytes")
    print(f"compiled: {'not in any cache' if image is None else f'{size} bytes, {image}'}")
    for line in _descriptors.lines(imports, exports):
        print(line)


def _cache_command(arguments: argparse.Namespace) -> int:
    from . import _cache, _descriptors, _eviction

    directory = _cache.user_directory()
    if arguments.action == "dir":
        print(directory)
        return 0
    removed = _eviction.prune(directory) if arguments.action == "prune" else _eviction.clear(directory)
    print(f"{_descriptors.counted(removed, 'image')} removed from {directory}")
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from . import _cache, _target
    from ._config import SETTINGS, config

    print(f"wasmpy {__version__} on CPython {sys.version.split()[0]}, {os.path.dirname(__file__)}")
    checks: list[tuple[str, Callable[[], str]]] = [
        ("target", _target.triple),
        ("CPU", _target.describe_cpu),
        ("cache", _cache.user_directory),
        ("compiler", _compiler_found),
        ("self-test", _self_test),
    ]
    checks += [(file, partial(_title, file)) for file in arguments.files]
    status = 0
    for what, ask in checks:
        try:
            print(f"{what}: {ask()}")
        except Exception as error:
            print(f"{what}: FAILS: {error}")
            status = 1
    print("settings, each an attribute of wasmpy.config and a variable of the environment, which wins:")
    for name, (_, meaning) in SETTINGS.items():
        value = f"{config.get(name)!r} ({config.origin(name)})"
        print(f"  {name:10}  WASMPY_{name.upper():10}  {value:20}  {meaning}")
    return status


def _compiler_found() -> str:
    from . import _identity, _machine

    identity = _identity.identity()
    machine = _machine.Machine()
    return f"{identity[:16]}, {machine.file}"


def _title(file: str) -> str:
    from ._api import compile

    return repr(compile(file)).partition("\n")[0]


def _self_test() -> str:
    from ._api import load

    text = b'(module (func (export "f") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1))))'
    return "compiles and runs" if load(text)["f"](41) == 42 else "WRONG RESULT"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="wasmpy", description="WebAssembly modules as native Python modules.")
    parser.add_argument("--version", action="version", version=f"wasmpy {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    wast = commands.add_parser(
        "wast",
        help="run specification scripts",
        description="Runs scripts of the specification's test suite (.wast) and says how many of their assertions "
        "pass. The exit status is 1 if one fails.",
    )
    wast.add_argument("paths", nargs="+", metavar="FILE|DIR", help="scripts, and directories with scripts")
    wast.add_argument(
        "--features", choices=("1.0", "2.0", "3.0"), default="3.0", help="version of WebAssembly (default: 3.0)"
    )
    wast.add_argument("-v", "--verbose", action="store_true", help="list what is skipped")
    wast.set_defaults(run=_wast)

    inspect = commands.add_parser(
        "inspect",
        help="what a module imports and exports, and how it is compiled",
        description="Shows the sections, imports and exports of a module, and where its image lies; or its functions "
        "on one of their ways to machine code.",
        epilog="wasmpy inspect m.wasm --asm --function fib | less",
    )
    inspect.add_argument("file", metavar="FILE", help="a binary (.wasm) or text (.wat); - is the standard input")
    stages = inspect.add_mutually_exclusive_group()
    stages.add_argument("--json", action="store_true", help="the description as JSON")
    for name, text in (
        ("wat", "the module as text"),
        ("ir", "intermediate representation as built"),
        ("opt", "intermediate representation after optimisation"),
        ("code", "machine instructions, with the registers they were given"),
        ("asm", "machine code as emitted, disassembled"),
    ):
        stages.add_argument(f"--{name}", dest="stage", action="store_const", const=name, help=text)
    inspect.add_argument("--function", default="", metavar="NAME", help="only functions whose names contain NAME")
    inspect.set_defaults(run=_inspect)

    compiling = commands.add_parser(
        "compile",
        help="compile modules ahead of their first import",
        description="Compiles modules ahead of their first import. Images lie in __pycache__ beside the modules, for "
        "this CPU; in site-packages, for every CPU of the kind, so that installers can do it for all machines.",
    )
    compiling.add_argument("paths", nargs="+", metavar="FILE|DIR", help="modules, and directories with modules")
    compiling.add_argument("--wrap", action="store_true", help="as wrap=True of wasmpy.bind")
    compiling.add_argument("--no-interrupts", dest="interrupts", action="store_false", help="as interrupts=False")
    compiling.add_argument("--nogil", action="store_true", help="as nogil=True")
    compiling.set_defaults(run=_compile)

    cache = commands.add_parser(
        "cache",
        help="the user's cache of compiled images",
        description="The user's cache of compiled images. What has not been used for long is removed from it now and "
        "then, and what is more than WASMPY_CACHE_SIZE.",
    )
    cache.add_argument(
        "action",
        choices=("dir", "clear", "prune"),
        help="dir: where it is; clear: remove all images; prune: remove now what is too old or too much",
    )
    cache.set_defaults(run=_cache_command)

    doctor = commands.add_parser(
        "doctor",
        help="say what works here and what does not",
        description="Says what wasmpy finds here, tries it, and lists the settings. The exit status is 1 if "
        "something does not work.",
    )
    doctor.add_argument("files", nargs="*", metavar="FILE", help="modules to try to compile")
    doctor.set_defaults(run=_doctor)
    return parser


def _complaint(error: Exception, path: str) -> str:
    """File, line and what is wrong, as compilers say it. ``path``: the file where the error does not say."""
    where = getattr(error, "filename", None) or path
    line, column = getattr(error, "lineno", None), getattr(error, "offset", None)
    place = (
        f"{where}:{line}:{column}: "
        if line and column
        else f"{where}:{line}: "
        if line
        else f"{where}: "
        if where
        else ""
    )
    return f"{place}{getattr(error, 'strerror', None) or getattr(error, 'msg', None) or error}{_caret(error)}"


def _caret(error: Exception) -> str:
    """The line of text that is wrong, with what is wrong in it underlined."""
    text, begin, end = (getattr(error, name, None) for name in ("text", "offset", "end_offset"))
    if not text or not begin:
        return ""
    indent = "".join(c if c == "\t" else " " for c in text[: begin - 1])
    return f"\n    {text.rstrip()}\n    {indent}{'^' * max(1, (end or begin) - begin)}"


def _run() -> int:
    try:
        arguments = _parser().parse_args()
    except SystemExit as ended:  # after --help, or a complaint
        return int(ended.code or 0)
    status: int = arguments.run(arguments)
    return status


def main() -> int:
    """Runs the command line; returns the exit status."""
    try:
        status = _run()
        sys.stdout.flush()
    except BrokenPipeError:  # … | head
        # What is still to be written at exit must not complain again.
        nothing = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nothing, stream.fileno())
        return 128 + 13
    except (WasmError, OSError, ValueError) as error:
        print(f"wasmpy: {_complaint(error, '')}", file=sys.stderr)
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main())
