/* Registry and dispatch. At most eight ranges, and the last one hit is tried first: a linear search is the shortest. */
#include "mmio.h"

#include <stddef.h>

struct area {
    uint64_t base, size;
};

enum { EXCLUDED = 16 };

static struct mmio_range ranges[MMIO_RANGES];
static unsigned range_count;
static struct area excluded[EXCLUDED];
static unsigned excluded_count;

static bool overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a < b + b_size && b < a + a_size;
}

static bool range_is_free(const struct mmio_range *range)
{
    for (unsigned i = 0; i < excluded_count; i++)
        if (overlaps(range->base, range->size, excluded[i].base, excluded[i].size))
            return false;
    for (unsigned i = 0; i < range_count; i++)
        if (overlaps(range->base, range->size, ranges[i].base, ranges[i].size))
            return false;
    return true;
}

bool mmio_register(const struct mmio_range *range)
{
    unsigned at = range_count;
    if (range_count == MMIO_RANGES || (range->base | range->size) % MMIO_ALIGN || !range_is_free(range))
        return false;
    for (; at && ranges[at - 1].base > range->base; at--)
        ranges[at] = ranges[at - 1];
    ranges[at] = *range;
    range_count++;
    return true;
}

bool mmio_exclude(uint64_t base, uint64_t size)
{
    if (excluded_count == EXCLUDED)
        return false;
    excluded[excluded_count++] = (struct area){base, size};
    return true;
}

const struct mmio_range *mmio_find(uint64_t address)
{
    for (unsigned i = 0; i < range_count && ranges[i].base <= address; i++)
        if (address - ranges[i].base < ranges[i].size)
            return &ranges[i];
    return NULL;
}

uint64_t mmio_extend(uint64_t value, unsigned size, unsigned sign)
{
    unsigned unused = 64 - 8 * size;
    if (!(sign & 1))
        return value << unused >> unused;
    uint64_t extended = (uint64_t)((int64_t)(value << unused) >> unused);
    return sign & 2 ? extended : (uint32_t)extended;
}

enum { PSTATE_SS = 1 << 21 };

/*
 * ESR_EL2.IL, bit 25: an instruction of 4 bytes, otherwise (T32) of 2. A guest that steps takes its exception after it (Arm ARM D2.12).
 */
static void step_over(struct vcpu_state *state)
{
    state->regs.pc += 2 + (state->exit.syndrome >> 24 & 2);
    state->regs.pstate &= ~(uint64_t)PSTATE_SS;
}

bool mmio_carry_out(struct vcpu_state *state, unsigned vcpu, const struct mmio_range **last)
{
    const struct vcpu_mmio *access = &state->exit.mmio;
    const struct mmio_range *range = *last;
    unsigned size = access->size;
    if (!range || access->address - range->base >= range->size) {
        range = mmio_find(access->address);
        if (!range)
            return false;
        *last = range;
    }
    uint64_t offset = access->address - range->base;
    if (!size || offset & (size - 1))
        return false;
    if (access->write)
        range->write(vcpu, offset, size, vcpu_mmio_stored(state));
    else if (access->reg < 31)
        state->regs.x[access->reg] = mmio_extend(range->read(vcpu, offset, size), size, access->sign);
    else
        range->read(vcpu, offset, size); /* a load into the zero register may still pop a FIFO */
    step_over(state);
    return true;
}
