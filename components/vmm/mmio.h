/*
 * The guest's emulated device registers: a sorted registry of ranges of guest-physical addresses. Filled at start by the main thread,
 * constant while guests run, so a look-up takes no lock.
 */
#ifndef VMM_MMIO_H
#define VMM_MMIO_H

#include <bulkhead/vcpu.h>
#include <stdbool.h>
#include <stdint.h>

/* A device model's registers. `vcpu` is who accesses; `offset` lies within the range and is a multiple of size, which is 1, 2, 4 or 8. */
struct mmio_range {
    uint64_t base;
    uint64_t size;
    uint64_t (*read)(unsigned vcpu, uint64_t offset, unsigned size);
    void (*write)(unsigned vcpu, uint64_t offset, unsigned size, uint64_t value);
    const char *name;
};

/* Ranges begin and end at multiples of MMIO_ALIGN, so that an aligned access which begins in one ends in it. */
enum { MMIO_RANGES = 8, MMIO_ALIGN = 8 };

/** Adds a range. False if it overlaps one that is there, or the registry is full, or it is not aligned. */
bool mmio_register(const struct mmio_range *range);

/** Addresses that passed-through devices own: a range that overlaps them is refused by mmio_register. */
bool mmio_exclude(uint64_t base, uint64_t size);

/** The range that holds `address`, or NULL. */
const struct mmio_range *mmio_find(uint64_t address);

/**
 * Carries out the access in `state->exit.mmio` and steps over the instruction. `*last` is the range that this vCPU used last, looked at first.
 * False if nothing is there, the access is not aligned, or the processor did not say what it was (size 0): access.h.
 */
bool mmio_carry_out(struct vcpu_state *state, unsigned vcpu, const struct mmio_range **last);

/** What a load of `size` bytes puts into its register: `sign` as in struct vcpu_mmio. */
uint64_t mmio_extend(uint64_t value, unsigned size, unsigned sign);

#endif
