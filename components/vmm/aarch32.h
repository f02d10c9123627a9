/* What traps from AArch32 code: 32-bit guests, and 32-bit programs of the others. */
#ifndef VMM_AARCH32_H
#define VMM_AARCH32_H

#include <bulkhead/vcpu.h>

/* What the vCPU's thread has to do about it. */
enum aarch32_outcome {
    OUTCOME_DONE,
    OUTCOME_WAIT,      /* for an interrupt */
    OUTCOME_CALL,      /* a firmware call, its arguments in the registers */
    OUTCOME_UNDEFINED, /* the guest is not offered it; `pc` is still at the instruction */
};

/** Carries out the EXIT_AARCH32 of vCPU `index` and steps over the instruction. */
enum aarch32_outcome aarch32_carry_out(struct vcpu_state *state, unsigned index);

#endif
