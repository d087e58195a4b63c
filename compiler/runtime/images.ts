// The images that have instances in an interpreter: one record each (abi/layout.ts), in the list of the context. The
// record counts the modules of the image that were executed and those that have ended; when all have, nothing of it is
// referred to any more, and it can be closed. What else would refer to it (types, signal handlers, destructors) marks
// the record: such an image stays.
//
// Handlers of signals read the list at any moment, in any thread. So records are never freed, but used again for other
// images; and who has read a record's fields in that moment sees by its subject whether they belong together.

import {
  CONTEXT_IMAGES,
  IMAGE_END,
  IMAGE_ENDED,
  IMAGE_GENERATION,
  IMAGE_MADE,
  IMAGE_METHODS,
  IMAGE_RECORD_BYTES,
  IMAGE_START,
  IMAGE_STAYS,
  NODE_SUBJECT,
} from "../abi/layout.ts";
import type { Field } from "../abi/records.ts";
import * as op from "../gen/ir-ops.ts";
import type { Value } from "../ir/func.ts";
import { PTR } from "../ir/ops.ts";
import { SYM_FUNC } from "../ir/program.ts";
import { type Body, TEXT_END, TEXT_START } from "./body.ts";
import type { Code } from "./code.ts";
import { eachNode, link } from "./handlers.ts";
import * as os from "./linux.ts";

/** (context) → the record of this image, made at first; null: exception. */
export function image(c: Body): void {
  const images = c.addressOf(c.argument(0), CONTEXT_IMAGES);
  const ours = c.address("is_trap");
  const unused = c.variable(PTR);
  c.set(unused, c.null());
  eachNode(c, images, (known, record) => {
    c.when(c.op(op.PTR_EQ, known, ours), () => c.ret([record]));
    c.set(unused, c.op(op.PTR_SELECT, c.isNull(known), record, c.get(unused)));
  });
  c.when(c.isThere(c.get(unused)), () => {
    fill(c, c.get(unused));
    c.ret([c.get(unused)]);
  });
  const record = c.api("calloc", c.number(1), c.number(IMAGE_RECORD_BYTES));
  c.whenRarely(c.isNull(record), () => c.ret([c.api("PyErr_NoMemory")]));
  fill(c, record);
  link(c, images, record);
  c.ret([record]);
}

/** Fills a record that has no subject; the end of its code, which makes it match, comes last. */
function fill(c: Body, record: Value): void {
  c.setField(record, IMAGE_START, c.symbol(c.program.symbol(TEXT_START, SYM_FUNC)));
  for (const field of [IMAGE_MADE, IMAGE_ENDED, IMAGE_STAYS]) c.setField(record, field, c.number(0));
  c.setField(record, IMAGE_METHODS, c.null());
  count(c, record, IMAGE_GENERATION);
  c.setField(record, NODE_SUBJECT, c.address("is_trap"));
  c.setField(record, IMAGE_END, c.symbol(c.program.symbol(TEXT_END, SYM_FUNC)));
}

/** Runs `body` with the subject of each record of the list at `images` that has `pc` in its code. */
export function whoseCode(c: Body, images: Value, pc: Value, body: (subject: Value) => void): void {
  eachNode(c, images, (subject, record) => {
    const isInside = () => {
      const isBelow = c.op(op.PTR_LT_U, pc, c.field(record, IMAGE_START));
      return c.op(op.I32_LT_U, isBelow, c.op(op.PTR_LT_U, pc, c.field(record, IMAGE_END)));
    };
    c.when(isInside(), () => {
      // Where the code runs the record is firm; else another thread may be giving it to another image. Calls, so that the
      // fields are read again: the bounds, between two times that the subject is the same.
      c.api("getpid");
      const isStill = isInside();
      c.api("getpid");
      const isSame = c.op(op.PTR_EQ, c.field(record, NODE_SUBJECT), subject);
      c.when(c.op(op.I32_AND, isSame, isStill), () => body(subject));
    });
  });
}

/**
 * (record, path) → 1 if the image is closed now. It is not while modules of it are left, or where it must stay. Called
 * in another image: this code must not be in the one that is closed.
 *
 * Whoever made a module opened the image once more: it is closed as often, so that what other interpreters, or others
 * in the process, opened by themselves stays, and what was made of it and never executed.
 */
export function imageClose(c: Body): void {
  const [record, path] = [c.argument(0), c.argument(1)];
  const refuse = () => c.ret([c.i32(0)]);
  const made = c.field(record, IMAGE_MADE);
  c.when(c.op(op.I64_NE, made, c.field(record, IMAGE_ENDED)), refuse);
  c.when(c.isTrue(c.field(record, IMAGE_STAYS)), refuse);
  c.when(c.isNull(c.field(record, NODE_SUBJECT)), refuse);
  c.when(c.isNull(c.apiAddress("dlopen")), refuse);
  const handle = c.api("dlopen", path, c.i32(os.DLOPEN_KNOWN));
  c.when(c.isNull(handle), refuse);

  c.setField(record, IMAGE_END, c.null());
  c.setField(record, NODE_SUBJECT, c.null());
  c.api("free", c.field(record, IMAGE_METHODS));
  c.setField(record, IMAGE_METHODS, c.null());
  c.repeat(c.op(op.I64_ADD, made, c.number(1)), () => c.api("dlclose", handle));
  c.ret([c.i32(1)]);
}

/** One more in a counter of the record. */
export function count(c: Code, record: Value, counter: Field): void {
  c.setField(record, counter, c.op(op.I64_ADD, c.field(record, counter), c.number(1)));
}
