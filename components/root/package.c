/* The package's table of members. */
#include "package.h"

#include "log.h"
#include "memory.h"
#include "string.h"

static const struct package_header *package;
static const struct bootinfo_extent *extent;

void package_open(void)
{
    extent = memory_extent(EXTENT_PACKAGE);
    if (!extent)
        log_fail("the boot image has no package: make one with `bulkhead pack`\n");
    package = memory_map_extent(extent);
    if (package->magic != PACKAGE_MAGIC || package->version != PACKAGE_VERSION)
        log_fail("the package is of another version (magic 0x%x, version %u): build kernel and package together\n",
                 package->magic, package->version);
    if (package->size > extent->size || package->count > package->size / sizeof(struct package_entry))
        log_fail("the package is cut off: 0x%lx of 0x%lx bytes are there\n", extent->size, package->size);
}

struct member package_find(const char *name)
{
    for (uint32_t i = 0; i < package->count; i++) {
        const struct package_entry *entry = &package->entries[i];
        if (strncmp(entry->name, name, PACKAGE_NAME_SIZE))
            continue;
        if (entry->offset > package->size || entry->size > package->size - entry->offset)
            log_fail("package member \"%s\" lies outside of the package: pack the image again\n", name);
        return (struct member){(const char *)package + entry->offset, entry->size, extent->slot, entry->offset,
                               entry->offset + extent->base % (2 * MEBIBYTE)};
    }
    return (struct member){0};
}

static bool header_valid(const struct component_header *header, uint64_t size)
{
    return size >= sizeof *header && header->magic == COMPONENT_MAGIC && header->version == COMPONENT_VERSION &&
           header->rx_size % PAGE == 0 && header->memory_size % PAGE == 0 && header->rx_size <= header->file_size &&
           header->file_size <= size && header->file_size <= header->memory_size && header->memory_size < 64 * MEBIBYTE;
}

const struct component_header *package_component(const char *name, struct member *member)
{
    *member = package_find(name);
    if (!member->data)
        log_fail("component \"%s\" is not in the package: build it and pack the image again\n", name);
    if (!header_valid(member->data, member->size))
        log_fail("package member \"%s\" is not a component's image: build it with components/lib/component.lds\n", name);
    return member->data;
}
