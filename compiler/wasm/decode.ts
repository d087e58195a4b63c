// The binary decoder (spec 5.5): bytes → Module. Strict in everything the grammar says; what needs index
// spaces or types is left to walk/validate.ts. Function bodies are not looked into: their ranges are recorded.
// The custom section "name" is read leniently (names.ts).

import { fail } from "../base/fail.ts";
import type { u32 } from "../base/numbers.ts";
import * as f from "./features.ts";
import { type Features, has } from "./features.ts";
import * as limit from "./limits.ts";
import { checkLimit } from "./limits.ts";
import * as m from "./module.ts";
import { Module, NO_RANGE, Range } from "./module.ts";
import { readNames } from "./names.ts";
import * as p from "./proposals.ts";
import { refuse } from "./proposals.ts";
import { Reader } from "./reader.ts";
import { skipExpression } from "./scan.ts";
import { readLimits, readMutability, readRefType, readStorageType, readValType } from "./typereader.ts";
import * as t from "./types.ts";
import {
  COMP_ARRAY,
  COMP_FUNC,
  COMP_STRUCT,
  DefType,
  FieldType,
  FUNCREF,
  GlobalType,
  MemoryType,
  TableType,
  type ValType,
} from "./types.ts";

const CUSTOM = 0;
const TYPE = 1;
const IMPORT = 2;
const FUNCTION = 3;
const TABLE = 4;
const MEMORY = 5;
const GLOBAL = 6;
const EXPORT = 7;
const START = 8;
const ELEM = 9;
const CODE = 10;
const DATA = 11;
const DATA_COUNT = 12;
const TAG = 13;

/** Section id → its place in the order of sections. */
const PLACE: Uint8Array = Uint8Array.of(0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 11, 6);

export function decode(bytes: Uint8Array, features: Features): Module {
  checkLimit(bytes.length, limit.MAX_MODULE_BYTES, "module too large", 0);
  return new Decoder(bytes, features).module();
}

class Decoder {
  private readonly r: Reader;
  private readonly features: Features;
  private readonly out: Module;
  /** Type indices of the function section, whose bodies the code section brings. */
  private declared: Uint32Array;
  private bodies: number;

  constructor(bytes: Uint8Array, features: Features) {
    this.r = new Reader(bytes, 0, bytes.length);
    this.features = features;
    this.out = new Module(bytes);
    this.declared = new Uint32Array(0);
    this.bodies = 0;
  }

  module(): Module {
    const { r, out } = this;
    if (r.bytes.length < 4) fail("unexpected end", r.bytes.length);
    if (r.word() !== 0x6d736100) fail("magic header not detected", 0);
    if (r.bytes.length < 8) fail("unexpected end", r.bytes.length);
    const version = r.word();
    if (version !== 1) refuse(p.LAYER, version, this.features, "unknown binary version", 4);
    let place = 0;
    while (!r.done) {
      const at = r.at;
      const id = r.u8();
      if (!this.knows(id)) refuse(p.SECTION, id, this.features, "malformed section id", at, `${id}`);
      const size = r.length();
      const end = r.at + size;
      if (id !== CUSTOM) {
        if (PLACE[id] <= place) fail("unexpected content after last section", at, `section ${id}`);
        place = PLACE[id];
      }
      r.end = end;
      this.section(id);
      if (r.at !== end) fail("section size mismatch", r.at);
      r.end = r.bytes.length;
    }
    if (this.bodies !== this.declared.length) {
      fail("function and code section have inconsistent lengths", r.at);
    }
    if (out.dataCount >= 0 && out.dataCount !== out.datas.length) {
      fail("data count and data section have inconsistent lengths", r.at);
    }
    return out;
  }

  private knows(id: number): boolean {
    if (id === DATA_COUNT) return has(this.features, f.BULK_MEMORY);
    if (id === TAG) return has(this.features, f.EXCEPTIONS);
    return id < DATA_COUNT;
  }

  private section(id: number): void {
    switch (id) {
      case CUSTOM:
        this.custom();
        break;
      case TYPE:
        this.types();
        break;
      case IMPORT:
        this.imports();
        break;
      case FUNCTION:
        this.functions();
        break;
      case TABLE:
        this.tables();
        break;
      case MEMORY:
        this.memories();
        break;
      case TAG:
        this.tags();
        break;
      case GLOBAL:
        this.globals();
        break;
      case EXPORT:
        this.exports();
        break;
      case START:
        this.out.start = this.r.u32();
        break;
      case ELEM:
        this.elems();
        break;
      case DATA_COUNT:
        this.out.dataCount = this.r.u32();
        break;
      case CODE:
        this.code();
        break;
      case DATA:
        this.datas();
        break;
    }
  }

  // --- types ------------------------------------------------------------------------------------------

  private types(): void {
    const { r, out } = this;
    let n = r.length();
    checkLimit(n, limit.MAX_TYPES, "too many types", r.at);
    for (; n > 0; n--) {
      if (r.peek() === 0x4e && has(this.features, f.GC)) {
        r.u8();
        const size = r.u32();
        checkLimit(out.types.length + size, limit.MAX_TYPES, "too many types", r.at);
        const start = out.types.length;
        for (let i = 0; i < size; i++) out.types.push(this.subType(start, size | 0));
      } else {
        out.types.push(this.subType(out.types.length, 1));
      }
    }
    checkLimit(out.types.length, limit.MAX_TYPES, "too many types", r.at);
  }

  private subType(groupStart: number, groupSize: number): DefType {
    const { r } = this;
    let form = r.u8();
    let final = true;
    let supertype = -1;
    if ((form === 0x50 || form === 0x4f) && has(this.features, f.GC)) {
      final = form === 0x4f;
      const at = r.at;
      const supertypes = r.u32();
      if (supertypes > 1) fail("sub type", at, `${supertypes} supertypes, at most one is possible`);
      if (supertypes === 1) {
        const index = r.u32();
        // of an earlier type, so that nobody else has to see to cycles
        if (index >= this.out.types.length) fail("unknown type", at, `${index}`);
        supertype = index | 0;
      }
      form = r.u8();
    }
    const at = r.at;
    if (form === 0x60) {
      const params = this.valTypes();
      checkLimit(params.length, limit.MAX_PARAMS, "too many parameters", at);
      const results = this.valTypes();
      checkLimit(results.length, limit.MAX_RESULTS, "too many results", at);
      return new DefType(COMP_FUNC, params, results, [], final, supertype, groupStart, groupSize);
    }
    if (form === 0x5f && has(this.features, f.GC)) {
      const fields: FieldType[] = [];
      const n = r.length();
      checkLimit(n, limit.MAX_FIELDS, "too many fields", at);
      for (let i = 0; i < n; i++) fields.push(this.fieldType());
      return new DefType(COMP_STRUCT, [], [], fields, final, supertype, groupStart, groupSize);
    }
    if (form === 0x5e && has(this.features, f.GC)) {
      const fields = [this.fieldType()];
      return new DefType(COMP_ARRAY, [], [], fields, final, supertype, groupStart, groupSize);
    }
    return refuse(p.DEFINITION, form, this.features, "malformed definition type", at - 1);
  }

  private valTypes(): ValType[] {
    const types: ValType[] = [];
    for (let n = this.r.length(); n > 0; n--) types.push(readValType(this.r, this.features));
    return types;
  }

  private fieldType(): FieldType {
    const storage = readStorageType(this.r, this.features);
    return new FieldType(storage, readMutability(this.r, this.features));
  }

  private tableType(): TableType {
    const element = readRefType(this.r, this.features);
    return new TableType(element, readLimits(this.r, this.features, p.TABLE_LIMITS));
  }

  private memoryType(): MemoryType {
    return new MemoryType(readLimits(this.r, this.features, p.MEMORY_LIMITS));
  }

  private globalType(): GlobalType {
    const type = readValType(this.r, this.features);
    return new GlobalType(type, readMutability(this.r, this.features));
  }

  private tagType(): u32 {
    if (this.r.u8() !== 0) fail("malformed tag attribute", this.r.at - 1);
    return this.r.u32();
  }

  // --- imports, definitions, exports ------------------------------------------------------------------

  private imports(): void {
    const { r, out } = this;
    const n = r.length();
    checkLimit(n, limit.MAX_IMPORTS, "too many imports", r.at);
    for (let i = 0; i < n; i++) {
      const at = r.at;
      const module = r.name();
      const name = r.name();
      const kind = this.externalKind();
      if (kind > m.EXT_TAG) this.importKind(kind, name);
      let index = 0;
      switch (kind) {
        case m.EXT_FUNC:
          index = out.funcs.push(new m.Func(r.u32(), NO_RANGE, true));
          break;
        case m.EXT_TABLE:
          index = out.tables.push(new m.Table(this.tableType(), NO_RANGE, true));
          break;
        case m.EXT_MEMORY:
          index = out.memories.push(new m.Memory(this.memoryType(), true));
          break;
        case m.EXT_GLOBAL:
          index = out.globals.push(new m.Global(this.globalType(), NO_RANGE, true));
          break;
        default:
          index = out.tags.push(new m.Tag(this.tagType(), true));
      }
      out.imports.push(new m.Import(module, name, kind, index - 1, at));
    }
  }

  /** A kind; what is none, or not with these features, as a number above those of kinds. */
  private externalKind(): number {
    const kind = this.r.u8();
    return kind === m.EXT_TAG && !has(this.features, f.EXCEPTIONS) ? kind + 1 : kind;
  }

  private importKind(kind: number, name: string): never {
    const place = name === "" && kind >= 0x40 ? p.GROUPED_IMPORT : p.IMPORT_KIND;
    return refuse(place, kind, this.features, "malformed import kind", this.r.at - 1);
  }

  private functions(): void {
    const { r, out } = this;
    const n = r.length();
    checkLimit(n + out.funcs.length, limit.MAX_FUNCTIONS, "too many functions", r.at);
    this.declared = new Uint32Array(n);
    for (let i = 0; i < n; i++) this.declared[i] = r.u32();
  }

  private tables(): void {
    const { r, out } = this;
    const n = r.length();
    checkLimit(n + out.tables.length, limit.MAX_TABLES, "too many tables", r.at);
    for (let i = 0; i < n; i++) {
      const initialised = r.peek() === 0x40 && has(this.features, f.FUNCTION_REFERENCES);
      if (initialised) {
        r.u8();
        if (r.u8() !== 0) fail("zero byte expected", r.at - 1);
      }
      const type = this.tableType();
      const init = initialised ? skipExpression(r, this.features) : NO_RANGE;
      out.tables.push(new m.Table(type, init, false));
    }
  }

  private memories(): void {
    const { r, out } = this;
    const n = r.length();
    checkLimit(n + out.memories.length, limit.MAX_MEMORIES, "too many memories", r.at);
    for (let i = 0; i < n; i++) {
      out.memories.push(new m.Memory(this.memoryType(), false));
    }
  }

  private tags(): void {
    const { r, out } = this;
    const n = r.length();
    checkLimit(n + out.tags.length, limit.MAX_TAGS, "too many tags", r.at);
    for (let i = 0; i < n; i++) out.tags.push(new m.Tag(this.tagType(), false));
  }

  private globals(): void {
    const { r, out } = this;
    const n = r.length();
    checkLimit(n + out.globals.length, limit.MAX_GLOBALS, "too many globals", r.at);
    for (let i = 0; i < n; i++) {
      const type = this.globalType();
      out.globals.push(new m.Global(type, skipExpression(r, this.features), false));
    }
  }

  private exports(): void {
    const { r, out } = this;
    const n = r.length();
    checkLimit(n, limit.MAX_EXPORTS, "too many exports", r.at);
    for (let i = 0; i < n; i++) {
      const at = r.at;
      const name = r.name();
      const kind = this.externalKind();
      if (kind > m.EXT_TAG) fail("malformed export kind", r.at - 1);
      out.exports.push(new m.Export(name, kind, r.u32(), at));
    }
  }

  // --- segments and code ------------------------------------------------------------------------------

  private elems(): void {
    const { r, out } = this;
    const n = r.length();
    checkLimit(n, limit.MAX_ELEM_SEGMENTS, "too many element segments", r.at);
    for (let i = 0; i < n; i++) out.elems.push(this.elem());
  }

  /**
   * Flags: bit 0 not active; bit 1 an explicit table (active), declarative (not active); bit 2 expressions
   * instead of function indices. Before bulk memory the flags were a table index.
   */
  private elem(): m.Elem {
    const { r, features } = this;
    const at = r.at;
    let flags: u32 = r.u32();
    let table: u32 = 0;
    if (!has(features, f.BULK_MEMORY)) {
      table = flags;
      flags = 0;
    }
    if (flags > 7) refuse(p.ELEM_KIND, flags & ~7, features, "malformed element segment kind", at);
    const mode = (flags & 1) === 0 ? m.ACTIVE : (flags & 2) === 0 ? m.PASSIVE : m.DECLARATIVE;
    if (mode === m.ACTIVE && (flags & 2) !== 0) table = r.u32();
    const offset = mode === m.ACTIVE ? skipExpression(r, features) : NO_RANGE;
    // a list of function indices holds no null
    let type = has(features, f.FUNCTION_REFERENCES) ? t.ref(t.FUNC, false) : FUNCREF;
    if ((flags & 4) !== 0) {
      type = (flags & 3) === 0 ? FUNCREF : readRefType(r, features);
    } else if ((flags & 3) !== 0 && r.u8() !== 0) {
      fail("malformed element segment kind", r.at - 1);
    }
    const n = r.length();
    checkLimit(n, limit.MAX_ELEMENTS, "too many elements in a segment", r.at);
    const exprs: Range[] = [];
    const funcs = new Uint32Array((flags & 4) !== 0 ? 0 : n);
    if ((flags & 4) !== 0) for (let i = 0; i < n; i++) exprs.push(skipExpression(r, features));
    else for (let i = 0; i < n; i++) funcs[i] = r.u32();
    return new m.Elem(mode, table, offset, type, funcs, exprs, at);
  }

  private code(): void {
    const { r, out } = this;
    const n = r.u32();
    if (n !== this.declared.length) fail("function and code section have inconsistent lengths", r.at);
    for (let i = 0; i < n; i++) {
      const size = r.length();
      checkLimit(size, limit.MAX_BODY_BYTES, "function body too large", r.at);
      out.funcs.push(new m.Func(this.declared[i], new Range(r.at, r.at + size), false));
      r.at += size;
    }
    this.bodies = n | 0;
  }

  private datas(): void {
    const { r, out } = this;
    const n = r.length();
    checkLimit(n, limit.MAX_DATA_SEGMENTS, "too many data segments", r.at);
    for (let i = 0; i < n; i++) out.datas.push(this.data());
  }

  /** Flags: 0 active, 1 passive, 2 active with a memory index. Before bulk memory they were that index. */
  private data(): m.Data {
    const { r, features } = this;
    const at = r.at;
    let flags: u32 = r.u32();
    let memory: u32 = 0;
    if (!has(features, f.BULK_MEMORY)) {
      memory = flags;
      flags = 0;
    }
    if (flags > 2) refuse(p.DATA_KIND, flags & ~3, features, "malformed data segment kind", at);
    if (flags === 2) memory = r.u32();
    const mode = flags === 1 ? m.PASSIVE : m.ACTIVE;
    const offset = mode === m.ACTIVE ? skipExpression(r, features) : NO_RANGE;
    const size = r.length();
    const start = r.at;
    r.at += size;
    return new m.Data(mode, memory, offset, new Range(start, r.at), at);
  }

  private custom(): void {
    const { r, out } = this;
    const name = r.name();
    const content = new Range(r.at, r.end);
    r.at = r.end;
    out.customs.push(new m.Custom(name, content));
    if (name === "name") readNames(out, content);
  }
}
