// The words of the text format that are not instructions; `npm run gen` derives gen/wat-words.ts. A keyword is a
// symbol (symbols.ts): first come the rows of the instruction table, so that the symbol of an instruction's
// keyword is its row, then these words in their order, then whatever else a text holds.

import { INSTRUCTIONS } from "../wasm/instructions.ts";
import { Symbols } from "./symbols.ts";

export const WORDS: readonly string[] = [
  // modules
  ..."module definition instance binary quote type rec import func table memory global tag export start".split(
    " ",
  ),
  ..."elem data declare item offset param result local mut field shared".split(" "),
  // folded instructions and clauses
  ..."then catch catch_ref catch_all catch_all_ref".split(" "),
  // types
  ..."i32 i64 f32 f64 v128 i8 i16 sub final struct array ref null".split(" "),
  ..."extern any eq i31 exn nofunc noextern none noexn".split(" "),
  ..."funcref externref anyref eqref i31ref structref arrayref exnref".split(" "),
  ..."nullfuncref nullexternref nullref nullexnref".split(" "),
  ..."i8x16 i16x8 i32x4 i64x2 f32x4 f64x2".split(" "),
  // annotations, and the sections they name
  ..."@custom @name before after first last code datacount".split(" "),
  // scripts
  ..."register invoke get either thread wait nan:canonical nan:arithmetic".split(" "),
  ..."ref.extern ref.host ref.struct ref.array".split(" "),
  ..."assert_return assert_return_canonical_nan assert_return_arithmetic_nan assert_trap".split(" "),
  ..."assert_exhaustion assert_exception assert_suspension assert_invalid assert_malformed".split(" "),
  ..."assert_unlinkable assert_invalid_custom assert_malformed_custom".split(" "),
];

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
