/* The package's table of members. */
#include "package.h"

#include "call_stubs.h"
#include "log.h"
#include "memory.h"
#include "string.h"

static const struct package_header *package;
static const struct bootinfo_extent *extent;
static uint64_t mapped; /* bytes of it, for root */

enum { TABLE_SIZE = 2 * PAGE /* of the longest table that `pack` writes, and more */ };

static bool entry_overlaps(const struct package_entry *a, const struct package_entry *b)
{
    return a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

/* `pack` writes none of these: the image was changed since. */
static const char *entry_wrong(const struct package_entry *entry)
{
    uint64_t table = sizeof *package + package->count * sizeof *entry;
    if (entry->offset < table || entry->offset > package->size || entry->size > package->size - entry->offset)
        return "lies outside of the package";
    if (entry->offset % PAGE)
        return "does not begin at a page";
    for (uint32_t i = 0; i < package->count; i++) {
        const struct package_entry *other = &package->entries[i];
        if (other != entry && !strncmp(other->name, entry->name, PACKAGE_NAME_SIZE))
            return "is there twice";
        if (other != entry && entry_overlaps(entry, other))
            return "overlaps another member";
    }
    return NULL;
}

/* Up to the first file of a VM that begins a block: root does not read those. */
static uint64_t own_size(void)
{
    if (package->count > (TABLE_SIZE - sizeof *package) / sizeof package->entries[0])
        return extent->size;
    for (uint32_t i = 0; i < package->count; i++) {
        const struct package_entry *entry = &package->entries[i];
        bool block = entry->size > PACKAGE_LARGE && (entry->offset + extent->base) % PACKAGE_BLOCK == 0;
        if (block && memchr(entry->name, '/', PACKAGE_NAME_SIZE) && !entry_wrong(entry))
            return entry->offset;
    }
    return extent->size;
}

void package_open(void)
{
    extent = memory_extent(EXTENT_PACKAGE);
    if (!extent)
        log_fail("the boot image has no package: make one with `bulkhead pack`\n");
    package = memory_map_extent(extent, extent->size < TABLE_SIZE ? extent->size : TABLE_SIZE);
    if (package->magic != PACKAGE_MAGIC || package->version != PACKAGE_VERSION)
        log_fail("the package is of another version (magic 0x%x, version %u): build kernel and package together\n",
                 package->magic, package->version);
    if (package->size > extent->size || package->count > package->size / sizeof(struct package_entry))
        log_fail("the package is cut off: 0x%lx of 0x%lx bytes are there\n", extent->size, package->size);
    mapped = own_size();
    space_unmap(CAP_SPACE, (uint64_t)(uintptr_t)package);
    package = memory_map_extent(extent, mapped);
}

static uint64_t round_up(uint64_t size, uint64_t unit)
{
    return (size + unit - 1) & ~(unit - 1);
}

/* `pack` lets a large member begin a block and nothing else be in its last one. */
static uint64_t mapped_size(const struct package_entry *entry)
{
    uint64_t blocks = round_up(entry->size, 2 * MEBIBYTE);
    bool alone = (entry->offset + extent->base) % (2 * MEBIBYTE) == 0 && entry->offset + blocks <= package->size;
    for (uint32_t i = 0; i < package->count && alone; i++) {
        uint64_t other = package->entries[i].offset;
        alone = other <= entry->offset || other >= entry->offset + blocks;
    }
    return alone ? blocks : round_up(entry->size, PAGE);
}

struct member package_find(const char *name)
{
    for (uint32_t i = 0; i < package->count; i++) {
        const struct package_entry *entry = &package->entries[i];
        if (strncmp(entry->name, name, PACKAGE_NAME_SIZE))
            continue;
        const char *wrong = entry_wrong(entry);
        if (wrong)
            return (struct member){.wrong = wrong};
        bool readable = entry->offset <= mapped && entry->size <= mapped - entry->offset;
        return (struct member){readable ? (const char *)package + entry->offset : NULL, entry->size, mapped_size(entry), extent->slot, entry->offset,
                               entry->offset + extent->base % (2 * MEBIBYTE), NULL};
    }
    return (struct member){.wrong = "is not there"};
}

static bool header_valid(const struct component_header *header, uint64_t size)
{
    return size >= sizeof *header && header->magic == COMPONENT_MAGIC && header->version == COMPONENT_VERSION &&
           header->rx_size % PAGE == 0 && header->memory_size % PAGE == 0 && header->rx_size <= header->file_size &&
           header->file_size <= size && header->file_size <= header->memory_size && header->memory_size < 64 * MEBIBYTE &&
           header->entry - COMPONENT_BASE < header->rx_size;
}

const struct component_header *package_component(const char *name, struct member *member)
{
    *member = package_find(name);
    if (!member->wrong && !(member->data && header_valid(member->data, member->size)))
        member->wrong = "is not a component's image, or its header lies";
    return member->wrong ? NULL : member->data;
}
