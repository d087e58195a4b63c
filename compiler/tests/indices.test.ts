// Indices at the edges of their 32 bits, wherever a module can have one: none is taken for another, or for a negative
// number.

import { expect, test } from "vitest";
import { INVALID } from "../base/errors.ts";
import { validate } from "../driver.ts";
import { WASM_3_0 } from "../wasm/features.ts";

const VALUES = [0x0fff_ffff, 0x1000_0000, 0x1000_0001, 0x7fff_ffff, 0x8000_0000, 0xf000_0000, 0xffff_ffff];

const DEFINITIONS = `
  (type $f (func)) (type $s (struct (field (mut i32)))) (type $a (array (mut i32)))
  (import "m" "f" (func)) (func $own) (table 1 funcref) (memory 1) (global (mut i32) (i32.const 0)) (tag)
  (elem func 0) (data "x")`;

/** Each with one index, @, and the error that it must be. */
const PLACES: readonly (readonly [string, string])[] = [
  ['(import "m" "g" (func (type @)))', "unknown type"],
  ['(import "m" "g" (tag (type @)))', "unknown type"],
  ['(import "m" "g" (global (ref @)))', "unknown type"],
  ['(import "m" "g" (table 1 (ref null @)))', "unknown type"],
  ["(func (type @))", "unknown type"],
  ["(tag (type @))", "unknown type"],
  ["(type (func (param (ref @))))", "unknown type"],
  ["(type (func (result (ref null @))))", "unknown type"],
  ["(type (struct (field (ref @))))", "unknown type"],
  ["(type (array (ref @)))", "unknown type"],
  ["(type (sub @ (func)))", "unknown type"],
  ["(global (ref null @) (ref.null func))", "unknown type"],
  ["(global i32 (global.get @))", "unknown global"],
  ["(global funcref (ref.func @))", "unknown function"],
  ["(global funcref (ref.null @))", "unknown type"],
  ["(table 1 (ref null @))", "unknown type"],
  ["(start @)", "unknown function"],
  ['(export "x" (func @))', "unknown function"],
  ['(export "x" (table @))', "unknown table"],
  ['(export "x" (memory @))', "unknown memory"],
  ['(export "x" (global @))', "unknown global"],
  ['(export "x" (tag @))', "unknown tag"],
  ["(elem func @)", "unknown function"],
  ["(elem declare func @)", "unknown function"],
  ["(elem (i32.const 0) func @)", "unknown function"],
  ["(elem funcref (ref.func @))", "unknown function"],
  ["(elem (ref null @) (ref.null func))", "unknown type"],
  ["(elem (table @) (i32.const 0) func 0)", "unknown table"],
  ["(elem (offset (global.get @)) func 0)", "unknown global"],
  ['(data (memory @) (i32.const 0) "")', "unknown memory"],
  ['(data (offset (global.get @)) "")', "unknown global"],
  ["(func (local (ref null @)))", "unknown type"],
  ...[
    ["(block (type @))", "unknown type"],
    ["(block (result (ref null @)) unreachable) drop", "unknown type"],
    ["(br @)", "unknown label"],
    ["(br_if @ (i32.const 0))", "unknown label"],
    ["(br_table 0 @ 0 (i32.const 0))", "unknown label"],
    ["(br_table 0 @ (i32.const 0))", "unknown label"],
    ["(br_on_null @ (ref.null func)) drop", "unknown label"],
    ["(br_on_cast @ anyref anyref (ref.null any)) drop", "unknown label"],
    ["(br_on_cast 0 anyref (ref null @) (ref.null any)) drop", "unknown type"],
    ["(try_table (catch @ 0))", "unknown tag"],
    ["(try_table (catch_all @))", "unknown label"],
    ["(throw @)", "unknown tag"],
    ["(call @)", "unknown function"],
    ["(return_call @)", "unknown function"],
    ["(call_indirect @ (type 0) (i32.const 0))", "unknown table"],
    ["(call_indirect (type @) (i32.const 0))", "unknown type"],
    ["(return_call_indirect (type @) (i32.const 0))", "unknown type"],
    ["(call_ref @ (unreachable))", "unknown type"],
    ["(return_call_ref @ (unreachable))", "unknown type"],
    ["(select (result (ref null @)) (unreachable)) drop", "unknown type"],
    ["(drop (local.get @))", "unknown local"],
    ["(local.set @ (i32.const 0))", "unknown local"],
    ["(drop (local.tee @ (i32.const 0)))", "unknown local"],
    ["(drop (global.get @))", "unknown global"],
    ["(global.set @ (i32.const 0))", "unknown global"],
    ["(drop (table.get @ (i32.const 0)))", "unknown table"],
    ["(table.set @ (i32.const 0) (ref.null func))", "unknown table"],
    ["(drop (table.size @))", "unknown table"],
    ["(drop (table.grow @ (ref.null func) (i32.const 0)))", "unknown table"],
    ["(table.fill @ (i32.const 0) (ref.null func) (i32.const 0))", "unknown table"],
    ["(table.copy @ 0 (i32.const 0) (i32.const 0) (i32.const 0))", "unknown table"],
    ["(table.copy 0 @ (i32.const 0) (i32.const 0) (i32.const 0))", "unknown table"],
    ["(table.init @ 0 (i32.const 0) (i32.const 0) (i32.const 0))", "unknown table"],
    ["(table.init 0 @ (i32.const 0) (i32.const 0) (i32.const 0))", "unknown elem segment"],
    ["(elem.drop @)", "unknown elem segment"],
    ["(drop (i32.load @ (i32.const 0)))", "unknown memory"],
    ["(i32.store @ (i32.const 0) (i32.const 0))", "unknown memory"],
    ["(drop (memory.size @))", "unknown memory"],
    ["(drop (memory.grow @ (i32.const 0)))", "unknown memory"],
    ["(memory.fill @ (i32.const 0) (i32.const 0) (i32.const 0))", "unknown memory"],
    ["(memory.copy @ 0 (i32.const 0) (i32.const 0) (i32.const 0))", "unknown memory"],
    ["(memory.copy 0 @ (i32.const 0) (i32.const 0) (i32.const 0))", "unknown memory"],
    ["(memory.init @ 0 (i32.const 0) (i32.const 0) (i32.const 0))", "unknown memory"],
    ["(memory.init @ (i32.const 0) (i32.const 0) (i32.const 0))", "unknown data segment"],
    ["(data.drop @)", "unknown data segment"],
    ["(drop (ref.func @))", "unknown function"],
    ["(drop (ref.null @))", "unknown type"],
    ["(drop (ref.test (ref @) (ref.null any)))", "unknown type"],
    ["(drop (ref.cast (ref null @) (ref.null any)))", "unknown type"],
    ["(drop (struct.new @))", "unknown type"],
    ["(drop (struct.new_default @))", "unknown type"],
    ["(drop (struct.get @ 0 (unreachable)))", "unknown type"],
    ["(drop (struct.get $s @ (unreachable)))", "unknown field"],
    ["(struct.set @ 0 (unreachable))", "unknown type"],
    ["(struct.set $s @ (unreachable))", "unknown field"],
    ["(drop (array.new @))", "unknown type"],
    ["(drop (array.new_fixed @ 0))", "unknown type"],
    ["(drop (array.new_data @ 0))", "unknown type"],
    ["(drop (array.new_data $a @ (i32.const 0) (i32.const 0)))", "unknown data segment"],
    ["(drop (array.new_elem $a @ (i32.const 0) (i32.const 0)))", "unknown elem segment"],
    ["(drop (array.get @ (unreachable)))", "unknown type"],
    ["(array.set @ (unreachable))", "unknown type"],
    ["(array.fill @ (unreachable))", "unknown type"],
    ["(array.copy @ $a (unreachable))", "unknown type"],
    ["(array.copy $a @ (unreachable))", "unknown type"],
  ].map(([code, message]): [string, string] => [`(func ${code} unreachable)`, message]),
];

test.each(PLACES)("%s", (place, message) => {
  for (const value of VALUES) {
    const field = place.replace("@", `${value}`);
    const fields = field.startsWith("(import") ? field + DEFINITIONS : DEFINITIONS + field;
    const text = `(module ${fields})`;
    const { diagnostic } = validate(new TextEncoder().encode(text), WASM_3_0);
    expect([value, diagnostic?.kind, diagnostic?.message.slice(0, message.length)]).toEqual([
      value,
      INVALID,
      message,
    ]);
  }
});
