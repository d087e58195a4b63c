// A module that another one needs when it is loaded.

export const WORDS: readonly string[] = "one two".split(" ");
