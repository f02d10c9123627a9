/* What the parts of the component `rights` share. */
#ifndef RIGHTS_H
#define RIGHTS_H

#include "stand_in.h"

/* Slots in the subject's table: ranges that each part may use and leaves empty. */
enum {
    SLOT_REVOCATION = 100,
    SLOT_STEPS = 200,
    SLOT_COSTS = 300,
    SLOT_TRIES = 400,
};

/* Offsets in SUBJECT_KERNEL and SUBJECT_RAM that a part may use; tries.c has what follows. */
enum { KERNEL_PART = 0x200000, RAM_PART = 0x200000, PART_REVOCATION = 0, PART_STEPS, PART_COSTS, PART_TRIES };

/** Holders on another CPU, which what they hold is taken from: prints what they did next. */
void revocation_try(void);
/** Long removals, and how late a thread of higher priority is meanwhile on the same CPU. */
void steps_measure(void);
/** What a call took when it succeeded, in ticks. */
void cost_note(uint64_t call, uint64_t ticks);
void costs_measure(void);
void costs_print(void);

#endif
