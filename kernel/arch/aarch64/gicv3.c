/* GICv3 (IHI 0069) with affinity routing: CPU interface in system registers, a redistributor per CPU. All interrupts are in group 1. */
#include "board.h"
#include "gic_registers.h"
#include "log.h"
#include "mmu.h"

enum { GICD_IROUTER = 0x6000, GICD_SIZE = 0x8000 };
enum { CTLR_GROUP1A = 1 << 1, CTLR_ARE = 1 << 4 };
enum { GICR_CTLR = 0x00, GICR_TYPER = 0x08, GICR_WAKER = 0x14 };
enum { TYPER_VLPIS = 1 << 1, TYPER_LAST = 1 << 4, WAKER_SLEEP = 1 << 1, WAKER_ASLEEP = 1 << 2 };
enum { FRAME = 0x10000 }; /* a redistributor: RD frame, SGI frame, with TYPER_VLPIS two more */
enum { SRE_ENABLE = 7 }; /* system registers, no bypass; a guest's access to ICC_SRE_EL1 traps (sysreg.c) */
enum { ICC_CTLR_EOIMODE = 1 << 1 };

static unsigned apr_count;
static uint64_t sgi_target[CPUS_MAX]; /* ICC_SGI1R_EL1 without the interrupt's number */

/* --- initialisation ------------------------------------------------------------------------------------------------------ */

/* If the redistributor belongs to one of our CPUs, remembers and maps its two frames. */
static void redistributor_claim(uintptr_t frame, uint64_t typer)
{
    uint64_t affinity = typer >> 32; /* the four levels packed, unlike in MPIDR */
    for (unsigned i = 0; i < platform.cpus; i++) {
        uint64_t packed = (board.mpidr[i] & 0xffffff) | (board.mpidr[i] >> MPIDR_AFF3 & 0xff) << 24;
        if (packed == affinity)
            gic.banks[i] = mmu_map_device(paddr(frame + FRAME), PAGE_SIZE);
    }
}

static void redistributors_scan(struct range region)
{
    for (uint64_t at = region.base.raw; at + 2 * FRAME <= region.base.raw + region.size;) {
        uintptr_t frame = mmu_map_device(paddr(at), PAGE_SIZE);
        uint64_t typer = mmio_read64(frame + GICR_TYPER);
        redistributor_claim(frame, typer);
        if (typer & TYPER_LAST)
            return;
        at += board.redistributor_stride ? board.redistributor_stride : (typer & TYPER_VLPIS) ? 4 * FRAME : 2 * FRAME;
    }
}

static void redistributors_find(void)
{
    for (unsigned i = 0; i < board.redistributor_count; i++)
        redistributors_scan(board.redistributors[i]);
    for (unsigned i = 0; i < platform.cpus; i++) {
        if (!gic.banks[i])
            panic("device tree: no GICv3 redistributor for the CPU with reg %lx", board.mpidr[i]);
    }
}

SMALL static void init(void)
{
    redistributors_find();
    for (unsigned i = 0; i < platform.cpus; i++) {
        uint64_t mpidr = board.mpidr[i], aff0 = mpidr & 0xff;
        sgi_target[i] = (mpidr >> MPIDR_AFF3 & 0xff) << 48 | (aff0 >> 4) << 44 | (mpidr >> MPIDR_AFF2 & 0xff) << 32 |
                        (mpidr >> MPIDR_AFF1 & 0xff) << 16 | UINT64_C(1) << (aff0 & 15);
    }
    gicd_init(GICD_SIZE, UINT32_MAX, CTLR_ARE | CTLR_GROUP1A);
}

static void redistributor_init(uintptr_t bank)
{
    uintptr_t frame = bank - FRAME;
    mmio_write32(frame + GICR_WAKER, mmio_read32(frame + GICR_WAKER) & ~(uint32_t)WAKER_SLEEP);
    while (mmio_read32(frame + GICR_WAKER) & WAKER_ASLEEP)
        arch_relax();
    gicd_reset32(bank, 0, UINT32_MAX);
    gicd_settle(frame + GICR_CTLR, GICR_RWP);
}

SMALL static void cpu_init(unsigned cpu)
{
    redistributor_init(gic.banks[cpu]);
    write_sysreg(SRE_ENABLE, icc_sre_el2);
    isb();
    write_sysreg(read_sysreg(icc_sre_el1) | 1, icc_sre_el1);
    isb();
    uint64_t vtr = read_sysreg(ich_vtr_el2);
    gic.links = true;
    gic.lr_count = (unsigned)(vtr & 0x1f) + 1;
    apr_count = 1u << ((vtr >> 26 & 7) - 4); /* PREbits 5, 6, 7 */
    gic.wide = apr_count > 1;
    write_sysreg(GIC_PRIORITY_MASK, icc_pmr_el1);
    write_sysreg(0, icc_bpr1_el1);
    write_sysreg(ICC_CTLR_EOIMODE, icc_ctlr_el1);
    write_sysreg(1, icc_igrpen1_el1);
    isb();
}

/* --- physical interrupts -------------------------------------------------------------------------------------------------- */

static void route(unsigned intid, unsigned cpu)
{
    mmio_write64(gic.distributor + GICD_IROUTER + 8 * (uintptr_t)intid, board.mpidr[cpu]);
}

static void send(unsigned cpu, unsigned sgi)
{
    dsb(ishst); /* what was stored before is visible there */
    write_sysreg(sgi_target[cpu] | (uint64_t)sgi << 24, icc_sgi1r_el1);
    isb();
}

/* --- virtual interface ------------------------------------------------------------------------------------------------- */

/* List registers by number (IHI 0069, ICH_LR<n>_EL2). */
#define EACH_LR(do) do(0) do(1) do(2) do(3) do(4) do(5) do(6) do(7) do(8) do(9) do(10) do(11) do(12) do(13) do(14) do(15)
#define LR_READ(n) \
    case n:        \
        return read_sysreg(ich_lr##n##_el2);
#define LR_WRITE(n)                        \
    case n:                                \
        write_sysreg(raw, ich_lr##n##_el2); \
        break;

static uint64_t lr_read(unsigned n)
{
    switch (n) {
        EACH_LR(LR_READ)
    default:
        return 0;
    }
}

static void lr_write(unsigned n, uint64_t raw)
{
    switch (n) {
        EACH_LR(LR_WRITE)
    default:
        break;
    }
}

/* Registers 1 to 3 of a group exist only with more than five bits of preemption levels, 2 and 3 with seven. */
#define APR_1(do) do(0, 0, ich_ap0r1_el2) do(1, 0, ich_ap1r1_el2)
#define APR_2_AND_3(do) do(0, 1, ich_ap0r2_el2) do(1, 1, ich_ap1r2_el2) do(0, 2, ich_ap0r3_el2) do(1, 2, ich_ap1r3_el2)
#define APR_SAVE(group, n, name) rest->apr[group][n] = (uint32_t)read_sysreg(name);
#define APR_LOAD(group, n, name) write_sysreg(rest->apr[group][n], name);

static void interface_save(struct gic_interface *interface, struct gic_interface_rest *rest)
{
    (void)interface;
    APR_1(APR_SAVE)
    if (apr_count < 4)
        return;
    APR_2_AND_3(APR_SAVE)
}

static void interface_load(const struct gic_interface *interface, const struct gic_interface_rest *rest)
{
    (void)interface;
    APR_1(APR_LOAD)
    if (apr_count < 4)
        return;
    APR_2_AND_3(APR_LOAD)
}

const struct gic_ops gicv3_ops = {
    .lr = {.priority = 51, .state = 62, .physical = 32, .group1 = UINT64_C(1) << 60, .hardware = UINT64_C(1) << 61, .eoi_irq = UINT64_C(1) << 41},
    .init = init,
    .cpu_init = cpu_init,
    .route = route,
    .send = send,
    .lr_read = lr_read,
    .lr_write = lr_write,
    .interface_save = interface_save,
    .interface_load = interface_load,
};
