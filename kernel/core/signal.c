/* Signals. */
#include "signal.h"
#include "call.h"
#include "cpu.h"
#include "irq.h"
#include "partition.h"
#include "thread.h"

enum { BINDINGS_STEP = 16 /* undone at a time */ };

struct signal *signal_new(struct partition *payer, status_t *status)
{
    return (struct signal *)object_new(payer, CAP_SIGNAL, sizeof(struct signal), status);
}

/* Takes from the signal what its waiter waits for; the waiter, with its results in place, if there was something. Signal's lock. */
static struct thread *signal_deliver(struct signal *signal)
{
    struct thread *waiter = signal->waiter;
    uint64_t taken = waiter ? signal->bits & waiter->wait_mask : 0;
    if (!taken)
        return NULL;
    signal->bits &= ~taken;
    signal->waiter = NULL;
    thread_answer(waiter, STATUS_OK)[1] = taken;
    return waiter;
}

void signal_raise(struct signal *signal, uint64_t bits)
{
    lock_take(&signal->lock);
    signal->bits |= bits;
    struct thread *woken = signal_deliver(signal);
    lock_release(&signal->lock);
    if (woken)
        thread_wake(woken);
}

status_t signal_wait(struct cpu *cpu, struct signal *signal, uint64_t mask, uint64_t deadline)
{
    struct thread *thread = cpu->current;
    status_t status = CALL_PENDING;
    lock_take(&signal->lock);
    uint64_t taken = signal->bits & mask;
    if (signal->waiter) {
        status = STATUS_BUSY;
    } else if (taken) {
        signal->bits &= ~taken;
        arch_call_registers(thread)[1] = taken;
        status = STATUS_OK;
    } else if (deadline <= arch_counter()) {
        status = STATUS_TIMEOUT;
    } else {
        signal->waiter = thread;
        thread->wait_mask = mask;
        thread_wait(cpu, thread, WAIT_SIGNAL, &signal->object, deadline);
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
        signal->waiter = NULL;
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
    signal->waiter = NULL;
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
