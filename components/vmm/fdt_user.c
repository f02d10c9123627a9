/*
 * A user's own device tree, copied tag by tag. What only the monitor knows is replaced: nodes of the root whose device_type is "memory", and
 * of /chosen the initrd, the boot arguments (if the description has some) and the seeds.
 */
#include "fdt_writer.h"

#include "machine.h"
#include "tree_check.h"

#include <libfdt.h>
#include <string.h>

struct copy {
    struct fdt_writer writer;
    const void *user;
    const struct fdt_boot *boot;
    unsigned address_cells, size_cells; /* of the root */
    int depth;                          /* 1: within the root node */
    int skip;                           /* depth of the node being left out; 0: none */
    bool in_chosen, chosen_seen, root_seen;
};

enum { CHOSEN_DEPTH = 2, DEPTH_MAX = 32 };

/* 1 or 2; 0: a number that RAM cannot be told in. */
static unsigned cells_of(const void *user, const char *property, unsigned missing)
{
    int length;
    const void *value = fdt_getprop(user, 0, property, &length);
    uint32_t cells = value && length == 4 ? fdt32_ld(value) : missing;
    return cells == 1 || cells == 2 ? cells : 0;
}

static bool is_memory(const struct copy *copy, int node)
{
    int length;
    const char *type = fdt_getprop(copy->user, node, "device_type", &length);
    return copy->depth == 2 && type && length == sizeof "memory" && !memcmp(type, "memory", sizeof "memory");
}

/* Properties of /chosen that the monitor writes itself. */
static bool is_replaced(const struct copy *copy, const char *name)
{
    static const char *const names[] = {"linux,initrd-start", "linux,initrd-end", "rng-seed", "kaslr-seed"};
    if (!copy->in_chosen || copy->depth != CHOSEN_DEPTH)
        return false;
    if (!strcmp(name, "bootargs"))
        return machine.bootargs.data != NULL;
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

/* As libfdt, and by it Linux, finds /chosen: the first of that name, whatever its unit address. */
static bool is_chosen(const struct copy *copy, const char *name)
{
    return copy->depth == CHOSEN_DEPTH && !copy->chosen_seen && name && !strncmp(name, "chosen", 6) && (!name[6] || name[6] == '@');
}

static void node_open(struct copy *copy, int offset)
{
    const char *name = fdt_get_name(copy->user, offset, NULL);
    copy->depth++;
    if (!copy->skip && is_memory(copy, offset))
        copy->skip = copy->depth;
    if (copy->skip)
        return;
    fdt_node_begin(&copy->writer, name ? name : "");
    if (is_chosen(copy, name))
        copy->in_chosen = copy->chosen_seen = true;
}

/* Properties precede subnodes, so those of /chosen are written where its subnodes or its end begin. */
static void chosen_finish(struct copy *copy)
{
    if (copy->in_chosen && copy->depth == CHOSEN_DEPTH) {
        copy->in_chosen = false;
        fdt_write_chosen(&copy->writer, copy->boot);
    }
}

static void root_finish(struct copy *copy)
{
    fdt_write_memory(&copy->writer, copy->address_cells, copy->size_cells);
    if (copy->chosen_seen)
        return;
    fdt_node_begin(&copy->writer, "chosen");
    fdt_write_chosen(&copy->writer, copy->boot);
    fdt_node_end(&copy->writer);
}

static void node_close(struct copy *copy)
{
    if (!copy->skip) {
        chosen_finish(copy);
        if (copy->depth == 1) {
            copy->root_seen = true;
            root_finish(copy);
        }
        fdt_node_end(&copy->writer);
    } else if (copy->skip == copy->depth) {
        copy->skip = 0;
    }
    copy->depth--;
}

static void property_copy(struct copy *copy, int offset)
{
    const char *name;
    int length;
    const void *value = fdt_getprop_by_offset(copy->user, offset, &name, &length);
    if (!value || !name)
        copy->writer.error = -FDT_ERR_BADSTRUCTURE;
    else if (!copy->skip && !is_replaced(copy, name))
        fdt_write_bytes(&copy->writer, name, value, (size_t)length);
}

/* One tag; true as long as there are more. */
static bool tag_copy(struct copy *copy, uint32_t tag, int offset)
{
    switch (tag) {
    case FDT_BEGIN_NODE:
        chosen_finish(copy);
        node_open(copy, offset);
        return copy->depth <= DEPTH_MAX;
    case FDT_PROP:
        property_copy(copy, offset);
        return true;
    case FDT_END_NODE:
        node_close(copy);
        return copy->depth > 0;
    case FDT_NOP:
        return true;
    default:
        return false;
    }
}

static void structure_copy(struct copy *copy)
{
    int offset = 0, next = 0;
    uint32_t tag;
    do {
        offset = next;
        tag = fdt_next_tag(copy->user, offset, &next);
    } while (tag_copy(copy, tag, offset) && !copy->writer.error);
    if ((copy->depth || !copy->root_seen) && !copy->writer.error)
        copy->writer.error = -FDT_ERR_BADSTRUCTURE;
}

static void reservations_copy(struct copy *copy)
{
    uint64_t address, size;
    int count = fdt_num_mem_rsv(copy->user);
    for (int i = 0; i < count && !copy->writer.error; i++) {
        copy->writer.error = fdt_get_mem_rsv(copy->user, i, &address, &size);
        if (!copy->writer.error)
            copy->writer.error = fdt_add_reservemap_entry(copy->writer.fdt, address, size);
    }
    if (!copy->writer.error)
        copy->writer.error = fdt_finish_reservemap(copy->writer.fdt);
}

int fdt_copy_user(void *buffer, size_t size, const void *user, size_t user_size, const struct fdt_boot *boot)
{
    struct copy copy = {.user = user, .boot = boot};
    int error = blob_check(user, user_size);
    if (error)
        return error;
    copy.address_cells = cells_of(user, "#address-cells", 2);
    copy.size_cells = cells_of(user, "#size-cells", 1);
    if (!copy.address_cells || !copy.size_cells || (copy.size_cells == 1 && machine.ram.size >> 32))
        return -FDT_ERR_BADNCELLS;
    fdt_write_begin(&copy.writer, buffer, size);
    reservations_copy(&copy);
    if (!copy.writer.error)
        structure_copy(&copy);
    fdt_write_end(&copy.writer);
    return copy.writer.error;
}
