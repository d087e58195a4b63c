// Faults: which are traps, and what becomes of the others.

import { beforeEach, describe, expect, test } from "vitest";
import { helper } from "../../abi/helpers.ts";
import * as layouts from "../../abi/layout.ts";
import { LP64 } from "../../abi/model.ts";
import { MEMORY_OUT_OF_BOUNDS } from "../../ir/traps.ts";
import { PC_TABLE } from "../../runtime/body.ts";
import { MARK } from "../../runtime/handlers.ts";
import * as os from "../../runtime/linux.ts";
import {
  SHAPE,
  SHAPE_BYTES,
  SHAPE_SPACES,
  SPACE_BYTES,
  SPACE_COUNT,
  SPACE_POINTERS,
} from "../../runtime/shape.ts";
import { EXT_MEMORY } from "../../wasm/module.ts";
import { Resumed } from "../interpret.ts";
import { LAYOUT, LEVELS, Process } from "./process.ts";

describe.each(LEVELS)("faults, optimized at level %i", (level) => {
  let p: Process;
  beforeEach(() => {
    p = new Process(level);
  });

  const TEXT = 0x700000n;
  const BASE = 0x100000000n;
  let info: bigint;
  let ucontext: bigint;
  beforeEach(() => {
    const m = p.machine;
    // sites 16 (call), 20 and 300 (traps), 301 (call)
    const sites = [16n, 20n, 300n, 301n];
    const infos = [5n, (1n << 31n) | 7n, (1n << 31n) | 9n, 1n];
    const table = m.allocate(8 + 2 * 16 + 8 * 4);
    [2n, 4n, 0n, 16n, 16n, 512n, 8n, 24n, 0n, 1n, ...sites, ...infos].forEach((x, i) => {
      m.write(table + BigInt(4 * i), x, 4);
    });
    m.addresses.set(PC_TABLE, table);
    const memories = SHAPE_SPACES.offset + EXT_MEMORY * SPACE_BYTES;
    const shape = m.allocate(SHAPE_BYTES);
    m.write(shape + BigInt(memories + SPACE_COUNT.offset), 1n, 4);
    m.write(shape + BigInt(memories + SPACE_POINTERS.offset), BigInt(LAYOUT.memory[0]), 4);
    m.addresses.set(SHAPE, shape);
    const record = m.allocate(32);
    m.write(record, BASE);
    m.write(record + 24n, (1n << 33n) + 65536n);
    m.write(m.vmctx + BigInt(LAYOUT.memory[0]), record);
    info = m.allocate(128);
    ucontext = m.sp; // where the kernel puts it
    m.bytes.fill(0, Number(m.sp), Number(m.sp) + 1000);
    m.write(ucontext + BigInt(os.LINUX_X64.vmctx.offset), m.vmctx);
  });

  const faultAt = (pc: bigint, address: bigint, sp = 0x55008n) => {
    p.machine.write(ucontext + BigInt(os.LINUX_X64.pc.offset), pc);
    p.machine.write(ucontext + BigInt(os.LINUX_X64.sp.offset), sp);
    p.machine.write(info + 8n, 1n, 4);
    p.machine.write(info + 16n, address);
  };
  const pc = () => p.machine.read(ucontext + BigInt(os.LINUX_X64.pc.offset));
  const sp = () => p.machine.read(ucontext + BigInt(os.LINUX_X64.sp.offset));
  const deliver = () => p.call("on_fault", 11n, info, ucontext);
  const caught = (at: bigint, address: bigint) => {
    faultAt(at, address);
    return p.call("find_trap", address, ucontext);
  };

  test("a trap site inside the reservation goes on in `fault`, on an aligned stack", () => {
    expect(caught(TEXT + 20n, BASE)).toBe(p.machine.address(helper(p.machine.program, "fault")));
    expect([pc(), sp()]).toEqual([TEXT + 20n, 0x55008n]);
    deliver();
    expect([pc(), sp()]).toEqual([p.machine.address(helper(p.machine.program, "fault")), 0x54ff8n]);
    expect(p.field(layouts.CONTEXT_TRAP_PC.offset)).toBe(TEXT + 20n);
    expect(p.field(layouts.CONTEXT_TRAP_SP.offset)).toBe(0x55008n);
    faultAt(TEXT + 300n, BASE + (1n << 33n) + 65535n, 0x55010n);
    deliver();
    expect(sp()).toBe(0x55008n);
    p.setField(layouts.CONTEXT_TRAP_SP.offset, p.machine.sp - 64n);
    expect(() => p.call("fault")).toThrow(Resumed);
    expect(p.field(layouts.CONTEXT_TRAP_CODE.offset) & 255n).toBe(BigInt(MEMORY_OUT_OF_BOUNDS));
  });

  test.each([
    ["a call's return address", TEXT + 16n, BASE],
    ["the last site, a call", TEXT + 301n, BASE],
    ["no site", TEXT + 21n, BASE],
    ["before all sites", TEXT, BASE],
    ["behind all sites", TEXT + 400n, BASE],
    ["code of others", TEXT - 1n, BASE],
    ["behind the code", TEXT + 4096n, BASE],
    ["below the memory", TEXT + 20n, BASE - 1n],
    ["behind the memory", TEXT + 20n, BASE + (1n << 33n) + 65536n],
    ["null", TEXT + 20n, 0n],
  ])("not ours: %s", (_, at, address) => {
    expect(caught(at, address)).toBe(0n);
    expect(pc()).toBe(at);
  });

  test("installed once, never in a chain with itself", () => {
    expect(p.call("watch_fault", p.context, 11n, 0n)).toBe(0n);
    const ours = p.machine.address(helper(p.machine.program, "on_fault"));
    expect(p.handler(11)).toBe(ours);
    p.call("watch_fault", p.context, 11n, 0n);
    deliver(); // a fault of nobody: default action
    expect(p.handler(11)).toBe(0n);
  });

  test("a foreign fault goes to the handler before, in its form", () => {
    const calls: bigint[][] = [];
    const old = p.foreign("old_handler", (...x) => {
      calls.push(x);
      return undefined;
    });
    p.install(11, old, os.SA_SIGINFO);
    p.install(7, old);
    p.call("watch_fault", p.context, 11n, 0n);
    p.call("watch_fault", p.context, 7n, 0n);
    faultAt(5n, 5n);
    deliver();
    p.call("on_fault", 7n, info, ucontext);
    expect(calls).toEqual([[11n, info, ucontext], [7n]]);
  });

  test("who displaced us and chains to us does not make a circle", () => {
    p.call("watch_fault", p.context, 11n, 0n);
    const ours = p.handler(11);
    const displacer = p.foreign("displacer", (...x) => {
      p.machine.sp -= 64n; // a frame of its own
      p.log.push("displacer");
      p.machine.callAddress(ours, x);
      p.machine.sp += 64n;
      return undefined;
    });
    p.install(11, displacer, os.SA_SIGINFO);
    p.call("watch_fault", p.context, 11n, 0n);
    expect(p.handler(11)).toBe(ours);
    faultAt(5n, 5n);
    deliver();
    expect(p.log.filter((x) => x === "displacer")).toEqual(["displacer"]);
    expect(p.handler(11)).toBe(0n); // the first action was the default
  });

  test("who displaced us and has put us back is not asked any more", () => {
    const old = p.foreign("old_handler", () => {
      p.log.push("old");
      return undefined;
    });
    p.install(11, old);
    p.call("watch_fault", p.context, 11n, 0n);
    const ours = p.handler(11);
    const displacer = p.foreign("displacer", () => {
      p.log.push("displacer");
      return undefined;
    });
    const last = () => {
      faultAt(5n, 5n);
      deliver();
      return p.log.filter((x) => x === "displacer" || x === "old").at(-1);
    };
    expect(last()).toBe("old");
    for (let i = 0; i < 2; i++) {
      p.install(11, displacer);
      p.call("watch_fault", p.context, 11n, 0n);
      expect([p.handler(11), last()]).toEqual([ours, "displacer"]);
      p.call("watch_fault", p.context, 11n, 1n);
      expect([p.handler(11), last()]).toEqual([ours, "old"]);
    }
  });

  test("images share one handler", () => {
    const told: bigint[] = [];
    const first = p.foreign("first_image", (signal, node) => {
      expect(signal).toBe(0n);
      told.push(p.machine.read(node + 8n));
      return undefined;
    });
    p.install(11, first, os.SA_SIGINFO, MARK);
    p.call("watch_fault", p.context, 11n, 0n);
    expect(p.handler(11)).toBe(first);
    expect(told).toEqual([p.context]);
    // The other side: our handler knows the context, which knows another image.
    p.actions.clear();
    expect(p.call("serve_signals", p.context)).toBe(0n);
    const blocks = p.machine.blocks.size;
    expect(p.call("serve_signals", p.context)).toBe(0n);
    expect(p.machine.blocks.size).toBe(blocks);
    p.call("watch_fault", p.context, 11n, 0n);
    const other = p.foreign("other_image", (at, u) => {
      expect([at, u]).toEqual([BASE, ucontext]);
      p.log.push("other");
      return 0x7777n;
    });
    const record = p.machine.allocate(layouts.IMAGE_RECORD_BYTES);
    p.machine.write(record, p.field(layouts.CONTEXT_IMAGES.offset));
    p.machine.write(record + 8n, other);
    p.machine.write(record + BigInt(layouts.IMAGE_START.offset), 4n);
    p.machine.write(record + BigInt(layouts.IMAGE_END.offset), 6n);
    p.setField(layouts.CONTEXT_IMAGES.offset, record);
    faultAt(5n, BASE);
    deliver();
    expect(count("other")).toBe(1);
    // Where that image's traps go on, which may do so in another way.
    expect(pc()).toBe(0x7777n);
    expect(p.handler(11)).not.toBe(0n);
    // It is asked for its own code only.
    for (const at of [3n, 6n]) {
      faultAt(at, BASE);
      expect(p.call("find_trap", BASE, ucontext)).toBe(0n);
    }
    expect(count("other")).toBe(1);
    p.failMalloc = true;
    expect(p.call("serve_signals", p.context)).toBe(0xffffffffn);
  });

  /** The signal as raise() sends it. */
  const sent = () => {
    p.machine.write(info + 8n, BigInt.asUintN(32, BigInt(os.SI_TKILL)), 4);
    p.machine.write(info + 16n, 42n, 4);
  };
  const count = (word: string) => p.log.filter((x) => x === word).length;

  describe("a foreign handler that was called first raises the signal", () => {
    const RESTORER = 0x5555n; // as the interpreter has it
    let outer: bigint;
    /** What the foreign handler was called for lies above, on the same stack. */
    const called = (at: bigint, address: bigint, returnsTo = RESTORER) => {
      p.machine.write(ucontext - 8n, RESTORER);
      outer = ucontext + 1040n;
      p.machine.write(outer - 8n, returnsTo);
      p.machine.write(outer + BigInt(os.LINUX_X64.pc.offset), at);
      p.machine.write(outer + BigInt(os.LINUX_X64.vmctx.offset), p.machine.vmctx);
      p.machine.write(outer + BigInt(os.LINUX_X64.address.offset), address);
      p.machine.write(ucontext + BigInt(os.UCONTEXT_STACK_LOW.offset(LP64)), ucontext - 4096n);
      p.machine.write(ucontext + BigInt(os.UCONTEXT_STACK_SIZE.offset(LP64)), 8192n);
    };
    const follows = () => p.call("follows_trap", ucontext, RESTORER);

    test("for a trap: then that comes again", () => {
      called(TEXT + 20n, BASE);
      expect(follows()).toBe(1n);
      p.call("watch_fault", p.context, 11n, 0n);
      faultAt(5n, 5n);
      sent();
      deliver();
      expect([p.handler(11) !== 0n, count("raise 11")]).toEqual([true, 0]);
      // Without an alternate stack it lies on the thread's own.
      p.call("serve_signals", p.context);
      p.machine.write(ucontext + BigInt(os.UCONTEXT_STACK_SIZE.offset(LP64)), 0n);
      expect(follows()).toBe(0n);
      p.setField(layouts.CONTEXT_STACK_LOW.offset, ucontext - 65536n);
      p.setField(layouts.CONTEXT_STACK_SIZE.offset, 65536n + 8192n);
      expect(follows()).toBe(1n);
    });

    test("for a fault that is none", () => {
      called(5n, 5n);
      expect(follows()).toBe(0n);
      called(TEXT + 20n, BASE - 1n);
      expect(follows()).toBe(0n);
      called(TEXT + 20n, BASE, 5n);
      expect(follows()).toBe(0n);
    });

    test("beyond the stack", () => {
      called(TEXT + 20n, BASE);
      p.machine.write(ucontext + BigInt(os.UCONTEXT_STACK_SIZE.offset(LP64)), 4096n + 1040n + 303n);
      expect(follows()).toBe(0n);
      p.machine.write(ucontext + BigInt(os.UCONTEXT_STACK_SIZE.offset(LP64)), 4096n + 1040n + 320n);
      expect(follows()).toBe(1n);
    });
  });

  test("a signal that somebody sends is not ours", () => {
    p.call("watch_fault", p.context, 11n, 0n);
    faultAt(5n, 5n);
    sent();
    deliver();
    expect([p.handler(11), count("raise 11")]).toEqual([0n, 1]);
  });

  test("a handler that puts us back and raises the signal is asked once", () => {
    const dump = p.foreign("dump", () => {
      p.log.push("dump");
      p.pending |= 1n << 10n;
      return undefined;
    });
    p.install(11, dump);
    p.call("watch_fault", p.context, 11n, 0n);
    faultAt(5n, 5n);
    deliver();
    expect([count("dump"), p.handler(11)]).toEqual([1, 0n]);
    // One that was there before it takes over.
    const later = p.foreign("later", () => {
      p.pending |= 1n << 10n;
      return undefined;
    });
    p.install(11, later);
    p.pending = 0n;
    p.call("watch_fault", p.context, 11n, 0n);
    deliver();
    expect([count("dump"), p.handler(11)]).toEqual([1, dump]);
  });

  test("nor is one asked for ever that does nothing", () => {
    const idle = p.foreign("idle", () => {
      p.log.push("idle");
      return undefined;
    });
    p.install(11, idle);
    p.call("watch_fault", p.context, 11n, 0n);
    for (let k = 0; k < 3; k++) {
      for (let i = 0n; i < 90n; i++) {
        faultAt(5n, 5n + BigInt(k));
        deliver();
      }
    }
    expect(count("idle")).toBe(270);
    expect(p.handler(11)).not.toBe(0n);
    for (let i = 0; i < 11; i++) deliver();
    expect(p.handler(11)).toBe(0n);
  });

  test("a fault cannot be ignored, a signal can", () => {
    p.install(11, 1n);
    p.call("watch_fault", p.context, 11n, 0n);
    faultAt(5n, 5n);
    sent();
    deliver();
    expect([p.handler(11) !== 0n, count("raise 11")]).toEqual([true, 0]);
    faultAt(5n, 5n);
    deliver();
    expect(p.handler(11)).toBe(0n);
  });
});
