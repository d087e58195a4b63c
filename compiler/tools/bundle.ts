// Makes the compiler one file: node tools/bundle.ts OUT writes OUT/main.cjs.

import { join } from "node:path";
import { build } from "esbuild";

const out = process.argv[2];
if (out === undefined) throw new Error("usage: node tools/bundle.ts OUT");
await build({
  entryPoints: [join(import.meta.dirname, "..", "main.ts")],
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node22",
  minifySyntax: true,
  outfile: join(out, "main.cjs"),
});
