"""Runs images and writes down all that can be seen, as compiler/fuzz/observe.ts does with V8.

Reads jobs from standard input, a JSON object a line: seed, parts (modules, each with its name, its image: a file that
is removed in the end, foreign: what it imports from the host beyond functions, shown: exports to look at), calls
(part, name, arguments, number of results), expected (lines). Writes an object a line: the seed, and the lines that
differ, each with what was expected; or an error.
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
STACK = " = trap stack;"

OBJECTS: list[Any] = [None, *(f"object {i}" for i in range(1, 8))]
M32 = 0xFFFFFFFF


class Host:
    """The imported functions; see observe.ts."""

    def __init__(self) -> None:
        self.trace = 0

    def add(self, a: int, b: int) -> int:
        self.trace = ((self.trace * 31 + a) & M32) ^ (b & M32)
        return self.trace & 0xFFFF

    def functions(self) -> dict[str, Any]:
        return {"t": self.add, "x": lambda k: OBJECTS[k & 7], "y": OBJECTS.index}


def made(foreign: dict[str, Any]) -> dict[str, Any]:
    objects: dict[str, Any] = {}
    for name, least, most in foreign["memories"]:
        objects[name] = wasmpy.Memory(least, most)
    for name, kind, least, most in foreign["tables"]:
        objects[name] = wasmpy.Table(kind, least, most)
    for name, kind, value, mutable in foreign["globals"]:
        objects[name] = wasmpy.Global(kind, int(value), mutable)
    return objects


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


class Stage:
    """The instances that could be made, under the names of their modules."""

    def __init__(self) -> None:
        self.host = Host()
        self.instances: dict[str, tuple[dict[str, Any], list[str]]] = {}
        self.names: dict[int, str] = {}
        self.calls = 0

    def enter(self, part: dict[str, Any]) -> str:
        """What went wrong, or ""."""
        name = part["name"]
        imports = {"h": {**self.host.functions(), **made(part["foreign"])}}
        imports |= {other: exports for other, (exports, _) in self.instances.items()}
        try:
            exports = opened(part["image"], imports)
        except Trap as trap:
            return f"trap {TRAPS[trap.code]}"
        self.instances[name] = exports, part["shown"]
        for field in sorted(exports):
            value = exports[field]
            if kind_of(value) not in ("Memory", "Table", "Global"):
                self.names.setdefault(id(value), f"{name}.{field}")
        return ""

    def show(self, value: Any) -> str:
        if value is None:
            return "null"
        if isinstance(value, int):
            return str(value)
        return f"x{OBJECTS.index(value)}" if isinstance(value, str) else self.names.get(id(value), "?")

    def shown(self, result: Any, count: int) -> str:
        if isinstance(result, tuple):
            return " ".join(map(self.show, result))
        return self.show(result) if count else ""

    def state(self) -> str:
        parts = []
        for name, (exports, shown) in self.instances.items():
            parts.append(f"{name} {self.shown(exports['obs'](), 1)}")
            for field in shown:
                value = exports[field]
                if kind_of(value) == "Memory":
                    with memoryview(value) as view:
                        parts.append(f"{field} {zlib.crc32(view):x}")
                else:
                    parts.append(f"{field} {' '.join(map(self.show, value))}")
        parts.append(f"trace {self.host.trace & M32}")
        return "; ".join(parts)

    def call(self, function: Any, args: list[str], count: int) -> str:
        # From native code other values lie in the registers.
        self.calls += 1
        values = list(map(parse, args))
        try:
            if values and self.calls % 2:
                return self.shown(next(map(function, *zip(values, strict=True))), count)
            return self.shown(function(*values), count)
        except Trap as trap:
            return f"trap {TRAPS[trap.code]}"


def observe(parts: list[dict[str, Any]], calls: list[tuple[str, str, list[str], int]]) -> list[str]:
    stage = Stage()
    lines = []
    for part in parts:
        problem = stage.enter(part)
        lines.append(f"{part['name']} {problem or 'starts'}; {stage.state()}")
        if problem:
            break
    for instance, name, args, count in calls:
        if instance in stage.instances:
            result = stage.call(stage.instances[instance][0][name], args, count)
            lines.append(f"{instance}.{name}({', '.join(args)}) = {result}; {stage.state()}")
    return lines


def comparable(expected: list[str], got: list[str]) -> tuple[list[str], list[str]]:
    """What two runs must have in common: all up to where both use up their stacks, after more calls or less."""
    for i, (one, other) in enumerate(zip(expected, got, strict=False)):
        if STACK in one and STACK in other:
            return expected[:i], got[:i]
    return expected, got


def main() -> None:
    # What the module under test prints or complains about must not get between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        job = json.loads(line)
        answer: dict[str, Any] = {"seed": job["seed"]}
        try:
            expected, got = comparable(job["expected"], observe(job["parts"], job["calls"]))
            answer["different"] = [{"expected": e, "got": g} for e, g in zip(expected, got, strict=False) if e != g]
            if len(got) != len(expected):
                answer["different"].append({"expected": f"{len(expected)} lines", "got": f"{len(got)} lines"})
        except BaseException as error:
            answer["error"] = repr(error)
        for part in job["parts"]:
            os.unlink(part["image"])
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
