// Images in an interpreter: counted, found by their code, closed when nothing of them is left.

import { beforeEach, describe, expect, test } from "vitest";
import { helper } from "../../abi/helpers.ts";
import * as layouts from "../../abi/layout.ts";
import { LEVELS, Process } from "./process.ts";

describe.each(LEVELS)("images, optimized at level %i", (level) => {
  let p: Process;
  let record: bigint;
  let closed: bigint[];
  let known: boolean;
  const field = (offset: number) => p.machine.read(record + BigInt(offset));
  const set = (offset: number, x: bigint) => p.machine.write(record + BigInt(offset), x);

  beforeEach(() => {
    p = new Process(level);
    closed = [];
    known = true;
    p.machine.addresses.set("dlopen", 0x800000n);
    p.machine.natives.set("dlopen", (path, flags) => {
      expect([path, flags]).toEqual([77n, 6n]);
      return known ? 5n : 0n;
    });
    p.machine.natives.set("dlclose", (handle) => {
      closed.push(handle);
      return 0n;
    });
    record = p.call("image", p.context);
    set(layouts.IMAGE_METHODS.offset, p.machine.allocate(64));
  });
  const close = () => p.call("image_close", record, 77n);

  test("one record, with the bounds of the code", () => {
    expect(p.call("image", p.context)).toBe(record);
    expect([field(layouts.IMAGE_START.offset), field(layouts.IMAGE_END.offset)]).toEqual([
      0x700000n,
      0x701000n,
    ]);
    expect(field(8)).toBe(p.machine.address(helper(p.machine.program, "is_trap")));
    expect(p.field(layouts.CONTEXT_IMAGES.offset)).toBe(record);
  });

  test("closed as often as it was opened, with its methods; the record is used again", () => {
    set(layouts.IMAGE_MADE.offset, 3n);
    set(layouts.IMAGE_ENDED.offset, 3n);
    const blocks = p.machine.blocks.size;
    expect(close()).toBe(1n);
    expect(closed).toEqual([5n, 5n, 5n, 5n]);
    expect(p.machine.blocks.size).toBe(blocks - 1);
    expect([field(8), field(layouts.IMAGE_END.offset), field(layouts.IMAGE_METHODS.offset)]).toEqual([
      0n,
      0n,
      0n,
    ]);
    expect(close()).toBe(0n);
    expect(p.call("image", p.context)).toBe(record);
    expect([field(layouts.IMAGE_END.offset), field(layouts.IMAGE_MADE.offset)]).toEqual([0x701000n, 0n]);
    expect(p.machine.blocks.size).toBe(blocks - 1);
  });

  test("not while a module is left, nor where it stays, nor what is not open", () => {
    set(layouts.IMAGE_MADE.offset, 3n);
    set(layouts.IMAGE_ENDED.offset, 2n);
    expect(close()).toBe(0n);
    set(layouts.IMAGE_ENDED.offset, 3n);
    known = false;
    expect(close()).toBe(0n);
    known = true;
    expect(p.call("serve_signals", p.context)).toBe(0n);
    expect(close()).toBe(0n);
    expect([closed, field(layouts.IMAGE_END.offset)]).toEqual([[], 0x701000n]);
  });

  test("without memory there is no record", () => {
    p.setField(layouts.CONTEXT_IMAGES.offset, 0n);
    p.failMalloc = true;
    expect(p.call("image", p.context)).toBe(0n);
  });
});
