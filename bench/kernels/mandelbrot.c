/* Iterations of z² + c over an n×n grid, at most 100 each. */
#include "kernel.h"

EXPORT i32 run(i32 n) {
    u32 sum = 0;
    for (i32 row = 0; row < n; row++)
        for (i32 column = 0; column < n; column++) {
            double cr = 3.0 * column / n - 2.0, ci = 2.0 * row / n - 1.0;
            double zr = 0, zi = 0;
            u32 k = 0;
            while (k < 100 && zr * zr + zi * zi < 4.0) {
                double t = zr * zr - zi * zi + cr;
                zi = 2 * zr * zi + ci;
                zr = t;
                k++;
            }
            sum = sum * 31 + k;
        }
    return (i32)sum;
}
