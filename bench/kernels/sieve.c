/* The sieve of Eratosthenes up to n, one byte per number. */
#include "kernel.h"

static u8 composite[1 << 23];

EXPORT i32 run(i32 n) {
    i32 count = 0;
    for (i32 i = 0; i <= n; i++) composite[i] = 0;
    for (i32 i = 2; i <= n; i++) {
        if (composite[i]) continue;
        count++;
        if (i <= n / i)
            for (i32 j = i * i; j <= n; j += i) composite[j] = 1;
    }
    return count;
}
