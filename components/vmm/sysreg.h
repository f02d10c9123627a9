/* System registers that the kernel leaves to the monitor. */
#ifndef VMM_SYSREG_H
#define VMM_SYSREG_H

#include <bulkhead/vcpu.h>
#include <stdbool.h>

/** Answers the access in the state page and steps over it. False: the guest is offered no such register. */
bool sysreg_access(struct vcpu_state *state);

#endif
