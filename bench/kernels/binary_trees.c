/* Binary trees up to depth n, as of the Computer Language Benchmarks Game, with an allocator of free lists. */
#include "kernel.h"

typedef struct Node { struct Node *left, *right; } Node;
static Node heap[1 << 19];
static Node *free_list;
static u32 used;

static Node *allocate(void) {
    Node *node = free_list;
    if (node) return free_list = node->left, node;
    return &heap[used++];
}

static void release(Node *node) {
    node->left = free_list;
    free_list = node;
}

static Node *make(i32 depth) {
    Node *node = allocate();
    node->left = depth ? make(depth - 1) : 0;
    node->right = depth ? make(depth - 1) : 0;
    return node;
}

static i32 check(const Node *node) { return node->left ? 1 + check(node->left) + check(node->right) : 1; }

static void drop(Node *node) {
    if (node->left) {
        drop(node->left);
        drop(node->right);
    }
    release(node);
}

EXPORT i32 run(i32 n) {
    u32 sum = 0;
    used = 0, free_list = 0;
    Node *kept = make(n);
    for (i32 depth = 4; depth <= n; depth += 2) {
        i32 total = 0;
        for (i32 i = 0; i < 1 << (n - depth + 4); i++) {
            Node *tree = make(depth);
            total += check(tree);
            drop(tree);
        }
        sum = sum * 31 + (u32)total;
    }
    sum = sum * 31 + (u32)check(kept);
    drop(kept);
    return (i32)sum;
}
