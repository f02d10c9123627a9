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

/* A CPU holds two tags, and goes from one to the other as it likes: whose thread it runs, and whose guest's registers it has. */
enum tag_place { TAG_RUNNING, TAG_LOADED, TAG_PLACES };

/* The CPU holds this tag, in that place, from now on: returns its number, which is the tag's as long as it is held. */
unsigned tag_activate(unsigned cpu, enum tag_place place, struct tag *tag);
/* How many numbers this generation has given out. */
unsigned tags_given(void);
/* For tests and start-up: all tags free, first generation. */
void tags_init(void);

#endif
