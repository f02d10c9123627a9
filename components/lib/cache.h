/*
 * Cache maintenance by address from EL0 (Arm ARM B2.4.8). Guests start with caches off, so what a component writes for them must be cleaned
 * to the point of coherency first; code that it writes, to the point of unification.
 */
#ifndef LIB_CACHE_H
#define LIB_CACHE_H

#include <stddef.h>

/** Writes [start, start + size) back to memory (DC CVAC). */
void cache_clean(const void *start, size_t size);

/** The same and drops the lines (DC CIVAC): the next read sees what others wrote with caches off. */
void cache_clean_invalidate(const void *start, size_t size);

#endif
