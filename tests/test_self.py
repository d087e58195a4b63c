"""The compiler compiled by itself, as machine code: opened in this process, it makes the images that Node makes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import wasmpy
from wasmpy import _compiler

COMPILER = Path(__file__).resolve().parents[1] / "compiler"
GOLDEN = sorted((COMPILER / "tests" / "golden" / "patterns").glob("*.wat"))

pytestmark = pytest.mark.slow


class Translated:
    """The exports of compiler/self/exports.ts, for bytes."""

    def __init__(self, path: Path) -> None:
        self.wasm: Any = SimpleNamespace(**wasmpy.load(path).exports)
        self.wasm.load()
        self.wasm.keep()

    def _word(self, at: int) -> int:
        return int.from_bytes(self.wasm.memory[at : at + 4], "little")

    def _bytes(self, array: int) -> bytes:
        at = self._word(array)
        return bytes(self.wasm.memory[at : at + self._word(array + 4)])

    def _text(self, at: int) -> str:
        units = self.wasm.memory[at + 4 : at + 4 + 2 * self._word(at)]
        return bytes(units).decode("utf-16-le")

    def _source(self, source: bytes) -> int:
        self.wasm.reset()
        array: int = self.wasm.new_bytes(len(source))
        at = self._word(array)
        self.wasm.memory[at : at + len(source)] = source
        return array

    def compile(self, source: bytes) -> bytes:
        """With all passes, for the baseline, as tools/self.ts does."""
        array = self._source(source)
        leaf = self.wasm.new_text(1)
        self.wasm.memory[leaf + 4 : leaf + 6] = "m".encode("utf-16-le")
        features = self.wasm.features(3, self.wasm.new_text(0))
        return self._bytes(self.wasm.compile(array, leaf, features, 2, 0, 0, 1, 0, 0, 0))

    def complaint(self, source: bytes) -> tuple[str, int, int]:
        """What is wrong with a source: message, line, column."""
        array = self._source(source)
        with pytest.raises(wasmpy.Trap):
            self.wasm.validate(array, self.wasm.features(3, self.wasm.new_text(0)))
        found = self.wasm.diagnose()
        return self._text(self.wasm.messageOf(found)), self.wasm.lineOf(found), self.wasm.columnOf(found)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("self")
    node = os.environ.get("WASMPY_NODE") or _compiler.find_node()
    command = [node, str(COMPILER / "tools" / "self.ts"), str(folder), *map(str, GOLDEN)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    print(done.stdout, file=sys.stderr)
    return folder


@pytest.fixture(scope="module")
def translated(built: Path) -> Translated:
    return Translated(built / "compiler.wasm")


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_images_are_those_of_node(translated: Translated, built: Path, path: Path) -> None:
    assert translated.compile(path.read_bytes()) == (built / f"{path.name}.image").read_bytes()


def test_compiles_itself(translated: Translated, built: Path) -> None:
    """The fixed point: what it makes of its own binary is what the compiler that Node runs makes of it."""
    binary = (built / "compiler.wasm").read_bytes()
    assert translated.compile(binary) == (built / "compiler.wasm.image").read_bytes()
    assert translated.compile(binary) == (built / "compiler.wasm.image").read_bytes()  # memory that was used before


@pytest.mark.parametrize(
    "source", ["(module\n  (func (result i32)))", "(module (func) (;", "(module\n\n (func (br 4294967295)))"]
)
def test_diagnostics(translated: Translated, source: str) -> None:
    with pytest.raises(wasmpy.CompileError) as raised:
        wasmpy.wat2wasm(source)
    error = raised.value
    message, line, column = translated.complaint(source.encode())
    assert error.msg.startswith(message)
    assert (line, column) == (error.lineno, error.offset)
    assert translated.compile(b"(module)")
