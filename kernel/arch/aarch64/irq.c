/* Physical interrupts: whose they are. The kernel takes them one at a time, with the rest masked. */
#include "irq.h"
#include "arch.h"
#include "board.h"
#include "cpu.h"
#include "gic.h"
#include "gic_registers.h"
#include "vgic.h"

struct gic gic;

static _Noreturn void stop(void)
{
    for (;;)
        __asm__ volatile("wfi");
}

/* Private to the CPU, and the kernel's own. */
static void private_handle(struct cpu *cpu, unsigned intid, uint32_t acknowledged)
{
    if (intid == board.hyp_timer) {
        timer_handle(cpu);
        gic_deactivate(acknowledged); /* after: the level drops when it is armed anew */
    } else if (intid == board.maintenance) {
        vgic_maintenance(cpu);
        gic_deactivate(acknowledged);
    } else if (intid == SGI_IPI) {
        gic_deactivate(acknowledged); /* before: another one may follow */
        ipi_handle(cpu);
    } else if (intid == SGI_POSTED) {
        gic_deactivate(acknowledged);
        vgic_posted(cpu);
    } else if (intid == SGI_STOP) {
        stop();
    } else {
        gic_deactivate(acknowledged);
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
        if (!arch_interrupt_pending())
            return;
    }
}

SMALL void irq_cpu_init(unsigned cpu)
{
    gic.ops->cpu_init(cpu);
    gic.ops->enable_private(SGI_IPI);
    gic.ops->enable_private(SGI_STOP);
    gic.ops->enable_private(SGI_POSTED);
    gic.ops->enable_private(board.hyp_timer);
    gic.ops->enable_private(board.virtual_timer);
    gic.ops->enable_private(board.maintenance);
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

void arch_irq_enable(unsigned number, unsigned cpu, bool edge)
{
    gic.ops->enable(number, cpu, edge);
}

void arch_irq_disable(unsigned number)
{
    gic.ops->disable(number);
}

unsigned arch_irqs_awake(void)
{
    unsigned count = 0;
    for (unsigned first = GIC_SPI_FIRST; first < gic.intids; first += 32) {
        uintptr_t word = gic.distributor + first / 8;
        for (uint32_t awake = mmio_read32(word + GICD_ISENABLER) | mmio_read32(word + GICD_ISACTIVER); awake; awake &= awake - 1)
            count++;
    }
    return count;
}

void arch_irq_complete(unsigned number)
{
    gic.ops->set_active(number, false);
}
