/* The one walker for every format of translation tables. */
#include "table.h"
#include "log.h"
#include "partition.h"

static unsigned index_of(const struct table_format *format, unsigned level, saddr_t address)
{
    uint64_t span = level ? format->shift[level - 1] : 64;
    uint64_t index = address.raw >> format->shift[level];
    return (unsigned)(span == 64 ? index : index & ((UINT64_C(1) << (span - format->shift[level])) - 1));
}

static uint64_t span_of(const struct table_format *format, unsigned level)
{
    return UINT64_C(1) << format->shift[level];
}

/* The highest level whose entries fit `base` and `address` in alignment and `size`. */
static unsigned leaf_level(const struct table_format *format, saddr_t address, paddr_t base, uint64_t size)
{
    unsigned level = 0;
    while (!format->leaf[level] || ((address.raw | base.raw) & (span_of(format, level) - 1)) || size < span_of(format, level))
        level++;
    return level;
}

static uint64_t *table_of(const struct table_format *format, uint64_t entry)
{
    return phys_to_ptr(format->entry_address(entry));
}

struct table_leaf table_find(const struct table *table, saddr_t address)
{
    const struct table_format *format = table->format;
    uint64_t *entries = table->root;
    for (unsigned level = 0;; level++) {
        uint64_t *entry = &entries[index_of(format, level, address)];
        if (!*entry)
            return (struct table_leaf){level, NULL};
        if (!format->is_table(level, *entry))
            return (struct table_leaf){level, entry};
        entries = table_of(format, *entry);
    }
}

enum { TABLE_ENTRIES = PAGE_SIZE / sizeof(uint64_t) };

/* Entries of one table that one walk finds: leaves of one level, side by side. */
struct run {
    uint64_t *entries; /* the first one; NULL: a larger block is in the way, or no memory for a table on the way (`status`) */
    unsigned level;
    unsigned count; /* at least one */
    status_t status;
};

/* The leaves that map `size` bytes from `address` → `base` on, as far as they are in one table. Makes the tables on the way to them. */
static struct run run_prepare(struct table *table, saddr_t address, paddr_t base, uint64_t size)
{
    const struct table_format *format = table->format;
    struct run run = {.entries = table->root, .level = leaf_level(format, address, base, size), .status = STATUS_OK};
    for (unsigned l = 0; l < run.level; l++) {
        uint64_t *entry = &run.entries[index_of(format, l, address)];
        void *page = *entry ? NULL : memory_take_page(table->payer);
        if (page) {
            arch_table_publish(page, PAGE_SIZE);
            *entry = format->table_entry(ptr_to_phys(page));
            arch_table_publish(entry, sizeof(*entry));
        } else if (!*entry || !format->is_table(l, *entry)) {
            return (struct run){.status = *entry ? STATUS_EXISTS : STATUS_MEMORY};
        }
        run.entries = table_of(format, *entry);
    }
    unsigned index = index_of(format, run.level, address), rest = TABLE_ENTRIES - index;
    uint64_t fit = size >> format->shift[run.level]; /* beyond them, or behind this table's end, blocks of another size may fit */
    run.entries += index;
    run.count = fit < rest ? (unsigned)fit : rest;
    return run;
}

status_t table_prepare(struct table *table, saddr_t address, paddr_t base, uint64_t size, unsigned limit)
{
    for (uint64_t done = 0; done < size;) {
        if (!limit)
            return STATUS_LIMIT;
        struct run run = run_prepare(table, saddr(address.raw + done), paddr(base.raw + done), size - done);
        if (run.status != STATUS_OK)
            return run.status;
        for (unsigned i = 0; i < run.count && i < limit; i++) {
            if (run.entries[i])
                return STATUS_EXISTS;
        }
        if (run.count > limit)
            return STATUS_LIMIT;
        limit -= run.count;
        done += run.count * span_of(table->format, run.level);
    }
    return STATUS_OK;
}

/* May the entry for `address` bear the contiguous mark? Only if the whole aligned group will. [low, high): the range being mapped, as bytes from base's view. */
static bool group_fits(const struct table_format *format, unsigned level, saddr_t address, paddr_t base, uint64_t low, uint64_t high)
{
    uint64_t group = format->contiguous[level] * span_of(format, level);
    if (!group || ((address.raw ^ base.raw) & (group - 1)))
        return false;
    uint64_t start = address.raw & ~(group - 1);
    return start >= low && start + group <= high;
}

void table_commit(struct table *table, saddr_t address, paddr_t base, uint64_t size, unsigned access, bool device)
{
    const struct table_format *format = table->format;
    for (uint64_t done = 0; done < size;) {
        struct run run = run_prepare(table, saddr(address.raw + done), paddr(base.raw + done), size - done);
        for (unsigned i = 0; i < run.count; i++) {
            paddr_t to = paddr(base.raw + done);
            bool contiguous = group_fits(format, run.level, saddr(address.raw + done), to, address.raw, address.raw + size);
            __atomic_store_n(&run.entries[i], format->leaf_entry(run.level, to, access, device, contiguous), __ATOMIC_RELAXED);
            done += span_of(format, run.level);
        }
        arch_table_publish(run.entries, run.count * sizeof(*run.entries));
    }
}

uint64_t table_clear(struct table *table, saddr_t address, uint64_t size, unsigned limit)
{
    uint64_t done = 0;
    while (done < size && limit) {
        saddr_t at = saddr(address.raw + done);
        struct table_leaf leaf = table_find(table, at);
        ASSERT(leaf.entry);
        unsigned rest = TABLE_ENTRIES - index_of(table->format, leaf.level, at), i = 0;
        for (; i < rest && limit && done < size && leaf.entry[i] && !table->format->is_table(leaf.level, leaf.entry[i]); i++, limit--) {
            __atomic_store_n(&leaf.entry[i], 0, __ATOMIC_RELAXED);
            done += span_of(table->format, leaf.level);
        }
        arch_table_publish(leaf.entry, i * sizeof(*leaf.entry));
    }
    return done;
}

static bool table_empty(const uint64_t *entries)
{
    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        if (entries[i])
            return false;
    }
    return true;
}

/*
 * Frees the empty table that the entry of `level` for `address` names, if there is one. Returns the level at which the way there ended: what
 * an entry of that level spans need not be looked at further. [first, first + size): the range to be flushed then.
 */
static unsigned trim_entry(struct table *table, saddr_t address, unsigned level, struct space *space, saddr_t first, uint64_t size)
{
    const struct table_format *format = table->format;
    uint64_t *entries = table->root;
    for (unsigned l = 0; l < level; l++) {
        uint64_t entry = entries[index_of(format, l, address)];
        if (!entry || !format->is_table(l, entry))
            return l;
        entries = table_of(format, entry);
    }
    uint64_t *entry = &entries[index_of(format, level, address)];
    uint64_t *child = *entry && format->is_table(level, *entry) ? table_of(format, *entry) : NULL;
    if (child && table_empty(child)) {
        *entry = 0;
        arch_table_publish(entry, sizeof(*entry));
        arch_space_flush(space, first, size);
        memory_give_page(table->payer, child);
    }
    return level;
}

void table_trim(struct table *table, struct space *space, saddr_t address, uint64_t size)
{
    for (unsigned level = table->format->levels - 1; level-- > 0;) {
        for (uint64_t at = address.raw; at < address.raw + size;) {
            uint64_t span = span_of(table->format, trim_entry(table, saddr(at), level, space, address, size));
            at = (at | (span - 1)) + 1;
        }
    }
}
