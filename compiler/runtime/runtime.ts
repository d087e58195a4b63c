// The run time of an image: all functions that generated code and the glue may call, callers before what they
// call. The driver compiles each in turn if something compiled before refers to its symbol, so what a module
// does not need is not in its image.

import { helper } from "../abi/helpers.ts";
import type { Func } from "../ir/func.ts";
import type { Program } from "../ir/program.ts";
import type { Image } from "../mach/image.ts";
import { Body } from "./body.ts";
import * as breakers from "./breaker.ts";
import * as contexts from "./context.ts";
import * as faults from "./faults.ts";
import * as handlers from "./handlers.ts";
import * as images from "./images.ts";
import * as ledgers from "./ledger.ts";
import type { System } from "./linux.ts";
import * as memories from "./memory.ts";
import * as nogil from "./nogil.ts";
import * as refs from "./refs.ts";
import * as stacks from "./stack.ts";
import * as tables from "./tables.ts";
import * as traps from "./traps.ts";

export class RuntimeFunction {
  readonly name: string;
  readonly write: (c: Body) => void;

  constructor(name: string, write: (c: Body) => void) {
    this.name = name;
    this.write = write;
  }
}

function f(name: string, write: (c: Body) => void): RuntimeFunction {
  return new RuntimeFunction(name, write);
}

export const FUNCTIONS: readonly RuntimeFunction[] = [
  f("watch_faults", handlers.watchFaults),
  f("watch_fault", faults.watchFault),
  f("serve_signals", handlers.serveSignals),
  f("context", contexts.context),
  f("image", images.image),
  f("image_close", images.imageClose),
  f("context_release", contexts.contextRelease),
  f("breaker_find", breakers.breakerFind),
  f("thread_exit", stacks.threadExit),
  f("thread_state_end", breakers.threadStateEnd),
  f("stack_enter", stacks.stackEnter),
  f("breaker", breakers.breaker),
  f("stack_measure", stacks.stackMeasure),
  f("stacks_forget", stacks.stacksForget),
  f("trap_to_exception", traps.trapToException),
  f("on_fault", faults.onFault),
  f("follows_trap", faults.followsTrap),
  f("find_trap", faults.findTrap),
  f("is_trap", faults.isTrap),
  f("fault", traps.fault),

  f("memory_create", memories.memoryCreate),
  f("memory_destroy", memories.memoryDestroy),
  f("memory_grow", memories.memoryGrow),
  f("memory_extend", memories.memoryExtend),
  f("memory_fill", memories.memoryFill),
  f("memory_copy", memories.memoryCopy),
  f("memory_init", memories.memoryInit),

  f("table_create", tables.tableCreate),
  f("table_destroy", tables.tableDestroy),
  f("table_grow", tables.tableGrow),
  f("table_extend", tables.tableExtend),
  f("table_get", tables.tableGet),
  f("table_set", tables.tableSet),
  f("table_fill", tables.tableFill),
  f("table_copy", tables.tableCopy),
  f("table_init", tables.tableInit),
  f("elem_new", tables.elemNew),
  f("elem_funcs", tables.elemFuncs),
  f("elem_drop", tables.elemFree),
  f("elem_free", tables.elemFree),
  f("ledger_settle", ledgers.ledgerSettle),

  f("ref_set", refs.refSet),
  f("ref_store", refs.refStore),
  f("ref_hold", refs.refHold),
  f("func_hold", refs.funcHold),
  f("ref_adopt", refs.refAdopt),
  f("refs_push", refs.refsPush),
  f("refs_room", refs.refsRoom),
  f("refs_sweep", refs.refsSweep),
  f("refs_scan", refs.refsScan),
  f("refs_release", refs.refsRelease),
  f("release", refs.release),
  f("owner", refs.owner),

  // Prologues, loops and cold stubs of all of the above may refer to these.
  f("stack_slow", stacks.stackSlow),
  f("answer", breakers.answer),
  f("raise", traps.raise),
  f("unwind", traps.unwind),
];

/** What stands in the place of functions above, and besides them, in an image whose calls run without the lock. */
export const WITHOUT_LOCK: readonly RuntimeFunction[] = [
  f("nogil_enter", nogil.enterCall),
  f("nogil_leave", nogil.leaveCall),
  f("nogil_trapped", nogil.trapped),
  f("nogil_context", nogil.makeContext),
  f("nogil_free", nogil.freeContext),
  f("memory_grow", nogil.memoryGrow),
  ...["table_set", "table_grow", "table_fill", "table_copy", "table_init", "elem_new", "ref_set"].map(
    (name) => f(name, (c) => nogil.withLock(c, `${name}_locked`)),
  ),
  f("table_set_locked", tables.tableSet),
  f("table_grow_locked", tables.tableGrow),
  f("table_fill_locked", tables.tableFill),
  f("table_copy_locked", tables.tableCopy),
  f("table_init_locked", tables.tableInit),
  f("elem_new_locked", tables.elemNew),
  f("ref_set_locked", refs.refSet),
  f("stack_slow", nogil.stackSlow),
  f("unwind", nogil.unwind),
];

export class Runtime {
  private readonly body: Body;
  private readonly functions: readonly RuntimeFunction[];

  constructor(program: Program, image: Image, system: System, functions: readonly RuntimeFunction[]) {
    this.body = new Body(program, image, system);
    this.functions = functions;
  }

  /**
   * Writes the functions whose symbols `isUsed`, each of which `sink` must be done with when it returns. `isUsed`
   * is asked when a function's turn comes: it must know of all that was compiled before.
   */
  each(sink: (func: Func) => void, isUsed: (symbol: number) => boolean): void {
    const { body } = this;
    for (const { name, write } of this.functions) {
      const symbol = helper(body.program, name);
      if (!isUsed(symbol)) continue;
      body.start(symbol);
      write(body);
      sink(body.finish());
    }
  }
}

/** The run time, the same for all modules. */
export function buildRuntime(program: Program, image: Image, system: System): Runtime {
  return new Runtime(program, image, system, FUNCTIONS);
}

/** What the images of modules have besides that run without the lock of the interpreter. */
export function buildRuntimeWithoutLock(program: Program, image: Image, system: System): Runtime {
  return new Runtime(program, image, system, WITHOUT_LOCK);
}
