// Programs for tests of the translator: classes, arrays, maps, texts, functions as values, statements.

import type { f64, u32 } from "../../base/numbers.ts";
import { WORDS } from "./second.ts";

class Shape {
  readonly name: string;
  size: number;
  weight: f64;
  next: Shape | null;

  constructor(name: string, size: number) {
    this.name = name;
    this.size = size;
    this.weight = size / 2;
    this.next = null;
  }

  get double(): number {
    return this.size * 2;
  }

  grow(by = 1): this {
    this.size += by;
    return this;
  }

  join(...names: readonly string[]): string {
    return [this.name, ...names].join("+");
  }
}

class Square extends Shape {
  readonly side: number;

  constructor(side: number) {
    super("square", side * side);
    this.side = side;
  }

  perimeter(): number {
    return 4 * this.side + this.double;
  }
}

class Scale {
  private readonly factor: number;

  constructor(factor: number) {
    this.factor = factor;
  }

  all(list: readonly number[]): string {
    const plus = (x: number): number => x * this.factor + 1;
    return list.map((x) => x * this.factor + plus(x)).join();
  }
}

interface Animal {
  speak(times: number): string;
}

class Cat implements Animal {
  private readonly word: string;

  constructor(word: string) {
    this.word = word;
  }

  speak(times: number): string {
    return this.word.repeat(times);
  }
}

class Dog implements Animal {
  private barks: number;

  constructor() {
    this.barks = 0;
  }

  speak(times: number): string {
    this.barks += times;
    return `woof${this.barks}`;
  }
}

interface Options {
  readonly name: string;
  readonly level: number;
  scale(x: number): number;
}

export function classes(): string {
  const s = new Square(3);
  const t: Shape = s;
  t.grow().grow(4);
  const first = new Shape("first", 1);
  first.next = t;
  const { name, size, double } = t;
  const missing = first.next.next?.name ?? "none";
  return `${name} ${size} ${double} ${s.perimeter()} ${t.weight * 2} ${first.join("b", "c")} ${missing} ${first.next?.size ?? -1}`;
}

export function scales(): string {
  return new Scale(3).all([1, 2, 3]) + new Scale(-1).all([4]);
}

export function dispatch(): string {
  const animals: readonly Animal[] = [new Cat("mew"), new Dog(), new Cat("purr")];
  return animals.map((a) => a.speak(2)).join(",") + animals[1].speak(3);
}

export function literals(): string {
  const level = 4;
  const o: Options = { name: "o", level, scale: (x) => x * level };
  return `${o.name}${o.level}${o.scale(5)}`;
}

export function closures(): string {
  let count = 0;
  const add = (n: number): number => {
    count += n;
    return count;
  };
  const functions: ((x: number) => number)[] = [];
  for (let i = 0; i < 3; i++) {
    const k = i * 10;
    let own = k;
    functions.push((x) => {
      own += x;
      return own + k;
    });
  }
  const compose = (f: (x: number) => number, g: (x: number) => number) => (x: number) => f(g(x));
  const twice = compose(functions[1], functions[2]);
  const fact = (n: number): number => (n < 2 ? 1 : n * fact(n - 1));
  const parts = [add(1), add(2), functions[0](1), functions[0](1), functions[1](5), twice(1), fact(6), count];
  return parts.join(" ");
}

export function captured(): string {
  const out: string[] = [];
  const walk = (depth: number, path: string): void => {
    out.push(`${path}${depth}`);
    if (depth === 0) return;
    const deeper = (suffix: string): void => walk(depth - 1, path + suffix);
    deeper("l");
    deeper("r");
  };
  walk(2, "");
  const half: f64 = 0.5;
  const big: u32 = 4000000000;
  const scaled = (x: f64): f64 => x * half + big;
  return `${out.join(" ")} ${scaled(3) * 2}`;
}

export function arrays(): string {
  const a = [5, 3, 9, 1, 7];
  const parts = [
    a.map((x, i) => x * i).join(),
    a.filter((x) => x > 3).join("-"),
    `${a.indexOf(9)} ${a.indexOf(4)} ${a.includes(1) ? "y" : "n"} ${a.findIndex((x) => x > 5)}`,
    `${a.find((x) => x > 5) ?? -1} ${a.find((x) => x > 50) ?? -1}`,
    `${a.some((x) => x === 9) ? 1 : 0}${a.every((x) => x > 0) ? 1 : 0}`,
    a.slice(1, -1).join(),
    a.concat([8, 8]).join(),
    a.flatMap((x) => (x > 4 ? [x, -x] : [])).join(),
    `${a.reduce((sum, x) => sum + x, 100)} ${a.reduce((most, x) => Math.max(most, x))}`,
    [...a].sort((x, y) => x - y).join(),
    [...a, 0, ...a].length.toString(),
    Array.from({ length: 4 }, (_, i) => i * i).join(),
  ];
  a.push(11, 12);
  const last = a.pop();
  parts.push(`${last ?? 0} ${a.length}`);
  for (const [i, x] of a.entries()) parts.push(`${i}:${x}`);
  const [first, , third] = a;
  parts.push(`${first}${third}`);
  const texts = ["b", "a", "c"];
  parts.push(`${texts.indexOf("c")}${texts.includes("z") ? 1 : 0}${texts.map((t) => t + t).join("")}`);
  const [x, y, z] = "p q".split(" ");
  parts.push(`${x}${y}${z === undefined ? "none" : z}`);
  a.length = 2;
  parts.push(a.join());
  return parts.join(";");
}

export function sorting(): string {
  const rows = "d4 a2 c2 b1 e4 f2 g1 h9".split(" ");
  const key = (s: string): number => s.charCodeAt(1);
  const words = Int32Array.of(5, -3, 2147483647, 0, -2147483648, 7);
  return `${rows.sort((p, q) => key(p) - key(q)).join(" ")} ${[...words.sort()].join()}`;
}

export function typed(): string {
  const a = new Int32Array(6).fill(7, 1, 4);
  a[5] = -1;
  const b = a.subarray(2, 5);
  b[0] = 99;
  const c = a.slice(-3);
  c[0] = 5;
  const d = new Uint8Array(4);
  d.set(Uint8Array.of(1, 300, 3), 1);
  d[0] = 200;
  const e = Int16Array.from([1, 70000, -1]);
  const f = Uint16Array.from([1, 2, 65537], (x) => x * 2);
  const g = new Float64Array(2).fill(0.5);
  g[1] += 1;
  const h = new Uint32Array(1);
  h[0] = -1;
  const signed = new Int8Array(1);
  signed[0] = 200;
  const parts = [a, b, c].map((x) => [...x].join());
  parts.push([...d].join(), `${e[0]} ${e[1]} ${e[2]} ${f[0]} ${f[1]} ${f[2]}`, `${g[0] * 4} ${g[1] * 4}`);
  parts.push(`${h[0]} ${signed[0]} ${d[0]} ${a.length} ${e.length} ${b.includes(99) ? "in" : "out"}`);
  a.copyWithin(1, 3, 5);
  parts.push([...a].join(), [...a.subarray(0, 3).reverse()].join());
  for (const x of h) parts.push(`${x}`);
  return parts.join(";");
}

/** Elements of arrays that are kept in variables: of those that stay, and of those that change. */
export function kept(): string {
  const parts: string[] = [];
  const sums = new Int32Array(6);
  let words = Int32Array.of(1, 2, 3);
  for (let i = 0; i < 6; i++) {
    if (i >= words.length) {
      const more = new Int32Array(2 * words.length);
      more.set(words);
      more[i] = words[i - 1] + more[0];
      words = more;
    }
    sums[i] = words[i] + (i > 0 ? sums[i - 1] : 0);
    const half = words.subarray(i >> 1, i);
    for (let k = 0; k < half.length; k++) parts.push(`${half[k]}`);
    const { data } = new Cells(i + 1, null);
    for (let k = 0; k <= i; k++) data[k] = 10 * words[k];
    for (let k = 0; k < data.length; k++) parts.push(`${data[k]}`);
  }
  return `${parts.join()} ${summed(sums, 2)}`;
}

function summed(sums: Int32Array, from: number): number {
  let sum = 0;
  for (let i = from; i < sums.length; i++) sum += sums[i];
  return sum;
}

export function maps(): string {
  const m = new Map<string, number>([
    ["one", 1],
    ["two", 2],
  ]);
  m.set("three", 3).set("one", 11);
  m.delete("two");
  m.set("two", 22);
  const parts: string[] = [];
  for (const [k, v] of m) parts.push(`${k}=${v}`);
  const n = new Map<number, string>();
  for (let i = 0; i < 40; i++) n.set(i * 7919, `v${i}`);
  for (let i = 0; i < 40; i += 2) n.delete(i * 7919);
  for (let i = 0; i < 10; i++) n.set(i * 7919, `w${i}`);
  parts.push(
    [...n.values()].join(","),
    `${n.size}`,
    n.get(7919) ?? "-",
    n.get(5) ?? "-",
    `${m.get("two") ?? 0}`,
  );
  const s = new Set<number>([3, 1, 3, 2]);
  s.add(1).add(9);
  s.delete(3);
  s.add(3);
  parts.push([...s].join(), `${s.has(9) ? 1 : 0}${s.has(8) ? 1 : 0}${s.size}`);
  const words = new Set("a b a c".split(" "));
  for (const w of words) parts.push(w);
  const found = m.get("none");
  parts.push(found === undefined ? "missing" : `${found + 1}`);
  return parts.join(";");
}

export function texts(): string {
  const s = "Hello, w\u00f6rld \ud83d\ude00!";
  const parts = [
    s.slice(7, -2),
    s.slice(-3),
    `${s.length} ${s.charCodeAt(8)} ${s.codePointAt(13) ?? 0} ${s.indexOf("l")} ${s.lastIndexOf("l")} ${s.indexOf("l", 4)}`,
    `${s.startsWith("Hell") ? 1 : 0}${s.endsWith("!") ? 1 : 0}${s.includes("zz") ? 1 : 0}`,
    " \t trim\n ".trim(),
    "a-b-c".replaceAll("-", "+"),
    "7".padStart(4, "0"),
    "x".padStart(4, "ab"),
    `[${s.charAt(99)}${s.charAt(1)}${s[2]}]`,
    String.fromCharCode(65),
    String.fromCodePoint(0x1f600),
    "abc".split("").join("|"),
  ];
  for (const c of "a\ud83d\ude00b") parts.push(`${c.length}${c}`);
  return parts.join(";");
}

function classify(x: number): string {
  switch (x) {
    case 0:
    case 1:
      return "small";
    case 2: {
      const two = "two";
      return two;
    }
    case 5:
      break;
    case 100:
      return "hundred";
    default:
      if (x < 0) return "negative";
  }
  return "other";
}

function dense(x: number): number {
  switch (x) {
    case 3:
      return 30;
    case 4:
    case 5:
      return 45;
    case 6:
      return 60;
    case 8:
      return 80;
    default:
      return -x;
  }
}

export function tables(): string {
  return (
    [-2147483648, 0, 2, 3, 4, 5, 6, 7, 8, 9, 2147483647]
      .map((x) => `${x === -2147483648 ? 0 : dense(x)}`)
      .join() + dense(3)
  );
}

export function switches(): string {
  const word = (s: string): number => {
    let n = 0;
    switch (s) {
      case "a":
      case "b":
        n += 10;
        break;
      default:
        n = 99;
    }
    return n;
  };
  return [-1, 0, 1, 2, 3, 5, 100, 1000].map(classify).join(" ") + ["a", "b", "c"].map(word).join();
}

export function loops(): string {
  const parts: string[] = [];
  for (let i = 0; ; i++) {
    if (i % 2 === 0) continue;
    if (i > 9) break;
    parts.push(`${i}`);
  }
  let n = 3;
  while (n-- > 0) parts.push(`w${n}`);
  do {
    n++;
    if (n === 1) continue;
    parts.push(`d${n}`);
  } while (n < 3);
  outer();
  for (let i = 0, j = 5; i < j; i++, j--) parts.push(`${i}${j}`);
  const growing = [1];
  for (const x of growing) if (x < 5) growing.push(x + 1);
  parts.push(growing.join());
  return parts.join(" ");
}

function outer(): void {}

let evaluated = "";

function note(x: number): number {
  evaluated = `${evaluated}${x}`;
  return x;
}

function three(a: number, b: number, c: number): number {
  return a * 100 + b * 10 + c;
}

export function order(): string {
  evaluated = "";
  const list = [0, 0, 0, 0];
  list[note(1)] = note(2) + note(3) * note(4);
  list[note(0)] += note(5);
  const o = new Shape("o", note(6));
  o.size += note(7);
  let x = 1;
  x += note(5);
  const r = three(note(1), note(2), note(3));
  const b = (note(0) > 0 && note(8) > 0) || note(9) > 0;
  return `${evaluated} ${list.join()} ${o.size} ${x} ${r} ${b ? 1 : 0}`;
}

const LATER: readonly string[] = [...WORDS, "y"].map((t) => t + evaluated.length);

export function modules(): string {
  return LATER.join("") + SECOND.join("");
}

const SECOND: readonly string[] = LATER.map((t) => t + t);

export function views(): string {
  const v = new DataView(new ArrayBuffer(8));
  v.setFloat64(0, 1.5, true);
  const parts = [`${v.getInt32(0, true)} ${v.getInt32(4, true)}`];
  v.setInt32(0, -2, true);
  v.setFloat32(4, 0.25, true);
  parts.push(`${v.getInt32(0, true)} ${v.getFloat32(4, true) * 4} ${v.getInt32(4, true)}`);
  return parts.join(" ");
}

export function turns(): string {
  const kept: (() => number)[] = [];
  for (let i = 0; i < 4; i++) {
    kept.push(() => i * 10);
    if (i === 2) i++;
  }
  return kept.map((f) => f()).join();
}

class Cells {
  readonly data: Int32Array;
  readonly other: Cells | null;
  length: number;

  constructor(room: number, other: Cells | null) {
    this.data = new Int32Array(room);
    this.other = other;
    this.length = 0;
  }

  get(i: number): number {
    return this.data[i];
  }

  set(i: number, x: number): void {
    this.data[i] = x;
  }

  push(x: number): number {
    this.data[this.length] = x;
    return this.length++;
  }

  next(): number {
    const { length } = this;
    if (length < 9) this.length += 1;
    return length;
  }

  behind(i: number): number {
    return this.other === null ? -1 : this.other.get(i) - this.get(i);
  }

  get last(): number {
    return this.data[this.length - 1];
  }
}

function swapped(a: number, b: number): string {
  return `${b} ${a}`;
}

function least(a: number, b: number): number {
  return a < b ? a : b;
}

/** Short functions, written where they are called: each has a `this`, parameters and variables of its own. */
export function short(): string {
  const under = new Cells(10, null);
  const cells = new Cells(10, under);
  const numbers: string[] = [];
  for (let i = 0; i < 6; i++) numbers.push(`${under.push(5 * i)}${cells.push(5 - i)}`);
  cells.set(cells.get(cells.get(5)), cells.get(1) + cells.get(cells.get(2)));
  let i = 0;
  return [
    numbers.join(),
    `${cells.get(cells.get(cells.get(0)))} ${cells.get(5)} ${cells.last} ${under.last}`,
    `${cells.next()} ${cells.next() + 10 * cells.next()} ${cells.length}`,
    `${cells.next() - cells.next()} ${least(cells.next(), cells.next())} ${cells.length}`,
    `${cells.behind(1)} ${under.behind(1)} ${cells.other?.get(2) ?? -7}`,
    swapped(i++, i++),
    swapped(under.get(i++), cells.get(i) + least(i++, i)),
    `${least(least(3, least(2, 5)), least(1, least(0, 9)))} ${i}`,
  ].join(";");
}
