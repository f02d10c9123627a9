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

/* Tags that a CPU may hold at a time, and go from one to the other as it likes. */
enum { TAG_HOLDERS = 8 };

/* The CPU's holder, 0 … TAG_HOLDERS - 1, holds this tag from now on: returns its number, which stays the tag's as long as it is held. No two spaces' tags ever have the same value. */
unsigned tag_activate(unsigned cpu, unsigned holder, struct tag *tag);
/* How many numbers this generation has given out. */
unsigned tags_given(void);
/* For tests and start-up: all tags free, first generation. */
void tags_init(void);

#endif
