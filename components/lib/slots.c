/* A bitmap of used slots; threads may allocate at the same time. */
#include "slots.h"

#include <stdbool.h>
#include <stdint.h>

enum { SLOTS_MANAGED = 4096, WORD_BITS = 64 };

static uint64_t used[SLOTS_MANAGED / WORD_BITS];

void slots_begin(cap_t first)
{
    for (cap_t slot = 0; slot < first && slot < SLOTS_MANAGED; slot++)
        used[slot / WORD_BITS] |= UINT64_C(1) << slot % WORD_BITS;
}

/* A free bit of the word, now taken, or -1. */
static int word_take(uint64_t *word)
{
    uint64_t before = __atomic_load_n(word, __ATOMIC_RELAXED);
    while (~before) {
        int bit = __builtin_ctzll(~before);
        if (__atomic_compare_exchange_n(word, &before, before | UINT64_C(1) << bit, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return bit;
    }
    return -1;
}

cap_t slot_allocate(void)
{
    for (cap_t i = 0; i < SLOTS_MANAGED / WORD_BITS; i++) {
        int bit = word_take(&used[i]);
        if (bit >= 0)
            return i * WORD_BITS + (cap_t)bit;
    }
    return 0;
}

void slot_free(cap_t slot)
{
    if (slot >= CAP_FIRST_FREE && slot < SLOTS_MANAGED)
        __atomic_fetch_and(&used[slot / WORD_BITS], ~(UINT64_C(1) << slot % WORD_BITS), __ATOMIC_RELEASE);
}

unsigned slots_used(void)
{
    unsigned count = 0;
    for (cap_t i = 0; i < SLOTS_MANAGED / WORD_BITS; i++)
        for (uint64_t word = __atomic_load_n(&used[i], __ATOMIC_RELAXED); word; word &= word - 1)
            count++;
    return count;
}
