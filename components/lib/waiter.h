/*
 * What a component's threads sleep by, until another one wakes them or for some time. Each claims one of a few private signals while it does; those are
 * made when first needed, so a component whose threads never meet pays for none. Or each thread has its own: a bit of a signal that it has anyway.
 */
#ifndef LIB_WAITER_H
#define LIB_WAITER_H

#include <bulkhead/call.h>
#include <bulkhead/status.h>
#include <stdint.h>

enum { WAITERS = 16 };

/** From now on, each thread has the waiter that `self` answers. Before there are others. */
void waiters_assign(int (*self)(void));

/** What that waiter is: a signal, for which nobody else waits, and its bit, which nobody else raises. */
void waiter_assign(int waiter, cap_t signal, uint64_t bit);

/** Claims a waiter for the calling thread: its index, or -1 if there is none (too many, or no kernel memory for a signal). */
int waiter_claim(void);

/** Gives a waiter back. */
void waiter_release(int waiter);

/** Sleeps until waiter_wake or the deadline: STATUS_OK or STATUS_TIMEOUT. */
status_t waiter_sleep(int waiter, uint64_t deadline);

/** Wakes the thread that claimed `waiter`, now or when it next sleeps. */
void waiter_wake(int waiter);

#endif
