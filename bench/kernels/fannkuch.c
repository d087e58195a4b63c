/* Fannkuch-redux of the Computer Language Benchmarks Game: all permutations of n. */
#include "kernel.h"

EXPORT i32 run(i32 n) {
    i32 perm[16], work[16], count[16];
    i32 most = 0, checksum = 0, parity = 0, r = n;
    for (i32 i = 0; i < n; i++) perm[i] = i;
    for (;;) {
        for (; r != 1; r--) count[r - 1] = r;
        for (i32 i = 0; i < n; i++) work[i] = perm[i];
        i32 flips = 0, first;
        while ((first = work[0]) != 0) {
            for (i32 low = 0, high = first; low < high; low++, high--) {
                i32 t = work[low];
                work[low] = work[high];
                work[high] = t;
            }
            flips++;
        }
        if (flips > most) most = flips;
        checksum += parity ? -flips : flips;
        for (;; r++) {
            if (r == n) return checksum * 100 + most;
            i32 bottom = perm[0];
            for (i32 i = 0; i < r; i++) perm[i] = perm[i + 1];
            perm[r] = bottom;
            if (--count[r] > 0) break;
        }
        parity = !parity;
    }
}
