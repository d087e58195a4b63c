import { describe, expect, test } from "vitest";
import { FLAGS, OPS, TERMINATOR } from "../ir/ops.ts";
import { parseFunc } from "../ir/parse.ts";
import { Program } from "../ir/program.ts";
import { verify } from "../ir/verify.ts";
import { X86_64_V2 } from "../isa/x64/features.ts";
import { BMI1, BMI2, LZCNT, ROWS } from "../isa/x64/insts.ts";
import { x64Target } from "../isa/x64/target.ts";
import { Code, DEF, FIXED, REUSES, USE } from "../mach/code.ts";
import { printCode } from "../mach/print.ts";
import { select } from "../mach/select.ts";
import { constraintsOf } from "../mach/target.ts";
import { verifyCode } from "../mach/verify.ts";

/** The machine code of a function given by signature and body; virtual registers in it have no meaning. */
function selected(head: string, body: string, features = X86_64_V2, faults: readonly unknown[] = []): string {
  const program = new Program();
  const f = parseFunc(`func "f" ${head} {\n${body}\n}\n`, program);
  verify(f, program);
  const code = new Code();
  const target = x64Target(features);
  select(f, program, target, code);
  expect(verifyCode(code, target)).toEqual(faults);
  return printCode(code, program, target);
}

/** The code of one block that gets v0 i32, v1 i64, v2 ptr, v3 f64, v4 i32 and returns an i32. */
function block(body: string, features = X86_64_V2, faults: readonly unknown[] = []): string {
  return selected(
    "wasm(i32 i64 ptr f64 i32) -> i32",
    `b0(v0 i32, v1 i64, v2 ptr, v3 f64, v4 i32):\n${body}`,
    features,
    faults,
  );
}

describe("addresses", () => {
  test("index, offset and pinned base fold into one access", () => {
    const text = block(`
  v5 = bounds_check32 v0 +16 memory 0 size 4 trap
  v6 = i32.load v5 +16 memory 0 trap
  return (v6)`);
    expect(text).toMatch(/mov32_m \[r14 \+ v\d+ \+ 16\] trap\n/);
    expect(text).not.toMatch(/lea|add/);
  });

  test("an i32.add or i32.shl never folds into an address", () => {
    const text = block(`
  v5 = i32.const 2
  v6 = i32.shl v0 v5
  v7 = i32.const 100
  v8 = i32.add v6 v7
  v9 = bounds_check32 v8 +0 memory 0 size 4 trap
  v10 = i32.load v9 +0 memory 0 trap
  return (v10)`);
    expect(text).toMatch(/shl32_i/);
    expect(text).toMatch(/add32_i v\d+ #100/);
    expect(text).toMatch(/mov32_m \[r14 \+ v\d+\] trap/);
  });

  const scaled = (index: string, k: number, offset = 0) => `
${index}
  v6 = i32.const ${k}
  v7 = i32.shl_nuw v5 v6
  v8 = bounds_check32 v7 +0 memory 0 size 4 trap
  v9 = i32.load v8 +${offset} memory 0 trap
  return (v9)`;
  const masked = (mask: number) => `  v10 = i32.const ${mask}\n  v5 = i32.and v0 v10`;

  test("an index whose shift loses no bits is scaled", () => {
    expect(block(scaled(masked(255), 2, 64))).toMatch(
      /(v\d+) = movzx8_32 v\d+\n {2}v\d+ = mov32_m \[r14 \+ \1 << 2 \+ 64\] trap/,
    );
    expect(block(scaled(masked(0x1fffffff), 3))).toMatch(/\[r14 \+ v\d+ << 3\]/);
    expect(block(scaled("  v10 = i32.const 1\n  v5 = i32.shr_u v0 v10", 1))).toMatch(/\[r14 \+ v\d+ << 1\]/);
    expect(block(scaled("  v5 = i32.load8_u v2 +0 c", 3))).toMatch(/\[r14 \+ v\d+ << 3\]/);
    // past the displacements the shift is made
    expect(block(scaled(masked(255), 2, 0x80000000))).toMatch(/shl32_i/);
  });

  test("one of which that is not evident is found", () => {
    for (const [index, k] of [
      ["  v5 = i32.const 1", 4],
      [masked(0x3fffffff), 3],
      [masked(-1), 1],
      ["  v10 = i32.const 1\n  v5 = i32.shr_u v0 v10", 2],
      ["  v5 = i32.load16_s v2 +0 c", 1],
      ["  v5 = i32.add v0 v4", 1],
      ["  v5 = i32.popcnt v0", 1],
    ] as const) {
      if (k > 3) expect(block(scaled(index, k))).toMatch(/shl32_i/);
      else {
        const fault = expect.stringContaining("an index of 33 bits in guarded memory");
        block(scaled(index, k), X86_64_V2, [fault]);
      }
    }
  });

  test("a constant index is a displacement", () => {
    const at = (index: number, offset: number) =>
      block(`
  v5 = i32.const ${index}
  v6 = bounds_check32 v5 +0 memory 0 size 4 trap
  v7 = i32.load v6 +${offset} memory 0 trap
  return (v7)`);
    expect(at(0x100000, 4)).toMatch(/mov32_m \[r14 \+ 1048580\] trap/);
    expect(at(0x7ffffff0, 15)).toMatch(/\[r14 \+ 2147483647\]/);
    expect(at(0x7ffffff0, 16)).toMatch(/\[r14 \+ v\d+ \+ 16\]/);
    expect(at(-16, 4)).toMatch(/\[r14 \+ v\d+ \+ 4\]/);
  });

  test("offsets of 2^31 and more are no displacements", () => {
    for (const [offset, constant] of [
      ["2147483648", "#-2147483648"],
      ["4294967295", "#-1"],
    ]) {
      const text = block(`
  v5 = bounds_check32 v0 +${offset} memory 0 size 4 trap
  v6 = i32.load v5 +${offset} memory 0 trap
  return (v6)`);
      expect(text).toContain(`const64 ${constant}\n`);
      expect(text).toMatch(/add64 v\d+, v\d+\n/);
      expect(text).toMatch(/mov32_m \[r14 \+ v\d+\] trap/);
    }
    expect(
      block(`
  v5 = bounds_check32 v0 +2147483647 memory 0 size 4 trap
  v6 = i32.load v5 +2147483647 memory 0 trap
  return (v6)`),
    ).toMatch(/\[r14 \+ v\d+ \+ 2147483647\]/);
  });

  test("a wrapped index is cleared first", () => {
    const text = block(`
  v5 = i32.wrap_i64 v1
  v6 = bounds_check32 v5 +0 memory 0 size 4 trap
  v7 = i32.load v6 +0 memory 0 trap
  return (v7)`);
    expect(text).toMatch(/(v\d+) = mov32 v\d+\n.*\[r14 \+ \1\]/);
  });

  test("64-bit sums and scales fold", () => {
    const text = block(`
  v5 = i64.const 3
  v6 = i64.shl v1 v5
  v7 = ptr.add v2 v6
  v8 = i64.const 40
  v9 = ptr.add v7 v8
  v10 = i32.load v9 +8 c
  return (v10)`);
    expect(text).toMatch(/mov32_m \[v\d+ \+ v\d+ << 3 \+ 48\]\n/);
    expect(text).not.toMatch(/shl|add|lea/);
  });

  test("a shift by 4 does not", () => {
    expect(
      block(`
  v5 = i64.const 4
  v6 = i64.shl v1 v5
  v7 = ptr.add v2 v6
  v8 = i32.load v7 +0 c
  return (v8)`),
    ).toMatch(/shl64_i v\d+ #4[\s\S]*\[v\d+ \+ v\d+\]/);
  });

  test("fields of the instance are reached through the pinned register", () => {
    const text = block(`
  v5 = vmctx
  v6 = ptr.load v5 +24 vmctx
  v7 = i32.load v6 +4 c
  i32.store v5 v7 +64 global 0
  return (v7)`);
    expect(text).toMatch(/mov64_m \[r15 \+ 24\]/);
    expect(text).toMatch(/mov32_mr \[r15 \+ 64\]/);
  });

  test("where another instance becomes current, the old one is kept in a register of its own", () => {
    const text = block(`
  v5 = vmctx
  set_vmctx v2
  v6 = i32.load v5 +8 vmctx
  set_vmctx v5
  return (v6)`);
    expect(text).toMatch(/(v\d+) = mov64 r15\n {2}set_vmctx v\d+\n.*\[\1 \+ 8\]\n {2}set_vmctx \1/);
  });

  test("stack slots, own data, imports", () => {
    const text = selected(
      "wasm() -> i32",
      `  slots 16 32
b0:
  v0 = slot 1
  v1 = symbol rodata "table"
  v2 = symbol import "PyLong_Type"
  v3 = i32.load v1 +12 c
  i32.store v0 v3 +4 stack
  v4 = i32.load v2 +8 c
  v5 = i32.add v3 v4
  return (v5)`,
    );
    expect(text).toMatch(/mov32_m \[table \+ 12\]/);
    expect(text).toMatch(/mov32_mr \[slot 1 \+ 4\]/);
    expect(text).toMatch(/(v\d+) = symbol_addr PyLong_Type[\s\S]*add32_m v\d+, \[\1 \+ 8\]/);
  });
});

describe("memory operands", () => {
  const load = `
  v5 = bounds_check32 v0 +4 memory 0 size 4 trap
  v6 = i32.load v5 +4 memory 0 trap`;

  test("a load with one user becomes its operand", () => {
    expect(block(`${load}\n  v7 = i32.sub v4 v6\n  return (v7)`)).toMatch(/sub32_m v\d+, \[r14/);
    expect(block(`${load}\n  v7 = i32.add v6 v4\n  return (v7)`)).toMatch(/add32_m v\d+, \[r14/);
    expect(block(`${load}\n  v7 = i32.sub v6 v4\n  return (v7)`)).not.toMatch(/sub32_m/);
  });

  test("one with two users does not", () => {
    const text = block(`${load}\n  v7 = i32.mul v6 v4\n  v8 = i32.sub v7 v6\n  return (v8)`);
    expect(text).toMatch(/mov32_m/);
    expect(text).not.toMatch(/(imul|sub)32_m/);
  });

  test("no trapping load moves over a store, a trap or a call", () => {
    for (const effect of [
      "v9 = vmctx\n  i32.store v9 v4 +64 global 0",
      "trap_if v4 integer_divide_by_zero",
      'call import "g" c() -> () ()',
      "poll v2",
    ]) {
      const text = block(`${load}\n  ${effect}\n  v7 = i32.add v4 v6\n  return (v7)`);
      expect(text).toMatch(/mov32_m/);
      expect(text).not.toMatch(/add32_m/);
    }
  });

  test("a load that cannot trap moves over a store to another region, but not to its own", () => {
    const text = (store: string) =>
      block(`
  v5 = vmctx
  v6 = i32.load v5 +64 global 0
  ${store}
  v7 = i32.add v4 v6
  return (v7)`);
    expect(text("i32.store v2 v4 +0 c")).toMatch(/add32_m v\d+, \[r15 \+ 64\]/);
    expect(text("i32.store v5 v4 +80 global 1")).not.toMatch(/add32_m/);
    expect(text('call import "g" c() -> () ()')).not.toMatch(/add32_m/);
  });

  test("not into another block", () => {
    expect(
      block(`${load}
  br_if v4 b1 b2
b1:
  v7 = i32.add v4 v6
  return (v7)
b2:
  return (v4)`),
    ).not.toMatch(/add32_m/);
  });

  test("a trapping load that nobody uses stays", () => {
    expect(block(`${load}\n  return (v4)`)).toMatch(/mov32_m .* trap/);
    expect(block("  v5 = i32.load v2 +4 c\n  return (v4)")).not.toMatch(/mov32_m/);
  });

  test("read, change, write is one instruction", () => {
    const text = block(`${load}
  v7 = i32.add v6 v4
  i32.store v5 v7 +4 memory 0 trap
  return (v4)`);
    expect(text).toMatch(/add32_mr \[r14 \+ v\d+ \+ 4\], v\d+ trap/);
    expect(text).not.toMatch(/mov32_m/);
    expect(
      block(`${load}
  v7 = i32.const 1
  v8 = i32.add v6 v7
  i32.store v5 v8 +4 memory 0 trap
  return (v4)`),
    ).toMatch(/add32_mi \[r14 \+ v\d+ \+ 4\] #1 trap/);
    expect(
      block(`${load}
  v7 = i32.add v6 v4
  i32.store v5 v7 +8 memory 0 trap
  return (v4)`),
    ).not.toMatch(/add32_mr/);
  });

  test("a load below a comparison with two users is done once", () => {
    const text = block(`${load}
  v7 = i32.lt_s v4 v6
  v8 = i32.select v7 v4 v0
  v9 = i32.add v8 v7
  return (v9)`);
    expect(text.match(/\[r14/g)).toHaveLength(1);
    expect(text).toMatch(/mov32_m/);
  });

  test("a load behind another name with two users is done once", () => {
    const text = block(`
  v5 = ptr.load v2 +0 c
  v6 = i64.from_ptr v5
  v7 = i64.add v1 v6
  v8 = i64.xor v7 v6
  v9 = i32.wrap_i64 v8
  return (v9)`);
    expect(text.match(/mov64_m/g)).toHaveLength(1);
    expect(text).not.toMatch(/(add|xor)64_m/);
  });

  test("float constants are memory operands, zero is not", () => {
    const text = block(`
  v5 = f64.const 0x3ff8000000000000
  v6 = f64.mul v3 v5
  v7 = f64.const 0x0000000000000000
  v8 = f64.gt v6 v7
  return (v8)`);
    expect(text).toMatch(/mulsd_m v\d+, \[literal8 0x3ff8000000000000\]/);
    expect(text).toMatch(/zero_f/);
  });
});

describe("conditions", () => {
  const branch = (condition: string) => `${condition}
  br_if v9 b1 b2
b1:
  return (v0)
b2:
  return (v4)`;

  test("a comparison sets the flags of its branch", () => {
    const text = block(branch("  v9 = i32.lt_u v0 v4"));
    expect(text).toMatch(/cmp32 v\d+, v\d+\n {2}jcc #0 #2 -> b1, b2/);
    expect(text).not.toMatch(/setcc|test/);
  });

  test("eqz inverts, however often", () => {
    expect(block(branch("  v8 = i32.lt_u v0 v4\n  v9 = i32.eqz v8"))).toMatch(/cmp32.*\n {2}jcc #0 #3/);
    expect(block(branch("  v7 = i32.eqz v0\n  v8 = i32.eqz v7\n  v9 = i32.eqz v8"))).toMatch(
      /test32 (v\d+), \1\n {2}jcc #0 #4/,
    );
  });

  test("a comparison in another block is repeated where it is needed", () => {
    const text = block(`
  v9 = i32.lt_s v0 v4
  jump b3
b3:
${branch("")}`);
    expect(text).toMatch(/b3:\n {2}cmp32/);
    expect(text).not.toMatch(/setcc/);
  });

  test("an or of different bits is one lea", () => {
    const or = (bits: string) =>
      block(`${bits}
  v7 = i32.const 3
  v8 = i32.shl v0 v7
  v9 = i32.or v8 v6
  return (v9)`);
    expect(or("  v5 = i32.const 7\n  v6 = i32.and v4 v5")).toMatch(/lea32 \[v\d+ \+ v\d+ << 3\]/);
    expect(or("  v5 = i32.const 15\n  v6 = i32.and v4 v5")).not.toMatch(/lea32/);
  });

  test("bits are tested", () => {
    expect(block(branch("  v8 = i32.const 8\n  v9 = i32.and v0 v8"))).toMatch(
      /test32_i v\d+ #8\n {2}jcc #0 #5/,
    );
    expect(block(branch("  v8 = i64.const 8\n  v7 = i64.and v1 v8\n  v9 = i64.eqz v7"))).toMatch(
      /test64_i v\d+ #8\n {2}jcc #0 #4/,
    );
  });

  test("bytes in memory are compared where they are", () => {
    const text = block(
      branch(`  v5 = bounds_check32 v0 +0 memory 0 size 1 trap
  v6 = i32.load8_u v5 +0 memory 0 trap
  v7 = i32.const 200
  v9 = i32.lt_s v6 v7`),
    );
    expect(text).toMatch(/cmp8_mi \[r14 \+ v\d+\] #200 trap\n {2}jcc #0 #2/);
  });

  test("a loaded byte is tested where it is", () => {
    const text = block(
      branch("  v5 = bounds_check32 v0 +0 memory 0 size 1 trap\n  v9 = i32.load8_u v5 +0 memory 0 trap"),
    );
    expect(text).toMatch(/cmp8_mi \[r14 \+ v\d+\] trap\n {2}jcc #0 #5/);
    expect(text).not.toMatch(/movzx/);
  });

  test("floats: unordered is false, its inverse true", () => {
    expect(block(branch("  v8 = f64.sqrt v3\n  v9 = f64.eq v3 v8"))).toMatch(/jcc #0 #16/);
    expect(block(branch("  v9 = f64.eq v3 v3"))).toMatch(/jcc #0 #11/);
    expect(block(branch("  v9 = f64.ne v3 v3"))).toMatch(/jcc #0 #10/);
    expect(block(branch("  v8 = f64.lt v3 v3\n  v9 = i32.eqz v8"))).toMatch(/ucomisd.*\n {2}jcc #0 #6/);
  });

  test("trap_if and select take flags too, and nothing stands between", () => {
    const text = block(`
  v9 = i32.eqz v0
  trap_if v9 integer_divide_by_zero
  v10 = i32.const 5
  v11 = i32.const 6
  v12 = i32.gt_s v0 v4
  v13 = i32.select v12 v10 v11
  return (v13)`);
    expect(text).toMatch(/test32.*\n {2}trap_if #1 #4/);
    expect(text).toMatch(/const32 #5\n.*const32 #6\n {2}cmp32.*\n.*cmov32 .* #0 #15/);
  });

  test("a comparison of floats selects by masks, the smaller one by min", () => {
    expect(
      block(`
  v5 = f64.sqrt v3
  v6 = f64.lt v3 v5
  v7 = f64.select v6 v3 v5
  v8 = i32.trunc_sat_f64_s v7
  return (v8)`),
    ).toMatch(/minsd v\d+, v\d+/);
  });
});

describe("arithmetic", () => {
  const i32 = (text: string) => block(`${text}\n  return (v9)`);

  test("constants are immediates", () => {
    expect(i32("  v5 = i32.const -3\n  v9 = i32.and v0 v5")).toMatch(/and32_i v\d+ #-3/);
    expect(i32("  v5 = i32.const 100\n  v9 = i32.mul v0 v5")).toMatch(/imul32_i v\d+ #100/);
    expect(i32("  v5 = i32.const 33\n  v9 = i32.shl v0 v5")).toMatch(/shl32_i v\d+ #1/);
    expect(
      i32("  v5 = i64.const 0x100000000\n  v6 = i64.add v1 v5\n  v7 = i64.popcnt v6\n  v9 = i32.wrap_i64 v7"),
    ).toMatch(/const64 #0 #1[\s\S]*add64/);
  });

  test("of a result whose low half is wanted only that is computed", () => {
    expect(i32("  v5 = i64.const 0x100000007\n  v6 = i64.mul v1 v5\n  v9 = i32.wrap_i64 v6")).toMatch(
      /imul32_i v\d+ #7/,
    );
    expect(i32("  v6 = i64.sub v1 v1\n  v9 = i32.wrap_i64 v6")).toMatch(/ sub32 /);
    expect(i32("  v5 = i64.const 40\n  v6 = i64.shr_u v1 v5\n  v9 = i32.wrap_i64 v6")).toMatch(
      /shr64_i v\d+ #40\n {2}ret/,
    );
  });

  test("lea where the operands live on, or are scaled", () => {
    expect(i32("  v5 = i32.const 1\n  v6 = i32.add v0 v5\n  v9 = i32.mul v6 v0")).toMatch(
      /lea32 \[v\d+ \+ 1\]/,
    );
    expect(i32("  v5 = i32.const 3\n  v6 = i32.shl v0 v5\n  v9 = i32.add v4 v6")).toMatch(
      /lea32 \[v\d+ \+ v\d+ << 3\]/,
    );
    expect(i32("  v5 = i32.const 9\n  v9 = i32.mul v0 v5")).toMatch(/lea32 \[(v\d+) \+ \1 << 3\]/);
    expect(i32("  v5 = i32.const 1\n  v9 = i32.add v0 v5")).toMatch(/add32_i/);
  });

  test("the low half of an i64 is read where it lies", () => {
    const text = i32("  v5 = i32.wrap_i64 v1\n  v9 = i32.add v5 v0");
    expect(text).toMatch(/add32 v\d+, v\d+/);
    expect(text).not.toMatch(/mov32/);
  });

  test("an i32 extends for nothing", () => {
    const text = i32(
      "  v5 = i64.extend_i32_u v0\n  v6 = i64.add v5 v1\n  v7 = i64.xor v6 v5\n  v9 = i32.wrap_i64 v7",
    );
    expect(text).not.toMatch(/mov32 v\d+\n.*(add|lea)/);
  });

  test("remainders of a constant need no guard, others one for -1", () => {
    expect(i32("  v5 = i32.const 10\n  v9 = i32.rem_s v0 v5")).not.toMatch(/cmov/);
    expect(i32("  v9 = i32.rem_s v0 v4")).toMatch(/cmp32_i v\d+ #-1[\s\S]*cmov32[\s\S]*cdq[\s\S]*idiv32/);
  });

  test("features choose instructions", () => {
    expect(i32("  v9 = i32.clz v0")).toMatch(/bsr32/);
    expect(block("  v9 = i32.clz v0\n  return (v9)", LZCNT)).toMatch(/lzcnt32/);
    expect(block("  v9 = i32.ctz v0\n  return (v9)", BMI1)).toMatch(/tzcnt32/);
    expect(block("  v9 = i32.shl v0 v4\n  return (v9)", BMI2)).toMatch(/shlx32 v\d+, v\d+/);
    expect(i32("  v9 = i32.shl v0 v4")).toMatch(/shl32_cl v\d+, v\d+@rcx/);
    expect(block("  v9 = i32.popcnt v0\n  return (v9)")).toMatch(/popcnt32/);
    expect(block("  v9 = i32.popcnt v0\n  return (v9)", 0)).toMatch(/imul32_i/);
    for (const op of ["nearest", "floor", "ceil", "trunc"]) {
      const body = `  v5 = f64.${op} v3\n  v9 = i32.trunc_sat_f64_s v5\n  return (v9)`;
      expect(block(body)).toMatch(/roundsd/);
      expect(block(body, 0)).not.toMatch(/roundsd/);
    }
  });

  test("an instruction that the CPU may not have is found", () => {
    const program = new Program();
    const f = parseFunc(
      'func "f" wasm(i32) -> i32 {\nb0(v0 i32):\n  v1 = i32.popcnt v0\n  return (v1)\n}\n',
      program,
    );
    const code = new Code();
    select(f, program, x64Target(X86_64_V2), code);
    expect(verifyCode(code, x64Target(X86_64_V2))).toEqual([]);
    expect(verifyCode(code, x64Target(0))).toEqual([
      expect.stringContaining("not an instruction of every CPU"),
    ]);
  });

  test("what nobody uses is not there", () => {
    expect(i32("  v5 = i32.mul v0 v0\n  v9 = i32.add v0 v4")).not.toMatch(/imul/);
  });
});

describe("calls and control", () => {
  test("wasm convention: registers, stack, hidden pointer", () => {
    const text = selected(
      "wasm() -> i32",
      `b0:
  v0 = i32.const 1
  v1: i32 = call "g" wasm(i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) -> i32 i32 i32 i32 i32 i32 i32 i32 i32 (v0, v0, v0, v0, v0, v0, v0, v0, v0, v0)
  v2: i32 = proj v1 8
  v3: i32 = proj v1 1
  v4 = i32.add v2 v3
  return (v4)`,
    );
    expect(text).toMatch(/lea64 \[slot 0\]/);
    expect(text).toMatch(/v\d+@rdi, v\d+@rsi, v\d+@rdx, v\d+@rcx, v\d+@r8, v\d+@r9, v\d+@r10, v\d+@rax g/);
    for (const at of ["", " + 8", " + 16"]) expect(text).toContain(`mov32_mr [outgoing${at}]`);
    expect(text).toMatch(/v\d+@rdx = call/);
    expect(text).toMatch(/call .* g #0 #32/);
    expect(text).toMatch(/add32_m v\d+, \[slot 0\]|mov32_m \[slot 0\]/);
  });

  test("results beyond the registers go where the caller said", () => {
    const text = selected(
      "wasm(i32) -> i32 i32 i32 i32 i32 i32 i32 i32 i32 i64",
      "b0(v0 i32):\n  v1 = i64.const 5\n  return (v0, v0, v0, v0, v0, v0, v0, v0, v0, v1)",
    );
    expect(text).toMatch(/(v\d+)@rdi, v\d+@rsi = params\n/);
    expect(text).toMatch(/mov32_mr \[(v\d+)\], v\d+\n/);
    expect(text).toMatch(/mov64_mr \[(v\d+) \+ 8\], v\d+\n/);
    expect(text).toMatch(
      /ret v\d+@rax, v\d+@rdx, v\d+@rcx, v\d+@rsi, v\d+@rdi, v\d+@r8, v\d+@r9, v\d+@r10\n/,
    );
  });

  test("an i32 from C is cleared; C pops nothing; floats are not counted in rax", () => {
    const text = selected(
      "c(i32) -> i32",
      `b0(v0 i32):
  v1 = f64.const 0x3ff0000000000000
  v2: i32 = call import "g" c(i32 f64) -> i32 (v0, v1)
  return (v2)`,
    );
    expect(text).toMatch(/(v\d+)@rdi = params\n {2}(v\d+) = mov32 \1\n/);
    expect(text).not.toMatch(/const32 #1\n/);
    expect(text).toMatch(/(v\d+)@rax = call v\d+@rdi, v\d+@xmm0 g\n {2}v\d+ = mov32 \1/);
  });

  test("calls through memory", () => {
    const text = selected(
      "wasm(ptr i32) -> i32",
      `b0(v0 ptr, v1 i32):
  v2 = ptr.load v0 +8 c readonly
  v3: i32 = call_ptr wasm(i32) -> i32 (v2, v1)
  return (v3)`,
    );
    expect(text).toMatch(/v\d+@rax = call_m \[v\d+ \+ 8\], v\d+@rdi\n/);
  });

  test("an invoke destroys everything, and its results come with the normal edge", () => {
    const text = selected(
      "c(ptr) -> i32",
      `b0(v0 ptr):
  v1 = sp
  v2 = code_addr b2
  ptr.store v0 v1 +8 context
  ptr.store v0 v2 +16 context
  v3: i32 = invoke "g" wasm() -> i32 f64 () b1 b2
b1:
  v4: f64 = proj v3 1
  v5 = i32.trunc_sat_f64_s v4
  v6 = i32.add v3 v5
  return (v6)
b2:
  v7 = i32.const -1
  return (v7)`,
    );
    expect(text).toMatch(/code_addr #2\n/);
    expect(text).toMatch(/v\d+@rax, v\d+@xmm0 = invoke g -> b1, b2/);
  });

  test("tables of branches", () => {
    const text = (targets: string) =>
      selected(
        "wasm(i32) -> i32",
        `b0(v0 i32):
  br_table v0 ${targets}
b1:
  v1 = i32.const 1
  return (v1)
b2:
  v2 = i32.const 2
  return (v2)
b3:
  return (v0)`,
      );
    expect(text("b1 b2 b3")).toMatch(/(v\d+) = jump_table v\d+ #0 #3 -> b1, b2, b3/);
  });

  test("constant arguments of edges are made before the branch", () => {
    const text = selected(
      "wasm(i32) -> i32",
      `b0(v0 i32):
  v1 = i32.const 7
  v2 = i32.const 100
  v3 = i32.lt_s v0 v2
  br_if v3 b1(v1) b2
b1(v4 i32):
  return (v4)
b2:
  return (v0)`,
    );
    expect(text).toMatch(/(v\d+) = const32 #7\n {2}cmp32_i v\d+ #100\n {2}jcc #0 #12 -> b1\(\1\), b2/);
  });

  test("blocks come in the order of the layout, with loop depth", () => {
    const text = selected(
      "wasm(i32 ptr) -> i32",
      `b0(v0 i32, v9 ptr):
  v1 = i32.const 0
  jump b1(v0, v1)
b1(v2 i32, v3 i32):
  v4 = i32.add v3 v2
  v5 = i32.const 1
  v6 = i32.sub v2 v5
  poll v9
  br_if v6 b3 b2
b2:
  return (v4)
b3:
  jump b1(v6, v4)`,
    );
    expect(text).toMatch(/b1\(v\d+ i32, v\d+ i32\) depth 1:/);
    expect(text).toMatch(/b3 depth 1:\n {2}jmp/);
    expect(text).toMatch(/poll v\d+\n/);
  });
});

describe("tables", () => {
  test("constraints: definitions first, reuse, fixed registers, the place of an address", () => {
    const row = (name: string) => {
      const r = ROWS.find((x) => x.name === name);
      if (r === undefined) throw new Error(name);
      return constraintsOf(r.operands, r.encoding === null);
    };
    const add = row("add32");
    expect(add.defs).toBe(1);
    expect(add.list.map((c) => c & 13)).toEqual([DEF | REUSES, USE, USE | 4]);
    expect(add.list[0] >> 8).toBe(1);
    expect(row("add32_m").memoryAt).toBe(2);
    expect(row("add32_mr").memoryAt).toBe(0);
    expect(row("add32_mr").list).toEqual([USE]);
    const div = row("idiv64");
    expect(div.defs).toBe(2);
    expect(div.list.slice(0, 4).map((c) => [c & 13, c >> 8])).toEqual([
      [DEF | FIXED, 0],
      [DEF | FIXED, 2],
      [USE | FIXED, 0],
      [USE | FIXED, 2],
    ]);
  });

  test("every operation can be lowered", () => {
    const types = ["", "i32", "i64", "f32", "f64", "v128", "ptr", "ref"];
    const params = "v0 i32, v1 i64, v2 f32, v3 f64, v4 ptr, v5 ref";
    const value = [-1, 0, 1, 2, 3, -1, 4, 5];
    const suffix = (name: string) => {
      if (/const$/.test(name)) return " 1";
      if (/\.(load|store)/.test(name)) return " +8 c";
      if (name.startsWith("bounds_check")) return " +0 memory 0 size 4 trap";
      if (name === "trap" || name === "trap_if") return " unreachable";
      return name === "symbol" ? ' rodata "x"' : name === "slot" ? " 0" : "";
    };
    const special = /^(nop|copy|param|proj|code_addr|set_vmctx|bounds_check)$/;
    const missing: string[] = [];
    for (const row of OPS) {
      if (row.variadic || special.test(row.name) || row.result === 5 || row.operands.includes(5)) continue;
      if ((row.flags & FLAGS[OPS.indexOf(row)] & TERMINATOR) !== 0) continue;
      const operands = row.operands.map((t) => ` v${value[t]}`).join("");
      const line = `${row.name}${operands}${suffix(row.name)}`;
      const text =
        row.result > 0
          ? `  slots 16\nb0(${params}):\n  v9 = ${line}\n  return (v9)`
          : `b0(${params}):\n  ${line}\n  return ()`;
      try {
        selected(`wasm(i32 i64 f32 f64 ptr ref) -> ${types[Math.max(row.result, 0)] || "()"}`, text);
      } catch (e) {
        missing.push(`${row.name}: ${(e as Error & { detail?: string }).detail ?? e}`);
      }
    }
    expect(missing).toEqual([]);
  });
});
