/* What each call takes when it does what it is for: least of all that succeeded, in ticks of the counter (under -icount: instructions). */
#include "rights.h"

#include "call_stubs.h"
#include "clock.h"
#include "print.h"

static uint64_t least[256];

/* The cost of reading the counter twice. */
static uint64_t overhead(void)
{
    uint64_t before = clock_now();
    return clock_now() - before;
}

void cost_note(uint64_t call, uint64_t ticks)
{
    uint64_t own = overhead();
    ticks = ticks > own ? ticks - own : 0;
    if (call < sizeof least / sizeof least[0] && (!least[call] || ticks < least[call]))
        least[call] = ticks;
}

/* Calls that no row of checks.h has end well. */
void costs_measure(void)
{
    enum { SIGNAL = SLOT_COSTS };
    uint64_t bits, before;
    must(signal_create(CAP_SELF, SIGNAL), "a signal");
    signal_raise(SIGNAL, 1);
    before = clock_now();
    must(signal_wait(SIGNAL, 1, DEADLINE_NEVER, &bits), "a signal that is there");
    cost_note(CALL_SIGNAL_WAIT, clock_now() - before);
    cap_delete(SIGNAL);
    before = clock_now();
    call_null();
    cost_note(CALL_NULL, clock_now() - before);
    before = clock_now();
    thread_yield();
    cost_note(CALL_THREAD_YIELD, clock_now() - before);
}

void costs_print(void)
{
    for (unsigned i = 0; i < sizeof least / sizeof least[0]; i++)
        if (least[i])
            console_print("cost %u %lu\n", i, least[i]);
}
