// Writes everything that is derived from tables and rules into gen/, which is not committed.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const HERE = import.meta.dirname;
const OUT = join(HERE, "..", "gen");

/** `i32.add` → `I32_ADD`. */
function constantName(name: string): string {
  return name.replace(/[^A-Za-z0-9]/g, "_").toUpperCase();
}

function constants(source: string, names: readonly string[]): string {
  const rows = names.map((name, code) => `export const ${constantName(name)} = ${code};`);
  return `// Written by tools/gen.ts from ${source}.\n\n${rows.join("\n")}\n`;
}

mkdirSync(OUT, { recursive: true });
const { OPS } = await import("../ir/ops.ts");
writeFileSync(
  join(OUT, "ir-ops.ts"),
  constants(
    "ir/ops.ts",
    OPS.map((row) => row.name),
  ),
);
const { INSTRUCTIONS } = await import("../wasm/instructions.ts");
writeFileSync(
  join(OUT, "wasm-ops.ts"),
  constants(
    "wasm/instructions.ts",
    INSTRUCTIONS.map((row) => row.name),
  ),
);
const { ROWS } = await import("../isa/x64/insts.ts");
writeFileSync(
  join(OUT, "x64-ops.ts"),
  constants(
    "isa/x64/insts.ts",
    ROWS.map((row) => row.name),
  ),
);
