/* What threads sleep by. */
#include "waiter.h"

#include "call_stubs.h"
#include "slots.h"

static uint32_t claimed;
static cap_t signals[WAITERS]; /* 0: not made yet; written only by who holds the claim */
static uint64_t bits[WAITERS]; /* 0: of a private one */
static int (*own)(void);       /* the calling thread's */

void waiters_assign(int (*self)(void))
{
    own = self;
}

void waiter_assign(int waiter, cap_t signal, uint64_t bit)
{
    signals[waiter] = signal;
    bits[waiter] = bit;
}

static uint64_t bit_of(int waiter)
{
    return bits[waiter] ? bits[waiter] : 1;
}

static int index_claim(void)
{
    uint32_t before = __atomic_load_n(&claimed, __ATOMIC_RELAXED);
    for (;;) {
        int index = __builtin_ctz(~before);
        if (index >= WAITERS)
            return -1;
        if (__atomic_compare_exchange_n(&claimed, &before, before | 1u << index, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return index;
    }
}

static cap_t signal_make(void)
{
    cap_t slot = slot_allocate();
    if (slot && signal_create(CAP_SELF, slot) != STATUS_OK) {
        slot_free(slot);
        return 0;
    }
    return slot;
}

int waiter_claim(void)
{
    if (own)
        return own();
    int index = index_claim();
    if (index < 0)
        return -1;
    if (!signals[index])
        signals[index] = signal_make();
    if (signals[index])
        return index;
    waiter_release(index);
    return -1;
}

void waiter_release(int waiter)
{
    __atomic_fetch_and(&claimed, ~(1u << waiter), __ATOMIC_RELEASE);
}

status_t waiter_sleep(int waiter, uint64_t deadline)
{
    uint64_t woken;
    return signal_wait(signals[waiter], bit_of(waiter), deadline, &woken);
}

void waiter_wake(int waiter)
{
    signal_raise(signals[waiter], bit_of(waiter));
}
