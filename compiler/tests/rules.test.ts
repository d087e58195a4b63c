import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { OPS } from "../ir/ops.ts";
import { shapeOf } from "../isa/x64/table.ts";
import { matches, parseRules, RuleError } from "../tools/rules.ts";
import { selectSource, uncovered } from "../tools/select-rules.ts";
import { simplifySource } from "../tools/simplify-rules.ts";

const ROOT = join(import.meta.dirname, "..");

function simplify(text: string): string {
  return simplifySource(parseRules("t.rules", text));
}

function select(text: string): string {
  return selectSource(parseRules("t.rules", text, ["flags"]), shapeOf, "x64-ops.ts");
}

describe("reading", () => {
  test("alternations of one length go together, others multiply", () => {
    const { rules } = parseRules("t", "(i{32,64}.{add,mul,xor} x y) => (i{32,64}.{add,mul,xor} y x)");
    expect(rules.map((r) => r.text)).toEqual(
      ["add", "mul", "xor"]
        .flatMap((op) => ["32", "64"].map((w) => `(i${w}.${op} x y) => (i${w}.${op} y x)`))
        .sort((a, b) => Number(a.includes("i64")) - Number(b.includes("i64"))),
    );
  });

  test("rules go on over indented lines; comments and imports stand between", () => {
    const file = parseRules(
      "t",
      `import { f } from "./f.ts";\n\n;; x - x\n(i32.sub x ;; here too\n  x)\n  => (i32.const 0)\n(i32.eqz x) => x\n`,
    );
    expect(file.imports).toEqual([`import { f } from "./f.ts";`]);
    expect(file.rules.map((r) => r.at)).toEqual(["t:4", "t:7"]);
  });

  test("errors say where", () => {
    const at = (text: string) => {
      try {
        simplify(text);
        return "";
      } catch (e) {
        expect(e).toBeInstanceOf(RuleError);
        return (e as Error).message;
      }
    };
    expect(at("\n(i32.plus x y) => x")).toBe("t.rules:2: no operation is called i32.plus");
    expect(at("(i32.add x\n  (i32.const 0)\n  y) => x")).toMatch(/^t.rules:3: \) expected, not y/);
    expect(at("(i32.add x y) = x")).toMatch(/=> expected/);
    expect(at("(i32.add x y) => (i32.nop x)")).toBe("t.rules:1: no operation is called i32.nop");
    expect(at("(i32.add x y) => (i32.neg x")).toMatch(/ends too early/);
    expect(at("(i32.add x y) => (i32.sub x)")).toBe("t.rules:1: i32.sub takes 2 arguments");
    expect(at("(i32.add f y) => y")).toBe("t.rules:1: f is a reserved name");
    expect(at("(i32.add x {y}) => x")).toMatch(/a pattern expected/);
    expect(at("(i32.add x y) if {x => y")).toMatch(/not closed/);
    expect(at("  x")).toMatch(/t.rules:1: an indented line/);
    expect(at("(call x) => x")).toMatch(/operands that rules cannot name/);
    expect(at("(i32.add (i32.const c) (i64.const c)) => x")).toMatch(/c is both an I64 and an int32/);
  });
});

describe("matching", () => {
  const orders = (text: string) =>
    matches(parseRules("t", text).rules[0], (of, i) => `${of}.${i}`, []).length;

  test("commutative operations match in both orders where that can make a difference", () => {
    expect(orders("(i32.add x y) => x")).toBe(1);
    expect(orders("(i32.add x (i32.const 0)) => x")).toBe(2);
    expect(orders("(i32.add! x (i32.const 0)) => x")).toBe(1);
    expect(orders("(i32.sub x (i32.const 0)) => x")).toBe(1);
    expect(orders("(i32.sub (i32.add x y) x) => y")).toBe(2);
    expect(orders("(i32.and x x) => x")).toBe(1);
    expect(orders("(i32.add (i32.mul a (i32.const c)) (i32.mul b (i32.const c))) => a")).toBe(8);
    expect(orders("(i32.add x y) if {f(x)} => x")).toBe(2);
  });

  test("a name met twice is one value", () => {
    expect(simplify("(i32.sub x x) => (i32.const 0)")).toMatch(/const x = v0;\s+if \(v1 === x\)/);
  });

  test("numbers of 64 bits are compared by both words", () => {
    expect(simplify("(i64.add x (i64.const -2)) => x")).toContain("f.imm[n1] === -2 && f.imm2[n1] === -1");
    expect(simplify("(i64.and x (i64.const 0xffffffff)) => x")).toContain(
      "f.imm[n1] === -1 && f.imm2[n1] === 0",
    );
  });

  test("names that nothing mentions are not made", () => {
    expect(simplify("(i64.mul x (i64.const c)) => x")).not.toContain("new I64");
  });
});

describe("IR to IR", () => {
  test("operands are made before their users; memory operations keep their region", () => {
    const text = simplify("(i64.extend_i32_u (i32.load p o)) => (i64.load32_u p o)");
    expect(text).toContain("w.make(I64_LOAD32_U, TYPE_I64, p, -1, -1, o.lo, o.hi, f.aux[n1])");
    expect(simplify("(i32.mul x (i32.const c)) => let n (i32.const {-c}) (i32.sub n x)")).toMatch(
      /const n = w.make\(I32_CONST, TYPE_I32, -1, -1, -1, -c, 0, 0\);\s+return w.make\(I32_SUB, TYPE_I32, n, x,/,
    );
  });

  test("the output does not depend on anything but the rules", () => {
    const path = join(ROOT, "opt", "simplify.rules");
    const rules = readFileSync(path, "utf8");
    expect(simplify(rules)).toBe(simplify(rules));
  });
});

describe("IR to machine instructions", () => {
  test("operands are checked against the instruction's row", () => {
    expect(() => select("(i32.add x y) => (add33 x y)")).toThrow("no instruction is called add33");
    expect(() => select("(i32.add x y) => (add32 x)")).toThrow("add32 takes 2 arguments, not 1");
    expect(() => select("(i32.add x y) => (add32 x z)")).toThrow("z is not bound");
    expect(() => select("(i32.add x y) => (cmp32 (cmp32 x y) y)")).toThrow("cmp32 has no result");
    expect(() => select("(i32.load _ _) => (mov32_m 5)")).toThrow("the name of a load or store expected");
    expect(() => select("(i32.eqz l:(i32.load _ _)) => (and32_m (mov32_m l) l)")).toThrow(
      "can be done only once",
    );
    expect(() => select("(flags (i32.eqz x)) => (test32 x x)")).toThrow("must end in {condition}");
  });

  test("what may be memory comes last; what is used twice may not be", () => {
    const text = select("(i32.sub x y) => (sub32 x y)\n(i32.and x y) => (or32 (and32 x y) y)");
    expect(text).toMatch(/const r1 = s.low\(x\);\s+const r2 = s.placed\(y, 32, true\);\s+s.put\(X.SUB32/);
    expect(text).toMatch(/s.put\(X.AND32, r1, r2, r3\);\s+const r4 = s.low\(y\);/);
  });

  test("a second result is named after the operands, which may need instructions, are there", () => {
    const text = select("(i32.div_s x y) => let h l (cdq x) let q r (idiv32 l h y) q");
    expect(text).toMatch(/const r1 = s.low\(x\);\s+s.later\(l\);\s+s.put\(X.CDQ, h, r1\);/);
  });

  test("loads in a pattern must be foldable, all the way up to the root", () => {
    const text = select("(i32.eqz (i32.add x l:(i32.load _ _))) => (add32_m x l)");
    expect(text).toContain("f.op[l] === I32_LOAD && s.foldable(l) && s.once(n1)");
    expect(text).toContain("s.fold(l);");
  });

  test("every operation of the IR has a rule, but for those that TypeScript handles", () => {
    const path = join(ROOT, "isa", "x64", "lower.rules");
    const missing = uncovered(parseRules("lower.rules", readFileSync(path, "utf8"), ["flags"]));
    const byHand = new Set(
      (
        "nop copy param bounds_check i32.const i64.const f32.const f64.const ptr.const ref.null symbol slot sp return_address caller_sp " +
        "call call_ptr invoke invoke_ptr return_call return_call_ptr return"
      ).split(" "),
    );
    const scalar = (name: string) => {
      const row = OPS.find((r) => r.name === name);
      return row !== undefined && row.result !== 5 && !row.operands.includes(5);
    };
    expect(missing.filter((name) => scalar(name) && !byHand.has(name))).toEqual([]);
  });
});
