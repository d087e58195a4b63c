"""Text and numbers in memories: encodings whose units are wider than a byte, formats of views, blocks for strings."""

from __future__ import annotations

import numpy as np
import pytest
import wasmpy
from conftest import load

pytestmark = pytest.mark.usefixtures("own_cache")

ENCODINGS = [
    *("utf-8", "UTF8", "utf-8-sig", "ascii", "latin-1", "cp037", "utf-7", "raw_unicode_escape"),
    *("utf-16", "utf-16-le", "UTF_16BE", "utf-32", "utf-32-le", "U32", "utf-32-be"),
]
WIDTHS = {"16": 2, "32": 4}


def width(encoding: str) -> int:
    return next((width for digits, width in WIDTHS.items() if digits in encoding), 1)


@pytest.fixture
def memory():
    return wasmpy.Memory(1)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("address", [0, 1, 2, 3, 1001])
def test_c_strings(memory, encoding, address):
    texts = ["", "a", "abc", "x" * 300, "y" * 255, "z" * 127]
    if width(encoding) > 1 or encoding.lower().startswith("utf"):
        # Zero bytes inside of units, at every place: ab, Ā (01 00), 𐀀 (00 01 00 00, D8 00 DC 00).
        texts += ["\u0100a\u0100", "a\u0100", "\u6100\u0061", "\U00010000\u0100a", "\u0100" * 200]
    for text in texts:
        memory[:] = b"\xff" * len(memory)
        size = memory.write_cstr(address, text, encoding)
        data = text.encode(encoding)
        assert size == len(data) + width(encoding)
        assert memory[address : address + size] == data + bytes(width(encoding))
        assert memory[address + size] == 0xFF
        assert memory.read_cstr(address, encoding) == text
        with pytest.raises(ValueError, match="zero inside"):
            memory.write_cstr(address, f"{text}\0", encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-32-le"])
def test_c_strings_at_the_end(memory, encoding):
    wide, size = width(encoding), len(memory)
    memory[:] = b"a\1\2\1" * (size // 4)
    for start in range(size - 9, size - wide + 1):
        with pytest.raises(IndexError, match="no zero"):
            memory.read_cstr(start, encoding)
    for start in range(size - wide + 1, size + 1):
        with pytest.raises(IndexError, match="inside"):
            memory.read_cstr(start, encoding)
    assert memory.write_cstr(size - wide, "", encoding) == wide
    assert memory.read_cstr(size - wide, encoding) == ""
    with pytest.raises(IndexError):
        memory.write_cstr(size - wide + 1, "", encoding)


def test_errors_of_encodings(memory):
    memory[:5] = b"a\xffb\0c"
    for read in (lambda *errors: memory.read_str(0, 3, *errors), lambda *errors: memory.read_cstr(0, *errors)):
        with pytest.raises(UnicodeDecodeError):
            read()
        assert read("utf-8", "replace") == "a\ufffdb"
        assert read("utf-8", "surrogateescape") == "a\udcffb"
    assert memory.read_str(0, 3, errors="ignore") == memory.read_cstr(0, errors="ignore") == "ab"
    for write in (memory.write_str, memory.write_cstr):
        with pytest.raises(UnicodeEncodeError):
            write(0, "é", "ascii")
        write(0, "é", "ascii", errors="replace")
        assert memory[0] == ord("?")
    with pytest.raises(LookupError, match="unknown encoding"):
        memory.read_cstr(0, "nothing")


FORMATS = {
    "b": ("i1", np.int8), "B": ("u1", np.uint8), "h": ("i2", np.int16), "H": ("u2", np.uint16), "i": ("i4", np.int32),
    "I": ("u4", np.uint32), "f": ("f4", np.float32), "q": ("i8", np.int64), "Q": ("u8", np.uint64),
    "d": ("f8", np.float64), "?": ("b1", np.bool_),
}  # fmt: skip


@pytest.mark.parametrize("letter", FORMATS)
def test_formats_of_views(memory, letter):
    code, scalar = FORMATS[letter]
    dtype = np.dtype(scalar)
    given = [letter, f"<{letter}", f"={letter}", f"@{letter}", code, f"<{code}", dtype.name, dtype.str, scalar, dtype]
    memory[8:72] = bytes(range(1, 65)) if letter != "?" else bytes([0, 1] * 32)
    expected = np.frombuffer(memory, dtype, 4, 8)
    for form in given:
        view = memory.view(8, 4, form)
        assert (view.format, view.itemsize, len(view)) == (letter, dtype.itemsize, 4)
        assert np.array_equal(np.asarray(view), expected)
        grid = memory.view(8, (2, 2), form)
        assert np.array_equal(np.asarray(grid), expected.reshape(2, 2))
        assert len(memory.view(8, 0, form)) == 0
    view[0] = 1
    assert expected[0] == 1


@pytest.mark.parametrize(
    "form", ["", "x", "ii", ">f4", "!i", ">u1", "f2", "complex64", "l", "<", "i16", None, 4, np.complex64, "S4", "O",
             np.dtype(">i4"), np.dtype([("a", "i4")]), "_", "int"]
)  # fmt: skip
def test_formats_that_views_have_not(memory, form):
    with pytest.raises(ValueError, match=r"a view cannot have the format .*numpy\.frombuffer"):
        memory.view(0, 1, form)


ALLOCATOR = """(module (memory (export "memory") 1) (global $at (mut i32) (i32.const 64))
  (global (export "freed") (mut i32) (i32.const 0))
  (func (export "alloc") (param i32) (result i32)
    (global.get $at) (global.set $at (i32.add (global.get $at) (local.get 0))))
  (func (export "dealloc") (param i32 i32) (global.set 1 (local.get 1))))"""


def test_blocks_of_text():
    m = load(ALLOCATOR)
    m.memory[:] = b"\xff" * len(m.memory)
    for text in ("", "naïve", "a\0b", "𐀀" * 100):
        with m.memory.temp(text) as (address, size):
            assert size == len(text.encode())
            assert m.memory.read_str(address, size) == text
            assert m.memory[address + size] == 0
        assert m.freed == size + 1
    with m.memory.temp(b"") as (address, size):
        assert size == 0
    assert m.freed == 1
    with pytest.raises(UnicodeEncodeError):
        m.memory.temp("\ud800")


def test_blocks_where_nothing_gives_them():
    m = load('(module (memory (export "memory") 1))')
    with pytest.raises(LookupError, match=r"exports no functions.*--export=malloc.*alloc\(size\).*--exportRuntime"):
        m.memory.temp("text")
    with pytest.raises(LookupError, match="made in Python: use addresses of your own"):
        wasmpy.Memory(1).temp("text")
    with wasmpy.Memory(1).temp("text", allocate=lambda size: 8) as (address, size):
        assert (address, size) == (8, 4)
