/* The guest's device tree: generated, and copied from a user's. */
#include "../../components/lib/format.c"
#include "../../components/vmm/fdt.c"
#include "../../components/vmm/fdt_user.c"
#include "../../components/vmm/fdt_writer.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../components/vmm/devices.h"
#include "../../components/vmm/trng.h"

struct machine machine;

static bool with_seed, with_rtc;
static const struct mmio_range somewhere;
static const struct device given_device = {"pl031@9010000", 1, 1, {0x9010000}, {0x1000}, {34}, {20}, {false}};
static const struct doorbell given_doorbell = {.component = "probe", .intid = 35};
static unsigned given_devices, given_doorbells;
static uint8_t buffer[65536];

bool trng_is_offered(void)
{
    return with_seed;
}

void trng_bytes(void *to, size_t size)
{
    memset(to, 0x5a, size);
}

const struct mmio_range *mmio_find(uint64_t address)
{
    if (address >= FRONT_BASE && address < FRONT_BASE + FRONT_MAX * FRONT_SIZE)
        return &somewhere;
    return address == RTC_BASE && with_rtc ? &somewhere : NULL;
}

const struct device *devices_all(unsigned *count)
{
    *count = given_devices;
    return &given_device;
}

static struct front given_front = {.intid = 64};
static unsigned given_fronts; /* bit per front */

struct front *front_at(unsigned index)
{
    return given_fronts >> index & 1 ? &given_front : NULL;
}

const struct doorbell *doorbells_all(unsigned *count)
{
    *count = given_doorbells;
    return &given_doorbell;
}

static int setup(void **state)
{
    (void)state;
    machine = (struct machine){.name = "test", .cpus = 3, .gic_version = 3, .ram = {NULL, 0x40000000, 0x20000000}};
    with_seed = false;
    with_rtc = true;
    given_devices = given_doorbells = given_fronts = 0;
    return 0;
}

static uint32_t cell(const char *path, const char *property, int index)
{
    int length, node = fdt_path_offset(buffer, path);
    const uint32_t *value = fdt_getprop(buffer, node, property, &length);
    assert_non_null(value);
    assert_true(index < length / 4);
    return fdt32_to_cpu(value[index]);
}

static const char *text(const char *path, const char *property)
{
    const char *value = fdt_getprop(buffer, fdt_path_offset(buffer, path), property, NULL);
    assert_non_null(value);
    return value;
}

static bool has(const char *path, const char *property)
{
    int node = fdt_path_offset(buffer, path);
    return node >= 0 && (!property || fdt_getprop(buffer, node, property, NULL));
}

static void test_generated_v3(void **state)
{
    const struct fdt_boot boot = {0x48000000, 0x1234};
    (void)state;
    machine.bootargs = (struct blob){(const uint8_t *)"console=ttyAMA0", 15};
    assert_int_equal(fdt_generate(buffer, sizeof buffer, &boot), 0);
    assert_int_equal(fdt_check_full(buffer, sizeof buffer), 0);
    assert_string_equal(text("/chosen", "bootargs"), "console=ttyAMA0");
    assert_int_equal(cell("/chosen", "linux,initrd-start", 1), 0x48000000);
    assert_int_equal(cell("/chosen", "linux,initrd-end", 1), 0x48001234);
    assert_false(has("/chosen", "rng-seed"));
    assert_int_equal(cell("/memory@40000000", "reg", 1), 0x40000000);
    assert_int_equal(cell("/memory@40000000", "reg", 3), 0x20000000);
    assert_true(has("/cpus/cpu@2", NULL));
    assert_false(has("/cpus/cpu@3", NULL));
    assert_string_equal(text("/intc@8000000", "compatible"), "arm,gic-v3");
    assert_int_equal(cell("/intc@8000000", "reg", 5), 0x80a0000);
    assert_int_equal(cell("/intc@8000000", "reg", 7), 0x60000);
    assert_int_equal(cell("/timer", "interrupts", 7), 11);
    assert_true(has("/pl031@9010000", "interrupts"));
}

static void test_generated_v2(void **state)
{
    const struct fdt_boot boot = {0};
    (void)state;
    machine.gic_version = 2;
    with_seed = true;
    assert_int_equal(fdt_generate(buffer, sizeof buffer, &boot), 0);
    assert_string_equal(text("/intc@8000000", "compatible"), "arm,cortex-a15-gic");
    assert_int_equal(cell("/timer", "interrupts", 2), 0x704);
    assert_false(has("/chosen", "linux,initrd-start"));
    assert_false(has("/chosen", "bootargs"));
    assert_true(has("/chosen", "rng-seed"));
}

/* Flash memory and fw_cfg are there exactly if the VM has firmware. */
static void test_firmware(void **state)
{
    const struct fdt_boot boot = {0};
    (void)state;
    assert_int_equal(fdt_generate(buffer, sizeof buffer, &boot), 0);
    assert_false(has("/flash@0", NULL) || has("/fw-cfg@9020000", NULL));
    machine.firmware = (struct blob){buffer, 1};
    assert_int_equal(fdt_generate(buffer, sizeof buffer, &boot), 0);
    assert_int_equal(fdt_check_full(buffer, sizeof buffer), 0);
    assert_string_equal(text("/flash@0", "compatible"), "cfi-flash");
    assert_int_equal(cell("/flash@0", "reg", 3), 0x4000000);
    assert_int_equal(cell("/flash@0", "reg", 5), 0x4000000);
    assert_int_equal(cell("/flash@0", "bank-width", 0), 4);
    assert_string_equal(text("/fw-cfg@9020000", "compatible"), "qemu,fw-cfg-mmio");
}

/* A board's clock instead of the emulated one, and a doorbell. */
static void test_given(void **state)
{
    const struct fdt_boot boot = {0};
    (void)state;
    with_rtc = false;
    given_devices = given_doorbells = 1;
    given_fronts = 1 << 3;
    assert_int_equal(fdt_generate(buffer, sizeof buffer, &boot), 0);
    assert_string_equal(text("/pl031@9010000", "compatible"), "arm,pl031");
    assert_int_equal(cell("/pl031@9010000", "interrupts", 1), 2);
    assert_string_equal(text("/doorbell@b000000", "compatible"), "bulkhead,doorbell");
    assert_int_equal(cell("/doorbell@b000000", "interrupts", 1), 3);
    assert_string_equal(text("/virtio_mmio@a003000", "compatible"), "virtio,mmio");
    assert_int_equal(cell("/virtio_mmio@a003000", "reg", 1), 0x0a003000);
    assert_int_equal(cell("/virtio_mmio@a003000", "reg", 3), 0x1000);
    assert_int_equal(cell("/virtio_mmio@a003000", "interrupts", 1), 32);
    assert_int_equal(cell("/virtio_mmio@a003000", "interrupts", 2), FLAG_EDGE);
    assert_non_null(fdt_getprop(buffer, fdt_path_offset(buffer, "/virtio_mmio@a003000"), "dma-coherent", NULL));
}

static void test_too_small(void **state)
{
    const struct fdt_boot boot = {0};
    (void)state;
    for (size_t size = 0; size < 1000; size += 8)
        assert_int_not_equal(fdt_generate(buffer, size, &boot), 0);
}

/* A small tree of a user, with a cell each for addresses and sizes; its /chosen bears that name, NULL: there is none. */
static void user_make(uint8_t *user, size_t size, const char *chosen)
{
    struct fdt_writer writer;
    fdt_write_begin(&writer, user, size);
    fdt_add_reservemap_entry(user, 0x41000000, 0x1000);
    fdt_finish_reservemap(user);
    fdt_node_begin(&writer, "");
    WRITE_CELLS(&writer, "#address-cells", 1);
    WRITE_CELLS(&writer, "#size-cells", 1);
    fdt_node_begin(&writer, "memory@80000000");
    fdt_write_text(&writer, "device_type", "memory");
    fdt_write_reg(&writer, 0x80000000, 0x1000, 1, 1);
    fdt_node_end(&writer);
    if (chosen) {
        fdt_node_begin(&writer, chosen);
        fdt_write_text(&writer, "bootargs", "theirs");
        fdt_write_text(&writer, "stdout-path", "/uart");
        fdt_write_u64(&writer, "linux,initrd-start", 1);
        fdt_node_begin(&writer, "module");
        fdt_node_end(&writer);
        fdt_node_end(&writer);
    }
    fdt_node_begin(&writer, "uart");
    fdt_write_text(&writer, "bootargs", "not chosen's");
    fdt_node_end(&writer);
    fdt_node_end(&writer);
    fdt_write_end(&writer);
    assert_int_equal(writer.error, 0);
}

static void test_user(void **state)
{
    static uint8_t user[4096];
    const struct fdt_boot boot = {0x42000000, 16};
    (void)state;
    user_make(user, sizeof user, "chosen");
    assert_int_equal(fdt_copy_user(buffer, sizeof buffer, user, sizeof user, &boot), 0);
    assert_int_equal(fdt_check_full(buffer, sizeof buffer), 0);
    assert_false(has("/memory@80000000", NULL));
    assert_int_equal(cell("/memory@40000000", "reg", 0), 0x40000000);
    assert_int_equal(cell("/memory@40000000", "reg", 1), 0x20000000);
    assert_string_equal(text("/chosen", "bootargs"), "theirs");
    assert_string_equal(text("/chosen", "stdout-path"), "/uart");
    assert_int_equal(cell("/chosen", "linux,initrd-start", 1), 0x42000000);
    assert_true(has("/chosen/module", NULL));
    assert_string_equal(text("/uart", "bootargs"), "not chosen's");
    assert_int_equal(fdt_num_mem_rsv(buffer), 1);
}

static void test_user_bootargs(void **state)
{
    static uint8_t user[4096];
    const struct fdt_boot boot = {0};
    (void)state;
    machine.bootargs = (struct blob){(const uint8_t *)"ours", 4};
    user_make(user, sizeof user, "chosen");
    assert_int_equal(fdt_copy_user(buffer, sizeof buffer, user, sizeof user, &boot), 0);
    assert_string_equal(text("/chosen", "bootargs"), "ours");
    user_make(user, sizeof user, NULL);
    assert_int_equal(fdt_copy_user(buffer, sizeof buffer, user, sizeof user, &boot), 0);
    assert_string_equal(text("/chosen", "bootargs"), "ours");
}

/* Who looks for /chosen finds it by its name without the unit address: found by fuzzing, the guest had no initrd. */
static void test_user_chosen_at(void **state)
{
    static uint8_t user[4096];
    const struct fdt_boot boot = {0x42000000, 16};
    (void)state;
    user_make(user, sizeof user, "chosen@0");
    assert_int_equal(fdt_copy_user(buffer, sizeof buffer, user, sizeof user, &boot), 0);
    assert_int_equal(cell("/chosen", "linux,initrd-start", 1), 0x42000000);
    user_make(user, sizeof user, "chosen-not");
    assert_int_equal(fdt_copy_user(buffer, sizeof buffer, user, sizeof user, &boot), 0);
    assert_int_equal(cell("/chosen", "linux,initrd-start", 1), 0x42000000);
    assert_string_equal(text("/chosen-not", "bootargs"), "theirs");
}

/* Damage may go unnoticed, but leads nowhere. */
static void test_user_damaged(void **state)
{
    static uint8_t user[1024];
    const struct fdt_boot boot = {0};
    (void)state;
    for (size_t i = 0; i < 700; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            user_make(user, sizeof user, "chosen");
            user[i] ^= (uint8_t)(1 << bit);
            fdt_copy_user(buffer, sizeof buffer, user, sizeof user, &boot);
        }
    memset(user, 0, sizeof user);
    assert_int_not_equal(fdt_copy_user(buffer, sizeof buffer, user, sizeof user, &boot), 0);
}

/* Red when a tree of an old version gets as far as libfdt's check, which then reads a null pointer: the header, BEGIN_NODE, no name. */
static void test_old_version(void **test)
{
    static const uint8_t header[] = {[0] = 0xd0, 0x0d, 0xfe, 0xed, [7] = 80, [11] = 56, [15] = 72, [19] = 40, [23] = 3, [35] = 8, [39] = 16,
                                     [59] = 1, [67] = 2, [71] = 9, [79] = 0};
    static _Alignas(8) uint8_t tree[sizeof header];
    struct fdt_boot boot = {0};
    (void)test;
    memcpy(tree, header, sizeof tree);
    assert_int_equal(fdt_copy_user(buffer, sizeof buffer, tree, sizeof tree, &boot), -FDT_ERR_BADVERSION);
}

/*
 * Red when libfdt 1.6's check sees a length above INT_MAX: it takes the tag for one that ends before its value, at -12 where it begins, and goes
 * round and round.
 */
static void test_user_length(void **state)
{
    static const int lengths[] = {-1, -4, -8, -12, -16, INT32_MIN, INT32_MAX};
    static _Alignas(8) uint8_t user[4096];
    const struct fdt_boot boot = {0};
    (void)state;
    alarm(10);
    for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        user_make(user, sizeof user, NULL);
        int uart = fdt_path_offset(user, "/uart"), offset = fdt_first_property_offset(user, uart);
        struct fdt_property *property = (struct fdt_property *)(void *)(user + fdt_off_dt_struct(user) + offset);
        property->len = cpu_to_fdt32((uint32_t)lengths[i]);
        assert_int_equal(fdt_copy_user(buffer, sizeof buffer, user, sizeof user, &boot), -FDT_ERR_BADSTRUCTURE);
    }
    alarm(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_generated_v3, setup), cmocka_unit_test_setup(test_generated_v2, setup),
        cmocka_unit_test_setup(test_given, setup),        cmocka_unit_test_setup(test_too_small, setup),
        cmocka_unit_test_setup(test_user, setup),         cmocka_unit_test_setup(test_user_bootargs, setup),
        cmocka_unit_test_setup(test_user_damaged, setup), cmocka_unit_test_setup(test_firmware, setup),
        cmocka_unit_test_setup(test_user_chosen_at, setup),
        cmocka_unit_test(test_old_version),               cmocka_unit_test_setup(test_user_length, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
