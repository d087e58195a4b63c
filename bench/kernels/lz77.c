/* LZ77 with hash chains over n bytes of word-like text, then back again. */
#include "kernel.h"

enum { MAX = 1 << 20, WINDOW = 32768, HASHES = 1 << 14, CHAIN = 16, SHORTEST = 4, LONGEST = 255 };
static u8 input[MAX + 8], packed[2 * MAX], output[MAX + 8];
static i32 head[HASHES], previous[WINDOW];

static u32 hash_at(const u8 *p) {
    return ((u32)p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24) * 2654435761u >> 18;
}

static void write_text(i32 n) {
    static const char *const words[16] = {"the ", "wasm ", "of ", "module ", "and ", "import ", "a ", "python ",
                                          "to ", "compile ", "in ", "native ", "is ", "code ", "it ", "memory\n"};
    u32 seed = 99;
    for (i32 i = 0; i < n;) {
        const char *word = words[next_random(&seed) >> 28];
        while (*word && i < n) input[i++] = (u8)*word++;
        if (seed >> 20 & 1 && i < n) input[i++] = (u8)(seed >> 12);
    }
}

static void insert(i32 at) {
    u32 h = hash_at(input + at);
    previous[at & (WINDOW - 1)] = head[h];
    head[h] = at;
}

static u8 *pack(i32 n) {
    u8 *to = packed;
    for (i32 i = 0; i < HASHES; i++) head[i] = -1;
    for (i32 i = 0; i < n;) {
        i32 best = 0, from = 0, limit = n - i < LONGEST ? n - i : LONGEST;
        i32 candidate = head[hash_at(input + i)];
        for (i32 tries = CHAIN; tries && candidate >= 0 && i - candidate < WINDOW; tries--) {
            i32 length = 0;
            while (length < limit && input[candidate + length] == input[i + length]) length++;
            if (length > best) best = length, from = candidate;
            candidate = previous[candidate & (WINDOW - 1)];
        }
        if (best < SHORTEST) {
            *to++ = 0;
            *to++ = input[i];
            insert(i++);
        } else {
            *to++ = (u8)best;
            *to++ = (u8)(i - from);
            *to++ = (u8)((i - from) >> 8);
            for (i32 k = 0; k < best; k++) insert(i++);
        }
    }
    return to;
}

static i32 unpack(const u8 *from, const u8 *end) {
    u8 *to = output;
    while (from < end) {
        u32 length = *from++;
        if (length == 0) {
            *to++ = *from++;
            continue;
        }
        const u8 *copy = to - (from[0] | from[1] << 8);
        from += 2;
        while (length--) *to++ = *copy++;
    }
    return (i32)(to - output);
}

EXPORT i32 run(i32 n) {
    write_text(n);
    u8 *end = pack(n);
    if (unpack(packed, end) != n) return -1;
    u32 sum = (u32)(end - packed);
    for (i32 i = 0; i < n; i++) {
        if (input[i] != output[i]) return -2;
        sum = sum * 31 + output[i];
    }
    return (i32)sum;
}
