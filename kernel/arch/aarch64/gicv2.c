/* GICv2 with virtualization extensions (IHI 0048): everything is memory-mapped. */
#include "board.h"
#include "gic_registers.h"
#include "log.h"
#include "mmu.h"

enum { GICD_ITARGETSR = 0x800, GICD_SGIR = 0xf00 };
enum { GICC_CTLR = 0x000, GICC_PMR = 0x004, GICC_BPR = 0x008, GICC_IIDR = 0x0fc };
enum { GICH_VTR = 0x004, GICH_VMCR = 0x008, GICH_APR = 0x0f0 };
enum { CTLR_ENABLE = 1 << 0, CTLR_EOIMODE = 1 << 9 /* end of interrupt is priority drop only */ };

enum { GICC_SIZE = 0x2000, GICC_ALIASED = 0x20000, GICC_LAST_ALIAS = 0xf000 };

static uint8_t interface_mask[CPUS_MAX]; /* the CPU in GICD_ITARGETSR and GICD_SGIR */

/*
 * Boards for 64 KiB pages repeat each page of the CPU interface sixteen times. The last repetition of the first page is next to
 * the first one of the second page: there the registers look as usual.
 */
static bool is_aliased(paddr_t base, uint64_t size)
{
    if (size < GICC_ALIASED)
        return false;
    uintptr_t first = mmu_map_device(base, PAGE_SIZE);
    uintptr_t last = mmu_map_device(paddr(base.raw + GICC_LAST_ALIAS), PAGE_SIZE);
    return mmio_read32(first + GICC_IIDR) == mmio_read32(last + GICC_IIDR);
}

/* QEMU's GICv2 calls itself product 0, revision 0 of Arm; a GIC-400 is product 2. See gic.links. */
enum { IIDR_EMULATED = 0x43b };

static void init(void)
{
    uint64_t skip = is_aliased(board.cpu_interface.base, board.cpu_interface.size) ? GICC_LAST_ALIAS : 0;
    gicd_init(PAGE_SIZE, 0, CTLR_ENABLE);
    gic.cpu = mmu_map_device(paddr(board.cpu_interface.base.raw + skip), GICC_SIZE);
    gic.virtual = mmu_map_device(board.virtual_control.base, PAGE_SIZE);
    platform.guest_device = (struct range){paddr(platform.guest_device.base.raw + skip), GICC_SIZE};
    gic.lr_count = (mmio_read32(gic.virtual + GICH_VTR) & 0x3f) + 1;
    gic.links = mmio_read32(gic.distributor + GICD_IIDR) != IIDR_EMULATED;
}

/* The CPU's own mask reads back from the targets of its private interrupts; zero where there is one CPU only. */
static uint8_t own_mask(void)
{
    uint32_t targets = 0;
    for (unsigned i = 0; i < 32 && !targets; i += 4)
        targets = mmio_read32(gic.distributor + GICD_ITARGETSR + i);
    targets |= targets >> 16;
    targets |= targets >> 8;
    return (uint8_t)targets ? (uint8_t)targets : 1;
}

static void cpu_init(unsigned cpu)
{
    gic.banks[cpu] = gic.distributor;
    interface_mask[cpu] = own_mask();
    gicd_reset32(gic.distributor, 0, 0);
    mmio_write32(gic.cpu + GICC_PMR, GIC_PRIORITY_MASK);
    mmio_write32(gic.cpu + GICC_BPR, 0);
    mmio_write32(gic.cpu + GICC_CTLR, CTLR_ENABLE | CTLR_EOIMODE);
}

static void route(unsigned intid, unsigned cpu)
{
    mmio_write8(gic.distributor + GICD_ITARGETSR + intid, interface_mask[cpu]);
}

static void send(unsigned cpu, unsigned sgi)
{
    dsb(ishst); /* what was stored before is visible there */
    mmio_write32(gic.distributor + GICD_SGIR, (uint32_t)interface_mask[cpu] << 16 | sgi);
}

/* --- virtual interface ------------------------------------------------------------------------------------------------- */

static uint64_t lr_read(unsigned n)
{
    return mmio_read32(gic.virtual + GICH_LR + n * 4);
}

static void lr_write(unsigned n, uint64_t raw)
{
    mmio_write32(gic.virtual + GICH_LR + n * 4, (uint32_t)raw);
}

static void interface_save(struct gic_interface *interface, struct gic_interface_rest *rest)
{
    (void)rest;
    interface->vmcr = mmio_read32(gic.virtual + GICH_VMCR);
    interface->apr[0] = mmio_read32(gic.virtual + GICH_APR);
}

static void interface_load(const struct gic_interface *interface, const struct gic_interface_rest *rest)
{
    (void)rest;
    mmio_write32(gic.virtual + GICH_VMCR, interface->vmcr);
    mmio_write32(gic.virtual + GICH_APR, interface->apr[0]);
}

const struct gic_ops gicv2_ops = {
    .lr = {.priority = 23, .state = 28, .physical = 10, .source = 10, .group1 = 1 << 30, .hardware = UINT64_C(1) << 31, .eoi_irq = 1 << 19},
    .init = init,
    .cpu_init = cpu_init,
    .route = route,
    .send = send,
    .lr_read = lr_read,
    .lr_write = lr_write,
    .interface_save = interface_save,
    .interface_load = interface_load,
};
