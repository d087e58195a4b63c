/* Product of two n×n matrices of doubles, row by row (i, k, j). */
#include "kernel.h"

enum { MAX = 512 };
static double a[MAX * MAX], b[MAX * MAX], c[MAX * MAX];

EXPORT i32 run(i32 n) {
    for (i32 i = 0; i < n * n; i++) {
        a[i] = i % 7 - 3;
        b[i] = i % 5 - 1.5;
        c[i] = 0;
    }
    for (i32 i = 0; i < n; i++)
        for (i32 k = 0; k < n; k++) {
            double x = a[i * n + k];
            for (i32 j = 0; j < n; j++) c[i * n + j] += x * b[k * n + j];
        }
    double sum = 0;
    for (i32 i = 0; i < n * n; i++) sum += c[i] * (i % 11);
    return fold_double(sum);
}
