"""Files to mutate: modules of the specification's suites, the benchmarks' kernels, hostile modules of small sizes,
and the texts of all of these."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from suites import SPEC
from wasmpy import _compiler

from .cases import CASES

ROOT = Path(__file__).resolve().parent.parent.parent
# Larger modules say nothing new, and take their time.
MOST_BYTES = 4000


def _ask(what: str, source: bytes) -> tuple[dict[str, object], bytes]:
    return _compiler.request({"do": what}, source)


def _spec_modules(version: str) -> Iterator[tuple[str, bytes]]:
    for path in sorted(SPEC.glob(f"{version}/**/*.wast")):
        answer, payload = _ask("script", path.read_bytes())
        commands = answer["commands"]
        assert isinstance(commands, list)
        for command in commands:
            module = command["module"]
            if module and module["end"] > module["start"]:
                yield f"{path.stem}:{command['line']}", payload[module["start"] : module["end"]]


def _own_modules() -> Iterator[tuple[str, bytes]]:
    for path in sorted((ROOT / "bench" / "kernels").glob("*.wasm")):
        yield path.stem, path.read_bytes()
    for case in CASES:
        yield case.name, case.make(min(case.size, 12))


def corpus(version: str = "*.0") -> list[tuple[str, bytes]]:
    """Names and contents, always in the same order; ``version``: of the specification's suite, a pattern."""
    found: dict[bytes, str] = {}
    for name, module in [*_spec_modules(version), *_own_modules()]:
        if len(module) <= MOST_BYTES:
            found.setdefault(module, name)
    binaries = [(name, module) for module, name in found.items()]
    texts = []
    for name, module in binaries:
        answer, text = _ask("disassemble", module) if module[:4] == b"\0asm" else ({}, module)
        if "error" not in answer and len(text) <= 2 * MOST_BYTES:
            texts.append((f"{name} as text", text))
    return binaries + texts
