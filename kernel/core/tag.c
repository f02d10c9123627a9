/* Allocation of tags; lock-free as long as the tag is current. */
#include "tag.h"
#include "arch.h"
#include "lock.h"

enum { TAG_BITS = 16, TAG_WORDS = TAGS_MAX / 64 };

static struct lock lock;
static uint64_t generation; /* in the tag's upper bits: counts by 1 << TAG_BITS */
static uint64_t used[TAG_WORDS];
static unsigned next;
enum { HOLDERS = CPUS_MAX * TAG_HOLDERS };
/* What each CPU holds. Zero since a rollover: then the next tag is not to be taken without the lock. What was held then stays reserved. */
static uint64_t active[HOLDERS] __attribute__((aligned(CACHE_LINE))), reserved[HOLDERS];

void tags_init(void)
{
    generation = UINT64_C(1) << TAG_BITS;
    __builtin_memset(used, 0, sizeof(used));
    __builtin_memset(active, 0, sizeof(active));
    __builtin_memset(reserved, 0, sizeof(reserved));
    next = 1;
}

static bool tag_take(unsigned number)
{
    uint64_t bit = UINT64_C(1) << (number % 64), *word = &used[number / 64];
    bool was_free = !(*word & bit);
    *word |= bit;
    return was_free;
}

/* New generation: only tags that CPUs hold right now stay taken; everything else is forgotten by every TLB. */
static void tags_roll_over(void)
{
    __atomic_store_n(&generation, generation + (UINT64_C(1) << TAG_BITS), __ATOMIC_RELAXED);
    __builtin_memset(used, 0, arch_tag_count() / 8);
    for (unsigned i = 0; i < HOLDERS; i++) {
        uint64_t held = __atomic_exchange_n(&active[i], 0, __ATOMIC_SEQ_CST);
        if (held)
            reserved[i] = held;
        if (reserved[i])
            tag_take(reserved[i] & ((1 << TAG_BITS) - 1));
    }
    next = 1;
    arch_tags_flush();
}

/* Was the tag, which is not 0, held somewhere at a rollover? Then it keeps its number. */
static bool tag_is_reserved(uint64_t old, uint64_t fresh)
{
    bool found = false;
    for (unsigned i = 0; i < HOLDERS; i++) {
        if (reserved[i] == old) {
            reserved[i] = fresh;
            found = true;
        }
    }
    return found;
}

static unsigned tag_next_free(void)
{
    for (;; tags_roll_over()) {
        for (; next < arch_tag_count(); next++) {
            if (tag_take(next))
                return next++;
        }
    }
}

unsigned tags_given(void)
{
    return next - 1;
}

static uint64_t tag_renew(uint64_t old)
{
    uint64_t number = old & ((1 << TAG_BITS) - 1);
    if (old && tag_is_reserved(old, generation | number))
        return generation | number;
    number = tag_next_free(); /* may start a new generation */
    return generation | number;
}

unsigned tag_activate(unsigned cpu, unsigned holder, struct tag *tag)
{
    uint64_t *held = &active[cpu * TAG_HOLDERS + holder];
    uint64_t value = __atomic_load_n(&tag->value, __ATOMIC_RELAXED), before = *held;
    /* The exchange fails if a rollover took what this CPU holds; then the slow way decides. */
    if (before && (value ^ __atomic_load_n(&generation, __ATOMIC_RELAXED)) >> TAG_BITS == 0 &&
        __atomic_compare_exchange_n(held, &before, value, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
        return (unsigned)(value & ((1 << TAG_BITS) - 1));
    lock_take(&lock);
    value = tag->value;
    if ((value ^ generation) >> TAG_BITS)
        __atomic_store_n(&tag->value, value = tag_renew(value), __ATOMIC_RELAXED);
    __atomic_store_n(held, value, __ATOMIC_SEQ_CST);
    arch_tag_publish();
    lock_release(&lock);
    return (unsigned)(value & ((1 << TAG_BITS) - 1));
}
