/* What every kernel shares. A kernel is one file with one export, run(n), which returns a checksum.
 * It imports nothing, and leaves nothing behind that would change the next run. */
#include <stdint.h>
#include <stddef.h>

#ifdef __wasm__
#define EXPORT __attribute__((export_name("run")))
#else
#define EXPORT __attribute__((visibility("default")))
#endif

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t i32;
typedef int64_t i64;

EXPORT i32 run(i32 n);

/* Numerical Recipes' linear congruential generator. */
static inline u32 next_random(u32 *state) { return *state = *state * 1664525u + 1013904223u; }

/* All bits of a double, folded: equal only if the doubles are. */
static inline i32 fold_double(double value) {
    union { double f; u64 bits; } u = {value};
    return (i32)(u.bits ^ (u.bits >> 32));
}
