/*
 * Tags tell the translations of different spaces apart in the TLB. There are fewer than spaces may exist, so they belong to a
 * generation: when they run out, a new generation starts, every CPU's TLB is flushed, and spaces get new tags as they run.
 */
#ifndef CORE_TAG_H
#define CORE_TAG_H

#include "types.h"

struct tag {
    uint64_t value; /* generation << 16 | number; 0: none yet */
};

/* Before a CPU runs with this tag: makes sure that it is of the current generation. Returns its number. */
unsigned tag_activate(unsigned cpu, struct tag *tag);
/* How many numbers this generation has given out. */
unsigned tags_given(void);
/* For tests and start-up: all tags free, first generation. */
void tags_init(void);

#endif
