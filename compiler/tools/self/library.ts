// The language's library as the core may use it: a table from method to what its translation does. A method without a
// row is an error, here and in the lint (tools/core-rules.ts).
//
// A row says how each argument is wanted and what comes back (numbers.ts: i32, u32, f64; `bits` is truncated to 32
// bits; `cell` is what arrays hold: an int32, a boolean or an address), then what is done: an instruction with $0 for
// the first argument, or a function of the run time (compiler/self), which gets the receiver first. `=` gives what
// stands in for an argument that is left out. Behind the function's name stand more arguments: `size`, the bytes of an
// element of the typed array. `/1` in a name: with so many arguments. `cell?` is a cell or undefined. `number` in the first place of a signature is the
// receiver of a method of numbers.

import type ts from "typescript";
import { isTyped, type Receiver, type Types } from "./types.ts";

export type Want = "i32" | "u32" | "f64" | "bits" | "cell";
export type Result = "i32" | "u32" | "f64" | "ref" | "cell" | "cell?" | "void" | "as wanted";

/** A row whose result is the joined kind of its numeric arguments: Math.min and the like (numbers.ts). */
const JOINED = "joined";

const END = "2147483647";

const ROWS: readonly (readonly [string, string, string])[] = [
  ["Math.imul", "bits bits -> i32", "(i32.mul $0 $1)"],
  ["Math.clz32", "bits -> i32", "(i32.clz $0)"],
  ["Math.sqrt", "f64 -> f64", "(f64.sqrt $0)"],
  ["Math.min", JOINED, "min"],
  ["Math.max", JOINED, "max"],
  ["Math.abs", JOINED, "abs"],
  ["Math.floor", JOINED, "floor"],
  ["Math.ceil", JOINED, "ceil"],
  ["Math.trunc", JOINED, "trunc"],
  ["Number.isNaN", "f64 -> i32", "(call $is_nan $0)"],
  ["Number.isInteger", "f64 -> i32", "isWhole"],
  ["Number.parseInt", "cell i32=10 -> f64", "parseInteger"],
  ["Object.is", "f64 f64 -> i32", "(i64.eq (i64.reinterpret_f64 $0) (i64.reinterpret_f64 $1))"],
  ["String.fromCharCode", "i32 -> ref", "textOfUnit"],
  ["String.fromCodePoint", "i32 -> ref", "textOfPoint"],
  ["global.Number", "cell -> f64", "numberOf"],

  ["number.toString", "f64 i32=10 -> ref", "numberText"],

  ["string.charAt", "i32 -> ref", "textAt"],
  ["string.charCodeAt", "i32 -> i32", "unitAt"],
  ["string.codePointAt", "i32 -> cell?", "pointAt"],
  ["string.endsWith", "cell -> i32", "endsWith"],
  ["string.includes", "cell -> i32", "includesText"],
  ["string.indexOf", "cell i32=0 -> i32", "indexOfText"],
  ["string.lastIndexOf", "cell -> i32", "lastIndexOfText"],
  ["string.padStart", "i32 cell -> ref", "padStart"],
  ["string.repeat", "i32 -> ref", "repeatText"],
  ["string.replaceAll", "cell cell -> ref", "replaceAll"],
  ["string.slice", `i32=0 i32=${END} -> ref`, "sliceText"],
  ["string.split", "cell -> ref", "splitText"],
  ["string.startsWith", "cell -> i32", "startsWith"],
  ["string.trim", "-> ref", "trimText"],

  ["Array.concat", "cell -> ref", "concatArrays"],
  ["Array.entries", "-> ref", "arrayEntries"],
  ["Array.every", "cell -> i32", "everyElement"],
  ["Array.fill", `cell i32=0 i32=${END} -> ref`, "fillArray"],
  ["Array.filter", "cell -> ref", "filterArray"],
  ["Array.find", "cell -> cell?", "findElement"],
  ["Array.findIndex", "cell -> i32", "findIndex"],
  ["Array.flatMap", "cell -> ref", "flatMapArray"],
  ["Array.forEach", "cell -> void", "forEachElement"],
  ["Array<string>.includes", "cell -> i32", "includesString"],
  ["Array.includes", "cell -> i32", "includesElement"],
  ["Array<string>.indexOf", "cell -> i32", "indexOfString"],
  ["Array.indexOf", "cell -> i32", "indexOfElement"],
  ["Array<string>.join", "cell=, -> ref", "joinTexts"],
  ["Array<number>.join", "cell=, -> ref", "joinNumbers"],
  ["Array.map", "cell -> ref", "mapArray"],
  ["Array.pop", "-> cell?", "popElement"],
  ["Array.push", "cell -> i32", "pushElement"],
  ["Array.reduce", "cell cell -> cell", "reduceArray"],
  ["Array.reduce/1", "cell -> cell", "reduceFromFirst"],
  ["Array.slice", `i32=0 i32=${END} -> ref`, "sliceArray"],
  ["Array.some", "cell -> i32", "someElement"],
  ["Array.sort", "cell -> ref", "sortArray"],

  ["Map.clear", "-> void", "tableClear"],
  ["Map.delete", "cell -> i32", "tableDelete"],
  ["Map.entries", "-> ref", "tableEntries"],
  ["Map.get", "cell -> cell?", "tableGet"],
  ["Map.has", "cell -> i32", "tableHas"],
  ["Map.keys", "-> ref", "tableKeys"],
  ["Map.set", "cell cell -> ref", "tableSet"],
  ["Map.values", "-> ref", "tableValues"],
  ["Set.add", "cell -> ref", "tableAdd"],
  ["Set.clear", "-> void", "tableClear"],
  ["Set.delete", "cell -> i32", "tableDelete"],
  ["Set.has", "cell -> i32", "tableHas"],
  ["Set.values", "-> ref", "tableKeys"],

  ["Float64Array.fill", `f64 i32=0 i32=${END} -> ref`, "fillDoubles"],
  ["Typed.fill", `bits i32=0 i32=${END} -> ref`, "fillTyped size"],
  ["Typed.set", "cell i32=0 -> void", "setTyped size"],
  ["Typed.slice", `i32=0 i32=${END} -> ref`, "sliceTyped size"],
  ["Typed.subarray", `i32=0 i32=${END} -> ref`, "subarray size"],
  ["Int32Array.copyWithin", "i32 i32 i32 -> ref", "copyWithin"],
  ["Int32Array.includes", "i32 -> i32", "includesWord"],
  ["Int32Array.reverse", "-> ref", "reverseWords"],
  ["Int32Array.sort", "cell=0 -> ref", "sortWords"],
  ["Int32Array.forEach", "cell -> void", "forEachWord"],
  ["Uint8Array.includes", "i32 -> i32", "includesByte"],
  ["Int16Array.with", "i32 i32 -> ref", "withShort"],

  ["DataView.getInt32", "i32 little -> i32", "viewInt32"],
  ["DataView.getFloat32", "i32 little -> f64", "viewFloat32"],
  ["DataView.getFloat64", "i32 little -> f64", "viewFloat64"],
  ["DataView.setInt32", "i32 bits little -> void", "setViewInt32"],
  ["DataView.setFloat32", "i32 f64 little -> void", "setViewFloat32"],
  ["DataView.setFloat64", "i32 f64 little -> void", "setViewFloat64"],
];

/** What the translator knows by itself (classes.ts, expressions.ts): makers of arrays, and text of anything. */
const BUILT_IN: ReadonlySet<string> = new Set([
  "Array.from",
  "Int8Array.from",
  "Uint8Array.from",
  "Int16Array.from",
  "Uint16Array.from",
  "Int32Array.from",
  "Uint8Array.of",
  "Int32Array.of",
  "Uint32Array.of",
  "Float64Array.of",
  "global.String",
]);

/** Properties that are no calls. */
const PROPERTIES: ReadonlySet<string> = new Set([
  "string.length",
  "Array.length",
  "Typed.length",
  "Map.size",
  "Set.size",
  "Number.NaN",
  "Number.POSITIVE_INFINITY",
  "Int32Array.buffer",
  "Int32Array.byteOffset",
  "Int32Array.byteLength",
]);

export class Parameter {
  readonly want: Want;
  /** What stands in for an argument that is left out; "" where none may be. */
  readonly otherwise: string;
  /** Must be written as `true`: the byte order. */
  readonly isLittle: boolean;

  constructor(word: string) {
    const [want, otherwise = ""] = word.split("=");
    this.want = want === "little" ? "cell" : (want as Want);
    this.otherwise = otherwise;
    this.isLittle = want === "little";
  }
}

export class Row {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  /** The result has the kind that the arguments have together. */
  readonly joined: boolean;
  readonly result: Result;
  /** An instruction that begins with "(", or a name. */
  readonly code: string;
  /** Besides the arguments. */
  readonly extra: readonly string[];

  constructor(name: string, signature: string, what: string) {
    this.name = name;
    this.joined = signature === JOINED;
    const [parameters, result] = this.joined ? ["f64", "f64"] : signature.split("->").map((s) => s.trim());
    this.parameters = parameters.split(" ").flatMap((p) => (p === "" ? [] : [new Parameter(p)]));
    this.result = result as Result;
    const words = what.startsWith("(") ? [what] : what.split(" ");
    this.code = words[0];
    this.extra = words.slice(1);
  }
}

const TABLE: ReadonlyMap<string, Row> = new Map(
  ROWS.map(([name, signature, what]) => [name, new Row(name, signature, what)]),
);

function rowOf(receiver: Receiver, method: string, elements: string): Row | undefined {
  return (
    TABLE.get(`${receiver}<${elements}>.${method}`) ??
    TABLE.get(`${receiver}.${method}`) ??
    (isTyped(receiver) ? TABLE.get(`Typed.${method}`) : undefined)
  );
}

/** A call of the library: its name in the table, and its row, if it has one and is not built in. */
export class LibraryCall {
  readonly name: string;
  readonly row: Row | undefined;
  /** The object whose method it is; undefined for functions. */
  readonly receiver: ts.Expression | undefined;

  constructor(name: string, row: Row | undefined, receiver: ts.Expression | undefined) {
    this.name = name;
    this.row = row;
    this.receiver = receiver;
  }

  get isKnown(): boolean {
    return this.row !== undefined || BUILT_IN.has(this.name);
  }
}

/** `call` calls what is declared by the library. */
export function libraryCall(types: Types, call: ts.CallExpression): LibraryCall {
  const { expression } = call;
  if (!("name" in expression)) {
    const name = `global.${expression.getText()}`;
    return new LibraryCall(name, TABLE.get(name), undefined);
  }
  const { expression: object, name } = expression as ts.PropertyAccessExpression;
  const method = name.getText();
  if ("text" in object && types.isLibrary(types.declaration(object))) {
    const full = `${object.getText()}.${method}`;
    return new LibraryCall(full, TABLE.get(full), undefined);
  }
  const receiver = types.receiverAt(object);
  if (receiver === undefined)
    return new LibraryCall(`${types.text(types.at(object))}.${method}`, undefined, object);
  const element = receiver === "Array" ? types.arguments(types.at(object))[0] : undefined;
  const elements = element === undefined ? "" : types.shape(element);
  const short = TABLE.get(`${receiver}.${method}/${call.arguments.length}`);
  return new LibraryCall(`${receiver}.${method}`, short ?? rowOf(receiver, method, elements), object);
}

/** Whether a property of the library may be read. */
export function isKnownProperty(receiver: string, name: string): boolean {
  return PROPERTIES.has(`${receiver}.${name}`) || PROPERTIES.has(`Typed.${name}`);
}
