/* Words for ESR_EL2 (Arm ARM D13.2.37). No calls, no state. */
#ifndef VMM_SYNDROME_H
#define VMM_SYNDROME_H

#include "decode.h"

#include <bulkhead/vcpu.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Name of the exception class, ESR[31:26]. */
const char *syndrome_class(uint64_t syndrome);

/**
 * "load of 4 bytes into x3", "store of 0x12 (2 bytes)", "load of 2 x 8 bytes (instruction 0xa9400c22)". `instruction` and `decoded` count where the
 * processor does not describe the access; 0: it could not be read.
 */
void syndrome_access(char *to, size_t size, const struct vcpu_state *state, uint32_t instruction, const struct decoded *decoded);

/** Is it about an access or a fetch: FAR_EL2 means something? */
bool syndrome_is_abort(uint64_t syndrome);

/** Why an access failed that the guest was allowed (EXIT_ERROR): the device's, the memory's or the guest's fault. */
const char *syndrome_error(uint64_t syndrome);

/** "read of S3_0_C15_C2_0 into x1" for a trapped MSR or MRS (EC 0x18), "write of coprocessor register p15, 0, c9, c12, 0" for MCR or MRC, else the class's name. */
void syndrome_instruction(char *to, size_t size, uint64_t syndrome);

#endif
