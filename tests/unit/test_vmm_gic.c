/* The guest's GIC: what each register's accesses become for the kernel, in both versions. */
#include "vmm_lines.h"

#include "../../components/vmm/gic_lines.c"
#define word_read gicd_word_read /* the two files' own functions have the same names */
#define word_write gicd_word_write
#define control_read gicd_control_read
#define control_write gicd_control_write
#define id_read gicd_id_read
#define IIDR_VALUE GICD_IIDR_VALUE
#include "../../components/vmm/gicd.c"
#undef word_read
#undef word_write
#undef control_read
#undef control_write
#undef id_read
#undef IIDR_VALUE
#include "../../components/vmm/gicr.c"

enum { CPUS = 4, SGI = 0x10000 };

static void start(unsigned version)
{
    memset(&recorded, 0, sizeof recorded);
    gicd_reset(version, CPUS);
    gicr_reset(CPUS);
}

static int setup_v2(void **state)
{
    (void)state;
    start(2);
    return 0;
}

static int setup_v3(void **state)
{
    (void)state;
    start(3);
    return 0;
}

static void test_identification_v2(void **state)
{
    (void)state;
    assert_int_equal(gicd_read(0, 0x004, 4), (CPUS - 1) << 5 | 7);
    assert_int_equal(gicd_read(0, 0xfe8, 4), 0x2b);
    assert_int_equal(gicd_read(0, 0x008, 4), 0x43b);
    assert_int_equal(gicd_read(0, 0xffe8, 4), 0);
}

static void test_identification_v3(void **state)
{
    (void)state;
    assert_int_equal(gicd_read(0, 0x004, 4) & 0x1f, 7);
    assert_int_equal(gicd_read(0, 0x004, 4) >> 19 & 0x1f, 9);
    assert_int_equal(gicd_read(0, 0xffe8, 4) >> 4 & 15, 3);
    assert_int_equal(gicd_read(0, 0xfe8, 4), 0);
}

static void test_control(void **state)
{
    (void)state;
    gicd_write(0, 0, 4, 0xffffffff);
    assert_int_equal(recorded.forwarding, 3);
    assert_int_equal(gicd_read(0, 0, 4), 0x53);
    gicd_write(0, 0, 4, 0);
    assert_int_equal(recorded.forwarding, 0);
    assert_int_equal(gicd_read(0, 0, 4), 0x50);
}

static void test_enable(void **state)
{
    (void)state;
    gicd_write(1, 0x104, 4, 0x5);
    assert_int_equal(recorded.masks[VIRQ_ENABLE][1], 5);
    gicd_write(1, 0x19c, 4, 0x80000000);
    assert_int_equal(recorded.masks[VIRQ_DISABLE][7], 0x80000000);
    gicd_write(1, 0x105, 1, 0x81); /* one byte of a word */
    assert_int_equal(recorded.masks[VIRQ_ENABLE][1], 0x8100);
}

/* Private lines belong to the accessing vCPU in GICv2, and to the redistributor in GICv3. */
static void test_private_v2(void **state)
{
    (void)state;
    gicd_write(3, 0x100, 4, 0x08000000);
    assert_int_equal(recorded.masks[VIRQ_ENABLE][0], 0x08000000);
    assert_int_equal(recorded.vcpu, 3);
}

static void test_private_v3(void **state)
{
    (void)state;
    gicd_write(3, 0x100, 4, 0x08000000);
    gicd_write(3, 0x400, 4, 0x11111111);
    assert_int_equal(recorded.calls, 0);
    gicr_write(0, 2 * 0x20000 + SGI + 0x100, 4, 0x08000000); /* vCPU 0 writes to vCPU 2's */
    assert_int_equal(recorded.masks[VIRQ_ENABLE][0], 0x08000000);
    assert_int_equal(recorded.vcpu, 2);
    gicr_write(0, SGI + 0x104, 4, 1); /* shared lines are not there */
    assert_int_equal(recorded.calls, 1);
}

static void test_priority(void **state)
{
    (void)state;
    gicd_write(0, 0x420, 4, 0x40302010);
    assert_int_equal(recorded.priority[32], 0x10);
    assert_int_equal(recorded.priority[35], 0x40);
    gicd_write(0, 0x421, 1, 0xa0);
    assert_int_equal(recorded.priority[33], 0xa0);
    assert_int_equal(gicd_read(0, 0x420, 4), 0x4030a010);
    assert_int_equal(gicd_read(0, 0x423, 1) & 0xff, 0x40);
}

static void test_configuration(void **state)
{
    (void)state;
    gicd_write(0, 0xc08, 4, 0x0000000a); /* lines 32, 33 */
    gicd_write(0, 0xc0c, 4, 0x80000000); /* line 63 */
    assert_int_equal(recorded.masks[VIRQ_EDGE][1], 0x80000003);
    assert_int_equal(gicd_read(0, 0xc0c, 4), 0x80000000);
    gicd_write(0, 0xc08, 4, 0);
    assert_int_equal(recorded.masks[VIRQ_EDGE][1], 0x80000000);
}

static void test_sgi_configuration(void **state)
{
    (void)state;
    gicr_write(0, SGI + 0xc00, 4, 0);
    assert_int_equal(recorded.calls, 0);
    gicr_write(0, SGI + 0xc04, 4, 0x2);
    assert_int_equal(recorded.masks[VIRQ_EDGE][0], 0x10000);
}

static void test_targets(void **state)
{
    (void)state;
    assert_int_equal(gicd_read(2, 0x800, 4), 0x04040404);
    gicd_write(0, 0x820, 4, 0xf00c0201);
    assert_int_equal(recorded.target[32], 0);
    assert_int_equal(recorded.target[33], 1);
    assert_int_equal(recorded.target[34], 2); /* the lowest of several */
    assert_int_equal(recorded.target[35], VM_VCPUS); /* vCPUs that are not there */
    assert_int_equal(gicd_read(0, 0x820, 4), 0x000c0201);
    gicd_write(0, 0x804, 4, 0xffffffff);
    assert_int_equal(gicd_read(1, 0x804, 4), 0x02020202);
}

static void test_targets_uniprocessor(void **state)
{
    (void)state;
    gicd_reset(2, 1);
    assert_int_equal(gicd_read(0, 0x820, 4), 0x01010101);
}

static void test_sgi_pending(void **state)
{
    (void)state;
    recorded.sources[5] = 0x1;
    gicd_write(0, 0xf24, 4, 0x00000600);
    assert_int_equal(recorded.sources[5], 0x7);
    assert_int_equal(gicd_read(0, 0xf14, 4), 0x700);
    gicd_write(0, 0xf15, 1, 0x3);
    assert_int_equal(recorded.sources[5], 0x4);
}

static void test_routes(void **state)
{
    (void)state;
    gicd_write(0, 0x6000 + 8 * 33, 8, 3);
    assert_int_equal(recorded.target[33], 3);
    gicd_write(0, 0x6000 + 8 * 33 + 4, 4, 1); /* Aff3: nobody */
    assert_int_equal(recorded.target[33], VM_VCPUS);
    assert_int_equal(gicd_read(0, 0x6000 + 8 * 33, 8), 0x100000003);
    gicd_write(0, 0x6000 + 8 * 33, 8, UINT64_C(1) << 31 | 1); /* Interrupt_Routing_Mode is not offered */
    assert_int_equal(recorded.target[33], 1);
    unsigned calls = recorded.calls;
    gicd_write(0, 0x6000 + 8 * 31, 8, 1);
    assert_int_equal(recorded.calls, calls);
}

static void test_redistributor(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CPUS; i++) {
        uint64_t typer = gicr_read(0, i * 0x20000 + 8, 8);
        assert_int_equal(typer >> 32, i);
        assert_int_equal(typer >> 4 & 1, i == CPUS - 1);
        assert_int_equal(typer >> 8 & 0xffff, i);
    }
    assert_int_equal(gicr_read(0, 0x14, 4), 6);
    gicr_write(0, 0x14, 4, 0);
    assert_int_equal(gicr_read(0, 0x14, 4), 0);
    assert_int_equal(gicr_read(0, 0x20014, 4), 6);
    assert_int_equal(gicr_read(0, 0xffe8, 4) >> 4 & 15, 3);
    assert_int_equal(gicr_read(0, CPUS * 0x20000, 4), 0);
}

/* Any access of any size anywhere: nothing may fault. */
static void test_everywhere(void **state)
{
    static const unsigned sizes[] = {1, 2, 4, 8};
    (void)state;
    for (uint64_t offset = 0; offset < 0x10000; offset++)
        for (unsigned i = 0; i < 4 && offset + sizes[i] <= 0x10000; i++) {
            gicd_read(1, offset, sizes[i]);
            gicd_write(1, offset, sizes[i], UINT64_MAX);
            gicr_read(1, offset, sizes[i]);
            gicr_write(1, offset + 0x10000, sizes[i], UINT64_MAX);
        }
}

/* Red when a reset leaves anything of what was before: it is one function at start and at restart. */
static void test_reset_forgets(void **state)
{
    struct gicd_state distributor;
    struct gicr_state redistributors;
    (void)state;
    gicd_reset(3, CPUS);
    gicr_reset(CPUS);
    distributor = gicd;
    redistributors = gicr;
    memset(&gicd, 0xa5, sizeof gicd);
    memset(&gicr, 0xa5, sizeof gicr);
    gicd_reset(3, CPUS);
    gicr_reset(CPUS);
    assert_memory_equal(&gicd, &distributor, sizeof gicd);
    assert_memory_equal(&gicr, &redistributors, sizeof gicr);
}

/* ICC_SGI1R of a 32-bit guest; red when one reaches another vCPU, or its sender. */
static void test_sgi1r(void **state)
{
    (void)state;
    assert_true(gic_sgi1r_write(1, UINT64_C(1) << 40 | 5 << 24)); /* all others: the last one is the last told */
    assert_int_equal(recorded.calls, CPUS - 1);
    assert_int_equal(recorded.vcpu, CPUS - 1);
    assert_int_equal(recorded.masks[VIRQ_PEND][0], 1 << 5);
    assert_true(gic_sgi1r_write(1, 15 << 24 | 0xff04));
    assert_int_equal(recorded.calls, CPUS);
    assert_int_equal(recorded.vcpu, 2);
    assert_int_equal(recorded.masks[VIRQ_PEND][0], 1 << 15);
    assert_true(gic_sgi1r_write(1, UINT64_C(1) << 32 | 1 << 16 | 3)); /* another cluster */
    assert_int_equal(recorded.calls, CPUS);
    start(2);
    assert_false(gic_sgi1r_write(0, 3));
    assert_int_equal(recorded.calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_identification_v2, setup_v2),
        cmocka_unit_test_setup(test_identification_v3, setup_v3),
        cmocka_unit_test_setup(test_control, setup_v3),
        cmocka_unit_test_setup(test_enable, setup_v3),
        cmocka_unit_test_setup(test_private_v2, setup_v2),
        cmocka_unit_test_setup(test_private_v3, setup_v3),
        cmocka_unit_test_setup(test_priority, setup_v2),
        cmocka_unit_test_setup(test_configuration, setup_v2),
        cmocka_unit_test_setup(test_sgi_configuration, setup_v3),
        cmocka_unit_test_setup(test_targets, setup_v2),
        cmocka_unit_test_setup(test_targets_uniprocessor, setup_v2),
        cmocka_unit_test_setup(test_sgi_pending, setup_v2),
        cmocka_unit_test_setup(test_routes, setup_v3),
        cmocka_unit_test_setup(test_sgi1r, setup_v3),
        cmocka_unit_test_setup(test_redistributor, setup_v3),
        cmocka_unit_test_setup(test_everywhere, setup_v2),
        cmocka_unit_test_setup(test_everywhere, setup_v3),
        cmocka_unit_test_setup(test_reset_forgets, setup_v3),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
