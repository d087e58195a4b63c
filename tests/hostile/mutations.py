"""Spoils files: what seed and number say, always the same way."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from .binary import HEADER

BYTES = bytes([0, 1, 2, 0x0B, 0x40, 0x60, 0x70, 0x7F, 0x80, 0xFC, 0xFD, 0xFE, 0xFF])
# Numbers as LEB128: the largest, one too large, one too long, a large one.
NUMBERS = (
    b"\xff\xff\xff\xff\x0f",
    b"\xff\xff\xff\xff\x1f",
    b"\x80" * 5,
    b"\xff\xff\x7f",
    b"\x80\x80\x04",
    b"\xff" * 10,
)
WORDS = (
    b"(", b")", b"(;", b";)", b";;", b'"', b"\\", b"$", b"(@", b"0x", b"-", b"nan:0x", b"4294967296", b"1e999999999",
    b"0x1p-99999", b"18446744073709551616", b"(module", b"(func", b"(param i32)", b"(result i64)",
    b"(type 4294967295)", b"(import \"m\" \"f\" (func))", b"(memory 65537)", b"(table 4294967295 funcref)", b"\xff",
    b"\xf0\x9f\x98\x80",
    b"\0", b"(rec", b"(sub", b"local.get 4294967295", b"block", b"end", b"else", b"br_table 0 0 0", b"unreachable",
)  # fmt: skip

# Bytes of operators that take and give the same types, and of indices.
OPERATORS = (
    (0, 3), (0x46, 0x4F), (0x51, 0x5A), (0x67, 0x69), (0x6A, 0x78), (0x79, 0x7B), (0x7C, 0x8A), (0x8B, 0x91),
    (0x92, 0x98), (0x99, 0x9F), (0xA0, 0xA6),
)  # fmt: skip
TYPES = (
    b"i32",
    b"i64",
    b"f32",
    b"f64",
    b".add",
    b".sub",
    b".mul",
    b".div_s",
    b"funcref",
    b"externref",
    b"block",
    b"loop",
)

Mutation = Callable[[random.Random, bytearray, bytes], None]


def truncate(r: random.Random, data: bytearray, other: bytes) -> None:
    del data[r.randrange(len(data)) :]


def flip_bits(r: random.Random, data: bytearray, other: bytes) -> None:
    for _ in range(r.choice((1, 1, 1, 2, 4, 8))):
        data[r.randrange(len(data))] ^= 1 << r.randrange(8)


def set_byte(r: random.Random, data: bytearray, other: bytes) -> None:
    data[r.randrange(len(data))] = r.choice(BYTES) if r.random() < 0.5 else r.randrange(256)


def insert(r: random.Random, data: bytearray, other: bytes) -> None:
    at = r.randrange(len(data) + 1)
    data[at:at] = r.randbytes(r.randrange(1, 6))


def remove(r: random.Random, data: bytearray, other: bytes) -> None:
    at = r.randrange(len(data))
    del data[at : at + r.randrange(1, 16)]


def repeat(r: random.Random, data: bytearray, other: bytes) -> None:
    at = r.randrange(len(data))
    data[at:at] = data[at : at + r.randrange(1, 40)] * r.choice((1, 2, 100))


def splice(r: random.Random, data: bytearray, other: bytes) -> None:
    data[r.randrange(len(data)) :] = other[r.randrange(len(other)) :]


def transplant(r: random.Random, data: bytearray, other: bytes) -> None:
    at, start, size = r.randrange(len(data)), r.randrange(len(other)), r.randrange(1, 40)
    data[at : at + r.choice((0, size))] = other[start : start + size]


def set_number(r: random.Random, data: bytearray, other: bytes) -> None:
    at = r.randrange(len(data))
    data[at : at + 1] = r.choice(NUMBERS)


def change_operators(r: random.Random, data: bytearray, other: bytes) -> None:
    """What is valid may stay so: an operator becomes another one of its type, an index a neighbour."""
    for _ in range(20):
        at = r.randrange(8, len(data)) if len(data) > 8 else 0
        for first, last in OPERATORS:
            if first <= data[at] <= last:
                data[at] = r.randint(first, last)
                return


def change_digits(r: random.Random, data: bytearray, other: bytes) -> None:
    places = [i for i, c in enumerate(data) if c in b"0123456789"]
    for _ in range(r.randrange(1, 4)):
        if places:
            data[r.choice(places)] = r.choice(b"0123456789")


def change_types(r: random.Random, data: bytearray, other: bytes) -> None:
    old, new = r.choice(TYPES), r.choice(TYPES)
    data[:] = bytes(data).replace(old, new, r.choice((1, 2, -1)))


def swap_words(r: random.Random, data: bytearray, other: bytes) -> None:
    words = bytes(data).split(b" ")
    for _ in range(r.randrange(1, 4)):
        i, k = r.randrange(len(words)), r.randrange(len(words))
        words[i], words[k] = words[k], words[i]
    data[:] = b" ".join(words)


def set_word(r: random.Random, data: bytearray, other: bytes) -> None:
    words = bytes(data).split(b" ")
    words[r.randrange(len(words))] = r.choice(WORDS)
    data[:] = b" ".join(words)


def insert_word(r: random.Random, data: bytearray, other: bytes) -> None:
    at = r.randrange(len(data) + 1)
    data[at:at] = r.choice(WORDS)


def randomize(r: random.Random, data: bytearray, other: bytes) -> None:
    data[:] = r.choice((b"", HEADER, b"(module ")) + r.randbytes(r.randrange(1, 200))


BINARY: Sequence[Mutation] = (
    truncate, flip_bits, flip_bits, flip_bits, set_byte, set_byte, insert, remove, repeat, splice, transplant,
    set_number, randomize, *[change_operators] * 10,
)  # fmt: skip
TEXT: Sequence[Mutation] = (
    truncate, flip_bits, set_byte, insert, remove, repeat, splice, transplant, swap_words, set_word, set_word,
    insert_word, randomize, *[change_digits] * 5, *[change_types] * 5,
)  # fmt: skip


def mutant(files: Sequence[tuple[str, bytes]], seed: int, number: int) -> tuple[str, bytes]:
    """The description and content of a spoiled file."""
    r = random.Random(f"{seed}:{number}")
    name, source = r.choice(files)
    other = r.choice(files)[1]
    data = bytearray(source)
    kinds = BINARY if source[:4] == HEADER[:4] else TEXT
    done = []
    for _ in range(r.choice((1, 1, 1, 2, 3))):
        mutate = r.choice(kinds)
        if data:
            mutate(r, data, other)
            done.append(mutate.__name__)
    return f"{name}, {' and '.join(done)}", bytes(data)
