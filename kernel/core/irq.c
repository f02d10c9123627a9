/* Physical interrupts and their receivers. */
#include "irq.h"
#include "cpu.h"
#include "vm.h"

enum { RECEIVERS_MAX = 64 /* interrupts that are bound at a time */ };

/*
 * Changed with the tree lock; read by whichever CPU takes the interrupt, which irq_unbind() waits for. Neither signal nor vm: free, and no
 * interrupt's: all that ends a binding (its capability, its signal, its VM, a call) does so by irq_unbind().
 */
static struct receiver {
    struct binding binding;
    struct vm *vm;
    const struct cap *by; /* what it was bound by; it goes with that. A capability stays in its slot for life */
    unsigned line;
    unsigned number;
} receivers[RECEIVERS_MAX];
static uint8_t receiver_of[ARCH_IRQS]; /* index + 1; 0: none */

static struct receiver *receiver_find(unsigned number)
{
    unsigned i = number < ARCH_IRQS ? __atomic_load_n(&receiver_of[number], __ATOMIC_ACQUIRE) : 0; /* once: it may go */
    return i ? &receivers[i - 1] : NULL;
}

static bool receiver_used(const struct receiver *receiver)
{
    return receiver->vm || receiver->binding.signal;
}

/* One that is no interrupt's; NULL: there is none. */
static struct receiver *receiver_free(void)
{
    unsigned i = 0;
    while (i < RECEIVERS_MAX && receiver_used(&receivers[i]))
        i++;
    return i < RECEIVERS_MAX ? &receivers[i] : NULL;
}

status_t irq_bind(unsigned number, const struct cap *by, struct object *to, uint64_t what, unsigned cpu, bool edge)
{
    struct receiver *receiver = receiver_free();
    if (receiver_find(number))
        return STATUS_BUSY;
    if (!receiver)
        return STATUS_LIMIT;
    receiver->number = number;
    receiver->by = by;
    if (to->type == CAP_SIGNAL) {
        binding_set(&receiver->binding, (struct signal *)to, what);
    } else {
        receiver->line = (unsigned)what;
        receiver->vm = (struct vm *)to;
        arch_virq_link(receiver->vm, receiver->line, number);
    }
    /* The receiver is complete: from now on it is told. */
    __atomic_store_n(&receiver_of[number], (uint8_t)(receiver - receivers + 1), __ATOMIC_RELEASE);
    arch_irq_complete(number);
    arch_irq_enable(number, cpu, edge);
    return STATUS_OK;
}

void irq_unbind(unsigned number)
{
    struct receiver *receiver = receiver_find(number);
    if (!receiver)
        return;
    struct vm *vm = receiver->vm;
    arch_irq_disable(number);
    receiver_of[number] = 0;
    binding_set(&receiver->binding, NULL, 0);
    receiver->vm = NULL;
    cpu_quiesce(); /* no CPU is still handling it */
    if (vm)
        arch_virq_link(vm, receiver->line, 0);
    arch_irq_complete(number);
}

bool irq_unbind_step(const void *gone)
{
    for (unsigned i = 0; i < RECEIVERS_MAX; i++) {
        const struct receiver *receiver = &receivers[i];
        if (receiver_used(receiver) && (receiver->by == gone || receiver->vm == gone || receiver->binding.signal == gone)) {
            irq_unbind(receiver->number);
            return false;
        }
    }
    return true;
}

unsigned irq_bound_count(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < RECEIVERS_MAX; i++)
        count += receiver_used(&receivers[i]);
    return count;
}

status_t irq_acknowledge(unsigned number)
{
    const struct receiver *receiver = receiver_find(number);
    if (!receiver || !receiver->binding.signal)
        return STATUS_STATE;
    arch_irq_complete(number);
    return STATUS_OK;
}

/*
 * One without a receiver was acknowledged just before irq_unbind() disabled it, which then made it inactive, or will: nothing is left to do here. Nor
 * may anything be done to it: it may have been bound anew since the look, which waits for nobody, and belong to somebody else. If it found the new
 * receiver, that one is told once without cause.
 */
void irq_handle(struct cpu *cpu, unsigned number)
{
    cpu_section_begin(cpu);
    struct receiver *receiver = receiver_find(number);
    struct vm *vm = receiver ? __atomic_load_n(&receiver->vm, __ATOMIC_RELAXED) : NULL;
    if (vm)
        arch_virq_raise(vm, receiver->line, 1); /* stays active until the guest's end of interrupt */
    else if (receiver)
        binding_raise(&receiver->binding); /* stays active, so silent, until irq_acknowledge() */
    cpu_section_end(cpu);
}
