// The image as an extension module, the data: what the loader and CPython read, before 3.15 and from 3.15 on, and
// the names of the doors. Their code is in modinit.ts.

import { SYM_FUNC } from "../ir/program.ts";
import { Door, type ModuleGlue } from "./glue.ts";
import { initSuffix } from "./punycode.ts";

/** Symbols in every image. */
export const MODULE_DEF = "wasmpy_module_def";
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
/** Offset of m_slots in PyModuleDef. */
export const DEF_SLOTS = 72;

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

  const oldSlots = g.data.variable("wasmpy_slots_3_10").word(SLOT_EXEC).pointer(exec).zeros(16).end();
  g.data
    .variable(SLOTS_3_12)
    .word(SLOT_EXEC)
    .pointer(exec)
    .word(SLOT_MULTIPLE_INTERPRETERS)
    .word(PER_INTERPRETER_GIL_SUPPORTED)
    .zeros(16)
    .end();
  g.data
    .variable(MODULE_DEF)
    .word(1) // reference count
    .zeros(32) // type, m_init, m_index, m_copy
    .pointer(name)
    .word(0) // m_doc
    .word(g.state.bytes)
    .word(0) // m_methods
    .pointer(oldSlots)
    .pointer(traverse)
    .pointer(clear)
    .pointer(free)
    .end();
  const abi = g.data
    .variable("wasmpy_abi_info")
    .u16(1) // version of the structure: 1.0
    .u16(ABI_STABLE | ABI_FREETHREADING_AGNOSTIC)
    .u32(VERSION_3_15) // built for
    .u32(VERSION_3_15) // needs
    .end();
  const slots = g.data.variable(SLOTS_3_15);
  const slot = (id: number, flags: number) => slots.u16(id).u16(flags).u32(0);
  slot(MOD_ABI, SLOT_STATIC).pointer(abi);
  slot(MOD_NAME, SLOT_STATIC).pointer(name);
  slot(MOD_STATE_SIZE, 0).word(g.state.bytes);
  slot(MOD_EXEC, 0).pointer(exec);
  slot(MOD_STATE_TRAVERSE, 0).pointer(traverse);
  slot(MOD_STATE_CLEAR, 0).pointer(clear);
  slot(MOD_STATE_FREE, 0).pointer(free);
  slot(MOD_MULTIPLE_INTERPRETERS, SLOT_INTPTR).word(PER_INTERPRETER_GIL_SUPPORTED);
  slots.zeros(16).end();

  g.data.constant(META).bytes(g.input.meta).end();
  g.doors.push(
    new Door(code(`PyInit${suffix}`), code(DOOR_INIT)),
    new Door(code(`PyModExport${suffix}`), code(DOOR_EXPORT)),
  );
  for (const door of g.doors) g.image.exported.push(door.symbol);
}
