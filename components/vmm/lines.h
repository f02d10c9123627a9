/*
 * Virtual interrupt lines of this VM, as the device models see them. The kernel keeps their state. Apart from the models, so that those can be
 * tested without a kernel.
 */
#ifndef VMM_LINES_H
#define VMM_LINES_H

#include <bulkhead/aarch64/call.h>
#include <stdbool.h>
#include <stdint.h>

/** Reads `field` of the 32 lines (or the one) from `first`; below 32: of `vcpu`. Zero if there is no such line. */
uint32_t lines_get(unsigned vcpu, enum virq_field field, unsigned first);

/** Changes it. */
void lines_set(unsigned vcpu, enum virq_field field, unsigned first, uint64_t value);

/** Sets the level of shared line `intid`. */
void line_level(unsigned intid, bool level);

#endif
