/* A large mapping, cut where the size of the blocks that fit changes. */
#include "map.h"

#include "call_stubs.h"

#include <stddef.h>

static uint64_t minimum(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* How much of `size` bytes from `address` → `physical` on is mapped by blocks (or pages) of one size, at most the limit of them. */
static uint64_t stretch(uint64_t address, uint64_t physical, uint64_t size)
{
    static const uint64_t blocks[] = {UINT64_C(1) << 30, UINT64_C(2) << 20};
    uint64_t end = UINT64_MAX; /* where a larger block could begin */
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        uint64_t mask = blocks[i] - 1;
        if ((address ^ physical) & mask)
            continue;
        uint64_t before = -address & mask;
        if (!before && size >= blocks[i])
            return minimum(end, minimum(size & ~mask, SPACE_MAP_LIMIT * blocks[i]));
        if (before && before < size)
            end = minimum(end, before);
    }
    return minimum(end, minimum(size, (uint64_t)SPACE_MAP_LIMIT * 4096));
}

status_t map_extent(cap_t space, cap_t extent, uint64_t address, uint64_t offset, uint64_t size, unsigned access)
{
    uint64_t type_rights, base = 0, extent_size;
    status_t status = cap_identify(extent, &type_rights, &base, &extent_size);
    while (status == STATUS_OK && size) {
        uint64_t part = stretch(address, base + offset, size);
        status = space_map(space, extent, address, offset, part, access);
        address += part;
        offset += part;
        size -= part;
    }
    return status;
}
