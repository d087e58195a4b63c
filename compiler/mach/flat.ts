// A Fragment as one array of bytes, and back: what threads exchange, and what outlives the memory that a chunk was
// compiled in. Words are little-endian; in front of each part stands its length, in elements.
//
//   common; symbols: for each kind, name (UTF-8), signature; definitions, relocations, ranges, sites: words; text, rodata
//   signature   -1, or convention, types of parameters, types of results

import type { Bytes } from "../base/bytes.ts";
import { unreachable } from "../base/fail.ts";
import { decodeUtf8, encodeUtf8 } from "../base/utf8.ts";
import { Signature } from "../ir/program.ts";
import { Fragment, NamedSymbol } from "./fragment.ts";

/** In the order in which it was written. Bytes are parts of what it reads, not copies. */
export class FlatReader {
  private readonly data: Uint8Array;
  private at: number;

  constructor(data: Uint8Array) {
    this.data = data;
    this.at = 0;
  }

  word(): number {
    const { data, at } = this;
    this.at = at + 4;
    return data[at] | (data[at + 1] << 8) | (data[at + 2] << 16) | (data[at + 3] << 24);
  }

  words(): Int32Array<ArrayBuffer> {
    const words = new Int32Array(this.word());
    for (let i = 0; i < words.length; i++) words[i] = this.word();
    return words;
  }

  bytes(): Uint8Array {
    const length = this.word();
    const start = this.at;
    this.at = start + length;
    if (this.at > this.data.length) unreachable("a fragment that was cut off");
    return this.data.subarray(start, this.at);
  }

  numbers(): number[] {
    const numbers: number[] = [];
    for (let n = this.word(); n > 0; n--) numbers.push(this.word());
    return numbers;
  }
}

function writeWords(words: Int32Array, out: Bytes): void {
  out.reserve(4 * words.length + 4);
  out.u32(words.length);
  for (const word of words) out.u32(word);
}

/** `bytes` with their length. */
export function writeBytes(bytes: Uint8Array, out: Bytes): void {
  out.u32(bytes.length);
  out.bytes(bytes);
}

function writeNumbers(numbers: readonly number[], out: Bytes): void {
  out.u32(numbers.length);
  for (const x of numbers) out.u32(x);
}

function writeSymbol({ kind, name, signature }: NamedSymbol, out: Bytes): void {
  out.u32(kind);
  writeBytes(encodeUtf8(name), out);
  out.u32(signature === null ? -1 : signature.convention);
  if (signature === null) return;
  writeNumbers(signature.params, out);
  writeNumbers(signature.results, out);
}

function readSymbol(from: FlatReader): NamedSymbol {
  const kind = from.word();
  const bytes = from.bytes();
  const name = decodeUtf8(bytes, 0, bytes.length) ?? unreachable("a symbol's name is no UTF-8");
  const convention = from.word();
  if (convention < 0) return new NamedSymbol(name, kind, null);
  const params = from.numbers();
  return new NamedSymbol(name, kind, new Signature(params, from.numbers(), convention));
}

export function writeFragment(fragment: Fragment, out: Bytes): void {
  out.u32(fragment.common);
  out.u32(fragment.symbols.length);
  for (const symbol of fragment.symbols) writeSymbol(symbol, out);
  writeWords(fragment.definitions, out);
  writeWords(fragment.relocations, out);
  writeWords(fragment.ranges, out);
  writeWords(fragment.sites, out);
  writeBytes(fragment.text, out);
  writeBytes(fragment.rodata, out);
}

export function readFragment(from: FlatReader): Fragment {
  const common = from.word();
  const symbols: NamedSymbol[] = [];
  for (let n = from.word(); n > 0; n--) symbols.push(readSymbol(from));
  const definitions = from.words();
  const relocations = from.words();
  const ranges = from.words();
  const sites = from.words();
  const text = from.bytes();
  return new Fragment(text, from.bytes(), common, symbols, definitions, relocations, ranges, sites);
}
