/* Physical interrupts and their receivers. */
#include "irq.h"
#include "cpu.h"
#include "vm.h"

/* Bound: `signal` or `vm` is set. Changed with the tree lock; read by whichever CPU takes the interrupt, which irq_unbind() waits for. */
static struct irq {
    struct binding binding;
    struct vm *vm;
    unsigned line;
} irqs[IRQ_MAX];

static bool irq_bound(const struct irq *irq)
{
    return irq->vm || irq->binding.signal;
}

status_t irq_bind(unsigned number, struct signal *signal, uint64_t bits, unsigned cpu, bool edge)
{
    if (irq_bound(&irqs[number]))
        return STATUS_BUSY;
    binding_set(&irqs[number].binding, signal, bits);
    arch_irq_complete(number);
    arch_irq_enable(number, cpu, edge);
    return STATUS_OK;
}

status_t irq_forward(unsigned number, struct vm *vm, unsigned line, unsigned cpu)
{
    if (irq_bound(&irqs[number]))
        return STATUS_BUSY;
    irqs[number].line = line;
    __atomic_store_n(&irqs[number].vm, vm, __ATOMIC_RELEASE);
    arch_irq_complete(number);
    arch_irq_enable(number, cpu, false);
    return STATUS_OK;
}

void irq_unbind(unsigned number)
{
    arch_irq_disable(number);
    binding_set(&irqs[number].binding, NULL, 0);
    irqs[number].vm = NULL;
    cpu_quiesce(); /* no CPU is still handling it */
    arch_irq_complete(number);
}

void irq_vm_died(const struct vm *vm)
{
    for (unsigned number = 0; number < IRQ_MAX; number++) {
        if (irqs[number].vm == vm)
            irq_unbind(number);
    }
}

status_t irq_acknowledge(unsigned number)
{
    if (!irqs[number].binding.signal)
        return STATUS_STATE;
    arch_irq_complete(number);
    return STATUS_OK;
}

void irq_handle(struct cpu *cpu, unsigned number)
{
    struct irq *irq = number < IRQ_MAX ? &irqs[number] : NULL;
    (void)cpu;
    if (irq && irq->binding.signal)
        binding_raise(&irq->binding); /* stays active, so silent, until irq_acknowledge() */
    else if (irq && irq->vm)
        arch_virq_raise(irq->vm, irq->line, 1); /* stays active until the guest's end of interrupt */
    else
        arch_irq_disable(number); /* came while its receiver went */
}
