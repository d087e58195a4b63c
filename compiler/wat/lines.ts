// Byte offsets of a text as line and column, both from 1; columns count bytes.

import { byteAt } from "../base/bytes.ts";
import { IntColumn, lowerBound } from "../base/columns.ts";

export class Lines {
  /** Where each line begins. */
  private readonly starts: IntColumn;

  constructor(text: Uint8Array) {
    this.starts = new IntColumn(256);
    this.starts.push(0);
    for (let i = 0; i < text.length; i++) {
      // LF, CR, or CR LF
      if (text[i] === 0x0a || (text[i] === 0x0d && byteAt(text, i + 1) !== 0x0a)) this.starts.push(i + 1);
    }
  }

  line(offset: number): number {
    return lowerBound(this.starts, offset + 1);
  }

  column(offset: number): number {
    return offset - this.starts.get(this.line(offset) - 1) + 1;
  }
}
