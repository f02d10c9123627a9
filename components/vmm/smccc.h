/* A guest's calls by HVC or SMC: SMCCC 1.2 (DEN 0028), PSCI 1.1 (DEN 0022), TRNG (DEN 0098). */
#ifndef VMM_SMCCC_H
#define VMM_SMCCC_H

#include "vcpu.h"

#include <stdbool.h>
#include <stdint.h>

enum { SMCCC_NOT_SUPPORTED = -1, SMCCC_INVALID = -3 };

/* Arguments in, results out. `wide`: the 64-bit form was called; of the 32-bit form, arguments are cut already. */
struct smccc_words {
    uint32_t function; /* without the bit that says 64-bit */
    bool wide;
    uint64_t w[4]; /* [1] … [3]: arguments; [0] … [3]: results, [1] … [3] only if `results` */
    bool results;
    bool stops; /* the caller does not go on */
};

/** Carries out the call in a vCPU's registers. True if the guest goes on. */
bool smccc_call(struct cpu *cpu);

/** Whether this monitor answers `function` (for the FEATURES calls). */
bool smccc_offers(uint32_t function);

/** Hands constant answers to the kernel, so that they cost no exit. */
void smccc_build(void);

#endif
