/* The same machine, each operation a function called through a table. */
#include "vm.h"

static u32 r[16];
typedef const Code *Handler(const Code *pc);

static const Code *load(const Code *i) { return r[i->d] = i->a, i + 1; }
static const Code *move(const Code *i) { return r[i->d] = r[i->a], i + 1; }
static const Code *add(const Code *i) { return r[i->d] = r[i->a] + r[i->b], i + 1; }
static const Code *sub(const Code *i) { return r[i->d] = r[i->a] - r[i->b], i + 1; }
static const Code *mul(const Code *i) { return r[i->d] = r[i->a] * r[i->b], i + 1; }
static const Code *and(const Code *i) { return r[i->d] = r[i->a] & r[i->b], i + 1; }
static const Code *xor(const Code *i) { return r[i->d] = r[i->a] ^ r[i->b], i + 1; }
static const Code *shr(const Code *i) { return r[i->d] = r[i->a] >> (r[i->b] & 31), i + 1; }
static const Code *addi(const Code *i) { return r[i->d] = r[i->a] + (u32)(signed char)i->b, i + 1; }
static const Code *andi(const Code *i) { return r[i->d] = r[i->a] & i->b, i + 1; }
static const Code *shri(const Code *i) { return r[i->d] = r[i->a] >> (i->b & 31), i + 1; }
static const Code *jump(const Code *i) { return program + i->d; }
static const Code *jz(const Code *i) { return r[i->a] == 0 ? program + i->d : i + 1; }
static const Code *jnz(const Code *i) { return r[i->a] != 0 ? program + i->d : i + 1; }
static const Code *jlt(const Code *i) { return r[i->a] < r[i->b] ? program + i->d : i + 1; }
static const Code *halt(const Code *i) { return (void)i, (const Code *)0; }

static Handler *const handlers[] = {load, move, add,  sub,  mul,  and, xor, shr,
                                    addi, andi, shri, jump, jz,  jnz, jlt, halt};

EXPORT i32 run(i32 n) {
    for (int i = 0; i < 16; i++) r[i] = 0;
    r[0] = (u32)n;
    for (const Code *pc = program; pc;) pc = handlers[pc->op](pc);
    return (i32)r[4];
}
