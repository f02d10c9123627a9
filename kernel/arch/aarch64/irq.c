/* Physical interrupts: whose they are. The kernel takes them one at a time, with the rest masked. */
#include "irq.h"
#include "arch.h"
#include "board.h"
#include "cpu.h"
#include "gic.h"
#include "gic_registers.h"
#include "mmu.h"
#include "vgic.h"

struct gic gic;

/* Private to the CPU, and the kernel's own. */
static void private_handle(struct cpu *cpu, unsigned intid, uint32_t acknowledged)
{
    if (intid == board.hyp_timer) {
        timer_handle(cpu);
        gic_deactivate(acknowledged); /* after: the level drops when it is armed anew */
    } else if (intid == board.maintenance) {
        vgic_maintenance(cpu);
        gic_deactivate(acknowledged);
    } else {
        gic_deactivate(acknowledged); /* before: another one may follow */
        if (intid == SGI_IPI)
            ipi_handle(cpu);
        else if (intid == SGI_POSTED)
            vgic_posted(cpu);
        while (intid == SGI_STOP)
            __asm__ volatile("wfi");
    }
}

void irq_dispatch(struct cpu *cpu, uint32_t acknowledged)
{
    for (;; acknowledged = gic_acknowledge()) {
        unsigned intid = gic_intid(acknowledged);
        if (intid >= GIC_INTID_END)
            return;
        gic_drop(acknowledged);
        if (intid == board.virtual_timer)
            vtimer_fired(cpu);
        else if (intid < GIC_SPI_FIRST)
            private_handle(cpu, intid, acknowledged);
        else
            irq_handle(cpu, intid);
        isb(); /* what has been dropped is not looked at again */
        if (!arch_interrupt_pending() || cpu->resched)
            return; /* whoever is to run now does so before more is taken: others can send without end */
    }
}

SMALL void gicd_init(uint64_t size, uint32_t groups, uint32_t control)
{
    gic.distributor = mmu_map_device(board.distributor.base, size);
    unsigned lines = 32 * ((mmio_read32(gic.distributor + GICD_TYPER) & 0x1f) + 1);
    gic.intids = lines > GIC_INTID_END ? GIC_INTID_END : lines;
    mmio_write32(gic.distributor + GICD_CTLR, 0);
    gicd_settle(gic.distributor + GICD_CTLR, GICD_RWP);
    for (unsigned first = GIC_SPI_FIRST; first < gic.intids; first += 32)
        gicd_reset32(gic.distributor, first, groups);
    mmio_write32(gic.distributor + GICD_CTLR, control);
    gicd_settle(gic.distributor + GICD_CTLR, GICD_RWP);
}

SMALL void irq_cpu_init(unsigned cpu)
{
    const unsigned own[] = {SGI_IPI, SGI_STOP, SGI_POSTED, board.hyp_timer, board.virtual_timer, board.maintenance};
    gic.ops->cpu_init(cpu);
    gic_hcr_write(0);
    for (unsigned n = 0; n < gic.lr_count; n++)
        gic.ops->lr_write(n, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(own); i++)
        gicd_bit_write(gic.banks[cpu], GICD_ISENABLER, own[i]);
    mmio_write8(gic.banks[cpu] + GICD_IPRIORITYR + board.hyp_timer, GIC_PRIORITY_TIME);
}

SMALL void irq_init(void)
{
    gic.version = platform.variant;
    gic.ops = gic.version == 2 ? &gicv2_ops : &gicv3_ops;
    gic.ops->init();
    platform.irq_first = GIC_SPI_FIRST;
    platform.irq_count = gic.intids - GIC_SPI_FIRST;
    irq_cpu_init(0);
}

SMALL void irq_stop_others(void)
{
    for (unsigned i = 0; i < CPUS_MAX; i++) {
        if (gic.ops && cpus[i].online && i != cpu_self()->index)
            gic.ops->send(i, SGI_STOP);
    }
}

void arch_ipi_send(unsigned index)
{
    gic.ops->send(index, SGI_IPI);
}

bool arch_interrupt_pending(void)
{
    return read_sysreg(isr_el1) != 0;
}

SMALL void arch_irq_enable(unsigned number, unsigned cpu, bool edge)
{
    uintptr_t reg = gic.distributor + GICD_ICFGR + number / 16 * 4;
    uint32_t bit = UINT32_C(2) << number % 16 * 2;
    uint32_t value = mmio_read32(reg);
    mmio_write32(reg, edge ? value | bit : value & ~bit); /* allowed while it is disabled; the tree lock guards the word */
    gic.ops->route(number, cpu);
    gicd_bit_write(gic.distributor, GICD_ISENABLER, number);
}

SMALL void arch_irq_disable(unsigned number)
{
    gicd_bit_write(gic.distributor, GICD_ICENABLER, number);
    gicd_bit_write(gic.distributor, GICD_ICPENDR, number);
    gicd_settle(gic.distributor + GICD_CTLR, GICD_RWP);
}

SMALL unsigned arch_irqs_awake(void)
{
    unsigned count = 0;
    for (unsigned first = GIC_SPI_FIRST; first < gic.intids; first += 32) {
        uintptr_t word = gic.distributor + first / 8;
        for (uint32_t awake = mmio_read32(word + GICD_ISENABLER) | mmio_read32(word + GICD_ISACTIVER); awake; awake &= awake - 1)
            count++;
    }
    return count;
}

void gic_set_active(unsigned intid, bool active)
{
    uintptr_t bank = intid < GIC_SPI_FIRST ? gic.banks[cpu_self()->index] : gic.distributor;
    gicd_bit_write(bank, active ? GICD_ISACTIVER : GICD_ICACTIVER, intid);
    if (active)
        mmio_read32(bank + GICD_ISACTIVER); /* it has arrived before the interrupt can come */
}

void arch_irq_complete(unsigned number)
{
    gic_set_active(number, false);
}
