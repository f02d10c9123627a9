/* From the board's description to root's first instruction; the kernel's words. */
#include "machine.h"
#include "log.h"
#include <bulkhead/package.h>

#include <string.h>

static const struct bootinfo_extent *extents_of(unsigned use, const struct bootinfo_extent *after)
{
    const struct bootinfo *info = machine.info;
    for (const struct bootinfo_extent *e = after ? after + 1 : info->extents; e < info->extents + info->extent_count; e++) {
        if (e->use == use)
            return e;
    }
    return NULL;
}

static bool is_ram(uint64_t address)
{
    for (const struct bootinfo_extent *e = NULL; (e = extents_of(EXTENT_RAM, e));) {
        if (address - e->base < e->size)
            return true;
    }
    return false;
}

static bool is_device(uint64_t address)
{
    for (const struct bootinfo_extent *e = NULL; (e = extents_of(EXTENT_DEVICE, e));) {
        if (address - e->base < e->size)
            return true;
    }
    return false;
}

static int setup(void **state)
{
    (void)state;
    machine_boot();
    return 0;
}

/* What the capabilities say is what the boot information says. */
static void test_extents(void **state)
{
    (void)state;
    for (unsigned i = 0; i < machine.info->extent_count; i++) {
        const struct bootinfo_extent *extent = &machine.info->extents[i];
        const struct cap *cap = cap_slot(machine.root, extent->slot);
        assert_int_equal(cap->type, CAP_EXTENT);
        assert_int_equal(cap->base, extent->base);
        assert_int_equal(cap->size, extent->size);
        assert_true(cap->rights & RIGHT_DELEGATE);
        assert_int_equal(!!(cap->rights & RIGHT_KERNEL), extent->use == EXTENT_KERNEL);
        assert_int_equal(!!(cap->flags & CAP_FLAG_DEVICE), extent->use == EXTENT_DEVICE || extent->use == EXTENT_GUEST_DEVICE);
        for (unsigned j = 0; j < i; j++) { /* no byte twice, but for what root may share out among several uses */
            const struct bootinfo_extent *other = &machine.info->extents[j];
            assert_true(extent->base + extent->size <= other->base || other->base + other->size <= extent->base);
        }
    }
}

static void test_memory(void **state)
{
    (void)state;
    assert_false(is_ram(HOST_RAM)); /* the firmware's */
    assert_false(is_ram(HOST_RAM + 0x7ffff));
    assert_true(is_ram(HOST_RAM + 0x80000 + 2 * PAGE_SIZE)); /* the two before are root's */
    assert_false(is_ram(HOST_IMAGE));
    assert_false(is_ram(HOST_PACKAGE + HOST_PACKAGE_SIZE - 1));
    assert_true(is_ram(HOST_PACKAGE + HOST_PACKAGE_SIZE));
    assert_false(is_ram(HOST_RAM + 0x300000)); /* the device tree's pages, whole */
    assert_false(is_ram(HOST_RAM + 0x301fff));
    assert_true(is_ram(HOST_RAM + 0x302000));
    assert_false(is_ram(HOST_AREA));
    assert_false(is_ram(HOST_AREA + HOST_AREA_SIZE - 1));
    assert_true(is_ram(HOST_HOLE - 1));
    assert_false(is_ram(HOST_HOLE));
    assert_true(is_device(HOST_HOLE));
    assert_false(is_ram(HOST_HOLE + HOST_HOLE_SIZE - 1));
    assert_true(is_ram(HOST_HOLE + HOST_HOLE_SIZE));
    assert_true(is_ram(HOST_RAM + HOST_RAM_SIZE - 1));
    assert_false(is_ram(HOST_RAM + HOST_RAM_SIZE));
    assert_true(is_device(0));
    assert_true(is_device(0x7ffffff));
    assert_false(is_device(0x8000000)); /* reserved, widened to pages */
    assert_false(is_device(0x8001fff));
    assert_true(is_device(0x8002000));
    assert_false(is_device(0x8040000)); /* the virtual interface has an extent of its own */
    assert_false(is_device(HOST_RAM));
    assert_true(is_device(HOST_RAM + HOST_RAM_SIZE));
    assert_int_equal(extents_of(EXTENT_GUEST_DEVICE, NULL)->size, 0x2000);
    const struct bootinfo_extent *kernel = extents_of(EXTENT_KERNEL, NULL);
    assert_int_equal(kernel->base + kernel->size, HOST_AREA + HOST_AREA_SIZE);
    assert_int_equal(kernel->base, HOST_AREA + (uint64_t)host.mapped_pages * PAGE_SIZE); /* behind root's own */
}

static void test_information(void **state)
{
    const struct bootinfo *info = machine.info;
    (void)state;
    assert_int_equal(info->magic, BOOTINFO_MAGIC);
    assert_int_equal(info->cpus, MACHINE_CPUS);
    assert_int_equal(info->variant, 2);
    assert_int_equal(info->timer_frequency, 1000000);
    assert_int_equal(info->fdt_offset, 0x10);
    assert_int_equal(info->own_end, COMPONENT_BASE + 4 * PAGE_SIZE);
    assert_int_equal(info->boot_ticks, 17);
    assert_string_equal(info->commit, "unit-test");
    assert_int_equal(cap_slot(machine.root, CAP_SYSTEM)->rights, RIGHT_POWER | RIGHT_LOG | RIGHT_DELEGATE);
    assert_int_equal(cap_slot(machine.root, CAP_IRQS)->base, 32);
    assert_int_equal(cap_slot(machine.root, CAP_IRQS)->size, 256);
    assert_int_equal(cap_slot(machine.root, CAP_SELF)->type, CAP_PARTITION);
}

/* Root's code is read-only and where it lies, its data writable, the rest of it zero. */
static void test_root(void **state)
{
    struct thread *root = cpus[0].current;
    struct space *space = root->space.space;
    enum { READ = RIGHT_READ, WRITE = RIGHT_WRITE, EXECUTE = RIGHT_EXECUTE };
    (void)state;
    assert_int_equal(root->arch.pc, COMPONENT_BASE + 64);
    assert_int_equal(root->arch.sp, machine.info->own_end);
    assert_int_equal(root->arch.registers[0], BOOTINFO_ADDRESS);
    assert_int_equal(root->priority, 60);
    assert_int_equal(host_translate(space, COMPONENT_BASE, READ | EXECUTE), HOST_ROOT);
    assert_int_equal(host_translate(space, COMPONENT_BASE, WRITE), UINT64_MAX);
    assert_int_equal(host_translate(space, COMPONENT_BASE + PAGE_SIZE, READ | WRITE), HOST_ROOT + PAGE_SIZE);
    assert_int_equal(host_translate(space, COMPONENT_BASE + PAGE_SIZE, EXECUTE), UINT64_MAX);
    uint64_t zero = host_translate(space, COMPONENT_BASE + 2 * PAGE_SIZE, READ | WRITE);
    assert_false(is_ram(zero)); /* root does not get it again */
    assert_int_equal(host.scrubbed, 2 * PAGE_SIZE);
    assert_int_equal(host_translate(space, machine.info->own_end, 0), UINT64_MAX);
    assert_int_equal(host_translate(space, BOOTINFO_ADDRESS, READ), ptr_to_phys(machine.info).raw);
    assert_int_equal(host_translate(space, BOOTINFO_ADDRESS, WRITE), UINT64_MAX);
}

static void boot(struct cpu *cpu, void *argument)
{
    (void)cpu;
    (void)argument;
    kernel_main();
}

/* A CPU that the firmware does not start: those before it are used, and root's numbers have no hole. */
static void test_missing_cpu(void **state)
{
    (void)state;
    assert_true(cpus[3].online);
    assert_int_equal(machine_teardown(state), 0);
    machine_reset();
    host.refuse_cpu = 2;
    machine_start();
    assert_int_equal(platform.cpus, 2);
    assert_int_equal(machine.root->cpus, 3);
    assert_true(cpus[1].online);
    assert_false(cpus[2].online);
    assert_false(cpus[3].online);
}

/* A board without a device that answers to guests: nothing stands for it. */
static void test_no_guest_device(void **state)
{
    (void)state;
    machine_reset();
    platform.guest_device = (struct range){0};
    machine_start();
    assert_null(extents_of(EXTENT_GUEST_DEVICE, NULL));
    assert_true(is_device(0x8040000)); /* what lay there is as all the rest */
}

/* As much kernel memory as the package says, in whole pages; else a usual amount. */
static void test_root_memory(void **state)
{
    (void)state;
    machine_boot();
    assert_int_equal(machine.root->memory_bytes, 72 * 1024);
    assert_int_equal(machine_teardown(state), 0);
    machine_reset();
    platform.root_memory = 20 * PAGE_SIZE + 1;
    machine_start();
    assert_int_equal(machine.root->memory_bytes, 21 * PAGE_SIZE);
}

static void boot_component(uint64_t file_size, uint64_t memory_size)
{
    struct component_header *header;
    machine_reset();
    header = host_memory(HOST_ROOT);
    header->file_size = file_size;
    header->memory_size = memory_size;
    machine_start();
}

/* Root that has nothing but code; and one whose zeros fit neither one step of scrubbing nor the first pieces of memory. */
static void test_component_sizes(void **state)
{
    enum { LARGE = 2 << 20 };
    (void)state;
    boot_component(PAGE_SIZE, PAGE_SIZE);
    assert_int_equal(host.scrubbed, 0);
    assert_int_equal(host_translate(cpus[0].current->space.space, COMPONENT_BASE + PAGE_SIZE, 0), UINT64_MAX);
    assert_int_equal(machine_teardown(state), 0);
    boot_component(2 * PAGE_SIZE, LARGE + PAGE_SIZE);
    assert_int_equal(host.scrubbed, LARGE - PAGE_SIZE);
    assert_int_equal(host_translate(cpus[0].current->space.space, COMPONENT_BASE + LARGE, RIGHT_WRITE), HOST_RAM + 0x302000 + LARGE - 2 * PAGE_SIZE);
    assert_false(is_ram(HOST_RAM + 0x302000));
}

static void test_log(void **state)
{
    (void)state;
    host.log_length = 0;
    log_print("%s|%%|%d|%u|%x|%08x|%03u|%lu|%lx|%016lx|%p|", "ab", -12, 4000000000u, 0xbeefu, 0xbeefu, 1234u, 1234567890123ul,
              0xfeedfacecafeul, 0xfeedfacecafeul, (void *)0x1000);
    host.log[host.log_length] = '\0';
    assert_string_equal(host.log, "ab|%|-12|4000000000|beef|0000beef|1234|1234567890123|feedfacecafe|0000feedfacecafe|1000|");
    host.log_length = 0;
    log_print("%lu %020lu %d %d %x", UINT64_MAX, 1ul, INT32_MIN, INT32_MAX, 0u);
    host.log[host.log_length] = '\0';
    assert_string_equal(host.log, "18446744073709551615 00000000000000000001 -2147483648 2147483647 0");
}

static void boot_without(void *argument)
{
    (void)argument;
    host_enter(0, boot, NULL);
}

/* The last test of the program: a panic is for good. */
static void test_panic(void **state)
{
    (void)state;
    host_reset(1); /* nothing where root ought to be */
    assert_true(host_stops(boot_without, NULL));
    assert_true(host.panicked);
    host.log[host.log_length] = '\0';
    assert_non_null(strstr(host.log, "panic: CPU 0, build unit-test: the package's \"root\" is not a component"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_extents, setup, machine_teardown), cmocka_unit_test_setup_teardown(test_memory, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(test_information, setup, machine_teardown), cmocka_unit_test_setup_teardown(test_root, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(test_missing_cpu, setup, machine_teardown), cmocka_unit_test_setup_teardown(test_log, setup, machine_teardown),
        cmocka_unit_test_teardown(test_no_guest_device, machine_teardown), cmocka_unit_test_teardown(test_root_memory, machine_teardown),
        cmocka_unit_test_teardown(test_component_sizes, machine_teardown),
        cmocka_unit_test(test_panic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
