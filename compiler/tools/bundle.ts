// Makes the compiler one file: node tools/bundle.ts OUT writes OUT/main.cjs. What is the same in every image is
// compiled here, and stands in it as a constant.

import { join } from "node:path";
import { build, type Plugin } from "esbuild";
import { DEFAULTS } from "../options.ts";
import { commonTypes, compileShared } from "../shared.ts";

const out = process.argv[2];
if (out === undefined) throw new Error("usage: node tools/bundle.ts OUT");

function prebuiltSource(): string {
  const { names, words } = compileShared(DEFAULTS.target, commonTypes());
  const bytes = Buffer.from(words.buffer, words.byteOffset, words.byteLength);
  return `import { Library, Packed } from "./mach/library.ts";
const NAMES = ${JSON.stringify(names)};
const WORDS = "${bytes.toString("base64")}";
export function prebuilt() {
  const bytes = new Uint8Array(Buffer.from(WORDS, "base64"));
  return new Library(new Packed(NAMES, new Int32Array(bytes.buffer)));
}
`;
}

const prebuilt: Plugin = {
  name: "prebuilt",
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]prebuilt\.ts$/ }, () => ({ contents: prebuiltSource(), loader: "js" }));
  },
};

await build({
  entryPoints: [join(import.meta.dirname, "..", "main.ts")],
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node22",
  minifySyntax: true,
  minifyWhitespace: true,
  lineLimit: 120,
  plugins: [prebuilt],
  outfile: join(out, "main.cjs"),
});
