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

/* In a list of what is somebody's (a partition's objects, a space's users, a signal's bindings; what was derived from a capability), so that the end of that one reaches them. */
struct link {
    struct link *next, **pprev;
};

/* The user is at the front of the used object's list. Tree lock. */
static inline void link_add(struct link **list, struct link *link)
{
    link->next = *list;
    link->pprev = list;
    if (*list)
        (*list)->pprev = &link->next;
    *list = link;
}

/* It is in none, whether it was before or not. Tree lock. */
static inline void link_remove(struct link *link)
{
    if (!link->pprev)
        return;
    *link->pprev = link->next;
    if (link->next)
        link->next->pprev = link->pprev;
    link->pprev = NULL;
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
