// UTF-8 in both directions, strict: RFC 3629, no surrogates, no overlong forms, nothing above U+10FFFF.

import { Bytes } from "./bytes.ts";

/** The UTF-8 bytes of a string; a lone surrogate becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  const out = new Bytes(text.length + 16);
  for (let i = 0; i < text.length; i++) {
    let c = text.charCodeAt(i);
    if (c >= 0xd800 && c < 0xe000) {
      const low = i + 1 < text.length ? text.charCodeAt(i + 1) : 0;
      if (c < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        i++;
      } else {
        c = 0xfffd;
      }
    }
    writeUtf8(c, out);
  }
  return out.take();
}

/** Appends the UTF-8 bytes of the code point `c`. */
export function writeUtf8(c: number, out: Bytes): void {
  if (c < 0x80) {
    out.u8(c);
  } else if (c < 0x800) {
    out.u8(0xc0 | (c >> 6));
    out.u8(0x80 | (c & 63));
  } else if (c < 0x10000) {
    out.u8(0xe0 | (c >> 12));
    out.u8(0x80 | ((c >> 6) & 63));
    out.u8(0x80 | (c & 63));
  } else {
    out.u8(0xf0 | (c >> 18));
    out.u8(0x80 | ((c >> 12) & 63));
    out.u8(0x80 | ((c >> 6) & 63));
    out.u8(0x80 | (c & 63));
  }
}

/** Length of the sequence that starts at `at`, or 0 when it is not UTF-8. */
export function sequenceLength(bytes: Uint8Array, at: number, end: number): number {
  const b0 = bytes[at];
  if (b0 < 0x80) return 1;
  const b1 = at + 1 < end ? bytes[at + 1] : 0;
  if (b0 < 0xe0) return b0 >= 0xc2 && isContinuation(b1) ? 2 : 0;
  const b2 = at + 2 < end ? bytes[at + 2] : 0;
  if (b0 < 0xf0) {
    if (b0 === 0xe0 && b1 < 0xa0) return 0; // overlong
    if (b0 === 0xed && b1 > 0x9f) return 0; // surrogate
    return isContinuation(b1) && isContinuation(b2) ? 3 : 0;
  }
  const b3 = at + 3 < end ? bytes[at + 3] : 0;
  if (b0 > 0xf4 || (b0 === 0xf0 && b1 < 0x90) || (b0 === 0xf4 && b1 > 0x8f)) return 0;
  return isContinuation(b1) && isContinuation(b2) && isContinuation(b3) ? 4 : 0;
}

function isContinuation(b: number): boolean {
  return (b & 0xc0) === 0x80;
}

/** The string of the bytes, or null when they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string | null {
  const text: string[] = [];
  for (let i = start; i < end; ) {
    const n = sequenceLength(bytes, i, end);
    if (n === 0) return null;
    const b = bytes[i];
    let c = n === 1 ? b : b & (0x7f >> n);
    for (let k = 1; k < n; k++) c = (c << 6) | (bytes[i + k] & 63);
    text.push(String.fromCodePoint(c));
    i += n;
  }
  return text.join("");
}
