// Where everything lies that generated code and the run time share: the context, the records of memories,
// tables and functions, and the instance (vmctx), whose layout depends on the module. How they are laid
// out is told in records.ts.

import { REGION_C, REGION_CONTEXT, REGION_VMCTX } from "../ir/access.ts";
import { F32, F64, I32, I64, REF, V128 } from "../ir/ops.ts";
import { CONV_WASM, type Program, SYM_FUNC } from "../ir/program.ts";
import { EXT_FUNC, type Module } from "../wasm/module.ts";
import * as wasm from "../wasm/types.ts";
import { heapOf, isRef, type ValType } from "../wasm/types.ts";
import { CELL_BYTES, RecordType } from "./records.ts";

// --- the context: one per interpreter, shared by all instances; what a thread owns of it changes hands ---

const context = new RecordType("context", REGION_CONTEXT, CELL_BYTES);
/** The running thread's stack limit, which prologues compare with the stack pointer. */
export const CONTEXT_LIMIT = context.pointer("limit");
/** Entry record: where a trap goes on. */
export const CONTEXT_ENTRY_SP = context.pointer("entry_sp");
export const CONTEXT_ENTRY_PC = context.pointer("entry_pc");
/** The address of the byte that prologues and loops test: not 0 when CPython wants something (runtime/breaker.ts). */
export const CONTEXT_BREAKER = context.pointer("breaker");
/** The running thread's stack: lowest address, and size in bytes. */
export const CONTEXT_STACK_LOW = context.pointer("stack_low");
export const CONTEXT_STACK_SIZE = context.word("stack_size");
/** The trap under way: code, PC of its site, stack pointer there, instance. */
export const CONTEXT_TRAP_CODE = context.i32("trap_code");
export const CONTEXT_TRAP_PC = context.pointer("trap_pc");
export const CONTEXT_TRAP_SP = context.pointer("trap_sp");
export const CONTEXT_TRAP_VMCTX = context.pointer("trap_vmctx");
/** Python callable trap(code, pc, sp, stack bytes) → exception of the package; owned. */
export const CONTEXT_RAISE = context.pointer("raise");
/** Types of the native objects (PyTypeObject*, owned): memories, tables, globals. */
export const CONTEXT_MEMORY_TYPE = context.pointer("memory_type");
export const CONTEXT_TABLE_TYPE = context.pointer("table_type");
export const CONTEXT_GLOBAL_TYPE = context.pointer("global_type");
/** References that live on the wasm stack: an array of pairs (runtime/refs.ts), count and capacity in pairs. */
export const CONTEXT_REFS = context.pointer("refs");
export const CONTEXT_REFS_COUNT = context.word("refs_count");
export const CONTEXT_REFS_CAPACITY = context.word("refs_capacity");
/** Dictionary of canonical types (PyObject*, owned): structure → number. */
export const CONTEXT_TYPES = context.pointer("types");
/** Dictionary (PyObject*, owned): address of a builtin of wasmpy → address of its function record. */
export const CONTEXT_FUNCS = context.pointer("funcs");
context.area("unused", 5 * CELL_BYTES);
/** The bytes object that holds the stack of the trap under way, or null; owned. */
export const CONTEXT_TRAP_STACK = context.pointer("trap_stack");
/** Where the byte lies in the state of the interpreter or the thread; 0 while that is not known for sure. */
export const CONTEXT_BREAKER_AT = context.word("breaker_at");
/** pthread_key_t whose destructor forgets the bounds of an ending thread's stack. */
export const CONTEXT_THREAD_KEY = context.i32("thread_key");
/** Which of the known stacks is overwritten next. */
export const CONTEXT_NEXT_STACK = context.word("next_stack");

const stack = new RecordType("stack", REGION_CONTEXT, CELL_BYTES);
/** A known stack: its lowest address, its size, the thread's CONTEXT_BREAKER. */
export const STACK_LOW = stack.pointer("low");
export const STACK_SIZE = stack.word("size");
export const STACK_BREAKER = stack.pointer("breaker");
export const STACK_BYTES = stack.bytes;
/** Known stacks. */
export const STACKS = 8;
export const CONTEXT_STACKS = context.area("stacks", STACKS * STACK_BYTES);

/** The images that have instances in the interpreter: a list of records, see runtime/images.ts. */
export const CONTEXT_IMAGES = context.pointer("images");
/** How often an answer has been put off because there is too little stack for Python code. */
export const CONTEXT_PUT_OFF = context.word("put_off");
/** What is to be released where wasm code was entered, for want of stack (PyObject*, owned), or null. */
export const CONTEXT_DROPPED = context.pointer("dropped");
/** After an answer that left the breaker set: so many polls are not answered, nor any before the clock's next tick. */
export const CONTEXT_SKIP = context.word("skip");
export const CONTEXT_TICK = context.i64("tick");
/** The byte of threads whose own is not known: never 0. */
export const CONTEXT_ALWAYS = context.word("always");
/** Code that does nothing (PyObject*, owned): the evaluation of it answers what only CPython's own loop does. */
export const CONTEXT_NOTHING = context.pointer("nothing");
/** The destructor of what tells that a thread state ends: of the image that made the context. */
export const CONTEXT_THREAD_END = context.pointer("thread_end");

const ledger = new RecordType("ledger", REGION_C, CELL_BYTES);
/** Bytes held by memories and tables; how many may be before garbage is looked for; the callable that does (owned). */
export const LEDGER_BYTES = ledger.i64("bytes");
export const LEDGER_LIMIT = ledger.i64("limit");
export const LEDGER_COLLECT = ledger.pointer("collect");
/** The ledger of what memories and tables hold (runtime/ledger.ts). */
export const CONTEXT_LEDGER = context.area("ledger", ledger.bytes);
export const CONTEXT_BYTES = context.bytes;

// --- the context of an instance that runs without the lock of the interpreter (runtime/nogil.ts) ---

/** It begins as that of an interpreter does, so that wasm code need not know which one it has. */
const own = new RecordType("own context", REGION_CONTEXT, CELL_BYTES, CONTEXT_BYTES);
/** The interpreter's context. */
export const OWN_SHARED = own.pointer("shared");
/** PyThreadState of the thread inside, while it is without the lock of the interpreter; else null. */
export const OWN_THREAD = own.pointer("thread");
/** The instance's lock (PyThread_type_lock), the thread that has it or 0, and how many of its calls are inside. */
export const OWN_LOCK = own.pointer("lock");
export const OWN_HOLDER = own.word("holder");
export const OWN_DEPTH = own.word("depth");
/** Bytes by which memories have grown since the ledger was told. */
export const OWN_GROWN = own.i64("grown");
/** The clock at the last answer. */
export const OWN_ANSWERED = own.i64("answered");
/** A page of its own, that is zero in a forked child. */
export const OWN_PAGE = 4096;
const page = new RecordType("own page", REGION_C, CELL_BYTES, OWN_PAGE);
/** Not 0 once a thread of this process had the lock. */
export const OWN_PRESENT = page.word("present");
export const OWN_BYTES = 8192;

// --- records ---------------------------------------------------------------------------------------------

/**
 * A node of the lists that handlers of signals read (runtime/handlers.ts): the next one, and what it is about. Here is
 * where that of an image begins: its subject is the image's `is_trap`, null once it is closed.
 */
const node = new RecordType("node", REGION_C, CELL_BYTES);
export const NODE_NEXT = node.pointer("next");
export const NODE_SUBJECT = node.pointer("subject");
export const NODE_BYTES = node.bytes;

/**
 * An image in an interpreter: a node, and the bounds of its code; how many modules of it were executed, and how many of
 * them have ended; 1 if it must stay open; PyMethodDef of each row, made by the first instance; how often the record
 * has been filled.
 */
const image = new RecordType("image", REGION_C, CELL_BYTES, NODE_BYTES);
export const IMAGE_START = image.pointer("start");
export const IMAGE_END = image.pointer("end");
export const IMAGE_MADE = image.word("made");
export const IMAGE_ENDED = image.word("ended");
export const IMAGE_STAYS = image.word("stays");
export const IMAGE_METHODS = image.pointer("methods");
export const IMAGE_GENERATION = image.word("generation");
export const IMAGE_RECORD_BYTES = image.bytes;

/** A memory: base address, size and maximum in bytes, reserved address space in bytes, the ledger. */
const memory = new RecordType("memory", REGION_C, CELL_BYTES);
export const MEMORY_BASE = memory.pointer("base");
export const MEMORY_SIZE = memory.word("size");
export const MEMORY_MAX = memory.word("max");
export const MEMORY_RESERVED = memory.word("reserved");
export const MEMORY_LEDGER = memory.pointer("ledger");
export const MEMORY_RECORD_BYTES = memory.bytes;
/** What a memory must have reserved to be accessed unchecked: a 32-bit index plus a 32-bit offset, and 16 bytes. */
export const GUARDED_RESERVATION = 0x2_0000_0000 + 65536;

/**
 * A table: array of references (8 bytes each), number of elements, maximum; 1 if it holds function records; the ledger.
 */
const table = new RecordType("table", REGION_C, CELL_BYTES);
export const TABLE_BASE = table.pointer("base");
export const TABLE_SIZE = table.word("size");
export const TABLE_MAX = table.word("max");
export const TABLE_IS_FUNC = table.i32("is_func");
export const TABLE_LEDGER = table.pointer("ledger");
export const TABLE_RECORD_BYTES = table.bytes;

/**
 * A function reference points to such a record, in the state of the instance `vmctx` (never null: the record of an
 * imported Python callable belongs to the importing instance, and a cell that holds the reference counts one on
 * that instance's module). `code` is the bare function: callable when `vmctx` is the caller's own. `foreign` is
 * called from anywhere else, with the record as an additional first argument. `type` is the canonical type;
 * `object` the builtin that stands for an own function (owned by the instance), null until asked for, or the
 * imported Python callable.
 */
const func = new RecordType("function", REGION_C, CELL_BYTES);
export const FUNC_CODE = func.pointer("code");
export const FUNC_VMCTX = func.pointer("vmctx");
export const FUNC_TYPE = func.word("type");
export const FUNC_FOREIGN = func.pointer("foreign");
export const FUNC_OBJECT = func.pointer("object");
export const FUNC_RECORD_BYTES = func.bytes;

/** An element segment of an instance: array of references, and its length (0 once dropped). */
const elem = new RecordType("element segment", REGION_C, CELL_BYTES);
export const ELEM_ARRAY = elem.pointer("array");
export const ELEM_LENGTH = elem.word("length");
export const ELEM_BYTES = elem.bytes;

// --- the instance: fixed part -----------------------------------------------------------------------------

const vmctx = new RecordType("instance", REGION_VMCTX, CELL_BYTES);
export const VMCTX_CONTEXT = vmctx.pointer("context");
/** Base of memory 0, what the target's second pinned register holds: the beginning of a page, or 0. */
export const VMCTX_BASE = vmctx.pointer("base");
/** The module object (borrowed). */
export const VMCTX_MODULE = vmctx.pointer("module");
/** The dictionary CONTEXT_FUNCS, owned by the instance too: it outlives the interpreter's hold on the context. */
export const VMCTX_FUNCS = vmctx.pointer("funcs");
/** The image's C function (record) → new reference to the builtin of a function record of this instance. */
export const VMCTX_FUNCTION = vmctx.pointer("function");
/** The record of the image, which counts the instance; null before. */
export const VMCTX_IMAGE = vmctx.pointer("image");

/** All of them: to be printed, and to be compared with what the Python package knows. */
export const RECORDS: readonly RecordType[] = [
  context,
  own,
  page,
  stack,
  ledger,
  node,
  image,
  memory,
  table,
  func,
  elem,
  vmctx,
];

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

/** What the value of a global takes. */
export const GLOBAL_BYTES = 16;

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
    let at = vmctx.bytes;
    const take = (size: number) => {
      const place = at;
      at += size;
      return place;
    };
    this.memory = module.memories.map(() => take(CELL_BYTES));
    this.table = module.tables.map(() => take(CELL_BYTES));
    this.type = module.types.map(() => take(CELL_BYTES));
    this.data = module.datas.map(() => take(CELL_BYTES));
    this.elem = module.elems.map(() => take(ELEM_BYTES));
    this.func = module.funcs.map((f, i) =>
      f.imported ? take(CELL_BYTES) : escaping[i] !== 0 ? take(FUNC_RECORD_BYTES) : -1,
    );
    this.importRecord = module.funcs.map((f) => (f.imported ? take(FUNC_RECORD_BYTES) : -1));
    at = (at + 15) & ~15;
    this.global = module.globals.map((g) => take(g.imported ? CELL_BYTES : GLOBAL_BYTES));
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
