/*
 * The guest's emulated device registers: a registry of ranges of guest-physical addresses. Filled at start by the main thread,
 * constant while guests run, so a look-up takes no lock. Every access of a guest to a device goes through mmio_access, which therefore is inline.
 */
#ifndef VMM_MMIO_H
#define VMM_MMIO_H

#include <bulkhead/vcpu.h>
#include <stdbool.h>
#include <stdint.h>

/* A device model's registers. `vcpu` is who accesses; `offset` lies within the range and is a multiple of size, which is 1, 2, 4 or 8. */
struct mmio_range {
    _Alignas(64) uint64_t base; /* a power of two as its size: found by a shift */
    uint64_t size;
    uint64_t (*read)(unsigned vcpu, uint64_t offset, unsigned size);
    void (*write)(unsigned vcpu, uint64_t offset, unsigned size, uint64_t value);
    const char *name;
};

/* Ranges begin and end at multiples of MMIO_ALIGN, so that an aligned access which begins in one ends in it. */
enum { MMIO_RANGES = 12, MMIO_ALIGN = 8 };

/** Adds a range. False if it overlaps one that is there, or the registry is full, or it is not aligned. */
bool mmio_register(const struct mmio_range *range);

/** Addresses that passed-through devices own: a range that overlaps them is refused by mmio_register. */
bool mmio_exclude(uint64_t base, uint64_t size);

/** The range that holds `address`, or NULL. */
const struct mmio_range *mmio_find(uint64_t address);

/* Which range lies in each granule of the addresses where devices are. Beyond them, and where several share one, mmio_find looks. */
enum {
    MMIO_GRANULE_SHIFT = 16,
    MMIO_GRANULES = 1 << (28 - MMIO_GRANULE_SHIFT),
    MMIO_NONE = 0,
    MMIO_SEVERAL = MMIO_RANGES + 1,
};

struct mmio_map {
    struct mmio_range ranges[MMIO_RANGES + 2]; /* the first and the last one are empty: MMIO_NONE, MMIO_SEVERAL */
    uint8_t granules[MMIO_GRANULES];           /* index of a range */
};
extern struct mmio_map mmio_map;

/** What a load of `size` bytes puts into its register: `sign` as in struct vcpu_mmio. */
static inline uint64_t mmio_extend(uint64_t value, unsigned size, unsigned sign)
{
    unsigned unused = 64 - 8 * size;
    if (!(sign & 1))
        return value << unused >> unused;
    uint64_t extended = (uint64_t)((int64_t)(value << unused) >> unused);
    return sign & 2 ? extended : (uint32_t)extended;
}

/**
 * Carries out the access in `state->exit.mmio`, but does not step over the instruction. False if nothing is there, the access is not aligned, or
 * the processor did not say what it was (size 0): access.h.
 */
static inline __attribute__((always_inline)) bool mmio_access(struct vcpu_state *state, unsigned vcpu)
{
    const struct vcpu_mmio *access = &state->exit.mmio;
    uint64_t address = access->address, granule = address >> MMIO_GRANULE_SHIFT;
    const struct mmio_range *range = &mmio_map.ranges[granule < MMIO_GRANULES ? mmio_map.granules[granule] : MMIO_SEVERAL];
    if (__builtin_expect(address - range->base >= range->size, 0)) {
        range = mmio_find(address);
        if (!range)
            return false;
    }
    uint64_t offset = address - range->base;
    unsigned size = access->size;
    if (__builtin_expect(!size || offset & (size - 1), 0))
        return false;
    if (access->write) {
        range->write(vcpu, offset, size, vcpu_mmio_stored(state));
        return true;
    }
    uint64_t value = range->read(vcpu, offset, size); /* into the zero register, too: it may pop a FIFO */
    if (access->reg < 31)
        state->regs.x[access->reg] = size == 4 && !access->sign ? (uint32_t)value : mmio_extend(value, size, access->sign);
    return true;
}

/** Steps over an instruction of four bytes that was carried out. A guest that steps takes its exception behind it (Arm ARM D2.12). */
static inline void mmio_step(struct vcpu_state *state)
{
    enum { BYTES = 4, SINGLE_STEP = 1 << 21 /* PSTATE.SS */ };
    state->regs.pc += BYTES;
    state->regs.pstate &= ~(uint64_t)SINGLE_STEP;
}

#endif
