/*
 * Removals that take long, and what they cost others: a thread of higher priority on the same CPU wants to run every so many ticks and notes how late it
 * was. Its lateness is the longest stretch with interrupts masked, and the way to it. First it does so rarely, for what a removal takes in all; then
 * so often, by three periods, that hardly a step of any goes by without it.
 */
#include "rights.h"

#include "call_stubs.h"
#include "clock.h"
#include "print.h"

enum {
    TIMER_THREAD = SLOT_STEPS,
    NEVER_RAISED, /* signal */
    MEMORY,
    TABLE_MEMORY,
    TABLE, /* partition whose table is filled */
    COPY,
    MAPPER,
    CHAIN = SLOT_STEPS + 20,
    TABLE_BYTES = 0x100000,
    ENTRIES = 10000,
    FIRST_ENTRY = 1000,
    LINKS = 100,
    SELDOM = 20000,
    MEMORY_BYTES = 0x100000,
    STACK = 8192,
    MAPPINGS = 50,
};

static char stack[STACK] __attribute__((aligned(16)));
static volatile uint64_t period, worst, wakes;
static const uint64_t periods[] = {SELDOM, 1999 /* just more than the thread's way in and out */, 2503, 3001};

static _Noreturn void timer_main(void)
{
    uint64_t bits, due = clock_now();
    for (;;) {
        due += period;
        signal_wait(NEVER_RAISED, 1, due, &bits);
        uint64_t late = clock_now() - due;
        if (late > worst)
            worst = late;
        wakes++;
        if (late > period)
            due += late; /* not a burst of what is past */
    }
}

static void begin(void)
{
    worst = 0;
    wakes = 0;
}

/* `ticks`: what the removal itself took, with the interruptions. */
static void tell(const char *what, uint64_t ticks)
{
    console_print("steps: %s%s: %lu ticks, interrupted %lu times, latest by %lu\n", period == SELDOM ? "" : "often, ", what, ticks, wakes, worst);
}

static void removal(const char *what, cap_t slot)
{
    begin();
    uint64_t before = clock_now();
    must(cap_revoke(slot), what);
    tell(what, clock_now() - before);
}

static void table_fill(void)
{
    for (cap_t i = 0; i < ENTRIES; i++)
        must(cap_delegate(TABLE, FIRST_ENTRY + i, MEMORY, RIGHT_READ | RIGHT_DELEGATE, 0, 0), "an entry");
}

static void chain_make(void)
{
    must(cap_delegate(CAP_SELF, CHAIN, MEMORY, RIGHT_READ | RIGHT_DELEGATE, 0, 0), "the chain's first link");
    for (cap_t i = 1; i < LINKS; i++)
        must(cap_delegate(CAP_SELF, CHAIN + i, CHAIN + i - 1, RIGHT_READ | RIGHT_DELEGATE, 0, 0), "a link");
}

static void map_often(void)
{
    must(space_create(TABLE, MAPPER, SPACE_COMPONENT), "a space");
    for (uint64_t i = 0; i < MAPPINGS; i++)
        must(space_map(MAPPER, MEMORY, (i + 1) << 21, 0, MEMORY_BYTES, RIGHT_READ), "a mapping");
}

static void removals_measure(uint64_t ticks)
{
    period = ticks;
    removal("nothing", MEMORY);
    uint64_t before = clock_now();
    begin();
    table_fill();
    tell("10000 delegations", clock_now() - before);
    removal("revoking 10000 capabilities", MEMORY);
    chain_make();
    removal("revoking a chain of 100", MEMORY);
    must(cap_delegate(TABLE, FIRST_ENTRY, MEMORY, 0xff, 0, 0), "memory for another one");
    removal("scrubbing 1 MiB", MEMORY);
    map_often();
    removal("unmapping 50 times 1 MiB", MEMORY);
    table_fill();
    removal("destroying a partition with 10000 capabilities", TABLE_MEMORY);
}

void steps_measure(void)
{
    must(signal_create(CAP_SELF, NEVER_RAISED), "a signal");
    must(thread_create(CAP_SELF, TIMER_THREAD, CAP_SPACE, 0, PRIORITIES - 1, 0, 0), "the thread that is late");
    period = SELDOM;
    must(thread_start(TIMER_THREAD, (uint64_t)timer_main, (uint64_t)(stack + STACK), 0), "its start");
    take(MEMORY, SUBJECT_RAM, PART_STEPS * (uint64_t)RAM_PART, MEMORY_BYTES);
    take(TABLE_MEMORY, SUBJECT_KERNEL, PART_STEPS * (uint64_t)KERNEL_PART, TABLE_BYTES);
    for (unsigned i = 0; i < sizeof periods / sizeof periods[0]; i++) {
        must(partition_create(TABLE, TABLE_MEMORY, 1, 1), "the partition with the large table");
        removals_measure(periods[i]);
    }
    cap_delete(TABLE_MEMORY);
    cap_delete(MEMORY);
    cap_delete(TIMER_THREAD);
    cap_delete(NEVER_RAISED);
}
