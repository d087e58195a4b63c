"""Index expressions: as text, and as numbers. What the text says wraps around must wrap before it is an address."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

WIDTH = {"i32": 32, "i64": 64}
M64 = 2**64 - 1

# Expressions of parameters a and b and constants, in the words of the index's own type; `byte x` and `half x` are
# loads from the first page. Each must wrap around where its words say so, before it becomes an address.
INDICES = """
    a
    (add a 1) (add a 8) (add a 0x7fffffff) (add a 0x80000000) (add a -1) (add a -8) (add a b) (add (add a 8) 8)
    (add (add a 0x7ffffff0) 0x7ffffff0) (add (add a -8) 16) (add (add a 16) -8) (add (add a b) 4) (add 4 (add a b))
    (sub a 1) (sub a 0x80000000) (sub a b) (sub 0 a) (sub -1 a) (sub (add a b) b) (add (sub 0 a) 8)
    (shl a 1) (shl a 2) (shl a 3) (shl a 4) (shl a 31) (shl a 33) (shl a b) (shl (shl a 1) 2) (shl 1 a)
    (add (shl a 2) 4) (add (shl a 3) 0x40000000) (shl (add a 1) 2) (shl (add a -1) 3) (add (shl a 2) b)
    (add b (shl a 3)) (add (shl a 1) (shl b 1)) (sub (shl a 2) 4)
    (mul a 2) (mul a 4) (mul a 8) (mul a 3) (mul a 5) (mul a 9) (mul a 12) (mul a -4) (mul a b) (mul (add a 1) 4)
    (add (mul a 4) 8) (add (mul a 3) b)
    (and a -8) (and a 0xffff) (shl (and a 0xff) 3) (shl (and a 0x1fffffff) 3) (shl (and a 0x3fffffff) 3)
    (shl (and a 0x1fffffff) 4) (and (shl a 3) 0x7fff8) (and (shl a 3) -16) (and (shl a 2) 0xfffffff8)
    (shl (shr_u a 3) 3) (shl (shr_u a 2) 3) (shl (shr_u a 29) 3) (shl (shr_s a 3) 3) (shl (shr_u a b) 3)
    (add (shl (shr_u a 3) 3) 0x7ffffff8) (add (shl (and a 0xffff) 2) 0x10000) (add (shl (and a 0xffff) 3) -8)
    (or a 7) (or (shl a 3) 5) (or (shl (and a 0xff) 3) 4) (or (and a 0xff) 0x80000000) (or (and a 0xff0) 0x10)
    (add (or (shl a 4) 8) 4) (xor a -1) (xor a 0x80000000) (xor a b) (rotl a 3) (rotr a 1) (rotl a b)
    (byte a) (half a) (shl (byte a) 3) (shl (half a) 3) (add (shl (byte a) 2) b) (add (half a) 0xffff0000)
    (add (byte a) -1) (shl (add (byte a) 1) 3) (shl (sub (byte a) 1) 3) (add (add (byte a) 8) -16)
    (select a b (lt_u a b)) (select (add a 8) b (lt_s a b)) (eq a b) (shl (lt_u a b) 3) (add (ge_s a b) -1)
    (div_u a 3) (shl (div_u a 8) 3) (rem_u a 0x10000) (shl (rem_u a 0x20000001) 3) (shr_s a 1) (shr_u a 1)
    (add (shr_u a 1) 0x7fffffff) (add (shr_u a 1) 0x80000000) (add (shr_u a 1) 0x80000001)
    (add (add (shr_u a 1) (shr_u b 1)) 0x7ffffff0) (add (add (byte a) (byte b)) 0x7fffff00)
    (extend8_s a) (extend16_s a) (add (extend8_s a) 128) (shl (extend16_s a) 2) (clz a) (shl (popcnt a) 3)
    (and (add a 0xffff) -65536) (add (and a 0xfffffff0) 16) (add (and a -16) -16) (sub (and a 15) 16)
"""
# i32 alone: made of i64.
WRAPPED = """
    (wrap (xadd a b)) (wrap (xadd a 0x100000000)) (wrap (xadd a 0x80000000)) (wrap (xsub a b)) (wrap (xshl a 2))
    (wrap (xshl a 3)) (wrap (xmul a b)) (wrap (xmul a 0x100000001)) (wrap (xor64 a b)) (wrap (xshr a 2))
    (add (wrap (xadd a 0x1ffffffff)) 8) (shl (wrap (xmul a 3)) 2) (wrap (xadd (sext a) 8)) (wrap (xshl (sext a) 3))
"""

Tree = Any  # str, int, or a list of an operator and trees


def trees(text: str) -> list[Tree]:
    stack: list[list[Tree]] = [[]]
    for token in re.findall(r"[()]|[^\s()]+", text):
        if token == "(":
            stack.append([])
        elif token == ")":
            made = stack.pop()
            stack[-1].append(made)
        else:
            stack[-1].append(int(token, 0) if re.match(r"-?\d", token) else token)
    (result,) = stack
    return result


def show(tree: Tree) -> str:
    if isinstance(tree, list):
        return f"({' '.join(map(show, tree))})"
    return hex(tree) if isinstance(tree, int) else str(tree)


def random_tree(r: random.Random, depth: int) -> Tree:
    if depth == 0 or r.random() < 0.15:
        return r.choice(["a", "a", "a", "b"])
    word = r.choice(["add", "add", "add", "sub", "shl", "shl", "mul", "and", "or", "shr_u", "xor", "byte"])
    if word == "byte":
        return ["shr_u", ["byte", random_tree(r, depth - 1)], r.randrange(3)]
    if word in ("shl", "shr_u"):
        return [word, random_tree(r, depth - 1), r.choice([1, 2, 3, 3, 4, 29])]
    constant = r.choice([1, 4, 8, 16, 0x7FFFFFFF, 0x80000000, -1, -8, 0xFFFF, 0x1FFFFFFF, 0x3FFFFFFF, -65536])
    return [word, random_tree(r, depth - 1), constant if r.random() < 0.8 else random_tree(r, depth - 1)]


def text_of(tree: Tree, t: str) -> str:
    """The expression in the text format."""
    if isinstance(tree, str):
        return f"(local.get ${tree})"
    if isinstance(tree, int):
        return f"({t}.const {signed(tree, WIDTH[t])})"
    word, *operands = tree
    inner = "i64" if word in ("wrap", "xadd", "xsub", "xshl", "xshr", "xmul", "xor64") else t
    if inner == "i64" and word != "wrap" and t == "i32":
        parts = [wide(x) for x in operands]
        return f"(i64.{ {'xshr': 'shr_u', 'xor64': 'xor'}.get(word, word[1:]) } {' '.join(parts)})"
    parts = [text_of(x, t) for x in operands]
    match word:
        case "byte" | "half":
            mask = text_of(0xFFF8, t)
            return f"({t}.load{8 if word == 'byte' else 16}_u $m ({t}.and {parts[0]} {mask}))"
        case "select":
            condition = parts[2] if t == "i32" else f"(i32.wrap_i64 {parts[2]})"
            return f"(select {parts[0]} {parts[1]} {condition})"
        case "eq" | "lt_u" | "lt_s" | "ge_s":
            compare = f"({t}.{word} {' '.join(parts)})"
            return compare if t == "i32" else f"(i64.extend_i32_u {compare})"
        case "wrap":
            return f"(i32.wrap_i64 {parts[0]})"
        case _:
            return f"({t}.{word} {' '.join(parts)})"


def wide(tree: Tree) -> str:
    """An operand of i64 arithmetic of which the low half will be an index."""
    if isinstance(tree, int):
        return f"(i64.const {tree})"
    if isinstance(tree, list) and tree[0] == "sext":
        return f"(i64.extend_i32_s {text_of(tree[1], 'i32')})"
    return f"(i64.extend_i32_u {text_of(tree, 'i32')})"


def signed(x: int, bits: int) -> int:
    x &= (1 << bits) - 1
    return x - (1 << bits) if x >> (bits - 1) else x


Read = Callable[[int, int], int]


def value_of(tree: Tree, t: str, a: int, b: int, read: Read) -> int:
    """The number that the expression is, from 0 up; IndexError for a trap of one of its loads."""
    bits = WIDTH[t]
    mask = (1 << bits) - 1
    if isinstance(tree, str):
        return {"a": a, "b": b}[tree]
    if isinstance(tree, int):
        return tree & mask
    word, *operands = tree
    if word == "sext":
        return signed(value_of(operands[0], t, a, b, read), bits) & M64
    isx = word.startswith("x") and word != "xor"
    x, y, z = (
        *((o & M64) if isx and isinstance(o, int) else value_of(o, t, a, b, read) for o in operands),
        0,
        0,
        0,
    )[:3]
    match word:
        case "byte":
            return read(x & 0xFFF8, 1)
        case "half":
            return read(x & 0xFFF8, 2)
        case "select":
            return x if z else y
        case "eq":
            return int(x == y)
        case "lt_u":
            return int(x < y)
        case "lt_s":
            return int(signed(x, bits) < signed(y, bits))
        case "ge_s":
            return int(signed(x, bits) >= signed(y, bits))
        case "shl":
            return x << y % bits & mask
        case "shr_u":
            return x >> y % bits
        case "shr_s":
            return signed(x, bits) >> y % bits & mask
        case "rotl":
            return (x << y % bits | x >> (bits - y % bits)) & mask
        case "rotr":
            return (x >> y % bits | x << (bits - y % bits)) & mask
        case "clz":
            return bits - x.bit_length()
        case "popcnt":
            return x.bit_count()
        case "extend8_s":
            return signed(x, 8) & mask
        case "extend16_s":
            return signed(x, 16) & mask
        case "div_u":
            return x // y
        case "rem_u":
            return x % y
        case "and":
            return x & y
        case "or":
            return x | y
        case "xor" | "xor64":
            return x ^ y
        case "xshr":
            return x >> y
        case "xshl":
            return x << y & M64
        case "wrap":
            return x & mask
        case "xadd" | "xsub" | "xmul":
            return {"xadd": x + y, "xsub": x - y, "xmul": x * y}[word] & M64
        case _:
            return {"add": x + y, "sub": x - y, "mul": x * y}[word] & mask
