/*
 * The life of an instance: built, running, dying, waiting to be built again. All kinds (VM, component, the UART's driver) live by these rules; what a
 * kind adds is in `build`.
 */
#ifndef ROOT_LIFE_H
#define ROOT_LIFE_H

#include "instance.h"

/** It died, or was killed: says so, with `why`, and what comes next; ends its partition; then it comes again or not, as described. */
void life_died(struct instance *in, const char *why);

/** Ends its partition without a word, if it has one; then its condition is `next`. */
void life_end(struct instance *in, enum condition next);

/** Ends it and builds it anew at once. What died before does not count any more. */
void life_renew(struct instance *in);

/** What is due: the end of an end, a restart. */
void life_step(struct instance *in);

/** When something will be due; DEADLINE_NEVER if only an event can bring it. */
uint64_t life_deadline(const struct instance *in);

#endif
