/* Quicksort of n random numbers, insertion sort below sixteen. */
#include "kernel.h"

static i32 data[1 << 20];

static void sort(i32 *low, i32 *high) {
    while (high - low > 16) {
        i32 *middle = low + (high - low) / 2, *i = low, *j = high, pivot = *middle;
        do {
            while (*i < pivot) i++;
            while (*j > pivot) j--;
            if (i <= j) {
                i32 t = *i;
                *i++ = *j;
                *j-- = t;
            }
        } while (i <= j);
        if (j - low < high - i) {
            sort(low, j);
            low = i;
        } else {
            sort(i, high);
            high = j;
        }
    }
    for (i32 *i = low + 1; i <= high; i++) {
        i32 x = *i, *j = i;
        for (; j > low && j[-1] > x; j--) *j = j[-1];
        *j = x;
    }
}

EXPORT i32 run(i32 n) {
    u32 seed = 42, sum = 0;
    for (i32 i = 0; i < n; i++) data[i] = (i32)next_random(&seed);
    sort(data, data + n - 1);
    for (i32 i = 0; i < n; i++) sum = sum * 31 + (u32)data[i];
    for (i32 i = 1; i < n; i++) sum += data[i - 1] > data[i];
    return (i32)sum;
}
