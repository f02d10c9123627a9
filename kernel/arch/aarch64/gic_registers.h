/*
 * The distributor's register banks, which GICv2's distributor, GICv3's and (for private interrupts) the redistributor's SGI frame have in
 * common: `bank` is the address of any of them.
 */
#ifndef AARCH64_GIC_REGISTERS_H
#define AARCH64_GIC_REGISTERS_H

#include "arch.h"
#include "mmio.h"

enum {
    GICD_CTLR = 0x000,
    GICD_TYPER = 0x004,
    GICD_IIDR = 0x008,
    GICD_IGROUPR = 0x080,
    GICD_ISENABLER = 0x100,
    GICD_ICENABLER = 0x180,
    GICD_ICPENDR = 0x280,
    GICD_ISACTIVER = 0x300,
    GICD_ICACTIVER = 0x380,
    GICD_IPRIORITYR = 0x400,
    GICD_ICFGR = 0xc00,
};

enum {
    GIC_PRIORITY_ALL = 0xa0a0a0a0, /* all the same: the kernel takes them one by one */
    GIC_PRIORITY_TIME = 0x90, /* but the kernel's timer: no flood of the others keeps it from deadlines */
    GIC_PRIORITY_MASK = 0xf0,
};

/* Writes the interrupt's bit to a register where zeros mean nothing. */
static inline void gicd_bit_write(uintptr_t bank, unsigned reg, unsigned intid)
{
    mmio_write32(bank + reg + intid / 32 * 4, UINT32_C(1) << intid % 32);
}

/* All of the 32 lines from `first`: off, inactive, of the one priority; `groups`: a bit for each. */
static inline void gicd_reset32(uintptr_t bank, unsigned first, uint32_t groups)
{
    mmio_write32(bank + GICD_ICENABLER + first / 8, UINT32_MAX);
    mmio_write32(bank + GICD_ICPENDR + first / 8, UINT32_MAX);
    mmio_write32(bank + GICD_ICACTIVER + first / 8, UINT32_MAX);
    for (unsigned i = 0; i < 32; i += 4)
        mmio_write32(bank + GICD_IPRIORITYR + first + i, GIC_PRIORITY_ALL);
    mmio_write32(bank + GICD_IGROUPR + first / 8, groups);
}

/* Waits until a change of enables has taken effect everywhere. `bit`: RWP, 31 in GICD_CTLR, 3 in GICR_CTLR; GICv2 has none and reads as zero. */
static inline void gicd_settle(uintptr_t control, unsigned bit)
{
    while (mmio_read32(control) >> bit & 1)
        arch_relax();
}

enum { GICD_RWP = 31, GICR_RWP = 3 };

/* Finds and resets the distributor: all shared interrupts off and of `groups`, then `control` in GICD_CTLR. */
void gicd_init(uint64_t size, uint32_t groups, uint32_t control);

#endif
