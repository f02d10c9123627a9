/*
 * Random bytes from the firmware's seed: ChaCha20 (RFC 8439) with fast key erasure. Each request's first 32 bytes of key stream become the next
 * key, so what was given out cannot be computed from a later state.
 */
#ifndef VMM_DRBG_H
#define VMM_DRBG_H

#include <stddef.h>
#include <stdint.h>

enum { DRBG_KEY_SIZE = 32, DRBG_MAX = 32 };

struct drbg {
    uint32_t key[8];
};

/** Starts from a seed of DRBG_KEY_SIZE bytes. */
void drbg_seed(struct drbg *drbg, const uint8_t *seed);

/** `size` (up to DRBG_MAX) random bytes. */
void drbg_generate(struct drbg *drbg, void *to, size_t size);

/** One block of ChaCha20: 64 bytes of key stream as words. */
void chacha20_block(uint32_t out[16], const uint32_t key[8], uint32_t counter, const uint32_t nonce[3]);

#endif
