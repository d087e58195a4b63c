// Modules as text: flat instructions, one a line, that `parseModule` reads back into the same module. Functions
// and locals keep the names of the name section, where these are unique; everything else is numbers.

import { fail } from "../base/fail.ts";
import type { f64, u32 } from "../base/numbers.ts";
import { encodeUtf8 } from "../base/utf8.ts";
import * as op from "../gen/wasm-ops.ts";
import { ANNOTATIONS, type Features, FUNCTION_REFERENCES, has } from "../wasm/features.ts";
import * as imm from "../wasm/imm.ts";
import { INSTRUCTIONS } from "../wasm/instructions.ts";
import { MAX_LOCALS, MAX_NAME_BYTES } from "../wasm/limits.ts";
import * as m from "../wasm/module.ts";
import { Reader } from "../wasm/reader.ts";
import { readOpcode } from "../wasm/scan.ts";
import { BLOCK_EMPTY, BLOCK_VALUE, BlockType, readHeapType, readValType } from "../wasm/typereader.ts";
import * as t from "../wasm/types.ts";
import { heapText, typeText } from "../wasm/typetable.ts";
import { TextWriter } from "./writer.ts";

/** The text of a module that `decode` made with these features. */
export function printModule(module: m.Module, features: Features): Uint8Array {
  const printer = new Printer(module, features);
  printer.module();
  return printer.writer.out.take();
}

const EXTERN_NAMES: readonly string[] = ["func", "table", "memory", "global", "tag"];
const CATCH_NAMES: readonly string[] = ["catch", "catch_ref", "catch_all", "catch_all_ref"];

class Printer {
  readonly writer: TextWriter;
  private readonly mod: m.Module;
  private readonly features: Features;
  private readonly r: Reader;
  private readonly blockType: BlockType;
  /** Function index → its identifier. */
  private readonly funcIds: ReadonlyMap<number, string>;
  /** The same for the locals of the function at hand. */
  private localIds: ReadonlyMap<number, string>;

  constructor(module: m.Module, features: Features) {
    this.writer = new TextWriter();
    this.mod = module;
    this.features = features;
    this.r = new Reader(module.bytes, 0, module.bytes.length);
    this.blockType = new BlockType();
    this.funcIds = uniqueNames(module.funcNames, module.funcs.length);
    this.localIds = new Map();
  }

  module(): void {
    const { mod, writer: w } = this;
    w.text("(module");
    if (mod.moduleName !== "" && !isLong(mod.moduleName)) {
      w.text(" ");
      w.id(mod.moduleName);
    }
    this.types();
    for (const entry of mod.imports) this.importField(entry);
    for (const [i, func] of mod.funcs.entries()) if (!func.imported) this.func(i, func);
    for (const [i, table] of mod.tables.entries()) if (!table.imported) this.table(i, table);
    for (const [i, memory] of mod.memories.entries()) {
      if (memory.imported) continue;
      this.open("memory", i);
      this.limits(memory.type.limits);
      w.text(")");
    }
    for (const [i, tag] of mod.tags.entries()) {
      if (tag.imported) continue;
      this.open("tag", i);
      this.typeUse(tag.type);
      w.text(")");
    }
    for (const [i, global] of mod.globals.entries()) {
      if (global.imported) continue;
      this.open("global", i);
      this.globalType(global.type);
      this.expression(global.init);
      w.text(")");
    }
    for (const entry of mod.exports) {
      w.line(1);
      w.text("(export ");
      w.name(entry.name);
      w.text(` (${EXTERN_NAMES[entry.kind]}`);
      if (entry.kind === m.EXT_FUNC) this.index(this.funcIds, entry.index);
      else w.text(` ${entry.index}`);
      w.text("))");
    }
    if (mod.start >= 0) {
      w.line(1);
      w.text("(start");
      this.index(this.funcIds, mod.start >>> 0);
      w.text(")");
    }
    for (const [i, elem] of mod.elems.entries()) this.elem(i, elem);
    for (const [i, data] of mod.datas.entries()) this.data(i, data);
    if (has(this.features, ANNOTATIONS)) for (const custom of mod.customs) this.custom(custom);
    w.text(")\n");
  }

  /** `(keyword (;index;)` on a line of its own. */
  private open(keyword: string, index: number): void {
    this.writer.line(1);
    this.writer.text(`(${keyword} (;${index};)`);
  }

  /** An index, by name if it has one, with a space before it. */
  private index(ids: ReadonlyMap<number, string>, index: u32): void {
    const id = ids.get(index | 0);
    this.writer.text(" ");
    if (id === undefined) this.writer.number(index);
    else this.writer.id(id);
  }

  // ---- types

  private types(): void {
    const { types } = this.mod;
    for (let i = 0; i < types.length; ) {
      const { groupSize } = types[i];
      if (groupSize <= 1) {
        this.definition(i++, 1);
        continue;
      }
      this.writer.line(1);
      this.writer.text("(rec");
      for (let k = 0; k < groupSize; k++) this.definition(i++, 2);
      this.writer.text(")");
    }
  }

  private definition(index: number, depth: number): void {
    const { writer: w } = this;
    const type = this.mod.types[index];
    w.line(depth);
    w.text(`(type (;${index};) `);
    const isSub = !type.final || type.supertype >= 0;
    if (isSub) {
      w.text("(sub ");
      if (type.final) w.text("final ");
      if (type.supertype >= 0) w.text(`${type.supertype} `);
    }
    switch (type.kind) {
      case t.COMP_FUNC:
        w.text("(func");
        this.typeList("param", type.params);
        this.typeList("result", type.results);
        break;
      case t.COMP_STRUCT:
        w.text("(struct");
        for (const field of type.fields) {
          w.text(" (field");
          this.fieldType(field);
          w.text(")");
        }
        break;
      default:
        w.text("(array");
        this.fieldType(type.fields[0]);
    }
    w.text(isSub ? ")))" : "))");
  }

  private fieldType(field: t.FieldType): void {
    this.writer.text(field.mutable ? " (mut" : "");
    this.valType(field.storage);
    if (field.mutable) this.writer.text(")");
  }

  private typeList(keyword: string, types: readonly t.ValType[]): void {
    if (types.length === 0) return;
    this.writer.text(` (${keyword}`);
    for (const type of types) this.valType(type);
    this.writer.text(")");
  }

  /** A value type, with a space before it. */
  private valType(type: t.ValType): void {
    this.writer.text(` ${typeText(type)}`);
  }

  private typeUse(index: f64): void {
    this.writer.text(` (type ${index})`);
  }

  private limits(limits: t.Limits): void {
    const { writer: w } = this;
    w.text(limits.is64 ? " i64 " : " ");
    w.natural64(limits.minLo, limits.minHi);
    if (limits.hasMax) {
      w.text(" ");
      w.natural64(limits.maxLo, limits.maxHi);
    }
    if (limits.shared) w.text(" shared");
  }

  private tableType(type: t.TableType): void {
    this.limits(type.limits);
    this.valType(type.element);
  }

  private globalType(type: t.GlobalType): void {
    this.writer.text(type.mutable ? " (mut" : "");
    this.valType(type.type);
    if (type.mutable) this.writer.text(")");
  }

  // ---- fields

  private importField(entry: m.Import): void {
    const { mod, writer: w } = this;
    w.line(1);
    w.text("(import ");
    w.name(entry.module);
    w.text(" ");
    w.name(entry.name);
    w.text(` (${EXTERN_NAMES[entry.kind]} (;${entry.index};)`);
    switch (entry.kind) {
      case m.EXT_FUNC: {
        const id = this.funcIds.get(entry.index);
        if (id !== undefined) this.index(this.funcIds, entry.index);
        this.typeUse(mod.funcs[entry.index].type);
        break;
      }
      case m.EXT_TABLE:
        this.tableType(mod.tables[entry.index].type);
        break;
      case m.EXT_MEMORY:
        this.limits(mod.memories[entry.index].type.limits);
        break;
      case m.EXT_GLOBAL:
        this.globalType(mod.globals[entry.index].type);
        break;
      default:
        this.typeUse(mod.tags[entry.index].type);
    }
    w.text("))");
  }

  private table(index: number, table: m.Table): void {
    this.open("table", index);
    this.tableType(table.type);
    if (table.init.end > table.init.start) this.expression(table.init);
    this.writer.text(")");
  }

  private elem(index: number, elem: m.Elem): void {
    const { writer: w } = this;
    this.open("elem", index);
    if (elem.mode === m.DECLARATIVE) w.text(" declare");
    if (elem.mode === m.ACTIVE) {
      if (elem.table !== 0) w.text(` (table ${elem.table})`);
      this.offset(elem.offset);
    }
    // without elements the type alone tells the forms apart, where it does
    const short = has(this.features, FUNCTION_REFERENCES) ? t.ref(t.FUNC, false) : t.FUNCREF;
    if (elem.funcs.length > 0 || (elem.exprs.length === 0 && elem.type === short)) {
      w.text(" func");
      for (const func of elem.funcs) this.index(this.funcIds, func);
    } else {
      this.valType(elem.type);
      for (const expr of elem.exprs) {
        w.text(" (item");
        this.expression(expr);
        w.text(")");
      }
    }
    w.text(")");
  }

  private data(index: number, data: m.Data): void {
    const { writer: w } = this;
    this.open("data", index);
    if (data.mode === m.ACTIVE) {
      if (data.memory !== 0) w.text(` (memory ${data.memory})`);
      this.offset(data.offset);
    }
    w.text(" ");
    w.string(this.mod.bytes, data.bytes.start, data.bytes.end);
    w.text(")");
  }

  /** The place among the other sections is not kept: they all come last. */
  private custom(custom: m.Custom): void {
    const { writer: w } = this;
    if (custom.name === "name") return;
    w.line(1);
    w.text("(@custom ");
    w.name(custom.name);
    w.text(" ");
    w.string(this.mod.bytes, custom.range.start, custom.range.end);
    w.text(")");
  }

  private offset(range: m.Range): void {
    this.writer.text(" (offset");
    this.expression(range);
    this.writer.text(")");
  }

  private func(index: number, func: m.Func): void {
    const { mod, r, writer: w } = this;
    this.open("func", index);
    if (this.funcIds.has(index)) this.index(this.funcIds, index);
    this.typeUse(func.type);
    r.restart(func.body.start, func.body.end);
    const type = func.type < mod.types.length ? mod.types[func.type] : null;
    const params = type === null ? [] : type.params;
    const names = mod.localNames.get(index);
    this.localIds = names === undefined ? new Map() : uniqueNames(names, 0x7fffffff);
    let local = 0;
    for (const param of params) this.local("param", local++, param);
    if (type !== null) this.typeList("result", type.results);
    for (let runs = r.u32(); runs > 0; runs--) {
      const count = r.u32();
      const type = readValType(r, this.features);
      if (count > MAX_LOCALS - local) fail("too many local variables", func.body.start);
      if (count > 0) w.line(2);
      for (let i = 0; i < count; i++) this.local("local", local++, type);
    }
    this.code(2);
    w.text(")");
  }

  private local(keyword: string, index: number, type: t.ValType): void {
    const { writer: w } = this;
    w.text(` (${keyword}`);
    if (this.localIds.has(index)) this.index(this.localIds, index);
    this.valType(type);
    w.text(")");
  }

  // ---- code

  /** A constant expression on the same line, without its `end`. */
  private expression(range: m.Range): void {
    const { r, writer: w } = this;
    r.restart(range.start, range.end);
    for (;;) {
      const row = readOpcode(r, this.features);
      if (row === op.END) return;
      w.text(" ");
      this.instruction(row);
    }
  }

  /** Instructions up to the `end` of the function, which the text does not have. */
  private code(outer: number): void {
    const { r, writer: w } = this;
    let depth = outer;
    for (;;) {
      const row = readOpcode(r, this.features);
      if (row === op.END) {
        if (depth === outer) return;
        depth--;
      }
      w.line(row === op.ELSE ? depth - 1 : depth);
      this.instruction(row);
      if (row === op.BLOCK || row === op.LOOP || row === op.IF || row === op.TRY_TABLE) depth++;
    }
  }

  /** The instruction whose opcode was read, with its immediates. */
  private instruction(row: number): void {
    const { r, writer: w } = this;
    w.text(INSTRUCTIONS[row].keyword);
    switch (row) {
      case op.CALL_INDIRECT:
      case op.RETURN_CALL_INDIRECT: {
        const type = r.u32();
        this.optional(r.u32());
        this.typeUse(type);
        return;
      }
      case op.MEMORY_INIT:
      case op.TABLE_INIT: {
        const segment = r.u32();
        this.optional(r.u32());
        w.text(` ${segment}`);
        return;
      }
      case op.MEMORY_COPY:
      case op.TABLE_COPY: {
        const target = r.u32();
        const source = r.u32();
        if ((target | source) !== 0) w.text(` ${target} ${source}`);
        return;
      }
      case op.REF_TEST:
      case op.REF_TEST_NULL:
      case op.REF_CAST:
      case op.REF_CAST_NULL:
        this.valType(
          t.ref(readHeapType(r, this.features), row === op.REF_TEST_NULL || row === op.REF_CAST_NULL),
        );
        return;
      case op.BR_ON_CAST:
      case op.BR_ON_CAST_FAIL: {
        const flags = r.u8();
        w.text(` ${r.u32()}`);
        this.valType(t.ref(readHeapType(r, this.features), (flags & 1) !== 0));
        this.valType(t.ref(readHeapType(r, this.features), (flags & 2) !== 0));
        return;
      }
    }
    for (const kind of INSTRUCTIONS[row].kinds) this.immediate(row, kind);
  }

  /** An index that is left out when it is 0. */
  private optional(index: u32): void {
    if (index !== 0) this.writer.text(` ${index}`);
  }

  private immediate(row: number, kind: number): void {
    const { r, writer: w } = this;
    switch (kind) {
      case imm.BLOCKTYPE:
        this.blockTypeUse();
        break;
      case imm.LABELS:
        for (let n = r.u32(); n > 0; n--) w.text(` ${r.u32()}`);
        break;
      case imm.FUNC:
        this.index(this.funcIds, r.u32());
        break;
      case imm.LOCAL:
        this.index(this.localIds, r.u32());
        break;
      case imm.TABLE:
      case imm.MEMORY:
        this.optional(r.u32());
        break;
      case imm.I32:
        w.text(` ${r.s32()}`);
        break;
      case imm.I64:
        r.s64();
        w.text(" ");
        w.integer64(r.lo, r.hi);
        break;
      case imm.F32:
        w.text(" ");
        w.float32(r.word());
        break;
      case imm.F64: {
        const lo = r.word();
        w.text(" ");
        w.float64(lo, r.word());
        break;
      }
      case imm.V128:
        w.text(" i32x4");
        for (let i = 0; i < 4; i++) {
          w.text(" ");
          w.hex32(r.word());
        }
        break;
      case imm.MEMARG:
        this.memarg(row);
        break;
      case imm.LANE:
        w.text(` ${r.u8()}`);
        break;
      case imm.SHUFFLE:
        for (let i = 0; i < 16; i++) w.text(` ${r.u8()}`);
        break;
      case imm.HEAPTYPE:
        w.text(` ${heapText(readHeapType(r, this.features))}`);
        break;
      case imm.VALTYPES: {
        w.text(" (result");
        for (let n = r.u32(); n > 0; n--) this.valType(readValType(r, this.features));
        w.text(")");
        break;
      }
      case imm.CATCHES:
        for (let n = r.u32(); n > 0; n--) this.catchClause();
        break;
      default:
        w.text(` ${r.u32()}`);
    }
  }

  private blockTypeUse(): void {
    const { blockType } = this;
    blockType.read(this.r, this.features);
    if (blockType.form === BLOCK_EMPTY) return;
    if (blockType.form === BLOCK_VALUE) this.typeList("result", [blockType.value | 0]);
    else this.typeUse(blockType.value);
  }

  private memarg(row: number): void {
    const { r, writer: w } = this;
    const flags = r.u32();
    const { align, lanes } = INSTRUCTIONS[row];
    // a lane index alone follows otherwise, and would be taken for the memory
    const memory = (flags & imm.HAS_MEMORY) !== 0 ? r.u32() : 0;
    if (memory !== 0 || lanes > 0) w.text(` ${memory}`);
    r.u64();
    if ((r.lo | r.hi) !== 0) {
      w.text(" offset=");
      w.natural64(r.lo, r.hi);
    }
    const log2 = flags & (imm.HAS_MEMORY - 1);
    if (2 ** log2 !== align) {
      w.text(" align=");
      w.natural64(log2 < 32 ? 1 << log2 : 0, log2 < 32 ? 0 : 1 << (log2 - 32));
    }
  }

  private catchClause(): void {
    const { r, writer: w } = this;
    const at = r.at;
    const kind = r.u8();
    if (kind > imm.CATCH_ALL_REF) fail("malformed catch clause", at);
    w.text(` (${CATCH_NAMES[kind]}`);
    if (kind < imm.CATCH_ALL) w.text(` ${r.u32()}`);
    w.text(` ${r.u32()})`);
  }
}

/** A name that the text cannot have (lexer.ts). */
function isLong(name: string): boolean {
  // a UTF-16 unit is at most three bytes
  return name.length * 3 > MAX_NAME_BYTES && encodeUtf8(name).length > MAX_NAME_BYTES;
}

/** The names that can be identifiers: not empty or too long, of something that exists, not used by a lower index. */
function uniqueNames(names: ReadonlyMap<number, string>, count: number): ReadonlyMap<number, string> {
  const used = new Map<string, number>();
  const unique = new Map<number, string>();
  for (const [index, name] of names) {
    if (name === "" || isLong(name) || index >= count || used.has(name)) continue;
    used.set(name, index);
    unique.set(index, name);
  }
  return unique;
}
