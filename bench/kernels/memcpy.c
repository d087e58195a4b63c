/* n rounds of memory copies: 4,096 short ones of 1 to 256 bytes, then 64 KiB at once. */
#include "kernel.h"

enum { SIZE = 1 << 16 };
static u8 from[SIZE + 256], to[SIZE + 256];

EXPORT i32 run(i32 n) {
    u32 seed = 5, sum = 0;
    for (u32 i = 0; i < sizeof from; i++) from[i] = (u8)(i * 13 + (i >> 7));
    for (i32 i = 0; i < n; i++) {
        for (int j = 0; j < 4096; j++) {
            u32 x = next_random(&seed);
            __builtin_memcpy(to + (x & (SIZE - 1)), from + (x >> 8 & (SIZE - 1)), (x >> 24) + 1);
        }
        sum = sum * 31 + to[seed & (SIZE - 1)];
        __builtin_memcpy(to, from + (i & 255), SIZE);
        sum = sum * 31 + to[seed >> 16];
    }
    return (i32)sum;
}
