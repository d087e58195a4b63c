// The image as an extension module, the data: what the loader and CPython read, before 3.15 and from 3.15 on, and
// the names of the doors. Their code is in modinit.ts.

import { SYM_FUNC } from "../ir/program.ts";
import type { DataRecord } from "./data.ts";
import { Door, type ModuleGlue } from "./glue.ts";
import { initSuffix } from "./punycode.ts";
import {
  ABI_BUILD_VERSION,
  ABI_FLAGS,
  ABI_INFO,
  ABI_MAJOR,
  ABI_MINOR,
  ABI_VERSION,
  DEF_CLEAR,
  DEF_FREE,
  DEF_NAME,
  DEF_REFCOUNT,
  DEF_SIZE,
  DEF_SLOTS,
  DEF_TRAVERSE,
  MODULE_DEF,
  NEW_SLOT,
  NEW_SLOT_FLAGS,
  NEW_SLOT_ID,
  NEW_SLOT_VALUE,
  SLOT,
  SLOT_NUMBER,
  SLOT_VALUE,
} from "./structures.ts";

/** Symbols in every image. */
export const DEFINITION = "wasmpy_module_def";
export const SLOTS_3_12 = "wasmpy_slots_3_12";
export const SLOTS_3_15 = "wasmpy_slots_3_15";
export const EXEC = "wasmpy_exec";
export const TRAVERSE = "wasmpy_traverse";
export const CLEAR = "wasmpy_clear";
export const FREE = "wasmpy_free";
/** What the doors lead to. */
export const DOOR_INIT = "wasmpy_door_init";
export const DOOR_EXPORT = "wasmpy_door_export";
/** The module's description (meta.ts). */
export const META = "wasmpy_meta";

// PyModuleDef_Slot, up to 3.14
const SLOT_EXEC = 2;
const SLOT_MULTIPLE_INTERPRETERS = 3;
const PER_INTERPRETER_GIL_SUPPORTED = 2;

// PySlot, from 3.15
const MOD_EXEC = 85;
const MOD_MULTIPLE_INTERPRETERS = 86;
const MOD_NAME = 100;
const MOD_STATE_SIZE = 102;
const MOD_STATE_TRAVERSE = 104;
const MOD_STATE_CLEAR = 105;
const MOD_STATE_FREE = 106;
const MOD_ABI = 109;
const SLOT_STATIC = 2;
const SLOT_INTPTR = 4;
// PyABIInfo flags
const ABI_STABLE = 1;
const ABI_FREETHREADING_AGNOSTIC = 6;

const VERSION_3_15 = 0x030f0000;

/** Writes everything that the loader and CPython look at. */
export function writeModule(g: ModuleGlue): void {
  const suffix = initSuffix(g.input.leaf);
  const name = g.data.text(g.input.leaf);
  const code = (symbol: string) => g.program.symbol(symbol, SYM_FUNC);
  const [exec, traverse, clear, free] = [EXEC, TRAVERSE, CLEAR, FREE].map(code);

  const oldSlots = (table: DataRecord) =>
    table.put(SLOT_NUMBER, SLOT_EXEC).point(SLOT_VALUE, exec).next(SLOT);
  const slots310 = oldSlots(g.data.variable("wasmpy_slots_3_10")).next(SLOT).end();
  oldSlots(g.data.variable(SLOTS_3_12))
    .put(SLOT_NUMBER, SLOT_MULTIPLE_INTERPRETERS)
    .put(SLOT_VALUE, PER_INTERPRETER_GIL_SUPPORTED)
    .next(SLOT)
    .next(SLOT)
    .end();
  g.data
    .variable(DEFINITION)
    .put(DEF_REFCOUNT, 1)
    .point(DEF_NAME, name)
    .put(DEF_SIZE, g.state.bytes)
    .point(DEF_SLOTS, slots310)
    .point(DEF_TRAVERSE, traverse)
    .point(DEF_CLEAR, clear)
    .point(DEF_FREE, free)
    .next(MODULE_DEF)
    .end();
  const abi = g.data
    .variable("wasmpy_abi_info")
    .put(ABI_MAJOR, 1)
    .put(ABI_MINOR, 0)
    .put(ABI_FLAGS, ABI_STABLE | ABI_FREETHREADING_AGNOSTIC)
    .put(ABI_BUILD_VERSION, VERSION_3_15)
    .put(ABI_VERSION, VERSION_3_15) // what it needs
    .next(ABI_INFO)
    .end();
  const slots = g.data.variable(SLOTS_3_15);
  const slot = (id: number, flags: number) => slots.put(NEW_SLOT_ID, id).put(NEW_SLOT_FLAGS, flags);
  const pointer = (id: number, flags: number, symbol: number) =>
    slot(id, flags).point(NEW_SLOT_VALUE, symbol).next(NEW_SLOT);
  const number = (id: number, flags: number, x: number) =>
    slot(id, flags).put(NEW_SLOT_VALUE, x).next(NEW_SLOT);
  pointer(MOD_ABI, SLOT_STATIC, abi);
  pointer(MOD_NAME, SLOT_STATIC, name);
  number(MOD_STATE_SIZE, 0, g.state.bytes);
  pointer(MOD_EXEC, 0, exec);
  pointer(MOD_STATE_TRAVERSE, 0, traverse);
  pointer(MOD_STATE_CLEAR, 0, clear);
  pointer(MOD_STATE_FREE, 0, free);
  number(MOD_MULTIPLE_INTERPRETERS, SLOT_INTPTR, PER_INTERPRETER_GIL_SUPPORTED);
  slots.next(NEW_SLOT).end();

  g.data.constant(META).bytes(g.input.meta).end();
  g.doors.push(
    new Door(code(`PyInit${suffix}`), code(DOOR_INIT)),
    new Door(code(`PyModExport${suffix}`), code(DOOR_EXPORT)),
  );
  for (const door of g.doors) g.image.exported.push(door.symbol);
}
