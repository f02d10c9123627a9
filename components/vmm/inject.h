/* Exceptions that the monitor gives its guest, as the processor would take them to EL1. */
#ifndef VMM_INJECT_H
#define VMM_INJECT_H

#include "vcpu.h"

/** A synchronous external abort for the access or fetch in the state page. False if the guest cannot take it (AArch32 EL1). */
bool inject_abort(struct cpu *cpu, bool fetch);

/** An undefined instruction at the current one. False as above. */
bool inject_undefined(struct cpu *cpu);

/** Whether the guest is just fetching an exception vector. */
bool inject_in_vectors(struct cpu *cpu);

#endif
