/* Walking the firmware's device tree: cells, addresses, status. Properties are big-endian and only 4-byte aligned. */
#include "tree.h"

#include <libfdt.h>

static const fdt32_t *cells_of(const void *fdt, int offset, const char *name, unsigned *count)
{
    int size = 0;
    const fdt32_t *cells = fdt_getprop(fdt, offset, name, &size);
    *count = cells ? (unsigned)size / (unsigned)sizeof(*cells) : 0;
    return cells;
}

/* A number of `count` cells; of more than two, the last two count. */
static uint64_t cells_value(const fdt32_t *cells, unsigned count)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < count; i++)
        value = value << 32 | fdt32_to_cpu(cells[i]);
    return value;
}

uint32_t tree_cell(const void *fdt, int offset, const char *name, uint32_t missing)
{
    unsigned count;
    const fdt32_t *cells = cells_of(fdt, offset, name, &count);
    return count ? fdt32_to_cpu(cells[0]) : missing;
}

bool tree_string_is(const struct tree_node *node, const char *property, const char *value)
{
    int size;
    const char *text = fdt_getprop(node->fdt, node->offset, property, &size);
    return text && fdt_stringlist_contains(text, size, value);
}

bool tree_compatible(const struct tree_node *node, const char *with)
{
    return tree_string_is(node, "compatible", with);
}

/* --- addresses ------------------------------------------------------------------------------------------------------- */

/* From the address space below the bus at depth `at` to the one that it lies in, by its `ranges`. */
static bool bus_translate(const struct tree_node *node, int at, uint64_t *address)
{
    unsigned child = node->path[at].address_cells, size = node->path[at].size_cells;
    unsigned parent = node->path[at - 1].address_cells, entry = child + parent + size, count;
    const fdt32_t *ranges = cells_of(node->fdt, node->path[at].offset, "ranges", &count);
    if (!count)
        return ranges != NULL; /* empty: the same addresses; missing: none */
    for (unsigned i = 0; i + entry <= count; i += entry) {
        uint64_t from = cells_value(&ranges[i], child), length = cells_value(&ranges[i + child + parent], size);
        if (*address >= from && *address - from < length) {
            *address += cells_value(&ranges[i + child], parent) - from;
            return true;
        }
    }
    return false;
}

static const fdt32_t *reg_cells(const struct tree_node *node, unsigned index)
{
    unsigned entry = node->path[node->depth - 1].address_cells + node->path[node->depth - 1].size_cells, count;
    const fdt32_t *cells = cells_of(node->fdt, node->offset, "reg", &count);
    return entry && count >= (index + 1) * entry ? cells + index * entry : NULL;
}

bool tree_reg(const struct tree_node *node, unsigned index, struct range *range)
{
    if (node->depth < 1)
        return false;
    const fdt32_t *cells = reg_cells(node, index);
    if (!cells)
        return false;
    unsigned address_cells = node->path[node->depth - 1].address_cells;
    uint64_t address = cells_value(cells, address_cells);
    range->size = cells_value(cells + address_cells, node->path[node->depth - 1].size_cells);
    for (int at = node->depth - 1; at > 0; at--) {
        if (!bus_translate(node, at, &address))
            return false;
    }
    range->base = paddr(address);
    return true;
}

bool tree_reg_value(const struct tree_node *node, uint64_t *value)
{
    const fdt32_t *cells = node->depth < 1 ? NULL : reg_cells(node, 0);
    if (cells)
        *value = cells_value(cells, node->path[node->depth - 1].address_cells);
    return cells != NULL;
}

/* --- the walk -------------------------------------------------------------------------------------------------------- */

static bool node_usable(const struct tree_node *node)
{
    return !fdt_getprop(node->fdt, node->offset, "status", NULL) || tree_string_is(node, "status", "okay") ||
           tree_string_is(node, "status", "ok");
}

void tree_walk(const void *fdt, void (*visit)(const struct tree_node *node))
{
    struct tree_node node = {.fdt = fdt};
    for (node.offset = 0; node.offset >= 0 && node.depth >= 0; node.offset = fdt_next_node(fdt, node.offset, &node.depth)) {
        if (node.depth >= TREE_DEPTH)
            continue;
        node.path[node.depth].offset = node.offset;
        node.path[node.depth].address_cells = tree_cell(fdt, node.offset, "#address-cells", 2);
        node.path[node.depth].size_cells = tree_cell(fdt, node.offset, "#size-cells", 1);
        node.name = fdt_get_name(fdt, node.offset, NULL);
        if (node_usable(&node))
            visit(&node);
    }
}
