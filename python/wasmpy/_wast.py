"""Runs the specification's scripts (``.wast``): every module becomes a real image, every action a native call.

Values cross as bits. A Python float cannot carry every bit pattern of an f32, so functions with float types are
called through a generated wasm module whose functions take and give the integers of the same bits.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from . import _api, _compiler
from ._diagnostics import diagnostic
from ._errors import CompileError, LinkError, Trap, UnsupportedError, WasmError
from ._link import FUNCTION, GLOBAL

_SPECTEST = """
(module
  (import "host" "print" (func $print))
  (import "host" "print" (func $i32 (param i32)))
  (import "host" "print" (func $i64 (param i64)))
  (import "host" "print" (func $f32 (param f32)))
  (import "host" "print" (func $f64 (param f64)))
  (import "host" "print" (func $i32_f32 (param i32 f32)))
  (import "host" "print" (func $f64_f64 (param f64 f64)))
  (export "print" (func $print))
  (export "print_i32" (func $i32))
  (export "print_i64" (func $i64))
  (export "print_f32" (func $f32))
  (export "print_f64" (func $f64))
  (export "print_i32_f32" (func $i32_f32))
  (export "print_f64_f64" (func $f64_f64))
  (global (export "global_i32") i32 (i32.const 666))
  (global (export "global_i64") i64 (i64.const 666))
  (global (export "global_f32") f32 (f32.const 666.6))
  (global (export "global_f64") f64 (f64.const 666.6))
  (table (export "table") 10 20 funcref)
  (table (export "table64") i64 10 20 funcref)
  (memory (export "memory") 1 2))
"""


class Skip(Exception):
    """The command needs what is not supported yet; the message names it."""


class _Skipped(Mapping[str, Any]):
    """Stands for an instance that there is none of: what needs its exports is skipped for the same reason."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __getitem__(self, name: str) -> Any:
        raise Skip(self.reason)

    def __iter__(self) -> Iterator[str]:
        raise Skip(self.reason)

    def __len__(self) -> int:
        raise Skip(self.reason)


class Failure(Exception):
    """The command did not do what the script says."""


class Script:
    """The state of one script: its definitions and instances by name ("": the last), and what it registered."""

    def __init__(self, features: str) -> None:
        self.features = features
        spectest = _api.load(_SPECTEST.encode(), {"host": {"print": lambda *values: None}})
        self.registered: dict[str, Any] = {"spectest": spectest}
        self.definitions: dict[str, _Definition | _Skipped] = {}
        self.instances: dict[str, _Instance | _Skipped] = {}

    def run(self, command: dict[str, Any], payload: bytes) -> None:
        """Runs one command. Raises Skip or Failure."""
        action = getattr(self, "_" + command["type"], None)
        if action is None:
            raise Skip(f"the runner has no {command['type']}")
        action(command, payload)

    def _define(self, source: dict[str, Any], payload: bytes) -> _Definition:
        try:
            if source["error"] is not None:
                raise diagnostic(source["error"], "<wast>", b"")
            module = _api.Module(payload[source["start"] : source["end"]], features=self.features)
        except UnsupportedError as error:
            raise Skip(str(error)) from None
        return _Definition(module, source["exports"])

    def _instantiate(self, source: dict[str, Any], payload: bytes) -> _Instance:
        return self._define(source, payload).instantiate(self.registered)

    def _keep(self, space: dict[str, Any], name: str, make: Callable[[], Any]) -> None:
        """Makes a definition or instance and keeps it as the last one, and by its name."""
        made: Any = _Skipped("the module before failed")
        try:
            made = make()
        except Skip as skip:
            made = _Skipped(str(skip))
            raise
        except (CompileError, LinkError, Trap) as error:
            raise Failure(f"the module does not instantiate: {error!r}") from None
        finally:
            space[""] = space[name] = made

    # --- commands -------------------------------------------------------------------------------------------

    def _module(self, command: dict[str, Any], payload: bytes) -> None:
        source = command["module"]
        self._keep(self.instances, source["id"], lambda: self._instantiate(source, payload))

    def _definition(self, command: dict[str, Any], payload: bytes) -> None:
        source = command["module"]
        self._keep(self.definitions, source["id"], lambda: self._define(source, payload))

    def _instance(self, command: dict[str, Any], payload: bytes) -> None:
        def make() -> Any:
            return _present(self.definitions, command["of"]).instantiate(self.registered)

        self._keep(self.instances, command["name"], make)

    def _register(self, command: dict[str, Any], payload: bytes) -> None:
        target = self.instances.get(command["of"])
        if isinstance(target, _Skipped):
            self.registered[command["name"]] = target
        self.registered[command["name"]] = _present(self.instances, command["of"]).instance

    def _action(self, command: dict[str, Any], payload: bytes) -> None:
        self._perform(command["action"])

    def _assert_return(self, command: dict[str, Any], payload: bytes) -> None:
        try:
            results = self._perform(command["action"])
        except Trap as error:
            raise Failure(f"trapped: {error}") from None
        expected = command["expected"]
        if len(results) != len(expected) or not all(_matches(r, e) for r, e in zip(results, expected, strict=True)):
            raise Failure(f"got {results}, expected {expected}")

    def _assert_trap(self, command: dict[str, Any], payload: bytes) -> None:
        try:
            if command["module"] is not None:
                self._instantiate(command["module"], payload)
            else:
                self._perform(command["action"])
        except Trap as error:
            if not error.code.startswith(command["message"]) and not command["message"].startswith(error.code):
                raise Failure(f"trapped with {error.code!r}, expected {command['message']!r}") from None
            return
        raise Failure(f"no trap, expected {command['message']!r}")

    def _assert_exhaustion(self, command: dict[str, Any], payload: bytes) -> None:
        try:
            self._perform(command["action"])
        except RecursionError:
            return
        raise Failure("the stack was not exhausted")

    def _assert_exception(self, command: dict[str, Any], payload: bytes) -> None:
        # Nothing throws yet: what would is skipped where it is compiled.
        self._perform(command["action"])
        raise Failure("no exception was thrown")

    def _unreadable(self, command: dict[str, Any], payload: bytes) -> None:
        error = diagnostic(command["error"], "<wast>", b"")
        raise (Skip if isinstance(error, UnsupportedError) else Failure)(str(error))

    def _assert_invalid(self, command: dict[str, Any], payload: bytes) -> None:
        self._rejected(command["module"])

    def _assert_malformed(self, command: dict[str, Any], payload: bytes) -> None:
        self._rejected(command["module"])

    def _rejected(self, module: dict[str, Any]) -> None:
        error = module["error"]
        if error is None:
            raise Failure("the module was accepted")
        # What a proposal adds is no WebAssembly of the suite's version.
        if error["kind"] not in ("malformed", "invalid", "limit", "proposed"):
            raise Failure(f"{error['kind']}: {error['message']} {error['detail']}")

    def _assert_unlinkable(self, command: dict[str, Any], payload: bytes) -> None:
        try:
            self._instantiate(command["module"], payload)
        except LinkError:
            return
        except Trap as error:
            raise Failure(f"trapped: {error}") from None
        raise Failure("the module was linked")

    # --- actions --------------------------------------------------------------------------------------------

    def _perform(self, action: dict[str, Any]) -> list[Any]:
        """The results of an action as [type, bits] pairs, or [type, object] for references."""
        target = _present(self.instances, action["id"])
        if action["kind"] == "get":
            return [target.read(action["name"])]
        result: list[Any] = target.call(action["name"], action["args"])
        return result


def _present(space: dict[str, Any], name: str) -> Any:
    """The definition or instance ``name``. Raises Skip where the one of that name was skipped."""
    if name not in space:
        raise Failure(f"there is no module {name}")
    if isinstance(space[name], _Skipped):
        raise Skip(space[name].reason)
    return space[name]


class _Definition:
    """A compiled module, with the types of its exports."""

    def __init__(self, module: _api.Module, exports: list[Any]) -> None:
        self.module = module
        self.exports = exports

    def instantiate(self, imports: Mapping[str, Any]) -> _Instance:
        return _Instance(self.module.instantiate(imports), self.exports)


class _Instance:
    """An instance with the types of its exports, and functions that take and give bits."""

    def __init__(self, instance: _api.Instance, exports: list[Any]) -> None:
        self.instance = instance
        self.functions = {name: (params, results) for name, kind, params, results, _ in exports if kind == FUNCTION}
        self.globals = {name: params[0] for name, kind, params, _, _ in exports if kind == GLOBAL}
        floats = {name for name, types in self.functions.items() if {"f32", "f64"} & {*types[0], *types[1]}}
        self._wrapped = {name for name, _, _, _, is_plain in exports if name in floats and is_plain}
        # Types that the text of a wrapper cannot name: their floats cross as Python's.
        self._unwrapped = floats - self._wrapped
        self._by_bits: _api.Instance | None = None

    def call(self, name: str, arguments: list[Any]) -> list[Any]:
        params, results = self.functions[name]
        values = [_value(argument) for argument in arguments]
        if name in self._unwrapped:
            floats = [_float(t, x) if t in _FLOATS else x for t, x in zip(params, values, strict=True)]
            result = self.instance[name](*floats)
        elif name in self._wrapped:
            if self._by_bits is None:
                self._by_bits = _api.load(self._wrapper().encode(), {"m": self.instance})
            result = self._by_bits[name](*values)
        else:
            result = self.instance[name](*values)
        if not results:
            return []
        got = [result] if len(results) == 1 else list(result)
        return [[t, _bits(t, x)] for t, x in zip(results, got, strict=True)]

    def read(self, name: str) -> list[Any]:
        kind = self.globals[name]
        return [kind, _bits(kind, self.instance.exports[name]._get())]

    def _wrapper(self) -> str:
        """A module that wraps every function with float types, by reinterpretation."""
        lines = []
        wrapped = [(name, *types) for name, types in self.functions.items() if name in self._wrapped]
        for i, (name, params, results) in enumerate(wrapped):
            types = f"(param {' '.join(params)}) (result {' '.join(results)})"
            lines.append(f'(import "m" "{_escaped(name)}" (func $f{i} {types}))')
        for i, (name, params, results) in enumerate(wrapped):
            ints = [_INTEGERS.get(t, t) for t in params]
            gives = [_INTEGERS.get(t, t) for t in results]
            locals_ = " ".join(f"(local $r{k} {t})" for k, t in enumerate(results))
            body = [f"(local.get {k}) {_REINTERPRET_IN.get(t, '')}" for k, t in enumerate(params)]
            body.append(f"(call $f{i})")
            body += [f"(local.set $r{k})" for k in reversed(range(len(results)))]
            body += [f"(local.get $r{k}) {_REINTERPRET_OUT.get(t, '')}" for k, t in enumerate(results)]
            lines.append(
                f'(func (export "{_escaped(name)}") (param {" ".join(ints)}) (result {" ".join(gives)}) '
                f"{locals_} {' '.join(body)})"
            )
        return "(module " + "\n".join(lines) + ")"


_INTEGERS = {"f32": "i32", "f64": "i64"}
_REINTERPRET_IN = {"f32": "f32.reinterpret_i32", "f64": "f64.reinterpret_i64"}
_REINTERPRET_OUT = {"f32": "i32.reinterpret_f32", "f64": "i64.reinterpret_f64"}
_MASKS = {"i32": 0xFFFFFFFF, "f32": 0xFFFFFFFF, "i64": 0xFFFFFFFFFFFFFFFF, "f64": 0xFFFFFFFFFFFFFFFF}


def _escaped(name: str) -> str:
    return "".join(f"\\{b:02x}" for b in name.encode())


class _Extern:
    """The host reference ``ref.extern n``."""

    made: dict[int, _Extern] = {}  # noqa: RUF012

    def __init__(self, number: int) -> None:
        self.number = number

    @classmethod
    def of(cls, number: int) -> _Extern:
        return cls.made.setdefault(number, cls(number))


def _value(constant: list[Any]) -> Any:
    """A constant of a script as a Python argument: the integer of its bits, or an object."""
    kind = constant[0]
    if kind in _MASKS:
        return int(constant[1])
    if kind == "ref.null":
        return None
    if kind in ("ref.extern", "ref.host"):
        return _Extern.of(int(constant[1]))
    raise Skip(f"constants of type {kind}")


_FLOATS = {"f32": "<f", "f64": "<d"}


def _float(kind: str, bits: int) -> float:
    number: float = struct.unpack(_FLOATS[kind], bits.to_bytes(4 if kind == "f32" else 8, "little"))[0]
    return number


def _bits(kind: str, value: Any) -> Any:
    """A result as the integer of its bits; wrapped functions give that. References stay objects."""
    if isinstance(value, float):
        return int.from_bytes(struct.pack(_FLOATS[kind], value), "little")
    mask = _MASKS.get(kind)
    return value if mask is None else value & mask


def _matches(result: list[Any], expected: list[Any]) -> bool:
    kind, got = result
    wanted = expected[0]
    if wanted == "either":
        return any(_matches(result, choice) for choice in expected[1])
    if wanted == "ref.null":
        return got is None
    if wanted in ("ref.extern", "ref.host"):
        return got is not None if len(expected) < 2 else got is _Extern.of(int(expected[1]))
    if wanted == "ref.func":
        return callable(got)
    if wanted not in (kind, "nan"):
        return False
    if expected[1] == "nan:canonical":
        sign, quiet = (0x7FFFFFFF, 0x7FC00000) if kind == "f32" else (0x7FFFFFFFFFFFFFFF, 0x7FF8000000000000)
        return bool(got & sign == quiet)
    if expected[1] == "nan:arithmetic":
        quiet = 0x7FC00000 if kind == "f32" else 0x7FF8000000000000
        return bool(got & quiet == quiet)
    return bool(got == int(expected[1]))


def scripts(paths: list[str]) -> Iterator[str]:
    """The script files named by ``paths``: files, and directories searched through."""
    for path in paths:
        if os.path.isdir(path):
            for folder, folders, files in os.walk(path):
                folders.sort()
                yield from (os.path.join(folder, file) for file in sorted(files) if file.endswith(".wast"))
        else:
            yield path


def run_file(path: str, features: str) -> tuple[int, list[str], list[str]]:
    """Runs one script: number of commands that passed, the failures, the skips, each with its line.

    Where there is no list of commands (no file, a compiler that does not run) that is the one failure.
    """
    try:
        with open(path, "rb") as file:
            source = file.read()
        answer, payload = _compiler.request({"do": "script", "features": features}, source)
        if "error" in answer:
            raise diagnostic(answer["error"], path, source)
        script = Script(features)
    except (OSError, WasmError) as error:
        return 0, [f"{path}: {error}"], []
    passed, failures, skips = 0, [], []
    for command in answer["commands"]:
        where = f"{path}:{command['line']}: {command['type']}"
        try:
            script.run(command, payload)
            passed += 1
        except Skip as reason:
            skips.append(f"{where}: {reason}")
        except Failure as reason:
            failures.append(f"{where}: {reason}")
        except Exception as error:
            failures.append(f"{where}: {error!r}")
    return passed, failures, skips
