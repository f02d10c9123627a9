/* Capabilities: what can be derived, what revocation takes back, in steps. */
#include "machine.h"

enum { P = 40 /* slot in another partition's table */ };

static status_t delegate(cap_t to, cap_t from, unsigned rights, uint64_t first, uint64_t size)
{
    return BASE(CALL_CAP_DELEGATE, CAP_SELF, to, from, rights, first, size);
}

static unsigned type_at(cap_t slot)
{
    const struct cap *cap = cap_slot(machine.base, slot);
    return cap ? cap->type : CAP_NONE;
}

static unsigned children_of(const struct cap *cap)
{
    unsigned n = 0;
    for (const struct link *l = cap->child; l; l = l->next)
        n++;
    return n;
}

/* Rights are an intersection: neither asking for more nor going through a weaker capability gains one. */
static void test_rights(void **state)
{
    cap_t ram = make_ram(PAGE_SIZE, PAGE_SIZE), weak = slot_new(), again = slot_new(), bound = slot_new();
    (void)state;
    assert_ok(delegate(weak, ram, RIGHT_READ | RIGHT_KERNEL | RIGHT_DELEGATE, 0, 0));
    assert_int_equal(cap_at(weak)->rights, RIGHT_READ | RIGHT_DELEGATE);
    assert_ok(delegate(again, weak, 0xff, 0, 0));
    assert_int_equal(cap_at(again)->rights, RIGHT_READ | RIGHT_DELEGATE);
    assert_ok(delegate(bound, again, RIGHT_READ, 0, 0));
    assert_status(delegate(slot_new(), bound, RIGHT_READ, 0, 0), STATUS_RIGHTS);
    assert_ok(BASE(CALL_CAP_IDENTIFY, weak));
    assert_int_equal(result(0, 1), CAP_EXTENT | (RIGHT_READ | RIGHT_DELEGATE) << 8);
    assert_int_equal(result(0, 2), cap_at(ram)->base);
    assert_int_equal(result(0, 3), PAGE_SIZE);
}

/* Who may put something into a table at all. */
static void test_grant(void **state)
{
    cap_t ram = make_ram(PAGE_SIZE, PAGE_SIZE), p = make_partition(65536, 10), no_grant = slot_new();
    (void)state;
    assert_ok(delegate(no_grant, p, RIGHT_CREATE | RIGHT_OBSERVE, 0, 0));
    assert_status(give(no_grant, P, ram, 0xff), STATUS_RIGHTS);
    assert_status(give(ram, P, ram, 0xff), STATUS_CAP);
    assert_status(give(999, P, ram, 0xff), STATUS_CAP);
    assert_ok(give(p, P, ram, RIGHT_READ));
    assert_ptr_equal(cap_slot(partition_at(p), P)->parent, cap_at(ram));
    assert_ptr_equal(cap_slot(partition_at(p), P)->holder, partition_at(p));
    /* A partition does not hand itself on: CAP_SELF is not delegable. */
    assert_status(delegate(slot_new(), CAP_SELF, 0xff, 0, 0), STATUS_RIGHTS);
}

static void test_slots(void **state)
{
    cap_t ram = make_ram(PAGE_SIZE, PAGE_SIZE);
    (void)state;
    assert_status(delegate(0, ram, 1, 0, 0), STATUS_RANGE);
    assert_status(delegate(CAP_SLOTS, ram, 1, 0, 0), STATUS_RANGE);
    assert_status(BASE(CALL_CAP_DELEGATE, CAP_SELF, UINT64_C(1) << 32 | 200, ram, 1), STATUS_RANGE);
    assert_status(delegate(ram, ram, 1, 0, 0), STATUS_EXISTS);
    assert_status(delegate(slot_new(), 0, 1, 0, 0), STATUS_CAP);
    assert_status(delegate(slot_new(), CAP_SLOTS - 1, 1, 0, 0), STATUS_CAP); /* in a page never made */
    assert_status(delegate(slot_new(), CAP_SLOTS, 1, 0, 0), STATUS_CAP);
    assert_status(BASE(CALL_CAP_DELETE, 0), STATUS_CAP);
    assert_status(BASE(CALL_CAP_DELETE, CAP_SLOTS), STATUS_CAP);
    assert_status(BASE(CALL_CAP_DELETE, 5000), STATUS_CAP);
    assert_status(BASE(CALL_CAP_REVOKE, 5000), STATUS_CAP);
    assert_status(BASE(CALL_CAP_IDENTIFY, 5000), STATUS_CAP);
    assert_ok(delegate(CAP_SLOTS - 1, ram, 1, 0, 0));
    assert_ok(BASE(CALL_CAP_DELETE, CAP_SLOTS - 1));
    assert_status(BASE(CALL_CAP_IDENTIFY, CAP_SLOTS - 1), STATUS_CAP);
    assert_ok(delegate(CAP_SLOTS - 1, ram, 1, 0, 0)); /* the slot serves again */
    assert_status(BASE(CALL_CAP_DELETE, CAP_SELF), STATUS_STATE);
}

static void test_extent_ranges(void **state)
{
    cap_t ram = make_ram(16 * PAGE_SIZE, PAGE_SIZE), part = slot_new();
    uint64_t base = cap_at(ram)->base;
    (void)state;
    assert_status(delegate(part, ram, 0xff, 1, PAGE_SIZE), STATUS_ARGUMENT);
    assert_status(delegate(part, ram, 0xff, 0, 100), STATUS_ARGUMENT);
    assert_status(delegate(part, ram, 0xff, PAGE_SIZE, 0), STATUS_ARGUMENT);
    assert_status(delegate(part, ram, 0xff, 0, 17 * PAGE_SIZE), STATUS_RANGE);
    assert_status(delegate(part, ram, 0xff, 16 * PAGE_SIZE, PAGE_SIZE), STATUS_RANGE);
    assert_status(delegate(part, ram, 0xff, 8 * PAGE_SIZE, (uint64_t)-PAGE_SIZE), STATUS_RANGE);
    assert_status(delegate(part, ram, 0xff, (uint64_t)-PAGE_SIZE, 2 * PAGE_SIZE), STATUS_RANGE);
    assert_int_equal(type_at(part), CAP_NONE);
    assert_null(cap_at(ram)->child);
    assert_ok(delegate(part, ram, 0xff, 4 * PAGE_SIZE, 12 * PAGE_SIZE));
    assert_int_equal(cap_at(part)->base, base + 4 * PAGE_SIZE);
    assert_int_equal(cap_at(part)->size, 12 * PAGE_SIZE);
    assert_ok(delegate(slot_new(), part, 0xff, 11 * PAGE_SIZE, PAGE_SIZE));
    assert_int_equal(cap_at(machine.next_slot - 1)->base, base + 15 * PAGE_SIZE);
}

/* Interrupts and lines go by absolute numbers. */
static void test_number_ranges(void **state)
{
    cap_t space, vm = make_vm(&space), irq = slot_new(), line = slot_new(), sub = slot_new(), self = slot_new();
    (void)state;
    assert_status(delegate(irq, CAP_IRQS, 0xff, 31, 2), STATUS_RANGE);
    assert_status(delegate(irq, CAP_IRQS, 0xff, 32 + 255, 2), STATUS_RANGE);
    assert_ok(delegate(irq, CAP_IRQS, 0xff, 40, 10));
    assert_status(delegate(sub, irq, 0xff, 39, 1), STATUS_RANGE);
    assert_ok(delegate(sub, irq, 0xff, 49, 1));
    assert_int_equal(cap_at(sub)->base, 49);
    assert_ok(delegate(self, vm, 0xff, 0, 0)); /* the VM itself */
    assert_int_equal(cap_at(self)->type, CAP_VM);
    assert_status(delegate(line, vm, 0xff, 31, 1), STATUS_RANGE);
    assert_status(delegate(line, vm, 0xff, 40, 0), STATUS_RANGE);
    assert_status(delegate(line, vm, 0xff, 255, 2), STATUS_RANGE);
    assert_status(delegate(line, vm, 0xff, UINT64_C(1) << 32 | 40, 1), STATUS_RANGE);
    assert_ok(delegate(line, vm, 0xff, 40, 10));
    assert_int_equal(cap_at(line)->type, CAP_LINE);
    assert_int_equal(cap_at(line)->rights, RIGHT_RAISE | RIGHT_DELEGATE); /* CONFIGURE does not come along */
    assert_status(delegate(slot_new(), line, 0xff, 39, 1), STATUS_RANGE);
    assert_status(delegate(slot_new(), line, 0xff, 49, 2), STATUS_RANGE);
    assert_ok(delegate(slot_new(), line, 0xff, 49, 1));
    assert_int_equal(cap_at(machine.next_slot - 1)->size, 49 | UINT64_C(1) << 32);
    assert_status(BASE(CALL_VIRQ_RAISE, machine.next_slot - 1, 48, 1), STATUS_RANGE);
    assert_status(BASE(CALL_VIRQ_RAISE, machine.next_slot - 1, 50, 1), STATUS_RANGE);
    assert_status(BASE(CALL_VIRQ_RAISE, machine.next_slot - 1, 49, 1), STATUS_STATE); /* right, but the VM has no vCPU */
}

/* A signal's bits only ever shrink; a portal's badge is its server's to give. */
static void test_badges(void **state)
{
    cap_t signal = make_signal(), some = slot_new(), fewer = slot_new(), all = slot_new();
    cap_t portal = make_portal(), client = slot_new(), other = slot_new(), served = slot_new();
    (void)state;
    assert_ok(delegate(some, signal, 0xff, 0x0f, 0));
    assert_ok(delegate(fewer, some, 0xff, 0x18, 0));
    assert_int_equal(cap_at(fewer)->size, 0x08);
    assert_ok(delegate(all, fewer, 0xff, 0, 0));
    assert_int_equal(cap_at(all)->size, 0x08);
    assert_ok(delegate(client, portal, RIGHT_CALL | RIGHT_DELEGATE, 77, 0));
    assert_int_equal(cap_at(client)->size, 77);
    assert_ok(delegate(other, client, 0xff, 99, 0)); /* a client does not pass itself off as another one */
    assert_int_equal(cap_at(other)->size, 77);
    assert_ok(delegate(served, portal, RIGHT_SERVE, 5, 0));
    /* What has no range takes none. */
    assert_status(delegate(slot_new(), CAP_SPACE, 0xff, 1, 0), STATUS_ARGUMENT);
    assert_status(delegate(slot_new(), CAP_SYSTEM, 0xff, 0, 4096), STATUS_ARGUMENT);
}

/* What hangs below the revoked capability goes, in whatever table; what hangs beside it stays. */
static void test_revoke_subtree(void **state)
{
    cap_t ram = make_ram(4 * PAGE_SIZE, PAGE_SIZE), a = slot_new(), b = slot_new(), p = make_partition(65536, 10), q = make_partition(65536, 10);
    (void)state;
    assert_ok(delegate(a, ram, 0xff, 0, 0));
    assert_ok(delegate(b, ram, 0xff, 0, 0));
    assert_ok(give(p, P, a, 0xff));
    assert_ok(give(q, P, a, 0xff));
    assert_ok(give(q, P + 1, b, 0xff));
    assert_int_equal(children_of(cap_at(a)), 2);
    assert_ok(BASE(CALL_CAP_REVOKE, a));
    assert_int_equal(type_at(a), CAP_EXTENT);
    assert_null(cap_at(a)->child);
    assert_int_equal(cap_slot(partition_at(p), P)->type, CAP_NONE);
    assert_int_equal(cap_slot(partition_at(q), P)->type, CAP_NONE);
    assert_int_equal(cap_slot(partition_at(q), P + 1)->type, CAP_EXTENT);
    assert_ok(BASE(CALL_CAP_DELETE, ram));
    assert_int_equal(type_at(ram), CAP_NONE);
    assert_int_equal(type_at(a), CAP_NONE);
    assert_int_equal(type_at(b), CAP_NONE);
    assert_int_equal(cap_slot(partition_at(q), P + 1)->type, CAP_NONE);
}

/* A derived capability's end leaves the object alone, the original's does not. */
static void test_original(void **state)
{
    cap_t signal = make_signal(), copy = slot_new();
    uint64_t before = machine.base->free_bytes;
    (void)state;
    assert_ok(delegate(copy, signal, 0xff, 0, 0));
    assert_ok(BASE(CALL_CAP_DELETE, copy));
    assert_int_equal(type_at(signal), CAP_SIGNAL);
    assert_int_equal(machine.base->free_bytes, before);
    assert_ok(delegate(copy, signal, 0xff, 0, 0));
    assert_ok(BASE(CALL_CAP_DELETE, signal));
    assert_int_equal(type_at(copy), CAP_NONE);
    assert_true(machine.base->free_bytes > before);
}

static void test_depth(void **state)
{
    cap_t ram = make_ram(PAGE_SIZE, PAGE_SIZE), first = ram;
    status_t status = STATUS_OK;
    (void)state;
    while (cap_at(ram)->depth < CAP_DEPTH_MAX) {
        cap_t next = slot_new();
        assert_ok(delegate(next, ram, 0xff, 0, 0));
        ram = next;
    }
    status = delegate(slot_new(), ram, 0xff, 0, 0);
    assert_status(status, STATUS_LIMIT);
    assert_status(BASE(CALL_SPACE_MAP, CAP_SPACE, ram, 0x10000000, 0, PAGE_SIZE, RIGHT_READ), STATUS_LIMIT);
    assert_ok(BASE(CALL_CAP_DELETE, first));
    assert_int_equal(type_at(ram), CAP_NONE);
}

/* Ten thousand entries, and all of them taken back by one call. */
static void test_large_table(void **state)
{
    enum { COUNT = 10000, FIRST = 1000 };
    cap_t ram = make_ram(PAGE_SIZE, PAGE_SIZE), p = make_partition(1 << 20, 10);
    (void)state;
    for (cap_t i = 0; i < COUNT; i++)
        assert_ok(give(p, FIRST + i, ram, RIGHT_READ));
    assert_int_equal(children_of(cap_at(ram)), COUNT);
    for (cap_t i = 0; i < COUNT; i += 997)
        assert_ptr_equal(cap_slot(partition_at(p), FIRST + i)->parent, cap_at(ram));
    host.interrupt = true; /* all the time: it still gets on */
    assert_ok(BASE(CALL_CAP_REVOKE, ram));
    host.interrupt = false;
    assert_int_equal(machine.repeats, COUNT - 1); /* a step at a time */
    for (cap_t i = 0; i < COUNT; i++)
        assert_int_equal(cap_slot(partition_at(p), FIRST + i)->type, CAP_NONE);
}

/* Removal stops for an interrupt, and the registers say to make the call again as it was. */
static void test_steps(void **state)
{
    cap_t ram = make_ram(PAGE_SIZE, PAGE_SIZE);
    const uint64_t arguments[7] = {ram};
    (void)state;
    for (unsigned i = 0; i < 20; i++)
        assert_ok(delegate(slot_new(), ram, RIGHT_READ, 0, 0));
    host.interrupt = true;
    assert_status(machine_call_once(0, CALL_CAP_REVOKE, arguments), CALL_REPEAT);
    assert_int_equal(result(0, 0), CALL_CAP_REVOKE);
    assert_int_equal(result(0, 1), ram);
    assert_int_equal(children_of(cap_at(ram)), 19);
    host.interrupt = false;
    assert_ok(BASE(CALL_CAP_REVOKE, ram));
    assert_int_equal(machine.repeats, 0);
    assert_null(cap_at(ram)->child);
}

/* While an extent is being scrubbed it cannot be used, nor anything be derived from it. */
static void test_dying(void **state)
{
    enum { SIZE = 64 * ARCH_SCRUB_STEP };
    cap_t ram = make_ram(SIZE, PAGE_SIZE), p = make_partition(65536, 10);
    const uint64_t arguments[7] = {ram};
    char *memory = host_memory(cap_at(ram)->base);
    (void)state;
    make_foreign_thread(p, 1, 5);
    __builtin_memset(memory, 0x5a, SIZE);
    assert_ok(give(p, P, ram, 0xff));
    host.interrupt = true;
    assert_status(machine_call_once(0, CALL_CAP_REVOKE, arguments), CALL_REPEAT);
    assert_true(cap_slot(partition_at(p), P)->type & NODE_DYING);
    assert_status(CALL(1, CALL_CAP_IDENTIFY, P), STATUS_CAP);
    assert_status(CALL(1, CALL_CAP_DELEGATE, CAP_SELF, P + 1, P, 0xff), STATUS_CAP);
    assert_status(CALL(1, CALL_SPACE_MAP, CAP_SPACE, P, 0, 0, PAGE_SIZE, 3), STATUS_CAP);
    host.interrupt = false;
    assert_ok(BASE(CALL_CAP_REVOKE, ram));
    assert_int_equal(host.scrubbed, SIZE);
    for (unsigned offset = 0; offset < SIZE; offset += PAGE_SIZE)
        assert_int_equal(memory[offset], 0);
}

/* Only memory that somebody else could write, and nothing twice or beyond it. */
static void test_scrub(void **state)
{
    cap_t ram = make_ram(4 * PAGE_SIZE, PAGE_SIZE), p = make_partition(65536, 10), own = slot_new();
    char *memory = host_memory(cap_at(ram)->base);
    (void)state;
    __builtin_memset(memory, 0x5a, 4 * PAGE_SIZE);
    assert_ok(BASE(CALL_CAP_DELEGATE, p, P, ram, RIGHT_READ, PAGE_SIZE, PAGE_SIZE));
    assert_ok(delegate(own, ram, 0xff, 0, 0));
    assert_ok(BASE(CALL_CAP_REVOKE, ram));
    assert_int_equal(host.scrubbed, 0);
    assert_ok(BASE(CALL_CAP_DELEGATE, p, P, ram, RIGHT_WRITE, PAGE_SIZE, 2 * PAGE_SIZE));
    assert_ok(BASE(CALL_CAP_REVOKE, ram));
    assert_int_equal(host.scrubbed, 2 * PAGE_SIZE);
    assert_int_equal(memory[PAGE_SIZE - 1], 0x5a);
    assert_int_equal(memory[PAGE_SIZE], 0);
    assert_int_equal(memory[3 * PAGE_SIZE - 1], 0);
    assert_int_equal(memory[3 * PAGE_SIZE], 0x5a);
}

/* Whoever removes a capability waits until no CPU can still be using what it looked up, and disturbs none. */
static void test_quiesce(void **state)
{
    cap_t signal = make_signal(), copy = slot_new();
    uint64_t ipis = host.ipis;
    (void)state;
    assert_ok(delegate(copy, signal, 0xff, 0, 0));
    assert_ok(BASE(CALL_CAP_DELETE, copy));
    assert_int_equal(host.ipis, ipis);
    assert_ok(delegate(copy, signal, 0xff, 0, 0));
    cpus[3].section = 1; /* it goes on when somebody waits for it */
    host.ipis_held = true;
    host.ipi_pending[3] = true;
    assert_ok(BASE(CALL_CAP_DELETE, copy));
    assert_false(host.ipi_pending[3]);
    cpus[3].section = 0;
}

static void take_lock(struct cpu *cpu, void *argument)
{
    (void)cpu;
    *(bool *)argument = cap_tree_lock();
}

static void release_lock(struct cpu *cpu, void *argument)
{
    (void)cpu;
    (void)argument;
    cap_tree_unlock();
}

/* A CPU that does not get the tree lock lets interrupts in and tries again. */
static void test_tree_lock(void **state)
{
    cap_t signal = make_signal();
    const uint64_t arguments[7] = {CAP_SELF, slot_new(), signal, 0xff};
    bool taken;
    (void)state;
    host_enter(1, take_lock, &taken);
    assert_true(taken);
    assert_status(machine_call_once(0, CALL_CAP_DELEGATE, arguments), CALL_REPEAT);
    assert_ok(BASE(CALL_NULL)); /* what does not need it goes on */
    host_enter(1, release_lock, NULL);
    assert_ok(machine_call_once(0, CALL_CAP_DELEGATE, arguments));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MACHINE_TEST(test_rights),
        MACHINE_TEST(test_grant),
        MACHINE_TEST(test_slots),
        MACHINE_TEST(test_extent_ranges),
        MACHINE_TEST(test_number_ranges),
        MACHINE_TEST(test_badges),
        MACHINE_TEST(test_revoke_subtree),
        MACHINE_TEST(test_original),
        MACHINE_TEST(test_depth),
        MACHINE_TEST(test_large_table),
        MACHINE_TEST(test_steps),
        MACHINE_TEST(test_dying),
        MACHINE_TEST(test_scrub),
        MACHINE_TEST(test_quiesce),
        MACHINE_TEST(test_tree_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
