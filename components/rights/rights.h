/* What the parts of the component `rights` share. */
#ifndef RIGHTS_H
#define RIGHTS_H

#include <bulkhead/call.h>
#include <bulkhead/status.h>
#include <stdint.h>

enum { PAGE = 4096 };

/* Slots in the subject's table: what root gave it; then ranges that each part may use and leaves empty. */
enum {
    SUBJECT_KERNEL = 20,
    SUBJECT_RAM,
    SUBJECT_WAKE,
    SLOT_REVOCATION = 100,
    SLOT_STEPS = 200,
    SLOT_COSTS = 300,
    SLOT_TRIES = 400,
};

/* Offsets in SUBJECT_KERNEL and SUBJECT_RAM that a part may use; tries.c has what follows. */
enum { KERNEL_PART = 0x200000, RAM_PART = 0x200000, PART_REVOCATION = 0, PART_STEPS, PART_COSTS, PART_TRIES };

/** Ends the machine with a message if the status is not as expected. */
void must_be(status_t status, status_t expected, const char *what);

static inline void must(status_t status, const char *what)
{
    must_be(status, STATUS_OK, what);
}

/** A part of SUBJECT_KERNEL or SUBJECT_RAM, derived into `slot`. */
void take_part(cap_t slot, cap_t from, uint64_t offset, uint64_t size);

/** Holders on another CPU, which what they hold is taken from: prints what they did next. */
void revocation_try(void);
/** Long removals, and how late a thread of higher priority is meanwhile on the same CPU. */
void steps_measure(void);
/** What a call took when it succeeded, in ticks. */
void cost_note(uint64_t call, uint64_t ticks);
void costs_measure(void);
void costs_print(void);

#endif
