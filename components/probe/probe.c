/*
 * A component for tests: answers each doorbell by raising the ringing VM's line, which is edge-triggered, and prints each count that is a
 * power of two.
 */
#include "call_stubs.h"
#include "print.h"
#include "startup.h"

#include <stddef.h>

enum { DOORBELLS = 16, DOORBELL_BITS = (1 << DOORBELLS) - 1, EDGE = 1, LINE_PREFIX = sizeof "line/" - 1 };

static void answer(const struct startup_resource *line)
{
    static uint64_t counts[DOORBELLS];
    uint64_t *count = &counts[__builtin_ctzll(line->value) % DOORBELLS];
    virq_raise(line->slot, line->number, EDGE);
    ++*count;
    if (!(*count & (*count - 1)))
        console_print("%s rang %lu times\n", line->name + LINE_PREFIX, *count);
}

int component_main(struct startup *startup)
{
    const struct startup_resource *wake = startup_need("wake"), *line;
    (void)startup;
    for (;;) {
        uint64_t bits;
        if (signal_wait(wake->slot, DOORBELL_BITS, DEADLINE_NEVER, &bits) != STATUS_OK)
            component_fail("probe: its signal is gone");
        for (line = NULL; (line = startup_each("line/", line));)
            if (line->value & bits)
                answer(line);
    }
}
