/* Exceptions that the monitor gives its guest, as the processor would take them to EL1. */
#ifndef VMM_INJECT_H
#define VMM_INJECT_H

#include "vcpu.h"

#include <stdbool.h>

/* Fault status codes (Arm ARM, ISS of a data abort, DFSC). */
enum {
    ABORT_EXTERNAL = 0x10,
    ABORT_ALIGNMENT = 0x21,
    ABORT_EXCLUSIVE = 0x35, /* unsupported exclusive or atomic access */
};

/**
 * A synchronous abort for the access or fetch in the state page, with that fault status; an external one in a walk of the guest's tables says so.
 * False if the kernel does not hand its registers out.
 */
bool inject_abort(struct cpu *cpu, bool fetch, unsigned status);

/** An undefined instruction at the current one. False as above. */
bool inject_undefined(struct cpu *cpu);

/** Whether the guest is just fetching an exception vector. */
bool inject_in_vectors(struct cpu *cpu);

#endif
