/* System registers that the kernel leaves to the monitor. */
#ifndef VMM_SYSREG_H
#define VMM_SYSREG_H

#include <bulkhead/vcpu.h>
#include <stdbool.h>
#include <stdint.h>

/* As the Instruction Specific Syndrome has them (Arm ARM D13.2.37). */
#define SYSREG_ISS(op0, op1, crn, crm, op2) ((uint32_t)(op0) << 20 | (op2) << 17 | (op1) << 14 | (crn) << 10 | (crm) << 1)

/** Answers the access in the state page and steps over it. False: the guest is offered no such register. */
bool sysreg_access(struct vcpu_state *state);

/** Is there nothing behind that register? *value: what it reads as. */
bool sysreg_absorbed(uint32_t reg, uint32_t *value);

#endif
