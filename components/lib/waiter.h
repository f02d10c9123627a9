/*
 * A component's threads that sleep without a signal of their own: each claims one of a few private signals while it does. The
 * signals are made when first needed, so a component whose threads never meet pays for none.
 */
#ifndef LIB_WAITER_H
#define LIB_WAITER_H

#include <bulkhead/status.h>
#include <stdint.h>

enum { WAITERS = 16 };

/** Claims a waiter for the calling thread: its index, or -1 if there is none (too many, or no kernel memory for a signal). */
int waiter_claim(void);

/** Gives a waiter back. */
void waiter_release(int waiter);

/** Sleeps until waiter_wake or the deadline: STATUS_OK or STATUS_TIMEOUT. */
status_t waiter_sleep(int waiter, uint64_t deadline);

/** Wakes the thread that claimed `waiter`, now or when it next sleeps. */
void waiter_wake(int waiter);

#endif
