// Modules in the text into bytes (spec 3.0, 6.6): the entry points of the assembler, and the forms of a module.

import { Bytes } from "../base/bytes.ts";
import type { Progress } from "../base/progress.ts";
import * as word from "../gen/wat-words.ts";
import type { Features } from "../wasm/features.ts";
import { Assembled } from "./assembled.ts";
import { Cursor } from "./cursor.ts";
import { ModuleParser } from "./fields.ts";
import { END, lex } from "./lexer.ts";
import { newSymbols } from "./words.ts";

/** Assembles the text of one module: `(module …)`, or its fields alone. Fails with offsets into `text`. */
export function parseModule(
  text: Uint8Array,
  features: Features,
  progress: Progress | null = null,
): Assembled {
  return parseText(text, features, progress, false);
}

/** `quoted`: the text stands in a quotation. */
function parseText(
  text: Uint8Array,
  features: Features,
  progress: Progress | null,
  quoted: boolean,
): Assembled {
  const cursor = new Cursor(lex(text, newSymbols(), features, progress), features, 0);
  if (!cursor.opens(word.MODULE)) return new ModuleParser(cursor).assemble(0, -1);
  const assembled = moduleForm(cursor, quoted);
  if (cursor.kind() !== END) cursor.unexpected();
  return assembled;
}

/** Assembles the `(module …)` at the cursor and steps over it. */
export function assembleModule(cursor: Cursor): Assembled {
  return moduleForm(cursor, false);
}

function moduleForm(cursor: Cursor, quoted: boolean): Assembled {
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
  // a quotation holds none itself: all levels would be in memory at once
  if (!quoted && cursor.take(word.QUOTE)) {
    const text = new Bytes();
    cursor.strings(text);
    cursor.expectClose();
    const { bytes } = parseText(text.take(), cursor.features, cursor.source.progress, true);
    // places inside of a quotation are those of the module around it
    return new Assembled(bytes, Int32Array.of(0), Int32Array.of(start));
  }
  const assembled = new ModuleParser(cursor).assemble(start, id);
  cursor.expectClose();
  return assembled;
}
