/* Signals: a word of bits, raised by many, waited for by one. */
#ifndef CORE_SIGNAL_H
#define CORE_SIGNAL_H

#include "lock.h"
#include "object.h"

struct cpu;
struct thread;

/*
 * Raising takes no lock while nobody waits: bits are set first and `waiter` is read after that, both in one total order (SEQ_CST); whoever waits stands in `waiter`
 * before it looks at the bits. So one of the two sees the other. Bits are only taken, and `waiter` is only written, with the lock.
 */
struct signal {
    struct object object;
    struct lock lock;
    uint64_t bits;
    struct thread *waiter; /* its wait_mask says what for */
    struct link *bindings; /* struct binding of all that raise it from inside the kernel */
};

/* What raises a signal from inside the kernel: a thread's end, an interrupt, a doorbell. */
struct binding {
    struct link link;
    struct signal *signal; /* NULL: nobody is told; cleared when the signal goes */
    uint64_t bits;
};

/* Wakes the waiter if it waits for one of the bits that are set. */
void signal_look(struct signal *signal);
/* Those of `mask` that are set, and are no longer. Signal's lock. */
static inline uint64_t signal_take(struct signal *signal, uint64_t mask)
{
    return __atomic_fetch_and(&signal->bits, ~mask, __ATOMIC_SEQ_CST) & mask;
}

/* Sets them and wakes who waits for one of them. From whatever CPU. */
static inline void signal_raise(struct signal *signal, uint64_t bits)
{
    __atomic_fetch_or(&signal->bits, bits, __ATOMIC_SEQ_CST);
    if (__builtin_expect(__atomic_load_n(&signal->waiter, __ATOMIC_SEQ_CST) != NULL, 0))
        signal_look(signal);
}

/* For the calling thread; STATUS_OK with the bits in its registers, or CALL_PENDING: it waits. */
status_t signal_wait(struct cpu *cpu, struct signal *signal, uint64_t mask, uint64_t deadline);
/* The thread waits no more (its deadline, its end). False if it has been woken meanwhile. */
bool signal_forget(struct thread *thread);
bool signal_destroy(struct signal *signal);

/* Tree lock. */
void binding_set(struct binding *binding, struct signal *signal, uint64_t bits);
void binding_raise(struct binding *binding);

#endif
