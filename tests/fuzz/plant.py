"""Plants bugs to prove the fuzzer: each of the changes below, in a copy of the compiler, must be found.

    python tests/fuzz/plant.py [--modules N] [--jobs N] [--only WORD,WORD]

Prints how many modules it took to find each, and by what: a difference, a trap or crash, or the compiler's own
verifier and allocation checker. Exit status 1 where one is not found, or does not apply any more.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import run as fuzzer
from wasmpy import _compiler


class Bug(NamedTuple):
    what: str
    file: str
    old: str
    new: str


BUGS = (
    # selection
    Bug("f32/f64 le without equality", "isa/x64/lower.rules",
        "(f{32,64}.le x y)) => do (ucomis{s,d} y x) {CC_AE}", "(f{32,64}.le x y)) => do (ucomis{s,d} y x) {CC_A}"),
    Bug("unsigned less-than as signed, constants only", "isa/x64/lower.rules",
        "do (cmp32_i x c) {{CC_E,CC_NE,CC_L,CC_B,", "do (cmp32_i x c) {{CC_E,CC_NE,CC_L,CC_L,"),
    Bug("rotate the other way, by a register", "isa/x64/lower.rules",
        "({shl,sar,shr,rol,ror}32_i x {c & 31})", "({shl,sar,shr,ror,ror}32_i x {c & 31})"),
    Bug("wrap of i64 keeps the upper half under an extension", "opt/simplify.rules",
        ";; between i32 and i64\n",
        ";; between i32 and i64\n(i64.extend_i32_u (i32.wrap_i64 x)) => x\n"),
    Bug("mask of a byte extends the sign", "isa/x64/lower.rules",
        "(i{32,64}.const 0xff)) => (movzx8_32 x)", "(i{32,64}.const 0xff)) => (movsx8_32 x)"),
    Bug("select with operands swapped where two flags decide", "isa/x64/lower.ts",
        "cc === CC_FEQ ? [yes, no] : [no, yes]", "cc === CC_FEQ ? [no, yes] : [no, yes]"),
    Bug("conversion from u64 loses the sticky bit", "isa/x64/lower.rules",
        "let half (or64 (shr64_i x 1) (and32_i x 1))", "let half (shr64_i x 1)"),
    Bug("min of zeros takes either", "isa/x64/lower.rules",
        "(orps (andnps unordered (orps a b))", "(orps (andnps unordered b)"),
    Bug("shift across two registers with any counts", "isa/x64/lower.rules",
        "if {c > 0 && c < 32 && c + d === 32} => (shld32_i", "if {c > 0 && c < 32 && d > 0 && d < 32} => (shld32_i"),
    Bug("load and store of different cells become one instruction", "isa/x64/lower.rules",
        "(i{32,64}.store p (i{32,64}.{add,and,or,xor} l:(i{32,64}.load p o) x) o)",
        "(i{32,64}.store p (i{32,64}.{add,and,or,xor} l:(i{32,64}.load p _) x) _)"),
    # addresses
    Bug("addition folded into the address", "isa/x64/lower.ts",
        "    if (disp >= 0) s.stageIndex(MEMORY0, s.use(f.a[at] as Value), 0, disp);",
        "    const sum = s.strip(f.a[at] as Value);\n"
        "    const k = f.op[sum] === op.I32_ADD ? s.strip(f.b[sum] as Value) : sum;\n"
        "    const c = f.op[k] === op.I32_CONST && k !== sum ? f.imm[k] : 0;\n"
        "    if (c > 0 && fits(disp + c)) s.stageIndex(MEMORY0, s.use(f.a[sum] as Value), 0, disp + c);\n"
        "    else if (disp >= 0) s.stageIndex(MEMORY0, s.use(f.a[at] as Value), 0, disp);"),
    Bug("large offsets taken as negative", "isa/x64/lower.ts",
        "hi === 0 ? lo >>> 0 : hi", "hi === 0 ? lo : hi"),
    Bug("bounds check one byte short", "ir/lowering.ts",
        "const end = (lo >>> 0) + size; // of", "const end = (lo >>> 0) + size - 1; // of"),
    # trap guards
    Bug("least number over -1 not tested", "ir/guards.ts",
        "const mayBeMinusOne = !isConstant || (lo & hi) === -1;", "const mayBeMinusOne = false;"),
    Bug("truncation takes the bound itself", "ir/guards.ts",
        "new Truncation(op.I32_TRUNC_F32_U, false, true,", "new Truncation(op.I32_TRUNC_F32_U, false, false,"),
    Bug("fill and copy one byte beyond the end", "runtime/memory.ts",
        "c.op(op.I64_LT_U, c.op(op.I64_SUB, size, count), at);",
        "c.op(op.I64_LT_U, c.op(op.I64_ADD, c.op(op.I64_SUB, size, count), c.number(1)), at);"),
    Bug("indirect calls do not look at the type", "ir/lowering.ts",
        "this.trapIf(this.op(op.I64_NE, actual, wanted), trap.INDIRECT_CALL_TYPE);", ""),
    # optimiser
    Bug("division by a constant: a shift too small", "opt/magic.ts",
        "if (excess <= 2 ** s &&", "if (excess <= 2 ** (s + 2) &&"),
    Bug("signed division by a power of two rounds down", "opt/simplify.rules",
        "(i32.shr_s (i32.add x bias) (i32.const {ctz32(c)}))", "(i32.shr_s x (i32.const {ctz32(c)}))"),
    Bug("stores that overlap do not forget what was loaded", "opt/loads.ts",
        "if (other < from + size && from < other + sizeOf(this.access.data[e])) continue;",
        "if (other < from + size && from < other) continue;"),
    Bug("loads survive calls and writes through other addresses", "opt/loads.ts",
        "if (this.version.data[e] !== this.now[k]) continue;", ""),
    Bug("both sides of a branch know the condition true", "opt/conditions.ts",
        "e === f.successor(t, 0) ? NOT_ZERO : ZERO", "NOT_ZERO"),
    # allocation
    Bug("parallel moves write before all have read", "mach/moves.ts",
        "if (--readers[source] === 0 && writer[source] >= 0)", "if (writer[source] >= 0)"),
    Bug("cycles of moves lose a value", "mach/moves.ts",
        "      this.emit(code, at, from.get(reader), aside, type, NONE, registers);\n", ""),
    Bug("calls leave a register alone that they use", "isa/x64/abi.ts",
        "const CLOBBERS = setOf([...VOLATILE, ...ALL_FLOATS]);",
        "const CLOBBERS = setOf([...VOLATILE, ...ALL_FLOATS].filter((x) => x !== r.R10));"),
    Bug("slots are shared while both are live", "mach/slots.ts",
        "!assignment.areDisjoint(v, w, PATIENCE)", "false"),
    # encoder and expansion
    Bug("br_table has a case too many", "isa/x64/expand.ts",
        "asm.immediate(x.CMP32_I, index, cases, 0);", "asm.immediate(x.CMP32_I, index, cases + 1, 0);"),
)  # fmt: skip


def plant(bug: Bug, modules: int, jobs: int) -> str:
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "compiler"
        excluded = ["--exclude=node_modules", "--exclude=tests"]
        tar = subprocess.Popen(["tar", "-c", "-C", str(fuzzer.COMPILER), *excluded, "."], stdout=subprocess.PIPE)
        copy.mkdir()
        subprocess.run(["tar", "-x", "-C", str(copy)], stdin=tar.stdout, check=True)
        tar.wait()
        file = copy / bug.file
        source = file.read_text()
        if source.count(bug.old) == 0:
            return "does not apply"
        file.write_text(source.replace(bug.old, bug.new))
        node = _compiler.find_node()
        made = subprocess.run([node, "tools/gen.ts"], cwd=copy, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            return f"does not build: {made.stderr.strip()[-300:]}"
        # Seeds of both kinds of memory.
        middle = fuzzer.BLOCK
        found = fuzzer.fuzz(
            range(middle - modules // 2, middle + modules // 2), 1e6, jobs, copy, stop_after=1, quiet=True
        )
        if not found.findings:
            return f"not found in {found.tally.modules} modules"
        seed, problem = found.findings[0]
        words = problem.strip().split("\n")[0]
        return f"found after {found.tally.modules} modules (seed {seed}): {words[:90]}"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--modules", type=int, default=400)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    missed = 0
    for bug in BUGS:
        if not any(word in bug.what for word in options.only.split(",")):
            continue
        result = plant(bug, options.modules, options.jobs)
        missed += not result.startswith("found")
        print(f"{bug.what}: {result}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
