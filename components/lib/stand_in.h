/*
 * For programs that are packed in root's place, tests and benchmarks: they start with every capability. Messages go to the kernel's log. What such a program
 * tries or measures it may leave to a subject: a partition of its making that runs in the same space and holds what it is given.
 */
#ifndef LIB_STAND_IN_H
#define LIB_STAND_IN_H

#include <bulkhead/bootinfo.h>
#include <bulkhead/call.h>
#include <bulkhead/status.h>
#include <stdint.h>

enum {
    PAGE = 4096,
    MEBIBYTE = 1 << 20,
    /* Slots of the subject's table, beside CAP_SPACE and CAP_SYSTEM. */
    SUBJECT_KERNEL = 20, /* memory that may become kernel memory, */
    SUBJECT_RAM,         /* and that may not: the largest extent of each that there is */
};

/** The program's own, instead of the library's, which expects a startup page; its argument is the bootinfo. */
_Noreturn void component_start(void *argument);

/** The first call of component_start. Messages about what went wrong begin with `program`. */
void stand_in_begin(const struct bootinfo *bootinfo, const char *program);

/** Switches the machine off. */
_Noreturn void stand_in_end(void);

/** A call did not do what it must: says so and switches the machine off. */
_Noreturn void must_fail(const char *what, status_t status);

/** Inline, so that beside a call that is measured there is one instruction. */
static inline void must(status_t status, const char *what)
{
    if (status != STATUS_OK)
        must_fail(what, status);
}

/** The slot of the largest extent of that use, 0 if there is none. */
cap_t extent_of(enum extent_use use);

/** Memory of that size at that offset of slot `from`, into slot `to` of the caller's table. */
void take(cap_t to, cap_t from, uint64_t offset, uint64_t size);

/** Makes the subject, with so much kernel memory of its own, for the processors of the mask. */
void subject_make(unsigned mebibytes, uint64_t cpus);

/** Gives it a capability, or a part of one: slot `from` of root's table into its slot `to`. */
void subject_give(cap_t to, cap_t from, uint64_t first, uint64_t size);

/** Runs it on the first processor until it ends, tells how, and switches the machine off. */
_Noreturn void subject_run(void (*entry)(void));

#endif
