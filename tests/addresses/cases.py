"""Single accesses: every instruction, index and offset, at arguments that reach the edges."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import wasmpy
from accesses import COMBINED, FEW, PAGE, WIDTHS, Access, Effect, Model
from indices import INDICES, WIDTH, WRAPPED, Tree, random_tree, show, text_of, trees, value_of
from session import KINDS, Session

OFFSETS = (0, 1, 8, 0x10000, 2**31 - 8, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 8, 2**32 - 1)
FEW_OFFSETS = (0, 12, 2**31 - 4, 2**31, 2**32 - 1)
FAR_OFFSETS = (2**32, 2**63 - 1, 2**63, 2**64 - 8, 2**64 - 1)


class Case:
    """One function: an access at an index plus offset."""

    def __init__(self, name: str, access: Access, index: Tree, offset: int, t: str) -> None:
        self.access = access
        self.index = index
        self.offset = offset
        self.further = (offset + 16) & ((1 << WIDTH[t]) - 1)
        self.t = t
        self.name = f"{name} {show(index)} +{offset:#x}"

    def text(self) -> str:
        body = self.access[0].format(
            i=text_of(self.index, self.t), o=f"offset={self.offset}", p=f"offset={self.further}"
        )
        params = f"(param $a {self.t}) (param $b {self.t}) (param $c i64)"
        return f'(func (export "{self.name}") {params} (result i64) {body})'

    def expected(self, m: Model, a: int, b: int) -> Effect | None:
        """None: a trap."""
        try:
            index = value_of(self.index, self.t, a, b, m.read)
            if self.access is COMBINED["checked before"]:
                m.check(index, 1)
            return self.access[1](m, index + self.offset, index + self.further)
        except IndexError:
            return None

    def arguments(self, r: random.Random, size: int, count: int) -> Iterator[tuple[int, int]]:
        """Values of the parameters: most give addresses at the edges of the memory and of the numbers."""
        bits = WIDTH[self.t]
        top = 1 << bits
        edges = [0, size, 2**31, 2**32, 2**32 - self.offset, size - self.offset, -self.offset, top, top // 2]
        if self.index == "a":
            for edge in {size - self.offset, 2**32 - self.offset, 2**31 - self.offset, 0, top, top // 2, 2**32}:
                for d in (-9, -8, -7, -4, -3, -2, -1, 0, 1):
                    if 0 <= edge + d < top:
                        yield edge + d, 0
            return
        for _ in range(count):
            pair = []
            for _ in "ab":
                x = r.choice(edges) + r.choice((-17, -16, -9, -8, -4, -2, -1, 0, 1, 4, 8, 16))
                scale = r.choice((0, 0, 0, 1, 2, 3))
                x = (x >> scale) + r.choice((0, 0, 0, top >> scale, top // 2))
                pair.append(r.randrange(32) if r.random() < 0.1 else x % top)
            yield pair[0], pair[1]


def cases_widths(t: str, _: random.Random, __: int) -> list[Case]:
    offsets = (*OFFSETS, *FAR_OFFSETS) if t == "i64" else OFFSETS
    constants = (0, 1, PAGE - 1, PAGE, 2**31 - 1, 2**31, 2**32 - 8, 2**32 - 1)
    made = [Case(name, access, "a", offset, t) for name, access in WIDTHS.items() for offset in offsets]
    return made + [Case(n, x, at, offset, t) for n, x in FEW.items() for at in constants for offset in offsets]


def cases_indices(t: str, r: random.Random, count: int) -> list[Case]:
    indices = trees(INDICES) + (trees(WRAPPED) if t == "i32" else [])
    indices += [random_tree(r, r.randrange(2, 5)) for _ in range(count)]
    made = []
    for i, index in enumerate(indices):
        for k, offset in enumerate(FEW_OFFSETS):
            name = list(FEW)[(i + k) % len(FEW)]
            made.append(Case(name, FEW[name], index, offset, t))
    return made


def cases_combined(t: str, _: random.Random, __: int) -> list[Case]:
    indices = trees("a (add a 8) (shl (and a 0x1fffffff) 3) (shl a 2) (add (byte a) -1) (add (shl a 3) b)")
    return [Case(n, x, i, offset, t) for n, x in COMBINED.items() for i in indices for offset in FEW_OFFSETS]


CASES = {"widths": cases_widths, "indices": cases_indices, "combined": cases_combined}


def run_cases(name: str, s: Session, kind: str, t: str, pages: int) -> None:
    """All cases of a group, with a memory of so many pages."""
    r = random.Random(s.options.seed)
    cases = {case.name: case for case in CASES[name](t, r, s.options.random)}
    declaration = KINDS[kind].format(t=t, l=f"{pages} {pages}")
    # Functions first come imports; the memory is exported under a name that no case has.
    exported = "" if "imported" in kind or "export" in declaration else '(export "memory" (memory $m))'
    functions = "\n".join(case.text() for case in cases.values())
    text = f"(module {declaration} {exported}\n{functions})"
    memory = s.memory(pages, pages, t) if "imported" in kind else None
    instance = s.instance(text, {"m": {"m": memory, "n": wasmpy.Memory(1, 1)}})
    model = Model(memory if memory is not None else instance.memory)
    for case in cases.values():
        function = instance[case.name]
        for arguments in case.arguments(r, model.size, s.options.calls):
            compare(s, model, case, function, arguments)
    s.fences.release()


def compare(s: Session, m: Model, case: Case, function: Any, arguments: tuple[int, int]) -> None:
    """Calls the function, compares result and memory with the model, and puts the memory right again."""
    value, written = case.expected(m, *arguments) or (None, [])
    # What is written, with its neighbourhood; or the end of the memory, which a store must not reach in part.
    places = [(at, len(data)) for at, data in written] or ([(m.size, 0)] if m.size else [])
    around = [(max(0, at - 8), min(m.size, at + n + 8)) for at, n in places]
    before = [bytes(m.view[i:j]) for i, j in around]
    got = s.result(function, *arguments, 5)
    after = [bytearray(m.view[i:j]) for i, j in around]
    wanted = [bytearray(x) for x in before]
    for (at, data), (i, _), x in zip(written, around, wanted, strict=False):
        x[at - i : at - i + len(data)] = data
    for (i, j), x in zip(around, before, strict=True):
        m.view[i:j] = x
    if got != value or after != wanted:
        a, b = arguments
        s.fail(f"{case.name}, of {m.size:#x} bytes ({a:#x}, {b:#x}): {got} {after}, not {value} {wanted}")
