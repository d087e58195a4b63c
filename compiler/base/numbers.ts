// What a number is. Where the compiler says `number` it means an int32: that is what its own translation keeps
// (tools/self/numbers.ts). A value that may be another one says so where it is declared, with one of these names.

/** An integer from 0 to 2³² - 1. */
export type u32 = number;

/** Any number of JavaScript: fractions, infinities, integers up to 2⁵³. */
export type f64 = number;
