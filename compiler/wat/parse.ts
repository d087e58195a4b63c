// Modules in the text into bytes (spec 3.0, 6.6): the entry points of the assembler, and the forms of a module.

import { Bytes } from "../base/bytes.ts";
import * as word from "../gen/wat-words.ts";
import type { Features } from "../wasm/features.ts";
import { Assembled } from "./assembled.ts";
import { Cursor } from "./cursor.ts";
import { ModuleParser } from "./fields.ts";
import { END, lex } from "./lexer.ts";
import { newSymbols } from "./words.ts";

/** Assembles the text of one module: `(module …)`, or its fields alone. Fails with offsets into `text`. */
export function parseModule(text: Uint8Array, features: Features): Assembled {
  const cursor = new Cursor(lex(text, newSymbols(), features), features, 0);
  if (!cursor.opens(word.MODULE)) return new ModuleParser(cursor).assemble(0, -1);
  const assembled = assembleModule(cursor);
  if (cursor.kind() !== END) cursor.unexpected();
  return assembled;
}

/** Assembles the `(module …)` at the cursor and steps over it. */
export function assembleModule(cursor: Cursor): Assembled {
  const start = cursor.start();
  cursor.expectOpen(word.MODULE);
  cursor.take(word.DEFINITION);
  const id = cursor.takeId();
  if (cursor.take(word.BINARY)) {
    const bytes = new Bytes();
    cursor.strings(bytes);
    cursor.expectClose();
    return new Assembled(bytes.take(), Int32Array.of(0), Int32Array.of(start));
  }
  if (cursor.take(word.QUOTE)) {
    const text = new Bytes();
    cursor.strings(text);
    cursor.expectClose();
    const quoted = parseModule(text.take(), cursor.features);
    // places inside of a quotation are those of the module around it
    return new Assembled(quoted.bytes, Int32Array.of(0), Int32Array.of(start));
  }
  const assembled = new ModuleParser(cursor).assemble(start, id);
  cursor.expectClose();
  return assembled;
}
