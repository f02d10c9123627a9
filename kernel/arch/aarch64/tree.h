/* Walking the firmware's device tree (Devicetree Specification 0.4) with libfdt's read-only functions. */
#ifndef AARCH64_TREE_H
#define AARCH64_TREE_H

#include "platform.h"

enum { TREE_DEPTH = 8 }; /* deeper nodes are passed over */

/* A node being visited, and its ancestors' ways to write addresses. */
struct tree_node {
    const void *fdt;
    int offset;
    int depth;
    const char *name;
    struct {
        int offset;
        unsigned address_cells, size_cells; /* in `reg` of its children */
    } path[TREE_DEPTH];
};

/* Calls visit() for every node whose status does not forbid its use, parents first. */
void tree_walk(const void *fdt, void (*visit)(const struct tree_node *node));
/* Range `index` of the node's `reg`, as a CPU address; false: no such, or it is not addressable by a CPU. */
bool tree_reg(const struct tree_node *node, unsigned index, struct range *range);
/* First value of the node's `reg`, untranslated: a CPU's number. */
bool tree_reg_value(const struct tree_node *node, uint64_t *value);
/* A property of one cell, or `missing`. */
uint32_t tree_cell(const void *fdt, int offset, const char *name, uint32_t missing);
bool tree_compatible(const struct tree_node *node, const char *with);
bool tree_string_is(const struct tree_node *node, const char *property, const char *value);

#endif
