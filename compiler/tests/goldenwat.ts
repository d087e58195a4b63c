// Golden files in the text format: a module whose functions are each followed by what is known of them.
//
//   ;;! show = asm, asm checked           what to show of every function that has no block yet: the first stage,
//                                         and those of the others that differ
//   (module
//     (func (export "f") (param i32) (result i32)
//       (i32.clz (local.get 0)))
//     ;;run f(1) = 31                     calls, in the order of the file, on one instance
//     ;;run f(2) = ?                      UPDATE=1 writes what V8 makes of it
//     ;;has asm lzcnt: \blzcnt\b          a line of the stage fits
//     ;;lacks asm checked: jb             no line does
//     ;;= asm lzcnt                       a stage, which UPDATE=1 writes
//     ;;   lzcnt eax, edi
//     ;;   ret
//
// A stage is ir (as built), opt (optimised), code or asm, and words behind it: `checked` for bounds-checked
// memories, `quick` for no optimisation, names of CPU features beyond x86-64-v2. Each function begins a line of its
// own. What calls give is V8's answer; tests/test_golden.py makes the same calls in CPython.

import { Listing, SHOW_ASM, SHOW_CODE, SHOW_IR, SHOW_OPT } from "../backend.ts";
import { DEFAULTS, Job } from "../driver.ts";
import { type Exports, engine } from "../fuzz/engine.ts";
import { X86_64_V2 } from "../isa/x64/features.ts";
import { cpuFeatures } from "../targets.ts";
import { decode } from "../wasm/decode.ts";
import { WASM_3_0 } from "../wasm/features.ts";
import { INSTRUCTIONS } from "../wasm/instructions.ts";
import { EXT_FUNC, type Func, type Module } from "../wasm/module.ts";
import { Reader } from "../wasm/reader.ts";
import { readOpcode, skipImmediates } from "../wasm/scan.ts";
import { readValType } from "../wasm/typereader.ts";
import * as t from "../wasm/types.ts";
import { parseModule } from "../wat/parse.ts";

const STAGES: ReadonlyMap<string, number> = new Map([
  ["ir", SHOW_IR],
  ["opt", SHOW_OPT],
  ["code", SHOW_CODE],
  ["asm", SHOW_ASM],
]);

/** How V8's messages begin, and what each may stand for in the words of the specification. */
const TRAPS: readonly (readonly [string, readonly string[]])[] = [
  ["unreachable", ["unreachable"]],
  ["divide by zero", ["integer divide by zero"]],
  ["remainder by zero", ["integer divide by zero"]],
  ["divide result unrepresentable", ["integer overflow"]],
  ["float unrepresentable in integer range", ["integer overflow", "invalid conversion to integer"]],
  ["memory access out of bounds", ["out of bounds memory access"]],
  ["data segment out of bounds", ["out of bounds memory access"]],
  ["table index is out of bounds", ["undefined element", "out of bounds table access"]],
  ["table access out of bounds", ["out of bounds table access"]],
  ["table or segment index out of bounds", ["out of bounds table access"]],
  ["element segment out of bounds", ["out of bounds table access"]],
  ["null function or function signature mismatch", ["indirect call type mismatch", "uninitialized element"]],
  ["dereferencing a null pointer", ["null reference", "null function reference"]],
];

/** What modules may import, as tests/test_golden.py has it too. */
const HOST = { host: { add: (a: number, b: number): number => (a + b) | 0, same: (x: unknown) => x } };

const FUNCTION = /^(\s*)\(func\b(?!.*\(import\b)/;
const BLOCK = /^\s*;;= (.+)$/;
const BODY = /^\s*;;( |$)/;
const RUN = /^(\s*);;run ([^(]+)\((.*)\) =(?: (.*))?$/;
const PATTERN = /^\s*;;(has|lacks) ([^:]+): (.*)$/;

/** A function of the file: from its line up to the next one's. */
export interface Section {
  readonly from: number;
  readonly to: number;
  /** Number of lines of the function itself. */
  readonly size: number;
}

export class GoldenModule {
  private readonly lines: readonly string[];
  private readonly sections: readonly Section[];
  private readonly module: Module;
  private readonly binary: Uint8Array;
  /** Stage with its words → texts of all functions. */
  private readonly listings: Map<string, string[]>;

  constructor(text: string) {
    this.lines = text.split("\n");
    this.sections = sections(this.lines);
    this.binary = parseModule(Buffer.from(text), WASM_3_0).bytes;
    this.module = decode(this.binary, WASM_3_0);
    this.listings = new Map();
    const count = this.own().length;
    if (count !== this.sections.length)
      throw new Error(`${count} functions, of which ${this.sections.length} begin a line`);
  }

  private own(): Func[] {
    return this.module.funcs.filter(({ imported }) => !imported);
  }

  /** The file as it should be. Throws where that does not depend on blocks: calls, patterns. */
  rewritten(): string {
    const { lines } = this;
    const runs = this.run();
    const shown = lines.flatMap((line) => /^;;! show = (.*)$/.exec(line)?.[1].split(", ") ?? []);
    const out = lines.slice(0, this.sections[0]?.from ?? lines.length);
    for (const [k, { from, to, size }] of this.sections.entries()) {
      const indent = FUNCTION.exec(lines[from])![1];
      const block = (stage: string) => [
        `${indent};;= ${stage}`,
        ...this.stage(stage, k).map((line) => `${indent};; ${line}`.trimEnd()),
      ];
      let isShown = false;
      // behind the function, its calls and patterns, where it has no blocks yet
      let end = out.length + size;
      for (let i = from; i < to; i++) {
        const stage = BLOCK.exec(lines[i])?.[1];
        if (stage === undefined) {
          out.push(runs.get(i) ?? lines[i]);
          if (RUN.test(lines[i]) || PATTERN.test(lines[i])) end = out.length;
          this.match(lines[i], k);
          continue;
        }
        isShown = true;
        out.push(...block(stage));
        while (i + 1 < to && BODY.test(lines[i + 1])) i++;
      }
      if (!isShown) {
        // a variant that makes no difference says nothing
        const [first, ...rest] = shown.map(block);
        const more = rest.filter((lines) => lines.slice(1).join() !== first.slice(1).join());
        if (first !== undefined) out.splice(end, 0, ...first, ...more.flat());
      }
    }
    return out.join("\n");
  }

  /** The text of a stage of function `k`. */
  private stage(words: string, k: number): readonly string[] {
    let texts = this.listings.get(words);
    if (texts === undefined) {
      texts = this.list(words.split(" "));
      this.listings.set(words, texts);
    }
    // the places of instructions in the binary would change with every change of the file
    const lines = texts[k]
      .replaceAll(/ +@\d+$/gm, "")
      .trimEnd()
      .split("\n");
    // the name is just above
    return lines[0].endsWith(":") ? lines.slice(1) : lines;
  }

  private list([stage, ...words]: string[]): string[] {
    const number = STAGES.get(stage);
    const known = ["checked", "quick", "sse2", "lzcnt", "bmi1", "bmi2"];
    const unknown = words.find((word) => !known.includes(word));
    if (number === undefined || unknown !== undefined) throw new Error(`no stage ${stage} ${unknown ?? ""}`);
    const listing = new Listing(number, "");
    const level = words.includes("quick") ? 0 : 2;
    const options = {
      ...DEFAULTS,
      level,
      checked: words.includes("checked"),
      cpu: cpuFeatures(DEFAULTS.target, words) | (words.includes("sse2") ? 0 : X86_64_V2),
      verified: true,
      nogil: words.includes("nogil"),
    };
    const job = new Job(this.binary, options, listing);
    job.begin();
    const { diagnostic } = job.run();
    if (diagnostic !== null) throw new Error(`${diagnostic.message}: ${diagnostic.detail}`);
    return listing.texts;
  }

  private match(line: string, k: number): void {
    const found = PATTERN.exec(line);
    if (found === null) return;
    const [, kind, stage, pattern] = found;
    const regexp = new RegExp(pattern);
    const fits = this.stage(stage, k).filter((text) => regexp.test(text));
    if (kind === "has" && fits.length === 0) throw new Error(`function ${k} has no line like that: ${line}`);
    if (kind === "lacks" && fits.length > 0) throw new Error(`function ${k} has ${fits[0]}: ${line}`);
  }

  // --- calls ------------------------------------------------------------------------------------------------

  /** Line number → the line with what V8 answers, for all lines with calls. */
  private run(): Map<number, string> {
    const answers = new Map<number, string>();
    if (!this.lines.some((line) => RUN.test(line))) return answers;
    const { exports } = new engine.Instance(new engine.Module(this.binary), HOST);
    for (const [i, line] of this.lines.entries()) {
      const found = RUN.exec(line);
      if (found === null) continue;
      const [, indent, name, args, expected = ""] = found;
      const answer = this.call(exports, name, args, expected);
      if (expected !== "?" && expected !== answer)
        throw new Error(`line ${i + 1}: ${name}(${args}) = ${answer} in V8, not ${expected}`);
      answers.set(i, `${indent};;run ${name}(${args}) = ${answer}`.trimEnd());
    }
    return answers;
  }

  private call(exports: Exports, name: string, args: string, expected: string): string {
    const { params, results } = this.typeOf(name);
    const texts = args === "" ? [] : args.split(",").map((arg) => arg.trim());
    if (texts.length !== params.length) throw new Error(`${name} takes ${params.length} arguments`);
    const values = texts.map((text, k) => argument(text, params[k]));
    let result: unknown;
    try {
      result = (exports[name] as (...args: unknown[]) => unknown)(...values);
    } catch (error) {
      return trapOf(error, expected);
    }
    if (results.length === 0) return "";
    const found = results.length === 1 ? [result] : (result as unknown[]);
    return found.map((value, k) => shown(value, results[k], exports)).join(" ");
  }

  private typeOf(name: string): t.DefType {
    const found = this.module.exports.find((e) => e.kind === EXT_FUNC && e.name === name);
    if (found === undefined) throw new Error(`no function ${name}`);
    return this.module.types[this.module.funcs[found.index].type];
  }

  // --- coverage -----------------------------------------------------------------------------------------------

  /** Names of the instructions in functions of which something is expected. */
  covered(): Set<string> {
    const names = new Set<string>();
    for (const [k, { from, to }] of this.sections.entries()) {
      const isExpected = this.lines.slice(from, to).some((line) => BLOCK.test(line) || PATTERN.test(line));
      if (isExpected) for (const row of rowsOf(this.module, this.own()[k])) names.add(INSTRUCTIONS[row].name);
    }
    return names;
  }

  /** Exported functions that no line calls. */
  uncalled(): string[] {
    const called = new Set(this.lines.map((line) => RUN.exec(line)?.[2]));
    const functions = this.module.exports.filter(({ kind }) => kind === EXT_FUNC);
    return functions.map(({ name }) => name).filter((name) => !called.has(name));
  }
}

/** Where functions begin: at their own lines; comments before one belong to it only in the eyes of people. */
function sections(lines: readonly string[]): Section[] {
  const starts = [...lines.keys()].filter((i) => FUNCTION.test(lines[i]));
  return starts.map((from, k) => {
    const to = starts[k + 1] ?? lines.length;
    let depth = 0;
    let size = 0;
    do {
      const code = lines[from + size++].replace(/"[^"]*"/g, "").replace(/;;.*/, "");
      depth += code.split("(").length - code.split(")").length;
    } while (depth > 0 && from + size < to);
    return { from, to, size };
  });
}

/** The numbers of the instructions of a function. */
function* rowsOf(module: Module, func: Func): Generator<number> {
  const r = new Reader(module.bytes, func.body.start, func.body.end);
  for (let groups = r.u32(); groups > 0; groups--) {
    r.u32();
    readValType(r, WASM_3_0);
  }
  while (r.at < func.body.end) {
    const row = readOpcode(r, WASM_3_0);
    yield row;
    skipImmediates(r, row, WASM_3_0);
  }
}

function argument(text: string, type: t.ValType): unknown {
  if (text === "null") return null;
  if (text.startsWith('"')) return text.slice(1, -1);
  if (type === t.I32 || type === t.I64) {
    const value = text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text);
    return type === t.I32 ? Number(BigInt.asIntN(32, value)) : BigInt.asIntN(64, value);
  }
  // Python tells floats from integers by their look
  if (!/[.ne]/.test(text)) throw new Error(`a float without a point: ${text}`);
  return text === "nan" ? Number.NaN : Number(text.replace("inf", "Infinity"));
}

function shown(value: unknown, type: t.ValType, exports: Exports): string {
  if (value === null) return "null";
  if (typeof value === "string") return `"${value}"`;
  if (typeof value === "function") {
    const name = Object.keys(exports).find((key) => exports[key] === value);
    return `&${name}`;
  }
  if (type !== t.F32 && type !== t.F64) return String(value);
  if (Object.is(value, -0)) return "-0.0";
  const text = String(value).replace("Infinity", "inf").replace("NaN", "nan");
  return /[.en]/.test(text) ? text : `${text}.0`;
}

/** The trap in the words of the specification: the expected one, if the error may stand for it. */
function trapOf(error: unknown, expected: string): string {
  const message = error instanceof Error ? error.message : String(error);
  const found = TRAPS.find(([begin]) => message.startsWith(begin));
  if (found === undefined) throw error;
  const traps = found[1].map((trap) => `trap ${trap}`);
  return traps.includes(expected) ? expected : traps[0];
}
