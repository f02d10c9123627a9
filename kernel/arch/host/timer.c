/* Time, which passes when the test says so. */
#include "host.h"

uint64_t host_counter;

enum { STORM = 1000 };

void arch_timer_set(uint64_t deadline)
{
    host.deadline[host_self->index] = deadline;
}

static void fire(struct cpu *cpu, void *argument)
{
    (void)argument;
    timer_handle(cpu);
}

/* As with a real comparator, the interrupt comes again until a later deadline is set. */
static void timer_run(unsigned index)
{
    for (unsigned i = 0; host.deadline[index] <= host_counter; i++) {
        if (i == STORM)
            host_fail("timer of CPU %u fires without end", index);
        host_enter(index, fire, NULL);
    }
}

void host_advance(uint64_t counter)
{
    host_counter = counter;
    for (unsigned i = 0; i < CPUS_MAX; i++)
        timer_run(i);
}
