/* Spectral norm of an infinite matrix, its first n rows: power iteration. */
#include "kernel.h"

enum { MAX = 2048 };
static double u[MAX], v[MAX], t[MAX];

static double entry(i32 i, i32 j) { return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1); }

static void times(i32 n, const double *from, double *to, i32 transposed) {
    for (i32 i = 0; i < n; i++) {
        double sum = 0;
        for (i32 j = 0; j < n; j++) sum += (transposed ? entry(j, i) : entry(i, j)) * from[j];
        to[i] = sum;
    }
}

EXPORT i32 run(i32 n) {
    for (i32 i = 0; i < n; i++) u[i] = 1;
    for (i32 i = 0; i < 5; i++) {
        times(n, u, t, 0);
        times(n, t, v, 1);
        times(n, v, t, 0);
        times(n, t, u, 1);
    }
    double uv = 0, vv = 0;
    for (i32 i = 0; i < n; i++) {
        uv += u[i] * v[i];
        vv += v[i] * v[i];
    }
    return fold_double(__builtin_sqrt(uv / vv));
}
