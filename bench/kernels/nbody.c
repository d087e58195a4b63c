/* The planets of the Computer Language Benchmarks Game, n steps. */
#include "kernel.h"

#define PI 3.141592653589793
#define MASS (4 * PI * PI)
#define DAYS 365.24
enum { BODIES = 5 };
typedef struct { double x, y, z, vx, vy, vz, mass; } Body;

static const Body start[BODIES] = {
    {0, 0, 0, 0, 0, 0, MASS},
    {4.84143144246472090e+00, -1.16032004402742839e+00, -1.03622044471123109e-01, 1.66007664274403694e-03 * DAYS,
     7.69901118419740425e-03 * DAYS, -6.90460016972063023e-05 * DAYS, 9.54791938424326609e-04 * MASS},
    {8.34336671824457987e+00, 4.12479856412430479e+00, -4.03523417114321381e-01, -2.76742510726411899e-03 * DAYS,
     4.99852801234917238e-03 * DAYS, 2.30417297573763929e-05 * DAYS, 2.85885980666130812e-04 * MASS},
    {1.28943695621391310e+01, -1.51111514016986312e+01, -2.23307578892655734e-01, 2.96460137564761618e-03 * DAYS,
     2.37847173959480950e-03 * DAYS, -2.96589568540237556e-05 * DAYS, 4.36624404335156298e-05 * MASS},
    {1.53796971148509165e+01, -2.59193146099879641e+01, 1.79258772950371181e-01, 2.68067772490389322e-03 * DAYS,
     1.62824170038242295e-03 * DAYS, -9.51592254519715870e-05 * DAYS, 5.15138902046611451e-05 * MASS},
};
static Body bodies[BODIES];

static void advance(double dt) {
    for (i32 i = 0; i < BODIES; i++) {
        Body *p = &bodies[i];
        for (i32 j = i + 1; j < BODIES; j++) {
            Body *q = &bodies[j];
            double dx = p->x - q->x, dy = p->y - q->y, dz = p->z - q->z;
            double square = dx * dx + dy * dy + dz * dz;
            double pull = dt / (square * __builtin_sqrt(square));
            p->vx -= dx * q->mass * pull;
            p->vy -= dy * q->mass * pull;
            p->vz -= dz * q->mass * pull;
            q->vx += dx * p->mass * pull;
            q->vy += dy * p->mass * pull;
            q->vz += dz * p->mass * pull;
        }
    }
    for (i32 i = 0; i < BODIES; i++) {
        Body *p = &bodies[i];
        p->x += dt * p->vx;
        p->y += dt * p->vy;
        p->z += dt * p->vz;
    }
}

EXPORT i32 run(i32 n) {
    for (i32 i = 0; i < BODIES; i++) bodies[i] = start[i];
    for (i32 i = 0; i < n; i++) advance(0.01);
    return fold_double(bodies[0].x + bodies[4].vz);
}
