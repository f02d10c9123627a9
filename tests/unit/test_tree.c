/* The kernel's reader of the firmware's device tree: on a tree as boards have it, and on trees that lie. */
#include "kernel_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <libfdt.h>

enum { BLOB = 4096, HEADER_WORDS = 10 };

static _Alignas(8) uint8_t blob[BLOB];

/* A board: a bus that translates, a bus within it, a disabled node, strings. */
static void board_make(void)
{
    static const uint32_t ranges[] = {0, 0, 0x09000000, 0x1000000};
    assert_int_equal(fdt_create(blob, BLOB), 0);
    fdt_add_reservemap_entry(blob, 0x48000000, 0x1000);
    fdt_add_reservemap_entry(blob, 0x49000000, 0x2000);
    fdt_finish_reservemap(blob);
    fdt_begin_node(blob, "");
    fdt_property_u32(blob, "#address-cells", 2);
    fdt_property_u32(blob, "#size-cells", 1);
    fdt_begin_node(blob, "soc");
    fdt_property_u32(blob, "#address-cells", 1);
    fdt_property_u32(blob, "#size-cells", 1);
    uint32_t big[4];
    for (unsigned i = 0; i < 4; i++)
        big[i] = cpu_to_fdt32(ranges[i]);
    fdt_property(blob, "ranges", big, sizeof big);
    fdt_begin_node(blob, "serial@1000");
    fdt_property(blob, "compatible", "vendor,uart\0arm,pl011", 22);
    big[0] = cpu_to_fdt32(0x1000), big[1] = cpu_to_fdt32(0x200);
    fdt_property(blob, "reg", big, 8);
    fdt_end_node(blob);
    fdt_begin_node(blob, "serial@2000");
    fdt_property_string(blob, "status", "disabled");
    fdt_end_node(blob);
    fdt_end_node(blob);
    fdt_begin_node(blob, "cpu@1");
    big[0] = 0, big[1] = cpu_to_fdt32(0x101);
    fdt_property(blob, "reg", big, 12);
    fdt_end_node(blob);
    fdt_end_node(blob);
    assert_int_equal(fdt_finish(blob), 0);
}

static uint32_t *header_word(unsigned index)
{
    return (uint32_t *)(void *)blob + index;
}

static bool accepted(void)
{
    uint32_t size = tree_size(blob);
    if (!size || size > BLOB)
        return false;
    tree_open(blob);
    return tree_check();
}

static int setup(void **state)
{
    (void)state;
    memset(blob, 0, sizeof blob);
    board_make();
    assert_true(accepted());
    return 0;
}

static unsigned visited;

static void visit(const struct tree_node *node)
{
    struct range range = {paddr(0), 0};
    uint64_t value;
    visited++;
    assert_string_not_equal(tree_name(node), "serial@2000");
    if (!strcmp(tree_name(node), "serial@1000")) {
        assert_true(tree_string_is(node, "compatible", "arm,pl011") && !tree_string_is(node, "compatible", "arm,pl01"));
        assert_true(tree_reg(node, 0, &range) && range.base.raw == 0x9001000 && range.size == 0x200);
        assert_false(tree_reg(node, 1, &range));
        assert_false(tree_reg(node, UINT32_MAX, &range));
        assert_true(tree_path_is(node, "/soc/serial@1000:115200") && !tree_path_is(node, "/soc/serial@100"));
    }
    if (!strcmp(tree_name(node), "cpu@1"))
        assert_true(tree_reg_value(node, &value) && value == 0x101);
}

/* Red when addresses are not translated, disabled nodes come, or lists of strings are searched wrongly. */
static void test_board(void **state)
{
    struct range range;
    (void)state;
    visited = 0;
    tree_walk(visit);
    assert_int_equal(visited, 4);
    assert_true(tree_reservation(1, &range) && range.base.raw == 0x49000000 && range.size == 0x2000);
    assert_false(tree_reservation(2, &range));
}

/* Red when room behind a tree, which emulators leave by the mebibyte, counts as the tree's: it would be mapped page by page. */
static void test_size(void **state)
{
    (void)state;
    uint32_t end = fdt_off_dt_strings(blob) + fdt_size_dt_strings(blob);
    *header_word(1) = cpu_to_fdt32(BLOB);
    assert_int_equal(tree_size(blob), end);
    assert_true(accepted());
}

/* Red when one of the header's numbers is believed although it leads outside. Words: total size, structure, strings, reservations, version,
 * compatible version, boot CPU, size of strings, size of structure. */
static void test_header_lies(void **state)
{
    static const uint32_t lies[][2] = {{0, 1}, {1, 20}, {2, UINT32_MAX}, {2, BLOB}, {3, BLOB}, {4, BLOB}, {4, 4}, {5, 16}, {6, 18}, {8, UINT32_MAX},
                                       {8, 1},  {9, UINT32_MAX}, {9, 8}, {9, 0}, {2, 58}};
    (void)state;
    for (unsigned i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        uint32_t saved = *header_word(lies[i][0]);
        *header_word(lies[i][0]) = cpu_to_fdt32(lies[i][1]);
        if (accepted())
            fail_msg("header word %u = %u", lies[i][0], lies[i][1]);
        *header_word(lies[i][0]) = saved;
    }
    assert_true(accepted());
}

static uint32_t *token_find(uint32_t token)
{
    uint32_t *at = (uint32_t *)(void *)(blob + fdt_off_dt_struct(blob));
    while (fdt32_to_cpu(*at) != token)
        at++;
    return at;
}

/* Red when a property's size or name, or an end that has no beginning, leads the walk out of the tree. */
static void test_structure_lies(void **state)
{
    (void)state;
    uint32_t *property = token_find(FDT_PROP), saved = property[1];
    property[1] = UINT32_MAX;
    assert_false(accepted());
    property[1] = cpu_to_fdt32(fdt_size_dt_struct(blob));
    assert_false(accepted());
    property[1] = saved, saved = property[2], property[2] = cpu_to_fdt32(fdt_size_dt_strings(blob));
    assert_false(accepted());
    property[2] = saved;
    assert_true(accepted());
    *token_find(FDT_BEGIN_NODE) = cpu_to_fdt32(FDT_NOP); /* one end too many */
    assert_false(accepted());
}

/* Red when a tree that nests deeper than TREE_DEPTH, or one whose cells are out of reason, is more than passed over. */
static void test_odd_trees(void **state)
{
    enum { DEEP = 60 };
    (void)state;
    fdt_create(blob, BLOB);
    fdt_finish_reservemap(blob);
    for (unsigned i = 0; i < DEEP; i++) {
        fdt_begin_node(blob, i ? "n" : "");
        fdt_property_u32(blob, "#address-cells", i ? 0x40000000 : 2);
        fdt_property_u32(blob, "#size-cells", 0xc0000001);
        fdt_property_u32(blob, "reg", 1);
    }
    for (unsigned i = 0; i < DEEP; i++)
        fdt_end_node(blob);
    assert_int_equal(fdt_finish(blob), 0);
    assert_true(accepted());
    visited = 0;
    tree_walk(visit);
    assert_int_equal(visited, TREE_DEPTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_board, setup),
        cmocka_unit_test_setup(test_size, setup),
        cmocka_unit_test_setup(test_header_lies, setup),
        cmocka_unit_test_setup(test_structure_lies, setup),
        cmocka_unit_test_setup(test_odd_trees, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
