/*
 * The physical interrupt controller and its virtual CPU interface, GICv2 (IHI 0048) or GICv3 (IHI 0069). What happens on
 * every interrupt or world switch is inline; the rest goes through the table of the version that was found at boot.
 */
#ifndef AARCH64_GIC_H
#define AARCH64_GIC_H

#include "mmio.h"
#include "sysreg.h"
#include "types.h"
#include <stdbool.h>
#include <stdint.h>

/* A function in a file compiled for speed whose own size counts more: start, end, errors. */
#ifdef __clang__
#define SMALL __attribute__((minsize, noinline))
#else
#define SMALL __attribute__((cold))
#endif

enum {
    GIC_LRS_MAX = 16,   /* GICv2 allows 64; no implementation has more than 16 */
    GIC_SPI_FIRST = 32, /* below: SGIs and PPIs, private to each CPU */
    GIC_INTID_END = 1020,
};

/* Where a version's list registers have what (IHI 0048 5.3.12; IHI 0069 ICH_LR<n>_EL2). The guest's interrupt number is in the lowest bits. */
enum { LR_PENDING = 1, LR_ACTIVE = 2 };
struct lr_layout {
    uint8_t priority, state, physical, source; /* first bit of each field; the priority's upper five bits count. source: 0, none */
    uint64_t group1, hardware, eoi_irq;        /* the bits; eoi_irq: maintenance interrupt when the guest ends it, not with `hardware` */
};

/* Of the virtual CPU interface, what belongs to a vCPU besides its list registers. */
struct gic_interface {
    uint32_t vmcr;
    uint32_t apr[2]; /* active priorities by group; GICv2: the first one only */
};
struct gic_interface_rest { /* GICv3, `wide` */
    uint32_t apr[2][3];
};

/* GICH_HCR and ICH_HCR_EL2 */
enum {
    GIC_HCR_ENABLE = 1 << 0,
    GIC_HCR_NO_PENDING = 1 << 3, /* … when none is pending */
};

struct gic_ops {
    struct lr_layout lr;
    /* Finds and resets the distributor, all shared interrupts off; then, on each CPU, what is banked, but not the virtual interface's registers. */
    void (*init)(void);
    void (*cpu_init)(unsigned cpu);
    void (*route)(unsigned intid, unsigned cpu); /* a shared interrupt */
    void (*send)(unsigned cpu, unsigned sgi);
    uint64_t (*lr_read)(unsigned n);
    void (*lr_write)(unsigned n, uint64_t raw);
    /* GICv2: all of it; GICv3, `wide`: the rest. */
    void (*interface_save)(struct gic_interface *interface, struct gic_interface_rest *rest);
    void (*interface_load)(const struct gic_interface *interface, const struct gic_interface_rest *rest);
};

struct gic {
    const struct gic_ops *ops;
    unsigned version; /* 2 or 3 */
    unsigned lr_count;
    /*
     * A guest's end of interrupt deactivates the linked physical one, and if that is asserted still, it comes again. QEMU's GICv2 only
     * does the first: there the guest's end is reported instead, and the kernel deactivates.
     */
    bool links;
    bool wide; /* GICv3: more than five bits of preemption levels, so there are more active priorities registers than one per group */
    unsigned intids; /* end of the shared interrupts */
    uintptr_t distributor;
    uintptr_t cpu;     /* GICv2: CPU interface */
    uintptr_t virtual; /* GICv2: virtual interface control; 0: GICv3 */
    uintptr_t banks[CPUS_MAX]; /* where each CPU's private interrupts have their registers (gic_registers.h) */
};
extern struct gic gic;
extern const struct gic_ops gicv2_ops, gicv3_ops;

/* Of this CPU's private interrupt, or a shared one. */
void gic_set_active(unsigned intid, bool active);

enum { GICC_IAR = 0x00c, GICC_EOIR = 0x010, GICC_DIR = 0x1000 };
enum { GICH_HCR = 0x000, GICH_EISR0 = 0x020, GICH_ELRSR0 = 0x030, GICH_LR = 0x100 };

/* Acknowledges: what it returns is for gic_drop() and gic_deactivate(); its number by gic_intid(). */
static inline uint32_t gic_acknowledge(void)
{
    return gic.virtual ? mmio_read32(gic.cpu + GICC_IAR) : (uint32_t)read_sysreg(icc_iar1_el1);
}

/* 1020 and above: there was none. */
static inline unsigned gic_intid(uint32_t acknowledged)
{
    return gic.virtual ? acknowledged & 0x3ff : acknowledged;
}

/* Lets other interrupts in; this one stays active. An exception return or isb() synchronises it. */
static inline void gic_drop(uint32_t acknowledged)
{
    if (gic.virtual)
        mmio_write32(gic.cpu + GICC_EOIR, acknowledged);
    else
        write_sysreg(acknowledged, icc_eoir1_el1);
}

static inline void gic_deactivate(uint32_t acknowledged)
{
    if (gic.virtual)
        mmio_write32(gic.cpu + GICC_DIR, acknowledged);
    else
        write_sysreg(acknowledged, icc_dir_el1);
}

/* --- virtual CPU interface of this CPU ------------------------------------------------------------------------------- */

static inline uint32_t gic_hcr_read(void)
{
    return gic.virtual ? mmio_read32(gic.virtual + GICH_HCR) : (uint32_t)read_sysreg(ich_hcr_el2);
}

static inline void gic_hcr_write(uint32_t value)
{
    if (gic.virtual)
        mmio_write32(gic.virtual + GICH_HCR, value);
    else
        write_sysreg(value, ich_hcr_el2);
}

/* Is the virtual CPU interface no more than a GICv3's that hardly any processor has more of? */
static inline bool gic_is_plain(void)
{
    return !gic.virtual && !gic.wide;
}

/* Bit n: list register n was ended by the guest, with `eoi_irq` set. */
static inline uint32_t gic_eisr(void)
{
    return gic.virtual ? mmio_read32(gic.virtual + GICH_EISR0) : (uint32_t)read_sysreg(ich_eisr_el2);
}

/* Bit n: list register n is free: neither pending nor active, and no unserved `eoi_irq`. */
static inline uint32_t gic_elrsr(void)
{
    return gic.virtual ? mmio_read32(gic.virtual + GICH_ELRSR0) : (uint32_t)read_sysreg(ich_elrsr_el2);
}

/* LR_PENDING | LR_ACTIVE of an encoded list register, and the same with another state. */
static inline unsigned gic_lr_state(uint64_t raw)
{
    return (unsigned)(raw >> gic.ops->lr.state) & 3;
}

static inline uint64_t gic_lr_with_state(uint64_t raw, unsigned state)
{
    unsigned shift = gic.ops->lr.state;
    return (raw & ~(UINT64_C(3) << shift)) | (uint64_t)state << shift;
}

#endif
