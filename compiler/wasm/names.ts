// The custom section "name" (spec, appendix "Name Section"). A malformed one is no error: what was read before
// the fault counts, the rest is ignored. So this reads without `fail`.

import type { u32 } from "../base/numbers.ts";
import { decodeUtf8 } from "../base/utf8.ts";
import type { Module, Range } from "./module.ts";

const MODULE_NAME = 0;
const FUNCTION_NAMES = 1;
const LOCAL_NAMES = 2;

class NameReader {
  private readonly bytes: Uint8Array;
  at: number;
  end: number;
  /** False after the first fault; everything read then is 0 or "". */
  ok: boolean;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    this.ok = true;
  }

  get more(): boolean {
    return this.ok && this.at < this.end;
  }

  u32(): u32 {
    let x = 0;
    for (let shift = 0; shift < 35 && this.at < this.end; shift += 7) {
      const b = this.bytes[this.at++];
      x |= (b & 127) << shift;
      if (b < 128) return x >>> 0;
    }
    this.ok = false;
    return 0;
  }

  /** A size that fits in what is left. */
  size(): number {
    const n = this.u32();
    if (n > this.end - this.at) this.ok = false;
    return this.ok ? n | 0 : 0;
  }

  name(): string {
    const n = this.size();
    const text = decodeUtf8(this.bytes, this.at, this.at + n);
    this.at += n;
    if (text === null) this.ok = false;
    return text ?? "";
  }

  /** Index → name, into `names`. */
  map(names: Map<number, string>): void {
    for (let n = this.u32(); n > 0 && this.ok; n--) {
      const index = this.u32();
      const name = this.name();
      if (this.ok) names.set(index | 0, name);
    }
  }
}

export function readNames(module: Module, content: Range): void {
  const r = new NameReader(module.bytes, content.start, content.end);
  // The section may stand before the functions, so that their number is not known yet: names of functions
  // that do not exist are kept, and nobody asks for them.
  while (r.more) {
    const id = r.u32();
    const size = r.size();
    if (!r.ok) return;
    const sub = new NameReader(module.bytes, r.at, r.at + size);
    r.at += size;
    if (id === MODULE_NAME) {
      const name = sub.name();
      if (sub.ok) module.moduleName = name;
    } else if (id === FUNCTION_NAMES) {
      sub.map(module.funcNames);
    } else if (id === LOCAL_NAMES) {
      for (let n = sub.u32(); n > 0 && sub.ok; n--) {
        const index = sub.u32() | 0;
        const names: Map<number, string> = module.localNames.get(index) ?? new Map();
        sub.map(names);
        module.localNames.set(index, names);
      }
    }
  }
}
