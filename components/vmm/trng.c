/* Lock: `lock`, held for one request. */
#include "trng.h"

#include "drbg.h"
#include "lock.h"
#include "machine.h"
#include "string.h"

enum { TRNG_SUCCESS = 0, TRNG_INVALID_PARAMETERS = -2, BITS_32 = 96, BITS_64 = 192, WORDS_MAX = 3 };

#define TRNG_VERSION_1_0 UINT64_C(0x10000)

static struct drbg drbg;
static struct lock lock;
static bool offered;

void trng_build(void)
{
    offered = machine.seed.data && machine.seed.size >= DRBG_KEY_SIZE;
    if (offered)
        drbg_seed(&drbg, machine.seed.data);
}

bool trng_is_offered(void)
{
    return offered;
}

void trng_bytes(void *to, size_t size)
{
    lock_take(&lock);
    drbg_generate(&drbg, to, size);
    lock_release(&lock);
}

void trng_version(struct cpu *cpu, struct smccc_words *words)
{
    (void)cpu;
    words->w[0] = TRNG_VERSION_1_0;
}

void trng_features(struct cpu *cpu, struct smccc_words *words)
{
    (void)cpu;
    words->w[0] = smccc_offers((uint32_t)words->w[1]) ? TRNG_SUCCESS : (uint64_t)SMCCC_NOT_SUPPORTED;
}

/* UUID of the generator: 62756c6b-6864-4452-8247-000000000001. */
void trng_get_uuid(struct cpu *cpu, struct smccc_words *words)
{
    (void)cpu;
    words->w[0] = 0x6b6c7562;
    words->w[1] = 0x52446468;
    words->w[2] = 0x00004782;
    words->w[3] = 0x01000000;
    words->results = true;
}

/* The value's bits, right-aligned, least significant word in the last register (§2.5); unused bits are zero. */
static void spread(struct smccc_words *words, const uint64_t *random, unsigned bits, unsigned word_bits)
{
    for (unsigned i = 0; i < WORDS_MAX; i++) {
        unsigned have = bits > i * word_bits ? bits - i * word_bits : 0;
        have = have < word_bits ? have : word_bits;
        words->w[WORDS_MAX - i] = have ? random[i] >> (64 - have) : 0;
    }
}

void trng_random(struct cpu *cpu, struct smccc_words *words)
{
    (void)cpu;
    uint64_t random[WORDS_MAX];
    uint64_t bits = words->w[1];
    words->results = true;
    if (!bits || bits > (words->wide ? BITS_64 : BITS_32)) {
        words->w[0] = (uint64_t)TRNG_INVALID_PARAMETERS;
        words->w[1] = words->w[2] = words->w[3] = 0;
        return;
    }
    trng_bytes(random, sizeof random);
    words->w[0] = TRNG_SUCCESS;
    spread(words, random, (unsigned)bits, words->wide ? 64 : 32);
    memset(random, 0, sizeof random);
}
