/* SMCCC True Random Number Generator interface (DEN 0098 1.0), from a DRBG seeded by the firmware. Not offered without a seed. */
#ifndef VMM_TRNG_H
#define VMM_TRNG_H

#include "smccc.h"

#include <stddef.h>

/** Seeds the generator, if root gave a seed. */
void trng_build(void);

/** There is a seed: else the service is not offered. */
bool trng_is_offered(void);

/** Up to 32 random bytes, for the device tree too. Only if offered. */
void trng_bytes(void *to, size_t size);

/** What each function does (DEN 0098 §2): arguments and answer in `words`. */
void trng_version(struct cpu *cpu, struct smccc_words *words);
void trng_features(struct cpu *cpu, struct smccc_words *words);
void trng_get_uuid(struct cpu *cpu, struct smccc_words *words);
void trng_random(struct cpu *cpu, struct smccc_words *words);

#endif
