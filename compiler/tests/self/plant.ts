// node tests/self/plant.ts: proves that the programs find bugs of the translator and its run time. Each bug is planted
// in a copy of the compiler, where the programs must then fail.

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: pieces of source text

import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..", "..");

/** What the bug is, its file, what stands there, and what is planted. */
const BUGS: readonly (readonly [string, string, string, string])[] = [
  [
    "u32 compares as signed",
    "tools/self/expressions.ts",
    "isEquality ? name : `${name}_u`",
    "isEquality ? name : `${name}_s`",
  ],
  [
    "u32 widens as signed",
    "tools/self/values.ts",
    "`(i64.extend_i32_u ${text})`",
    "`(i64.extend_i32_s ${text})`",
  ],
  [
    "u32 becomes a float as signed",
    "tools/self/values.ts",
    "`(f64.convert_i32_u ${text})`",
    "`(f64.convert_i32_s ${text})`",
  ],
  [
    "a sum in a comparison wraps",
    "tools/self/expressions.ts",
    "this.numbers.kind(n) === want && !this.numbers.isSum(n)",
    "this.numbers.kind(n) === want",
  ],
  [
    "a long product is truncated exactly",
    "tools/self/expressions.ts",
    '(bits > EXACT_BITS && (want === "bits" || want === undefined))',
    "false",
  ],
  [
    "`>>>` by a variable is an int32",
    "tools/self/numbers.ts",
    '(count & 31) !== 0 ? "i32" : "u32"',
    '(count & 31) !== 0 ? "i32" : "i32"',
  ],
  [
    "`>>` shifts in zeros",
    "tools/self/expressions.ts",
    '[K.GreaterThanGreaterThanToken, "shr_s"]',
    '[K.GreaterThanGreaterThanToken, "shr_u"]',
  ],
  [
    "truncation saturates",
    "self/prelude.ts",
    "(return (i32.wrap_i64 (i64.trunc_sat_f64_s (local.get $x))))",
    "(return (i32.trunc_sat_f64_s (local.get $x)))",
  ],
  [
    "infinity is not truncated to 0",
    "self/prelude.ts",
    "(f64.const 0x1p-32))) (f64.const 0x1p32)",
    "(f64.const 0x1p-32))) (f64.const 0x1p33)",
  ],
  [
    "a remainder has the divisor's sign",
    "tools/self/expressions.ts",
    "`(i32.rem_s ${this.as(left",
    "`(i32.rem_u ${this.as(left",
  ],
  [
    "Math.min takes the larger",
    "self/prelude.ts",
    "(select (local.get 0) (local.get 1) (i32.lt_s",
    "(select (local.get 1) (local.get 0) (i32.lt_s",
  ],
  ["-0 is lost", "tools/self/values.ts", 'Object.is(x, -0) ? "-0" : x', "x + 0"],
  [
    "`i++` yields the new value",
    "tools/self/assignments.ts",
    "`${set(t, place.read().text)} ${place.write(next(get(t)))}`",
    "`${set(t, next(place.read().text))} ${place.write(get(t))}`",
  ],
  [
    "a captured variable is taken by value",
    "tools/self/captures.ts",
    "(this.shared.has(declaration) && this.assigned.has(declaration))",
    "false",
  ],
  [
    "turns of a loop share a variable",
    "tools/self/statements.ts",
    'if (variable === undefined || !variable.isBoxed) return "";',
    'if (variable !== undefined) return ""; if (variable === undefined) return "";',
  ],
  [
    "`this` is not captured",
    "tools/self/calls.ts",
    "if (self) parts.push(`(i32.store offset=4 ${get(t)} (local.get $this))`);",
    "",
  ],
  [
    "a default is zero",
    "tools/self/calls.ts",
    "return this.as(initializer, want);",
    'return want === "i32" ? i32(0) : this.as(initializer, want);',
  ],
  [
    "rest parameters lose the first",
    "tools/self/calls.ts",
    "this.arrayOf(given.slice(i)).text",
    "this.arrayOf(given.slice(i + 1)).text",
  ],
  ["short functions share `this` with their callers", "tools/self/calls.ts", "    this.self = outer;\n", ""],
  [
    "short functions see parameters of one another",
    "tools/self/calls.ts",
    "parts.push(set(variables[i].name, text));",
    "parts.push(set(variables[0].name, text));",
  ],
  [
    "short functions reuse what expressions still need",
    "tools/self/frame.ts",
    "if (this.open.length > 0) return body();",
    "for (const [rep, name] of this.taken) this.free.set(rep, [...(this.free.get(rep) ?? []), name]);",
  ],
  [
    "where elements are is not looked up again in an array that is another",
    "tools/self/frame.ts",
    "captures.isAssigned(declaration) || ",
    "",
  ],
  [
    "a product and a sum are no float",
    "tools/self/expressions.ts",
    "if (bits <= 62) return true;",
    "return true;",
  ],
  [
    "arguments change places",
    "tools/self/calls.ts",
    'const text = `(call ${name} ${object} ${this.argumentsFor(fn, given, node).join(" ")})`;',
    'const text = `(call ${name} ${object} ${this.argumentsFor(fn, given, node).reverse().join(" ")})`;',
  ],
  [
    "a compound assignment reads late",
    "tools/self/expressions.ts",
    '`(i64.${name} ${a("wide")} ${b("wide")})`',
    '`(i64.${name} ${b("wide")} ${a("wide")})`',
  ],
  [
    "dispatch takes the first class",
    "tools/self/classes.ts",
    "(i32.const ${this.layout(c).number})",
    "(i32.load (local.get 0))",
  ],
  ["fields of a base class are overwritten", "tools/self/classes.ts", "size = before;", "size = 4;"],
  [
    "`switch` falls into the next case",
    "tools/self/statements.ts",
    "`(br ${this.targets.at(-1)!.breaks})`",
    '""',
  ],
  [
    "`continue` skips the step",
    "tools/self/statements.ts",
    "this.targets.push(new Target(breaks, continues));",
    "this.targets.push(new Target(breaks, breaks));",
  ],
  [
    "a case of the table is off by one",
    "tools/self/statements.ts",
    "targets[x - least] = label",
    "targets[Math.max(0, x - least - 1)] = label",
  ],
  [
    "`for … of` reads the length once",
    "tools/self/statements.ts",
    "(i32.load offset=4 ${get(array)})))`;",
    "(i32.const 1)))`;",
  ],
  ["sort is not stable", "self/arrays.ts", "f(from[i], from[j]) <= 0", "f(from[i], from[j]) < 0"],
  [
    "slice ignores negative ends",
    "self/arrays.ts",
    "return i < 0 ? Math.max(0, length + i) : Math.min(i, length);",
    "return i < 0 ? 0 : Math.min(i, length);",
  ],
  [
    "a map keeps the place of a deleted key",
    "self/tables.ts",
    "this.dead[row] = 1;\n    this.size--;",
    "this.size--;",
  ],
  [
    "a map forgets rows when it grows",
    "self/tables.ts",
    "if (dead[i] === 0) this.set(keys[i], values[i]);\n  }\n\n  remove",
    "if (dead[i] === 0 && i > 0) this.set(keys[i], values[i]);\n  }\n\n  remove",
  ],
  [
    "text maps compare addresses",
    "self/tables.ts",
    "this.isText ? sameText(asText(this.keys[row]), asText(key)) :",
    "",
  ],
  ["surrogates are two characters", "self/texts.ts", "point(text, i) > 0xffff ? 2 : 1", "1"],
  [
    "lastIndexOf finds the first",
    "self/texts.ts",
    "for (let i = lengthOf(text) - lengthOf(wanted); i >= 0; i--) if (stands(text, wanted, i)) return i;",
    "for (let i = 0; i + lengthOf(wanted) <= lengthOf(text); i++) if (stands(text, wanted, i)) return i;",
  ],
  [
    "subarray copies",
    "self/arrays.ts",
    "store32(made, load32(a) + start * size);",
    "store32(made, load32(sliceTyped(a, from, to, size)));",
  ],
  [
    "copyWithin moves too much",
    "self/arrays.ts",
    "Math.min(clamp(end, n) - start, n - target)",
    "n - target",
  ],
  [
    "digits are reversed",
    "self/numerals.ts",
    "for (let i = 0, j = digits.length - 1; i < j; i++, j--)",
    "for (let i = 0, j = 0; i < j; i++, j--)",
  ],
  ["hexadecimal has capital letters", "self/numerals.ts", "87 + x", "55 + x"],
  [
    "bytes are read with a sign",
    "tools/self/expressions.ts",
    'Uint8Array: [1, "i32.load8_u"',
    'Uint8Array: [1, "i32.load8_s"',
  ],
  [
    "modules are loaded in the wrong order",
    "tools/self/module.ts",
    "${inits.map((name)",
    "${inits.reverse().map((name)",
  ],
  [
    "concatenation drops the end",
    "self/prelude.ts",
    "(local.get $b) (i32.const 4)) (local.get $m))",
    "(local.get $b) (i32.const 4)) (i32.const 0))",
  ],
];

const copy = mkdtempSync(join(tmpdir(), "planted-"));
cpSync(ROOT, copy, {
  recursive: true,
  filter: (path) => !path.includes("node_modules") && !path.includes("golden"),
});
symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));

/** Whether the programs differ, with the reason; "" where they do not. */
function fault(): string {
  const { status, stderr } = spawnSync(process.execPath, ["tests/self/run.ts"], {
    cwd: copy,
    encoding: "utf8",
    timeout: 120000,
  });
  if (status === 0) return "";
  return (/^(?:\w*Error|Refusal).*: .*$/m.exec(stderr)?.[0] ?? "ended").slice(0, 100);
}

const sound = fault();
if (sound !== "") throw new Error(`without bugs: ${sound}`);
let missed = 0;
for (const [what, file, before, after] of BUGS) {
  const path = join(copy, file);
  const text = readFileSync(path, "utf8");
  if (!text.includes(before)) throw new Error(`${what}: ${file} has changed`);
  writeFileSync(
    path,
    text.replace(before, () => after),
  );
  const found = fault();
  writeFileSync(path, text);
  if (found === "") missed++;
  console.log(`${found === "" ? "MISSED" : "found "} ${what}: ${found}`);
}
rmSync(copy, { recursive: true });
console.log(`${BUGS.length - missed} of ${BUGS.length} bugs found`);
if (missed > 0) process.exit(1);
