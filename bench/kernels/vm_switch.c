/* A bytecode machine that dispatches by switch; numbers below n. */
#include "vm.h"

EXPORT i32 run(i32 n) {
    u32 r[16] = {(u32)n};
    for (const Code *pc = program;;) {
        Code i = *pc++;
        switch (i.op) {
        case LOAD: r[i.d] = i.a; break;
        case MOVE: r[i.d] = r[i.a]; break;
        case ADD: r[i.d] = r[i.a] + r[i.b]; break;
        case SUB: r[i.d] = r[i.a] - r[i.b]; break;
        case MUL: r[i.d] = r[i.a] * r[i.b]; break;
        case AND: r[i.d] = r[i.a] & r[i.b]; break;
        case XOR: r[i.d] = r[i.a] ^ r[i.b]; break;
        case SHR: r[i.d] = r[i.a] >> (r[i.b] & 31); break;
        case ADDI: r[i.d] = r[i.a] + (u32)(signed char)i.b; break;
        case ANDI: r[i.d] = r[i.a] & i.b; break;
        case SHRI: r[i.d] = r[i.a] >> (i.b & 31); break;
        case JUMP: pc = program + i.d; break;
        case JZ: if (r[i.a] == 0) pc = program + i.d; break;
        case JNZ: if (r[i.a] != 0) pc = program + i.d; break;
        case JLT: if (r[i.a] < r[i.b]) pc = program + i.d; break;
        case HALT: return (i32)r[i.d];
        }
    }
}
