"""Plants bugs to prove the fuzzer: each of the changes below, in a copy of the compiler, must be found.

    python tests/fuzz/plant.py [--first SEED] [--seeds N] [--jobs N] [--only WORD,WORD]

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

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import oracle


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
    # calls
    Bug("a frame that checks the stack, and no instance for that", "chunks.ts", " && !backend.checksStack", ""),
    # addresses
    Bug("additions folded into offsets though they wrap", "opt/addresses.ts",
        "(bits >>> 0) + c >= TWO32", "false"),
    Bug("shifts folded into scales though they lose bits", "opt/addresses.ts",
        "return bits >>> (32 - k) === 0 ? k : 0;", "return bits === 0 ? 0 : k;"),
    Bug("large offsets taken as negative", "isa/x64/lower.ts",
        "hi === 0 ? lo >>> 0 : hi", "hi === 0 ? lo : hi"),
    Bug("bounds check one byte short", "lower/accesses.ts",
        "const end: f64 = (lo >>> 0) + size; // of", "const end: f64 = (lo >>> 0) + size - 1; // of"),
    Bug("i64 addresses may wrap around", "opt/checks.ts",
        "      this.trapIf(check, op.I64_LT_U, available, needed);\n", ""),
    Bug("i64 indices of tables lose their upper half", "lower/tables.ts",
        "const place = wide(out, index, limitsOf(out, table));\n  out.trapIf",
        "const given = wide(out, index, limitsOf(out, table));\n"
        "  const place = out.op(op.I64_EXTEND_I32_U, out.op(op.I32_WRAP_I64, given));\n  out.trapIf"),
    # trap guards
    Bug("least number over -1 not tested", "lower/numbers.ts",
        "const mayBeMinusOne = !isConstant || (lo & hi) === -1;", "const mayBeMinusOne = false;"),
    Bug("truncation takes the bound itself", "lower/numbers.ts",
        "x >= 2^32\n      return new Truncation(false, true,", "\n      return new Truncation(false, false,"),
    Bug("fill and copy one byte beyond the end", "runtime/memory.ts",
        "c.op(op.I64_LT_U, c.op(op.I64_SUB, size, count), at);",
        "c.op(op.I64_LT_U, c.op(op.I64_ADD, c.op(op.I64_SUB, size, count), c.number(1)), at);"),
    Bug("indirect calls do not look at the type", "lower/tables.ts",
        "out.trapIf(out.op(op.I64_NE, actual, wanted), trap.INDIRECT_CALL_TYPE);", ""),
    Bug("table.init looks for the end of the segment too late", "runtime/tables.ts",
        "  check(c, elem, ELEM_LENGTH, source, count);\n", ""),
    # segments, growth, instances
    Bug("data.drop does nothing", "lower/memory.ts", "  setDataLength(out, data, out.i32(0));\n", "  data;\n"),
    Bug("overlapping copies from the wrong end", "runtime/memory.ts",
        'c.api("memmove", c.element(to, at, 0), c.element(from, at, 0), size);\n  });\n}\n\n/** (record, bytes',
        "const one = c.number(1);\n"
        "    c.repeat(size, (k) => {\n"
        "      const place = c.op(op.I64_ADD, at, c.op(op.I64_SUB, c.op(op.I64_SUB, size, one), k));\n"
        '      c.api("memmove", c.element(to, place, 0), c.element(from, place, 0), one);\n'
        "    });\n  });\n}\n\n/** (record, bytes"),
    Bug("few bytes are copied from the first on", "lower/pieces.ts",
        "for (let k = values.length - 1; k >= 0; k--) writing.store(writing.offsets[k], values[k]);",
        "for (let k = 0; k < values.length; k++) writing.store(writing.offsets[k], values[k]);"),
    Bug("of few bytes the last are left out", "lower/pieces.ts",
        "if (n % this.size !== 0) this.offsets.push(n - this.size);", ""),
    Bug("calls of other instances do not come back", "python/imports.ts",
        "      c.op(op.SET_VMCTX, own);\n      c.ret(results);", "      c.ret(results);"),
    Bug("other instances' functions are called straight", "lower/calls.ts",
        "return out.op(op.PTR_EQ, recordField(out, record, at.FUNC_VMCTX), instance(out));",
        "return out.op(op.PTR_EQ, record, record);"),
    Bug("stack arguments of tail calls are copied upwards from the first", "isa/x64/expand.ts",
        "for (let k = bytes - 8; k >= 0; k -= 8)", "for (let k = 0; k < bytes; k += 8)"),
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
    Bug("loads leave loops that write what they read", "opt/licm.ts",
        "(this.effects.loopWrites.data[loop] & bit) !== 0 || ", ""),
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
    Bug("128 is a signed byte", "isa/x64/encode.ts",
        "return value === (imm << 24) >> 24;", "return value === (imm << 24) >> 24 || value === 128;"),
    Bug("br_table has a case too many", "isa/x64/expand.ts",
        "asm.immediate(x.CMP32_I, index, cases, 0);", "asm.immediate(x.CMP32_I, index, cases + 1, 0);"),
)  # fmt: skip


def changed(bug: Bug, directory: Path) -> str:
    """Makes a copy of the compiler with the bug; why that failed, or ""."""
    excluded = ["--exclude=node_modules", "--exclude=tests"]
    tar = subprocess.Popen(["tar", "-c", "-C", str(fuzzer.COMPILER), *excluded, "."], stdout=subprocess.PIPE)
    directory.mkdir()
    subprocess.run(["tar", "-x", "-C", str(directory)], stdin=tar.stdout, check=True)
    tar.communicate()
    file = directory / bug.file
    source = file.read_text()
    if source.count(bug.old) == 0:
        return "does not apply"
    file.write_text(source.replace(bug.old, bug.new))
    made = subprocess.run(
        [oracle.find_node(), "tools/gen.ts"], cwd=directory, capture_output=True, text=True, check=False
    )
    return f"does not build: {made.stderr.strip()[-300:]}" if made.returncode != 0 else ""


def near(first: int, count: int) -> range:
    """Seeds of both kinds of memory."""
    middle = first // (2 * fuzzer.BLOCK) * 2 * fuzzer.BLOCK + fuzzer.BLOCK
    return range(middle - count // 2, middle + count // 2)


def plant(bug: Bug, first: int, seeds: int, jobs: int) -> tuple[bool, str]:
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "compiler"
        problem = changed(bug, copy)
        if problem:
            return False, problem
        found = fuzzer.fuzz(near(first, seeds), 1e6, jobs, copy, stop_after=1, quiet=True)
        if not found.findings:
            return False, f"not found in {found.tally.modules} modules"
        seed, text = found.findings[0]
        words = next((line for line in text.strip().split("\n") if "got" in line), text.strip().split("\n")[0])
        return True, f"found after {found.tally.modules} modules (seed {seed}): {words.strip()[:90]}"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--first", type=int, default=0, help="a seed, near which the seeds lie")
    parser.add_argument("--seeds", type=int, default=500, help="the budget of each bug")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="words, with commas: bugs that have one of them")
    options = parser.parse_args()
    # Else nothing is proven by what is found.
    sound = fuzzer.fuzz(near(options.first, options.seeds), 1e6, options.jobs, stop_after=1)
    print(f"nothing planted: {len(sound.findings)} findings in {sound.tally.modules} modules", flush=True)
    if sound.findings:
        return 1
    bugs = [bug for bug in BUGS if any(word in bug.what for word in options.only.split(","))]
    count = 0
    for bug in bugs:
        is_found, result = plant(bug, options.first, options.seeds, options.jobs)
        count += is_found
        print(f"{bug.what}: {result}", flush=True)
    print(f"found {count} of {len(bugs)}, with at most {options.seeds} seeds each from about {options.first}")
    return 0 if count == len(bugs) else 1


if __name__ == "__main__":
    sys.exit(main())
