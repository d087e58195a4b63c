// Writes everything that is derived from tables and rules into gen/, which is not committed.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const HERE = import.meta.dirname;
const OUT = join(HERE, "..", "gen");

/** `i32.add` → `I32_ADD`, `@name` → `AT_NAME`. */
function constantName(name: string): string {
  return name
    .replace("@", "at_")
    .replace(/[^A-Za-z0-9]/g, "_")
    .toUpperCase();
}

function constants(source: string, names: readonly string[], first = 0): string {
  const rows = names.map((name, k) => `export const ${constantName(name)} = ${first + k};`);
  return `// Written by tools/gen.ts from ${source}.\n\n${rows.join("\n")}\n`;
}

mkdirSync(OUT, { recursive: true });
const { OPS, opNamed } = await import("../ir/ops.ts");
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
const { walkSource } = await import("./walk-rules.ts");
writeFileSync(join(OUT, "walk.ts"), walkSource(INSTRUCTIONS, opNamed));
const { PSEUDO } = await import("../mach/pseudo.ts");
writeFileSync(
  join(OUT, "pseudo-ops.ts"),
  constants(
    "mach/pseudo.ts",
    PSEUDO.map((row) => row.name),
  ),
);
/** A machine is a folder with the tables insts.ts and table.ts, and rules. */
const machines = readdirSync(join(HERE, "..", "isa")).sort();
for (const machine of machines) {
  const { ROWS } = await import(`../isa/${machine}/insts.ts`);
  const names = ROWS.map((row: { readonly name: string }) => row.name);
  writeFileSync(join(OUT, `${machine}-ops.ts`), constants(`isa/${machine}/insts.ts`, names));
}

const { parseRules } = await import("./rules.ts");
const { simplifySource } = await import("./simplify-rules.ts");
const simplifyRules = join(HERE, "..", "opt", "simplify.rules");
if (existsSync(simplifyRules)) {
  const rules = parseRules("opt/simplify.rules", readFileSync(simplifyRules, "utf8"));
  writeFileSync(join(OUT, "simplify.ts"), simplifySource(rules));
}
const { selectSource } = await import("./select-rules.ts");
for (const machine of machines) {
  const { shapeOf } = await import(`../isa/${machine}/table.ts`);
  const path = `isa/${machine}/lower.rules`;
  const rules = parseRules(path, readFileSync(join(HERE, "..", path), "utf8"), ["flags"]);
  writeFileSync(join(OUT, `${machine}-lower.ts`), selectSource(rules, shapeOf, `${machine}-ops.ts`));
}
const { WORDS } = await import("../wat/words.ts");
writeFileSync(join(OUT, "wat-words.ts"), constants("wat/words.ts", WORDS, INSTRUCTIONS.length));
