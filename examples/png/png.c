// A PNG decoder: every colour type, bit depth, filter and interlacing of the PNG specification (third edition),
// with inflate (RFC 1951, 1950), both checksums and a memory allocator. It needs no libc; build.py compiles it.
//
// A caller puts a file into memory that `malloc` gave it and calls `decode`. Nothing in the file is believed:
// whatever bytes come in, what goes out is an image or an error code.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define EXPORT(name) __attribute__((export_name(#name))) name
#define copy __builtin_memcpy
#define move __builtin_memmove
#define fill __builtin_memset

// --- errors ----------------------------------------------------------------------------------------------------

#define ERRORS(row) \
  row(OK, "no error") \
  row(NO_MEMORY, "out of memory") \
  row(NOT_PNG, "not a PNG file") \
  row(TRUNCATED, "the file ends too early") \
  row(BAD_CRC, "wrong CRC: a chunk is damaged") \
  row(BAD_CHUNK, "malformed chunk") \
  row(BAD_ORDER, "chunks are missing or out of order") \
  row(UNKNOWN_CHUNK, "unknown critical chunk") \
  row(BAD_HEADER, "invalid image header") \
  row(TOO_LARGE, "the image is too large") \
  row(BAD_PALETTE, "missing or invalid palette") \
  row(BAD_INDEX, "palette index out of range") \
  row(BAD_FILTER, "invalid filter type") \
  row(BAD_ZLIB, "invalid zlib header") \
  row(BAD_BLOCK, "invalid deflate block") \
  row(BAD_CODE, "invalid Huffman code") \
  row(BAD_DISTANCE, "match before the start of the data") \
  row(BAD_ADLER, "wrong Adler-32: the image data is damaged") \
  row(TOO_SHORT, "too little image data") \
  row(TOO_LONG, "too much image data")

#define AS_NUMBER(name, text) name,
#define AS_TEXT(name, text) text,
typedef enum { ERRORS(AS_NUMBER) ERROR_COUNT } Error;
static const char *const error_texts[] = {ERRORS(AS_TEXT)};

#define TRY(call) do { Error error_ = (call); if (error_ != OK) return error_; } while (0)

// The text of an error code: a zero-terminated string.
const char *EXPORT(error_text)(u32 error) {
  return error < ERROR_COUNT ? error_texts[error] : "unknown error";
}

// --- memory ----------------------------------------------------------------------------------------------------

// A list of free blocks in order of address, first fit; neighbours are merged (Kernighan and Ritchie, 8.7).
// Linear memory grows at its end and never shrinks.
typedef struct Block {
  u32 size; // of header and contents, a multiple of 16
  struct Block *next;
  u32 padding[2]; // so that contents are aligned to 16 bytes
} Block;

enum { PAGE = 65536 };

extern u8 __heap_base; // the linker's: the first byte behind data and stack
static Block first = {0, 0, {0, 0}};
static u8 *heap_end = 0;

static u8 *end_of(Block *block) { return (u8 *)block + block->size; }

// Puts a block into the list, merged with the free blocks right before and behind it.
static void release(Block *block) {
  Block *before = &first;
  while (before->next && before->next < block) before = before->next;
  block->next = before->next;
  if (block->next && end_of(block) == (u8 *)block->next) {
    block->size += block->next->size;
    block->next = block->next->next;
  }
  if (before != &first && end_of(before) == (u8 *)block) {
    before->size += block->size;
    before->next = block->next;
  } else {
    before->next = block;
  }
}

static int extend(u32 size) {
  if (!heap_end) heap_end = (u8 *)(((u32)&__heap_base + 15) & ~15u);
  u64 wanted = (u64)(u32)heap_end + size, present = (u64)__builtin_wasm_memory_size(0) * PAGE;
  if (wanted > 0xffff0000) return 0;
  if (wanted > present && __builtin_wasm_memory_grow(0, (wanted - present + PAGE - 1) / PAGE) == (u32)-1) return 0;
  Block *block = (Block *)heap_end;
  heap_end += size;
  block->size = size;
  release(block);
  return 1;
}

// `size` bytes aligned to 16, or a null pointer.
void *EXPORT(malloc)(u32 size) {
  if (size > 0xf0000000) return 0;
  size = (size + sizeof(Block) + 15) & ~15u;
  do {
    for (Block *before = &first, *block; (block = before->next); before = block) {
      if (block->size < size) continue;
      if (block->size - size > 2 * sizeof(Block)) {
        Block *rest = (Block *)((u8 *)block + size);
        rest->size = block->size - size;
        rest->next = block->next;
        block->size = size;
        before->next = rest;
      } else {
        before->next = block->next;
      }
      return block + 1;
    }
  } while (extend(size));
  return 0;
}

// Gives back what `malloc` gave; does nothing with a null pointer.
void EXPORT(free)(void *contents) {
  if (contents) release((Block *)contents - 1);
}

// --- checksums -------------------------------------------------------------------------------------------------

// CRC-32 of ISO 3309, eight bytes at a time: tables[k][b] is the CRC of byte b followed by k zero bytes.
static u32 crc(const u8 *at, u32 size) {
  static u32 tables[8][256];
  if (!tables[0][1]) {
    for (u32 i = 0; i < 256; i++) {
      u32 value = i;
      for (int bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? 0xedb88320 : 0);
      tables[0][i] = value;
    }
    for (u32 k = 1; k < 8; k++)
      for (u32 i = 0; i < 256; i++)
        tables[k][i] = tables[k - 1][i] >> 8 ^ tables[0][tables[k - 1][i] & 255];
  }
  u32 value = ~0u;
  for (; size >= 8; at += 8, size -= 8) {
    u64 word;
    copy(&word, at, 8);
    word ^= value;
    value = 0;
    for (int k = 0; k < 8; k++) value ^= tables[7 - k][word >> 8 * k & 255];
  }
  for (; size; size--) value = value >> 8 ^ tables[0][(value ^ *at++) & 255];
  return ~value;
}

// 5552 is the longest run for which `b` stays below 2³² without the remainder (RFC 1950).
static u32 adler(const u8 *at, u32 size) {
  u32 a = 1, b = 0;
  while (size) {
    u32 run = size < 5552 ? size : 5552;
    size -= run;
    for (; run; run--) b += a += *at++;
    a %= 65521, b %= 65521;
  }
  return b << 16 | a;
}

static u32 big_endian(const u8 *at) { return (u32)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3]; }

// --- inflate ---------------------------------------------------------------------------------------------------

typedef struct {
  const u8 *at, *end;
  u64 bits;     // not yet consumed, next bit lowest
  u32 count;    // how many of them
  u32 invented; // zero bytes taken from behind the end
  u8 *start, *out, *limit;
} Inflate;

// Leaves at least 56 bits in the buffer. Behind the end of the data come zeros; `overrun` tells.
static inline void refill(Inflate *s) {
  if (s->end - s->at >= 8) {
    u64 word;
    copy(&word, s->at, 8);
    s->bits |= word << s->count;
    s->at += (63 - s->count) >> 3;
    s->count |= 56;
    return;
  }
  for (; s->count < 56; s->count += 8) {
    if (s->at < s->end) s->bits |= (u64)*s->at++ << s->count;
    else s->invented++;
  }
}

// True if bits were consumed that the data does not have.
static int overrun(Inflate *s) { return s->invented * 8 > s->count; }

static inline u32 take(Inflate *s, u32 count) {
  u32 bits = s->bits & ((1u << count) - 1);
  s->bits >>= count;
  s->count -= count;
  return bits;
}

// What a Huffman code stands for: value << 16 | number of extra bits << 8 | kind << 4 | length of the code.
// The value is a literal byte, or the base to which the extra bits are added.
enum { LITERAL, BASE, END, INVALID };
#define ENTRY(value, extra, kind) ((u32)(value) << 16 | (extra) << 8 | (kind) << 4)

// Symbols of the three alphabets: lengths of codes; literals and lengths; distances.
enum { CODE_LENGTHS, LITERALS, DISTANCES };

static u32 meaning(u32 alphabet, u32 symbol) {
  static const u16 bases[] = {3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31,
                              35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
  if (alphabet == DISTANCES) {
    if (symbol >= 30) return ENTRY(0, 0, INVALID);
    u32 extra = symbol < 2 ? 0 : symbol / 2 - 1;
    return ENTRY(symbol < 2 ? symbol + 1 : ((2 + symbol % 2) << extra) + 1, extra, BASE);
  }
  if (alphabet == CODE_LENGTHS || symbol < 256) return ENTRY(symbol, 0, LITERAL);
  if (symbol == 256) return ENTRY(0, 0, END);
  if (symbol >= 286) return ENTRY(0, 0, INVALID);
  return ENTRY(bases[symbol - 257], symbol < 265 || symbol == 285 ? 0 : (symbol - 261) / 4, BASE);
}

enum { FAST = 11, LONGEST = 15 };

typedef struct {
  u32 fast[1 << FAST];    // by the next FAST bits; 0 where the code is longer
  u32 slow[288];          // entries in the order of codes
  u16 count[LONGEST + 1]; // codes of each length
} Codes;

// Builds the canonical code (RFC 1951, 3.2.2) from the lengths of its symbols' codes.
static Error build(Codes *codes, u32 alphabet, const u8 *lengths, u32 symbols) {
  u16 code[LONGEST + 2], place[LONGEST + 2];
  fill(codes->count, 0, sizeof codes->count);
  for (u32 i = 0; i < symbols; i++) codes->count[lengths[i]]++;
  codes->count[0] = 0;
  code[1] = place[1] = 0;
  int left = 1;
  u32 used = 0;
  for (u32 length = 1; length <= LONGEST; length++) {
    u32 count = codes->count[length];
    left = left * 2 - (int)count;
    if (left < 0) return BAD_CODE;
    used += count;
    code[length + 1] = (code[length] + count) * 2;
    place[length + 1] = place[length] + count;
  }
  // A code may leave bits unused only where it has but one symbol or, for distances, none.
  if (left > 0 && (alphabet == CODE_LENGTHS || used != codes->count[1])) return BAD_CODE;
  fill(codes->fast, 0, sizeof codes->fast);
  for (u32 i = 0; i < symbols; i++) {
    u32 length = lengths[i];
    if (!length) continue;
    u32 entry = meaning(alphabet, i) | length;
    codes->slow[place[length]++] = entry;
    u32 bits = code[length]++, reversed = 0;
    for (u32 k = 0; k < length; k++) reversed |= (bits >> k & 1) << (length - 1 - k);
    for (u32 k = reversed; k < 1 << FAST && length <= FAST; k += 1 << length) codes->fast[k] = entry;
  }
  return OK;
}

// The entry of the next code, which is longer than FAST bits or invalid: walks the canonical code bit by bit.
static __attribute__((noinline)) u32 slow_entry(const Codes *codes, u64 bits) {
  u32 code = 0, lowest = 0, place = 0;
  for (u32 length = 1; length <= LONGEST; length++, bits >>= 1) {
    u32 count = codes->count[length];
    code |= bits & 1;
    if (code - lowest < count) return codes->slow[place + code - lowest];
    place += count;
    lowest = (lowest + count) * 2;
    code *= 2;
  }
  return ENTRY(0, 0, INVALID) | 1;
}

// Takes the next code, which the buffer must hold, and gives its entry.
static inline u32 next(Inflate *s, const Codes *codes) {
  u32 entry = codes->fast[s->bits & ((1 << FAST) - 1)];
  if (!entry) entry = slow_entry(codes, s->bits);
  take(s, entry & 15);
  return entry;
}

static inline u32 kind_of(u32 entry) { return entry >> 4 & 15; }
static inline u32 value_of(Inflate *s, u32 entry) { return (entry >> 16) + take(s, entry >> 8 & 255); }

static Error inflate_codes(Inflate *state, const Codes *literals, const Codes *distances) {
  Inflate local = *state, *s = &local; // in registers
  Error error = OK;
  for (;;) {
    if (s->count < 48) refill(s); // a literal or length, a distance and their extra bits: 15 + 5 + 15 + 13
    u32 entry = next(s, literals);
    if (kind_of(entry) == LITERAL) {
      if (s->out == s->limit) { error = TOO_LONG; break; }
      *s->out++ = entry >> 16;
      continue;
    }
    if (kind_of(entry) != BASE) {
      if (kind_of(entry) == INVALID) error = BAD_CODE;
      break;
    }
    u32 length = value_of(s, entry);
    entry = next(s, distances);
    if (kind_of(entry) != BASE) { error = BAD_CODE; break; }
    u32 distance = value_of(s, entry), room = s->limit - s->out;
    if (distance > (u32)(s->out - s->start)) { error = BAD_DISTANCE; break; }
    if (length > room) { error = TOO_LONG; break; }
    const u8 *from = s->out - distance;
    u8 *to = s->out;
    s->out += length;
    if (distance >= 8 && room >= length + 8) {
      // Up to seven bytes too many, which what comes next overwrites.
      for (; to < s->out; to += 8, from += 8) {
        u64 word;
        copy(&word, from, 8);
        copy(to, &word, 8);
      }
    } else if (distance == 1) {
      fill(to, *from, length);
    } else {
      while (to < s->out) *to++ = *from++;
    }
    // Without input the zeros behind the end could go on for all of a large output.
    if (s->invented > 16) break;
  }
  *state = local;
  return error;
}

static Error inflate_stored(Inflate *s) {
  // Whole bytes go back from the bit buffer.
  take(s, s->count & 7);
  if (overrun(s)) return TRUNCATED;
  s->at -= s->count / 8 - s->invented;
  s->bits = s->count = s->invented = 0;
  if (s->end - s->at < 4) return TRUNCATED;
  u32 length = s->at[0] | s->at[1] << 8;
  if (length != (~(s->at[2] | s->at[3] << 8) & 0xffff)) return BAD_BLOCK;
  s->at += 4;
  if ((u32)(s->end - s->at) < length) return TRUNCATED;
  if ((u32)(s->limit - s->out) < length) return TOO_LONG;
  copy(s->out, s->at, length);
  s->at += length;
  s->out += length;
  return OK;
}

// Reads the two codes of a dynamic block (RFC 1951, 3.2.7).
static Error read_codes(Inflate *s, Codes *literals, Codes *distances) {
  static const u8 order[] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
  u8 lengths[19 + 286 + 32] = {0};
  refill(s);
  u32 literal_count = take(s, 5) + 257, distance_count = take(s, 5) + 1, length_count = take(s, 4) + 4;
  if (literal_count > 286 || distance_count > 30) return BAD_CODE;
  for (u32 i = 0; i < length_count; i++) {
    refill(s);
    lengths[order[i]] = take(s, 3);
  }
  TRY(build(literals, CODE_LENGTHS, lengths, 19)); // for the moment
  fill(lengths, 0, sizeof lengths);
  for (u32 i = 0; i < literal_count + distance_count;) {
    refill(s);
    u32 entry = next(s, literals), symbol = entry >> 16, repeated = 0, times = 1;
    if (kind_of(entry) == INVALID) return BAD_CODE;
    if (symbol < 16) repeated = symbol;
    else if (symbol == 16) {
      if (i == 0) return BAD_CODE;
      repeated = lengths[i - 1];
      times = 3 + take(s, 2);
    } else times = symbol == 17 ? 3 + take(s, 3) : 11 + take(s, 7);
    if (times > literal_count + distance_count - i) return BAD_CODE;
    fill(lengths + i, repeated, times);
    i += times;
  }
  if (!lengths[256]) return BAD_CODE; // a block could not end
  TRY(build(literals, LITERALS, lengths, literal_count));
  return build(distances, DISTANCES, lengths + literal_count, distance_count);
}

static Error fixed_codes(Codes *literals, Codes *distances) {
  u8 lengths[288];
  for (u32 i = 0; i < 288; i++) lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
  TRY(build(literals, LITERALS, lengths, 288));
  fill(lengths, 5, 32);
  return build(distances, DISTANCES, lengths, 32);
}

static Error inflate_blocks(Inflate *s) {
  Codes literals, distances;
  for (int last = 0; !last;) {
    refill(s);
    last = take(s, 1);
    u32 kind = take(s, 2);
    if (kind == 3) return BAD_BLOCK;
    if (kind == 0) {
      TRY(inflate_stored(s));
      continue;
    }
    TRY(kind == 1 ? fixed_codes(&literals, &distances) : read_codes(s, &literals, &distances));
    TRY(inflate_codes(s, &literals, &distances));
    if (overrun(s)) return TRUNCATED;
  }
  return OK;
}

// Decompresses a zlib stream (RFC 1950) into exactly `out_size` bytes.
Error EXPORT(inflate)(const u8 *in, u32 in_size, u8 *out, u32 out_size) {
  if (in_size < 6) return TRUNCATED;
  if ((in[0] * 256 + in[1]) % 31 || (in[0] & 15) != 8 || in[0] >> 4 > 7 || in[1] & 32) return BAD_ZLIB;
  Inflate s = {in + 2, in + in_size, 0, 0, 0, out, out, out + out_size};
  Error error = inflate_blocks(&s);
  if (overrun(&s)) return TRUNCATED; // whatever the zeros behind the end led to
  if (error) return error;
  if (s.out != s.limit) return TOO_SHORT;
  s.at -= s.count / 8 - s.invented;
  if (s.end - s.at < 4) return TRUNCATED;
  return big_endian(s.at) == adler(out, out_size) ? OK : BAD_ADLER;
}

// --- PNG -------------------------------------------------------------------------------------------------------

enum { GREY = 0, RGB = 2, INDEXED = 3, GREY_ALPHA = 4, RGB_ALPHA = 6 };

// What `decode` leaves for its caller; build it with the same fields in the same order.
typedef struct {
  u32 width, height;
  u32 channels; // 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha
  u32 bytes;    // of each sample: 1, or 2 for files of 16 bits
  u8 *pixels;   // rows from top to bottom without gaps; the caller frees them
} Image;

typedef struct {
  u32 width, height, depth, colour, interlaced;
  u32 samples;        // of each pixel in the file
  u32 colours;        // in the palette
  u8 palette[256][4]; // red, green, blue, alpha
  u32 transparent;    // 1 if there is a tRNS chunk
  u16 key[3];         // the transparent grey or colour
  u8 *data;           // contents of all IDAT chunks
  u32 data_size;
} Header;

static Error read_header(Header *h, const u8 *at, u32 size) {
  static const u8 samples[] = {1, 0, 3, 1, 2, 0, 4};
  // For each colour type the set of its depths: they are powers of two.
  static const u8 depths[] = {1 | 2 | 4 | 8 | 16, 0, 8 | 16, 1 | 2 | 4 | 8, 8 | 16, 0, 8 | 16};
  if (size != 13) return BAD_HEADER;
  h->width = big_endian(at), h->height = big_endian(at + 4);
  h->depth = at[8], h->colour = at[9], h->interlaced = at[12];
  if (!h->width || !h->height || h->width >> 31 || h->height >> 31) return BAD_HEADER;
  if (h->colour > 6 || !h->depth || h->depth & (h->depth - 1) || !(depths[h->colour] & h->depth)) return BAD_HEADER;
  if (at[10] || at[11] || h->interlaced > 1) return BAD_HEADER;
  h->samples = samples[h->colour];
  return OK;
}

static Error read_palette(Header *h, const u8 *at, u32 size) {
  if (h->colours || size == 0 || size % 3 || size > 768) return BAD_PALETTE;
  if (h->colour == GREY || h->colour == GREY_ALPHA) return BAD_PALETTE;
  h->colours = size / 3;
  for (u32 i = 0; i < h->colours; i++, at += 3) {
    copy(h->palette[i], at, 3);
    h->palette[i][3] = 255;
  }
  return OK;
}

static Error read_transparency(Header *h, const u8 *at, u32 size) {
  if (h->transparent) return BAD_ORDER;
  h->transparent = 1;
  if (h->colour == INDEXED) {
    if (!h->colours) return BAD_ORDER;
    if (size == 0 || size > h->colours) return BAD_CHUNK;
    for (u32 i = 0; i < size; i++) h->palette[i][3] = at[i];
    return OK;
  }
  if (h->colour & 4 || size != h->samples * 2) return BAD_CHUNK;
  u32 mask = (1 << h->depth) - 1;
  for (u32 i = 0; i < h->samples; i++) h->key[i] = (at[2 * i] << 8 | at[2 * i + 1]) & mask;
  return OK;
}

#define NAME(a, b, c, d) ((u32)(a) << 24 | (b) << 16 | (c) << 8 | (d))

// Reads all chunks; the contents of the IDAT chunks are moved together where they are.
static Error read_chunks(Header *h, u8 *file, u32 size) {
  static const u8 signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  for (u32 i = 0; i < 8; i++) {
    if (i == size) return i ? TRUNCATED : NOT_PNG;
    if (file[i] != signature[i]) return NOT_PNG;
  }
  u8 *at = file + 8, *end = file + size;
  u32 before = 0;
  for (;;) {
    if (end - at < 12) return TRUNCATED;
    u32 length = big_endian(at), name = big_endian(at + 4);
    u8 *contents = at + 8;
    if (length > (u32)(end - at) - 12) return TRUNCATED;
    at = contents + length + 4;
    if (big_endian(contents + length) != crc(contents - 4, length + 4)) return BAD_CRC;
    if ((before == 0) != (name == NAME('I', 'H', 'D', 'R'))) return BAD_ORDER;
    switch (name) {
      case NAME('I', 'H', 'D', 'R'):
        TRY(read_header(h, contents, length));
        break;
      case NAME('P', 'L', 'T', 'E'):
        if (h->data) return BAD_ORDER;
        TRY(read_palette(h, contents, length));
        break;
      case NAME('t', 'R', 'N', 'S'):
        if (h->data) return BAD_ORDER;
        TRY(read_transparency(h, contents, length));
        break;
      case NAME('I', 'D', 'A', 'T'):
        if (!h->data) h->data = contents;
        else if (before != name) return BAD_ORDER;
        move(h->data + h->data_size, contents, length);
        h->data_size += length;
        break;
      case NAME('I', 'E', 'N', 'D'):
        if (length) return BAD_CHUNK;
        if (h->colour == INDEXED && !h->colours) return BAD_PALETTE;
        return h->data ? OK : BAD_ORDER;
      default:
        if (!(name >> 29 & 1)) return UNKNOWN_CHUNK; // a capital first letter: critical
    }
    before = name;
  }
}

static inline u8 paeth(int left, int up, int corner) {
  int a = up - corner, b = left - corner, c = a + b;
  a = a < 0 ? -a : a, b = b < 0 ? -b : b, c = c < 0 ? -c : c;
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

// Undoes a row's filter in place. `up` is the row above, zeros for the first; `step` the distance of the pixel to
// the left, which the callers give as constants.
static inline __attribute__((always_inline)) Error
unfilter_step(u8 *row, const u8 *up, u32 size, u32 step, u32 filter) {
  u32 i = 0;
  switch (filter) {
    case 0:
      return OK;
    case 1:
      for (i = step; i < size; i++) row[i] += row[i - step];
      return OK;
    case 2:
      for (; i < size; i++) row[i] += up[i];
      return OK;
    case 3:
      for (; i < step && i < size; i++) row[i] += up[i] / 2;
      for (; i < size; i++) row[i] += (row[i - step] + up[i]) / 2;
      return OK;
    case 4:
      for (; i < step && i < size; i++) row[i] += up[i];
      for (; i < size; i++) row[i] += paeth(row[i - step], up[i], up[i - step]);
      return OK;
    default:
      return BAD_FILTER;
  }
}

static Error unfilter(u8 *row, const u8 *up, u32 size, u32 step, u32 filter) {
  switch (step) {
    case 1: return unfilter_step(row, up, size, 1, filter);
    case 3: return unfilter_step(row, up, size, 3, filter);
    case 4: return unfilter_step(row, up, size, 4, filter);
    default: return unfilter_step(row, up, size, step, filter);
  }
}

// Turns a row of the file into pixels of the image, `stride` bytes apart.
static Error expand(const Header *h, const u8 *row, u32 width, u8 *to, u32 stride) {
  u32 depth = h->depth, mask = (1 << depth) - 1, samples = h->samples;
  u32 bytes = depth == 16 ? 2 : 1, channels = samples + (h->transparent && h->colour != INDEXED);
  if (depth == 8 && h->colour != INDEXED && !h->transparent && stride == samples) {
    copy(to, row, width * samples);
    return OK;
  }
  u32 scale = h->colour == INDEXED || depth > 8 ? 1 : 255 / mask; // spreads 1, 2 and 4 bits over 0…255
  for (u32 x = 0; x < width; x++, to += stride) {
    u16 pixel[4];
    int hidden = h->transparent;
    for (u32 i = 0; i < samples; i++) {
      u32 n = x * samples + i;
      u32 sample = depth == 16  ? row[2 * n] << 8 | row[2 * n + 1]
                   : depth == 8 ? row[n]
                                : row[n * depth / 8] >> (8 - depth - n * depth % 8) & mask;
      hidden = hidden && sample == h->key[i < 3 ? i : 0];
      pixel[i] = sample * scale;
    }
    if (h->colour == INDEXED) {
      if (pixel[0] >= h->colours) return BAD_INDEX;
      copy(to, h->palette[pixel[0]], h->transparent ? 4 : 3);
      continue;
    }
    if (h->transparent) pixel[samples] = hidden ? 0 : depth == 16 ? 65535 : 255;
    for (u32 i = 0; i < channels; i++) {
      if (bytes == 2) copy(to + 2 * i, pixel + i, 2);
      else to[i] = pixel[i];
    }
  }
  return OK;
}

// The passes of Adam7: first column and row, steps between columns and rows. The last is the image as a whole.
enum { PASSES = 7, WHOLE = 7 };
static const u8 passes[][4] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                               {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}, {0, 0, 1, 1}};

// How many of 0…size-1 the numbers first, first + step, … are.
static u32 steps(u32 size, u32 first, u32 step) { return (size - first + step - 1) / step; }
static u32 pass_width(const Header *h, u32 pass) { return steps(h->width, passes[pass][0], passes[pass][2]); }
static u32 pass_height(const Header *h, u32 pass) { return steps(h->height, passes[pass][1], passes[pass][3]); }

// Bytes of a row of the file, without the byte that names its filter.
static u64 row_size(const Header *h, u32 width) { return ((u64)width * h->samples * h->depth + 7) / 8; }

// Bytes of a pass in the file.
static u64 pass_size(const Header *h, u32 pass) {
  u32 width = pass_width(h, pass);
  return width ? pass_height(h, pass) * (1 + row_size(h, width)) : 0;
}

// Unfilters the rows of a pass and puts its pixels where they belong. `zeros` is the row above the first.
static Error place(const Header *h, u32 pass, u8 *row, const u8 *zeros, Image *image) {
  u32 width = pass_width(h, pass), height = width ? pass_height(h, pass) : 0;
  u32 size = row_size(h, width), step = (h->samples * h->depth + 7) / 8;
  u32 stride = image->channels * image->bytes;
  const u8 *up = zeros;
  for (u32 y = 0; y < height; y++, row += 1 + size) {
    TRY(unfilter(row + 1, up, size, step, row[0]));
    up = row + 1;
    u32 line = passes[pass][1] + y * passes[pass][3];
    u8 *to = image->pixels + (line * image->width + passes[pass][0]) * stride;
    TRY(expand(h, up, width, to, passes[pass][2] * stride));
  }
  return OK;
}

static Error decode_into(Image *image, const Header *h, u8 *rows, const u8 *zeros, u32 size) {
  TRY(inflate(h->data, h->data_size, rows, size));
  if (!h->interlaced) return place(h, WHOLE, rows, zeros, image);
  for (u32 pass = 0; pass < PASSES; rows += pass_size(h, pass++)) TRY(place(h, pass, rows, zeros, image));
  return OK;
}

// Decodes a file; its bytes are changed. On success the image's pixels are the caller's to free.
Error EXPORT(decode)(u8 *file, u32 size, Image *image) {
  const u64 limit = 1 << 30;
  Header h;
  fill(&h, 0, sizeof h);
  fill(image, 0, sizeof *image);
  TRY(read_chunks(&h, file, size));
  image->width = h.width, image->height = h.height;
  image->bytes = h.depth == 16 ? 2 : 1;
  image->channels = (h.colour == INDEXED ? 3 : h.samples) + h.transparent;
  u64 pixels = (u64)h.width * h.height;
  if (pixels > limit || pixels * image->channels * image->bytes > limit) return TOO_LARGE;
  u64 rows_size = 0, zeros_size = row_size(&h, h.width);
  if (!h.interlaced) rows_size = pass_size(&h, WHOLE);
  else for (u32 pass = 0; pass < PASSES; pass++) rows_size += pass_size(&h, pass);
  if (rows_size + zeros_size > limit + limit / 2) return TOO_LARGE;
  // Two bits of deflate give at most 258 bytes. So a small file cannot make us take much memory.
  if (rows_size / 1032 > h.data_size) return TOO_SHORT;
  image->pixels = malloc(pixels * image->channels * image->bytes);
  u8 *zeros = malloc(zeros_size + rows_size);
  Error error = NO_MEMORY;
  if (image->pixels && zeros) {
    fill(zeros, 0, zeros_size);
    error = decode_into(image, &h, zeros + zeros_size, zeros, rows_size);
  }
  free(zeros);
  if (error) {
    free(image->pixels);
    image->pixels = 0;
  }
  return error;
}
