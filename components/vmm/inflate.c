/*
 * Canonical Huffman codes by a table for those of up to FAST_BITS bits; longer ones bit by bit. An error anywhere sets `result` and
 * makes the input yield zeros, so that loops end and nobody needs to look after each bit.
 */
#include "inflate.h"

#include <string.h>

enum {
    LENGTH_CODES = 288,
    DISTANCE_CODES = 30,
    DISTANCE_CODES_FIXED = 32,
    CODE_CODES = 19,
    CODE_BITS = 15,
    FAST_BITS = 9,
    FAST_SIZE = 1 << FAST_BITS,
    SYMBOL_END = 256,
    SYMBOL_LENGTH = 257,
    LENGTH_SYMBOLS = 29,
    GZIP_HEADER = 10,
    GZIP_TRAILER = 8,
};
enum { FLAG_CRC = 2, FLAG_EXTRA = 4, FLAG_NAME = 8, FLAG_COMMENT = 16, FLAGS_RESERVED = 0xe0 };

struct code {
    uint16_t fast[FAST_SIZE]; /* bits reversed, as they come → symbol << 4 | length; 0: longer or none */
    uint16_t count[CODE_BITS + 1];
    uint16_t symbols[LENGTH_CODES]; /* by length, then by value */
};

struct stream {
    const uint8_t *in;
    size_t in_size, in_at;
    uint8_t *out;
    size_t out_size, out_at;
    uint64_t bits; /* read ahead, next one lowest */
    unsigned bit_count;
    enum inflate_result result;
    struct code lengths, distances;
};

static void fail(struct stream *s, enum inflate_result result)
{
    if (s->result == INFLATE_OK)
        s->result = result;
}

/* --- bits ------------------------------------------------------------------------------------------------------------- */

/* At least `count` (up to 32) bits are there, zeros behind the input's end. */
static void bits_fill(struct stream *s, unsigned count)
{
    while (s->bit_count < count) {
        uint64_t byte = s->in_at < s->in_size ? s->in[s->in_at] : 0;
        if (s->in_at++ >= s->in_size + 8) /* the last code may be looked at with more bits than it has */
            fail(s, INFLATE_INPUT);
        s->bits |= byte << s->bit_count;
        s->bit_count += 8;
    }
}

static void bits_drop(struct stream *s, unsigned count)
{
    s->bits >>= count;
    s->bit_count -= count;
}

static unsigned bits_take(struct stream *s, unsigned count)
{
    bits_fill(s, count);
    unsigned value = (unsigned)(s->bits & ((UINT64_C(1) << count) - 1));
    bits_drop(s, count);
    return value;
}

/* --- codes ------------------------------------------------------------------------------------------------------------ */

static unsigned bits_reverse(unsigned value, unsigned count)
{
    unsigned reversed = 0;
    for (unsigned i = 0; i < count; i++)
        reversed |= (value >> i & 1) << (count - 1 - i);
    return reversed;
}

static void fast_fill(struct code *code, unsigned bits, unsigned length, unsigned symbol)
{
    for (unsigned at = bits_reverse(bits, length); at < FAST_SIZE; at += 1u << length)
        code->fast[at] = (uint16_t)(symbol << 4 | length);
}

/* Codes of one length are consecutive (RFC 1951 §3.2.2). False if there are more than that many bits can tell apart. */
static bool code_count(struct code *code, const uint8_t *lengths, unsigned count, uint16_t *first)
{
    int left = 1;
    uint16_t next = 0;
    memset(code, 0, sizeof *code);
    for (unsigned i = 0; i < count; i++)
        code->count[lengths[i]]++;
    code->count[0] = 0;
    for (unsigned length = 1; length <= CODE_BITS; length++) {
        left = left * 2 - code->count[length];
        if (left < 0)
            return false;
        next = (uint16_t)((next + code->count[length - 1]) << 1);
        first[length] = next;
    }
    return true;
}

static bool code_build(struct code *code, const uint8_t *lengths, unsigned count)
{
    uint16_t next[CODE_BITS + 1], place[CODE_BITS + 1];
    if (!code_count(code, lengths, count, next))
        return false;
    place[1] = 0;
    for (unsigned length = 1; length < CODE_BITS; length++)
        place[length + 1] = (uint16_t)(place[length] + code->count[length]);
    for (unsigned symbol = 0; symbol < count; symbol++) {
        unsigned length = lengths[symbol];
        if (!length)
            continue;
        code->symbols[place[length]++] = (uint16_t)symbol;
        if (length <= FAST_BITS)
            fast_fill(code, next[length]++, length, symbol);
    }
    return true;
}

static unsigned symbol_take_slowly(struct stream *s, const struct code *code)
{
    int value = 0, first = 0, index = 0;
    for (unsigned length = 1; length <= CODE_BITS; length++) {
        value |= (int)(s->bits >> (length - 1) & 1);
        int count = code->count[length];
        if (value - count < first) {
            bits_drop(s, length);
            return code->symbols[index + value - first];
        }
        index += count;
        first = (first + count) << 1;
        value <<= 1;
    }
    fail(s, INFLATE_DATA);
    return SYMBOL_END;
}

static unsigned symbol_take(struct stream *s, const struct code *code)
{
    bits_fill(s, CODE_BITS);
    unsigned entry = code->fast[s->bits & (FAST_SIZE - 1)];
    if (!entry)
        return symbol_take_slowly(s, code);
    bits_drop(s, entry & 15);
    return entry >> 4;
}

/* --- blocks ----------------------------------------------------------------------------------------------------------- */

static void byte_put(struct stream *s, uint8_t byte)
{
    if (s->out_at < s->out_size)
        s->out[s->out_at++] = byte;
    else
        fail(s, INFLATE_OUTPUT);
}

static void copy(struct stream *s, unsigned length, unsigned distance)
{
    if (distance > s->out_at) {
        fail(s, INFLATE_DATA);
        return;
    }
    if (length > s->out_size - s->out_at) {
        fail(s, INFLATE_OUTPUT);
        return;
    }
    uint8_t *to = s->out + s->out_at;
    const uint8_t *from = to - distance;
    for (unsigned i = 0; i < length; i++) /* may overlap: then it repeats */
        to[i] = from[i];
    s->out_at += length;
}

/* RFC 1951 §3.2.5. */
static unsigned length_take(struct stream *s, unsigned symbol)
{
    static const uint16_t base[LENGTH_SYMBOLS] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                                  31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
    static const uint8_t extra[LENGTH_SYMBOLS] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    return base[symbol] + bits_take(s, extra[symbol]);
}

static unsigned distance_take(struct stream *s)
{
    static const uint16_t base[DISTANCE_CODES] = {1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
                                                  193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
    unsigned symbol = symbol_take(s, &s->distances);
    if (symbol >= DISTANCE_CODES) {
        fail(s, INFLATE_DATA);
        return 1;
    }
    return base[symbol] + bits_take(s, symbol < 2 ? 0 : symbol / 2 - 1);
}

static void coded_block(struct stream *s)
{
    while (s->result == INFLATE_OK) {
        unsigned symbol = symbol_take(s, &s->lengths);
        if (symbol < SYMBOL_END) {
            byte_put(s, (uint8_t)symbol);
            continue;
        }
        if (symbol == SYMBOL_END)
            return;
        if (symbol >= SYMBOL_LENGTH + LENGTH_SYMBOLS) {
            fail(s, INFLATE_DATA);
            return;
        }
        unsigned length = length_take(s, symbol - SYMBOL_LENGTH);
        copy(s, length, distance_take(s));
    }
}

static void stored_block(struct stream *s)
{
    bits_drop(s, s->bit_count & 7);
    unsigned length = bits_take(s, 16);
    if ((length ^ 0xffff) != bits_take(s, 16))
        fail(s, INFLATE_DATA);
    for (unsigned i = 0; i < length && s->result == INFLATE_OK; i++)
        byte_put(s, (uint8_t)bits_take(s, 8));
}

static void fixed_codes(struct stream *s)
{
    uint8_t lengths[LENGTH_CODES];
    memset(lengths, 8, 144);
    memset(lengths + 144, 9, 112);
    memset(lengths + 256, 7, 24);
    memset(lengths + 280, 8, 8);
    code_build(&s->lengths, lengths, LENGTH_CODES);
    memset(lengths, 5, DISTANCE_CODES_FIXED);
    code_build(&s->distances, lengths, DISTANCE_CODES_FIXED);
}

/* How often, for code 16 … 18; what is repeated is the caller's. */
static unsigned repeat_take(struct stream *s, unsigned symbol)
{
    switch (symbol) {
    case 16:
        return 3 + bits_take(s, 2);
    case 17:
        return 3 + bits_take(s, 3);
    default:
        return 11 + bits_take(s, 7);
    }
}

/* `s->lengths` bears the code in which the two codes' lengths are written. */
static void lengths_take(struct stream *s, uint8_t *lengths, unsigned count)
{
    for (unsigned at = 0; at < count && s->result == INFLATE_OK;) {
        unsigned symbol = symbol_take(s, &s->lengths);
        if (symbol < 16) {
            lengths[at++] = (uint8_t)symbol;
            continue;
        }
        uint8_t value = symbol == 16 && at ? lengths[at - 1] : 0;
        unsigned repeat = symbol < CODE_CODES ? repeat_take(s, symbol) : 0;
        if (!repeat || repeat > count - at || (symbol == 16 && !at)) {
            fail(s, INFLATE_DATA);
            return;
        }
        memset(lengths + at, value, repeat);
        at += repeat;
    }
}

static void dynamic_codes(struct stream *s)
{
    static const uint8_t order[CODE_CODES] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    uint8_t lengths[LENGTH_CODES + DISTANCE_CODES_FIXED] = {0};
    unsigned length_count = bits_take(s, 5) + 257, distance_count = bits_take(s, 5) + 1, code_codes = bits_take(s, 4) + 4;
    for (unsigned i = 0; i < code_codes; i++)
        lengths[order[i]] = (uint8_t)bits_take(s, 3);
    if (length_count > 286 || !code_build(&s->lengths, lengths, CODE_CODES)) {
        fail(s, INFLATE_DATA);
        return;
    }
    memset(lengths, 0, sizeof lengths);
    lengths_take(s, lengths, length_count + distance_count);
    if (!code_build(&s->lengths, lengths, length_count) || !code_build(&s->distances, lengths + length_count, distance_count))
        fail(s, INFLATE_DATA);
}

static void block(struct stream *s)
{
    switch (bits_take(s, 2)) {
    case 0:
        stored_block(s);
        return;
    case 1:
        fixed_codes(s);
        break;
    case 2:
        dynamic_codes(s);
        break;
    default:
        fail(s, INFLATE_DATA);
    }
    coded_block(s);
}

static void blocks(struct stream *s)
{
    bool last;
    do {
        last = bits_take(s, 1);
        block(s);
    } while (!last && s->result == INFLATE_OK);
}

/* --- gzip ------------------------------------------------------------------------------------------------------------- */

bool gzip_detect(const uint8_t *data, size_t size)
{
    return size >= GZIP_HEADER + GZIP_TRAILER && data[0] == 0x1f && data[1] == 0x8b && data[2] == 8;
}

static uint32_t little_word(const uint8_t *data)
{
    return data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
}

uint32_t gzip_claimed_size(const uint8_t *data, size_t size)
{
    return size >= 4 ? little_word(data + size - 4) : 0;
}

static size_t text_skip(const uint8_t *data, size_t size, size_t at)
{
    while (at < size && data[at])
        at++;
    return at + 1;
}

/* Offset of the compressed data, or `size` and more if the header does not end. */
static size_t header_skip(const uint8_t *data, size_t size)
{
    size_t at = GZIP_HEADER;
    uint8_t flags = data[3];
    if (flags & FLAGS_RESERVED)
        return size;
    if (flags & FLAG_EXTRA)
        at += 2u + (at + 2 <= size ? data[at] | (unsigned)data[at + 1] << 8 : 0);
    if (flags & FLAG_NAME)
        at = text_skip(data, size, at);
    if (flags & FLAG_COMMENT)
        at = text_skip(data, size, at);
    return flags & FLAG_CRC ? at + 2 : at;
}

uint32_t crc32_of(const uint8_t *data, size_t size)
{
    static uint32_t table[256];
    for (uint32_t i = 0; !table[255] && i < 256; i++) {
        uint32_t value = i;
        for (unsigned bit = 0; bit < 8; bit++)
            value = value >> 1 ^ (value & 1 ? 0xedb88320 : 0);
        table[i] = value;
    }
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++)
        crc = crc >> 8 ^ table[(crc ^ data[i]) & 0xff];
    return ~crc;
}

static enum inflate_result trailer_check(const struct stream *s, size_t read)
{
    if (read + GZIP_TRAILER > s->in_size)
        return INFLATE_INPUT;
    const uint8_t *trailer = s->in + read;
    bool good = little_word(trailer) == crc32_of(s->out, s->out_at) && little_word(trailer + 4) == (uint32_t)s->out_at;
    return good ? INFLATE_OK : INFLATE_CHECKSUM;
}

enum inflate_result gzip_inflate(const uint8_t *data, size_t size, uint8_t *to, size_t capacity, size_t *length)
{
    static struct stream s; /* 3 KiB; only the main thread loads */
    *length = 0;
    if (!gzip_detect(data, size) || header_skip(data, size) >= size)
        return INFLATE_HEADER;
    memset(&s, 0, sizeof s);
    s.in = data;
    s.in_size = size;
    s.in_at = header_skip(data, size);
    s.out = to;
    s.out_size = capacity;
    blocks(&s);
    *length = s.out_at;
    return s.result == INFLATE_OK ? trailer_check(&s, s.in_at - s.bit_count / 8) : s.result;
}

const char *inflate_text(enum inflate_result result)
{
    static const char *const texts[] = {
        [INFLATE_OK] = "good",
        [INFLATE_HEADER] = "its gzip header is malformed",
        [INFLATE_DATA] = "its compressed data is damaged",
        [INFLATE_INPUT] = "it ends too early",
        [INFLATE_OUTPUT] = "decompressed, it does not fit",
        [INFLATE_CHECKSUM] = "its checksum is wrong",
    };
    return texts[result];
}
