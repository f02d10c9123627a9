/* Types that every file of the kernel uses. Physical addresses, addresses in a space and pointers do not mix. */
#ifndef CORE_TYPES_H
#define CORE_TYPES_H

#include <bulkhead/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t raw;
} paddr_t; /* physical */

typedef struct {
    uint64_t raw;
} saddr_t; /* in a space: guest-physical, or a component's virtual */

enum { PAGE_SHIFT = 12, PAGE_SIZE = 1 << PAGE_SHIFT, CPUS_MAX = 8 };
enum { CACHE_LINE = 64 /* bytes: what is laid out together */ };

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* The number as an address of its kind. */
static inline paddr_t paddr(uint64_t raw)
{
    return (paddr_t){raw};
}

static inline saddr_t saddr(uint64_t raw)
{
    return (saddr_t){raw};
}

/* A multiple of the page size; the next one from there on. */
static inline bool page_aligned(uint64_t value)
{
    return (value & (PAGE_SIZE - 1)) == 0;
}

static inline uint64_t page_round_up(uint64_t value)
{
    return (value + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
}

#endif
