/* The same as inject.h, for guests whose EL1 is in AArch32 state. */
#ifndef VMM_INJECT_AARCH32_H
#define VMM_INJECT_AARCH32_H

#include <bulkhead/vcpu.h>
#include <stdbool.h>

/* pstate in AArch32 state besides what <bulkhead/aarch64/aarch32.h> has (Arm ARM C5.2.19). */
enum {
    AARCH32_USER = 0x10,
    AARCH32_IRQ = 0x12,
    AARCH32_SUPERVISOR = 0x13,
    AARCH32_ABORT = 0x17,
    AARCH32_UNDEFINED = 0x1b,
    AARCH32_SYSTEM = 0x1f,
    AARCH32_F = 1 << 6,
    AARCH32_I = 1 << 7,
    AARCH32_A = 1 << 8,
    AARCH32_E = 1 << 9,
};

/** A data or prefetch abort; `status` as ESR_ELx has it. The guest's registers are in the state page. */
void inject_abort_aarch32(struct vcpu_state *state, bool fetch, unsigned status);

/** An undefined instruction at the current one. */
void inject_undefined_aarch32(struct vcpu_state *state);

/** Where its exception vectors begin. */
uint32_t vectors_aarch32(const struct vcpu_state *state);

#endif
