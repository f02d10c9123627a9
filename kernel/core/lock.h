/* A ticket lock: fair, so that nobody waits longer than the others hold it. Interrupts are masked in the kernel throughout. */
#ifndef CORE_LOCK_H
#define CORE_LOCK_H

#include "arch.h"

struct lock {
    uint16_t next;  /* ticket to draw */
    uint16_t owner; /* ticket that is in */
};

/* Waits its turn: who came first goes in first. */
static inline void lock_take(struct lock *lock)
{
    uint16_t ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);
    while (__atomic_load_n(&lock->owner, __ATOMIC_ACQUIRE) != ticket)
        arch_relax();
}

/* The next one goes in. */
static inline void lock_release(struct lock *lock)
{
    __atomic_store_n(&lock->owner, (uint16_t)(lock->owner + 1), __ATOMIC_RELEASE);
}

#endif
