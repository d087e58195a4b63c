// One request, one answer: what main.ts serves. The only place that knows JSON.

import { stageNamed } from "./backend.ts";
import { INTERNAL, LIMIT } from "./base/errors.ts";
import { Diagnostic, diagnosticText } from "./diagnostic.ts";
import {
  assemble,
  type Compiled,
  compile,
  describeModule,
  diagnosticOf,
  disassemble,
  readScript,
  requireBinary,
  show,
  validate,
} from "./driver.ts";
import { DEFAULTS, type Options } from "./options.ts";
import type { Pool } from "./pool.ts";
import { cpuFeatures } from "./targets.ts";
import { type Features, featuresNamed, WASM_1_0, WASM_2_0, WASM_3_0 } from "./wasm/features.ts";

export interface Request {
  /** compile, validate, assemble, disassemble, describe, show, script */
  readonly do: string;
  /** Comes back with the answer. */
  readonly number?: number;
  /** Whether it is to be said how far compiling is. */
  readonly progress?: boolean;
  readonly leaf?: string;
  readonly target?: string;
  /** Comma-separated CPU features beyond the target's baseline. */
  readonly cpu?: string;
  /** "binary": the source must be one, as its file's name says. */
  readonly form?: string;
  /** 1.0, 2.0 or 3.0 (the default) … */
  readonly features?: string;
  /** … without these, comma-separated names of wasm/features.ts. */
  readonly without?: string;
  /** Explicit bounds checks instead of a guarded reservation. */
  readonly checked?: boolean;
  /** Integers that do not fit wrap around. */
  readonly wrap?: boolean;
  /** Loops test for interrupts, unless false. */
  readonly interrupts?: boolean;
  /** Calls run without the lock of the interpreter. */
  readonly nogil?: boolean;
  /** Passes of the optimiser: 0 or 2 (the default). */
  readonly level?: number;
  /** Verify IR and allocations on the way. */
  readonly verified?: boolean;
  /** show: ir (as built), opt (optimised), code (with its registers) or asm (as emitted) … */
  readonly stage?: string;
  /** … of the functions whose names contain this. */
  readonly filter?: string;
}

function optionsOf(request: Request, features: Features): Options {
  const target = request.target ?? DEFAULTS.target;
  return {
    leaf: request.leaf ?? DEFAULTS.leaf,
    features,
    target,
    cpu: cpuFeatures(target, (request.cpu ?? "").split(",")),
    level: request.level ?? DEFAULTS.level,
    checked: request.checked ?? DEFAULTS.checked,
    wrap: request.wrap ?? DEFAULTS.wrap,
    interrupts: request.interrupts ?? DEFAULTS.interrupts,
    verified: request.verified ?? DEFAULTS.verified,
    nogil: request.nogil ?? DEFAULTS.nogil,
  };
}

export interface Answer {
  readonly header: object;
  readonly payload: Uint8Array;
}

/** An answer as it is sent. */
export interface Reply {
  readonly header: Uint8Array;
  readonly payload: Uint8Array;
}

/** Bytes of a header that the other side takes. */
const MOST_HEADER = 1 << 26;
const NO_BYTES = new Uint8Array(0);

function featuresOf({ features, without }: Request): Features {
  const all = features === "1.0" ? WASM_1_0 : features === "2.0" ? WASM_2_0 : WASM_3_0;
  return all & ~featuresNamed((without ?? "").split(","));
}

function refusal(diagnostic: Diagnostic): Answer {
  return { header: { error: JSON.parse(diagnosticText(diagnostic)) }, payload: NO_BYTES };
}

function answerOf({ bytes, diagnostic }: Compiled): Answer {
  return diagnostic === null ? { header: {}, payload: bytes } : refusal(diagnostic);
}

export function encoded({ header, payload }: Answer, number: number | undefined): Reply {
  return { header: new TextEncoder().encode(JSON.stringify({ ...header, number })), payload };
}

/** A request whose payload the machine has no room for. */
export const TOO_LARGE = "too large";

function tooLarge(what: string): Answer {
  return refusal(new Diagnostic(LIMIT, "out of memory", what, -1, 0, 0, ""));
}

/**
 * Serves one request; what is large is compiled in a pool of threads. Whatever is thrown on the way is an answer:
 * nothing that a request holds ends the process.
 */
export async function serve(
  request: Request,
  payload: Uint8Array,
  pool: Pool,
  progress: (done: number, functions: number) => void,
): Promise<Reply> {
  try {
    const refused = request.form === "binary" ? requireBinary(payload).diagnostic : null;
    const made =
      refused !== null
        ? refusal(refused)
        : request.do === "compile"
          ? answerOf(await pool.compile(payload, optionsOf(request, featuresOf(request)), progress))
          : answer(request, payload);
    const reply = encoded(made, request.number);
    return reply.header.length <= MOST_HEADER
      ? reply
      : encoded(tooLarge("the answer is too large"), request.number);
  } catch (error) {
    return encoded(refusal(diagnosticOf(error)), request.number);
  }
}

/** The same in this thread, with what is thrown. */
export function answer(request: Request, payload: Uint8Array): Answer {
  const features = featuresOf(request);
  switch (request.do) {
    case "compile":
      return answerOf(compile(payload, optionsOf(request, features)));
    case "show":
      return answerOf(
        show(payload, optionsOf(request, features), stageNamed(request.stage ?? ""), request.filter ?? ""),
      );
    case "describe":
      return answerOf(describeModule(payload, features));
    case "validate":
      return answerOf(validate(payload, features));
    case "assemble":
      return answerOf(assemble(payload, features));
    case "disassemble":
      return answerOf(disassemble(payload, features));
    case "script": {
      const script = readScript(payload, features);
      return { header: JSON.parse(new TextDecoder().decode(script.take())), payload: script.takePayload() };
    }
    case TOO_LARGE:
      return tooLarge("the source is too large");
    default:
      return refusal(new Diagnostic(INTERNAL, "no such request", `${request.do}`, -1, 0, 0, ""));
  }
}
