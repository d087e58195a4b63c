// All golden files: modules (goldenwat.ts says what stands in them) and IR before and after passes (optpasses.ts); and
// that every instruction and every pass has a case. UPDATE=1 writes what comes out; the diff is to be read as code.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { UNSUPPORTED } from "../base/errors.ts";
import { compile, DEFAULTS } from "../driver.ts";
import { PASSES } from "../opt/passes.ts";
import * as imm from "../wasm/imm.ts";
import { INSTRUCTIONS, type Instruction } from "../wasm/instructions.ts";
import { GoldenModule } from "./goldenwat.ts";
import { readCases, runPasses, writeCases } from "./optpasses.ts";

const GOLDEN = join(import.meta.dirname, "golden");
const FILES = ["instructions", "patterns", "found"].flatMap((folder) =>
  readdirSync(join(GOLDEN, folder)).map((file) => join(folder, file)),
);

function read(file: string): GoldenModule {
  return new GoldenModule(readFileSync(join(GOLDEN, file), "utf8"));
}

describe.each(FILES)("%s", (file) => {
  test("is what comes out", () => {
    const path = join(GOLDEN, file);
    const text = readFileSync(path, "utf8");
    const rewritten = new GoldenModule(text).rewritten();
    if (process.env.UPDATE === "1") writeFileSync(path, rewritten);
    else expect(rewritten).toBe(text);
  });

  test("calls all its functions", () => expect(read(file).uncalled()).toEqual([]));
});

const IR = readdirSync(join(GOLDEN, "passes"));

describe.each(IR)("passes/%s", (file) => {
  if (process.env.UPDATE === "1") writeCases(file, readCases(file));
  for (const { name, passes, input, expected } of readCases(file)) {
    test(name, () => expect(runPasses(input, passes)).toBe(expected));
  }
});

test("every pass has a golden case", () => {
  const covered = new Set(IR.flatMap((file) => readCases(file).flatMap((c) => c.passes)));
  for (const row of PASSES) expect(covered).toContain(row.name.split(" ")[0]);
});

test("every instruction that is lowered has a golden case", () => {
  const covered = new Set(FILES.flatMap((file) => [...read(file).covered()]));
  const lowered = INSTRUCTIONS.filter(({ lowering }) => lowering !== "?");
  expect(lowered.map(({ name }) => name).filter((name) => !covered.has(name))).toEqual([]);
});

// Until they are lowered, their golden case is that they are named.

const MISSING = INSTRUCTIONS.filter(({ lowering }) => lowering === "?");

/** What the modules below declare. */
const DECLARATIONS = `
  (type $s (struct (field (mut i32))))
  (type $packed (struct (field (mut i8))))
  (type $a (array (mut i32)))
  (type $bytes (array (mut i8)))
  (type $references (array (mut funcref)))
  (tag $t)
  (memory 1)
  (data $d "")
  (elem $e funcref)`;

function typeFor(name: string): string {
  const isPacked = name.endsWith("_s") || name.endsWith("_u");
  if (name.startsWith("struct")) return isPacked ? "$packed" : "$s";
  return name.endsWith("_elem") ? "$references" : isPacked ? "$bytes" : "$a";
}

function immediate(kind: number, { name }: Instruction): string {
  switch (kind) {
    case imm.TYPE:
      return typeFor(name);
    case imm.DATA:
      return "$d";
    case imm.ELEM:
      return "$e";
    case imm.TAG:
      return "$t";
    case imm.COUNT:
      return "1";
    case imm.LANE:
    case imm.FIELD:
    case imm.LABEL:
      return "0";
    case imm.SHUFFLE:
      return "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15";
    case imm.V128:
      return "i32x4 0 0 0 0";
    case imm.HEAPTYPE:
      return name.endsWith("null") ? "(ref null $s)" : name.startsWith("br_on") ? "anyref" : "(ref $s)";
    case imm.CATCHES:
      return "(catch_all 0) end";
    default:
      return "";
  }
}

/** A module whose only instruction is this one; behind `unreachable` it finds any operands it wants. */
function moduleWith(row: Instruction): string {
  const immediates = [...row.kinds].map((kind) => immediate(kind, row)).join(" ");
  const code = `unreachable ${row.keyword} ${immediates} unreachable`;
  const isBranch = row.name.startsWith("br_on");
  return `(module ${DECLARATIONS} (func ${isBranch ? `block (result anyref) ${code} end drop` : code}))`;
}

test.each(MISSING.map((row) => [row.name, moduleWith(row)]))("%s is not supported yet", (name, text) => {
  const { diagnostic } = compile(Buffer.from(text), { ...DEFAULTS, verified: true });
  expect(diagnostic).toMatchObject({
    kind: UNSUPPORTED,
    message: "instruction not supported yet",
    detail: name,
  });
});
