// One walk over a function body or constant expression: decodes, validates (spec 3.4 and the appendix
// "Validation Algorithm") and, where `lowering` is given and the code can be reached, makes SSA through it.
// Without it the walk validates only. An instruction that is valid but has no lowering yet is remembered in
// `missing`; from there on the walk only validates, so that what is invalid is reported before what is missing.
// Requires: the module's types and index spaces have been validated (validate.ts) as far as they are visible.

import { BitSet, IntColumn } from "../base/columns.ts";
import { fail } from "../base/fail.ts";
import * as w from "../gen/wasm-ops.ts";
import {
  EXTENDED_CONST,
  type Features,
  FUNCTION_REFERENCES,
  has,
  MEMORY64,
  MULTI_MEMORY,
  REFERENCE_TYPES,
} from "../wasm/features.ts";
import { HAS_MEMORY } from "../wasm/imm.ts";
import * as limit from "../wasm/limits.ts";
import { checkLimit } from "../wasm/limits.ts";
import type { Module, Range } from "../wasm/module.ts";
import { Reader } from "../wasm/reader.ts";
import { readOpcode } from "../wasm/scan.ts";
import type { TypeSpace } from "../wasm/subtyping.ts";
import { BLOCK_EMPTY, BLOCK_VALUE, BlockType, readHeapType, readValType } from "../wasm/typereader.ts";
import * as t from "../wasm/types.ts";
import {
  BOT,
  COMP_FUNC,
  type DefType,
  F32,
  F64,
  FUNCREF,
  heapOf,
  I32,
  I64,
  isNullable,
  isRef,
  type Limits,
  V128,
  type ValType,
} from "../wasm/types.ts";
import { type Block, NO_BLOCK, NO_VALUE, type Value } from "./func.ts";
import { irType } from "./layout.ts";
import type { Lowering } from "./lowering.ts";
import {
  FRAME_BLOCK,
  FRAME_ELSE,
  FRAME_FUNC,
  FRAME_IF,
  FRAME_LOOP,
  Operands,
  type Types,
  typeText,
} from "./operands.ts";
import { REF } from "./ops.ts";
import * as rules from "./rules.ts";
import { walkException } from "./walk-eh.ts";
import { walkAggregate } from "./walk-gc.ts";

const NO_TYPES: Types = [];

export class Walk extends Operands {
  readonly module: Module;
  readonly features: Features;
  readonly r: Reader;
  /** Functions that `ref.func` may name in bodies; all, where it is null. */
  private readonly declared: Uint8Array | null;
  private readonly lowering: Lowering | null;
  /** False where only validation is left to do. */
  private emitting: boolean;
  /** Row of the first instruction without a lowering, and its offset; -1. */
  missing: number;
  missingAt: number;

  // the function at hand
  private results: Types;
  private readonly locals: IntColumn;
  /** Locals that hold a value, and those among them that got it on the way, in order. */
  private initialised: BitSet;
  private readonly inits: IntColumn;
  /** In constant expressions: how many globals are visible. */
  private visibleGlobals: number;
  private readonly block: BlockType;
  private blockResults: Types;
  private readonly singles: Map<ValType, Types>;
  /** Frame → its target's first parameter; the others follow it. */
  private readonly firstParam: IntColumn;
  // for br_table
  private readonly labels: IntColumn; // its frames
  private readonly occurrences: IntColumn; // frame → how often it occurs
  private readonly stops: IntColumn; // frame → block on the way to it, or NO_BLOCK

  constructor(
    module: Module,
    features: Features,
    space: TypeSpace,
    declared: Uint8Array | null,
    lowering: Lowering | null,
  ) {
    super(space);
    this.module = module;
    this.features = features;
    this.r = new Reader(module.bytes, 0, 0);
    this.declared = declared;
    this.lowering = lowering;
    this.emitting = lowering !== null;
    this.missing = -1;
    this.missingAt = -1;
    this.results = NO_TYPES;
    this.locals = new IntColumn();
    this.initialised = new BitSet(0);
    this.inits = new IntColumn();
    this.visibleGlobals = 0;
    this.block = new BlockType();
    this.blockResults = NO_TYPES;
    this.singles = new Map();
    this.firstParam = new IntColumn();
    this.labels = new IntColumn();
    this.occurrences = new IntColumn();
    this.stops = new IntColumn();
  }

  // --- entry points -----------------------------------------------------------------------------------

  /** Walks own function `index`. With a lowering, its function has been begun. */
  body(index: number): void {
    const { type, body } = this.module.funcs[index];
    const { params, results } = this.module.types[type];
    this.start(body, results);
    this.declareLocals(params);
    this.enter(FRAME_FUNC, NO_TYPES, results, 0, NO_BLOCK);
    while (this.depth > 0) this.step();
    if (!this.r.done) fail("END opcode expected", this.r.at);
  }

  /**
   * Walks a constant expression that must yield a `type` and may read the first `visibleGlobals` globals.
   * Its value, when there is a lowering.
   */
  constant(range: Range, type: ValType, visibleGlobals: number): Value {
    this.start(range, this.single(type));
    this.visibleGlobals = visibleGlobals;
    this.enter(FRAME_BLOCK, NO_TYPES, this.results, 0, NO_BLOCK);
    while (this.depth > 1 || !this.atLastEnd(range)) {
      this.step();
      if (this.depth === 0) fail("END opcode expected", this.at);
    }
    this.checkEnd();
    return this.values.length > 0 ? this.topValues(1)[0] : NO_VALUE;
  }

  private atLastEnd(range: Range): boolean {
    return this.r.at === range.end - 1;
  }

  private start(range: Range, results: Types): void {
    this.clearStacks();
    this.r.restart(range.start, range.end);
    this.at = range.start;
    this.results = results;
    this.visibleGlobals = -1;
    this.locals.clear();
    this.inits.clear();
  }

  private get isConstant(): boolean {
    return this.visibleGlobals >= 0;
  }

  private declareLocals(params: Types): void {
    const { r, locals } = this;
    for (const type of params) locals.push(type);
    let count = params.length;
    let defaultable = true;
    for (let groups = r.u32(); groups > 0; groups--) {
      const at = r.at;
      const n = r.u32();
      const type = this.valType();
      count += n;
      if (count > 0xffffffff) fail("too many locals", at);
      if (n > 0 && isRef(type) && !isNullable(type)) defaultable = false;
      // what is too much is counted, but not kept
      if (count <= limit.MAX_LOCALS) for (let i = 0; i < n; i++) locals.push(type);
    }
    checkLimit(count, limit.MAX_LOCALS, "too many local variables", this.at);
    this.initialised = new BitSet(defaultable ? 0 : count);
    if (!defaultable) {
      for (let i = 0; i < count; i++) {
        const type = locals.get(i);
        if (i < params.length || !isRef(type) || isNullable(type)) this.initialised.add(i);
      }
    }
    if (this.lowering !== null && this.emitting) this.lowering.declareLocals(locals, params.length);
  }

  /** Where code goes; null where none is made. */
  get out(): Lowering | null {
    const { lowering } = this;
    return this.emitting && lowering !== null && !lowering.terminated ? lowering : null;
  }

  /** Remembers that `row` has no lowering; from here on the walk only validates. */
  private miss(row: number): void {
    if (this.out === null) return;
    this.missing = row;
    this.missingAt = this.at;
    this.emitting = false;
  }

  // --- one instruction --------------------------------------------------------------------------------

  private step(): void {
    const { r } = this;
    this.at = r.at;
    const row = readOpcode(r, this.features);
    if (rules.LOWERING[row] === rules.UNSUPPORTED) this.miss(row);
    if (this.isConstant) this.checkConstant(row);
    if (this.lowering !== null) this.lowering.loc = this.at;
    switch (rules.SHAPE[row]) {
      case rules.SHAPE_PLAIN:
        this.plain(row);
        break;
      case rules.SHAPE_MEMORY:
        this.access(row);
        break;
      case rules.SHAPE_LANE:
        this.lanes(row);
        this.plain(row);
        break;
      default:
        this.rule(row);
    }
  }

  /** Operands to a result, as the type rule says. */
  private plain(row: number): void {
    const types = row * rules.MAX_OPERANDS;
    const count = rules.OPERAND_COUNT[row];
    const c = count > 2 ? this.pop(rules.OPERANDS[types + 2]) : NO_VALUE;
    const b = count > 1 ? this.pop(rules.OPERANDS[types + 1]) : NO_VALUE;
    const a = count > 0 ? this.pop(rules.OPERANDS[types]) : NO_VALUE;
    const { out } = this;
    let v = NO_VALUE;
    if (out !== null) {
      const op = rules.LOWERING[row];
      v = op >= 0 ? out.op(op, a, b, c) : out.guarded(row, a, b);
    }
    if (rules.RESULTS[row] !== rules.NONE) this.push(rules.RESULTS[row], v);
  }

  /** Loads and stores: an address, a value or none, a result or none. */
  private access(row: number): void {
    const memory = this.memarg(row);
    const { lo, hi } = this.r;
    if (rules.LANES[row] !== 0) this.lanes(row);
    const types = row * rules.MAX_OPERANDS;
    const stored = rules.OPERAND_COUNT[row] > 1 ? this.pop(rules.OPERANDS[types + 1]) : NO_VALUE;
    const index = this.pop(this.memoryAddress(memory));
    const { out } = this;
    if (rules.RESULTS[row] !== rules.NONE) {
      const v = out === null ? NO_VALUE : out.loadFrom(memory, rules.ACCESS_OP[row], index, lo, hi);
      this.push(rules.RESULTS[row], v);
    } else if (out !== null) {
      out.storeTo(memory, rules.ACCESS_OP[row], index, stored, lo, hi);
    }
  }

  private lanes(row: number): void {
    if (row === w.I8X16_SHUFFLE) {
      for (let i = 0; i < 16; i++) if (this.r.u8() >= 32) this.error("invalid lane index");
    } else if (this.r.u8() >= rules.LANES[row]) {
      this.error("invalid lane index");
    }
  }

  private checkConstant(row: number): void {
    switch (row) {
      case w.END:
      case w.I32_CONST:
      case w.I64_CONST:
      case w.F32_CONST:
      case w.F64_CONST:
      case w.V128_CONST:
      case w.REF_NULL:
      case w.REF_FUNC:
      case w.GLOBAL_GET:
        return;
      case w.I32_ADD:
      case w.I32_SUB:
      case w.I32_MUL:
      case w.I64_ADD:
      case w.I64_SUB:
      case w.I64_MUL:
        if (has(this.features, EXTENDED_CONST)) return;
        break;
      case w.REF_I31:
      case w.STRUCT_NEW:
      case w.STRUCT_NEW_DEFAULT:
      case w.ARRAY_NEW:
      case w.ARRAY_NEW_DEFAULT:
      case w.ARRAY_NEW_FIXED:
      case w.ANY_CONVERT_EXTERN:
      case w.EXTERN_CONVERT_ANY:
        return;
    }
    this.error("constant expression required");
  }

  private rule(row: number): void {
    switch (row) {
      case w.UNREACHABLE:
        this.out?.trapUnreachable();
        this.setUnreachable();
        break;
      case w.BLOCK:
        this.enterBlock(FRAME_BLOCK, this.blockParams());
        break;
      case w.LOOP:
        this.loop();
        break;
      case w.IF:
        this.if();
        break;
      case w.ELSE:
        this.else();
        break;
      case w.END:
        this.end();
        break;
      case w.BR:
        this.branch(this.frameOf(this.r.u32()));
        break;
      case w.RETURN:
        this.branch(0);
        break;
      case w.BR_IF:
        this.branchIf();
        break;
      case w.BR_TABLE:
        this.branchTable();
        break;
      case w.CALL:
      case w.RETURN_CALL: {
        const index = this.funcIndex();
        const callee = this.module.types[this.module.funcs[index].type];
        const args = this.take(callee.params);
        this.finishCall(row === w.CALL, callee, this.out?.callFunction(index, args) ?? []);
        break;
      }
      case w.CALL_INDIRECT:
      case w.RETURN_CALL_INDIRECT:
        this.callIndirect(row === w.CALL_INDIRECT);
        break;
      case w.CALL_REF:
      case w.RETURN_CALL_REF: {
        const type = this.funcTypeIndex();
        this.pop(t.ref(type, true));
        const callee = this.module.types[type];
        this.take(callee.params);
        this.finishCall(row === w.CALL_REF, callee, []);
        break;
      }
      case w.DROP:
        this.popAny();
        break;
      case w.SELECT:
      case w.SELECT_T:
        this.select(row === w.SELECT_T);
        break;
      case w.LOCAL_GET: {
        const local = this.localIndex();
        if (this.initialised.words.length > 0 && !this.initialised.has(local)) {
          this.error("uninitialized local", `${local}`);
        }
        this.push(this.locals.get(local), this.out?.getLocal(local) ?? NO_VALUE);
        break;
      }
      case w.LOCAL_SET: {
        const local = this.localIndex();
        const v = this.pop(this.locals.get(local));
        this.initialise(local);
        this.out?.setLocal(local, v);
        break;
      }
      case w.LOCAL_TEE: {
        const local = this.localIndex();
        const v = this.pop(this.locals.get(local));
        this.initialise(local);
        this.out?.setLocal(local, v);
        this.push(this.locals.get(local), v);
        break;
      }
      case w.GLOBAL_GET: {
        const index = this.globalIndex();
        const { type } = this.module.globals[index].type;
        this.push(type, this.out?.globalGet(index) ?? NO_VALUE);
        break;
      }
      case w.GLOBAL_SET: {
        const index = this.globalIndex();
        const { type, mutable } = this.module.globals[index].type;
        if (!mutable) this.error("immutable global", `${index}`);
        const v = this.pop(type);
        this.out?.globalSet(index, v);
        break;
      }
      case w.I32_CONST: {
        const x = this.r.s32();
        this.push(I32, this.out?.i32(x) ?? NO_VALUE);
        break;
      }
      case w.I64_CONST:
        this.r.s64();
        this.push(I64, this.out?.i64(this.r.lo, this.r.hi) ?? NO_VALUE);
        break;
      case w.F32_CONST: {
        const bits = this.r.word();
        this.push(F32, this.out?.f32(bits) ?? NO_VALUE);
        break;
      }
      case w.F64_CONST: {
        const lo = this.r.word();
        const hi = this.r.word();
        this.push(F64, this.out?.f64(lo, hi) ?? NO_VALUE);
        break;
      }
      case w.V128_CONST:
        this.r.skip(16);
        this.push(V128, NO_VALUE);
        break;
      case w.REF_NULL:
        this.push(t.ref(this.heapType(), true), this.out?.zero(REF) ?? NO_VALUE);
        break;
      case w.REF_IS_NULL: {
        const v = this.popRef();
        this.push(I32, this.out?.isNull(v) ?? NO_VALUE);
        break;
      }
      case w.REF_FUNC: {
        const index = this.funcIndex();
        if (!this.isConstant && this.declared !== null && this.declared[index] === 0) {
          this.error("undeclared function reference", `${index}`);
        }
        const typed = has(this.features, FUNCTION_REFERENCES);
        const type = typed ? t.ref(this.module.funcs[index].type, false) : FUNCREF;
        this.push(type, this.out?.functionReference(index) ?? NO_VALUE);
        break;
      }
      case w.REF_AS_NON_NULL:
        this.popRef();
        this.push(t.ref(heapOf(this.popped), false), NO_VALUE);
        break;
      case w.BR_ON_NULL: {
        const frame = this.frameOf(this.r.u32());
        this.popRef();
        const type = t.ref(heapOf(this.popped), false);
        this.retype(this.labelTypes(frame));
        this.push(type, NO_VALUE);
        break;
      }
      case w.BR_ON_NON_NULL: {
        const frame = this.frameOf(this.r.u32());
        this.popRef();
        this.push(t.ref(heapOf(this.popped), false), NO_VALUE);
        this.branchWithReference(frame);
        break;
      }
      default:
        if (!this.bulk(row) && !walkException(this, row) && !walkAggregate(this, row)) {
          this.error("illegal opcode");
        }
    }
  }

  /** Memories and tables as wholes. False: the row is none of these. */
  private bulk(row: number): boolean {
    const { module } = this;
    switch (row) {
      case w.MEMORY_SIZE: {
        const memory = this.memoryIndex();
        this.push(this.memoryAddress(memory), this.out?.memorySize(memory) ?? NO_VALUE);
        return true;
      }
      case w.MEMORY_GROW: {
        const memory = this.memoryIndex();
        const pages = this.pop(this.memoryAddress(memory));
        this.push(this.memoryAddress(memory), this.out?.memoryGrow(memory, pages) ?? NO_VALUE);
        return true;
      }
      case w.MEMORY_INIT: {
        const data = this.dataIndex();
        const memory = this.memoryIndex();
        const n = this.pop(I32);
        const from = this.pop(I32);
        const to = this.pop(this.memoryAddress(memory));
        this.out?.memoryInit(memory, data, to, from, n);
        return true;
      }
      case w.DATA_DROP: {
        const data = this.dataIndex();
        this.out?.dataDrop(data);
        return true;
      }
      case w.MEMORY_COPY: {
        const target = this.memoryIndex();
        const source = this.memoryIndex();
        const n = this.pop(this.smaller(this.memoryAddress(target), this.memoryAddress(source)));
        const from = this.pop(this.memoryAddress(source));
        const to = this.pop(this.memoryAddress(target));
        this.out?.memoryCopy(target, source, to, from, n);
        return true;
      }
      case w.MEMORY_FILL: {
        const memory = this.memoryIndex();
        const n = this.pop(this.memoryAddress(memory));
        const byte = this.pop(I32);
        const to = this.pop(this.memoryAddress(memory));
        this.out?.memoryFill(memory, to, byte, n);
        return true;
      }
      case w.TABLE_GET: {
        const table = this.tableIndex();
        const index = this.pop(this.tableAddress(table));
        this.push(module.tables[table].type.element, this.out?.tableGet(table, index) ?? NO_VALUE);
        return true;
      }
      case w.TABLE_SET: {
        const table = this.tableIndex();
        const v = this.pop(module.tables[table].type.element);
        const index = this.pop(this.tableAddress(table));
        this.out?.tableSet(table, index, v);
        return true;
      }
      case w.TABLE_SIZE: {
        const table = this.tableIndex();
        this.push(this.tableAddress(table), this.out?.tableSize(table) ?? NO_VALUE);
        return true;
      }
      case w.TABLE_GROW: {
        const table = this.tableIndex();
        const n = this.pop(this.tableAddress(table));
        const v = this.pop(module.tables[table].type.element);
        this.push(this.tableAddress(table), this.out?.tableGrow(table, v, n) ?? NO_VALUE);
        return true;
      }
      case w.TABLE_FILL: {
        const table = this.tableIndex();
        const n = this.pop(this.tableAddress(table));
        const v = this.pop(module.tables[table].type.element);
        const index = this.pop(this.tableAddress(table));
        this.out?.tableFill(table, index, v, n);
        return true;
      }
      case w.TABLE_COPY: {
        const target = this.tableIndex();
        const source = this.tableIndex();
        this.expectMatch(module.tables[source].type.element, module.tables[target].type.element);
        const n = this.pop(this.smaller(this.tableAddress(target), this.tableAddress(source)));
        const from = this.pop(this.tableAddress(source));
        const to = this.pop(this.tableAddress(target));
        this.out?.tableCopy(target, source, to, from, n);
        return true;
      }
      case w.TABLE_INIT: {
        const elem = this.elemIndex();
        const table = this.tableIndex();
        this.expectMatch(module.elems[elem].type, module.tables[table].type.element);
        const n = this.pop(I32);
        const from = this.pop(I32);
        const to = this.pop(this.tableAddress(table));
        this.out?.tableInit(table, elem, to, from, n);
        return true;
      }
      case w.ELEM_DROP: {
        const elem = this.elemIndex();
        this.out?.elemDrop(elem);
        return true;
      }
      default:
        return false;
    }
  }

  private select(typed: boolean): void {
    let type = BOT;
    if (typed) {
      const n = this.r.u32();
      for (let i = 0; i < n; i++) type = this.valType();
      if (n !== 1) this.error("invalid result arity", `${n}`);
    }
    const condition = this.pop(I32);
    let a: Value;
    let b: Value;
    if (typed) {
      b = this.pop(type);
      a = this.pop(type);
    } else {
      b = this.popAny();
      const second = this.popped;
      a = this.popAny();
      const first = this.popped;
      if (isRef(first) || isRef(second)) this.error("type mismatch", "select of references needs a type");
      if (first !== second && first !== BOT && second !== BOT) {
        this.error("type mismatch", `${typeText(first)} and ${typeText(second)}`);
      }
      type = first === BOT ? second : first;
    }
    this.push(type, this.out?.select(type, condition, a, b) ?? NO_VALUE);
  }

  // --- blocks and branches ----------------------------------------------------------------------------

  /** The types of the block that is entered: its parameters and, in `blockResults`, results. */
  blockParams(): Types {
    const { block } = this;
    block.read(this.r, this.features);
    if (block.form === BLOCK_EMPTY) {
      this.blockResults = NO_TYPES;
      return NO_TYPES;
    }
    if (block.form === BLOCK_VALUE) {
      this.checkType(block.value);
      this.blockResults = this.single(block.value);
      return NO_TYPES;
    }
    const type = this.checkFuncType(block.value);
    this.blockResults = type.results;
    return type.params;
  }

  /** Enters a `block` or `try_table` with the parameters that `blockParams` found. */
  enterBlock(kind: number, params: Types): void {
    const args = this.take(params);
    this.enter(kind, params, this.blockResults, this.inits.length, NO_BLOCK);
    this.pushValues(params, args);
  }

  private loop(): void {
    const params = this.blockParams();
    const args = this.take(params);
    this.enter(FRAME_LOOP, params, this.blockResults, this.inits.length, NO_BLOCK);
    const { out } = this;
    if (out === null) {
      this.pushTypes(params);
      return;
    }
    const header = this.targetOf(this.depth - 1, out);
    out.jump(header, args);
    out.switchTo(header);
    out.pollInterrupt();
    this.pushParams(this.depth - 1, params);
  }

  private if(): void {
    const params = this.blockParams();
    const condition = this.pop(I32);
    const args = this.take(params);
    const { out } = this;
    this.enter(FRAME_IF, params, this.blockResults, this.inits.length, NO_BLOCK);
    for (const x of args) this.savedValues.push(x);
    if (out !== null) this.otherwise.set(this.depth - 1, out.fork(condition));
    this.pushValues(params, args);
  }

  private else(): void {
    const frame = this.depth - 1;
    if (this.kind.get(frame) !== FRAME_IF) this.error("misplaced ELSE opcode");
    this.checkEnd();
    this.jumpTo(frame);
    this.forgetInits(frame);
    this.restart();
    this.kind.set(frame, FRAME_ELSE);
    this.resumeOtherwise(frame);
    this.pushSaved(frame);
  }

  private end(): void {
    const frame = this.depth - 1;
    const kind = this.kind.get(frame);
    const results = this.ends[frame];
    this.checkEnd();
    if (kind === FRAME_IF) {
      // without `else`, the parameters are the results
      if (!this.space.listMatches(this.starts[frame], results)) {
        this.error("type mismatch", "an if without else must leave what it takes");
      }
      this.jumpTo(frame);
      this.restart();
      this.resumeOtherwise(frame);
      this.pushSaved(frame);
    }
    this.forgetInits(frame);
    if (this.depth === 1) {
      this.endFunction(results);
      return;
    }
    const target = this.target.get(frame) as Block;
    if (kind !== FRAME_LOOP && this.emitting && target !== NO_BLOCK) {
      const first = this.firstParam.get(frame);
      this.jumpTo(frame);
      this.continueAt(target);
      this.leave();
      for (let i = 0; i < results.length; i++) this.push(results[i], (first + i) as Value);
      return;
    }
    if (kind === FRAME_LOOP && this.emitting && target !== NO_BLOCK) this.lowering?.seal(target);
    const values = this.out !== null ? this.topValues(results.length) : [];
    this.leave();
    this.pushValues(results, values);
  }

  private endFunction(results: Types): void {
    const target = this.target.get(0) as Block;
    if (this.emitting && target !== NO_BLOCK) {
      const first = this.firstParam.get(0);
      this.jumpTo(0);
      this.continueAt(target);
      this.lowering?.ret(results.map((_, i) => (first + i) as Value));
    } else {
      this.out?.ret(this.topValues(results.length));
    }
    this.leave();
  }

  /** Jumps with the results on the stack to what follows `frame`. */
  private jumpTo(frame: number): void {
    const { out } = this;
    if (out === null) return;
    const values = this.topValues(this.ends[frame].length);
    out.jump(this.targetOf(frame, out), values);
  }

  private continueAt(block: Block): void {
    this.lowering?.seal(block);
    this.lowering?.switchTo(block);
  }

  /** Goes on in the block for a false condition, if the `if` could be reached. */
  private resumeOtherwise(frame: number): void {
    const otherwise = this.otherwise.get(frame) as Block;
    if (this.emitting && otherwise !== NO_BLOCK) this.lowering?.switchTo(otherwise);
  }

  private pushSaved(frame: number): void {
    const params = this.starts[frame];
    const from = this.saved.get(frame);
    const live = this.out !== null;
    for (let i = 0; i < params.length; i++) {
      this.push(params[i], live ? (this.savedValues.get(from + i) as Value) : NO_VALUE);
    }
  }

  /** The block that branches to `frame` lead to, made at its first use, with a parameter for each operand. */
  private targetOf(frame: number, out: Lowering): Block {
    const known = this.target.get(frame) as Block;
    if (known !== NO_BLOCK) return known;
    const made = out.block();
    this.target.set(frame, made);
    this.firstParam.resize(Math.max(this.firstParam.length, frame + 1), 0);
    this.firstParam.set(frame, out.func.count);
    for (const type of this.labelTypes(frame)) out.param(made, irType(type));
    return made;
  }

  private pushParams(frame: number, types: Types): void {
    const first = this.firstParam.get(frame);
    for (let i = 0; i < types.length; i++) this.push(types[i], (first + i) as Value);
  }

  private branch(frame: number): void {
    const types = this.labelTypes(frame);
    this.checkTop(types);
    const { out } = this;
    if (out !== null) {
      const values = this.topValues(types.length);
      if (frame === 0) out.ret(values);
      else out.jump(this.targetOf(frame, out), values);
    }
    this.setUnreachable();
  }

  private branchIf(): void {
    const frame = this.frameOf(this.r.u32());
    const condition = this.pop(I32);
    const types = this.labelTypes(frame);
    this.retype(types);
    const { out } = this;
    if (out !== null) out.branchIf(condition, this.targetOf(frame, out), this.topValues(types.length));
  }

  /** A branch to `frame` whose last operand, a reference, lies on top; afterwards the others lie there. */
  branchWithReference(frame: number): void {
    const types = this.labelTypes(frame);
    if (types.length === 0) this.error("type mismatch", "the label takes no reference");
    this.checkTop(types);
    this.popAny();
    this.retype(types.slice(0, -1));
  }

  private branchTable(): void {
    const { r, labels, occurrences } = this;
    labels.clear();
    const n = r.u32();
    checkLimit(n, limit.MAX_BR_TABLE, "branch table too large", this.at);
    for (let i = 0; i <= n; i++) labels.push(this.frameOf(r.u32()));
    const index = this.pop(I32);
    const types = this.labelTypes(labels.get(n));
    occurrences.resize(Math.max(occurrences.length, this.depth), 0);
    for (let i = 0; i <= n; i++) {
      const frame = labels.get(i);
      occurrences.set(frame, occurrences.get(frame) + 1);
      if (occurrences.get(frame) === 1) this.checkTableLabel(this.labelTypes(frame), types);
    }
    const { out } = this;
    if (out !== null) this.dispatch(out, index, this.topValues(types.length));
    for (let i = 0; i <= n; i++) occurrences.set(labels.get(i), 0);
    this.setUnreachable();
  }

  private checkTableLabel(types: Types, last: Types): void {
    if (types.length !== last.length) this.error("type mismatch", "labels of one table differ in arity");
    // before references, the operands' types had to be those of all labels even in unreachable code
    if (!has(this.features, REFERENCE_TYPES) && types.some((type, i) => type !== last[i])) {
      this.error("type mismatch", "labels of one table differ in type");
    }
    this.checkTop(types);
  }

  /**
   * The jump of a br_table. Frames that take operands, or that occur often, are reached through a block of
   * their own, so that operands and loop variables are passed once and not for each entry.
   */
  private dispatch(out: Lowering, index: Value, args: readonly Value[]): void {
    const { labels, occurrences, stops } = this;
    const targets: Block[] = [];
    stops.resize(Math.max(stops.length, this.depth), NO_BLOCK);
    for (let i = 0; i < labels.length; i++) {
      const frame = labels.get(i);
      if (args.length === 0 && occurrences.get(frame) === 1 && frame !== 0) {
        targets.push(this.targetOf(frame, out));
      } else {
        if (stops.get(frame) === NO_BLOCK) stops.set(frame, out.block());
        targets.push(stops.get(frame) as Block);
      }
    }
    out.brTable(index, targets, []);
    for (let i = 0; i < labels.length; i++) {
      const frame = labels.get(i);
      const stop = stops.get(frame) as Block;
      if (stop === NO_BLOCK) continue;
      stops.set(frame, NO_BLOCK);
      this.continueAt(stop);
      if (frame === 0) out.ret(args);
      else out.jump(this.targetOf(frame, out), args);
    }
  }

  // --- calls ------------------------------------------------------------------------------------------

  private callIndirect(returns: boolean): void {
    const type = this.funcTypeIndex();
    const table = this.tableIndex();
    this.expectMatch(this.module.tables[table].type.element, FUNCREF);
    const index = this.pop(this.tableAddress(table));
    const callee = this.module.types[type];
    const args = this.take(callee.params);
    this.finishCall(returns, callee, this.out?.callTable(table, type, index, args) ?? []);
  }

  /** Results of a call; a tail call (`returns` false) leaves the function with them. */
  private finishCall(returns: boolean, callee: DefType, values: readonly Value[]): void {
    if (returns) {
      this.pushValues(callee.results, values);
    } else {
      if (!this.space.listMatches(callee.results, this.results)) {
        this.error("type mismatch", "a tail call must have the results of its function");
      }
      this.setUnreachable();
    }
  }

  // --- locals -----------------------------------------------------------------------------------------

  private initialise(local: number): void {
    if (this.initialised.words.length === 0 || this.initialised.has(local)) return;
    this.initialised.add(local);
    this.inits.push(local);
  }

  private forgetInits(frame: number): void {
    while (this.inits.length > this.initCount.get(frame)) this.initialised.remove(this.inits.pop());
  }

  // --- operands in lists ------------------------------------------------------------------------------

  /** Pops operands of these types; their values where code is made, else no values. */
  take(types: Types): Value[] {
    if (this.out === null) {
      this.popTypes(types);
      return [];
    }
    this.checkTop(types);
    const values = this.topValues(types.length);
    this.popTypes(types);
    return values;
  }

  pushValues(types: Types, values: readonly Value[]): void {
    if (values.length < types.length) this.pushTypes(types);
    else for (let i = 0; i < types.length; i++) this.push(types[i], values[i]);
  }

  single(type: ValType): Types {
    const known = this.singles.get(type);
    if (known !== undefined) return known;
    const made = [type];
    this.singles.set(type, made);
    return made;
  }

  expectMatch(actual: ValType, expected: ValType): void {
    if (!this.space.matches(actual, expected)) {
      this.error("type mismatch", `expected ${typeText(expected)}, found ${typeText(actual)}`);
    }
  }

  // --- immediates -------------------------------------------------------------------------------------

  valType(): ValType {
    const type = readValType(this.r, this.features);
    this.checkType(type);
    return type;
  }

  private checkType(type: ValType): void {
    if (isRef(type)) this.checkHeap(heapOf(type));
  }

  private checkHeap(heap: number): void {
    if (heap >= this.module.types.length) this.error("unknown type", `${heap}`);
  }

  heapType(): number {
    const heap = readHeapType(this.r, this.features);
    this.checkHeap(heap);
    return heap;
  }

  typeIndex(): number {
    const index = this.r.u32();
    if (index >= this.module.types.length) this.error("unknown type", `${index}`);
    return index;
  }

  private checkFuncType(index: number): DefType {
    if (index >= this.module.types.length) this.error("unknown type", `${index}`);
    const type = this.module.types[index];
    if (type.kind !== COMP_FUNC) this.error("type mismatch", `type ${index} is not a function type`);
    return type;
  }

  private funcTypeIndex(): number {
    const index = this.r.u32();
    this.checkFuncType(index);
    return index;
  }

  private funcIndex(): number {
    const index = this.r.u32();
    if (index >= this.module.funcs.length) this.error("unknown function", `${index}`);
    return index;
  }

  private localIndex(): number {
    const index = this.r.u32();
    if (index >= this.locals.length) this.error("unknown local", `${index}`);
    return index;
  }

  private globalIndex(): number {
    const index = this.r.u32();
    const visible = this.isConstant ? this.visibleGlobals : this.module.globals.length;
    if (index >= visible) this.error("unknown global", `${index}`);
    if (this.isConstant && this.module.globals[index].type.mutable) {
      this.error("constant expression required", `global ${index} is mutable`);
    }
    return index;
  }

  /** An index that was a reserved byte before the feature. */
  private indexSince(feature: number): number {
    if (has(this.features, feature)) return this.r.u32();
    if (this.r.u8() !== 0) fail("zero byte expected", this.r.at - 1);
    return 0;
  }

  private tableIndex(): number {
    const index = this.indexSince(REFERENCE_TYPES);
    if (index >= this.module.tables.length) this.error("unknown table", `${index}`);
    return index;
  }

  private memoryIndex(): number {
    const index = this.indexSince(MULTI_MEMORY);
    this.checkMemory(index);
    return index;
  }

  private checkMemory(index: number): void {
    if (index >= this.module.memories.length) this.error("unknown memory", `${index}`);
  }

  elemIndex(): number {
    const index = this.r.u32();
    if (index >= this.module.elems.length) this.error("unknown elem segment", `${index}`);
    return index;
  }

  /** Segments come behind the code: what is known of their number is the data count section. */
  dataIndex(): number {
    const index = this.r.u32();
    if (this.module.dataCount < 0) this.error("data count section required");
    if (index >= this.module.dataCount) this.error("unknown data segment", `${index}`);
    return index;
  }

  tagIndex(): number {
    const index = this.r.u32();
    if (index >= this.module.tags.length) this.error("unknown tag", `${index}`);
    return index;
  }

  /** Alignment, memory and offset of an access: the memory's index; the offset in `r.lo` and `r.hi`. */
  private memarg(row: number): number {
    const { r } = this;
    let flags = r.u32();
    let memory = 0;
    if (has(this.features, MULTI_MEMORY) && (flags & HAS_MEMORY) !== 0 && flags < 2 * HAS_MEMORY) {
      flags ^= HAS_MEMORY;
      memory = r.u32();
    }
    if (flags >= HAS_MEMORY) this.error("malformed memop flags");
    if (has(this.features, MEMORY64)) {
      r.u64();
    } else {
      r.lo = r.u32() | 0;
      r.hi = 0;
    }
    this.checkMemory(memory);
    if (flags > rules.ALIGNMENT[row]) this.error("alignment must not be larger than natural");
    if (r.hi !== 0 && !this.module.memories[memory].type.limits.is64) this.error("offset out of range");
    return memory;
  }

  private memoryAddress(memory: number): ValType {
    return addressType(this.module.memories[memory].type.limits);
  }

  private tableAddress(table: number): ValType {
    return addressType(this.module.tables[table].type.limits);
  }

  private smaller(a: ValType, b: ValType): ValType {
    return a === I64 && b === I64 ? I64 : I32;
  }
}

export function addressType(limits: Limits): ValType {
  return limits.is64 ? I64 : I32;
}
