// Memories: address space is reserved once and committed as the memory grows, so the base never moves. Reserved is
// all that a 32-bit index and offset can reach; where that is refused, the memory's maximum or a part of it, and
// then only code with bounds checks may use the memory (python/kernel.ts, bind).
//
// Bulk operations check everything before they write anything, then work in chunks, between which they poll.

import {
  CONTEXT_SKIP,
  GUARDED_RESERVATION,
  MEMORY_BASE,
  MEMORY_LEDGER,
  MEMORY_MAX,
  MEMORY_RESERVED,
  MEMORY_SIZE,
} from "../abi/layout.ts";
import * as op from "../gen/ir-ops.ts";
import type { Value } from "../ir/func.ts";
import { I64, PTR } from "../ir/ops.ts";
import { MEMORY_OUT_OF_BOUNDS } from "../ir/traps.ts";
import { MAX_MEMORY_PAGES } from "../wasm/limits.ts";
import type { Body } from "./body.ts";
import { enter, leave, settleInside } from "./ledger.ts";
import * as os from "./linux.ts";

const PAGE_SHIFT = 16;
const CHUNK = 16 * 1024 * 1024;

/** (record, pages, maximum) → 0, or -1: exception */
export function memoryCreate(c: Body): void {
  const record = c.argument(0);
  const pages = c.argument(1);
  const max = c.lesser(c.argument(2), c.number(MAX_MEMORY_PAGES));
  const fail = () => {
    c.api("PyErr_NoMemory");
    c.ret([c.i32(-1)]);
  };
  c.whenRarely(c.op(op.I64_LT_U, max, pages), fail);
  const size = inBytes(c, pages);
  const most = inBytes(c, max);
  const reserved = c.variable(I64);
  const base = c.variable(PTR);
  const reserve = (bytes: Value) => {
    const flags = c.i32(os.MAP_RESERVE);
    const none = c.i32(os.PROT_NONE);
    c.set(base, c.api("mmap", c.null(), bytes, none, flags, c.i32(-1), c.number(0)));
  };
  const isRefused = () => c.op(op.PTR_EQ, c.get(base), c.ptr(-1, -1));
  c.set(reserved, c.number(GUARDED_RESERVATION));
  reserve(c.get(reserved));
  c.whenRarely(isRefused(), () => {
    // An empty mapping does not exist: a page at least.
    const least = c.op(op.I64_OR, size, inBytes(c, c.op(op.I64_EXTEND_I32_U, c.op(op.I64_EQZ, pages))));
    const atLeast = (bytes: Value) => c.op(op.I64_SELECT, c.op(op.I64_LT_U, bytes, least), least, bytes);
    const twice = () => c.op(op.I64_SHL, c.get(reserved), c.number(1));
    c.set(reserved, atLeast(most));
    // The interpreter needs room too: as much is left to it as the memory takes.
    reserve(twice());
    c.whileTrue(
      () => c.op(op.I32_AND, isRefused(), c.op(op.I64_LT_U, least, c.get(reserved))),
      () => {
        c.set(reserved, atLeast(inBytes(c, c.op(op.I64_SHR_U, c.get(reserved), c.number(PAGE_SHIFT + 1)))));
        reserve(twice());
      },
    );
    c.when(c.op(op.I32_EQZ, isRefused()), () => c.api("munmap", c.get(base), twice()));
    reserve(c.get(reserved));
  });
  c.whenRarely(isRefused(), fail);
  c.whenRarely(commit(c, c.get(base), size), () => {
    c.api("munmap", c.get(base), c.get(reserved));
    fail();
  });
  c.setField(record, MEMORY_BASE, c.get(base));
  c.setField(record, MEMORY_SIZE, size);
  c.setField(record, MEMORY_MAX, most);
  c.setField(record, MEMORY_RESERVED, c.get(reserved));
  enter(c, c.field(record, MEMORY_LEDGER), size);
  c.ret([c.i32(0)]);
}

function inBytes(c: Body, pages: Value): Value {
  return c.op(op.I64_SHL, pages, c.number(PAGE_SHIFT));
}

/** Makes `size` bytes at `address` usable; not 0 if that failed. */
function commit(c: Body, address: Value, size: Value): Value {
  return c.api("mprotect", address, size, c.i32(os.PROT_READ_WRITE));
}

/** (record) */
export function memoryDestroy(c: Body): void {
  const record = c.argument(0);
  const base = c.field(record, MEMORY_BASE);
  const reserved = c.field(record, MEMORY_RESERVED);
  leave(c, c.field(record, MEMORY_LEDGER), c.field(record, MEMORY_SIZE));
  for (const field of [MEMORY_BASE, MEMORY_SIZE, MEMORY_MAX, MEMORY_RESERVED]) {
    c.setField(record, field, c.zero(field.type));
  }
  c.when(c.isTrue(reserved), () => c.api("munmap", base, reserved));
  c.ret([]);
}

/** (record, pages) → old number of pages, or -1. No exception. */
export function memoryExtend(c: Body): void {
  extend(c, (record, added) => enter(c, c.field(record, MEMORY_LEDGER), added));
}

/** The same; `account` takes note of the bytes that are added. */
export function extend(c: Body, account: (record: Value, added: Value) => void): void {
  const record = c.argument(0);
  const delta = c.argument(1);
  const size = c.field(record, MEMORY_SIZE);
  const pages = c.op(op.I64_SHR_U, size, c.number(PAGE_SHIFT));
  const room = c.lesser(c.field(record, MEMORY_MAX), c.field(record, MEMORY_RESERVED));
  const roomPages = c.op(op.I64_SHR_U, room, c.number(PAGE_SHIFT));
  const refuse = () => c.ret([c.number(-1)]);
  c.whenRarely(c.op(op.I64_LT_U, c.op(op.I64_SUB, roomPages, pages), delta), refuse);
  const added = inBytes(c, delta);
  c.when(c.isTrue(added), () => {
    const end = c.op(op.PTR_ADD, c.field(record, MEMORY_BASE), size);
    c.whenRarely(commit(c, end, added), refuse);
    c.setField(record, MEMORY_SIZE, c.op(op.I64_ADD, size, added));
    account(record, added);
  });
  c.ret([pages]);
}

/** (record, pages) → old number of pages, or -1 */
export function memoryGrow(c: Body): void {
  const before = c.run("memory_extend", c.argument(0), c.argument(1));
  settleInside(c, c.field(c.argument(0), MEMORY_LEDGER));
  c.ret([before]);
}

/** The address of `count` bytes at index `at` (both i64) of the memory; traps if they are not all inside. */
function range(c: Body, record: Value, at: Value, count: Value): Value {
  const size = c.field(record, MEMORY_SIZE);
  const isTooLong = c.op(op.I64_LT_U, size, count);
  const isTooFar = c.op(op.I64_LT_U, c.op(op.I64_SUB, size, count), at); // at + count may wrap around
  c.trapIf(c.op(op.I32_OR, isTooLong, isTooFar), MEMORY_OUT_OF_BOUNDS);
  return c.op(op.PTR_ADD, c.field(record, MEMORY_BASE), at);
}

/** Runs `body` for each chunk of `count` bytes, with its offset and size. */
function inChunks(c: Body, count: Value, body: (offset: Value, size: Value) => void): void {
  const context = c.context();
  const done = c.variable(I64);
  c.set(done, c.number(0));
  c.whileTrue(
    () => c.op(op.I64_LT_U, c.get(done), count),
    () => {
      const offset = c.get(done);
      const size = c.lesser(c.op(op.I64_SUB, count, offset), c.number(CHUNK));
      body(offset, size);
      const now = c.op(op.I64_ADD, offset, size);
      c.set(done, now);
      c.when(c.op(op.I64_LT_U, now, count), () => {
        // Of polls so far apart none is to be skipped.
        c.setField(context, CONTEXT_SKIP, c.number(0));
        c.poll(context);
      });
    },
  );
  c.ret([]);
}

/** (record, destination, byte, count) */
export function memoryFill(c: Body): void {
  const count = c.argument(3);
  const to = range(c, c.argument(0), c.argument(1), count);
  inChunks(c, count, (offset, size) => {
    c.api("memset", c.element(to, offset, 0), c.argument(2), size);
  });
}

/** (destination record, source record, destination, source, count) */
export function memoryCopy(c: Body): void {
  const count = c.argument(4);
  const to = range(c, c.argument(0), c.argument(2), count);
  const from = range(c, c.argument(1), c.argument(3), count);
  // Chunks that overlap their successors' sources must be copied from the end.
  const isBackward = c.op(op.PTR_LT_U, from, to);
  inChunks(c, count, (offset, size) => {
    const last = c.op(op.I64_SUB, c.op(op.I64_SUB, count, offset), size);
    const at = c.op(op.I64_SELECT, isBackward, last, offset);
    c.api("memmove", c.element(to, at, 0), c.element(from, at, 0), size);
  });
}

/** (record, bytes of the segment, its length, destination, source, count) */
export function memoryInit(c: Body): void {
  const count = c.widen(c.argument(5));
  const source = c.widen(c.argument(4));
  const end = c.op(op.I64_ADD, source, count);
  c.trapIf(c.op(op.I64_LT_U, c.widen(c.argument(2)), end), MEMORY_OUT_OF_BOUNDS);
  const to = range(c, c.argument(0), c.argument(3), count);
  const from = c.op(op.PTR_ADD, c.argument(1), source);
  inChunks(c, count, (offset, size) => {
    c.api("memcpy", c.element(to, offset, 0), c.element(from, offset, 0), size);
  });
}
