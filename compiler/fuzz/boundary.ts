// What generated modules have in common at their boundary: the functions and the first globals of each, and types of
// functions that most of them share. Their thunks cost more than a small module's own code: they are compiled once
// (prebuilt.ts).

import * as wasm from "../wasm/types.ts";
import type { Random } from "./random.ts";
import { EXTERNREF, F32, F64, FUNCREF, FuncType, I32, I64, REF_NULL, type Type } from "./tree.ts";

/** Imported functions: h.t, h.x, h.y of observe.ts. */
export const TRACE = 0;
export const OBJECT = 1;
export const IDENTITY = 2;
export const HOST_FUNCTIONS: readonly (readonly [string, FuncType])[] = [
  ["t", new FuncType([I32, I64], [I32])],
  ["x", new FuncType([I32], [EXTERNREF])],
  ["y", new FuncType([EXTERNREF], [I32])],
];

/** Globals: what calls are paid with, so that they end; a number into which values are mixed. */
export const FUEL = 0;
export const HASH = 1;

/** Tells the state of globals, and the sizes of memories and tables. */
export const OBSERVER_TYPE = new FuncType([], [I64]);
/** Of functions that make one operation each: which one, and its operands (edges.ts). */
export const EDGE_TYPE = new FuncType([I32, I32, I64], [I64]);

/** Of functions that need no instance (simple.ts). */
export const SIMPLE_TYPES: readonly FuncType[] = [
  new FuncType([I32, I32], [I32]),
  new FuncType([I64, I64], [I64]),
  new FuncType([I64, I32, I64], [I32]),
  new FuncType([I32, I64], [I64, I32]),
];

const LETTERS: ReadonlyMap<string, Type> = new Map([
  ["i", I32],
  ["I", I64],
  ["f", F32],
  ["F", F64],
  ["g", FUNCREF],
  ["x", EXTERNREF],
]);

/** Parameters and results: in registers, on the stack, behind a pointer; many of either kind at once. */
const POOL: readonly (readonly [string, string])[] = [
  ["", ""],
  ["", "i"],
  ["i", "i"],
  ["I", "I"],
  ["F", "F"],
  ["f", "f"],
  ["ii", "I"],
  ["Ii", ""],
  ["FI", "i"],
  ["iIfF", "iIfF"],
  ["iIiI", "F"],
  ["iiiiiiiiii", "i"],
  ["IiIiIiIiIiIi", "Ii"],
  ["fFfFfFfFfFF", "F"],
  ["iIfFiIfFiIfFiIfFiIfFiIfFiIfFiIfF", "I"],
  ["iIfFiIfFiIfFiIfFiIfFiIfFiIfFiIfFii", "I"],
  ["", "iIiIiIiIiIiI"],
  ["f", "fFfFfFfFfF"],
  ["IF", "iIfFiIfFiIfFiIfFiIfFiIfFiIfFiIfF"],
  ["gi", "i"],
  ["xi", "x"],
  ["I", "gx"],
  ["xgIfx", "Igf"],
];

export const SIGNATURES: readonly FuncType[] = POOL.map((sides) => {
  const [params, results] = sides.map((side) => [...side].map((letter) => LETTERS.get(letter)!));
  return new FuncType(params, results);
});

/** Another one, with up to 20 parameters and results. */
export function signature(r: Random, type: () => Type): FuncType {
  const types = (most: number) => Array.from({ length: r.below(most + 1) }, type);
  return new FuncType(types(r.pick([1, 3, 5, 5, 9, 20])), types(r.pick([1, 1, 1, 2, 4, 20])));
}

/** From outside floats are integers, and a typed reference is the question whether it is null. */
export function outer(type: Type): Type {
  if (type === F32) return I32;
  if (type === F64) return I64;
  return type >= REF_NULL ? I32 : type;
}

/** What the wrapper of a function takes and gives (generate.ts). */
export function wrapperType({ params, results }: FuncType): FuncType {
  const given = params.filter((t) => t < REF_NULL && t !== FUNCREF);
  return new FuncType(given.map(outer), results.map(outer));
}

const IN_COMPILER: ReadonlyMap<Type, wasm.ValType> = new Map<Type, wasm.ValType>([
  [I32, wasm.I32],
  [I64, wasm.I64],
  [F32, wasm.F32],
  [F64, wasm.F64],
  [FUNCREF, wasm.FUNCREF],
  [EXTERNREF, wasm.EXTERNREF],
]);

/** All of these types, as the compiler writes them. */
export function sharedTypes(): wasm.DefType[] {
  const host = HOST_FUNCTIONS.map(([, type]) => type);
  const all = [
    ...SIGNATURES,
    ...SIGNATURES.map(wrapperType),
    ...SIMPLE_TYPES,
    ...host,
    OBSERVER_TYPE,
    EDGE_TYPE,
  ];
  const list = (types: readonly Type[]) => types.map((t) => IN_COMPILER.get(t)!);
  return all.map(
    ({ params, results }) =>
      new wasm.DefType(wasm.COMP_FUNC, list(params), list(results), [], true, -1, 0, 1),
  );
}
