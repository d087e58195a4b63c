// Punycode (RFC 3492), as Python's "punycode" codec writes it: for names of init functions that are not ASCII
// (PEP 489).

const BASE = 36;
const T_MIN = 1;
const T_MAX = 26;
const SKEW = 38;
const DAMP = 700;
const FIRST_BIAS = 72;
const FIRST_POINT = 128;

function adapt(delta: number, points: number, isFirst: boolean): number {
  let d = (delta / (isFirst ? DAMP : 2)) | 0;
  d += (d / points) | 0;
  let k = 0;
  while (d > ((BASE - T_MIN) * T_MAX) >> 1) {
    d = (d / (BASE - T_MIN)) | 0;
    k += BASE;
  }
  return k + ((((BASE - T_MIN + 1) * d) / (d + SKEW)) | 0);
}

function digit(value: number): string {
  return String.fromCharCode(value < 26 ? 97 + value : 22 + value);
}

export function punycode(text: string): string {
  const points: number[] = [];
  for (const character of text) points.push(character.codePointAt(0) ?? 0);
  const basic = points.filter((p) => p < FIRST_POINT);
  const out = basic.map((p) => String.fromCharCode(p));
  if (basic.length > 0) out.push("-");
  let point = FIRST_POINT;
  let delta = 0;
  let bias = FIRST_BIAS;
  let done = basic.length;
  while (done < points.length) {
    let next = 0x110000;
    for (const p of points) if (p >= point && p < next) next = p;
    delta += (next - point) * (done + 1);
    point = next;
    for (const p of points) {
      if (p < point) delta++;
      if (p !== point) continue;
      let rest = delta;
      for (let k = BASE; ; k += BASE) {
        const t = Math.min(Math.max(k - bias, T_MIN), T_MAX);
        if (rest < t) break;
        out.push(digit(t + ((rest - t) % (BASE - t))));
        rest = ((rest - t) / (BASE - t)) | 0;
      }
      out.push(digit(rest));
      bias = adapt(delta, done + 1, done === basic.length);
      delta = 0;
      done++;
    }
    delta++;
    point++;
  }
  return out.join("");
}

/** The interpreter looks for no more characters of a name than these. */
const MOST_CHARACTERS = 200;

/** What the names of a module's init functions end in: `_leaf`, or `U_` and punycode; neither has a hyphen. */
export function initSuffix(leaf: string): string {
  let isAscii = true;
  for (let i = 0; i < leaf.length; i++) isAscii = isAscii && leaf.charCodeAt(i) < FIRST_POINT;
  const name = (isAscii ? leaf : punycode(leaf)).split("-").join("_").slice(0, MOST_CHARACTERS);
  return isAscii ? `_${name}` : `U_${name}`;
}
