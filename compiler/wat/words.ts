// The words of the text format that are not instructions; `npm run gen` derives gen/wat-words.ts. A keyword is a
// symbol (symbols.ts): first come the rows of the instruction table, so that the symbol of an instruction's
// keyword is its row, then these words in their order, then whatever else a text holds.

import { type Features, has } from "../wasm/features.ts";
import { INSTRUCTIONS } from "../wasm/instructions.ts";
import { BOT, type HeapType, type ValType } from "../wasm/types.ts";
import { HEAPS, heapRow, NUMBERS, numberRow } from "../wasm/typetable.ts";
import { ASSERTIONS, type Assertion } from "./commands.ts";
import { Symbols } from "./symbols.ts";

const ALL: readonly string[] = [
  // types
  ...NUMBERS.map((row) => row.name),
  ...HEAPS.map((row) => row.name),
  ...HEAPS.map((row) => row.reference),
  ..."sub final ref null".split(" "),
  ..."i8x16 i16x8 i32x4 i64x2 f32x4 f64x2".split(" "),
  // modules
  ..."module definition instance binary quote type rec import table memory global tag export start".split(
    " ",
  ),
  ..."elem data declare item offset param result local mut field shared".split(" "),
  // folded instructions and clauses
  ..."then catch catch_ref catch_all catch_all_ref".split(" "),
  // annotations, and the sections they name
  ..."@custom @name before after first last code datacount".split(" "),
  // scripts
  ..."register invoke get either thread wait nan:canonical nan:arithmetic".split(" "),
  ..."ref.extern ref.host ref.struct ref.array".split(" "),
  ...ASSERTIONS.map((row) => row.name),
];

/** Without repetitions: some types are also words of another sort. */
export const WORDS: readonly string[] = [...new Set(ALL)];

/** A table of symbols that holds the instructions and the words, at their numbers. */
export function newSymbols(): Symbols {
  const symbols = new Symbols();
  const bytes = new Uint8Array(64);
  const add = (name: string): void => {
    for (let i = 0; i < name.length; i++) bytes[i] = name.charCodeAt(i);
    symbols.intern(bytes, 0, name.length);
  };
  for (const row of INSTRUCTIONS) add(row.name);
  for (const word of WORDS) add(word);
  return symbols;
}

/** `symbol` is the row of an instruction. */
export function isInstruction(symbol: number): boolean {
  return symbol < INSTRUCTIONS.length;
}

/** `symbol` is a keyword that means something. */
export function isWord(symbol: number): boolean {
  return symbol < INSTRUCTIONS.length + WORDS.length;
}

/** By symbol: the type that the word names, else 0. */
function typesByWord(types: readonly number[], names: readonly string[]): Int8Array {
  const column = new Int8Array(INSTRUCTIONS.length + WORDS.length);
  names.forEach((name, i) => {
    column[INSTRUCTIONS.length + WORDS.indexOf(name)] = types[i];
  });
  return column;
}

const HEAP_TYPES: readonly HeapType[] = HEAPS.map((row) => row.type);
const NUMBER_OF_WORD: Int8Array = typesByWord(
  NUMBERS.map((row) => row.type),
  NUMBERS.map((row) => row.name),
);
const HEAP_OF_WORD: Int8Array = typesByWord(
  HEAP_TYPES,
  HEAPS.map((row) => row.name),
);
const REFERENCE_OF_WORD: Int8Array = typesByWord(
  HEAP_TYPES,
  HEAPS.map((row) => row.reference),
);

function at(column: Int8Array, symbol: number): number {
  return symbol < column.length ? column[symbol] : 0;
}

/** The type named by a keyword that is no reference; BOT: none, or not with these features. */
export function numberNamed(symbol: number, features: Features): ValType {
  const type = at(NUMBER_OF_WORD, symbol);
  return type !== BOT && has(features, numberRow(type).feature) ? type : BOT;
}

/** The heap type of a keyword, or 0. */
export function heapNamed(symbol: number, features: Features): HeapType {
  const type = at(HEAP_OF_WORD, symbol);
  return type !== 0 && has(features, heapRow(type).feature) ? type : 0;
}

/** The heap type of an abbreviation like `funcref`, or 0. */
export function referenceNamed(symbol: number, features: Features): HeapType {
  const type = at(REFERENCE_OF_WORD, symbol);
  return type !== 0 && has(features, heapRow(type).feature) ? type : 0;
}

const FIRST_ASSERTION = INSTRUCTIONS.length + WORDS.indexOf(ASSERTIONS[0].name);

/** The assertion of a keyword, or null. */
export function assertionNamed(symbol: number): Assertion | null {
  const i = symbol - FIRST_ASSERTION;
  return i >= 0 && i < ASSERTIONS.length ? ASSERTIONS[i] : null;
}
