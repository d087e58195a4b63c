// One walk over a function body or constant expression: decodes, validates (spec 3.4 and the appendix
// "Validation Algorithm") and, where `lowering` is given and the code can be reached, makes SSA through it.
// Without it the walk validates only. An instruction that is valid but has no lowering yet is remembered in
// `missing`; from there on the walk only validates, so that what is invalid is reported before what is missing.
// Requires: the module's types and index spaces have been validated (validate.ts) as far as they are visible.

import { fail } from "../base/fail.ts";
import type { f64 } from "../base/numbers.ts";
import * as w from "../gen/wasm-ops.ts";
import { NO_BLOCK, NO_VALUE, type Value } from "../ir/func.ts";
import { REF } from "../ir/ops.ts";
import type { Lowering } from "../lower/lowering.ts";
import { EXTENDED_CONST, type Features, FUNCTION_REFERENCES, has } from "../wasm/features.ts";
import { checkLimit, MAX_LOCALS } from "../wasm/limits.ts";
import type { Module, Range } from "../wasm/module.ts";
import { readOpcode } from "../wasm/scan.ts";
import type { TypeSpace } from "../wasm/subtyping.ts";
import * as t from "../wasm/types.ts";
import {
  BOT,
  type DefType,
  F32,
  F64,
  FUNCREF,
  heapOf,
  I32,
  I64,
  isNullable,
  isRef,
  V128,
  type ValType,
} from "../wasm/types.ts";
import { typeText } from "../wasm/typetable.ts";
import { walkAggregate } from "./aggregates.ts";
import { walkBulk } from "./bulk.ts";
import { Control, NO_TYPES } from "./control.ts";
import { walkException } from "./exceptions.ts";
import { Facts } from "./facts.ts";
import { ALL_GLOBALS } from "./immediates.ts";
import { FRAME_BLOCK, FRAME_FUNC, type Types } from "./operands.ts";
import * as rules from "./rules.ts";

export class Walk extends Control {
  /** Functions that `ref.func` may name in bodies. */
  private readonly declared: Uint8Array;
  readonly facts: Facts;
  private results: Types;

  constructor(
    module: Module,
    features: Features,
    space: TypeSpace,
    declared: Uint8Array,
    lowering: Lowering | null,
  ) {
    super(module, features, space, lowering);
    this.declared = declared;
    this.facts = new Facts(module);
    this.results = NO_TYPES;
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
    this.visibleGlobals = ALL_GLOBALS;
    this.locals.clear();
  }

  private declareLocals(params: Types): void {
    const { r, locals } = this;
    const { types } = locals;
    for (const type of params) types.push(type);
    let count: f64 = params.length;
    for (let groups = r.u32(); groups > 0; groups--) {
      const at = r.at;
      const n = r.u32();
      const type = this.valType();
      count += n;
      if (count > 0xffffffff) fail("too many locals", at);
      // what is too much is counted, but not kept
      if (count <= MAX_LOCALS) for (let i = 0; i < n; i++) types.push(type);
    }
    checkLimit(count, MAX_LOCALS, "too many local variables", this.at);
    locals.declared(params.length);
    this.out?.declareLocals(types, params.length);
  }

  // --- one instruction --------------------------------------------------------------------------------

  private step(): void {
    const { r } = this;
    this.at = r.at;
    const row = readOpcode(r, this.features);
    if (rules.LOWERING[row] === rules.UNSUPPORTED) {
      this.facts.miss(row, this.at);
      this.miss(row);
    }
    if (this.isConstant) this.checkConstant(row);
    const { out } = this;
    if (out !== null) out.goOn(this.at);
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
      case w.CALL: {
        const index = this.funcIndex();
        const callee = this.module.types[this.module.funcs[index].type];
        const args = this.take(callee.params);
        this.pushValues(callee.results, this.out?.callFunction(index, args) ?? []);
        break;
      }
      case w.RETURN_CALL: {
        const index = this.funcIndex();
        const callee = this.module.types[this.module.funcs[index].type];
        const args = this.take(callee.params);
        this.checkTailCall(callee);
        this.out?.returnCallFunction(index, args);
        this.setUnreachable();
        break;
      }
      case w.CALL_INDIRECT:
      case w.RETURN_CALL_INDIRECT:
        this.callIndirect(row);
        break;
      case w.CALL_REF:
      case w.RETURN_CALL_REF: {
        const type = this.funcTypeIndex();
        const reference = this.pop(t.ref(type, true));
        const nullable = isNullable(this.popped);
        const args = this.take(this.module.types[type].params);
        const record = this.out?.recordOf(reference, nullable) ?? NO_VALUE;
        this.callRecord(row === w.CALL_REF, type, record, false, args);
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
        if (!this.locals.isSet(local)) this.error("uninitialized local", `${local}`);
        this.push(this.locals.types.get(local), this.out?.getLocal(local) ?? NO_VALUE);
        break;
      }
      case w.LOCAL_SET: {
        const local = this.localIndex();
        const v = this.pop(this.locals.types.get(local));
        this.locals.markSet(local);
        this.out?.setLocal(local, v);
        break;
      }
      case w.LOCAL_TEE: {
        const local = this.localIndex();
        const v = this.pop(this.locals.types.get(local));
        this.locals.markSet(local);
        this.out?.setLocal(local, v);
        this.push(this.locals.types.get(local), v);
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
        if (!this.isConstant && this.declared[index] === 0) {
          this.error("undeclared function reference", `${index}`);
        }
        const typed = has(this.features, FUNCTION_REFERENCES);
        const type = typed ? t.ref(this.module.funcs[index].type, false) : FUNCREF;
        this.push(type, this.out?.functionReference(index) ?? NO_VALUE);
        break;
      }
      case w.REF_AS_NON_NULL: {
        const v = this.popRef();
        this.out?.trapIfNull(v);
        this.push(t.ref(heapOf(this.popped), false), v);
        break;
      }
      case w.BR_ON_NULL:
        this.branchOnNull();
        break;
      case w.BR_ON_NON_NULL:
        this.branchOnNonNull();
        break;
      default:
        if (!walkBulk(this, row) && !walkException(this, row) && !walkAggregate(this, row)) {
          this.error("illegal opcode");
        }
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

  // --- calls ------------------------------------------------------------------------------------------

  private callIndirect(row: number): void {
    const type = this.funcTypeIndex();
    const table = this.tableIndex();
    this.expectMatch(this.module.tables[table].type.element, FUNCREF);
    const index = this.pop(this.tableAddress(table));
    const callee = this.module.types[type];
    // a subtype would do as well, but only equality is tested so far
    if (!callee.final) this.miss(row);
    const args = this.take(callee.params);
    const { out } = this;
    const record = out === null ? NO_VALUE : out.recordInTable(table, type, index);
    const own = out !== null && out.ownTables[table] === 1;
    this.callRecord(row === w.CALL_INDIRECT, type, record, own, args);
  }

  /**
   * Calls the function of a record, which is known to be this instance's where `own` is true; a tail call
   * (`returns` false) leaves this function with its results.
   */
  private callRecord(
    returns: boolean,
    type: number,
    record: Value,
    own: boolean,
    args: readonly Value[],
  ): void {
    const callee = this.module.types[type];
    if (returns) {
      this.pushValues(callee.results, this.out?.callRecord(record, type, own, args) ?? []);
    } else {
      this.checkTailCall(callee);
      this.out?.returnCallRecord(record, type, own, args);
      this.setUnreachable();
    }
  }

  private checkTailCall(callee: DefType): void {
    if (!this.space.listMatches(callee.results, this.results)) {
      this.error("type mismatch", "a tail call must have the results of its function");
    }
  }

  private localIndex(): number {
    const index = this.r.u32();
    if (index >= this.locals.types.length) this.error("unknown local", `${index}`);
    return index | 0;
  }
}
