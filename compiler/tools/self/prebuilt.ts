// The library of what is the same in every image (shared.ts), as source text for the translation: its words are units
// of a text, two for each.

import { DEFAULTS } from "../../options.ts";
import { commonTypes, compileShared } from "../../shared.ts";

function units(words: Int32Array): string {
  const parts: string[] = [];
  for (const word of words) {
    for (const unit of [word & 0xffff, word >>> 16]) parts.push(`\\u${unit.toString(16).padStart(4, "0")}`);
  }
  return parts.join("");
}

/** What stands in for prebuilt.ts. */
export function prebuiltSource(): string {
  const { names, words } = compileShared(DEFAULTS.target, commonTypes());
  return `import { Library, Packed } from "./mach/library.ts";
const NAMES: string = ${JSON.stringify(names.join("\n"))};
const WORDS: string = "${units(words)}";
function words(): Int32Array<ArrayBuffer> {
  const made = new Int32Array(WORDS.length >> 1);
  for (let i = 0; i < made.length; i++) made[i] = WORDS.charCodeAt(2 * i) | (WORDS.charCodeAt(2 * i + 1) << 16);
  return made;
}
const LIBRARY: Library = new Library(new Packed(NAMES.split("\\n"), words()));
export function prebuilt(_target: string): Library {
  return LIBRARY;
}
`;
}
