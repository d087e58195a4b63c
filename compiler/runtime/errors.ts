// The exception that is set, taken aside: type, value and traceback, three references that the function then owns.

import type { Value } from "../ir/func.ts";
import { PTR } from "../ir/ops.ts";
import type { Code } from "./code.ts";

const VALUE = 8;
const TRACEBACK = 16;

export class Fetched {
  private readonly c: Code;
  private readonly room: Value;

  /** Takes the exception that is set; where there is none, the references are null. */
  constructor(c: Code) {
    this.c = c;
    this.room = c.room(24);
    c.api("PyErr_Fetch", ...this.places());
  }

  private places(): readonly Value[] {
    return [this.room, this.c.plus(this.room, VALUE), this.c.plus(this.room, TRACEBACK)];
  }

  /** Makes an instance of what may be a class and its arguments. */
  normalize(): void {
    this.c.api("PyErr_NormalizeException", ...this.places());
  }

  get type(): Value {
    return this.c.slotField(PTR, this.room, 0);
  }

  get value(): Value {
    return this.c.slotField(PTR, this.room, VALUE);
  }

  get traceback(): Value {
    return this.c.slotField(PTR, this.room, TRACEBACK);
  }

  setTraceback(traceback: Value): void {
    this.c.setSlotField(PTR, this.room, TRACEBACK, traceback);
  }

  /** Sets it again, in place of whatever is set by now. */
  restore(): void {
    this.c.api("PyErr_Restore", ...this.parts());
  }

  /** The three references. */
  parts(): readonly Value[] {
    return [this.type, this.value, this.traceback];
  }

  /** Runs `body` with each of the three, to give it back. */
  each(body: (part: Value) => void): void {
    body(this.type);
    body(this.value);
    body(this.traceback);
  }
}
