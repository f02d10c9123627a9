/*
 * Reading the firmware's device tree (Devicetree Specification 0.4, chapter 5) in one pass, without libfdt: its checks on each step would
 * take most of the instructions of a boot. tree_check() looks once at what leads from token to token; behind it nothing leads out of the tree.
 */
#ifndef AARCH64_TREE_H
#define AARCH64_TREE_H

#include "platform.h"

enum { TREE_DEPTH = 8 }; /* deeper nodes are passed over */

/* Properties that are asked for in every node: a walk notes where they are. */
enum tree_known { TREE_OTHER, TREE_COMPATIBLE, TREE_DEVICE_TYPE, TREE_STATUS, TREE_ADDRESS_CELLS, TREE_SIZE_CELLS, TREE_KNOWN };

/* A node being visited, below its ancestors: path[0] is the root, path[depth] the node itself. */
struct tree_node {
    int depth;
    const uint32_t *known[TREE_KNOWN]; /* tokens; NULL: it has none */
    struct {
        const char *name;
        const uint32_t *properties;         /* tokens */
        unsigned address_cells, size_cells; /* in `reg` of its children */
    } path[TREE_DEPTH];
};

/* Bytes that the tree at `fdt` takes, without what only fills its buffer (of a mebibyte, in QEMU); 0: it is none that this can read. */
uint32_t tree_size(const void *fdt);
/* All below are about this one from now on; it is a multiple of 8. */
void tree_open(const void *fdt);
/* Whether it is well-formed: tokens, names, properties and reservations end within it. If not, nothing below may be called. */
bool tree_check(void);
/* Calls visit() for every node whose status does not forbid its use, parents first. */
void tree_walk(void (*visit)(const struct tree_node *node));
/* Memory reservation `index`; false: no more. */
bool tree_reservation(unsigned index, struct range *range);

const char *tree_name(const struct tree_node *node);
/* The property's value and its size in bytes; NULL: the node has none of that name. */
const void *tree_property(const struct tree_node *node, const char *name, uint32_t *size);
const void *tree_known(const struct tree_node *node, enum tree_known name, uint32_t *size);
/* Cell `index` of a property, or `missing`. */
uint32_t tree_cell(const struct tree_node *node, const char *name, unsigned index, uint32_t missing);
/* The string of a property's value after `text`, or the first (NULL); NULL: no more, or it is no list of strings. */
const char *tree_list_next(const char *list, uint32_t size, const char *text);
/* Is `value` among the strings of a property's value? */
bool tree_string_is(const struct tree_node *node, const char *name, const char *value);
/* Range `index` of the node's `reg`, as a CPU address; false: no such, or it is not addressable by a CPU. */
bool tree_reg(const struct tree_node *node, unsigned index, struct range *range);
/* First value of the node's `reg`, untranslated: a CPU's number. */
bool tree_reg_value(const struct tree_node *node, uint64_t *value);
/* Is `path`, up to its end or a colon, the node's? */
bool tree_path_is(const struct tree_node *node, const char *path);

#endif
