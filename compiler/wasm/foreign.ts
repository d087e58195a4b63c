// Sources that are not WebAssembly modules: what they look like, and what to do. A table of how such files begin;
// of several rows that fit the first counts.

import { byteAt } from "../base/bytes.ts";
import type { ErrorText } from "../base/errors.ts";
import { fail } from "../base/fail.ts";
import { EXT_MEMORY, type Module } from "./module.ts";

class Look {
  /** The first characters, each a byte; of a text behind its white space. */
  readonly begin: string;
  readonly isText: boolean;
  readonly what: string;

  constructor(begin: string, isText: boolean, what: string) {
    this.begin = begin;
    this.isText = isText;
    this.what = what;
  }
}

function bytes(begin: string, what: string): Look {
  return new Look(begin, false, what);
}

function text(begin: string, what: string): Look {
  return new Look(begin, true, what);
}

const ELSEWHERE = "compile for a wasm target instead";
const UNPACK = "unpack it first";
const BITCODE = `LLVM bitcode: ${ELSEWHERE}, and link with wasm-ld`;
const MACH_O = `a program or library for macOS (Mach-O): ${ELSEWHERE}`;
const UTF16 = "text in UTF-16: save it in UTF-8";
const HTML = "HTML or XML: perhaps a page that a server sent instead of the file";
const SCRIPT = "the source of a program in another language";

const LOOKS: readonly Look[] = [
  bytes("\x7fELF", `an object, program or library for Linux (ELF): ${ELSEWHERE}`),
  bytes("MZ", `a program or library for Windows (PE): ${ELSEWHERE}`),
  bytes("\xcf\xfa\xed\xfe", MACH_O),
  bytes("\xce\xfa\xed\xfe", MACH_O),
  bytes("\xfe\xed\xfa\xcf", MACH_O),
  bytes("\xfe\xed\xfa\xce", MACH_O),
  bytes("\xca\xfe\xba\xbe", "a universal library for macOS (Mach-O) or a class of Java"),
  bytes("BC\xc0\xde", BITCODE),
  bytes("\xde\xc0\x17\x0b", BITCODE),
  bytes("!<arch>\n", "an archive of object files (.a): link it"),
  bytes("!<thin>\n", "an archive of object files (.a): link it"),
  bytes("PK\x03\x04", `a zip archive: ${UNPACK}`),
  bytes("PK\x05\x06", "an empty zip archive"),
  bytes("\x1f\x8b", `compressed by gzip: ${UNPACK}`),
  bytes("BZh", `compressed by bzip2: ${UNPACK}`),
  bytes("\xfd7zXZ\x00", `compressed by xz: ${UNPACK}`),
  bytes("\x28\xb5\x2f\xfd", `compressed by zstd: ${UNPACK}`),
  bytes("7z\xbc\xaf\x27\x1c", `an archive of 7-Zip: ${UNPACK}`),
  bytes("\x89PNG", "an image (PNG)"),
  bytes("\xff\xd8\xff", "an image (JPEG)"),
  bytes("GIF8", "an image (GIF)"),
  bytes("%PDF", "a document (PDF)"),
  bytes("\xff\xfe", UTF16),
  bytes("\xfe\xff", UTF16),
  bytes("(\x00", UTF16),
  bytes("\x00(", UTF16),
  bytes("\xef\xbb\xbf", "text in UTF-8 with a byte order mark: save it without"),
  bytes("version https://git-lfs", "a pointer of Git LFS: fetch the file itself (git lfs pull)"),
  bytes("AGFzbQ", "a binary in base64: decode it first"),
  bytes("0061736d", "a binary in hexadecimal digits: decode it first"),
  text("<", HTML),
  text("{", "JSON"),
  text("[", "JSON"),
  text("#", SCRIPT),
  text("//", SCRIPT),
  text("/*", SCRIPT),
  text('"use strict"', SCRIPT),
  text("'use strict'", SCRIPT),
  text("import ", SCRIPT),
  text("export ", SCRIPT),
  text("from ", SCRIPT),
  text("const ", SCRIPT),
  text("let ", SCRIPT),
  text("var ", SCRIPT),
  text("async ", SCRIPT),
  text("function ", SCRIPT),
  text("def ", SCRIPT),
  text("fn ", SCRIPT),
  text("use ", SCRIPT),
];

const MAGIC = "\0asm";

function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

function firstOfText(source: Uint8Array): number {
  let at = 0;
  while (at < source.length && isSpace(source[at])) at++;
  return at;
}

function begins(source: Uint8Array, at: number, begin: string): boolean {
  if (begin.length > source.length - at) return false;
  for (let i = 0; i < begin.length; i++) if (source[at + i] !== begin.charCodeAt(i)) return false;
  return true;
}

/** What the source looks like, as "an image (PNG)"; "" where that is not known. */
function look(source: Uint8Array): string {
  const first = firstOfText(source);
  for (const { begin, isText, what } of LOOKS) if (begins(source, isText ? first : 0, begin)) return what;
  return "";
}

export function isBinary(source: Uint8Array): boolean {
  return begins(source, 0, MAGIC);
}

function foreign(what: string): never {
  const text: ErrorText = "magic header not detected";
  return fail(text, -1, what);
}

/** Ends where a source that is not a binary cannot be text either. */
export function refuseForeign(source: Uint8Array): void {
  if (source.length === 0) return;
  const what = look(source);
  if (what !== "") foreign(`this is neither a WebAssembly binary nor text: it looks like ${what}`);
  const first = firstOfText(source);
  const byte = first < source.length ? source[first] : 0x20;
  if (byte < 0x20 || byte >= 0x7f) foreign("this is neither a WebAssembly binary nor text");
}

/** Ends where a source that must be a binary is none. */
export function requireBinary(source: Uint8Array): void {
  if (isBinary(source)) return;
  if (source.length === 0) foreign("the file is empty");
  if (source.length < 4 && begins(source, 0, MAGIC.slice(0, source.length))) {
    fail("unexpected end", source.length);
  }
  const what = look(source);
  if (what !== "") foreign(`this is not a WebAssembly binary: it looks like ${what}`);
  const first = byteAt(source, firstOfText(source));
  const isText = first === 0x28 || first === 0x3b; // a parenthesis, a comment
  foreign(`this is not a WebAssembly binary${isText ? ": it looks like text, whose files end in .wat" : ""}`);
}

/** Ends for object files: relocations of theirs are not applied yet. What a linker made imports no such memory. */
export function refuseObject(module: Module): void {
  const isObject =
    module.customs.some(({ name }) => name === "linking") &&
    module.imports.some(({ module, name, kind }) => {
      return kind === EXT_MEMORY && module === "env" && name === "__linear_memory";
    });
  if (isObject) fail("not linked", -1, "this is an object file: link it (clang without -c, rustc, wasm-ld)");
}
