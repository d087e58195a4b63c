// Instructions of the machine that the run time uses: tools/self/machine.ts says what each becomes. Addresses are
// numbers of bytes in memory; where an object is meant, its address is.

import type { f64 } from "../base/numbers.ts";

/** What arrays, maps and function values hold: an int32, a truth value, or an address. */
export type Cell = number;

export declare function load8(at: number): number;
export declare function load16(at: number): number;
export declare function load32(at: number): number;
export declare function store8(at: number, x: number): void;
export declare function store16(at: number, x: number): void;
export declare function store32(at: number, x: number): void;
export declare function loadDouble(at: number): f64;
export declare function storeDouble(at: number, x: f64): void;
export declare function loadFloat(at: number): f64;
export declare function storeFloat(at: number, x: f64): void;
export declare function copy(to: number, from: number, bytes: number): void;
export declare function fill(to: number, byte: number, bytes: number): void;
/** Room, all zero. */
export declare function allocate(bytes: number): number;
export declare function newTyped(length: number, size: number): number;
export declare function newArray(room: number): Cell[];
export declare function sameText(a: string, b: string): boolean;
/** Ends the compilation: something that the run time is not made for. */
export declare function impossible(what: number): void;
/** The same: `site` is where an index is out of bounds. */
export declare function outside(site: number): void;
/** An object as what an array holds, and back. */
export declare function asCell(text: string): Cell;
export declare function asText(cell: Cell): string;
