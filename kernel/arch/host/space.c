/* A format of translation tables of its own, and a TLB that remembers what it was not told to forget. */
#include "space.h"
#include "host.h"
#include "internal.h"

#include <string.h>

/* An entry: present, table, access, device, contiguous; the page number from bit 16 on. */
enum { PRESENT = 1, TABLE = 2, ACCESS_SHIFT = 2, DEVICE = 32, CONTIGUOUS = 64, PAGE_NUMBER_SHIFT = 16 };
enum { LEVELS = 3, ENTRIES_CACHED = 512 };

static uint64_t entry_of(paddr_t address, unsigned flags)
{
    return address.raw >> PAGE_SHIFT << PAGE_NUMBER_SHIFT | flags | PRESENT;
}

static uint64_t table_entry(paddr_t table)
{
    return entry_of(table, TABLE);
}

static uint64_t leaf_entry(unsigned level, paddr_t base, unsigned access, bool device, bool contiguous)
{
    if (base.raw & ((UINT64_C(1) << arch_space_format.shift[level]) - 1))
        host_fail("leaf of level %u at %lx", level, (unsigned long)base.raw);
    return entry_of(base, (access & 7) << ACCESS_SHIFT | (device ? DEVICE : 0) | (contiguous ? CONTIGUOUS : 0));
}

static bool is_table(unsigned level, uint64_t entry)
{
    return level < LEVELS - 1 && entry & TABLE;
}

static paddr_t entry_address(uint64_t entry)
{
    return paddr(entry >> PAGE_NUMBER_SHIFT << PAGE_SHIFT);
}

const struct table_format arch_space_format = {
    .levels = LEVELS,
    .shift = {30, 21, 12},
    .leaf = {true, true, true},
    .contiguous = {0, 16, 16},
    .table_entry = table_entry,
    .leaf_entry = leaf_entry,
    .is_table = is_table,
    .entry_address = entry_address,
};

void arch_table_publish(const void *entry, size_t bytes)
{
    (void)entry;
    (void)bytes;
}

/* --- the TLB: of all CPUs together ------------------------------------------------------------------------------------- */

static struct translation {
    const struct space *space; /* NULL: free */
    bool leaf;                 /* false: only the way to it is known, for a region of `size` */
    uint64_t address, physical, size;
    unsigned access;
    uint64_t tables[LEVELS]; /* pages that the walk went through; 0: none */
} tlb[ENTRIES_CACHED];
static unsigned tlb_next;

void tlb_reset(void)
{
    memset(tlb, 0, sizeof tlb);
    tlb_next = 0;
}

static bool overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a < b + b_size && b < a + a_size;
}

/* The way down, as hardware goes it: independent of core/table.c. */
static bool walk(const struct space *space, uint64_t address, struct translation *found, uint64_t *leaf)
{
    const uint64_t *table = space->table.root;
    *found = (struct translation){.space = space};
    for (unsigned level = 0; level < LEVELS; level++) {
        unsigned shift = arch_space_format.shift[level];
        uint64_t span = UINT64_C(1) << shift, entry = table[address >> shift & 511];
        found->tables[level] = ptr_to_phys(table).raw;
        if (!(entry & PRESENT))
            return false;
        if (is_table(level, entry)) {
            table = phys_to_ptr(entry_address(entry));
            continue;
        }
        found->leaf = true;
        found->address = address & ~(span - 1);
        found->physical = entry_address(entry).raw;
        found->size = span;
        found->access = (unsigned)(entry >> ACCESS_SHIFT) & 7;
        *leaf = entry;
        return true;
    }
    return false;
}

static const struct translation *tlb_find(const struct space *space, uint64_t address)
{
    for (unsigned i = 0; i < ENTRIES_CACHED; i++) {
        if (tlb[i].space == space && tlb[i].leaf && overlaps(tlb[i].address, tlb[i].size, address, 1))
            return &tlb[i];
    }
    return NULL;
}

uint64_t host_translate(struct space *space, uint64_t address, unsigned access)
{
    struct translation fresh;
    uint64_t leaf;
    const struct translation *found = tlb_find(space, address);
    if (!found && walk(space, address, &fresh, &leaf)) {
        tlb[tlb_next] = fresh;
        found = &tlb[tlb_next];
        tlb_next = (tlb_next + 1) % ENTRIES_CACHED;
    }
    if (!found || (found->access & access) != access)
        return UINT64_MAX;
    return found->physical + (address - found->address);
}

uint64_t host_leaf_size(struct space *space, uint64_t address, bool *contiguous, bool *device)
{
    struct translation found;
    uint64_t leaf = 0;
    bool present = walk(space, address, &found, &leaf);
    *contiguous = leaf & CONTIGUOUS;
    *device = leaf & DEVICE;
    return present ? found.size : 0;
}

bool host_tlb_reaches(uint64_t base, uint64_t size)
{
    for (unsigned i = 0; i < ENTRIES_CACHED; i++) {
        bool by_walk = false;
        for (unsigned level = 0; tlb[i].space && level < LEVELS; level++)
            by_walk |= tlb[i].tables[level] && overlaps(tlb[i].tables[level], PAGE_SIZE, base, size);
        if (tlb[i].space && (by_walk || (tlb[i].leaf && overlaps(tlb[i].physical, tlb[i].size, base, size))))
            return true;
    }
    return false;
}

/*
 * As long as somebody may run in the space, hardware may walk for any address at any time, speculatively: it does so at once, and remembers
 * the tables on the way even if nothing is mapped at its end.
 */
static void walk_again(struct translation *entry, const struct space *space, uint64_t address)
{
    uint64_t leaf;
    unsigned level = LEVELS - 1;
    entry->space = NULL;
    if (space->dead || walk(space, address, entry, &leaf))
        return;
    while (level && !entry->tables[level])
        level--;
    if (!level) { /* the root alone is nothing to remember */
        entry->space = NULL;
        return;
    }
    entry->size = UINT64_C(1) << arch_space_format.shift[level - 1];
    entry->address = address & ~(entry->size - 1);
}

void arch_space_flush(struct space *space, saddr_t address, uint64_t size)
{
    host.space_flushes++;
    for (unsigned i = 0; i < ENTRIES_CACHED; i++) {
        if (tlb[i].space == space && overlaps(tlb[i].address, tlb[i].size, address.raw, size))
            walk_again(&tlb[i], space, tlb[i].address);
    }
}

void arch_tag_publish(void)
{
}

void arch_tags_flush(void)
{
    host.tag_flushes++;
    tlb_reset();
}

unsigned arch_tag_count(void)
{
    return host.tag_count;
}
