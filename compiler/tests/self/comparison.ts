// The translated compiler against the one that Node runs: images, texts, binaries, diagnostics of the same modules.

import { assemble, Compiled, compile, disassemble, readScript, validate } from "../../driver.ts";
import { DEFAULTS } from "../../options.ts";
import type { Sample } from "../../tools/corpus.ts";
import { WASM_3_0 } from "../../wasm/features.ts";
import type { TranslatedCompiler } from "./compiler.ts";

/** Numbers that are the same each time. */
let state = 12345;

export function random(below: number): number {
  state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
  return (state >>> 8) % below;
}

const SPECIAL: readonly (readonly number[])[] = [
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0x1f],
  [0x80, 0x80, 0x80, 0x80, 0x08],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
];
const WORDS: readonly string[] = [
  ...["(", ")", "(;", ";)", ";;", '"', "\\", "$", "(@", "0x", "-", "nan:0x", "4294967296", "1e999999999"],
  ...[
    "0x1p-99999",
    "18446744073709551616",
    "(module",
    "(func",
    "(param i32)",
    "(type 4294967295)",
    "(memory 65537)",
  ],
  ...[
    "(table 4294967295 funcref)",
    "\u00ff",
    "(rec",
    "(sub",
    "local.get 4294967295",
    "block",
    "end",
    "2147483648",
  ],
  ...["-2147483649", "0x80000000", "offset=4294967295", "align=2147483648"],
];

/** The bytes of a module with something in it changed, inserted or cut off. */
export function changed(bytes: Uint8Array): Uint8Array {
  const isText = bytes[0] !== 0;
  const inserted = isText ? [...Buffer.from(WORDS[random(WORDS.length)])] : SPECIAL[random(SPECIAL.length)];
  const at = random(bytes.length);
  const rest = [...bytes.subarray(at + (random(3) === 0 ? random(8) : 0))];
  const begin = [...bytes.subarray(0, at)];
  switch (random(5)) {
    case 0:
      return Uint8Array.from(begin);
    case 1:
      return Uint8Array.from([...begin, random(256), ...rest.slice(1)]);
    case 2:
      return Uint8Array.from([...begin, (rest[0] ?? 0) ^ (1 << random(8)), ...rest.slice(1)]);
    case 3:
      return Uint8Array.from([...begin, ...inserted, ...rest]);
    default:
      return Uint8Array.from([...begin, ...inserted, ...rest.slice(inserted.length)]);
  }
}

function describe({ bytes, diagnostic: d }: Compiled): string {
  if (d === null) return `${bytes.length} bytes`;
  return JSON.stringify([d.kind, d.message, d.detail.slice(0, 300), d.at, d.line, d.column, d.function]);
}

export class Comparison {
  private readonly translated: TranslatedCompiler;
  modules: number;
  /** What was the same: results, diagnostics. */
  results: number;
  diagnostics: number;
  /** What was not, as "where: Node's / the translated one's". */
  readonly differences: string[];

  constructor(translated: TranslatedCompiler) {
    this.translated = translated;
    this.modules = 0;
    this.results = 0;
    this.diagnostics = 0;
    this.differences = [];
  }

  private compare(name: string, a: Compiled, b: Compiled): void {
    const [x, y] = [describe(a), describe(b)];
    if (x !== y || Buffer.compare(a.bytes, b.bytes) !== 0) this.differences.push(`${name}: ${x} / ${y}`);
    else if (a.diagnostic === null) this.results++;
    else this.diagnostics++;
  }

  /** Everything that can be made of a module. */
  all({ name, bytes }: Sample): void {
    const { translated } = this;
    const cpu = this.modules++ & 31;
    const optimised = { ...DEFAULTS, leaf: "m", cpu };
    const quick = {
      ...DEFAULTS,
      leaf: "m",
      level: 0,
      checked: true,
      wrap: true,
      interrupts: false,
      verified: true,
    };
    for (const options of [optimised, quick]) {
      this.compare(
        `${name} level ${options.level}`,
        compile(bytes, options),
        translated.compile(bytes, options),
      );
    }
    const text = translated.run("disassemble", bytes, WASM_3_0);
    this.compare(`${name} text`, disassemble(bytes, WASM_3_0), text);
    if (bytes[0] === 0) return;
    this.compare(`${name} binary`, assemble(bytes, WASM_3_0), translated.run("assemble", bytes, WASM_3_0));
  }

  /** What is read of a script, and the binaries of its modules. */
  script(name: string, text: Uint8Array): void {
    const wanted = readScript(text, WASM_3_0);
    const [commands, payload] = this.translated.script(text, WASM_3_0);
    this.compare(`${name} commands`, new Compiled(wanted.take(), null), new Compiled(commands, null));
    this.compare(`${name} modules`, new Compiled(wanted.takePayload(), null), new Compiled(payload, null));
  }

  /** Whether a module is valid, and its image. */
  briefly({ name, bytes }: Sample): void {
    const options = { ...DEFAULTS, leaf: "m" };
    this.modules++;
    this.compare(name, compile(bytes, options), this.translated.compile(bytes, options));
    this.compare(
      `${name} valid`,
      validate(bytes, WASM_3_0),
      this.translated.run("validate", bytes, WASM_3_0),
    );
  }
}
