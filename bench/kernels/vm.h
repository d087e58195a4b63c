/* A register machine of sixteen operations and its program: Collatz lengths below a limit, hashed.
 * An instruction is operation, destination, and two operands, a byte each. */
#include "kernel.h"

enum Op { LOAD, MOVE, ADD, SUB, MUL, AND, XOR, SHR, ADDI, ANDI, SHRI, JUMP, JZ, JNZ, JLT, HALT };
typedef struct { u8 op, d, a, b; } Code;

/* r0 limit, r1 number, r2 current, r3 length, r4 hash, r5 scratch, r6 three, r7 thirty-one */
static const Code program[] = {
    {LOAD, 1, 1, 0}, {LOAD, 4, 0, 0}, {LOAD, 6, 3, 0}, {LOAD, 7, 31, 0},
    /* 4: next number */
    {MOVE, 2, 1, 0}, {LOAD, 3, 0, 0},
    /* 6: next step */
    {ADDI, 5, 2, 255}, {JZ, 15, 5, 0}, {ADDI, 3, 3, 1}, {ANDI, 5, 2, 1}, {JNZ, 13, 5, 0},
    {SHRI, 2, 2, 1}, {JUMP, 6, 0, 0},
    /* 13: odd */
    {MUL, 2, 2, 6}, {JUMP, 19, 0, 0},
    /* 15: done with this number */
    {MUL, 4, 4, 7}, {XOR, 4, 4, 3}, {ADDI, 1, 1, 1}, {JUMP, 21, 0, 0},
    /* 19: 3x + 1 */
    {ADDI, 2, 2, 1}, {JUMP, 6, 0, 0},
    /* 21: until the limit */
    {JLT, 4, 1, 0}, {HALT, 4, 0, 0},
};
