"""Runs the groups. Started by run.py inside bench/.env."""

from __future__ import annotations

import argparse
import os
from importlib import import_module

import report
from environment import ENV

GROUPS = ["calls", "callbacks", "memory", "imports", "starts", "compile", "large", "kernels"]
ENGINES = ["wasmpy", "wasmtime", "v8", "wasm2c", "clang", "gcc", "cext", "cython", "nanobind", "python"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench/run.py")
    parser.add_argument("groups", nargs="*", metavar="group", help=", ".join(GROUPS))
    parser.add_argument("--quick", action="store_true", help="few rounds: for trying out")
    parser.add_argument("--json", metavar="FILE", help="also write every table there")
    arguments = parser.parse_args()
    if unknown := set(arguments.groups) - set(GROUPS):
        parser.error(f"no group {', '.join(sorted(unknown))}")
    os.environ["WASMPY_CACHE_DIR"] = os.path.join(ENV, "cache")

    engines, versions = [], {}
    for name in ENGINES:
        engine = import_module(f"engines.{name}")
        try:
            versions[name] = engine.version()
        except Exception as error:  # whatever keeps a peer away is printed, and the others go on
            versions[name] = f"ABSENT: {error}"
        else:
            engines.append(engine)
    for key, value in {**report.machine(), **versions}.items():
        print(f"{key:9} {value}")

    out = report.Report()
    for group in arguments.groups or GROUPS:
        import_module(f"groups.{group}").run(out, engines, arguments.quick)
    if arguments.json:
        out.save(arguments.json, versions)


if __name__ == "__main__":
    main()
