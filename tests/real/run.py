"""Modules that others wrote, in C, Rust, Go and AssemblyScript: made from pinned packages, compiled, loaded, checked.

    python tests/real/run.py [--quick] [NAME…]

Needs the registries, or what an earlier run left in tests/real/.work; for some modules cargo, rustup or go. Prints
a line for each module; exit status 1 if one is wrong. What cannot be had is ABSENT, with the reason.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback

import modules
import wasmpy
from packages import AbsentError
from wasmpy import _compiler, _descriptors, _target


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests/real/run.py")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="only those of the default tests")
    arguments = parser.parse_args()
    chosen = modules.QUICK if arguments.quick else modules.ALL
    if arguments.names:
        chosen = [real for real in modules.ALL if real.name in arguments.names]
    print(f"{'':18} {'file':>9} {'code':>9} {'compile':>8} {'image':>9}   checked")
    counts = dict.fromkeys(("right", "loaded", "unsupported", "ABSENT", "WRONG"), 0)
    for real in chosen:
        kind, line = examine(real)
        counts[kind] += 1
        print(f"{real.name:18} {line}   {real.origin}", flush=True)
    print(", ".join(f"{count} {kind}" for kind, count in counts.items()))
    sys.exit(1 if counts["WRONG"] else 0)


def examine(real: modules.Real) -> tuple[str, str]:
    """What became of the module, and the line to print."""
    try:
        path = real.build()
    except AbsentError as error:
        return "ABSENT", f"ABSENT: {error}"
    binary = path.read_bytes()
    sizes = f"{len(binary) / 1e6:6.2f} MB {code_bytes(binary) / 1e6:6.2f} MB"
    start = time.perf_counter()
    try:
        image = _compiler.compile_image(binary, "wasm", {**_target.options(), "features": "3.0"}, real.name)
        took = f"{time.perf_counter() - start:6.2f} s {len(image) / 1e6:6.2f} MB"
        real.check(binary)
    except wasmpy.UnsupportedError as error:
        if real.unsupported and real.unsupported in str(error):
            return "unsupported", f"{sizes}   unsupported: {real.unsupported}"
        return "WRONG", f"{sizes}   WRONG: {error}"
    except Exception:
        return "WRONG", f"{sizes}   WRONG: {traceback.format_exc(limit=-3)}"
    if real.unsupported:
        return "WRONG", f"{sizes}   WRONG: {real.unsupported} is supported; its check must become one of results"
    kind = "loaded" if real.check is modules.checks.loads else "right"
    return kind, f"{sizes} {took}   {kind}"


def code_bytes(binary: bytes) -> int:
    return sum(end - begin for name, _, begin, end in _descriptors.sections(binary) if name == "code")


if __name__ == "__main__":
    main()
