// What is wrong with a source, as those are told who gave it.

import { INTERNAL, LIMIT, MALFORMED, PROPOSED, STOPPED, UNSUPPORTED } from "./base/errors.ts";
import { jsonObject, jsonString } from "./base/json.ts";

/** Line and column count from 1 and are 0 for binaries; `at` is a byte offset, or -1. */
export class Diagnostic {
  readonly kind: number; // base/errors.ts
  readonly message: string;
  readonly detail: string;
  readonly at: number;
  readonly line: number;
  readonly column: number;
  /** Name of the function the offset lies in, or that was being compiled; or "". */
  readonly function: string;

  /** `detail` and `name` are cut: both may be as long as the source. */
  constructor(
    kind: number,
    message: string,
    detail: string,
    at: number,
    line: number,
    column: number,
    name: string,
  ) {
    this.kind = kind;
    this.message = message;
    this.detail = shortened(detail, kind === INTERNAL ? MOST_STACK : MOST_SHOWN);
    this.at = at;
    this.line = line;
    this.column = column;
    this.function = shortened(name, MOST_SHOWN);
  }
}

/** Characters of a name or a detail. */
const MOST_SHOWN = 300;
/** The same of an internal error's detail: where it happened. */
const MOST_STACK = 4000;

/** The text, cut where it is longer, but not between surrogates. */
function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  const last = text.charCodeAt(most - 1);
  return `${text.slice(0, last >= 0xd800 && last < 0xdc00 ? most - 1 : most)}…`;
}

function kindName(kind: number): string {
  switch (kind) {
    case MALFORMED:
      return "malformed";
    case UNSUPPORTED:
      return "unsupported";
    case PROPOSED:
      return "proposed";
    case LIMIT:
      return "limit";
    case INTERNAL:
      return "internal";
    case STOPPED:
      return "stopped";
    default:
      return "invalid";
  }
}

/** JSON: kind, message, detail, at, line, column, function. */
export function diagnosticText(d: Diagnostic): string {
  return jsonObject([
    ...["kind", jsonString(kindName(d.kind))],
    ...["message", jsonString(d.message)],
    ...["detail", jsonString(d.detail)],
    ...["at", `${d.at}`],
    ...["line", `${d.line}`],
    ...["column", `${d.column}`],
    ...["function", jsonString(d.function)],
  ]);
}
