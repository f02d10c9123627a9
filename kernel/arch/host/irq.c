/* Physical interrupts, which a test raises. */
#include "irq.h"
#include "arch.h"
#include "host.h"

void arch_irq_enable(unsigned number, unsigned cpu, bool edge)
{
    host.interrupts[number].enabled = true;
    host.interrupts[number].cpu = cpu;
    host.interrupts[number].edge = edge;
}

void arch_irq_disable(unsigned number)
{
    host.interrupts[number].enabled = false;
}

void arch_irq_complete(unsigned number)
{
    host.interrupts[number].active = false;
}

unsigned arch_irqs_awake(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < ARCH_IRQS; i++)
        count += host.interrupts[i].enabled || host.interrupts[i].active;
    return count;
}

static void handle(struct cpu *cpu, void *argument)
{
    irq_handle(cpu, *(const unsigned *)argument);
}

bool host_interrupt_raise(unsigned number)
{
    struct host_interrupt *interrupt = &host.interrupts[number];
    if (!interrupt->enabled || interrupt->active)
        return false;
    interrupt->active = true;
    host_enter(interrupt->cpu, handle, &number);
    return true;
}
