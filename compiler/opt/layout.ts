// The order of code. Reverse postorder in which ways out of loops and cold blocks come last and the rest keeps the
// order of the source; then every loop is made contiguous, and a loop that is tested at its top and ends in a jump
// back is rotated, so that the test stands at the bottom and its branch closes the loop; cold blocks go to the end.
// requires: Order, Loops
// leaves: func.layout, the reachable blocks with ENTRY first

import { grown, IntColumn } from "../base/columns.ts";
import * as op from "../gen/ir-ops.ts";
import { type Block, ENTRY, type Func, type Value } from "../ir/func.ts";
import type { Order } from "../ir/order.ts";
import type { Context, Pass } from "./context.ts";
import { type Loops, NO_LOOP } from "./loops.ts";

export class BlockLayout implements Pass {
  private readonly postorder: IntColumn;
  private readonly stack: IntColumn;
  private state: Int32Array<ArrayBuffer>; // block → -1 new, else number of successors left to visit
  private readonly sorted: IntColumn; // successors of the blocks on the stack, in order of visit, last first
  private sortedStart: Int32Array<ArrayBuffer>; // block → its range of `sorted`
  // Items of each loop, in order: blocks, and (as ~loop) inner loops. Lists in cells.
  private readonly head: IntColumn; // loop + 1 → first cell; 0 is the function
  private readonly tail: IntColumn;
  private readonly cellItem: IntColumn;
  private readonly cellNext: IntColumn;
  private readonly placed: IntColumn; // loop → 1 once it stands in the list of its parent

  constructor() {
    this.postorder = new IntColumn();
    this.stack = new IntColumn();
    this.state = new Int32Array(64);
    this.sorted = new IntColumn();
    this.sortedStart = new Int32Array(64);
    this.head = new IntColumn();
    this.tail = new IntColumn();
    this.cellItem = new IntColumn();
    this.cellNext = new IntColumn();
    this.placed = new IntColumn();
  }

  run(c: Context): void {
    const { func: f, order, loops } = c;
    if (this.state.length < f.blockCount) {
      this.state = grown(this.state, f.blockCount);
      this.sortedStart = grown(this.sortedStart, f.blockCount);
    }
    this.search(f, loops);
    this.group(f, order, loops);
    this.flatten(f);
  }

  /** Depth-first postorder; what is visited last among successors follows its block. */
  private search(f: Func, loops: Loops): void {
    const { postorder, stack, state } = this;
    state.fill(-1, 0, f.blockCount);
    postorder.clear();
    stack.clear();
    this.sorted.clear();
    this.enter(f, loops, ENTRY);
    while (stack.length > 0) {
      const b = stack.data[stack.length - 1];
      if (state[b] === 0) {
        stack.length--;
        this.sorted.length = this.sortedStart[b];
        postorder.push(b);
        continue;
      }
      const to = this.sorted.data[this.sortedStart[b] + --state[b]] as Block;
      if (state[to] < 0) this.enter(f, loops, to);
    }
  }

  private enter(f: Func, loops: Loops, b: Block): void {
    const { sorted } = this;
    const start = sorted.length;
    this.sortedStart[b] = start;
    const t = f.terminator(b);
    const count = f.successorCount(t);
    for (let k = 0; k < count; k++) {
      const to = f.target(f.successor(t, k));
      // Insertion: what shall follow `b` first. A br_table keeps its order.
      let at = sorted.push(to);
      if (count > 2) continue;
      while (at > start && goesBefore(f, loops, b, to, sorted.data[at - 1] as Block)) {
        sorted.data[at] = sorted.data[at - 1];
        sorted.data[--at] = to;
      }
    }
    this.state[b] = count;
    this.stack.push(b);
  }

  /** Puts blocks and loops into the lists of their loops, in reverse postorder. */
  private group(f: Func, order: Order, loops: Loops): void {
    const { postorder } = this;
    this.head.clear();
    this.tail.clear();
    this.head.resize(loops.count + 1, -1);
    this.tail.resize(loops.count + 1, -1);
    this.placed.clear();
    this.placed.resize(loops.count, 0);
    this.cellItem.clear();
    this.cellNext.clear();
    for (let i = postorder.length - 1; i >= 0; i--) {
      const b = postorder.data[i] as Block;
      if (f.cold.data[b] !== 0 && b !== ENTRY) continue;
      const loop = loops.innermost[b];
      this.place(loops, loop);
      this.add(loop, b);
    }
    // Cold blocks: behind all, in the same order.
    for (let i = postorder.length - 1; i >= 0; i--) {
      const b = postorder.data[i] as Block;
      if (f.cold.data[b] !== 0 && b !== ENTRY) this.add(NO_LOOP, b);
    }
    for (let loop = 0; loop < loops.count; loop++) this.rotate(f, order, loops, loop);
  }

  /** Makes sure that `loop` and the loops around it stand in the lists of their parents. */
  private place(loops: Loops, loop: number): void {
    const { stack } = this;
    stack.clear();
    for (let at = loop; at !== NO_LOOP && this.placed.data[at] === 0; at = loops.parent.data[at]) {
      stack.push(at);
      this.placed.set(at, 1);
    }
    while (stack.length > 0) {
      const inner = stack.pop();
      this.add(loops.parent.data[inner], ~inner);
    }
  }

  private add(loop: number, item: number): void {
    const cell = this.cellItem.push(item);
    this.cellNext.push(-1);
    const list = loop + 1;
    if (this.head.data[list] < 0) this.head.set(list, cell);
    else this.cellNext.set(this.tail.data[list], cell);
    this.tail.set(list, cell);
  }

  /**
   * Moves the first blocks of the loop, up to the first that may leave it, to its end, if the last block jumps to
   * the header and the blocks moved fall into each other.
   */
  private rotate(f: Func, order: Order, loops: Loops, loop: number): void {
    const { head, tail, cellItem, cellNext } = this;
    const first = head.data[loop + 1];
    const last = tail.data[loop + 1];
    if (first < 0 || first === last || cellItem.data[last] < 0) return;
    const header = loops.header.data[loop] as Block;
    const bottom = f.terminator(cellItem.data[last] as Block);
    if (cellItem.data[first] !== header || f.op[bottom] !== op.JUMP) return;
    if (f.target(f.successor(bottom, 0)) !== header) return;
    let test = first;
    for (;;) {
      const next = cellNext.data[test];
      if (next < 0 || cellItem.data[test] < 0 || cellItem.data[next] < 0) return;
      const t = f.terminator(cellItem.data[test] as Block);
      if (f.op[t] === op.BR_IF && leavesLoop(f, loops, loop, t)) break;
      // Only a straight line may stand in front of the test.
      if (f.op[t] !== op.JUMP || f.target(f.successor(t, 0)) !== cellItem.data[next]) return;
      if (order.predecessorCount(cellItem.data[next] as Block) !== 1) return;
      test = next;
    }
    if (test === last) return;
    head.set(loop + 1, cellNext.data[test]);
    cellNext.set(last, first);
    cellNext.set(test, -1);
    tail.set(loop + 1, test);
  }

  private flatten(f: Func): void {
    const { layout } = f;
    const { stack, head, cellItem, cellNext } = this;
    layout.clear();
    stack.clear();
    stack.push(head.data[0]);
    while (stack.length > 0) {
      const cell = stack.pop();
      if (cell < 0) continue;
      stack.push(cellNext.data[cell]);
      const item = cellItem.data[cell];
      if (item >= 0) layout.push(item);
      else stack.push(head.data[~item + 1]);
    }
  }
}

function leavesLoop(f: Func, loops: Loops, loop: number, t: Value): boolean {
  return (
    loops.contains(loop, f.target(f.successor(t, 0))) !== loops.contains(loop, f.target(f.successor(t, 1)))
  );
}

/** True when `x` should follow `b` more closely than `y`. */
function goesBefore(f: Func, loops: Loops, b: Block, x: Block, y: Block): boolean {
  if (f.cold.data[x] !== f.cold.data[y]) return f.cold.data[x] === 0;
  const stays = loops.depthOfEdge(b, x);
  const other = loops.depthOfEdge(b, y);
  if (stays !== other) return stays > other;
  const from = f.loc[f.first.data[x]];
  const otherFrom = f.loc[f.first.data[y]];
  return from >= 0 && otherFrom >= 0 && from < otherFrom;
}
