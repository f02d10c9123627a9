/* Registry and search. A dozen ranges at most, of which nearly all have granules for themselves. */
#include "mmio.h"

#include <stddef.h>

struct area {
    uint64_t base, size;
};

enum { EXCLUDED = 16 };

struct mmio_map mmio_map;
static struct mmio_range *const ranges = &mmio_map.ranges[1];
static unsigned range_count;
static struct area excluded[EXCLUDED];
static unsigned excluded_count;

static bool overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a < b + b_size && b < a + a_size;
}

static bool range_is_free(const struct mmio_range *range)
{
    for (unsigned i = 0; i < excluded_count; i++)
        if (overlaps(range->base, range->size, excluded[i].base, excluded[i].size))
            return false;
    for (unsigned i = 0; i < range_count; i++)
        if (overlaps(range->base, range->size, ranges[i].base, ranges[i].size))
            return false;
    return true;
}

static void granules_claim(const struct mmio_range *range, uint8_t index)
{
    uint64_t last = (range->base + range->size - 1) >> MMIO_GRANULE_SHIFT;
    for (uint64_t i = range->base >> MMIO_GRANULE_SHIFT; i <= last && i < MMIO_GRANULES; i++)
        mmio_map.granules[i] = mmio_map.granules[i] == MMIO_NONE ? index : MMIO_SEVERAL;
}

bool mmio_register(const struct mmio_range *range)
{
    if (range_count == MMIO_RANGES || !range->size || (range->base | range->size) % MMIO_ALIGN || !range_is_free(range))
        return false;
    ranges[range_count++] = *range;
    granules_claim(range, (uint8_t)range_count);
    return true;
}

bool mmio_exclude(uint64_t base, uint64_t size)
{
    if (excluded_count == EXCLUDED)
        return false;
    excluded[excluded_count++] = (struct area){base, size};
    return true;
}

const struct mmio_range *mmio_find(uint64_t address)
{
    for (unsigned i = 0; i < range_count; i++)
        if (address - ranges[i].base < ranges[i].size)
            return &ranges[i];
    return NULL;
}
