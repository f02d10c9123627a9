/* The sleeping lock. A release hands the lock to a sleeper directly: `taken` stays set, so nobody can slip in between. */
#include "lock.h"

#include "call_stubs.h"
#include "waiter.h"

#include <bulkhead/startup.h>
#include <stdbool.h>

#define LOCK_TAKEN (UINT32_C(1) << 31)

static bool word_change(struct lock *lock, uint32_t *before, uint32_t after)
{
    return __atomic_compare_exchange_n(&lock->word, before, after, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* Takes the lock (true), or enlists `waiter` (false). */
static bool take_or_enlist(struct lock *lock, uint32_t waiter_bit)
{
    uint32_t before = __atomic_load_n(&lock->word, __ATOMIC_RELAXED);
    for (;;) {
        bool taken = before & LOCK_TAKEN;
        uint32_t after = taken ? before | waiter_bit : before | LOCK_TAKEN;
        if (word_change(lock, &before, after))
            return !taken;
    }
}

static void lock_take_slowly(struct lock *lock)
{
    int waiter = waiter_claim();
    if (waiter < 0) /* yielding would keep a holder of lower priority from ever going on */
        thread_exit(COMPONENT_EXIT_NO_SIGNAL);
    if (!take_or_enlist(lock, 1u << waiter))
        waiter_sleep(waiter, DEADLINE_NEVER);
    waiter_release(waiter);
}

void lock_take(struct lock *lock)
{
    uint32_t open = 0;
    if (!word_change(lock, &open, LOCK_TAKEN))
        lock_take_slowly(lock);
}

void lock_release(struct lock *lock)
{
    uint32_t before = LOCK_TAKEN;
    while (!word_change(lock, &before, before == LOCK_TAKEN ? 0 : before & (before - 1)))
        ;
    if (before != LOCK_TAKEN)
        waiter_wake(__builtin_ctz(before));
}
