// What a script of the specification's test suite consists of: commands, actions, values. The constants of kinds,
// what the runner calls them, and the table of assertions.

import type { ModuleSource } from "./wast.ts";

// kinds of commands
export const MODULE = 0; // instantiate `module`
export const DEFINITION = 1; // only define it
export const INSTANCE = 2; // instantiate the definition `of` as `name`; "" is the last definition
export const REGISTER = 3; // instance `of` ("": the last) under `name`
export const ACTION = 4;
export const ASSERT_RETURN = 5;
export const ASSERT_TRAP = 6; // of an action, or of instantiating `module`
export const ASSERT_EXHAUSTION = 7;
export const ASSERT_EXCEPTION = 8;
export const ASSERT_SUSPENSION = 9;
export const ASSERT_INVALID = 10;
export const ASSERT_MALFORMED = 11;
export const ASSERT_UNLINKABLE = 12;
export const ASSERT_INVALID_CUSTOM = 13;
export const ASSERT_MALFORMED_CUSTOM = 14;
export const THREAD = 15; // what follows, up to its END_THREAD, runs in the thread `name`
export const END_THREAD = 16;
export const WAIT = 17; // for the thread `name`

/** By kind. */
export const COMMAND_NAMES: readonly string[] = [
  ..."module definition instance register action".split(" "),
  ..."assert_return assert_trap assert_exhaustion assert_exception assert_suspension".split(" "),
  ..."assert_invalid assert_malformed assert_unlinkable assert_invalid_custom assert_malformed_custom".split(
    " ",
  ),
  ..."thread end_thread wait".split(" "),
];

// kinds of values: constants and result patterns
export const V_I32 = 0; // words[0]
export const V_I64 = 1; // words[0], words[1]
export const V_F32 = 2; // words[0], unless nans[0]
export const V_F64 = 3; // words[0], words[1], unless nans[0]
export const V_V128 = 4; // words, unless nans[lane], in lanes of `laneBits`
export const V_REF_NULL = 5; // of any type
export const V_REF_EXTERN = 6; // host reference words[0], or any when `any`
export const V_REF_HOST = 7; // the same as anyref
export const V_REF_FUNC = 8; // any non-null reference of the kind, and so on
export const V_REF_I31 = 9;
export const V_REF_EQ = 10;
export const V_REF_STRUCT = 11;
export const V_REF_ARRAY = 12;
export const V_NAN = 13; // f32 or f64, as nans[0] says: of scripts for 1.0
export const V_EITHER = 14; // one of `alternatives`

/** By kind. */
export const VALUE_NAMES: readonly string[] = [
  ..."i32 i64 f32 f64 v128".split(" "),
  ..."ref.null ref.extern ref.host ref.func ref.i31 ref.eq ref.struct ref.array".split(" "),
  ..."nan either".split(" "),
];

// what a lane must be
export const EXACT = 0;
export const CANONICAL = 1;
export const ARITHMETIC = 2;

// what stands behind the subject of an assertion
export const NOTHING = 0;
export const RESULTS = 1;
export const CANONICAL_NAN = 2; // that result, unwritten
export const ARITHMETIC_NAN = 3;
export const MESSAGE = 4;

/** A keyword of assertions. */
export class Assertion {
  readonly name: string;
  readonly kind: number;
  /** It may be about a module; else it is about an action alone. */
  readonly ofModules: boolean;
  readonly follows: number;

  constructor(name: string, kind: number, ofModules: boolean, follows: number) {
    this.name = name;
    this.kind = kind;
    this.ofModules = ofModules;
    this.follows = follows;
  }
}

function ofAction(name: string, kind: number, follows: number): Assertion {
  return new Assertion(name, kind, false, follows);
}

function ofEither(name: string, kind: number): Assertion {
  return new Assertion(name, kind, true, MESSAGE);
}

export const ASSERTIONS: readonly Assertion[] = [
  ofAction("assert_return", ASSERT_RETURN, RESULTS),
  ofAction("assert_return_canonical_nan", ASSERT_RETURN, CANONICAL_NAN),
  ofAction("assert_return_arithmetic_nan", ASSERT_RETURN, ARITHMETIC_NAN),
  ofAction("assert_exception", ASSERT_EXCEPTION, NOTHING),
  ofEither("assert_trap", ASSERT_TRAP),
  ofEither("assert_exhaustion", ASSERT_EXHAUSTION),
  ofEither("assert_suspension", ASSERT_SUSPENSION),
  ofEither("assert_invalid", ASSERT_INVALID),
  ofEither("assert_malformed", ASSERT_MALFORMED),
  ofEither("assert_unlinkable", ASSERT_UNLINKABLE),
  ofEither("assert_invalid_custom", ASSERT_INVALID_CUSTOM),
  ofEither("assert_malformed_custom", ASSERT_MALFORMED_CUSTOM),
];

export class Value {
  readonly kind: number; // V_…
  /** Bits, little-endian 32-bit words. */
  readonly words: Int32Array;
  /** For each lane (scalars: the first) EXACT, CANONICAL or ARITHMETIC. */
  readonly nans: Uint8Array;
  readonly laneBits: number;
  /** No number was given: any reference of the kind. */
  readonly any: boolean;
  readonly alternatives: readonly Value[];

  constructor(
    kind: number,
    words: Int32Array,
    nans: Uint8Array,
    laneBits: number,
    any: boolean,
    alternatives: readonly Value[],
  ) {
    this.kind = kind;
    this.words = words;
    this.nans = nans;
    this.laneBits = laneBits;
    this.any = any;
    this.alternatives = alternatives;
  }
}

export class Action {
  readonly isGet: boolean; // of a global; else a call
  /** Id of the instance, "" for the last. */
  readonly module: string;
  readonly name: string;
  readonly args: readonly Value[];

  constructor(isGet: boolean, module: string, name: string, args: readonly Value[]) {
    this.isGet = isGet;
    this.module = module;
    this.name = name;
    this.args = args;
  }
}

export class Command {
  readonly kind: number;
  readonly line: number;
  readonly name: string;
  readonly of: string;
  readonly module: ModuleSource | null;
  readonly action: Action | null;
  readonly expected: readonly Value[];
  /** What the suite expects to be told. */
  readonly message: string;

  constructor(
    kind: number,
    line: number,
    name: string,
    of: string,
    module: ModuleSource | null,
    action: Action | null,
    expected: readonly Value[],
    message: string,
  ) {
    this.kind = kind;
    this.line = line;
    this.name = name;
    this.of = of;
    this.module = module;
    this.action = action;
    this.expected = expected;
    this.message = message;
  }
}
