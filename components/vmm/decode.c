/* One row per group of encodings, the first that matches counts. Field names are the Arm ARM's. */
#include "decode.h"

#include <stdbool.h>

enum { SIGN = 1, SIGN_64 = 2 };
enum indexing { INDEX_POST = 1, INDEX_OFFSET = 2, INDEX_PRE = 3 };

struct source {
    uint32_t word;
    const struct frame *regs;
    uint64_t sp;
};

static unsigned field(uint32_t word, unsigned low, unsigned bits)
{
    return word >> low & ((1u << bits) - 1);
}

static int64_t signed_field(uint32_t word, unsigned low, unsigned bits)
{
    return (int64_t)((uint64_t)word << (64 - low - bits)) >> (64 - bits);
}

static unsigned rt(uint32_t word)
{
    return field(word, 0, 5);
}

static unsigned rn(uint32_t word)
{
    return field(word, 5, 5);
}

/* Rn: 31 is the stack pointer. */
static uint64_t base_value(const struct source *source)
{
    unsigned n = rn(source->word);
    return n == DECODE_SP ? source->sp : source->regs->x[n];
}

/* Rm: 31 is zero. */
static uint64_t index_value(const struct source *source)
{
    unsigned m = field(source->word, 16, 5);
    return m < 31 ? source->regs->x[m] : 0;
}

static struct decoded kind_of(enum decode_kind kind)
{
    return (struct decoded){.kind = (uint8_t)kind, .base = DECODE_NO_BASE};
}

static struct decoded access_of(unsigned size, bool write, unsigned sign, unsigned reg)
{
    return (struct decoded){.kind = DECODE_ACCESS, .count = 1, .size = (uint8_t)size, .write = write, .sign = (uint8_t)sign,
                            .reg = {(uint8_t)reg, 31}, .base = DECODE_NO_BASE};
}

/* Post-index: the base first, then the offset; pre-index: the other way round. */
static void place(struct decoded *to, const struct source *source, enum indexing indexing, uint64_t offset)
{
    uint64_t base = base_value(source);
    to->address = indexing == INDEX_POST ? base : base + offset;
    if (indexing != INDEX_OFFSET) {
        to->base = (uint8_t)rn(source->word);
        to->updated = base + offset;
    }
}

/* --- groups ----------------------------------------------------------------------------------------------------------- */

/* Size and direction of a single register's load or store: `size` [31:30], `opc` [23:22]. */
static struct decoded single(uint32_t word)
{
    unsigned size = field(word, 30, 2), opc = field(word, 22, 2);
    if (opc < 2)
        return access_of(1u << size, !opc, 0, rt(word));
    if (size == 3)
        return kind_of(opc == 2 ? DECODE_NOTHING : DECODE_UNKNOWN); /* PRFM */
    if (size == 2 && opc == 3)
        return kind_of(DECODE_UNKNOWN);
    return access_of(1u << size, false, opc == 2 ? SIGN | SIGN_64 : SIGN, rt(word));
}

/* LDUR, LDTR, and with write-back: a signed offset of 9 bits. */
static struct decoded single_imm9(const struct source *source)
{
    static const uint8_t indexing[4] = {INDEX_OFFSET, INDEX_POST, INDEX_OFFSET, INDEX_PRE};
    unsigned op = field(source->word, 10, 2);
    struct decoded to = single(source->word);
    if (to.kind == DECODE_NOTHING && op)
        return kind_of(DECODE_UNKNOWN);
    if (to.kind == DECODE_ACCESS)
        place(&to, source, indexing[op], (uint64_t)signed_field(source->word, 12, 9));
    return to;
}

static struct decoded single_imm12(const struct source *source)
{
    struct decoded to = single(source->word);
    if (to.kind == DECODE_ACCESS)
        place(&to, source, INDEX_OFFSET, (uint64_t)field(source->word, 10, 12) * to.size);
    return to;
}

/* `option` [15:13]: UXTW, LSL, SXTW, SXTX; S [12]: times the size. */
static struct decoded single_register(const struct source *source)
{
    unsigned option = field(source->word, 13, 3), scale = field(source->word, 12, 1) ? field(source->word, 30, 2) : 0;
    uint64_t index = index_value(source);
    struct decoded to = single(source->word);
    if (!(option & 2))
        return kind_of(DECODE_UNKNOWN);
    if (option == 2)
        index = (uint32_t)index;
    else if (option == 6)
        index = (uint64_t)(int64_t)(int32_t)index;
    if (to.kind == DECODE_ACCESS)
        place(&to, source, INDEX_OFFSET, index << scale);
    return to;
}

/* LDR (literal), LDRSW, PRFM: `opc` [31:30], relative to the instruction. */
static struct decoded literal(const struct source *source)
{
    unsigned opc = field(source->word, 30, 2);
    if (opc == 3)
        return kind_of(DECODE_NOTHING);
    struct decoded to = access_of(opc == 1 ? 8 : 4, false, opc == 2 ? SIGN | SIGN_64 : 0, rt(source->word));
    to.address = source->regs->pc + (uint64_t)signed_field(source->word, 5, 19) * 4;
    return to;
}

/* LDAR, STLR and without the "A": no offset. */
static struct decoded ordered(const struct source *source)
{
    struct decoded to = access_of(1u << field(source->word, 30, 2), !field(source->word, 22, 1), 0, rt(source->word));
    place(&to, source, INDEX_OFFSET, 0);
    return to;
}

static struct decoded ordered_load(const struct source *source)
{
    struct decoded to = access_of(1u << field(source->word, 30, 2), false, 0, rt(source->word));
    place(&to, source, INDEX_OFFSET, 0);
    return to;
}

/* LDAPUR, STLUR: as LDUR and STUR. */
static struct decoded ordered_imm9(const struct source *source)
{
    struct decoded to = single(source->word);
    if (to.kind != DECODE_ACCESS)
        return kind_of(DECODE_UNKNOWN);
    place(&to, source, INDEX_OFFSET, (uint64_t)signed_field(source->word, 12, 9));
    return to;
}

/* LDP, STP, LDNP, STNP, LDPSW: `opc` [31:30], indexing [24:23] (0: no-allocate hint), L [22], a signed offset of 7 bits times the size. */
static struct decoded pair(const struct source *source)
{
    uint32_t word = source->word;
    unsigned opc = field(word, 30, 2), indexing = field(word, 23, 2);
    bool load = field(word, 22, 1);
    if (opc == 1 && !load)
        return kind_of(indexing ? DECODE_TAG : DECODE_UNKNOWN); /* STGP */
    if (opc == 3 || (opc == 1 && !indexing))
        return kind_of(DECODE_UNKNOWN);
    struct decoded to = access_of(opc == 2 ? 8 : 4, !load, opc == 1 ? SIGN | SIGN_64 : 0, rt(word));
    to.count = 2;
    to.reg[1] = (uint8_t)field(word, 10, 5);
    place(&to, source, indexing ? (enum indexing)indexing : INDEX_OFFSET, (uint64_t)signed_field(word, 15, 7) * to.size);
    return to;
}

/* DC and IC: SYS with CRn = 7. DC GVA and GZVA write tags. */
static struct decoded cache_line(const struct source *source)
{
    unsigned op1 = field(source->word, 16, 3), crm = field(source->word, 8, 4), op2 = field(source->word, 5, 3);
    if (op1 != 3 || crm != 4)
        return kind_of(DECODE_NOTHING);
    return kind_of(op2 == 1 ? DECODE_ZERO : DECODE_TAG);
}

/* --- rows ------------------------------------------------------------------------------------------------------------- */

struct row {
    uint32_t mask, value;
    enum decode_kind kind; /* if there is no function */
    struct decoded (*decode)(const struct source *source);
};

static const struct row rows[] = {
    {0xfff8f000, 0xd5087000, DECODE_UNKNOWN, cache_line},
    {0xbe000000, 0x0c000000, DECODE_VECTOR, 0},              /* LD1 … ST4 */
    {0x3e000000, 0x2c000000, DECODE_VECTOR, 0},              /* pairs, V = 1 */
    {0x3e000000, 0x3c000000, DECODE_VECTOR, 0},              /* single registers, V = 1 */
    {0x3f000000, 0x1c000000, DECODE_VECTOR, 0},              /* literals, V = 1 */
    {0x3fa00000, 0x08800000, DECODE_UNKNOWN, ordered},       /* LDAR, STLR, LDLAR, STLLR */
    {0x3fa00000, 0x08a00000, DECODE_ATOMIC, 0},              /* CAS */
    {0xbfa00000, 0x08200000, DECODE_ATOMIC, 0},              /* CASP */
    {0x3f800000, 0x08000000, DECODE_EXCLUSIVE, 0},
    {0x3e000000, 0x28000000, DECODE_UNKNOWN, pair},
    {0x3f000000, 0x39000000, DECODE_UNKNOWN, single_imm12},
    {0x3f200000, 0x38000000, DECODE_UNKNOWN, single_imm9},
    {0x3f200c00, 0x38200800, DECODE_UNKNOWN, single_register},
    {0x3ffffc00, 0x38bfc000, DECODE_UNKNOWN, ordered_load},  /* LDAPR */
    {0xff20fc00, 0xf8209000, DECODE_TAG, 0},                 /* ST64B */
    {0xff20fc00, 0xf820d000, DECODE_TAG, 0},                 /* LD64B */
    {0x3f200c00, 0x38200000, DECODE_ATOMIC, 0},
    {0xff200400, 0xf8200400, DECODE_TAG, 0},                 /* LDRAA, LDRAB */
    {0x3f000000, 0x18000000, DECODE_UNKNOWN, literal},
    {0x3f200c00, 0x19000000, DECODE_UNKNOWN, ordered_imm9},
    {0xff200000, 0xd9200000, DECODE_TAG, 0},                 /* LDG, STG and their kind */
};

struct decoded decode(uint32_t instruction, const struct frame *regs, uint64_t sp)
{
    const struct source source = {instruction, regs, sp};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if ((instruction & rows[i].mask) == rows[i].value)
            return rows[i].decode ? rows[i].decode(&source) : kind_of(rows[i].kind);
    return kind_of(DECODE_UNKNOWN);
}
