// What wasm instructions become in IR: one method for each instruction that is more than one operation. The
// walk has validated the instruction and hands over values; nothing here knows about types of the stack.
// Layouts of records and of the instance are those of layout.ts. Cells of the instance that are set before any
// code runs are READONLY; fields of a record that a reference leads to are not, since the reference must be
// tested first.

import { helper } from "../abi/helpers.ts";
import * as at from "../abi/layout.ts";
import { irType, isFuncRef, type Layout } from "../abi/layout.ts";
import { IntColumn } from "../base/columns.ts";
import type { f64, u32 } from "../base/numbers.ts";
import * as op from "../gen/ir-ops.ts";
import * as w from "../gen/wasm-ops.ts";
import {
  access,
  MAY_TRAP,
  READONLY,
  REGION_CONTEXT,
  REGION_GLOBAL,
  REGION_MEMORY,
  REGION_STACK,
  REGION_TABLE,
  REGION_VMCTX,
} from "../ir/access.ts";
import { Builder, type Variable } from "../ir/builder.ts";
import { type Block, Func, type Value } from "../ir/func.ts";
import { ACCESS_SIZE, I32, I64, LOAD_OF, PTR, REF, SELECT_OF, STORE_OF, TYPE_SIZE, V128 } from "../ir/ops.ts";
import { CONV_WASM, type Program, SYM_RODATA } from "../ir/program.ts";
import * as trap from "../ir/traps.ts";
import type { Features } from "../wasm/features.ts";
import { checkLimit, MAX_INIT_PARTS, MAX_PARTS, PARTS_AT_LEAST, PARTS_PER_BYTE } from "../wasm/limits.ts";
import type { Module } from "../wasm/module.ts";
import type { Limits, ValType } from "../wasm/types.ts";
import { guardDivision, guardTruncation } from "./guards.ts";
import { copyPieces, fewBytes, fillPieces } from "./pieces.ts";

/** Steps of making SSA that a function may take: its locals stay in memory where these do not suffice. */
const STEPS_AT_LEAST = 1 << 20;
const STEPS_PER_BYTE = 8;

/** What a module is built with. */
export class BuildOptions {
  readonly features: Features;
  /** Loops test for interrupts. */
  readonly interrupts: boolean;
  /** Accesses to memory 0 are checked by code, not by guard pages. */
  readonly checked: boolean;

  constructor(features: Features, interrupts: boolean, checked: boolean) {
    this.features = features;
    this.interrupts = interrupts;
    this.checked = checked;
  }
}

export class Lowering extends Builder {
  readonly module: Module;
  readonly layout: Layout;
  readonly options: BuildOptions;
  /** Function index → its symbol; -1 for imported ones. */
  readonly symbols: Int32Array;
  /** Table index → 1 where every function in it is this instance's. */
  readonly ownTables: Uint8Array;
  /** Own immutable global → its value as the words of a constant, where it is one. */
  private readonly constants: ReadonlyMap<number, Constant>;
  /** Stack slot that holds the locals, or -1: they are variables of the builder. */
  private frame: number;
  private mostParts: number;
  /** Local → its IR type; where there is a frame, its place there. */
  private readonly localTypes: IntColumn;
  private readonly localOffsets: IntColumn;

  constructor(
    program: Program,
    module: Module,
    layout: Layout,
    options: BuildOptions,
    symbols: Int32Array,
    constants: ReadonlyMap<number, Constant>,
    ownTables: Uint8Array,
  ) {
    super(program, new Func());
    this.module = module;
    this.layout = layout;
    this.options = options;
    this.symbols = symbols;
    this.constants = constants;
    this.ownTables = ownTables;
    this.frame = -1;
    this.mostParts = MAX_PARTS;
    this.localTypes = new IntColumn();
    this.localOffsets = new IntColumn();
  }

  /** Tells of the instruction that comes next, at `offset`. */
  goOn(offset: number): void {
    this.loc = offset;
    checkLimit(this.parts, this.mostParts, "function too complex", offset);
  }

  /** As `begin`, for the own function `index` of so many bytes. */
  beginFunction(index: number, bytes: number): void {
    this.frame = -1;
    const { name, signature } = this.program.symbols[this.symbols[index]];
    this.begin(name, this.symbols[index], signature, STEPS_AT_LEAST + STEPS_PER_BYTE * bytes);
    this.mostParts = Math.min(MAX_PARTS, PARTS_AT_LEAST + PARTS_PER_BYTE * bytes);
  }

  /** As `begin`, for the function that instantiates the module. */
  beginInit(symbol: number): void {
    this.frame = -1;
    this.begin("wasmpy_init", symbol, this.program.symbols[symbol].signature);
    this.mostParts = MAX_INIT_PARTS;
  }

  /** As `beginFunction`, with the locals in a stack slot: no SSA to be made, however large the function. */
  beginFunctionWithFrame(index: number): void {
    const { name, signature } = this.program.symbols[this.symbols[index]];
    this.begin(name, this.symbols[index], signature);
    this.frame = this.func.newSlot(0);
  }

  /** Variables with the numbers of the locals. Those that are no parameters start as zero: the builder's default. */
  declareLocals(types: IntColumn, params: number): void {
    for (let i = 0; i < types.length; i++) this.variable(irType(types.get(i)));
    if (this.frame >= 0) this.layOutLocals(types, params);
    for (let i = 0; i < params; i++) this.setLocal(i, this.argument(i));
  }

  private layOutLocals(types: IntColumn, params: number): void {
    const { func, localOffsets, localTypes } = this;
    localTypes.clear();
    localOffsets.clear();
    let size = 0;
    for (let i = 0; i < types.length; i++) {
      const type = irType(types.get(i));
      localTypes.push(type);
      localOffsets.push(size);
      size += Math.max(TYPE_SIZE[type], 8);
    }
    func.slots.set(this.frame, size);
    for (let i = params; i < types.length; i++) this.setLocal(i, this.zero(localTypes.get(i)));
  }

  getLocal(index: number): Value {
    const type = this.frame < 0 ? V128 : this.localTypes.get(index);
    if (type === V128) return this.get(index as Variable); // vectors are in no slot
    const aux = access(REGION_STACK, 0, TYPE_SIZE[type], 0);
    return this.load(LOAD_OF[type], this.slot(this.frame), this.localOffsets.get(index), aux);
  }

  setLocal(index: number, v: Value): void {
    const type = this.frame < 0 ? V128 : this.localTypes.get(index);
    if (type === V128) {
      this.set(index as Variable, v);
      return;
    }
    const aux = access(REGION_STACK, 0, TYPE_SIZE[type], 0);
    this.store(STORE_OF[type], this.slot(this.frame), v, this.localOffsets.get(index), aux);
  }

  // --- control ----------------------------------------------------------------------------------------

  trapUnreachable(): void {
    this.trap(trap.UNREACHABLE);
  }

  /** Goes on where the condition is not zero; the block for zero is the result. */
  fork(condition: Value): Block {
    const then = this.block();
    const otherwise = this.block();
    this.brIf(condition, then, [], otherwise, []);
    this.seal(then);
    this.seal(otherwise);
    this.switchTo(then);
    return otherwise;
  }

  branchIf(condition: Value, target: Block, args: readonly Value[]): void {
    const next = this.block();
    this.brIf(condition, target, args, next, []);
    this.seal(next);
    this.switchTo(next);
  }

  /** At the header of each loop. While a function runs its thread has the same breaker. */
  poll(): void {
    if (!this.options.interrupts) return;
    const context = this.pointerCell(at.VMCTX_CONTEXT.offset);
    this.op(
      op.POLL,
      this.load(op.PTR_LOAD, context, at.CONTEXT_BREAKER.offset, access(REGION_CONTEXT, 0, 8, READONLY)),
    );
  }

  select(type: ValType, condition: Value, a: Value, b: Value): Value {
    return this.op(SELECT_OF[irType(type)], condition, a, b);
  }

  // --- cells of the instance ---------------------------------------------------------------------------

  private vmctx(): Value {
    return this.op(op.VMCTX);
  }

  /** The pointer in the instance's cell at `offset`, which never changes. */
  private pointerCell(offset: number): Value {
    return this.load(op.PTR_LOAD, this.vmctx(), offset, access(REGION_VMCTX, 0, 8, READONLY));
  }

  private addressOfCell(offset: number): Value {
    return this.plus(this.vmctx(), offset);
  }

  plus(address: Value, bytes: number): Value {
    return this.op(op.PTR_ADD, address, this.i64(bytes, 0));
  }

  memoryRecord(memory: number): Value {
    return this.pointerCell(this.layout.memory[memory]);
  }

  tableRecord(table: number): Value {
    return this.pointerCell(this.layout.table[table]);
  }

  private recordField(code: number, record: Value, offset: number): Value {
    return this.load(code, record, offset, access(REGION_VMCTX, 0, 8, 0));
  }

  // --- numbers ----------------------------------------------------------------------------------------

  /** Plain instructions that are no single operation. */
  guarded(row: number, a: Value, b: Value): Value {
    switch (row) {
      case w.NOP:
        return a;
      case w.I32_DIV_S:
      case w.I32_DIV_U:
      case w.I32_REM_S:
      case w.I32_REM_U:
        return guardDivision(this, row, I32, a, b);
      case w.I64_DIV_S:
      case w.I64_DIV_U:
      case w.I64_REM_S:
      case w.I64_REM_U:
        return guardDivision(this, row, I64, a, b);
      default:
        return guardTruncation(this, row, a);
    }
  }

  isNull(reference: Value): Value {
    return this.op(op.REF_IS_NULL, reference);
  }

  // --- memories ---------------------------------------------------------------------------------------

  /** Imported memories may be one and the same, so they share a region. */
  private memoryRegion(memory: number): number {
    return this.module.memories[memory].imported ? 0 : memory;
  }

  isGuarded(memory: number): boolean {
    return at.isGuarded(this.module, memory, this.options.checked);
  }

  /** The address that an access of `size` bytes at index + offset has, less the offset. Traps out of bounds. */
  addressIn(memory: number, index: Value, lo: number, hi: number, size: number): Value {
    if (this.isGuarded(memory)) {
      const aux = access(REGION_MEMORY, this.memoryRegion(memory), size, 0);
      return this.load(op.BOUNDS_CHECK32, index, lo, aux, hi);
    }
    const record = this.memoryRecord(memory);
    const available = this.recordField(op.I64_LOAD, record, at.MEMORY_SIZE.offset);
    const end: f64 = (lo >>> 0) + size; // of offset 0's access
    const endLo = end | 0;
    const endHi = hi + (end > 0xffffffff ? 1 : 0);
    let wide = index;
    if (this.module.memories[memory].type.limits.is64) {
      // index + end may wrap around: compare with what end leaves. Where end itself does, there is never so much
      const wraps = hi === -1 && end > 0xffffffff;
      const needed = wraps ? this.i64(-1, -1) : this.i64(endLo, endHi);
      this.trapIf(this.op(op.I64_LT_U, available, needed), trap.MEMORY_OUT_OF_BOUNDS);
      const last = this.op(op.I64_SUB, available, needed);
      this.trapIf(this.op(op.I64_GT_U, index, last), trap.MEMORY_OUT_OF_BOUNDS);
    } else {
      wide = this.op(op.I64_EXTEND_I32_U, index);
      const last = this.op(op.I64_ADD, wide, this.i64(endLo, endHi));
      this.trapIf(this.op(op.I64_GT_U, last, available), trap.MEMORY_OUT_OF_BOUNDS);
    }
    return this.op(op.PTR_ADD, this.recordField(op.PTR_LOAD, record, at.MEMORY_BASE.offset), wide);
  }

  accessAux(memory: number, size: number): number {
    return access(REGION_MEMORY, this.memoryRegion(memory), size, this.isGuarded(memory) ? MAY_TRAP : 0);
  }

  loadFrom(memory: number, code: number, index: Value, lo: number, hi: number): Value {
    const size = ACCESS_SIZE[code];
    const address = this.addressIn(memory, index, lo, hi, size);
    return this.load(code, address, lo, this.accessAux(memory, size), hi);
  }

  storeTo(memory: number, code: number, index: Value, x: Value, lo: number, hi: number): void {
    const size = ACCESS_SIZE[code];
    const address = this.addressIn(memory, index, lo, hi, size);
    this.store(code, address, x, lo, this.accessAux(memory, size), hi);
  }

  memorySize(memory: number): Value {
    const bytes = this.recordField(op.I64_LOAD, this.memoryRecord(memory), at.MEMORY_SIZE.offset);
    const pages = this.op(op.I64_SHR_U, bytes, this.i64(16, 0));
    return this.narrow(pages, this.memoryLimits(memory));
  }

  private memoryLimits(memory: number): Limits {
    return this.module.memories[memory].type.limits;
  }

  /** An address or count of a memory or table with these limits as i64. */
  private wide(x: Value, limits: Limits): Value {
    return limits.is64 ? x : this.op(op.I64_EXTEND_I32_U, x);
  }

  /** The other way round. */
  private narrow(x: Value, limits: Limits): Value {
    return limits.is64 ? x : this.op(op.I32_WRAP_I64, x);
  }

  memoryGrow(memory: number, pages: Value): Value {
    const limits = this.memoryLimits(memory);
    const old = this.help("memory_grow", [this.memoryRecord(memory), this.wide(pages, limits)]);
    return this.narrow(old, limits);
  }

  memoryFill(memory: number, to: Value, byte: Value, n: Value): void {
    const few = fewBytes(this, n);
    if (few > 0) {
      fillPieces(this, memory, to, byte, few);
      return;
    }
    const limits = this.memoryLimits(memory);
    const [place, count] = [this.wide(to, limits), this.wide(n, limits)];
    this.help("memory_fill", [this.memoryRecord(memory), place, byte, count]);
  }

  memoryCopy(target: number, source: number, to: Value, from: Value, n: Value): void {
    const few = fewBytes(this, n);
    if (few > 0) {
      copyPieces(this, target, source, to, from, few);
      return;
    }
    const [limits, others] = [this.memoryLimits(target), this.memoryLimits(source)];
    this.help("memory_copy", [
      this.memoryRecord(target),
      this.memoryRecord(source),
      this.wide(to, limits),
      this.wide(from, others),
      this.wide(n, limits.is64 ? others : limits),
    ]);
  }

  memoryInit(memory: number, data: number, to: Value, from: Value, n: Value): void {
    this.copySegment(memory, data, this.dataLength(data), to, from, n);
  }

  /** The same with a given length of the segment. */
  copySegment(memory: number, data: number, length: Value, to: Value, from: Value, n: Value): void {
    const bytes = this.symbol(dataSymbol(this.program, data));
    const place = this.wide(to, this.memoryLimits(memory));
    this.help("memory_init", [this.memoryRecord(memory), bytes, length, place, from, n]);
  }

  private dataLength(data: number): Value {
    return this.load(op.I32_LOAD, this.vmctx(), this.layout.data[data], access(REGION_VMCTX, 0, 4, 0));
  }

  setDataLength(data: number, length: Value): void {
    const aux = access(REGION_VMCTX, 0, 4, 0);
    this.store(op.I32_STORE, this.vmctx(), length, this.layout.data[data], aux);
  }

  dataDrop(data: number): void {
    this.setDataLength(data, this.i32(0));
  }

  // --- tables -----------------------------------------------------------------------------------------

  private tableRegion(table: number): number {
    return this.module.tables[table].imported ? 0 : table;
  }

  private help(name: string, operands: readonly Value[]): Value {
    return this.call(helper(this.program, name), operands);
  }

  /** The number of elements, as i64. */
  private tableLength(table: number): Value {
    return this.recordField(op.I64_LOAD, this.tableRecord(table), at.TABLE_SIZE.offset);
  }

  tableSize(table: number): Value {
    return this.narrow(this.tableLength(table), this.tableLimits(table));
  }

  private tableLimits(table: number): Limits {
    return this.module.tables[table].type.limits;
  }

  tableGet(table: number, index: Value): Value {
    return this.help("table_get", [this.tableRecord(table), this.wide(index, this.tableLimits(table))]);
  }

  tableSet(table: number, index: Value, v: Value): void {
    this.help("table_set", [this.tableRecord(table), this.wide(index, this.tableLimits(table)), v]);
  }

  tableGrow(table: number, v: Value, n: Value): Value {
    const limits = this.tableLimits(table);
    const old = this.help("table_grow", [this.tableRecord(table), v, this.wide(n, limits)]);
    return this.narrow(old, limits);
  }

  tableFill(table: number, index: Value, v: Value, n: Value): void {
    const limits = this.tableLimits(table);
    const [place, count] = [this.wide(index, limits), this.wide(n, limits)];
    this.help("table_fill", [this.tableRecord(table), place, v, count]);
  }

  tableCopy(target: number, source: number, to: Value, from: Value, n: Value): void {
    const [limits, others] = [this.tableLimits(target), this.tableLimits(source)];
    this.help("table_copy", [
      this.tableRecord(target),
      this.tableRecord(source),
      this.wide(to, limits),
      this.wide(from, others),
      this.wide(n, limits.is64 ? others : limits),
    ]);
  }

  tableInit(table: number, elem: number, to: Value, from: Value, n: Value): void {
    const place = this.wide(to, this.tableLimits(table));
    this.help("table_init", [this.tableRecord(table), this.elemCell(elem), place, from, n]);
  }

  elemDrop(elem: number): void {
    this.help("elem_drop", [this.elemCell(elem)]);
  }

  /** An array for the references of the segment, all null. */
  elemNew(elem: number, length: number): void {
    this.help("elem_new", [this.elemCell(elem), this.i32(length)]);
  }

  elemFuncs(elem: number, offsets: number): void {
    this.help("elem_funcs", [this.elemCell(elem), this.symbol(offsets)]);
  }

  /** Element `i` of the segment's array, which borrows it. */
  setElem(elem: number, i: number, v: Value): void {
    const array = this.recordField(op.PTR_LOAD, this.vmctx(), this.layout.elem[elem] + at.ELEM_ARRAY.offset);
    this.store(op.REF_STORE, array, v, 8 * i, access(REGION_TABLE, 0, 8, 0));
  }

  private elemCell(elem: number): Value {
    return this.addressOfCell(this.layout.elem[elem]);
  }

  /** Traps when index + n is more than the table (and the same for a memory) has: version 1.0's link check. */
  checkTableFits(table: number, index: Value, n: number): void {
    this.checkFits(this.tableLength(table), index, n, trap.ELEM_DOES_NOT_FIT);
  }

  checkMemoryFits(memory: number, index: Value, n: number): void {
    const size = this.recordField(op.I64_LOAD, this.memoryRecord(memory), at.MEMORY_SIZE.offset);
    this.checkFits(size, index, n, trap.DATA_DOES_NOT_FIT);
  }

  private checkFits(available: Value, index: Value, n: number, code: number): void {
    const end = this.op(op.I64_ADD, this.op(op.I64_EXTEND_I32_U, index), this.i64(n, 0));
    this.trapIf(this.op(op.I64_GT_U, end, available), code);
  }

  // --- globals ----------------------------------------------------------------------------------------

  private globalAddress(index: number): Value {
    const offset = this.layout.global[index];
    return this.module.globals[index].imported ? this.pointerCell(offset) : this.addressOfCell(offset);
  }

  /**
   * Imported mutable globals may be one and the same, so they share a region. Own immutable ones are written
   * by the instantiation function, so they are not READONLY there, nor in what is inlined into it.
   */
  private globalAux(index: number): number {
    const { type, imported } = this.module.globals[index];
    const shared = imported && type.mutable;
    const flags = imported && !type.mutable ? READONLY : 0;
    return access(REGION_GLOBAL, shared ? 0xffff : index & 0x7fff, TYPE_SIZE[irType(type.type)], flags);
  }

  globalGet(index: number): Value {
    const { type, imported } = this.module.globals[index];
    const constant = this.constants.get(index);
    if (constant !== undefined) return this.constant(constant.type, constant.lo, constant.hi);
    const ir = irType(type.type);
    const offset = this.layout.global[index];
    const base = imported ? this.pointerCell(offset) : this.vmctx();
    const v = this.load(LOAD_OF[ir], base, imported ? 0 : offset, this.globalAux(index));
    if (ir !== REF || !type.mutable) return v;
    return this.help(isFuncRef(type.type, this.module) ? "func_hold" : "ref_hold", [v]);
  }

  globalSet(index: number, v: Value): void {
    const { type, imported } = this.module.globals[index];
    const ir = irType(type.type);
    if (ir === REF) {
      const functions = this.i32(isFuncRef(type.type, this.module) ? 1 : 0);
      this.help("ref_set", [this.globalAddress(index), v, functions]);
      return;
    }
    const offset = this.layout.global[index];
    const base = imported ? this.pointerCell(offset) : this.vmctx();
    this.store(STORE_OF[ir], base, v, imported ? 0 : offset, this.globalAux(index));
  }

  // --- functions --------------------------------------------------------------------------------------

  functionReference(index: number): Value {
    const offset = this.layout.func[index];
    const record = this.module.funcs[index].imported ? this.pointerCell(offset) : this.addressOfCell(offset);
    return this.op(op.REF_FROM_PTR, record);
  }

  private results(call: Value, type: u32): Value[] {
    return this.module.types[type].results.map((result, i) =>
      i === 0 ? call : this.projection(call, i, irType(result)),
    );
  }

  callFunction(index: number, args: readonly Value[]): Value[] {
    const { type, imported } = this.module.funcs[index];
    if (!imported) return this.results(this.call(this.symbols[index], args), type);
    const record = this.pointerCell(this.layout.func[index]);
    return this.results(
      this.callPtr(this.importedCode(record), this.foreign(type | 0), [record, ...args]),
      type,
    );
  }

  returnCallFunction(index: number, args: readonly Value[]): void {
    const { type, imported } = this.module.funcs[index];
    if (!imported) {
      this.returnCall(this.symbols[index], args);
      return;
    }
    const record = this.pointerCell(this.layout.func[index]);
    this.returnCallPtr(this.importedCode(record), this.foreign(type | 0), [record, ...args]);
  }

  /** What an imported function's record is called through: it was filled in before any code ran. */
  private importedCode(record: Value): Value {
    return this.load(op.PTR_LOAD, record, at.FUNC_FOREIGN.offset, access(REGION_VMCTX, 0, 8, READONLY));
  }

  /** The signature of FUNC_CODE. */
  private bare(type: number): number {
    const { params, results } = this.module.types[type];
    return this.program.signature(params.map(irType), results.map(irType), CONV_WASM);
  }

  /** The signature of FUNC_FOREIGN: the record comes first. */
  private foreign(type: number): number {
    const { params, results } = this.module.types[type];
    return this.program.signature([PTR, ...params.map(irType)], results.map(irType), CONV_WASM);
  }

  /** The record that a call_indirect finds at `index`: there, not null, of the type. */
  recordInTable(table: number, type: number, index: Value): Value {
    const wide = this.wide(index, this.tableLimits(table));
    this.trapIf(this.op(op.I64_GE_U, wide, this.tableLength(table)), trap.UNDEFINED_ELEMENT);
    const base = this.recordField(op.PTR_LOAD, this.tableRecord(table), at.TABLE_BASE.offset);
    const slot = this.op(op.PTR_ADD, base, this.op(op.I64_SHL, wide, this.i64(3, 0)));
    const record = this.load(op.PTR_LOAD, slot, 0, access(REGION_TABLE, this.tableRegion(table), 8, 0));
    this.trapIf(this.op(op.PTR_EQZ, record), trap.UNINITIALIZED_ELEMENT);
    const expected = access(REGION_VMCTX, 0, 8, READONLY);
    const wanted = this.load(op.I64_LOAD, this.vmctx(), this.layout.type[type], expected);
    const actual = this.recordField(op.I64_LOAD, record, at.FUNC_TYPE.offset);
    this.trapIf(this.op(op.I64_NE, actual, wanted), trap.INDIRECT_CALL_TYPE);
    return record;
  }

  trapIfNull(reference: Value): void {
    this.trapIf(this.isNull(reference), trap.NULL_REFERENCE);
  }

  /** The record that a function reference points to. */
  recordOf(reference: Value, nullable: boolean): Value {
    if (nullable) this.trapIf(this.isNull(reference), trap.NULL_FUNCTION);
    return this.op(op.PTR_FROM_REF, reference);
  }

  /** Whether the record is of this instance: its function can be called straight. */
  private isOwn(record: Value): Value {
    return this.op(op.PTR_EQ, this.recordField(op.PTR_LOAD, record, at.FUNC_VMCTX.offset), this.vmctx());
  }

  /** Calls the function of a record that is known to be there and of the type; `own`: and to be this instance's. */
  callRecord(record: Value, type: number, own: boolean, args: readonly Value[]): Value[] {
    if (own) return this.callBare(record, type, args);
    const { results } = this.module.types[type];
    const after = this.block();
    const merged = results.map((result) => this.param(after, irType(result)));
    const foreign = this.fork(this.isOwn(record));
    this.func.cold.set(foreign, 1);
    this.jump(after, this.callBare(record, type, args));
    this.switchTo(foreign);
    this.holdRecord(record);
    const far = this.recordField(op.PTR_LOAD, record, at.FUNC_FOREIGN.offset);
    this.jump(after, this.results(this.callPtr(far, this.foreign(type | 0), [record, ...args]), type));
    this.seal(after);
    this.switchTo(after);
    return merged;
  }

  /** The callee may overwrite the cell that kept its instance alive. */
  private holdRecord(record: Value): void {
    this.help("func_hold", [this.op(op.REF_FROM_PTR, record)]);
  }

  private callBare(record: Value, type: number, args: readonly Value[]): Value[] {
    const code = this.recordField(op.PTR_LOAD, record, at.FUNC_CODE.offset);
    return this.results(this.callPtr(code, this.bare(type), args), type);
  }

  returnCallRecord(record: Value, type: number, own: boolean, args: readonly Value[]): void {
    const code = (offset: number) => this.recordField(op.PTR_LOAD, record, offset);
    if (own) {
      this.returnCallPtr(code(at.FUNC_CODE.offset), this.bare(type), args);
      return;
    }
    const foreign = this.fork(this.isOwn(record));
    this.func.cold.set(foreign, 1);
    this.returnCallPtr(code(at.FUNC_CODE.offset), this.bare(type), args);
    this.switchTo(foreign);
    this.holdRecord(record);
    this.returnCallPtr(code(at.FUNC_FOREIGN.offset), this.foreign(type | 0), [record, ...args]);
  }
}

/** The value of a constant: type of ops.ts, and its words or bits. */
export class Constant {
  readonly type: number;
  readonly lo: number;
  readonly hi: number;

  constructor(type: number, lo: number, hi: number) {
    this.type = type;
    this.lo = lo;
    this.hi = hi;
  }
}

/** The symbol of the bytes of data segment `i`. */
export function dataSymbol(program: Program, i: number): number {
  return program.symbol(`wasmpy_data_${i}`, SYM_RODATA);
}
