// Targets by name, and who may know machines.

import { expect, test } from "vitest";
import { compile, DEFAULTS } from "../driver.ts";
import { cpuFeatures, targetNamed, X86_64_LINUX } from "../targets.ts";
import { misplacedImport } from "../tools/structure.ts";

const EMPTY = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

test("a target is a name among the options, which are data", () => {
  const options = structuredClone({ ...DEFAULTS, target: X86_64_LINUX });
  expect(compile(EMPTY, options).diagnostic).toBe(null);
});

test("what is no target is a diagnostic that names those there are", () => {
  const { diagnostic } = compile(EMPTY, { ...DEFAULTS, target: "m68k-amiga" });
  expect(diagnostic?.message).toBe("no such target");
  expect(diagnostic?.detail).toBe("m68k-amiga; there are x86_64-linux");
});

test("features by name are bits that the target has", () => {
  const { features } = targetNamed(X86_64_LINUX);
  const all = features.reduce((bits, f) => bits | f.bit, 0);
  expect(
    cpuFeatures(
      X86_64_LINUX,
      features.map((f) => f.name),
    ),
  ).toBe(all);
  expect(cpuFeatures(X86_64_LINUX, ["", "neon"])).toBe(0);
});

test("machines are known to targets.ts, and each to itself, alone", () => {
  for (const path of ["backend.ts", "python/cpu.ts", "obj/elf.ts", "isa/a64/target.ts"]) {
    const up = path.replace(/[^/]+/g, "..").slice(3);
    const from = up === "" ? "./" : `${up}/`;
    expect(misplacedImport(path, `${from}isa/x64/regs.ts`), path).toContain("only targets.ts knows machines");
    expect(misplacedImport(path, `${from}gen/x64-ops.ts`), path).toContain("only targets.ts knows machines");
  }
  expect(misplacedImport("mach/emit.ts", "../isa/x64/regs.ts")).toContain("not to the left of mach/");
  expect(misplacedImport("isa/x64/lower.ts", "../../gen/x64-ops.ts")).toBe("");
  expect(misplacedImport("gen/x64-lower.ts", "../isa/x64/lower.ts")).toBe("");
  expect(misplacedImport("targets.ts", "./isa/x64/target.ts")).toBe("");
});
