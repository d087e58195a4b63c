// 128-bit arithmetic of as-bignum over pairs of 64-bit words; results lie where the functions point.
import { u128 } from "as-bignum/assembly";

const out = memory.data(16);

function place(value: u128): usize {
  store<u64>(out, value.lo);
  store<u64>(out, value.hi, 8);
  return out;
}

export function mul(a: u64, b: u64, c: u64, d: u64): usize {
  return place(new u128(a, b) * new u128(c, d));
}

export function div(a: u64, b: u64, c: u64, d: u64): usize {
  return place(new u128(a, b) / new u128(c, d));
}

export function rem(a: u64, b: u64, c: u64, d: u64): usize {
  return place(new u128(a, b) % new u128(c, d));
}

export function sqrt(a: u64, b: u64): usize {
  return place(u128.sqrt(new u128(a, b)));
}

export function toString(a: u64, b: u64): string {
  return new u128(a, b).toString();
}
