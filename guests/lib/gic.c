/*
 * GICv2 (IHI 0048) and GICv3 (IHI 0069) for SGI 0, the virtual timer's PPI and shared interrupts of one CPU. All in whichever
 * group makes them IRQs: group 0 with GICv2, group 1 with GICv3.
 */
#include "guest.h"

enum {
    GICR_TYPER = 0x0008,
    GICR_WAKER = 0x0014,
    GICR_SGI_BASE = 0x10000, /* second 64 KiB frame: SGIs and PPIs, registers at the distributor's offsets */
    GICD_IGROUPR = 0x0080,
    GICD_IPRIORITYR = 0x0400,
    GICD_ITARGETSR = 0x0800,
    GICD_ICFGR = 0x0c00,
    GICD_SGIR = 0x0f00,
    GICD_IROUTER = 0x6000,
    GICC_CTLR = 0x00,
    GICC_PMR = 0x04,
    GICC_IAR = 0x0c,
    GICC_EOIR = 0x10,
};

/* GICv3 CPU interface, by encoding so that every assembler knows them. */
#define ICC_SRE_EL1 S3_0_C12_C12_5
#define ICC_PMR_EL1 S3_0_C4_C6_0
#define ICC_IGRPEN1_EL1 S3_0_C12_C12_7
#define ICC_IAR1_EL1 S3_0_C12_C12_0
#define ICC_EOIR1_EL1 S3_0_C12_C12_1
#define ICC_SGI1R_EL1 S3_0_C12_C11_5
/* One more level of expansion than read_sysreg() alone gives. */
#define read_named(reg) read_sysreg(reg)
#define write_named(reg, value) write_sysreg(reg, value)

static const uint32_t both_interrupts = 1u << SGI | 1u << VTIMER_PPI;

void gic_init(void)
{
    if (machine.gic_version == 2) {
        mmio_write(machine.gicd + GICD_CTLR, 1);
        return;
    }
    mmio_write(machine.gicd + GICD_CTLR, 0x10); /* affinity routing first, then the groups */
    mmio_write(machine.gicd + GICD_CTLR, 0x13);
}

/* The calling CPU's redistributor: the frame whose TYPER bears its affinity. */
static uintptr_t redistributor(void)
{
    uint64_t mpidr = read_sysreg(mpidr_el1);
    uint32_t affinity = (uint32_t)((mpidr >> 8 & 0xff000000) | (mpidr & 0xffffff));
    uintptr_t frame = machine.gic_cpu;
    for (;;) {
        uint32_t typer = mmio_read(frame + GICR_TYPER);
        if (mmio_read(frame + GICR_TYPER + 4) == affinity || typer & 0x10) /* Last */
            return frame;
        frame += typer & 2 ? 0x40000 : 0x20000; /* VLPIS: four pages per CPU instead of two */
    }
}

/* Priority and enable, the same in GICv2's distributor and in GICv3's SGI frame. */
static void enable_interrupts(uintptr_t frame)
{
    for (unsigned i = 0; i < 32; i += 4)
        mmio_write(frame + GICD_IPRIORITYR + i, 0x80808080);
    mmio_write(frame + GICD_ISENABLER, both_interrupts);
}

void gic_cpu_init(void)
{
    if (machine.gic_version == 2) {
        enable_interrupts(machine.gicd);
        mmio_write(machine.gic_cpu + GICC_PMR, 0xf0);
        mmio_write(machine.gic_cpu + GICC_CTLR, 1);
        return;
    }
    uintptr_t frame = redistributor();
    mmio_write(frame + GICR_WAKER, 0);
    while (mmio_read(frame + GICR_WAKER) & 4) /* ChildrenAsleep */
        __asm__ volatile("yield");
    mmio_write(frame + GICR_SGI_BASE + GICD_IGROUPR, ~0u);
    enable_interrupts(frame + GICR_SGI_BASE);
    write_named(ICC_SRE_EL1, 7);
    isb();
    write_named(ICC_PMR_EL1, 0xf0);
    write_named(ICC_IGRPEN1_EL1, 1);
    isb();
}

/* GICv2: one byte of GICD_ITARGETSR, by the calling CPU's own bit. GICv3: affinity routing. */
static void route_here(unsigned intid)
{
    if (machine.gic_version == 2) {
        uintptr_t word = machine.gicd + GICD_ITARGETSR + (intid & ~3u);
        unsigned shift = intid % 4 * 8;
        uint32_t own = mmio_read(machine.gicd + GICD_ITARGETSR) & 0xff; /* banked; 0 on a uniprocessor (IHI 0048 §4.3.12) */
        mmio_write(word, (mmio_read(word) & ~(0xffu << shift)) | own << shift);
        return;
    }
    uint64_t mpidr = read_sysreg(mpidr_el1);
    mmio_write(machine.gicd + GICD_IGROUPR + intid / 32 * 4, ~0u);
    mmio_write(machine.gicd + GICD_IROUTER + intid * 8, mpidr & 0xffffff);
    mmio_write(machine.gicd + GICD_IROUTER + intid * 8 + 4, mpidr >> 32 & 0xff);
}

void gic_enable_shared(unsigned intid, bool edge)
{
    uintptr_t priorities = machine.gicd + GICD_IPRIORITYR + (intid & ~3u), triggers = machine.gicd + GICD_ICFGR + intid / 16 * 4;
    uint32_t trigger = 2u << intid % 16 * 2;
    mmio_write(priorities, 0x80808080);
    mmio_write(triggers, edge ? mmio_read(triggers) | trigger : mmio_read(triggers) & ~trigger);
    route_here(intid);
    mmio_write(machine.gicd + GICD_ISENABLER + intid / 32 * 4, 1u << intid % 32);
}

uint32_t gic_ack(void)
{
    if (machine.gic_version == 2)
        return mmio_read(machine.gic_cpu + GICC_IAR) & 0x3ff;
    return (uint32_t)read_named(ICC_IAR1_EL1);
}

void gic_eoi(uint32_t intid)
{
    if (machine.gic_version == 2) {
        mmio_write(machine.gic_cpu + GICC_EOIR, intid);
        return;
    }
    write_named(ICC_EOIR1_EL1, intid);
    isb();
}

uint64_t gic_sgi_self(void)
{
    if (machine.gic_version == 2) {
        /* The mask of a banked SGI's target is the reading CPU's own; a uniprocessor may answer 0 (IHI 0048 §4.3.12): "this one". */
        uint32_t own = mmio_read(machine.gicd + GICD_ITARGETSR) & 0xff;
        return (own ? own << 16 : 2u << 24) | SGI;
    }
    uint64_t mpidr = read_sysreg(mpidr_el1);
    return (mpidr >> 32 & 0xff) << 48 | (mpidr >> 16 & 0xff) << 32 | (uint64_t)SGI << 24 | (mpidr >> 8 & 0xff) << 16 |
           1u << (mpidr & 0xf);
}

void gic_sgi(uint64_t target)
{
    if (machine.gic_version == 2) {
        mmio_write(machine.gicd + GICD_SGIR, (uint32_t)target);
        return;
    }
    write_named(ICC_SGI1R_EL1, target);
    isb();
}
