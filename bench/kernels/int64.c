/* 64-bit arithmetic: xorshift, products, division, remainder, counting and rotating bits; n × 1,000 rounds. */
#include "kernel.h"

/* Not the exact high product: compilers would see it, and call __multi3 in WebAssembly. */
static u64 mix_products(u64 a, u64 b) {
    u64 al = (u32)a, ah = a >> 32, bl = (u32)b, bh = b >> 32;
    return (ah * bh + (al * bl >> 32)) ^ (ah * bl + (al * bh >> 32));
}

EXPORT i32 run(i32 n) {
    u64 x = 0x9e3779b97f4a7c15u, sum = 0;
    for (i32 i = 0; i < n * 1000; i++) {
        x ^= x >> 12, x ^= x << 25, x ^= x >> 27;
        u64 y = x * 0x2545f4914f6cdd1du;
        sum += mix_products(y, x);
        sum ^= y / ((x >> 40) + 1);
        sum += (u64)((i64)y % (i64)((x >> 33) | 1));
        sum = sum << (y & 63) | sum >> (-y & 63);
        sum += (u64)__builtin_popcountll(y) * (u64)__builtin_ctzll(x | 1u << 20) + (u64)__builtin_clzll(x | 1);
        sum += y > sum ? (u64)((i64)sum >> 3) : (u64)(i64)(i32)y;
    }
    return (i32)(sum ^ sum >> 32);
}
