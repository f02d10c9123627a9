/* Ticks and microseconds, and sleeping. */
#include "clock.h"

#include "call_stubs.h"
#include "waiter.h"

static uint64_t frequency = 1000000;

enum { US_PER_S = 1000000 };

uint64_t clock_frequency(void)
{
    return frequency;
}

void clock_frequency_set(uint64_t hertz)
{
    if (hertz)
        frequency = hertz;
}

/* value * to / from without overflow of the product, as long as the result fits. */
static uint64_t scale(uint64_t value, uint64_t to, uint64_t from, uint64_t round)
{
    return value / from * to + (value % from * to + round) / from;
}

uint64_t clock_from_us(uint64_t us)
{
    return scale(us, frequency, US_PER_S, US_PER_S - 1);
}

uint64_t clock_to_us(uint64_t ticks)
{
    return scale(ticks, US_PER_S, frequency, 0);
}

uint64_t clock_deadline_us(uint64_t us)
{
    return clock_now() + clock_from_us(us);
}

void clock_sleep_us(uint64_t us)
{
    uint64_t deadline = clock_deadline_us(us);
    int waiter = waiter_claim();
    if (waiter >= 0) {
        while (waiter_sleep(waiter, deadline) == STATUS_OK && clock_now() < deadline)
            ;
        waiter_release(waiter);
    }
    while (clock_now() < deadline)
        thread_yield();
}
