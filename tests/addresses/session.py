"""What all groups share: instances between fences, counts, complaints."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import wasmpy
from fences import Fences
from wasmpy import Trap

# Where the memory comes from, and what its index is; {t}: type of its addresses, {l}: limits.
KINDS = {
    "own": "(memory $m {t} {l})",
    "exported": '(memory $m (export "memory") {t} {l})',
    "imported": '(memory $m (import "m" "m") {t} {l})',
    "second": '(memory 1 1) (memory $m (export "memory") {t} {l})',
    "second, imported": '(memory (import "m" "n") 1 1) (memory $m (import "m" "m") {t} {l})',
}


class Session:
    """A run: its options, and what came of it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.fences = Fences(options.checked)
        self.failures: list[str] = []
        self.calls = 0
        self.traps = 0

    def instance(self, text: str, imports: dict[str, Any] | None = None) -> Any:
        """An instance of the text, with images of the kind that is tested."""
        module = wasmpy.compile(text.encode())
        if self.options.checked:
            module._build = module._build.checked()
        return module.instantiate(imports)

    def result(self, function: Any, *arguments: int) -> int | None:
        """What a call returns, as 64 bits; None for an access out of bounds."""
        self.calls += 1
        try:
            value = function(*arguments)
        except Trap as trap:
            if trap.code != "out of bounds memory access":
                raise
            self.traps += 1
            return None
        return 0 if value is None else value & (2**64 - 1)

    def memory(self, pages: int, most: int, t: str) -> Any:
        """A memory of its own. Those with i64 addresses are made by modules only."""
        if t == "i32":
            return wasmpy.Memory(pages, most)
        return self.instance(f'(module (memory (export "m") i64 {pages} {most}))').m

    def fail(self, text: str) -> None:
        """Notes what is wrong, and shows the first few."""
        self.failures.append(text)
        if len(self.failures) <= 20:
            print(text, file=sys.stderr)
