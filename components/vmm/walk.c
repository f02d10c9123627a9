/* All granules, both halves, either byte order of tables. Not: 52-bit addresses (FEAT_LPA2), which no guest is offered room for. */
#include "walk.h"

#include "machine.h"

#include <string.h>

enum {
    SCTLR_M = 1 << 0,
    SCTLR_EE = 1 << 25, /* tables are big-endian */
    TCR_T1 = 16,        /* TTBR1's fields lie so many bits higher */
    TCR_EPD = 7,
    TSZ_BITS = 6,      /* TnSZ */
    UPPER_HALF = 55,    /* the bit that chooses between TTBR0 and TTBR1 */
    TSZ_MIN = 16,
    TSZ_MAX = 48,
    LAST_LEVEL = 3,
    ADDRESS_BITS = 48,
    ENTRY_VALID = 1,
    ENTRY_TABLE = 2, /* at level 3: a page */
    ENTRY_LOG2 = 3,  /* bytes */
};
static const uint64_t tcr_ds = UINT64_C(1) << 59;

/* One half's walk. */
struct regime {
    uint64_t table; /* guest-physical address */
    unsigned page_bits, input_bits;
    bool big_endian;
};

static uint64_t bits(uint64_t value, unsigned low, unsigned count)
{
    return value >> low & ((UINT64_C(1) << count) - 1);
}

/* TG0 and TG1 number the granules differently. */
static unsigned page_bits(uint64_t tcr, bool upper)
{
    static const uint8_t tg0[4] = {12, 16, 14, 0}, tg1[4] = {0, 14, 12, 16};
    return upper ? tg1[bits(tcr, 30, 2)] : tg0[bits(tcr, 14, 2)];
}

static bool regime_of(const struct vcpu_el1 *el1, bool upper, struct regime *regime)
{
    uint64_t tcr = el1->tcr >> (upper ? TCR_T1 : 0);
    unsigned size = (unsigned)bits(tcr, 0, TSZ_BITS);
    *regime = (struct regime){.table = bits(upper ? el1->ttbr1 : el1->ttbr0, 0, ADDRESS_BITS) & ~UINT64_C(1),
                              .page_bits = page_bits(el1->tcr, upper), .input_bits = 64 - size, .big_endian = el1->sctlr & SCTLR_EE};
    return regime->page_bits && size >= TSZ_MIN && size <= TSZ_MAX && !bits(tcr, TCR_EPD, 1) && !(el1->tcr & tcr_ds) &&
           regime->input_bits > regime->page_bits;
}

static bool entry_read(const struct regime *regime, uint64_t table, uint64_t index, uint64_t *entry)
{
    const void *at = ram_at(table + (index << ENTRY_LOG2), sizeof *entry);
    if (!at)
        return false;
    memcpy(entry, at, sizeof *entry);
    if (regime->big_endian)
        *entry = __builtin_bswap64(*entry);
    return *entry & ENTRY_VALID;
}

/* How many low bits of an address an entry at `level` leaves to those below. */
static unsigned level_shift(const struct regime *regime, unsigned level)
{
    return regime->page_bits + (LAST_LEVEL - level) * (regime->page_bits - ENTRY_LOG2);
}

static unsigned level_first(const struct regime *regime)
{
    unsigned per_level = regime->page_bits - ENTRY_LOG2;
    return LAST_LEVEL + 1 - (regime->input_bits - regime->page_bits + per_level - 1) / per_level;
}

/* Blocks: 1 GiB and 2 MiB, 32 MiB, 512 MiB. */
static bool block_allowed(const struct regime *regime, unsigned level)
{
    return level == 2 || (level == 1 && regime->page_bits == 12);
}

static bool walk(const struct regime *regime, uint64_t va, uint64_t *ipa)
{
    uint64_t input = bits(va, 0, regime->input_bits), entry = 0;
    unsigned level = level_first(regime), top = regime->input_bits;
    uint64_t first = UINT64_C(1) << (top - level_shift(regime, level) + ENTRY_LOG2); /* bytes of the first table */
    uint64_t table = regime->table & ~(first - 1);
    for (;; level++) {
        unsigned shift = level_shift(regime, level);
        if (!entry_read(regime, table, bits(input, shift, top - shift), &entry))
            return false;
        bool table_bit = entry & ENTRY_TABLE;
        if (level == LAST_LEVEL ? !table_bit : !table_bit && !block_allowed(regime, level))
            return false;
        uint64_t output = entry & ~(~UINT64_C(0) << ADDRESS_BITS);
        if (level == LAST_LEVEL || !table_bit) {
            *ipa = (output >> shift << shift) | bits(input, 0, shift);
            return true;
        }
        table = output >> regime->page_bits << regime->page_bits;
        top = shift;
    }
}

/* Bits above the input size have to agree with bit 55; a tag in the top byte is nobody's concern here. */
static bool canonical(const struct regime *regime, uint64_t va, bool upper)
{
    unsigned count = UPPER_HALF + 1 - regime->input_bits;
    return bits(va, regime->input_bits, count) == (upper ? (UINT64_C(1) << count) - 1 : 0);
}

bool walk_translate(const struct vcpu_el1 *el1, uint64_t va, uint64_t *ipa)
{
    bool upper = bits(va, UPPER_HALF, 1);
    struct regime regime;
    if (!(el1->sctlr & SCTLR_M)) {
        *ipa = va;
        return true;
    }
    return regime_of(el1, upper, &regime) && canonical(&regime, va, upper) && walk(&regime, va, ipa);
}
