/* The kernel's reader of the firmware's device tree: any bytes. What passes the check may be walked and asked for anything without leaving the tree. */
#include "fuzz.h"

#include "kernel_tree.h"

enum { VISITS_MAX = 100000 };

static size_t tree_bytes;
static unsigned visits;

static void check_inside(const void *at, uint64_t size)
{
    const char *byte = at;
    MUST(byte >= tree && size <= tree_bytes && byte + size <= tree + tree_bytes);
}

static void ask(const struct tree_node *node, const char *name)
{
    uint32_t size = 0;
    const void *value = tree_property(node, name, &size);
    if (value)
        check_inside(value, size);
    tree_cell(node, name, 0, 0);
    tree_cell(node, name, UINT32_MAX, 0);
    tree_string_is(node, name, "arm,gic-v3");
}

static void visit(const struct tree_node *node)
{
    static const char *const names[] = {"reg", "ranges", "status", "compatible", "interrupts", "stdout-path", "", "#address-cells"};
    struct range range;
    uint64_t value;
    MUST(node->depth >= 0 && node->depth < TREE_DEPTH && visits++ < VISITS_MAX);
    check_inside(tree_name(node), strlen(tree_name(node)) + 1);
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        ask(node, names[i]);
    for (unsigned i = 0; tree_reg(node, i, &range); i++)
        MUST(i < tree_bytes);
    tree_reg_value(node, &value);
    tree_path_is(node, "/soc/serial@9000000:115200");
}

/* At the end of a block of its own, so that a byte too much is seen; 8-aligned, as the boot protocol wants it. */
void input_try(const uint8_t *data, size_t size)
{
    struct range range;
    if (size < sizeof(struct header))
        return;
    size &= ~(size_t)7;
    char *copy = aligned_alloc(8, size);
    memcpy(copy, data, size);
    uint32_t total = tree_size(copy);
    visits = 0;
    if (total && total <= size) {
        tree_open(copy);
        tree_bytes = size;
        if (tree_check()) {
            tree_walk(visit);
            for (unsigned i = 0; tree_reservation(i, &range); i++)
                MUST(i < total);
        }
    }
    free(copy);
}
