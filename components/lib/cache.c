/* Cache maintenance, line by line. */
#include "cache.h"

#include <stdint.h>

static uint64_t cache_type(void)
{
    uint64_t ctr;
    __asm__ volatile("mrs %0, ctr_el0" : "=r"(ctr));
    return ctr;
}

/* CTR_EL0.DminLine, [19:16], and IminLine, [3:0], are log2 of words of 4 bytes. */
static uintptr_t line_size(unsigned shift)
{
    return (uintptr_t)4 << (cache_type() >> shift & 15);
}

void cache_clean(const void *start, size_t size)
{
    uintptr_t line = line_size(16), end = (uintptr_t)start + size;
    for (uintptr_t at = (uintptr_t)start & ~(line - 1); at < end; at += line)
        __asm__ volatile("dc cvac, %0" : : "r"(at) : "memory");
    __asm__ volatile("dsb sy" : : : "memory");
}

void cache_clean_invalidate(const void *start, size_t size)
{
    uintptr_t line = line_size(16), end = (uintptr_t)start + size;
    for (uintptr_t at = (uintptr_t)start & ~(line - 1); at < end; at += line)
        __asm__ volatile("dc civac, %0" : : "r"(at) : "memory");
    __asm__ volatile("dsb sy" : : : "memory");
}
