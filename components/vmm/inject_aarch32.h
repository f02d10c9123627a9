/* The same as inject.h, for guests whose EL1 is in AArch32 state. */
#ifndef VMM_INJECT_AARCH32_H
#define VMM_INJECT_AARCH32_H

#include <bulkhead/vcpu.h>
#include <stdbool.h>

/** A data or prefetch abort; `status` as ESR_ELx has it. The guest's registers are in the state page. */
void inject_abort_aarch32(struct vcpu_state *state, bool fetch, unsigned status);

/** An undefined instruction at the current one. */
void inject_undefined_aarch32(struct vcpu_state *state);

/** Where its exception vectors begin. */
uint32_t vectors_aarch32(const struct vcpu_state *state);

#endif
