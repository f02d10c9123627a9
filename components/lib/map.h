/* Mapping more than one call may. */
#ifndef LIB_MAP_H
#define LIB_MAP_H

#include <bulkhead/call.h>
#include <bulkhead/status.h>

/**
 * space_map in as many calls as SPACE_MAP_LIMIT demands. Each call makes a mapping of its own; with `address` congruent to the physical address
 * mod 2 MiB (or 1 GiB) those are few. After an error the first part may be mapped.
 */
status_t map_extent(cap_t space, cap_t extent, uint64_t address, uint64_t offset, uint64_t size, unsigned access);

#endif
