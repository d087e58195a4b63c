// For the tests of register allocation: small machines, random code for them, and an interpreter that runs code
// before and after allocation with symbolic instructions (what an instruction defines is a hash of what it used).

import { F32, F64, I32, I64, PTR, REF, V128 } from "../ir/ops.ts";
import {
  ANYWHERE,
  argumentOf,
  Code,
  DEF,
  FIRST_VREG,
  FIXED,
  FLOAT,
  fixed,
  GENERAL,
  IN_REGISTER,
  OVERLAPS,
  policyOf,
  REUSES,
  RegisterSet,
  reuses,
  roleOf,
  SPILLED,
  USE,
} from "../mach/code.ts";
import { classOf, RegisterInfo } from "../mach/registers.ts";

// --- machines -------------------------------------------------------------------------------------------------

export const RAX = 0;
export const RCX = 1;
export const RDX = 2;
export const RBX = 3;
export const SCRATCH = 11;
export const PINNED = 15;
export const XMM = 32;
export const FLOAT_SCRATCH = 47;

export class Machine {
  readonly info: RegisterInfo;
  readonly general: number[];
  readonly float: number[];
  readonly clobbers: RegisterSet;
  readonly everything: RegisterSet;

  constructor(general: number[], float: number[], saved: number[]) {
    this.general = general;
    this.float = float;
    const rematerialisable = new Uint8Array(64);
    rematerialisable[CONST] = 1;
    const names = Array.from({ length: 64 }, (_, r) => (r < 32 ? `r${r}` : `x${r - 32}`));
    this.info = new RegisterInfo(
      [Int32Array.from(general), Int32Array.from(float)],
      Int32Array.of(SCRATCH, FLOAT_SCRATCH),
      setOf(saved),
      names,
      rematerialisable,
    );
    this.clobbers = setOf([...general, ...float].filter((r) => !saved.includes(r)));
    this.everything = setOf([...general, ...float]);
  }
}

function setOf(registers: number[]): RegisterSet {
  let general = 0;
  let float = 0;
  for (const r of registers) {
    if (r < 32) general |= 1 << r;
    else float |= 1 << (r - 32);
  }
  return new RegisterSet(general, float);
}

// instructions: only CONST means something to the allocator
export const CONST = 1;
export const JUMP = 2;
export const BRANCH = 3;
export const RETURN = 4;
export const INVOKE = 5;
const FIRST_OTHER = 10;

export const TINY = new Machine([RAX, RCX, RDX, RBX], [XMM, XMM + 1, XMM + 2], [RBX]);
export const SMALL = new Machine([RAX, RCX, RDX, 6, RBX, 5], [32, 33, 34, 35], [RBX, 5]);
export const LARGE = new Machine(
  [0, 1, 2, 6, 7, 8, 9, 10, 3, 5, 12, 13],
  Array.from({ length: 15 }, (_, i) => 32 + i),
  [3, 5, 12, 13],
);

// --- random code ----------------------------------------------------------------------------------------------

export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = Math.imul(seed + 1, 0x9e3779b1) | 0;
  }

  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  below(n: number): number {
    return this.next() % n;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
}

const GENERAL_TYPES = [I32, I64, PTR, REF];
const FLOAT_TYPES = [F32, F64, V128];

export interface Shape {
  blocks: number;
  /** Instructions per block, at most. */
  length: number;
  /** Values that entry defines. */
  inputs: number;
  /** Chance that a use takes one of the latest values instead of any. */
  locality: number;
}

/** Random SSA code without critical edges; any graph, any order of blocks. */
export function randomCode(random: Random, machine: Machine, shape: Shape): Code {
  // a graph in which all blocks are reachable; no edges to block 0
  const succ: number[][] = [[]];
  for (let b = 1; b < shape.blocks; b++) {
    succ.push([]);
    const p = random.chance(60) ? b - 1 : random.below(b);
    succ[p].push(b);
  }
  for (let n = random.below(shape.blocks + 1); n > 0 && shape.blocks > 1; n--)
    succ[random.below(shape.blocks)].push(1 + random.below(shape.blocks - 1));
  const predecessors = (b: number) => succ.reduce((n, list) => n + list.filter((s) => s === b).length, 0);
  for (let b = 0; b < shape.blocks; b++) {
    if (succ[b].length < 2) continue;
    for (let k = 0; k < succ[b].length; k++) {
      if (predecessors(succ[b][k]) < 2) continue;
      succ.push([succ[b][k]]);
      succ[b][k] = succ.length - 1;
    }
  }
  const count = succ.length;
  const dominators = findDominators(succ);

  // an order of code: as numbered, or shuffled
  const layout = Array.from({ length: count }, (_, b) => b);
  if (random.chance(40)) {
    for (let i = count - 1; i > 1; i--) {
      const j = 1 + random.below(i);
      [layout[i], layout[j]] = [layout[j], layout[i]];
    }
  }

  // contents, in order of dominance
  const code = new Code();
  const types: number[] = [];
  const newVreg = (type: number) => {
    types.push(type);
    return FIRST_VREG + types.length - 1;
  };
  const available: number[][] = Array.from({ length: count }, () => []);
  const params: number[][] = Array.from({ length: count }, () => []);
  const bodies: Draft[][] = Array.from({ length: count }, () => []);
  const results: number[][] = Array.from({ length: count }, () => []); // of the invoke that leads here
  const order = [...dominators.keys()].sort((a, b) => dominators[a].length - dominators[b].length);
  for (const b of order) {
    const idom = dominators[b][dominators[b].length - 1] ?? -1;
    const values = idom >= 0 ? [...available[idom], ...results[b]] : [];
    available[b] = values;
    if (b !== 0) {
      for (let n = random.below(4); n > 0; n--) {
        const p = newVreg(random.pick(random.chance(70) ? GENERAL_TYPES : FLOAT_TYPES));
        params[b].push(p);
        values.push(p);
      }
    } else {
      const taken = new Draft(20, -1);
      for (const r of [...machine.general, ...machine.float]) {
        if (random.chance(40)) continue;
        const v = newVreg(random.pick(r < 32 ? GENERAL_TYPES : FLOAT_TYPES));
        taken.operands.push([v, fixed(DEF, r)]);
        values.push(v);
      }
      if (taken.operands.length > 0) bodies[b].push(taken);
      for (let n = 0; n < shape.inputs || n < 2; n++) {
        const list =
          n === 0 ? GENERAL_TYPES : n === 1 ? FLOAT_TYPES : random.chance(75) ? GENERAL_TYPES : FLOAT_TYPES;
        const v = newVreg(random.pick(list));
        const input = new Draft(random.chance(20) ? CONST : 21, -1);
        input.operands.push([v, DEF | IN_REGISTER]);
        bodies[b].push(input);
        values.push(v);
      }
    }
    const pick = (cls: number) => {
      const list = values.filter((v) => classOf(types[v - FIRST_VREG]) === cls);
      return random.chance(shape.locality)
        ? list[list.length - 1 - random.below(Math.min(3, list.length))]
        : random.pick(list);
    };
    for (let n = random.below(shape.length + 1); n > 0; n--) {
      const { draft, made } = randomInstruction(random, machine, pick, newVreg);
      bodies[b].push(draft);
      values.push(...made);
    }
    const kind = succ[b].length;
    if (kind === 0) {
      const draft = new Draft(RETURN, -1);
      draft.operands.push([pick(GENERAL), fixed(USE, RAX)]);
      if (random.chance(50)) draft.operands.push([pick(FLOAT), fixed(USE, XMM)]);
      bodies[b].push(draft);
    } else if (kind === 1) {
      bodies[b].push(new Draft(JUMP, -1));
    } else if (kind === 2 && random.chance(40)) {
      const { draft, made } = randomCall(random, machine, pick, newVreg);
      draft.op = INVOKE;
      draft.clobbers = 1;
      draft.site = 2;
      bodies[b].push(draft);
      results[succ[b][0]] = made;
    } else {
      const draft = new Draft(BRANCH, -1);
      draft.operands.push([pick(GENERAL), USE | (random.chance(30) ? ANYWHERE : IN_REGISTER)]);
      bodies[b].push(draft);
    }
  }

  // write it down
  for (const t of types) code.newVreg(t);
  code.clobberSets.push(machine.clobbers, machine.everything, setOf([RDX]));
  if (random.chance(20)) code.slots.push(32);
  const position = new Array<number>(count);
  layout.forEach((b, k) => {
    position[b] = k;
  });
  const trueDepths = random.chance(60);
  for (const b of layout) {
    code.blockStart.push(code.count);
    code.paramStart.push(code.paramPool.length);
    code.paramCount.push(params[b].length);
    for (const p of params[b]) code.paramPool.push(p);
    code.loopDepth.push(trueDepths ? depthOf(b, succ, dominators) : random.below(4));
    code.cold.push(random.chance(20) ? 1 : 0);
    for (const draft of bodies[b]) {
      const i = code.instruction(draft.op);
      for (const [v, c] of draft.operands) code.operand(v, c);
      code.clobbers[i] = draft.clobbers;
      code.site[i] = draft.site;
      code.imm[i] = random.below(1000);
    }
  }
  code.blockStart.push(code.count);
  for (let b = 0; b < count; b++) {
    // a table of branches may lead to one block by several edges, without arguments
    const shared = succ[b].length > 1 && bodies[b][bodies[b].length - 1].op === BRANCH;
    const targets = succ[b].flatMap((s) =>
      shared && params[s].length === 0 && random.chance(20) ? [s, s] : [s],
    );
    for (const s of targets) {
      code.edgeFrom.push(position[b]);
      code.edgeTo.push(position[s]);
      code.edgeStart.push(code.argPool.length);
      code.edgeCount.push(params[s].length);
      for (const p of params[s]) {
        const cls = classOf(types[p - FIRST_VREG]);
        const list = available[b].filter((v) => types[v - FIRST_VREG] === types[p - FIRST_VREG]);
        if (list.length === 0)
          list.push(...available[b].filter((v) => classOf(types[v - FIRST_VREG]) === cls));
        code.argPool.push(random.pick(list));
      }
    }
  }
  // arguments and parameters have one type
  for (let e = 0; e < code.edgeFrom.length; e++) {
    const first = code.paramStart.get(code.edgeTo.get(e));
    for (let k = 0; k < code.edgeCount.get(e); k++) {
      const cls = classOf(code.typeOf(code.paramPool.get(first + k)));
      if (cls === FLOAT) {
        code.vregType.set(code.paramPool.get(first + k) - FIRST_VREG, V128);
        code.vregType.set(code.argPool.get(code.edgeStart.get(e) + k) - FIRST_VREG, V128);
      }
    }
  }
  return code;
}

class Draft {
  op: number;
  clobbers: number;
  site: number;
  readonly operands: [number, number][];

  constructor(op: number, clobbers: number) {
    this.op = op;
    this.clobbers = clobbers;
    this.site = 0;
    this.operands = [];
  }
}

interface Made {
  draft: Draft;
  made: number[];
}

function randomCall(
  random: Random,
  machine: Machine,
  pick: (cls: number) => number,
  newVreg: (type: number) => number,
): Made {
  const draft = new Draft(22, 0);
  draft.site = 2;
  const made: number[] = [];
  const results = [...machine.general.slice(0, 3), ...machine.float.slice(0, 2)];
  for (const r of results) {
    if (random.chance(65)) continue;
    const v = newVreg(random.pick(r < 32 ? GENERAL_TYPES : FLOAT_TYPES));
    draft.operands.push([v, fixed(DEF, r)]);
    made.push(v);
  }
  const limit = random.chance(15) ? 99 : 4;
  const free = machine.general.length - 1; // one for the address
  machine.general.slice(0, Math.min(free, limit)).forEach((r) => {
    if (random.chance(70)) draft.operands.push([pick(GENERAL), fixed(USE, r)]);
  });
  for (const r of machine.float.slice(0, limit))
    if (random.chance(40)) draft.operands.push([pick(FLOAT), fixed(USE, r)]);
  const address = random.chance(25) ? pick(GENERAL) : -1;
  if (address >= 0) draft.operands.push([address, USE | IN_REGISTER]);
  for (let n = random.chance(20) ? random.below(4) : 0; n > 0; n--) {
    const v = pick(random.below(2));
    draft.operands.push([v, USE | ANYWHERE | (v !== address && random.chance(30) ? OVERLAPS : 0)]);
  }
  return { draft, made };
}

function randomInstruction(
  random: Random,
  machine: Machine,
  pick: (cls: number) => number,
  newVreg: (type: number) => number,
): Made {
  const cls = random.chance(75) ? GENERAL : FLOAT;
  const type = random.pick(cls === GENERAL ? GENERAL_TYPES : FLOAT_TYPES);
  const kind = random.below(100);
  const soft = () => (random.chance(30) ? ANYWHERE : IN_REGISTER);
  if (kind < 12) return randomCall(random, machine, pick, newVreg);
  const draft = new Draft(FIRST_OTHER + random.below(8), -1);
  const made: number[] = [];
  const def = (t: number, constraint: number) => {
    const v = newVreg(t);
    draft.operands.push([v, constraint]);
    if (random.chance(90)) made.push(v);
  };
  if (kind < 20) {
    draft.op = CONST;
    def(type, DEF | IN_REGISTER);
  } else if (kind < 45) {
    // d = d op u
    const swapped = random.chance(30);
    def(type, reuses(swapped ? 2 : 1));
    const first = random.chance(5) && cls === GENERAL && !swapped ? PINNED : pick(cls);
    draft.operands.push([first, USE | soft()]);
    draft.operands.push([random.chance(15) && first !== PINNED ? first : pick(cls), USE | soft()]);
  } else if (kind < 55) {
    // a shift
    def(random.pick(GENERAL_TYPES), reuses(1));
    draft.operands.push([pick(GENERAL), USE | IN_REGISTER]);
    draft.operands.push([pick(GENERAL), fixed(USE, RCX)]);
  } else if (kind < 62) {
    // a division: one result is wanted, the other register is destroyed; or both are
    const both = random.chance(40);
    def(random.pick(GENERAL_TYPES), fixed(DEF, RAX));
    if (both) def(random.pick(GENERAL_TYPES), fixed(DEF, RDX));
    else draft.clobbers = 2;
    draft.operands.push([pick(GENERAL), fixed(USE, RAX)]);
    draft.operands.push([pick(GENERAL), USE | OVERLAPS | soft()]);
  } else if (kind < 70) {
    // a double-width multiplication or a compare-and-swap: fixed operands that overlap
    def(random.pick(GENERAL_TYPES), fixed(DEF, RDX));
    draft.operands.push([pick(GENERAL), fixed(USE, RCX) | (random.chance(50) ? OVERLAPS : 0)]);
    draft.operands.push([pick(GENERAL), USE | soft()]);
  } else if (kind < 78) {
    // a store
    for (let n = 1 + random.below(2); n > 0; n--) draft.operands.push([pick(GENERAL), USE | IN_REGISTER]);
    draft.operands.push([pick(cls), USE | soft()]);
  } else if (kind < 84) {
    // a conversion, with a temporary
    def(type, DEF | IN_REGISTER);
    const temporary = newVreg(random.pick(GENERAL_TYPES));
    draft.operands.push([temporary, DEF | OVERLAPS | IN_REGISTER]);
    draft.operands.push([pick(1 - cls), USE | (random.chance(30) ? OVERLAPS : 0) | IN_REGISTER]);
  } else {
    // d = a op b, perhaps into memory
    def(type, DEF | (random.chance(20) ? OVERLAPS : 0) | (random.chance(15) ? ANYWHERE : IN_REGISTER));
    draft.operands.push([pick(cls), USE | soft()]);
    if (random.chance(60)) draft.operands.push([pick(random.below(2)), USE | soft()]);
    if (random.chance(5)) draft.operands.push([PINNED, USE | IN_REGISTER]);
  }
  return { draft, made };
}

/** Strict dominators of each block, from the entry to the immediate one. */
function findDominators(succ: number[][]): number[][] {
  const n = succ.length;
  const all = new Set(Array.from({ length: n }, (_, b) => b));
  const sets = Array.from({ length: n }, (_, b) => (b === 0 ? new Set([0]) : new Set(all)));
  for (let changed = true; changed; ) {
    changed = false;
    for (let b = 1; b < n; b++) {
      const before = sets[b].size;
      const next = new Set(all);
      succ.forEach((list, p) => {
        if (list.includes(b)) for (const d of next) if (!sets[p].has(d)) next.delete(d);
      });
      next.add(b);
      sets[b] = next;
      if (next.size !== before) changed = true;
    }
  }
  return sets.map((set, b) => [...set].filter((d) => d !== b).sort((x, y) => sets[x].size - sets[y].size));
}

/** In how many natural loops a block is. */
function depthOf(b: number, succ: number[][], dominators: number[][]): number {
  let depth = 0;
  const reaches = (from: number, to: number, without: number) => {
    const seen = new Set<number>();
    const stack = [from];
    while (stack.length > 0) {
      const x = stack.pop()!;
      if (x === to) return true;
      if (seen.has(x) || x === without) continue;
      seen.add(x);
      stack.push(...succ[x]);
    }
    return false;
  };
  const headers = new Set<number>();
  succ.forEach((list, p) => {
    for (const s of list) if (s === p || dominators[p].includes(s)) headers.add(s);
  });
  for (const h of headers) {
    if (h !== b && !dominators[b].includes(h)) continue;
    const latches = succ.flatMap((list, p) =>
      list.includes(h) && (p === h || dominators[p].includes(h)) ? [p] : [],
    );
    if (latches.some((p) => b === h || reaches(b, p, h))) depth++;
  }
  return depth;
}

// --- interpretation -------------------------------------------------------------------------------------------

function mix(a: number, b: number): number {
  let x = Math.imul(a ^ 0x5bd1e995, 0x9e3779b1) ^ Math.imul(b + 0x7f4a7c15, 0x85ebca6b);
  x ^= x >>> 15;
  x = Math.imul(x, 0xc2b2ae35);
  return x ^ (x >>> 13);
}

const STEPS = 600;

/** What running `code` shows: of each instruction executed, its number and the values of its uses. */
export function run(code: Code, machine: Machine, seed: number, allocated: boolean): number[] {
  return new Run(code, machine, seed, allocated).run();
}

class Run {
  private readonly code: Code;
  private readonly machine: Machine;
  private readonly allocated: boolean;
  private readonly seed: number;
  private readonly values: number[]; // by virtual register
  private readonly places: Map<number, number>;
  private readonly edges: number[][];
  private garbage: number;

  constructor(code: Code, machine: Machine, seed: number, allocated: boolean) {
    this.code = code;
    this.machine = machine;
    this.allocated = allocated;
    this.seed = seed;
    this.values = [];
    this.places = new Map([[PINNED, 12345]]);
    this.edges = [];
    for (let b = 0; b < code.blockStart.length - 1; b++) this.edges.push([]);
    for (let e = 0; e < code.edgeFrom.length; e++) this.edges[code.edgeFrom.get(e)].push(e);
    this.garbage = 0;
  }

  private junk(place: number): void {
    if (place !== PINNED) this.places.set(place, mix(++this.garbage, 0x1234567));
  }

  /** The value of operand k. */
  private read(k: number): number {
    const { code } = this;
    if (!this.allocated) {
      const r = code.register.get(k);
      return r < FIRST_VREG ? 12345 : (this.values[r - FIRST_VREG] ?? -1);
    }
    return this.places.get(code.place.get(k)) ?? mix(++this.garbage, 77);
  }

  run(): number[] {
    const { code } = this;
    const trace: number[] = [];
    let block = 0;
    let move = 0;
    for (let steps = 0; steps < STEPS; ) {
      const last = code.blockStart.get(block + 1) - 1;
      let decision = 0;
      let late: () => void = () => {};
      for (let i = code.blockStart.get(block); i <= last; i++, steps++) {
        if (this.allocated) {
          while (move > 0 && code.moveAt.get(move - 1) >= i) move--;
          while (move < code.moveAt.length && code.moveAt.get(move) < i) move++;
          for (; move < code.moveAt.length && code.moveAt.get(move) === i; move++) this.move(move);
          for (const r of this.machine.info.scratch) this.junk(r);
        }
        let shown = mix(this.seed, mix(code.op[i], code.imm[i]));
        const from = code.operandStart[i];
        const to = from + code.operandCount[i];
        const uses = this.use(from, to);
        for (const value of uses) shown = mix(shown, value);
        trace.push(i, shown);
        decision = mix(shown, steps) >>> 0;
        if (this.allocated && code.clobbers[i] >= 0)
          for (let r = 0; r < FIRST_VREG; r++) if (code.clobberSets[code.clobbers[i]].has(r)) this.junk(r);
        late = () => this.define(i, from, to, shown, uses, trace);
        if (i < last) late();
      }
      const edges = this.edges[block];
      if (edges.length === 0) return trace;
      const choice = decision % edges.length;
      if (choice === 0) late();
      else if (code.site[last] === 2 && this.allocated) for (let r = 0; r < FIRST_VREG; r++) this.junk(r);
      block = this.follow(edges[choice]);
    }
    return trace;
  }

  private move(m: number): void {
    const { code, places } = this;
    const remat = code.moveRemat.get(m);
    if (remat < 0) {
      places.set(code.moveTo.get(m), places.get(code.moveFrom.get(m)) ?? mix(++this.garbage, 99));
      return;
    }
    const i = code.moveFrom.get(m);
    const shown = mix(this.seed, mix(code.op[i], code.imm[i]));
    places.set(code.moveTo.get(m), mix(shown, 0));
  }

  /** Reads the uses as late as the constraints allow, spoiling what may have been written by then. */
  private use(from: number, to: number): number[] {
    const { code } = this;
    const uses: number[] = [];
    const reused = new Map<number, number>();
    for (let d = from; this.allocated && d < to; d++) {
      const c = code.constraint.get(d);
      if (roleOf(c) !== DEF) continue;
      if (policyOf(c) === REUSES) {
        const k = from + argumentOf(c);
        const value = this.read(k);
        for (let n = from; n < to; n++)
          if (
            n === k ||
            (roleOf(code.constraint.get(n)) === USE && code.register.get(n) === code.register.get(k))
          )
            if (code.place.get(n) === code.place.get(d)) reused.set(n, value);
        this.junk(code.place.get(d));
      } else if ((c & OVERLAPS) !== 0) {
        this.junk(code.place.get(d));
      }
    }
    for (let k = from; k < to; k++)
      if (roleOf(code.constraint.get(k)) === USE) uses.push(reused.get(k) ?? this.read(k));
    return uses;
  }

  private define(i: number, from: number, to: number, shown: number, uses: number[], trace: number[]): void {
    const { code } = this;
    for (let k = from; k < to; k++) {
      if (roleOf(code.constraint.get(k)) !== DEF) continue;
      const r = code.register.get(k);
      const value = mix(shown, code.op[i] === CONST ? 0 : k - from);
      if (this.allocated) this.places.set(code.place.get(k), value);
      else this.values[r - FIRST_VREG] = value;
    }
    // uses that overlap must be there still
    let n = 0;
    for (let k = from; k < to; k++) {
      const c = code.constraint.get(k);
      if (roleOf(c) !== USE) continue;
      const value = uses[n++];
      if ((c & OVERLAPS) !== 0) trace.push(this.read(k) === value ? 1 : 0);
    }
  }

  private follow(e: number): number {
    const { code, values } = this;
    const target = code.edgeTo.get(e);
    const args: number[] = [];
    if (!this.allocated) {
      for (let k = 0; k < code.edgeCount.get(e); k++)
        args.push(values[code.argPool.get(code.edgeStart.get(e) + k) - FIRST_VREG]);
      for (let k = 0; k < args.length; k++)
        values[code.paramPool.get(code.paramStart.get(target) + k) - FIRST_VREG] = args[k];
    }
    return target;
  }
}

/** Text of a code, for failures. */
export function describe(code: Code): string {
  const lines: string[] = [];
  const place = (p: number) =>
    p <= SPILLED ? `s${SPILLED - p}` : p < 0 ? "-" : p < 32 ? `r${p}` : `x${p - 32}`;
  const value = (r: number) => (r < FIRST_VREG ? place(r) : `v${r - FIRST_VREG}`);
  let m = 0;
  for (let b = 0; b < code.blockStart.length - 1; b++) {
    const list = (start: number, n: number, pool: { get(i: number): number }) =>
      Array.from({ length: n }, (_, k) => value(pool.get(start + k))).join(" ");
    lines.push(
      `b${b}(${list(code.paramStart.get(b), code.paramCount.get(b), code.paramPool)}) depth ${code.loopDepth.get(b)}`,
    );
    for (let i = code.blockStart.get(b); i < code.blockStart.get(b + 1); i++) {
      for (; m < code.moveAt.length && code.moveAt.get(m) === i; m++) {
        const remat = code.moveRemat.get(m);
        const source = remat >= 0 ? `repeat ${value(remat)}` : place(code.moveFrom.get(m));
        lines.push(`      ${place(code.moveTo.get(m))} <- ${source}`);
      }
      const operands: string[] = [];
      for (let k = code.operandStart[i]; k < code.operandStart[i] + code.operandCount[i]; k++) {
        const c = code.constraint.get(k);
        const policy = policyOf(c);
        let text = `${roleOf(c) === DEF ? "def " : ""}${value(code.register.get(k))}`;
        if (policy === FIXED) text += `@${place(argumentOf(c))}`;
        if (policy === REUSES) text += `=${argumentOf(c)}`;
        if (policy === ANYWHERE) text += "?";
        if ((c & OVERLAPS) !== 0) text += "!";
        operands.push(`${text}:${place(code.place.get(k))}`);
      }
      const clobbers = code.clobbers[i] >= 0 ? ` clobbers ${code.clobbers[i]}` : "";
      lines.push(`  ${i}: op${code.op[i]} ${operands.join(", ")}${clobbers}`);
    }
    for (let e = 0; e < code.edgeFrom.length; e++)
      if (code.edgeFrom.get(e) === b)
        lines.push(
          `  -> b${code.edgeTo.get(e)}(${list(code.edgeStart.get(e), code.edgeCount.get(e), code.argPool)})`,
        );
  }
  return lines.join("\n");
}
