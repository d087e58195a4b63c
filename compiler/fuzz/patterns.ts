// Shapes of expressions that optimisers and instruction selectors look for, and their near misses: operands that are
// shared, constants one off, operators that are almost the right one.

import type { Random } from "./random.ts";
import { PLAIN, rowOf } from "./rows.ts";
import { F32, F64, I32, I64, Node, type Type } from "./tree.ts";
import { f32, f64, i32, i64, int, prefix } from "./values.ts";

type Grow = (type: Type) => Node;
/** `grow` makes any expression, `shared` one without effects that may stand twice, `load` a load. */
export type Pattern = (r: Random, type: Type, grow: Grow, shared: Grow, load: Grow) => Node;

function op(name: string, kids: Node[], type: Type): Node {
  return new Node(rowOf(name), [], kids, type);
}

/** The same once more: for what has no effects. */
function copy(node: Node): Node {
  const made = new Node(node.row, [...node.immediates], node.kids.map(copy), node.type);
  made.bodies = node.bodies.map((body) => body.map(copy));
  return made;
}

const COMPARISONS = ["eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u"];
const BINARY = ["add", "sub", "mul", "and", "or", "xor"];

const powerOfTwo: Pattern = (r, t, grow, shared) => {
  const width = t === I32 ? 32 : 64;
  const power = 1n << BigInt(r.below(width));
  const d = int(t, r.chance(60) ? power : -power);
  const name = `${prefix(t)}.${r.pick(["div_s", "div_s", "rem_s", "div_u", "rem_u"])}`;
  const isMinusOne = d.immediates[0] === -1 || d.immediates[0] === -1n;
  const near = () =>
    op(`${prefix(t)}.sub`, [op(`${prefix(t)}.mul`, [shared(t), copy(d)], t), int(t, r.range(-1, 1))], t);
  const x = r.chance(40) ? near() : op(`${prefix(t)}.or`, [grow(t), int(t, -1n << BigInt(width - 1))], t);
  return op(isMinusOne ? `${prefix(t)}.rem_s` : name, [r.chance(20) ? grow(t) : x, d], t);
};

/** Shifts across two registers, rotations; or almost. */
const acrossTwo: Pattern = (r, t, grow, shared) => {
  const width = t === I32 ? 32 : 64;
  const c = r.range(0, width);
  const same = r.chance(40);
  const x = same || r.chance(50) ? shared(t) : grow(t);
  const y = same ? copy(x) : shared(t);
  const d = r.chance(60) ? width - c : r.below(width);
  return op(
    `${prefix(t)}.${r.pick(["or", "or", "or", "xor", "add"])}`,
    [op(`${prefix(t)}.shl`, [x, int(t, c)], t), op(`${prefix(t)}.shr_u`, [y, int(t, d)], t)],
    t,
  );
};

/** For both widths of integers. */
const INTEGER: readonly Pattern[] = [
  // lea
  (r, t, grow, shared) =>
    op(
      `${prefix(t)}.add`,
      [r.chance(50) ? shared(t) : grow(t), op(`${prefix(t)}.shl`, [shared(t), int(t, r.below(5))], t)],
      t,
    ),
  (r, t, grow) =>
    op(`${prefix(t)}.mul`, [grow(t), int(t, r.pick([3, 5, 9, 7, 8, 0, 1, -1, 6, 1 << 30, 4]))], t),
  // masks
  (r, t, grow) =>
    op(`${prefix(t)}.and`, [grow(t), int(t, r.pick([0xff, 0xffff, 0x7f, 0x100, -256, -1, 0, 0xfffffff]))], t),
  (r, _, grow) =>
    op(
      "i64.extend_i32_u",
      [
        op(
          "i32.wrap_i64",
          [
            op(
              "i64.and",
              [grow(I64), i64(r.pick([0xffffffffn, 0x7fffffffn, 0x80000000n, 0xffffffff00000000n]))],
              I64,
            ),
          ],
          I32,
        ),
      ],
      I64,
    ),
  (r, t, grow) =>
    op(
      `${prefix(t)}.${r.pick(["shr_s", "shr_u"])}`,
      [
        op(`${prefix(t)}.shl`, [grow(t), int(t, r.pick([8, 16, 24, 31, 32, 33]))], t),
        int(t, r.pick([8, 16, 24, 31, 32, 33])),
      ],
      t,
    ),
  // bits
  (r, t, _, shared) => {
    const x = shared(t);
    return op(
      `${prefix(t)}.${r.pick(["and", "xor"])}`,
      [x, op(`${prefix(t)}.${r.pick(["add", "sub"])}`, [copy(x), int(t, r.pick([1, -1]))], t)],
      t,
    );
  },
  (r, t, _, shared) => {
    const x = shared(t);
    return op(
      `${prefix(t)}.${r.pick(["and", "or", "xor"])}`,
      [x, op(`${prefix(t)}.sub`, [int(t, r.pick([0, 0, 1])), r.chance(80) ? copy(x) : shared(t)], t)],
      t,
    );
  },
  (r, t, grow) =>
    op(`${prefix(t)}.and`, [grow(t), op(`${prefix(t)}.xor`, [grow(t), int(t, r.pick([-1, -1, 1]))], t)], t),
  (r, t, grow, shared) =>
    op(
      `${prefix(t)}.${r.pick(["or", "xor", "and"])}`,
      [r.chance(50) ? grow(t) : shared(t), op(`${prefix(t)}.shl`, [int(t, r.pick([1, 1, 2])), grow(t)], t)],
      t,
    ),
  (r, t, grow) =>
    op(`${prefix(t)}.and`, [grow(t), op(`${prefix(t)}.rotl`, [int(t, r.pick([-2, -2, -3])), grow(t)], t)], t),
  (r, t, grow) =>
    op(
      `${prefix(t)}.and`,
      [
        op(`${prefix(t)}.shr_u`, [grow(t), r.chance(50) ? grow(t) : int(t, r.below(70))], t),
        int(t, r.pick([1, 1, 3])),
      ],
      t,
    ),
  ...[acrossTwo, acrossTwo],
  (r, t, grow) =>
    op(
      `${prefix(t)}.${r.pick(["rotl", "rotr", "shl", "shr_s", "shr_u"])}`,
      [grow(t), int(t, r.pick([0, 1, 7, 31, 32, 33, 63, 64, 65, -1, 16]))],
      t,
    ),
  // x op x, x op constant op constant
  (r, t, _, shared) => {
    const x = shared(t);
    return op(`${prefix(t)}.${r.pick([...BINARY, "shl", "rotr"])}`, [x, copy(x)], t);
  },
  (r, t, grow) =>
    op(
      `${prefix(t)}.${r.pick(BINARY)}`,
      [op(`${prefix(t)}.${r.pick(BINARY)}`, [grow(t), int(t, r.range(-3, 40))], t), int(t, r.range(-3, 40))],
      t,
    ),
  // memory operands, on either side
  (r, t, grow, _, load) => {
    const pair = [grow(t), load(t)];
    return op(`${prefix(t)}.${r.pick(BINARY)}`, r.chance(50) ? pair : pair.reverse(), t);
  },
  // division by a constant, also of what has few bits
  (r, t, grow, shared) => {
    const divisors = [
      1,
      2,
      3,
      4,
      5,
      6,
      7,
      9,
      10,
      12,
      25,
      60,
      100,
      125,
      641,
      1000,
      0x7fffffff,
      -2,
      -3,
      -7,
      -10,
      0x10001,
      1 << 30,
    ];
    const name = r.pick(["div_s", "div_u", "rem_s", "rem_u"]);
    const d = t === I64 && r.chance(20) ? i64(r.int64() | 1n) : int(t, r.pick(divisors));
    // Multiples of the divisor, and one less, tell most.
    const multiple = () =>
      op(`${prefix(t)}.sub`, [op(`${prefix(t)}.mul`, [shared(t), copy(d)], t), int(t, r.below(2))], t);
    const x = [grow, multiple, () => op(`${prefix(t)}.and`, [grow(t), int(t, 0xffff)], t)][r.below(3)](t);
    const isMinusOne = d.immediates[0] === -1 || d.immediates[0] === -1n;
    return op(`${prefix(t)}.${isMinusOne ? "rem_s" : name}`, [x, d], t);
  },
  // division by a power of two, of either sign, mostly of what is negative: rounding goes towards zero
  ...Array.from({ length: 2 }, () => powerOfTwo),
  // the least number or 0, by 1 or -1
  (r, t, _, shared) => {
    const last = t === I32 ? 31 : 63;
    const x = op(`${prefix(t)}.shl`, [shared(t), int(t, last)], t);
    const y = op(`${prefix(t)}.or`, [op(`${prefix(t)}.shr_s`, [shared(t), int(t, last)], t), int(t, 1)], t);
    return op(`${prefix(t)}.${r.chance(20) ? "div_s" : "rem_s"}`, [x, y], t);
  },
  // extensions of what is extended
  (r, t, grow, _, load) =>
    op(
      r.pick(
        t === I32
          ? ["i32.extend8_s", "i32.extend16_s"]
          : ["i64.extend8_s", "i64.extend16_s", "i64.extend32_s"],
      ),
      [r.chance(50) ? grow(t) : load(t)],
      t,
    ),
  // a choice, also by what two flags decide
  (r, t, grow, shared) => {
    const f = r.pick([F32, F64]);
    const x = shared(f);
    const c = op(
      `${prefix(f)}.${r.pick(["eq", "ne", "lt", "ge"])}`,
      [x, r.chance(50) ? copy(x) : shared(f)],
      I32,
    );
    return op("select", [grow(t), shared(t), r.chance(20) ? op("i32.eqz", [c], I32) : c], t);
  },
  (r, t, grow, shared) => {
    const x = shared(t);
    const y = r.chance(50) ? shared(t) : int(t, r.range(-1, 2));
    const c = op(`${prefix(t)}.${r.pick(COMPARISONS)}`, [copy(x), copy(y)], I32);
    const pair = r.chance(70) ? [x, y] : [grow(t), grow(t)];
    return op("select", [...(r.chance(50) ? pair : pair.reverse()), c], t);
  },
];

export const I32_PATTERNS: readonly Pattern[] = [
  ...INTEGER.filter((_, i) => i !== 3),
  (r, _, grow) =>
    op("i32.wrap_i64", [op(r.pick(["i64.extend_i32_u", "i64.extend_i32_s"]), [grow(I32)], I64)], I32),
  (r, _, grow) =>
    op(
      "i32.wrap_i64",
      [
        op(
          `i64.${r.pick([...BINARY, "shl", "shr_u", "shr_s", "rotl"])}`,
          [grow(I64), r.chance(50) ? grow(I64) : i64(BigInt(r.pick([1, 31, 32, 33, 40])))],
          I64,
        ),
      ],
      I32,
    ),
  (r, t, grow) =>
    op(
      `i32.${r.pick(COMPARISONS)}`,
      [grow(t), i32(r.pick([0, 1, -1, 255, 256, 65535, 0x7fffffff, -0x80000000]))],
      I32,
    ),
  (r, _, grow) =>
    op(
      `i64.${r.pick(COMPARISONS)}`,
      [grow(I64), i64(r.pick([0n, 1n, -1n, 255n, 0x7fffffffn, 0x80000000n, -0x80000000n, 0xffffffffn]))],
      I32,
    ),
  (r, t, grow, _, load) => {
    const type = r.pick([I32, I64]);
    const pair = [
      load(type),
      r.chance(50) ? int(type, r.pick([0, 1, 127, 128, 255, 256, 0xffff, 0x8000])) : grow(type),
    ];
    return op(`${prefix(type)}.${r.pick(COMPARISONS)}`, r.chance(70) ? pair : pair.reverse(), t);
  },
  (r, _, grow, shared) => {
    const type = r.pick([I32, I64]);
    const mask = r.pick([0, 1, 2]);
    const y =
      mask === 0
        ? grow(type)
        : mask === 1
          ? op(`${prefix(type)}.shl`, [int(type, 1), shared(type)], type)
          : int(type, r.pick([1, 0x80, 0xff, 0x100, -0x80000000]));
    const and = op(`${prefix(type)}.and`, [grow(type), y], type);
    return r.chance(50)
      ? op(`${prefix(type)}.eqz`, [and], I32)
      : op(`${prefix(type)}.${r.pick(["eq", "ne"])}`, [and, int(type, r.pick([0, 0, 1]))], I32);
  },
  (_r, _, grow) => op("i32.eqz", [op("i32.eqz", [grow(I32)], I32)], I32),
  (r, _, _grow, shared) => {
    // a ≤ x and x ≤ b
    const type = r.pick([I32, I64]);
    const x = shared(type);
    const sign = r.pick(["_s", "_u"]);
    const low = op(`${prefix(type)}.${r.pick(["ge", "gt"])}${sign}`, [x, int(type, r.range(-4, 4))], I32);
    const high = op(
      `${prefix(type)}.${r.pick(["le", "lt"])}${sign}`,
      [copy(x), int(type, r.range(5, 99))],
      I32,
    );
    return op(r.pick(["i32.and", "i32.or"]), [low, high], I32);
  },
];

export const I64_PATTERNS: readonly Pattern[] = [
  ...INTEGER,
  // The upper bits of what is zero-extended.
  (r, _, grow) =>
    op(
      "i64.extend_i32_u",
      [op(`i32.${r.pick([...BINARY, "shl", "shr_s", "rotl", "rotr"])}`, [grow(I32), grow(I32)], I32)],
      I64,
    ),
  (r, _, grow) =>
    op("i64.extend_i32_u", [op(r.pick(["i32.extend8_s", "i32.extend16_s"]), [grow(I32)], I32)], I64),
  (r, _, grow) =>
    op(
      `i64.${r.pick(["add", "mul", "or", "shl", "shr_u"])}`,
      [
        op("i64.extend_i32_u", [op("i32.wrap_i64", [grow(I64)], I32)], I64),
        op(r.pick(["i64.extend_i32_u", "i64.extend_i32_s"]), [grow(I32)], I64),
      ],
      I64,
    ),
  (r, _, grow) =>
    op(
      "i64.extend_i32_s",
      [
        op(
          "i32.wrap_i64",
          [op(r.pick(["i64.shr_u", "i64.shr_s", "i64.mul", "i64.add"]), [grow(I64), grow(I64)], I64)],
          I32,
        ),
      ],
      I64,
    ),
  // The upper half of a product of halves.
  (r, _, grow) =>
    op(
      r.pick(["i64.shr_u", "i64.shr_s"]),
      [
        op(
          "i64.mul",
          [op("i64.extend_i32_u", [grow(I32)], I64), op("i64.extend_i32_u", [grow(I32)], I64)],
          I64,
        ),
        i64(32n),
      ],
      I64,
    ),
];

/** For both widths of floats. */
export const F32_PATTERNS: readonly Pattern[] = [
  (r, t, grow, _, load) => {
    const pair = [grow(t), load(t)];
    return op(
      `${prefix(t)}.${r.pick(["add", "sub", "mul", "div", "min", "max"])}`,
      r.chance(50) ? pair : pair.reverse(),
      t,
    );
  },
  (r, t, _, shared) => {
    const x = shared(t);
    const y = shared(t);
    const c = op(`${prefix(t)}.${r.pick(["lt", "gt", "le", "ge", "eq", "ne"])}`, [copy(x), copy(y)], I32);
    return op("select", r.chance(50) ? [x, y, c] : [y, x, c], t);
  },
  (r, t, grow, shared) => {
    const c = op(`${prefix(t)}.${r.pick(["lt", "gt", "le", "ge", "eq", "ne"])}`, [shared(t), shared(t)], I32);
    return op("select", [grow(t), shared(t), r.chance(30) ? op("i32.eqz", [c], I32) : c], t);
  },
  (r, t, grow) =>
    op(
      `${prefix(t)}.${r.pick(["neg", "abs"])}`,
      [op(`${prefix(t)}.${r.pick(["neg", "abs", "sqrt"])}`, [grow(t)], t)],
      t,
    ),
  (r, t, grow) => {
    const from = r.pick(["i32_s", "i32_u", "i64_s", "i64_u"]);
    return op(`${prefix(t)}.convert_${from}`, [grow(from.startsWith("i32") ? I32 : I64)], t);
  },
  // Zeros of both signs.
  (r, t, grow) => {
    const zero = t === F32 ? f32(0) : f64(0n);
    const x = op(`${prefix(t)}.copysign`, [zero, grow(t)], t);
    const y = r.chance(50) ? op(`${prefix(t)}.neg`, [zero], t) : t === F32 ? f32(0x80000000) : f64(1n << 63n);
    const z = op(`${prefix(t)}.${r.pick(["min", "max", "add", "mul"])}`, r.chance(50) ? [x, y] : [y, x], t);
    return r.chance(50) ? op(`${prefix(t)}.copysign`, [grow(t), z], t) : z;
  },
  // Halfway between two floats, or a bit beyond.
  (r, t, grow) => {
    const ties = [
      0x8000000000000400n,
      0x8000000000000c00n,
      0x8000008000000000n,
      0x4000004000000000n,
      0x20000000000000n,
    ];
    const x = op(
      "i64.or",
      [op("i64.and", [grow(I64), i64(r.pick([1n, 0x401n, 0x800n]))], I64), i64(r.pick(ties))],
      I64,
    );
    return op(`${prefix(t)}.convert_i64_${r.pick(["s", "u"])}`, [x], t);
  },
  (r, t, grow) => {
    const rows = PLAIN.get(t)!.filter((row) => row.operands.length === 2);
    const row = r.pick(rows);
    return new Node(row.row, [], row.operands.map(grow), t);
  },
];
