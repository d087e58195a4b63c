// Where everything lies that generated code and the run time share: the context, the records of memories,
// tables and functions, and the instance (vmctx), whose layout depends on the module. All offsets are bytes on
// a 64-bit target; every cell is 8-byte aligned.

import { F32, F64, I32, I64, REF, V128 } from "../ir/ops.ts";
import { CONV_WASM, type Program, SYM_FUNC } from "../ir/program.ts";
import { EXT_FUNC, type Module } from "../wasm/module.ts";
import * as wasm from "../wasm/types.ts";
import { heapOf, isRef, type ValType } from "../wasm/types.ts";

// --- the context: one per interpreter, shared by all instances; what a thread owns of it changes hands ---

/** The running thread's stack limit, which prologues compare with the stack pointer. */
export const CONTEXT_LIMIT = 0;
/** Entry record: where a trap goes on. */
export const CONTEXT_ENTRY_SP = 8;
export const CONTEXT_ENTRY_PC = 16;
/** The address of the byte that prologues and loops test: not 0 when CPython wants something (runtime/breaker.ts). */
export const CONTEXT_BREAKER = 24;
/** The running thread's stack: lowest address, and size in bytes. */
export const CONTEXT_STACK_LOW = 32;
export const CONTEXT_STACK_SIZE = 40;
/** The trap under way: code, PC of its site, stack pointer there, instance. */
export const CONTEXT_TRAP_CODE = 48;
export const CONTEXT_TRAP_PC = 56;
export const CONTEXT_TRAP_SP = 64;
export const CONTEXT_TRAP_VMCTX = 72;
/** Python callable trap(code, pc, sp, stack bytes) → exception of the package; owned. */
export const CONTEXT_RAISE = 80;
/** Types of the native objects (PyTypeObject*, owned): memories, tables, globals. */
export const CONTEXT_MEMORY_TYPE = 88;
export const CONTEXT_TABLE_TYPE = 96;
export const CONTEXT_GLOBAL_TYPE = 104;
/** References that live on the wasm stack: an array of pairs (runtime/refs.ts), count and capacity in pairs. */
export const CONTEXT_REFS = 112;
export const CONTEXT_REFS_COUNT = 120;
export const CONTEXT_REFS_CAPACITY = 128;
/** Dictionary of canonical types (PyObject*, owned): structure → number. */
export const CONTEXT_TYPES = 136;
/** Dictionary (PyObject*, owned): address of a builtin of wasmpy → address of its function record. */
export const CONTEXT_FUNCS = 144;
/** The bytes object that holds the stack of the trap under way, or null; owned. */
export const CONTEXT_TRAP_STACK = 192;
/** Where the byte lies in the state of the interpreter or the thread; 0 while that is not known for sure. */
export const CONTEXT_BREAKER_AT = 200;
/** pthread_key_t whose destructor forgets the bounds of an ending thread's stack. */
export const CONTEXT_THREAD_KEY = 208;
/** Known stacks: STACKS records (lowest address, size, the thread's CONTEXT_BREAKER), and which one to overwrite next. */
export const CONTEXT_NEXT_STACK = 216;
export const CONTEXT_STACKS = 224;
export const STACKS = 8;
/** The images that have instances in the interpreter: a list of records, see runtime/images.ts. */
export const CONTEXT_IMAGES = 416;
/** How often an answer has been put off because there is too little stack for Python code. */
export const CONTEXT_PUT_OFF = 424;
/** What is to be released where wasm code was entered, for want of stack (PyObject*, owned), or null. */
export const CONTEXT_DROPPED = 432;
/** After an answer that left the breaker set: so many polls are not answered, nor any before the clock's next tick. */
export const CONTEXT_SKIP = 440;
export const CONTEXT_TICK = 448;
/** The byte of threads whose own is not known: never 0. */
export const CONTEXT_ALWAYS = 456;
/** Code that does nothing (PyObject*, owned): the evaluation of it answers what only CPython's own loop does. */
export const CONTEXT_NOTHING = 464;
/** The destructor of what tells that a thread state ends: of the image that made the context. */
export const CONTEXT_THREAD_END = 472;
/** The ledger of what memories and tables hold (runtime/ledger.ts), LEDGER_BYTES long. */
export const CONTEXT_LEDGER = 480;
export const CONTEXT_BYTES = 504;

// --- the context of an instance that runs without the lock of the interpreter (runtime/nogil.ts) ---
// It begins as that of an interpreter does, so that wasm code need not know which one it has.

/** The interpreter's context. */
export const OWN_SHARED = CONTEXT_BYTES;
/** PyThreadState of the thread inside, while it is without the lock of the interpreter; else null. */
export const OWN_THREAD = CONTEXT_BYTES + 8;
/** The instance's lock (PyThread_type_lock), the thread that has it or 0, and how many of its calls are inside. */
export const OWN_LOCK = CONTEXT_BYTES + 16;
export const OWN_HOLDER = CONTEXT_BYTES + 24;
export const OWN_DEPTH = CONTEXT_BYTES + 32;
/** Bytes by which memories have grown since the ledger was told. */
export const OWN_GROWN = CONTEXT_BYTES + 40;
/** The clock at the last answer. */
export const OWN_ANSWERED = CONTEXT_BYTES + 48;
/** A page of its own, that is zero in a forked child: not 0 once a thread of this process had the lock. */
export const OWN_PRESENT = 4096;
export const OWN_BYTES = 8192;

// --- records ---------------------------------------------------------------------------------------------

/**
 * An image in an interpreter: a node (runtime/handlers.ts) whose subject is the image's `is_trap`, null once it is
 * closed; the bounds of its code; how many modules of it were executed, and how many of them have ended; 1 if it must
 * stay open; PyMethodDef of each row, made by the first instance; how often the record has been filled.
 */
export const IMAGE_START = 16;
export const IMAGE_END = 24;
export const IMAGE_MADE = 32;
export const IMAGE_ENDED = 40;
export const IMAGE_STAYS = 48;
export const IMAGE_METHODS = 56;
export const IMAGE_GENERATION = 64;
export const IMAGE_RECORD_BYTES = 72;

/** Bytes held by memories and tables; how many may be before garbage is looked for; the callable that does (owned). */
export const LEDGER_BYTES = 0;
export const LEDGER_LIMIT = 8;
export const LEDGER_COLLECT = 16;

/** A memory: base address, size and maximum in bytes, reserved address space in bytes, the ledger. */
export const MEMORY_BASE = 0;
export const MEMORY_SIZE = 8;
export const MEMORY_MAX = 16;
export const MEMORY_RESERVED = 24;
export const MEMORY_LEDGER = 32;
export const MEMORY_RECORD_BYTES = 40;
/** What a memory must have reserved to be accessed unchecked: a 32-bit index plus a 32-bit offset, and 16 bytes. */
export const GUARDED_RESERVATION = 0x2_0000_0000 + 65536;

/**
 * A table: array of references (8 bytes each), number of elements, maximum; 1 if it holds function records; the ledger.
 */
export const TABLE_BASE = 0;
export const TABLE_SIZE = 8;
export const TABLE_MAX = 16;
export const TABLE_IS_FUNC = 24;
export const TABLE_LEDGER = 32;
export const TABLE_RECORD_BYTES = 40;

/**
 * A function reference points to such a record, in the state of the instance `vmctx` (never null: the record of an
 * imported Python callable belongs to the importing instance, and a cell that holds the reference counts one on
 * that instance's module). `code` is the bare function: callable when `vmctx` is the caller's own. `foreign` is
 * called from anywhere else, with the record as an additional first argument. `type` is the canonical type;
 * `object` the builtin that stands for an own function (owned by the instance), null until asked for, or the
 * imported Python callable.
 */
export const FUNC_CODE = 0;
export const FUNC_VMCTX = 8;
export const FUNC_TYPE = 16;
export const FUNC_FOREIGN = 24;
export const FUNC_OBJECT = 32;
export const FUNC_RECORD_BYTES = 40;

/** An element segment of an instance: array of references, and its length (0 once dropped). */
export const ELEM_ARRAY = 0;
export const ELEM_LENGTH = 8;
export const ELEM_BYTES = 16;

// --- the instance: fixed part -----------------------------------------------------------------------------

export const VMCTX_CONTEXT = 0;
/** Base of memory 0, what the target's second pinned register holds: the beginning of a page, or 0. */
export const VMCTX_BASE = 8;
/** The module object (borrowed). */
export const VMCTX_MODULE = 16;
/** The dictionary CONTEXT_FUNCS, owned by the instance too: it outlives the interpreter's hold on the context. */
export const VMCTX_FUNCS = 24;
/** The image's C function (record) → new reference to the builtin of a function record of this instance. */
export const VMCTX_FUNCTION = 32;
/** The record of the image, which counts the instance; null before. */
export const VMCTX_IMAGE = 40;
export const VMCTX_FIXED_BYTES = 48;

/** The register type of a wasm value type. */
export function irType(t: ValType): number {
  switch (t) {
    case wasm.I32:
      return I32;
    case wasm.I64:
      return I64;
    case wasm.F32:
      return F32;
    case wasm.F64:
      return F64;
    case wasm.V128:
      return V128;
    default:
      return REF;
  }
}

/** True for references to functions: what a table or global of this type holds are function records. */
export function isFuncRef(t: ValType, module: Module): boolean {
  if (!isRef(t)) return false;
  const heap = heapOf(t);
  return (
    heap === wasm.FUNC || heap === wasm.NOFUNC || (heap >= 0 && module.types[heap].kind === wasm.COMP_FUNC)
  );
}

/** Whether accesses to a memory rely on its reservation; `checked`: the image's code checks all of them. */
export function isGuarded(module: Module, memory: number, checked: boolean): boolean {
  return memory === 0 && !checked && memory < module.memories.length && !module.memories[0].type.limits.is64;
}

/** Offsets in the instance of one module. Arrays are indexed as the module's index spaces are. */
export class Layout {
  /** Pointer to the memory's record. */
  readonly memory: number[];
  /** Pointer to the table's record. */
  readonly table: number[];
  /** Own global: its 16-byte cell; imported: a pointer to the cell. */
  readonly global: number[];
  /** Imported function: pointer to its record. Own function that escapes: the record itself. Else -1. */
  readonly func: number[];
  /** Imported function: room for the record of a Python callable, to which the pointer may lead. Else -1. */
  readonly importRecord: number[];
  /** Canonical type of the module's type i, as call_indirect compares it (a word). */
  readonly type: number[];
  /** Current length of data segment i (i32; 0 once dropped). */
  readonly data: number[];
  /** The element segment's ELEM_… cells. */
  readonly elem: number[];
  readonly bytes: number;

  constructor(module: Module, escaping: Uint8Array) {
    let at = VMCTX_FIXED_BYTES;
    const take = (size: number) => {
      const place = at;
      at += size;
      return place;
    };
    this.memory = module.memories.map(() => take(8));
    this.table = module.tables.map(() => take(8));
    this.type = module.types.map(() => take(8));
    this.data = module.datas.map(() => take(8));
    this.elem = module.elems.map(() => take(ELEM_BYTES));
    this.func = module.funcs.map((f, i) =>
      f.imported ? take(8) : escaping[i] !== 0 ? take(FUNC_RECORD_BYTES) : -1,
    );
    this.importRecord = module.funcs.map((f) => (f.imported ? take(FUNC_RECORD_BYTES) : -1));
    at = (at + 15) & ~15;
    this.global = module.globals.map((g) => take(g.imported ? 8 : 16));
    this.bytes = at;
  }
}

/** Names that helpers and glue have in an image: a wasm function must not be taken for one. */
function isReserved(name: string): boolean {
  return name.startsWith("wasmpy_") || name.startsWith("Py") || name.startsWith("import ");
}

/**
 * Symbol names of a module's functions: no two are the same, whatever the name section says, and none has a NUL. The
 * index tells a name from one that another function, a helper or glue has.
 */
export function functionNames(module: Module): string[] {
  const names: string[] = module.funcs.map((_, i) => module.funcNames.get(i) ?? "");
  for (const e of module.exports) if (e.kind === EXT_FUNC && names[e.index] === "") names[e.index] = e.name;
  const seen = new Set<string>();
  return names.map((name, i) => {
    let unique = name === "" ? `func[${i}]` : name.split("\0").join("\ufffd");
    if (isReserved(unique)) unique += `[${i}]`;
    while (seen.has(unique)) unique = `${unique}[${i}]`;
    seen.add(unique);
    return unique;
  });
}

/** The symbol of own function `index`; all of them are made, in order, before anything else refers to them. */
export function functionSymbols(module: Module, program: Program): Int32Array {
  const names = functionNames(module);
  return Int32Array.from(module.funcs, (f, i) =>
    f.imported ? -1 : program.symbol(names[i], SYM_FUNC, wasmSignature(module, f.type | 0, program)),
  );
}

/** The IR signature of type index `type`, in the wasm convention. The instance travels in its pinned register. */
function wasmSignature(module: Module, type: number, program: Program): number {
  const t = module.types[type];
  return program.signature(t.params.map(irType), t.results.map(irType), CONV_WASM);
}
