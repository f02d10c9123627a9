/* The longest stretch that keeps interrupts out, as the most urgent thread of the CPU sees it. */
#include "scale.h"

#include "call_stubs.h"
#include "clock.h"

enum { THREAD = SLOT_LATE, SIGNAL, BEGIN = 1, PERIOD = 5000, STACK = 8192 };

static char stack[STACK] __attribute__((aligned(16)));
static volatile uint64_t worst;

static void watch(void)
{
    uint64_t bits, due = clock_now();
    for (;;) {
        due += PERIOD;
        if (signal_wait(SIGNAL, BEGIN << 1, due, &bits) != STATUS_TIMEOUT)
            return;
        uint64_t late = clock_now() - due;
        if (late > worst)
            worst = late;
        if (late > PERIOD)
            due += late; /* not a burst of what is past */
    }
}

static _Noreturn void late_main(void)
{
    uint64_t bits;
    for (;;) {
        signal_wait(SIGNAL, BEGIN, DEADLINE_NEVER, &bits);
        watch();
    }
}

void late_make(void)
{
    must(signal_create(CAP_SELF, SIGNAL), "a signal");
    must(thread_create(CAP_SELF, THREAD, CAP_SPACE, 0, PRIORITIES - 1, 0, 0), "the thread that is late");
    must(thread_start(THREAD, (uint64_t)late_main, (uint64_t)(stack + STACK), 0), "its start");
}

void late_begin(void)
{
    worst = 0;
    signal_raise(SIGNAL, BEGIN);
}

uint64_t late_end(void)
{
    signal_raise(SIGNAL, BEGIN << 1);
    return worst;
}
