"""Every row of the x86-64 instruction table, with many operands, against Capstone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

capstone = pytest.importorskip("capstone")
x86 = pytest.importorskip("capstone.x86")

COMPILER = Path(__file__).parent.parent / "compiler"

# rows whose name is not the mnemonic followed by widths and forms
MNEMONICS = {
    "mov64_ri": "movabs",
    "call_rel": "call",
    "jmp_rel": "jmp",
    "ret_near": "ret",
    "int3": "int3",
}
COMPARISONS = ["eq", "lt", "le", "unord", "neq", "nlt", "nle", "ord"]


def mnemonic(vector: dict) -> str:
    name = vector["name"]
    if name in MNEMONICS:
        return MNEMONICS[name]
    stem = name.split("_")[0]
    if stem.startswith("cvt"):
        return stem
    stem = re.sub(r"(8|16|32|64)$", "", stem)
    if stem in ("mulwide", "imulwide"):
        stem = stem.removesuffix("wide")
    return stem.removesuffix("cc") + vector["cc"]


@pytest.fixture(scope="module")
def encodings() -> dict:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node")
    for script in ("tools/gen.ts", "tests/encodings.ts"):
        output = subprocess.run([node, script], cwd=COMPILER, check=True, capture_output=True).stdout
    return json.loads(output)


def operand(instruction, o) -> dict:
    if o.type == x86.X86_OP_REG:
        return {"reg": instruction.reg_name(o.reg)}
    if o.type == x86.X86_OP_IMM:
        return {"imm": o.imm}
    m = o.mem
    name = lambda r: instruction.reg_name(r) if r else ""  # noqa: E731
    return {"mem": [name(m.base), name(m.index), m.scale, m.disp], "bytes": o.size}


def check(vector: dict, disassembler) -> str:
    """What is wrong with the vector, or an empty text."""
    instructions = list(disassembler.disasm(bytes.fromhex(vector["hex"]), 0))
    if sum(i.size for i in instructions) * 2 != len(vector["hex"]):
        return "not decoded"
    # popcnt and the scalar conversions clear their destination first
    if len(instructions) == 2 and instructions[0].mnemonic in ("xor", "xorps"):
        first = [operand(instructions[0], o)["reg"] for o in instructions[0].operands]
        target = vector["operands"][0]["reg"]
        if first[0] != first[1] or first[0][-3:].strip("rde") != target[-3:].strip("rde"):
            return f"clears {first}"
        del instructions[0]
    if len(instructions) != 1:
        return f"{len(instructions)} instructions"
    (instruction,) = instructions
    expected = mnemonic(vector)
    if expected in ("cmpss", "cmpsd"):
        imm = int(vector["operands"].pop()["imm"])
        if imm < 8:
            expected = f"cmp{COMPARISONS[imm]}{expected[3:]}"
        else:
            vector["operands"].append({"imm": imm})
    if instruction.mnemonic != expected:
        return f"{instruction.mnemonic} {instruction.op_str}, not {expected}"
    found = [operand(instruction, o) for o in instruction.operands]
    implied = vector["fixed"]
    wanted = [o for k, o in enumerate(vector["operands"]) if k >= len(implied) or not implied[k]]
    if vector["name"].endswith(("_cl", "_cl_m")):
        wanted = vector["operands"]
    if len(found) != len(wanted):
        return f"{instruction.mnemonic} {instruction.op_str}: {len(wanted)} operands expected"
    for f, w in zip(found, wanted, strict=True):
        if "imm" in w:
            width = 8 * instruction.operands[0].size
            start = instruction.size if expected in ("call", "jmp") else 0
            same = "imm" in f and (f["imm"] - start - int(w["imm"])) % (1 << width) == 0
        elif "mem" in w:
            same = f.get("mem") == w["mem"]
            if same and not expected.startswith("lea"):
                same = f["bytes"] == w["bytes"]
        else:
            same = f == w
        if not same:
            return f"{instruction.mnemonic} {instruction.op_str}: {f}, not {w}"
    if any(o.get("mem", [""])[0] == "rip" for o in wanted):
        [(at, _, symbol, addend)] = vector["relocation"]
        if symbol != 7 or addend != vector["disp"] - (len(vector["hex"]) // 2 - at):
            return f"relocation at {at} with addend {addend}"
    elif vector["relocation"]:
        return "relocation of nothing"
    return ""


SIZES = re.compile(r"\b(byte|word|dword|qword|xmmword)( ptr)? ")
NUMBERS = re.compile(r"-?\b(0x[0-9a-f]+|\d+)\b")


def plain(text: str, width: int) -> str:
    """A disassembly without sizes of memory, its numbers decimal."""
    return NUMBERS.sub(lambda number: str(int(number[0], 0) % (1 << width)), SIZES.sub("", text)).strip()


def test_disassembly(encodings: dict) -> None:
    disassembler = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    disassembler.detail = True
    compared = 0
    wrong = []
    for vector in encodings["vectors"]:
        instructions = list(disassembler.disasm(bytes.fromhex(vector["hex"]), 0))
        # ours names what is relative to the program counter by its label or symbol
        if any("rip" in i.op_str or i.mnemonic in ("jmp", "call") for i in instructions):
            continue
        for ours, i in zip(vector["text"], instructions, strict=True):
            width = 8 * i.operands[0].size if i.operands else 64
            compared += 1
            if plain(ours, width) != plain(f"{i.mnemonic} {i.op_str}", width):
                wrong.append(f"{ours}, not {i.mnemonic} {i.op_str}")
    assert wrong[:40] == []
    assert compared > 10_000


def test_encodings(encodings: dict) -> None:
    disassembler = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    disassembler.detail = True
    seen = set()
    wrong = []
    for vector in encodings["vectors"]:
        seen.add(vector["name"])
        problem = check(vector, disassembler)
        if problem:
            wrong.append(f"{vector['name']} {vector['hex']}: {problem}")
    assert wrong[:40] == []
    assert seen == set(encodings["rows"])
