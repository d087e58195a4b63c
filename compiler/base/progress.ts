// What is being compiled, and how far that is: the place of errors that no byte offset tells the place of, and two
// words that other threads may look at and set meanwhile.

import { fail } from "./fail.ts";

/** Words of `Progress.words`: how many functions were begun, and, where it is not 0, that the next one is not to be. */
export const DONE = 0;
export const STOP = 1;

export class Progress {
  /** Index of the module's function, or -1. */
  index: number;
  /** Else the name of another function of the image, or "". */
  name: string;
  readonly words: Int32Array;

  constructor(words: Int32Array) {
    this.index = -1;
    this.name = "";
    this.words = words;
  }

  at(index: number, name: string): void {
    this.index = index;
    this.name = name;
  }

  /** The module's function `index` is about to be compiled. */
  begin(index: number): void {
    this.mayGoOn();
    this.words[DONE]++;
    this.at(index, "");
  }

  /** Fails where somebody wants no more of it. */
  mayGoOn(): void {
    if (this.words[STOP] !== 0) fail("stopped", -1);
  }
}
