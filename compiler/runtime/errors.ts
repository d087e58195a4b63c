// The exception that is set, taken aside: type, value and traceback, three references that the function then owns.

import type { Value } from "../ir/func.ts";
import type { Code } from "./code.ts";

/** The three pointers. */
const TYPE = 0;
const VALUE = 1;
const TRACEBACK = 2;

export class Fetched {
  private readonly c: Code;
  private readonly room: Value;

  /** Takes the exception that is set; where there is none, the references are null. */
  constructor(c: Code) {
    this.c = c;
    this.room = c.room(3 * c.model.wordBytes);
    c.api("PyErr_Fetch", ...this.places());
  }

  private places(): readonly Value[] {
    const { wordBytes } = this.c.model;
    return [TYPE, VALUE, TRACEBACK].map((i) =>
      i === TYPE ? this.room : this.c.plus(this.room, i * wordBytes),
    );
  }

  /** Makes an instance of what may be a class and its arguments. */
  normalize(): void {
    this.c.api("PyErr_NormalizeException", ...this.places());
  }

  get type(): Value {
    return this.c.pointerInRoom(this.room, TYPE);
  }

  get value(): Value {
    return this.c.pointerInRoom(this.room, VALUE);
  }

  get traceback(): Value {
    return this.c.pointerInRoom(this.room, TRACEBACK);
  }

  setTraceback(traceback: Value): void {
    this.c.setPointerInRoom(this.room, TRACEBACK, traceback);
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
