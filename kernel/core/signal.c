/* Signals. */
#include "signal.h"
#include "call.h"
#include "cpu.h"
#include "irq.h"
#include "partition.h"
#include "thread.h"

enum { BINDINGS_STEP = 16 /* undone at a time */ };

/* Signal's lock. */
static void signal_waiter_set(struct signal *signal, struct thread *waiter)
{
    __atomic_store_n(&signal->waiter, waiter, __ATOMIC_SEQ_CST);
}

void signal_look(struct signal *signal)
{
    lock_take(&signal->lock);
    struct thread *waiter = signal->waiter;
    uint64_t taken = waiter ? signal_take(signal, waiter->wait_mask) : 0;
    if (taken) {
        signal_waiter_set(signal, NULL);
        thread_answer(waiter, STATUS_OK)[1] = taken;
    }
    lock_release(&signal->lock);
    if (taken)
        thread_wake(waiter);
}

/* `thread` stands in signal->waiter. */
static status_t signal_wait_locked(struct cpu *cpu, struct signal *signal, struct thread *thread, uint64_t deadline)
{
    uint64_t taken = signal_take(signal, thread->wait_mask);
    if (taken) {
        arch_call_registers(thread)[1] = taken;
        return STATUS_OK;
    }
    if (deadline <= arch_counter())
        return STATUS_TIMEOUT;
    thread_wait(cpu, thread, WAIT_SIGNAL, &signal->object, deadline);
    return CALL_PENDING;
}

status_t signal_wait(struct cpu *cpu, struct signal *signal, uint64_t mask, uint64_t deadline)
{
    struct thread *thread = cpu->current;
    status_t status = STATUS_BUSY;
    lock_take(&signal->lock);
    if (!signal->waiter) {
        thread->wait_mask = mask;
        signal_waiter_set(signal, thread);
        status = signal_wait_locked(cpu, signal, thread, deadline);
        if (status != CALL_PENDING)
            signal_waiter_set(signal, NULL);
    }
    lock_release(&signal->lock);
    return status;
}

bool signal_forget(struct thread *thread)
{
    struct signal *signal = (struct signal *)thread->wait_object;
    lock_take(&signal->lock);
    bool waiting = signal->waiter == thread;
    if (waiting)
        signal_waiter_set(signal, NULL);
    lock_release(&signal->lock);
    return waiting;
}

bool signal_destroy(struct signal *signal)
{
    bool more = !irq_unbind_step(signal);
    for (unsigned i = 0; !more && signal->bindings && i < BINDINGS_STEP; i++)
        binding_set(CONTAINER_OF(signal->bindings, struct binding, link), NULL, 0);
    if (more || signal->bindings)
        return false;
    lock_take(&signal->lock);
    struct thread *waiter = signal->waiter;
    signal_waiter_set(signal, NULL);
    lock_release(&signal->lock);
    if (waiter) {
        thread_answer(waiter, STATUS_DEAD);
        thread_wake(waiter);
    }
    return true;
}

void binding_set(struct binding *binding, struct signal *signal, uint64_t bits)
{
    if (binding->signal)
        link_remove(&binding->link);
    binding->bits = bits;
    if (signal)
        link_add(&signal->bindings, &binding->link);
    __atomic_store_n(&binding->signal, signal, __ATOMIC_RELEASE);
}

void binding_raise(struct binding *binding)
{
    struct signal *signal = __atomic_load_n(&binding->signal, __ATOMIC_ACQUIRE);
    if (signal)
        signal_raise(signal, binding->bits);
}
