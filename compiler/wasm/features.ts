// Features of the language and the named sets of them. A row of the instruction table names the feature that
// brought it; the decoder and the validator ask `has`.

export const MVP = 0;
export const MUTABLE_GLOBALS = 1;
export const SIGN_EXTENSION = 2;
export const SATURATING_TRUNCATION = 3;
export const MULTI_VALUE = 4;
export const REFERENCE_TYPES = 5;
export const BULK_MEMORY = 6;
export const SIMD = 7;
export const TAIL_CALL = 8;
export const EXTENDED_CONST = 9;
export const FUNCTION_REFERENCES = 10;
export const GC = 11;
export const EXCEPTIONS = 12;
export const MULTI_MEMORY = 13;
export const MEMORY64 = 14;
export const RELAXED_SIMD = 15;
export const ANNOTATIONS = 16;
/** What proposals.ts lists is known by name: unsupported, not malformed. */
export const PROPOSALS = 17;

/** A set of features as bits: `1 << feature`. */
export type Features = number;

export const WASM_1_0: Features = (1 << MVP) | (1 << MUTABLE_GLOBALS);
export const WASM_2_0: Features = (1 << (SIMD + 1)) - 1;
export const WASM_3_0: Features = (1 << (PROPOSALS + 1)) - 1;

/** The features that WebAssembly 2.0 added to 1.0, by name. */
const NAMES: ReadonlyMap<string, number> = new Map([
  ["mutable_globals", MUTABLE_GLOBALS],
  ["sign_extension", SIGN_EXTENSION],
  ["saturating_float_to_int", SATURATING_TRUNCATION],
  ["multi_value", MULTI_VALUE],
  ["reference_types", REFERENCE_TYPES],
  ["bulk_memory", BULK_MEMORY],
  ["simd", SIMD],
]);

/** Of names that are none nothing. */
export function featuresNamed(names: readonly string[]): Features {
  let set = 0;
  for (const name of names) {
    const feature = NAMES.get(name);
    if (feature !== undefined) set |= 1 << feature;
  }
  return set;
}

export function has(set: Features, feature: number): boolean {
  return (set & (1 << feature)) !== 0;
}
