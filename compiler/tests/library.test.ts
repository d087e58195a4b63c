// The library of what is the same in every image: its bytes, and what images take from it.

import { expect, test } from "vitest";
import { Program, SYM_FUNC } from "../ir/program.ts";
import { Image, TEXT } from "../mach/image.ts";
import { Library } from "../mach/library.ts";
import { PcTable } from "../mach/pctable.ts";
import { DEFAULTS } from "../options.ts";
import { commonTypes, compileShared } from "../shared.ts";

const packed = compileShared(DEFAULTS.target, commonTypes());

class Linked {
  readonly program: Program;
  readonly image: Image;
  readonly pcs: PcTable;

  /** An image with some text that wants the functions. */
  constructor(wanted: readonly string[]) {
    this.program = new Program();
    this.image = new Image(this.program);
    this.pcs = new PcTable();
    this.image.sections[TEXT].zeros(5);
    this.pcs.addRange(0, 5, 8, 0, 1 << 3);
    const symbols = wanted.map((name) => this.program.symbol(name, SYM_FUNC));
    new Library(packed).link(this.image, this.pcs, symbols);
  }

  names(): string[] {
    return [...this.image.definitions.keys()].map((symbol) => this.program.symbols[symbol].name);
  }

  bytes(name: string): Uint8Array {
    const d = this.image.definitions.get(this.program.find(name));
    if (d === undefined) throw new Error(`no ${name}`);
    return this.image.sections[d.section].view().subarray(d.offset, d.offset + d.size);
  }
}

test("it is the same each time", () => {
  expect(compileShared(DEFAULTS.target, commonTypes())).toEqual(packed);
});

test("an image takes what it refers to, and no more", () => {
  expect(new Linked([]).names()).toEqual([]);
  expect(new Linked(["wasmpy_refs_release"]).names()).toEqual(["wasmpy_refs_release"]);
  expect(new Linked(["wasmpy_refs_sweep"]).names()).toEqual(["wasmpy_refs_sweep", "wasmpy_refs_scan"]);
  const all = new Linked(["wasmpy_door_init", "wasmpy_exec"]).names();
  for (const name of ["wasmpy_kernel_methods", "wasmpy_kernel_bind", "wasmpy_context"])
    expect(all).toContain(name);
  for (const name of ["wasmpy_memory_fill", "wasmpy_table_set"]) expect(all).not.toContain(name);
});

test("code, relocations and rows of the PC table stand behind what was there", () => {
  const name = "wasmpy_memory_extend";
  const alone = new Linked([name]);
  const among = new Linked(["wasmpy_context", name]);
  const place = (linked: Linked) => linked.image.definitions.get(linked.program.find(name))?.offset ?? -1;
  expect(place(alone)).toBe(16);
  expect(place(among)).toBeGreaterThan(16);
  expect(among.bytes(name)).toEqual(alone.bytes(name));
  const rows = (linked: Linked) => {
    const start = place(linked);
    const end = start + linked.bytes(name).length;
    const isInside = (at: number) => start <= at && at <= end;
    const { program, image, pcs } = linked;
    return [
      ...image.relocations
        .filter((r) => r.section === TEXT && isInside(r.offset))
        .map((r) => [r.offset - start, r.kind, program.symbols[r.symbol].name, r.addend]),
      ...Array.from(pcs.siteOffset.data.subarray(0, pcs.siteOffset.length))
        .filter(isInside)
        .map((at) => at - start),
      ...Array.from({ length: pcs.start.length }, (_, k) => k)
        .filter((k) => isInside(pcs.start.get(k)))
        .map((k) => [pcs.start.get(k) - start, pcs.end.get(k) - start, pcs.frame.get(k), pcs.index.get(k)]),
    ];
  };
  expect(rows(alone).length).toBeGreaterThan(2);
  expect(rows(among)).toEqual(rows(alone));
});

test("symbols that an image has already are not defined again", () => {
  const linked = new Linked(["wasmpy_memory_grow"]);
  const before = linked.image.sections[TEXT].length;
  new Library(packed).link(linked.image, linked.pcs, [linked.program.find("wasmpy_memory_extend")]);
  expect(linked.image.sections[TEXT].length).toBe(before);
});
