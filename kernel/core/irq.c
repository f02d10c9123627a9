/* Physical interrupts and their receivers. */
#include "irq.h"
#include "cpu.h"
#include "vm.h"

enum { RECEIVERS_MAX = 64 /* interrupts that are bound at a time */ };

/* Changed with the tree lock; read by whichever CPU takes the interrupt, which irq_unbind() waits for. Neither signal nor vm: free. */
static struct receiver {
    struct binding binding;
    struct vm *vm;
    unsigned line;
    unsigned number;
} receivers[RECEIVERS_MAX];
static uint8_t receiver_of[ARCH_IRQS]; /* index + 1; 0: none */

static struct receiver *receiver_find(unsigned number)
{
    return number < ARCH_IRQS && receiver_of[number] ? &receivers[receiver_of[number] - 1] : NULL;
}

static bool receiver_used(const struct receiver *receiver)
{
    return receiver->vm || receiver->binding.signal;
}

/* A free one, which becomes the interrupt's. An interrupt whose signal went away is free, too. */
static struct receiver *receiver_take(unsigned number, status_t *status)
{
    struct receiver *old = receiver_find(number);
    *status = STATUS_OK;
    if (old && receiver_used(old)) {
        *status = STATUS_BUSY;
        return NULL;
    }
    if (old)
        return old;
    for (unsigned i = 0; i < RECEIVERS_MAX; i++) {
        if (receiver_used(&receivers[i]))
            continue;
        if (receiver_of[receivers[i].number] == i + 1) /* it may have another one by now */
            receiver_of[receivers[i].number] = 0;
        receivers[i].number = number;
        return &receivers[i];
    }
    *status = STATUS_LIMIT;
    return NULL;
}

/* The receiver is complete: from now on it is told. */
static void receiver_connect(const struct receiver *receiver, unsigned cpu, bool edge)
{
    __atomic_store_n(&receiver_of[receiver->number], (uint8_t)(receiver - receivers + 1), __ATOMIC_RELEASE);
    arch_irq_complete(receiver->number);
    arch_irq_enable(receiver->number, cpu, edge);
}

status_t irq_bind(unsigned number, struct signal *signal, uint64_t bits, unsigned cpu, bool edge)
{
    status_t status;
    struct receiver *receiver = receiver_take(number, &status);
    if (receiver) {
        binding_set(&receiver->binding, signal, bits);
        receiver_connect(receiver, cpu, edge);
    }
    return status;
}

status_t irq_forward(unsigned number, struct vm *vm, unsigned line, unsigned cpu, bool edge)
{
    status_t status;
    struct receiver *receiver = receiver_take(number, &status);
    if (receiver) {
        receiver->line = line;
        receiver->vm = vm;
        receiver_connect(receiver, cpu, edge);
    }
    return status;
}

void irq_unbind(unsigned number)
{
    struct receiver *receiver = receiver_find(number);
    arch_irq_disable(number);
    if (receiver) {
        receiver_of[number] = 0;
        binding_set(&receiver->binding, NULL, 0);
        receiver->vm = NULL;
    }
    cpu_quiesce(); /* no CPU is still handling it */
    arch_irq_complete(number);
}

void irq_vm_died(const struct vm *vm)
{
    for (unsigned i = 0; i < RECEIVERS_MAX; i++) {
        if (receivers[i].vm == vm)
            irq_unbind(receivers[i].number);
    }
}

void irq_signal_died(const struct signal *signal)
{
    for (unsigned i = 0; i < RECEIVERS_MAX; i++) {
        if (receivers[i].binding.signal == signal)
            irq_unbind(receivers[i].number);
    }
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

void irq_handle(struct cpu *cpu, unsigned number)
{
    cpu_section_begin(cpu);
    struct receiver *receiver = receiver_find(number);
    if (receiver && receiver->binding.signal)
        binding_raise(&receiver->binding); /* stays active, so silent, until irq_acknowledge() */
    else if (receiver && receiver->vm)
        arch_virq_raise(receiver->vm, receiver->line, 1); /* stays active until the guest's end of interrupt */
    else
        arch_irq_disable(number); /* came while its receiver went */
    cpu_section_end(cpu);
}
