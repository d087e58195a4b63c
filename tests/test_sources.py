"""Sources that are not modules of WebAssembly 3.0: files of other kinds, object files, what proposals add."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import zipfile

import pytest
import wasmpy
from conftest import environment
from wasmpy import _compiler

pytestmark = pytest.mark.usefixtures("own_cache")

EMPTY = b"\0asm\1\0\0\0"


def archive() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("a", "b")
    return made.getvalue()


FOREIGN = {
    "ELF": b"\x7fELF\2\1\1" + bytes(60),
    "Windows": b"MZ\x90\0\3",
    "Mach-O": b"\xcf\xfa\xed\xfe\7\0\0\1",
    "zip archive": archive(),
    "gzip": gzip.compress(EMPTY),
    "zstd": b"\x28\xb5\x2f\xfd\x04",
    "xz": b"\xfd7zXZ\0",
    "PNG": b"\x89PNG\r\n\x1a\n",
    "LLVM bitcode": b"BC\xc0\xde5\x14",
    "archive of object files": b"!<arch>\n/               0",
    "HTML": b"\n<!DOCTYPE html><html><body>404</body></html>",
    "JSON": b' {"error": "not found"}',
    "UTF-16": "(module)".encode("utf-16"),
    "in UTF-16": "(module)".encode("utf-16-le"),
    "byte order mark": b"\xef\xbb\xbf(module)",
    "another language": b"import fs from 'fs';\n",
    "Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "base64": b"AGFzbQEAAAA=",
}


class TestForeign:
    @pytest.mark.parametrize("what", FOREIGN)
    def test_content(self, what):
        with pytest.raises(
            wasmpy.CompileError, match=f"neither a WebAssembly binary nor text: it looks like .*{what}"
        ):
            wasmpy.compile(FOREIGN[what])
        assert not wasmpy.validate(FOREIGN[what])

    @pytest.mark.parametrize("what", FOREIGN)
    def test_files(self, tmp_path, what):
        file = tmp_path / "m.wasm"
        file.write_bytes(FOREIGN[what])
        with pytest.raises(wasmpy.CompileError, match=f"not a WebAssembly binary: it looks like .*{what}") as caught:
            wasmpy.load(file)
        assert str(file) in str(caught.value.filename)
        assert not wasmpy.validate(file)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "magic header not detected: the file is empty"),
            (b"\0as", "unexpected end at byte 0x3"),
            (b"(module)", "it looks like text, whose files end in .wat"),
            (b";; nothing", "it looks like text, whose files end in .wat"),
            (b"\n", "magic header not detected: this is not a WebAssembly binary [(]m.wasm[)]"),
            (b"\1\2\3\4", "magic header not detected: this is not a WebAssembly binary [(]m.wasm[)]"),
            (b"words", "magic header not detected: this is not a WebAssembly binary [(]m.wasm[)]"),
        ],
    )
    def test_a_name_says_binary(self, tmp_path, content, message):
        file = tmp_path / "m.wasm"
        file.write_bytes(content)
        with pytest.raises(wasmpy.CompileError, match=message) as caught:
            wasmpy.compile(file)
        assert caught.value.lineno is None
        assert not wasmpy.validate(file)

    def test_not_what_a_text_of_the_same_content_became(self, tmp_path):
        # The image of a text must not stand for the binary of the same name.
        for name in ("m.wat", "m.wasm"):
            (tmp_path / name).write_bytes(b"")
        wasmpy.load(tmp_path / "m.wat")
        with pytest.raises(wasmpy.CompileError, match="empty"):
            wasmpy.load(tmp_path / "m.wasm")
        wasmpy.load(tmp_path / "m.wat")

    def test_imports_and_inspect(self, tmp_path, cache):
        (tmp_path / "empty.wasm").write_bytes(b"")
        done = subprocess.run(
            [sys.executable, "-c", "import wasmpy, empty"],
            env={**environment(cache), "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert "CompileError: magic header not detected: the file is empty" in done.stderr
        done = subprocess.run(
            [sys.executable, "-m", "wasmpy", "inspect", "empty.wasm"],
            env=environment(cache),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert "the file is empty" in done.stderr

    def test_other_bytes(self):
        with pytest.raises(wasmpy.CompileError, match=r"neither a WebAssembly binary nor text .<wat>"):
            wasmpy.compile(b"\1\2\3")

    def test_text_stays_text(self):
        for text in ("", " \n", ";; nothing", "(; ;) (module)", "(memory 1)"):
            wasmpy.wat(text)
        for text in ("module", "func (module)", "$x"):
            with pytest.raises(wasmpy.CompileError, match="unexpected token") as caught:
                wasmpy.wat(text)
            assert (caught.value.lineno, caught.value.offset) == (1, 1)


def _section(number: int, content: bytes) -> bytes:
    assert len(content) < 128
    return bytes([number, len(content)]) + content


def _name(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()


LINKING = _section(0, _name("linking") + b"\2")
OBJECT = EMPTY + _section(2, b"\1" + _name("env") + _name("__linear_memory") + b"\2\0\0") + LINKING


class TestObjects:
    def test_say_link(self, tmp_path):
        (tmp_path / "m.wasm").write_bytes(OBJECT)
        with pytest.raises(wasmpy.UnsupportedError, match="not linked: this is an object file: link it"):
            wasmpy.compile(tmp_path / "m.wasm")
        # valid it is, and can be read
        assert wasmpy.validate(OBJECT)
        assert "__linear_memory" in wasmpy.wasm2wat(OBJECT)

    def test_linked_with_relocations(self):
        wasmpy.load(EMPTY + LINKING)


class TestProposals:
    """That they are known by name is shown in compiler/tests/proposals.test.ts."""

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            (b"\0asm\x0d\0\1\0", "not supported yet: this is a component: take the core module out of it"),
            (b"(component)", "not supported yet: this is a component"),
            (
                EMPTY + b"\5\4\1\3\1\1",
                'not supported yet: memory type "shared" of the proposal "threads" at byte 0xb',
            ),
            (
                b"(module (memory 1)\n (func (i32.atomic.load (i32.const 0))))",
                'instruction "i32.atomic.load" of the proposal "threads" .*line 2',
            ),
            (
                EMPTY + b"\1\4\1\x60\0\0\3\2\1\0\x0a\6\1\4\0\6\x40\x0b",
                'instruction "try" of the proposal "legacy exception handling" in function func\\[0\\] at byte 0x17',
            ),
        ],
    )
    def test_fall_back(self, source, message):
        with pytest.raises(ImportError, match=message) as caught:
            wasmpy.compile(source)
        assert type(caught.value) is wasmpy.UnsupportedError
        assert not wasmpy.validate(source)

    @pytest.mark.parametrize("features", ["1.0", "2.0"])
    def test_not_with_older_features(self, features):
        with pytest.raises(wasmpy.CompileError, match="malformed limits flags"):
            wasmpy.compile(EMPTY + b"\5\4\1\3\1\1", features=features)

    def test_malformed_under_every_proposal(self):
        with pytest.raises(wasmpy.CompileError, match="malformed limits flags"):
            wasmpy.compile(EMPTY + b"\5\4\1\x13\1\1")


class TestRequests:
    """Wherever a request fails, the next one has an answer."""

    def ask(self, header: dict, payload: bytes = b"") -> dict:
        answer, _ = _compiler.request(header, payload)
        return answer

    def test_go_on(self):
        assert self.ask({"do": "validate"}, b"(module)") == {}
        for header, message in (
            ({"do": "compile", "form": "binary"}, "magic header not detected"),
            ({"do": "compile"}, "type mismatch"),
            ({"do": "show", "stage": "asm"}, "type mismatch"),
            ({"do": "describe"}, "type mismatch"),
            ({"do": "validate", "without": "no such feature"}, "type mismatch"),
        ):
            answer = self.ask(header, b"(module (func i32.add))")
            assert answer["error"]["message"] == message, answer
        with pytest.raises(KeyError):
            self.ask({"do": "nothing"})
        assert self.ask({"do": "validate"}, b"(module)") == {}
