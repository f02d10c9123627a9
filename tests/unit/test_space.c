/* Spaces: what is mapped where, by the largest blocks, and that nothing reaches it once it is taken away. */
#include "machine.h"

#include <string.h>

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
enum { RW = RIGHT_READ | RIGHT_WRITE, P = 40 };

static cap_t space;

static status_t map(cap_t extent, uint64_t address, uint64_t offset, uint64_t size, uint64_t access)
{
    return BASE(CALL_SPACE_MAP, space, extent, address, offset, size, access);
}

static uint64_t leaf(uint64_t address, bool *contiguous)
{
    bool device;
    return host_leaf_size(space_at(space), address, contiguous, &device);
}

static uint64_t translate(uint64_t address, unsigned access)
{
    return host_translate(space_at(space), address, access);
}

/* Every address of the range leads to where it should, the ones around it nowhere. */
static void assert_mapped(uint64_t address, uint64_t physical, uint64_t size)
{
    bool contiguous;
    for (uint64_t at = 0; at < size;) {
        uint64_t span = leaf(address + at, &contiguous), left = span - ((address + at) & (span - 1));
        assert_true(span);
        assert_int_equal(translate(address + at, RIGHT_READ), physical + at);
        assert_int_equal(translate(address + at + left - 1, RIGHT_READ), physical + at + left - 1);
        at += left;
    }
    assert_int_equal(translate(address - 1, 0), UINT64_MAX);
    assert_int_equal(translate(address + size, 0), UINT64_MAX);
}

static int setup(void **state)
{
    int failed = machine_setup(state);
    if (!failed)
        space = make_space(SPACE_GUEST);
    return failed;
}

static void test_blocks(void **state)
{
    cap_t ram = make_ram(8 * MIB, 2 * MIB);
    uint64_t base = cap_at(ram)->base;
    bool contiguous;
    (void)state;
    assert_ok(map(ram, 4 * MIB - 4 * KIB, 2 * MIB - 4 * KIB, 4 * MIB + 8 * KIB, RW));
    assert_mapped(4 * MIB - 4 * KIB, base + 2 * MIB - 4 * KIB, 4 * MIB + 8 * KIB);
    assert_int_equal(leaf(4 * MIB - 4 * KIB, &contiguous), 4 * KIB);
    assert_int_equal(leaf(4 * MIB, &contiguous), 2 * MIB);
    assert_int_equal(leaf(6 * MIB, &contiguous), 2 * MIB);
    assert_int_equal(leaf(8 * MIB, &contiguous), 4 * KIB);
    assert_ok(BASE(CALL_SPACE_UNMAP, space, 4 * MIB - 4 * KIB));
    /* Aligned in the one but not the other: pages only. */
    assert_ok(map(ram, 4 * MIB, 4 * KIB, 2 * MIB, RW));
    assert_mapped(4 * MIB, base + 4 * KIB, 2 * MIB);
    assert_int_equal(leaf(4 * MIB, &contiguous), 4 * KIB);
    assert_false(contiguous);
}

static void test_gigabyte(void **state)
{
    const struct cap *device = cap_at(SLOT_DEVICE);
    uint64_t offset = ((device->base + GIB - 1) & ~(GIB - 1)) - device->base;
    bool contiguous, is_device;
    (void)state;
    assert_ok(map(SLOT_DEVICE, 3 * GIB, offset, 2 * GIB, RIGHT_READ));
    assert_int_equal(host_leaf_size(space_at(space), 4 * GIB, &contiguous, &is_device), GIB);
    assert_true(is_device);
    assert_int_equal(translate(4 * GIB + 12345, RIGHT_READ), device->base + offset + GIB + 12345);
    assert_status(map(SLOT_DEVICE, 4 * GIB + 2 * MIB, 0, 4 * KIB, RIGHT_READ), STATUS_EXISTS); /* and there is nothing to trim within the block */
    assert_int_equal(translate(4 * GIB + 12345, RIGHT_READ), device->base + offset + GIB + 12345);
}

/* Sixteen neighbours bear the hint, if all of their aligned group is in the range; none does otherwise. */
static void test_contiguous(void **state)
{
    cap_t ram = make_ram(MIB, 64 * KIB);
    bool contiguous;
    (void)state;
    assert_ok(map(ram, GIB - 8 * KIB, 64 * KIB - 8 * KIB, 64 * KIB + 12 * KIB, RW));
    for (uint64_t at = GIB - 8 * KIB; at < GIB + 68 * KIB; at += 4 * KIB) {
        assert_int_equal(leaf(at, &contiguous), 4 * KIB);
        assert_int_equal(contiguous, at >= GIB && at < GIB + 64 * KIB);
    }
    assert_ok(BASE(CALL_SPACE_UNMAP, space, GIB - 8 * KIB));
    assert_ok(map(ram, GIB + 4 * KIB, 64 * KIB, 64 * KIB, RW)); /* not congruent */
    for (uint64_t at = GIB + 4 * KIB; at < GIB + 68 * KIB; at += 4 * KIB) {
        assert_int_equal(leaf(at, &contiguous), 4 * KIB);
        assert_false(contiguous);
    }
}

static void test_rights(void **state)
{
    cap_t ram = make_ram(16 * KIB, 4 * KIB), read_only = slot_new(), use = slot_new();
    (void)state;
    assert_ok(give(CAP_SELF, read_only, ram, RIGHT_READ));
    assert_status(map(read_only, 0, 0, 4 * KIB, RW), STATUS_RIGHTS);
    assert_status(map(read_only, 0, 0, 4 * KIB, RIGHT_EXECUTE), STATUS_RIGHTS);
    assert_status(map(ram, 0, 0, 4 * KIB, 0), STATUS_ARGUMENT);
    assert_status(map(ram, 0, 0, 4 * KIB, RW | 16), STATUS_ARGUMENT);
    assert_status(map(ram, 0, 0, 4 * KIB, RW | UINT64_C(1) << 33), STATUS_ARGUMENT);
    assert_ok(map(read_only, 0, 0, 4 * KIB, RIGHT_READ));
    assert_int_equal(translate(0, RIGHT_READ), cap_at(ram)->base);
    assert_int_equal(translate(0, RIGHT_WRITE), UINT64_MAX);
    assert_int_equal(translate(0, RIGHT_EXECUTE), UINT64_MAX);
    assert_ok(give(CAP_SELF, use, space, RIGHT_USE));
    assert_status(BASE(CALL_SPACE_MAP, use, ram, 0x8000, 0, 4 * KIB, RW), STATUS_RIGHTS);
    assert_status(BASE(CALL_SPACE_UNMAP, use, 0), STATUS_RIGHTS);
    assert_status(BASE(CALL_SPACE_UNMAP, space, 4 * KIB), STATUS_RANGE);
    assert_status(BASE(CALL_SPACE_MAP, ram, ram, 0, 0, 4 * KIB, RW), STATUS_CAP);
    assert_status(BASE(CALL_SPACE_MAP, space, space, 0, 0, 4 * KIB, RW), STATUS_CAP);
}

static void test_arguments(void **state)
{
    cap_t ram = make_ram(16 * KIB, 4 * KIB);
    uint64_t top = UINT64_C(1) << SPACE_BITS;
    (void)state;
    assert_status(map(ram, 1, 0, 4 * KIB, RW), STATUS_ARGUMENT);
    assert_status(map(ram, 0, 1, 4 * KIB, RW), STATUS_ARGUMENT);
    assert_status(map(ram, 0, 0, 4 * KIB + 1, RW), STATUS_ARGUMENT);
    assert_status(map(ram, 0, 0, 0, RW), STATUS_ARGUMENT);
    assert_status(map(ram, top, 0, 4 * KIB, RW), STATUS_ARGUMENT);
    assert_status(map(ram, top - 4 * KIB, 0, 8 * KIB, RW), STATUS_ARGUMENT);
    assert_status(map(ram, (uint64_t)-(int64_t)(4 * KIB), 0, 4 * KIB, RW), STATUS_ARGUMENT);
    assert_status(map(ram, 0, 0, 20 * KIB, RW), STATUS_RANGE);
    assert_status(map(ram, 0, 16 * KIB, 4 * KIB, RW), STATUS_RANGE);
    assert_status(map(ram, 0, (uint64_t)-(int64_t)(4 * KIB), 8 * KIB, RW), STATUS_RANGE);
    assert_null(space_at(space)->mappings);
    assert_ok(map(ram, top - 4 * KIB, 12 * KIB, 4 * KIB, RW)); /* the very last page */
    assert_int_equal(translate(top - 1, RIGHT_READ), cap_at(ram)->base + 16 * KIB - 1);
}

/* A mapping that meets another one is refused and leaves neither entries nor tables. */
static void test_exists(void **state)
{
    cap_t ram = make_ram(8 * MIB, 2 * MIB);
    uint64_t used;
    (void)state;
    assert_ok(map(ram, 10 * MIB, 0, 4 * KIB, RW));
    used = machine.base->free_bytes;
    assert_status(map(ram, 10 * MIB, 4 * MIB, 4 * KIB, RW), STATUS_EXISTS);
    assert_status(map(ram, 10 * MIB - 8 * KIB, 4 * KIB, 12 * KIB, RW), STATUS_EXISTS); /* the last page of it; the others need a table */
    assert_status(map(ram, 10 * MIB, 2 * MIB, 2 * MIB, RW), STATUS_EXISTS);            /* a block over a table */
    assert_status(map(ram, 6 * MIB, 0, 6 * MIB, RW), STATUS_EXISTS);
    assert_int_equal(machine.base->free_bytes, used);
    assert_int_equal(translate(10 * MIB - 4 * KIB, 0), UINT64_MAX);
    assert_int_equal(translate(6 * MIB, 0), UINT64_MAX);
    assert_mapped(10 * MIB, cap_at(ram)->base, 4 * KIB);
    assert_ok(map(ram, 12 * MIB, 2 * MIB, 2 * MIB, RW));
    assert_status(map(ram, 12 * MIB + 64 * KIB, 4 * KIB, 4 * KIB, RW), STATUS_EXISTS); /* within a block */
    assert_null(space_at(space)->mappings->next->next);
}

static void test_limit(void **state)
{
    cap_t ram = make_ram(4 * MIB, 2 * MIB);
    uint64_t used = machine.base->free_bytes;
    (void)state;
    assert_status(map(ram, 4 * KIB, 0, 2 * MIB + 4 * KIB, RW), STATUS_LIMIT);
    assert_int_equal(machine.base->free_bytes, used);
    assert_null(space_at(space)->mappings);
    assert_ok(map(ram, 8 * MIB, 2 * MIB, 2 * MIB, RW)); /* a block, behind what the limit allows: not looked at */
    assert_status(map(ram, 6 * MIB, 4 * KIB, 2 * MIB + 4 * KIB, RW), STATUS_LIMIT);
    assert_ok(BASE(CALL_SPACE_UNMAP, space, 8 * MIB));
    assert_ok(map(ram, 4 * KIB, 0, 2 * MIB, RW)); /* SPACE_MAP_LIMIT pages exactly */
    assert_mapped(4 * KIB, cap_at(ram)->base, 2 * MIB);
}

/* Unmapping flushes, then frees: the simulated TLB knows both and would stop the test. Steps in between let interrupts in. */
static void test_unmap(void **state)
{
    cap_t ram = make_ram(4 * MIB, 2 * MIB);
    uint64_t used = machine.base->free_bytes, base = cap_at(ram)->base;
    (void)state;
    assert_ok(map(ram, 4 * KIB, 0, 2 * MIB, RW));
    for (uint64_t at = 0; at < 2 * MIB; at += 64 * KIB)
        assert_int_equal(translate(4 * KIB + at, RW), base + at);
    assert_true(host_tlb_reaches(base, 2 * MIB));
    assert_ok(BASE(CALL_SPACE_UNMAP, space, 4 * KIB));
    assert_int_equal(machine.repeats, 3); /* 512 entries, 128 at a time */
    assert_false(host_tlb_reaches(base, 2 * MIB));
    assert_int_equal(translate(4 * KIB, 0), UINT64_MAX);
    assert_int_equal(machine.base->free_bytes, used);
    assert_null(cap_at(ram)->child);
}

/* Two mappings of one page, one goes: the tables that the other one needs stay. */
static void test_shared_tables(void **state)
{
    cap_t ram = make_ram(16 * KIB, 4 * KIB);
    uint64_t used = machine.base->free_bytes;
    (void)state;
    assert_ok(map(ram, 0x1000, 0, 4 * KIB, RW));
    assert_ok(map(ram, 0x3000, 4 * KIB, 4 * KIB, RW));
    assert_ok(map(ram, 0x40000000, 8 * KIB, 4 * KIB, RW));
    assert_int_equal(translate(0x1000, RW), cap_at(ram)->base);
    assert_ok(BASE(CALL_SPACE_UNMAP, space, 0x1000));
    assert_int_equal(translate(0x1000, 0), UINT64_MAX); /* the table stays, the translation does not */
    assert_mapped(0x3000, cap_at(ram)->base + 4 * KIB, 4 * KIB);
    assert_ok(BASE(CALL_SPACE_UNMAP, space, 0x3000));
    assert_mapped(0x40000000, cap_at(ram)->base + 8 * KIB, 4 * KIB);
    assert_ok(BASE(CALL_SPACE_UNMAP, space, 0x40000000));
    assert_int_equal(machine.base->free_bytes, used);
}

/* Revoked: unmapped in whatever space, scrubbed if somebody else could write it; only then is it the owner's again. */
static void test_revoke(void **state)
{
    cap_t ram = make_ram(256 * KIB, 4 * KIB), p = make_partition(1 << 16, 10);
    uint64_t base = cap_at(ram)->base;
    struct space *foreign;
    (void)state;
    assert_ok(map(ram, 0, 0, 256 * KIB, RW));
    assert_ok(BASE(CALL_CAP_DELEGATE, p, P, ram, RW, 64 * KIB, 128 * KIB));
    make_foreign_thread(p, 1, 5);
    assert_ok(BASE(CALL_SPACE_CREATE, p, slot_new(), SPACE_COMPONENT));
    assert_ok(BASE(CALL_CAP_DELEGATE, p, P + 1, machine.next_slot - 1, 0xff));
    foreign = space_at(machine.next_slot - 1);
    assert_ok(CALL(1, CALL_SPACE_MAP, P + 1, P, 0x10000, 64 * KIB, 64 * KIB, RW));
    assert_int_equal(host_translate(foreign, 0x10000, RW), base + 128 * KIB);
    assert_int_equal(translate(128 * KIB, RW), base + 128 * KIB);
    memset(host_memory(base), 0x5a, 256 * KIB);
    host.interrupt = true;
    assert_ok(BASE(CALL_CAP_REVOKE, ram));
    host.interrupt = false;
    assert_int_equal(host_translate(foreign, 0x10000, 0), UINT64_MAX);
    assert_int_equal(translate(128 * KIB, 0), UINT64_MAX); /* one's own mappings hang from it, too */
    assert_int_equal(host.scrubbed, 128 * KIB);
    assert_int_equal(((char *)host_memory(base))[64 * KIB - 1], 0x5a);
    assert_int_equal(((char *)host_memory(base))[64 * KIB], 0);
    assert_int_equal(((char *)host_memory(base))[192 * KIB - 1], 0);
    assert_int_equal(((char *)host_memory(base))[192 * KIB], 0x5a);
    assert_null(space_at(space)->mappings);
}

/* The part that an interrupted unmapping has cleared already is not gone before all is. */
static void test_interrupted_unmap(void **state)
{
    cap_t ram = make_ram(4 * MIB, 2 * MIB);
    const uint64_t arguments[7] = {space, 4 * KIB};
    (void)state;
    assert_ok(map(ram, 4 * KIB, 0, 2 * MIB, RW));
    assert_int_equal(translate(4 * KIB, RW), cap_at(ram)->base);
    assert_status(machine_call_once(0, CALL_SPACE_UNMAP, arguments), CALL_REPEAT);
    assert_non_null(cap_at(ram)->child);
    assert_status(map(ram, MIB + 768 * KIB, 0, 4 * KIB, RW), STATUS_EXISTS);
    assert_ok(BASE(CALL_CAP_REVOKE, ram)); /* somebody else finishes it */
    assert_status(machine_call_once(0, CALL_SPACE_UNMAP, arguments), STATUS_RANGE);
    assert_false(host_tlb_reaches(cap_at(ram)->base, 2 * MIB));
}

/* The page that the kernel shares with a monitor: nobody's extent, in the way of other mappings, gone with the vCPU. */
static void test_state_page(void **state)
{
    cap_t guest, vm = make_vm(&guest), ram = make_ram(8 * KIB, 4 * KIB), vcpu;
    uint64_t used;
    (void)state;
    space = make_space(SPACE_COMPONENT);
    used = machine.base->free_bytes;
    assert_status(BASE(CALL_VCPU_CREATE, CAP_SELF, slot_new(), vm, 0, space, 0x5001), STATUS_ARGUMENT);
    assert_int_equal(machine.base->free_bytes, used);
    vcpu = make_vcpu(vm, 0, space, 0x5000);
    assert_int_equal(translate(0x5000, RW), ptr_to_phys(vcpu_at(vcpu)->state).raw);
    assert_int_equal(translate(0x5000, RIGHT_EXECUTE), UINT64_MAX);
    assert_status(map(ram, 0x4000, 0, 8 * KIB, RW), STATUS_EXISTS);
    assert_status(BASE(CALL_SPACE_UNMAP, space, 0x5000), STATUS_RANGE);
    assert_status(BASE(CALL_VCPU_CREATE, CAP_SELF, slot_new(), vm, 1, space, 0x5000), STATUS_EXISTS);
    assert_ok(BASE(CALL_CAP_DELETE, vcpu));
    assert_int_equal(translate(0x5000, 0), UINT64_MAX);
    assert_int_equal(machine.base->free_bytes, used);
    vcpu = make_vcpu(vm, 0, space, 0x5000);
    assert_ok(BASE(CALL_CAP_DELETE, space)); /* the other way round */
    assert_null(vcpu_at(vcpu)->monitor.space);
    assert_ok(BASE(CALL_CAP_DELETE, vcpu));
}

/* A space ends with all its mappings, and with its threads stopped for good. */
static void test_end(void **state)
{
    cap_t ram = make_ram(8 * MIB, 2 * MIB), thread;
    uint64_t used;
    (void)state;
    space = make_space(SPACE_COMPONENT);
    thread = make_stopped_thread(space, 1, 5, 0, 0);
    used = machine.base->free_bytes;
    assert_ok(map(ram, 0x40000000, 0, 4 * MIB, RW));
    assert_ok(map(ram, 0x1000, 0, 12 * KIB, RW));
    assert_int_equal(translate(0x1000, RW), cap_at(ram)->base);
    assert_ok(BASE(CALL_THREAD_START, thread, 0, 0, 0));
    assert_ptr_equal(cpus[1].current, thread_at(thread));
    assert_ok(BASE(CALL_CAP_DELETE, space));
    assert_null(cpus[1].current);
    assert_null(cap_at(ram)->child);
    assert_true(machine.base->free_bytes > used);
    assert_status(BASE(CALL_THREAD_START, thread, 0, 0, 0), STATUS_DEAD);
    assert_status(BASE(CALL_SPACE_MAP, space, ram, 0, 0, 4 * KIB, RW), STATUS_CAP);
}

/* Between two steps of a space's end nobody maps anything into it. */
static void test_dying(void **state)
{
    cap_t ram = make_ram(8 * MIB, 2 * MIB), copy = slot_new();
    const uint64_t arguments[7] = {space};
    (void)state;
    for (uint64_t i = 0; i < 20; i++)
        assert_ok(map(ram, i * 2 * MIB, 0, 4 * KIB, RW));
    assert_ok(give(CAP_SELF, copy, space, 0xff));
    host.interrupt = true;
    for (unsigned i = 0; i < 3; i++) /* the copy, then the space's own end begins */
        assert_status(machine_call_once(0, CALL_CAP_DELETE, arguments), CALL_REPEAT);
    assert_status(map(ram, 0x40000000, 0, 4 * KIB, RW), STATUS_CAP);
    assert_status(BASE(CALL_SPACE_MAP, copy, ram, 0x40000000, 0, 4 * KIB, RW), STATUS_CAP);
    assert_status(BASE(CALL_VM_CREATE, CAP_SELF, slot_new(), space), STATUS_CAP);
    assert_ok(BASE(CALL_CAP_DELETE, space));
}

static void test_kinds(void **state)
{
    cap_t component = make_space(SPACE_COMPONENT);
    (void)state;
    assert_status(BASE(CALL_SPACE_CREATE, CAP_SELF, slot_new(), 2), STATUS_ARGUMENT);
    assert_status(BASE(CALL_SPACE_CREATE, CAP_SELF, slot_new(), UINT64_C(1) << 32), STATUS_ARGUMENT);
    assert_status(BASE(CALL_THREAD_CREATE, CAP_SELF, slot_new(), space, 1, 5), STATUS_STATE);
    assert_status(BASE(CALL_VM_CREATE, CAP_SELF, slot_new(), component), STATUS_STATE);
}

#define SPACE_TEST(function) cmocka_unit_test_setup_teardown(function, setup, machine_teardown)

/* The list that an unmapping goes through is bounded. */
static void test_bounded(void **state)
{
    cap_t ram = make_ram(4 * KIB, 4 * KIB);
    (void)state;
    for (uint64_t i = 0; i < SPACE_MAPPINGS; i++)
        assert_ok(map(ram, i * 4 * KIB, 0, 4 * KIB, RW));
    assert_status(map(ram, SPACE_MAPPINGS * 4 * KIB, 0, 4 * KIB, RW), STATUS_LIMIT);
    assert_ok(BASE(CALL_SPACE_UNMAP, space, 0));
    assert_ok(map(ram, SPACE_MAPPINGS * 4 * KIB, 0, 4 * KIB, RW));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPACE_TEST(test_blocks),      SPACE_TEST(test_gigabyte),    SPACE_TEST(test_contiguous),       SPACE_TEST(test_rights),
        SPACE_TEST(test_arguments),   SPACE_TEST(test_exists),      SPACE_TEST(test_limit),            SPACE_TEST(test_unmap),
        SPACE_TEST(test_arguments),   SPACE_TEST(test_exists),      SPACE_TEST(test_bounded),            SPACE_TEST(test_unmap),
        SPACE_TEST(test_shared_tables), SPACE_TEST(test_revoke),    SPACE_TEST(test_interrupted_unmap), SPACE_TEST(test_state_page),
        SPACE_TEST(test_end),         SPACE_TEST(test_dying),       SPACE_TEST(test_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
