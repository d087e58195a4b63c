"""Runs images and writes down all that can be seen, as compiler/fuzz/observe.ts does with V8.

Reads jobs from standard input, a JSON object a line: seed, image (a file, removed once it is open), calls (name,
arguments, number of results), foreign (what is imported beyond functions), expected (lines). Writes an object a
line: the seed, and the lines that differ, each with what was expected; or an error.
"""

from __future__ import annotations

import json
import os
import sys
import zlib
from typing import Any

import wasmpy
from wasmpy import Trap, _image
from wasmpy._link import state_of

# Messages of traps to the classes that V8's messages can tell apart.
TRAPS = {
    "unreachable": "unreachable",
    "integer divide by zero": "divide",
    "integer overflow": "range",
    "invalid conversion to integer": "range",
    "out of bounds memory access": "memory",
    "out of bounds table access": "table",
    "undefined element": "table",
    "uninitialized element": "callee",
    "indirect call type mismatch": "callee",
    "null reference": "null",
    "null function reference": "null",
    "call stack exhausted": "stack",
}

OBJECTS: list[Any] = [None, *(f"object {i}" for i in range(1, 8))]
M32 = 0xFFFFFFFF


class Host:
    """The imported functions; see observe.ts."""

    def __init__(self) -> None:
        self.trace = 0

    def add(self, a: int, b: int) -> int:
        self.trace = ((self.trace * 31 + a) & M32) ^ (b & M32)
        return self.trace & 0xFFFF

    def imports(self, foreign: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {"t": self.add, "x": lambda k: OBJECTS[k & 7], "y": OBJECTS.index}
        for i, (least, most) in enumerate(foreign["memories"]):
            made[f"m{i}"] = wasmpy.Memory(least, most)
        for i, (kind, least, most) in enumerate(foreign["tables"]):
            made[f"t{i}"] = wasmpy.Table(kind, least, most)
        for i, (kind, value, mutable) in enumerate(foreign["globals"]):
            made[f"g{i}"] = wasmpy.Global(kind, int(value), mutable)
        return {"h": made}


def opened(image: str, imports: dict[str, Any]) -> dict[str, Any]:
    """The exports of a new instance of the image in a file."""
    module = _image.open_image("wasm", image)
    module.__file__ = "<fuzz>"
    module.__dict__["__wasm_resolve__"] = lambda wanted: imports[wanted.module][wanted.name]
    _image.execute(module)
    return state_of(module).exports


def kind_of(value: Any) -> str:
    # Not by the classes themselves: asking wasmpy for them loads an image of other settings.
    return type(value).__name__


def parse(arg: str) -> Any:
    return OBJECTS[int(arg[1:])] if arg[0] == "x" else int(arg.rstrip("n"))


def observe(image: str, calls: list[tuple[str, list[str], int]], foreign: dict[str, Any]) -> list[str]:
    host = Host()
    try:
        exports = opened(image, host.imports(foreign))
    except Trap as trap:
        return [f"trap {TRAPS[trap.code]}"]
    finally:
        os.unlink(image)
    names = sorted(exports)
    functions: dict[int, str] = {}
    for name in names:
        if kind_of(exports[name]) not in ("Memory", "Table", "Global"):
            functions.setdefault(id(exports[name]), name)

    def show(value: Any) -> str:
        if value is None:
            return "null"
        if isinstance(value, int):
            return str(value)
        return f"x{OBJECTS.index(value)}" if isinstance(value, str) else functions.get(id(value), "?")

    def shown(result: Any, count: int) -> str:
        return " ".join(map(show, result)) if isinstance(result, tuple) else show(result) if count else ""

    def state() -> str:
        parts = [shown(exports["obs"](), 1)]
        for name in names:
            value = exports[name]
            if kind_of(value) == "Memory":
                with memoryview(value) as view:
                    parts.append(f"{name} {zlib.crc32(view):x}")
            elif kind_of(value) == "Table":
                parts.append(f"{name} {' '.join(map(show, value))}")
        parts.append(f"trace {host.trace & M32}")
        return "; ".join(parts)

    lines = [f"start; {state()}"]
    for name, args, count in calls:
        try:
            result = shown(exports[name](*map(parse, args)), count)
        except Trap as trap:
            result = f"trap {TRAPS[trap.code]}"
        lines.append(f"{name}({', '.join(args)}) = {result}; {state()}")
    return lines


def main() -> None:
    # What the module under test prints or complains about must not get between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        job = json.loads(line)
        answer: dict[str, Any] = {"seed": job["seed"]}
        try:
            got = observe(job["image"], job["calls"], job["foreign"])
            expected = job["expected"]
            answer["different"] = [{"expected": e, "got": g} for e, g in zip(expected, got, strict=False) if e != g]
            if len(got) != len(expected):
                answer["different"].append({"expected": f"{len(expected)} lines", "got": f"{len(got)} lines"})
        except BaseException as error:
            answer["error"] = repr(error)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
