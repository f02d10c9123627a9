/* Partitions: kernel memory handed over, used up, and all of it back at the end. */
#include "machine.h"

#include <string.h>

enum { LITTLE = 32768, P = 40 };

static uint64_t free_of(cap_t partition)
{
    assert_ok(BASE(CALL_PARTITION_STATS, partition));
    return result(0, 2);
}

static void test_create(void **state)
{
    cap_t memory = make_kernel(LITTLE), slot = slot_new(), ram = make_ram(LITTLE, PAGE_SIZE), tiny = make_kernel(PARTITION_MIN_MEMORY - PAGE_SIZE);
    (void)state;
    assert_status(BASE(CALL_PARTITION_CREATE, slot, ram, 1, 10), STATUS_RIGHTS);
    assert_status(BASE(CALL_PARTITION_CREATE, slot, CAP_SPACE, 1, 10), STATUS_CAP);
    assert_status(BASE(CALL_PARTITION_CREATE, slot, tiny, 1, 10), STATUS_ARGUMENT);
    assert_status(BASE(CALL_PARTITION_CREATE, memory, memory, 1, 10), STATUS_EXISTS);
    assert_status(BASE(CALL_PARTITION_CREATE, slot, memory, 0, 10), STATUS_CPU);
    assert_status(BASE(CALL_PARTITION_CREATE, slot, memory, 1 << MACHINE_CPUS, 10), STATUS_CPU);
    assert_status(BASE(CALL_PARTITION_CREATE, slot, memory, 1, PRIORITIES), STATUS_RANGE);
    assert_status(BASE(CALL_PARTITION_CREATE, slot, memory, 1, UINT64_C(1) << 32), STATUS_RANGE);
    assert_false(host_is_mapped(cap_at(memory)->base)); /* nothing of it has happened */
    assert_null(cap_at(memory)->child);
    assert_ok(BASE(CALL_PARTITION_CREATE, slot, memory, 1, 10));
    assert_int_equal(free_of(slot), LITTLE - PAGE_SIZE - ((sizeof(struct partition) + 63) & ~63ul)); /* itself and its table's first page */
    assert_int_equal(result(0, 1), LITTLE);
}

/* A partition's threads get no more than it has, and it passes on no more either. */
static void test_limits(void **state)
{
    cap_t p = slot_new(), memory = make_kernel(1 << 16), more = make_kernel(LITTLE), space = slot_new();
    (void)state;
    assert_ok(BASE(CALL_PARTITION_CREATE, p, memory, 2, 10));
    assert_ok(BASE(CALL_SPACE_CREATE, p, space, SPACE_COMPONENT));
    assert_status(BASE(CALL_THREAD_CREATE, p, slot_new(), space, 0, 5), STATUS_CPU);
    assert_status(BASE(CALL_THREAD_CREATE, p, slot_new(), space, CPUS_MAX, 5), STATUS_CPU);
    assert_status(BASE(CALL_THREAD_CREATE, p, slot_new(), space, UINT64_MAX, 5), STATUS_CPU);
    assert_status(BASE(CALL_THREAD_CREATE, p, slot_new(), space, 1, 11), STATUS_RANGE);
    make_foreign_thread(p, 1, 10);
    assert_ok(give(p, P, more, 0xff));
    assert_status(CALL(1, CALL_PARTITION_CREATE, P + 1, P, 1, 10), STATUS_CPU);
    assert_status(CALL(1, CALL_PARTITION_CREATE, P + 1, P, 2, 11), STATUS_RANGE);
    assert_ok(CALL(1, CALL_PARTITION_CREATE, P + 1, P, 2, 10));
}

/* One piece of memory is one partition's. */
static void test_double_donation(void **state)
{
    cap_t memory = make_kernel(4 * LITTLE), half = slot_new(), p = slot_new(), q = make_partition(LITTLE, 10);
    (void)state;
    assert_ok(BASE(CALL_CAP_DELEGATE, CAP_SELF, half, memory, 0xff, LITTLE, LITTLE));
    assert_status(BASE(CALL_PARTITION_CREATE, p, memory, 1, 10), STATUS_BUSY); /* a part of it is delegated */
    assert_ok(BASE(CALL_PARTITION_CREATE, p, half, 1, 10));
    assert_status(BASE(CALL_PARTITION_CREATE, slot_new(), half, 1, 10), STATUS_BUSY);
    assert_status(BASE(CALL_PARTITION_FEED, q, half), STATUS_BUSY);
    cap_t whole = slot_new();
    assert_ok(BASE(CALL_CAP_DELEGATE, CAP_SELF, whole, memory, 0xff)); /* overlaps what p has */
    assert_status(BASE(CALL_PARTITION_CREATE, slot_new(), whole, 1, 10), STATUS_BUSY);
    assert_status(BASE(CALL_PARTITION_FEED, q, whole), STATUS_BUSY);
    cap_t beside = slot_new();
    assert_ok(BASE(CALL_CAP_DELEGATE, CAP_SELF, beside, whole, 0xff, 2 * LITTLE, LITTLE));
    assert_ok(BASE(CALL_PARTITION_FEED, q, beside));
    assert_ok(BASE(CALL_CAP_DELETE, p));
    assert_ok(BASE(CALL_PARTITION_CREATE, p, half, 1, 10)); /* free again */
}

static void test_not_mappable(void **state)
{
    cap_t memory = make_kernel(LITTLE);
    (void)state;
    assert_status(BASE(CALL_SPACE_MAP, CAP_SPACE, memory, 0x10000000, 0, PAGE_SIZE, RIGHT_READ), STATUS_RIGHTS);
    assert_status(BASE(CALL_SPACE_MAP, CAP_SPACE, memory, 0x10000000, 0, PAGE_SIZE, RIGHT_KERNEL), STATUS_ARGUMENT);
}

/* More than one donation's size per call is refused, not carried out slowly. */
static void test_donation_limit(void **state)
{
    cap_t large = make_kernel(PARTITION_FEED_LIMIT + PAGE_SIZE), q = make_partition(LITTLE, 10);
    (void)state;
    assert_status(BASE(CALL_PARTITION_CREATE, slot_new(), large, 1, 10), STATUS_LIMIT);
    assert_status(BASE(CALL_PARTITION_FEED, q, large), STATUS_LIMIT);
    assert_int_equal(partition_at(q)->memory_bytes, LITTLE);
}

/* Makes objects of one kind until the memory ends; how many there were. The last, failing call must leave nothing behind. */
static unsigned exhaust(cap_t p, unsigned number, uint64_t third, uint64_t fourth, uint64_t fifth)
{
    unsigned count = 0;
    cap_t slot = slot_new();
    for (;; count++, slot = slot_new()) {
        uint64_t before = partition_at(p)->free_bytes;
        const struct link *newest = partition_at(p)->objects;
        status_t status = BASE(number, p, slot, third, fourth, fifth, 0, 0);
        if (status == STATUS_OK)
            continue;
        assert_status(status, STATUS_MEMORY);
        assert_int_equal(partition_at(p)->free_bytes, before);
        assert_ptr_equal(partition_at(p)->objects, newest);
        assert_int_equal(cap_at(slot)->type, CAP_NONE);
        return count;
    }
}

static void test_exhausted(void **state)
{
    cap_t p = make_partition(LITTLE, 10), space = slot_new(), guest = make_space(SPACE_GUEST);
    unsigned signals;
    (void)state;
    assert_ok(BASE(CALL_SPACE_CREATE, p, space, SPACE_COMPONENT));
    signals = exhaust(p, CALL_SIGNAL_CREATE, 0, 0, 0);
    assert_in_range(signals, 50, 400);
    assert_in_range(free_of(p), 0, 127);
    assert_status(BASE(CALL_PORTAL_CREATE, p, slot_new()), STATUS_MEMORY);
    assert_status(BASE(CALL_THREAD_CREATE, p, slot_new(), space, 0, 1), STATUS_MEMORY);
    assert_status(BASE(CALL_SPACE_CREATE, p, slot_new(), SPACE_GUEST), STATUS_MEMORY);
    assert_status(BASE(CALL_VM_CREATE, p, slot_new(), guest), STATUS_MEMORY);
    assert_status(give(p, 500, space, 1), STATUS_MEMORY); /* a page of its table */
    assert_ok(give(p, P, space, 1));                      /* in a page that is there */
    /* What one object was can be used for another. */
    assert_ok(BASE(CALL_CAP_DELETE, machine.next_slot - 10));
    assert_ok(BASE(CALL_SIGNAL_CREATE, p, machine.next_slot - 10));
    /* Being fed takes nothing of what is exhausted. */
    assert_ok(BASE(CALL_PARTITION_FEED, p, make_kernel(PAGE_SIZE)));
    assert_ok(BASE(CALL_PORTAL_CREATE, p, slot_new()));
}

/* A space needs two pieces, its object and a page: with only the one there, none is lost. */
static void test_exhausted_spaces(void **state)
{
    cap_t p = make_partition(LITTLE, 10);
    (void)state;
    assert_in_range(exhaust(p, CALL_SPACE_CREATE, SPACE_COMPONENT, 0, 0), 3, 7);
    assert_in_range(exhaust(p, CALL_SIGNAL_CREATE, 0, 0, 0), 1, 100);
}

/* Every one of a vCPU's and a mapping's allocations fails once, and nothing is left of the attempt. */
static void test_exhausted_midway(void **state)
{
    cap_t p = make_partition(2 * LITTLE, 10), monitor = slot_new(), guest = slot_new(), vm = slot_new(), ram = make_ram(PAGE_SIZE, PAGE_SIZE);
    unsigned failures = 0;
    (void)state;
    assert_ok(BASE(CALL_SPACE_CREATE, p, monitor, SPACE_COMPONENT));
    assert_ok(BASE(CALL_SPACE_CREATE, p, guest, SPACE_GUEST));
    assert_ok(BASE(CALL_VM_CREATE, p, vm, guest));
    for (cap_t slot = slot_new();; slot = slot_new()) {
        status_t status = BASE(CALL_SIGNAL_CREATE, p, slot);
        if (status != STATUS_OK)
            break;
        while (free_of(p) > 4 * PAGE_SIZE && BASE(CALL_SIGNAL_CREATE, p, slot = slot_new()) == STATUS_OK)
            ;
        uint64_t before = free_of(p);
        cap_t vcpu = slot_new();
        status = BASE(CALL_VCPU_CREATE, p, vcpu, vm, 0, monitor, 0x12345000);
        if (status == STATUS_OK)
            assert_ok(BASE(CALL_CAP_DELETE, vcpu));
        else
            failures++;
        assert_int_equal(free_of(p), before);
        status = BASE(CALL_SPACE_MAP, monitor, ram, 0x3f12345000, 0, PAGE_SIZE, RIGHT_READ);
        if (status == STATUS_OK)
            assert_ok(BASE(CALL_SPACE_UNMAP, monitor, 0x3f12345000));
        else
            failures++;
        assert_int_equal(free_of(p), before);
        assert_null(space_at(monitor)->mappings);
        assert_null(cap_at(ram)->child);
    }
    assert_true(failures > 10);
}

/* All sorts of objects, in use, across partitions; then the creator has byte for byte what it had. */
static void test_all_comes_back(void **state)
{
    cap_t memory = make_kernel(1 << 18), more = make_kernel(1 << 16), p = slot_new(), first = machine.next_slot;
    cap_t ram = make_ram(1 << 20, PAGE_SIZE), signal = make_signal();
    machine.next_slot = first + 200;
    cap_t thread, space = slot_new();
    uint64_t before = 0; /* known after the first round, for which the table grows */
    unsigned mapped = host.mapped_pages;
    (void)state;
    for (unsigned round = 0; round < 4; round++) {
        machine.next_slot = first + 10;
        assert_ok(BASE(CALL_PARTITION_CREATE, p, memory, 15, 50));
        assert_ok(BASE(CALL_PARTITION_FEED, p, more));
        thread = make_foreign_thread(p, 1, 20);
        make_foreign_thread(p, 2, 20);
        assert_ok(give(p, P, ram, 0xff));
        assert_ok(give(p, P + 1, signal, 0xff));
        assert_ok(CALL(1, CALL_SPACE_CREATE, CAP_SELF, P + 2, SPACE_COMPONENT));
        assert_ok(CALL(1, CALL_SPACE_MAP, P + 2, P, 0x1000, 0, 1 << 20, 3));
        assert_ok(CALL(1, CALL_SPACE_CREATE, CAP_SELF, P + 3, SPACE_GUEST));
        assert_ok(CALL(1, CALL_VM_CREATE, CAP_SELF, P + 4, P + 3));
        assert_ok(CALL(1, CALL_VCPU_CREATE, CAP_SELF, P + 5, P + 4, 0, P + 2, 0x40000000));
        assert_ok(CALL(1, CALL_PORTAL_CREATE, CAP_SELF, P + 6));
        assert_ok(CALL(1, CALL_SIGNAL_CREATE, CAP_SELF, P + 7));
        assert_ok(BASE(CALL_SPACE_CREATE, p, space, SPACE_GUEST)); /* paid by p, in the base's table */
        assert_status(CALL(1, CALL_VCPU_ENTER, P + 5), CALL_PENDING);
        assert_status(CALL(2, CALL_SIGNAL_WAIT, P + 1, 1, 50000), CALL_PENDING);
        assert_ok(BASE(round % 2 ? CALL_CAP_DELETE : CALL_CAP_REVOKE, round % 2 ? p : memory));
        before = round ? before : machine.base->free_bytes;
        assert_int_equal(machine.base->free_bytes, before);
        assert_int_equal(host.mapped_pages, mapped);
        assert_int_equal(cap_at(thread)->type, CAP_NONE);
        assert_int_equal(cap_at(space)->type, CAP_NONE);
        assert_int_equal(cap_at(p)->type, CAP_NONE);
        assert_null(cap_at(ram)->child);
        assert_null(cap_at(memory)->child);
        assert_null(cap_at(more)->child);
        assert_null(cpus[1].current);
        assert_null(((struct signal *)object_at(signal))->waiter);
    }
}

/* The memory of a partition is not to be had while it is ending, step by step. */
static void test_end_in_steps(void **state)
{
    cap_t memory = make_kernel(1 << 16), p = slot_new();
    const uint64_t arguments[7] = {p};
    unsigned steps = 0;
    status_t status;
    (void)state;
    assert_ok(BASE(CALL_PARTITION_CREATE, p, memory, 15, 50));
    cap_t thread = make_foreign_thread(p, 1, 20);
    for (cap_t i = 0; i < 50; i++)
        assert_ok(BASE(CALL_SIGNAL_CREATE, p, 1000 + i));
    host.interrupt = true;
    while ((status = machine_call_once(0, CALL_CAP_DELETE, arguments)) == CALL_REPEAT) {
        steps++;
        assert_status(BASE(CALL_PARTITION_CREATE, slot_new(), memory, 1, 1), STATUS_BUSY);
        assert_status(BASE(CALL_SIGNAL_CREATE, p, 2000), STATUS_CAP);
        if (cap_at(thread)->type == CAP_THREAD_OBJECT) /* what its own thread makes would outlive it */
            assert_status(CALL(1, CALL_SIGNAL_CREATE, CAP_SELF, 2000), STATUS_MEMORY);
    }
    assert_ok(status);
    assert_true(steps > 5);
    assert_false(host_is_mapped(cap_at(memory)->base));
}

static void test_feed(void **state)
{
    cap_t p = make_partition(LITTLE, 10), more = make_kernel(LITTLE), weak = slot_new();
    uint64_t before = free_of(p);
    (void)state;
    assert_ok(give(CAP_SELF, weak, p, RIGHT_OBSERVE | RIGHT_GRANT));
    assert_status(BASE(CALL_PARTITION_FEED, weak, more), STATUS_RIGHTS);
    assert_ok(BASE(CALL_PARTITION_STATS, weak));
    assert_ok(BASE(CALL_PARTITION_FEED, p, more));
    assert_in_range(free_of(p), before + LITTLE - 256, before + LITTLE - 1);
    assert_int_equal(result(0, 1), 2 * LITTLE);
    assert_ok(BASE(CALL_CAP_REVOKE, more)); /* takes the partition with it */
    assert_int_equal(cap_at(p)->type, CAP_NONE);
}

/* Memory that hangs, one way or another, from the partition itself could never be taken back from it. */
static void test_feed_circle(void **state)
{
    cap_t p = make_partition(1 << 16, 10), more = make_kernel(LITTLE), inner = make_kernel(LITTLE);
    (void)state;
    make_foreign_thread(p, 1, 10);
    assert_ok(give(p, P, more, 0xff));
    assert_ok(give(p, P + 1, inner, 0xff));
    assert_status(CALL(1, CALL_PARTITION_FEED, CAP_SELF, P), STATUS_STATE);
    assert_ok(CALL(1, CALL_PARTITION_CREATE, P + 2, P + 1, 2, 10)); /* q, made by p … */
    struct partition *q = (struct partition *)cap_slot(partition_at(p), P + 2)->object;
    assert_ok(CALL(1, CALL_SPACE_CREATE, P + 2, P + 3, SPACE_COMPONENT));
    assert_ok(CALL(1, CALL_THREAD_CREATE, P + 2, P + 4, P + 3, 2 - 1, 9));
    assert_ok(CALL(1, CALL_CAP_DELEGATE, P + 2, P, P, 0xff)); /* … gets the memory and the right to feed p */
    assert_ok(BASE(CALL_CAP_DELEGATE, p, P + 5, p, 0xff));
    assert_ok(CALL(1, CALL_CAP_DELEGATE, P + 2, P + 1, P + 5, 0xff));
    assert_ok(CALL(1, CALL_THREAD_START, P + 4, 0, 0, 0));
    assert_ok(CALL(1, CALL_SIGNAL_CREATE, CAP_SELF, P + 6));
    assert_status(CALL(1, CALL_SIGNAL_WAIT, P + 6, 1, DEADLINE_NEVER), CALL_PENDING);
    assert_ptr_equal(cpus[1].current->partition, q);
    assert_status(CALL(1, CALL_PARTITION_FEED, P + 1, P), STATUS_STATE);
    assert_ok(BASE(CALL_CAP_DELETE, p));
}

/* Two that feed each other, each with memory from the other's table, would each have to go before the other. */
static void test_feed_each_other(void **state)
{
    cap_t p = make_partition(1 << 16, 10), q = make_partition(1 << 16, 10), more = make_kernel(LITTLE);
    (void)state;
    make_foreign_thread(p, 1, 10);
    assert_ok(give(p, P, more, 0xff));
    assert_ok(give(p, P + 1, q, 0xff));
    assert_status(CALL(1, CALL_PARTITION_FEED, P + 1, P), STATUS_STATE); /* p feeds q, which it did not make */
    assert_ok(BASE(CALL_CAP_DELETE, p));
    assert_ok(BASE(CALL_CAP_DELETE, q));
}

/* As many partitions as `depth`, each made by and known to the one before only; the first one's slot in the base. */
static cap_t nest(unsigned depth)
{
    status_t status;
    cap_t memory = make_kernel(depth * (uint64_t)PARTITION_MIN_MEMORY), first = slot_new(), part = slot_new();
    assert_ok(BASE(CALL_CAP_DELEGATE, CAP_SELF, part, memory, 0xff, 0, PARTITION_MIN_MEMORY));
    assert_ok(BASE(CALL_PARTITION_CREATE, first, part, 2, 10));
    struct partition *outer = partition_at(first);
    for (unsigned i = 1; i < depth; i++) { /* by hand what a thread in each would do */
        struct cap *extent = cap_slot_for(outer, i % 2 ? P : P + 1, &status), *slot = cap_slot_for(outer, i % 2 ? P + 1 : P, &status);
        *extent = (struct cap){.rights = RIGHT_KERNEL,
                               .holder = outer,
                               .base = cap_at(memory)->base + (uint64_t)i * PARTITION_MIN_MEMORY,
                               .size = PARTITION_MIN_MEMORY};
        cap_derive(extent, cap_slot(machine.base, memory));
        extent->type = CAP_EXTENT;
        struct partition *inner = partition_new(extent, 2, 10, &status);
        assert_non_null(inner);
        cap_fill_original(slot, outer, &inner->object);
        outer = inner;
    }
    return first;
}

/* Partitions within partitions end with the outermost; how deep they lie costs none of the kernel's stack, which is small. */
static void test_nested(void **state)
{
    unsigned mapped = host.mapped_pages;
    (void)state;
    assert_ok(BASE(CALL_CAP_DELETE, nest(3)));
    assert_int_equal(host.mapped_pages, mapped);
    size_t few = host.stack_used;
    assert_ok(BASE(CALL_CAP_DELETE, nest(100)));
    assert_int_equal(host.mapped_pages, mapped);
    assert_in_range(host.stack_used, few, few + 64);
}

/* Its thread runs on another CPU at that moment; and on the very CPU that asks. */
static void test_end_while_running(void **state)
{
    cap_t p = make_partition(1 << 16, 50), thread = make_foreign_thread(p, 1, 20), own = make_foreign_thread(p, 0, 20);
    (void)state;
    assert_ptr_equal(cpus[1].current, thread_at(thread));
    assert_ok(BASE(CALL_CAP_DELETE, p));
    assert_null(cpus[1].current);
    assert_int_equal(cap_at(own)->type, CAP_NONE);
    assert_int_equal(cap_at(thread)->type, CAP_NONE);
}

static void test_stats(void **state)
{
    uint64_t given, used;
    (void)state;
    make_signal(); /* the table's page is there from here on */
    assert_ok(BASE(CALL_SYSTEM_STATS, CAP_SYSTEM));
    assert_int_equal(result(0, 1), HOST_IMAGE_SIZE);
    given = result(0, 2);
    used = result(0, 3);
    assert_int_equal(given, (uint64_t)host.mapped_pages * PAGE_SIZE);
    cap_t p = make_partition(LITTLE, 10);
    cap_t more = make_kernel(LITTLE);
    assert_ok(BASE(CALL_PARTITION_FEED, p, more));
    assert_ok(BASE(CALL_SYSTEM_STATS, CAP_SYSTEM));
    assert_int_equal(result(0, 2), given + 2 * LITTLE);
    assert_int_equal(result(0, 3), used + 2 * LITTLE - partition_at(p)->free_bytes);
}

/* Lists that others have to go through are bounded: donations, threads. What goes makes room. */
static void test_bounded(void **state)
{
    cap_t p = make_partition(1 << 19, 10), space = slot_new(), thread = 0;
    (void)state;
    for (unsigned i = 0; i < PARTITION_FEEDS; i++)
        assert_ok(BASE(CALL_PARTITION_FEED, p, make_kernel(PAGE_SIZE)));
    assert_status(BASE(CALL_PARTITION_FEED, p, make_kernel(PAGE_SIZE)), STATUS_LIMIT);
    assert_ok(BASE(CALL_SPACE_CREATE, p, space, SPACE_COMPONENT));
    for (unsigned i = 0; i < PARTITION_THREADS; i++)
        assert_ok(BASE(CALL_THREAD_CREATE, p, thread = slot_new(), space, 1, 5));
    assert_status(BASE(CALL_THREAD_CREATE, p, slot_new(), space, 1, 5), STATUS_LIMIT);
    assert_ok(BASE(CALL_CAP_DELETE, thread));
    assert_ok(BASE(CALL_THREAD_CREATE, p, slot_new(), space, 1, 5));
}

/* Whichever of its donations is revoked, the partition is gone when the call returns, and all of its memory is back. */
static void test_any_donation(void **state)
{
    (void)state;
    for (unsigned which = 0; which < 3; which++) {
        cap_t p = make_partition(LITTLE, 10), more[3];
        for (unsigned i = 0; i < 3; i++) {
            more[i] = make_kernel(LITTLE);
            assert_ok(BASE(CALL_PARTITION_FEED, p, more[i]));
        }
        assert_ok(BASE(CALL_CAP_REVOKE, more[which]));
        assert_int_equal(cap_at(p)->type, CAP_NONE);
        for (unsigned i = 0; i < 3; i++) {
            assert_null(cap_at(more[i])->child);
            assert_false(host_is_mapped(cap_at(more[i])->base));
        }
    }
}

/* In `p`, which holds `ram`: a thread of CPU 1 in a space of its partition's own making, with `ram` mapped, deletes that space. */
static void remove_own_space(cap_t p, cap_t ram)
{
    enum { RAM = 40, SPACE, THREAD };
    assert_ok(give(p, RAM, ram, RIGHT_READ | RIGHT_WRITE));
    make_foreign_thread(p, 1, 5);
    assert_ok(CALL(1, CALL_SPACE_CREATE, CAP_SELF, SPACE, SPACE_COMPONENT));
    assert_ok(CALL(1, CALL_SPACE_MAP, SPACE, RAM, 0x400000, 0, PAGE_SIZE, RIGHT_READ | RIGHT_WRITE));
    assert_ok(CALL(1, CALL_THREAD_CREATE, CAP_SELF, THREAD, SPACE, 1, 9));
    assert_ok(CALL(1, CALL_THREAD_START, THREAD, THREAD_PC, 0, 0));
    assert_status(CALL(1, CALL_CAP_DELETE, SPACE), CALL_PENDING);
    assert_int_equal(cap_slot(partition_at(p), SPACE)->type, CAP_SPACE_OBJECT | NODE_DYING);
    assert_status(CALL(1, CALL_SPACE_MAP, SPACE, RAM, 0x500000, 0, PAGE_SIZE, RIGHT_READ), STATUS_CAP);
}

/*
 * Who stops himself by what he removes leaves the rest where it is. Another thread of the partition can go on; whoever gave it something gets that
 * back as ever; and it goes with the partition, with nothing left over (machine_teardown).
 */
static void test_removes_its_own_space(void **state)
{
    cap_t p = make_partition(LITTLE * 2, 20), q = make_partition(LITTLE * 2, 20), ram = make_ram(PAGE_SIZE, PAGE_SIZE);
    (void)state;
    remove_own_space(p, ram);
    assert_non_null(cap_slot(partition_at(p), 40)->child); /* still mapped */
    assert_ok(CALL(1, CALL_CAP_DELETE, 41));
    assert_null(cap_slot(partition_at(p), 40)->child);
    assert_int_equal(cap_slot(partition_at(p), 41)->type, CAP_NONE);
    assert_ok(BASE(CALL_CAP_DELETE, p));
    remove_own_space(q, ram);
    assert_ok(BASE(CALL_CAP_REVOKE, ram)); /* its giver's, whoever was stopped where */
    assert_null(cap_at(ram)->child);
    assert_ok(BASE(CALL_CAP_DELETE, q));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MACHINE_TEST(test_create),
        MACHINE_TEST(test_limits),
        MACHINE_TEST(test_double_donation),
        MACHINE_TEST(test_not_mappable),
        MACHINE_TEST(test_donation_limit),
        MACHINE_TEST(test_exhausted),
        MACHINE_TEST(test_exhausted_spaces),
        MACHINE_TEST(test_exhausted_midway),
        MACHINE_TEST(test_all_comes_back),
        MACHINE_TEST(test_end_in_steps),
        MACHINE_TEST(test_feed),
        MACHINE_TEST(test_end_while_running),
        MACHINE_TEST(test_stats),
        MACHINE_TEST(test_feed_circle),
        MACHINE_TEST(test_feed_each_other),
        MACHINE_TEST(test_nested),
        MACHINE_TEST(test_bounded),
        MACHINE_TEST(test_any_donation),
        MACHINE_TEST(test_removes_its_own_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
