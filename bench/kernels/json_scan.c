/* A recursive JSON reader over a document of n records: checks it all, adds up numbers and string hashes. */
#include "kernel.h"

static u8 text[1 << 22];
static u8 *end;
static u32 numbers, strings, failed;

static u8 *put(u8 *to, const char *from) {
    while (*from) *to++ = (u8)*from++;
    return to;
}

static u8 *put_number(u8 *to, u32 value) {
    u8 digits[10];
    int count = 0;
    do digits[count++] = '0' + value % 10;
    while (value /= 10);
    while (count) *to++ = digits[--count];
    return to;
}

static void write_document(i32 n) {
    u32 seed = 7;
    u8 *to = put(text, "[");
    for (i32 i = 0; i < n; i++) {
        to = put(to, i ? ",\n  {\"id\": " : "{\"id\": ");
        to = put_number(to, next_random(&seed) >> 8);
        to = put(to, ", \"name\": \"some \\\"quoted\\\" name ");
        to = put_number(to, next_random(&seed) >> 16);
        to = put(to, "\", \"ok\": ");
        to = put(to, seed & 65536 ? "true" : "false");
        to = put(to, ", \"none\": null, \"at\": [-");
        to = put_number(to, next_random(&seed) >> 20);
        to = put(to, ".25, 1.5e3, []], \"more\": {\"depth\": {}}}");
    }
    end = put(to, "]");
    *end = 0;
}

static u8 *skip_space(u8 *p) {
    while (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t') p++;
    return p;
}

static u8 *scan_string(u8 *p) {
    u32 hash = 2166136261u;
    while (*p != '"') {
        if (*p == 0) return failed = 1, p;
        if (*p == '\\') p++;
        hash = (hash ^ *p++) * 16777619u;
    }
    strings += hash;
    return p + 1;
}

static u8 *scan_number(u8 *p) {
    u32 value = 0;
    int negative = *p == '-';
    if (negative) p++;
    while (*p >= '0' && *p <= '9') value = value * 10 + (*p++ - '0');
    if (*p == '.')
        for (p++; *p >= '0' && *p <= '9'; p++) value = value * 3 + (*p - '0');
    if (*p == 'e' || *p == 'E')
        for (p++; *p == '-' || *p == '+' || (*p >= '0' && *p <= '9'); p++) value ^= *p;
    numbers += negative ? 0 - value : value;
    return p;
}

static u8 *scan_word(u8 *p, const char *word) {
    while (*word)
        if (*p++ != (u8)*word++) failed = 1;
    return p;
}

static u8 *scan(u8 *p) {
    p = skip_space(p);
    switch (*p) {
    case '{':
        p = skip_space(p + 1);
        if (*p == '}') return p + 1;
        for (;; p++) {
            p = skip_space(p);
            if (*p != '"') return failed = 1, p;
            p = skip_space(scan_string(p + 1));
            if (*p != ':') return failed = 1, p;
            p = skip_space(scan(p + 1));
            if (*p == '}') return p + 1;
            if (*p != ',') return failed = 1, p;
        }
    case '[':
        p = skip_space(p + 1);
        if (*p == ']') return p + 1;
        for (;; p++) {
            p = skip_space(scan(p));
            if (*p == ']') return p + 1;
            if (*p != ',') return failed = 1, p;
        }
    case '"': return scan_string(p + 1);
    case 't': return scan_word(p, "true");
    case 'f': return scan_word(p, "false");
    case 'n': return scan_word(p, "null");
    case '-':
    case '0': case '1': case '2': case '3': case '4':
    case '5': case '6': case '7': case '8': case '9': return scan_number(p);
    default: return failed = 1, p;
    }
}

EXPORT i32 run(i32 n) {
    numbers = strings = failed = 0;
    write_document(n);
    for (int i = 0; i < 5; i++)
        if (skip_space(scan(text)) != end) failed = 1;
    return failed ? -1 : (i32)(numbers ^ strings);
}
