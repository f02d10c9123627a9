/*
 * A lock between threads of one component, on whatever CPU and of whatever priority: who finds it taken sleeps, so that a holder of lower
 * priority on the same CPU goes on. Uncontended it takes no call. Not recursive. `struct lock l = {0};` is an open one.
 *
 * A thread that has no signal to sleep on ends itself: a component with several threads gives each one its own (waiter_assign).
 */
#ifndef LIB_LOCK_H
#define LIB_LOCK_H

#include <stdint.h>

struct lock {
    uint32_t word; /* bit 31: taken; bits 0 … WAITERS - 1: who sleeps (waiter.h) */
};

/** Takes the lock; sleeps while another thread holds it. */
void lock_take(struct lock *lock);

/** Gives the lock up; if threads wait it is handed to one of them. */
void lock_release(struct lock *lock);

#endif
