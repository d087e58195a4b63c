// Trap codes: what `trap` and `trap_if` carry, what reaches Python, and the message in the words of the spec.
// The Python class of each code is chosen by python/wasmpy/_errors.py from the same names.

export const UNREACHABLE = 0;
export const DIVIDE_BY_ZERO = 1;
export const INTEGER_OVERFLOW = 2;
export const INVALID_CONVERSION = 3;
export const MEMORY_OUT_OF_BOUNDS = 4;
export const TABLE_OUT_OF_BOUNDS = 5;
export const UNDEFINED_ELEMENT = 6;
export const UNINITIALIZED_ELEMENT = 7;
export const INDIRECT_CALL_TYPE = 8;
export const STACK_EXHAUSTED = 9;
export const NULL_REFERENCE = 10;
/** Not a trap of wasm: a Python exception is set and travels through the frames. */
export const PYTHON_EXCEPTION = 11;
/** Version 1.0 checks active segments before it writes any; these become LinkError. */
export const DATA_DOES_NOT_FIT = 12;
export const ELEM_DOES_NOT_FIT = 13;
export const NULL_FUNCTION = 14;

export const TRAP_MESSAGES: readonly string[] = [
  "unreachable",
  "integer divide by zero",
  "integer overflow",
  "invalid conversion to integer",
  "out of bounds memory access",
  "out of bounds table access",
  "undefined element",
  "uninitialized element",
  "indirect call type mismatch",
  "call stack exhausted",
  "null reference",
  "python exception",
  "data segment does not fit",
  "elements segment does not fit",
  "null function reference",
];
