/* Rights and bounds of every call, by the table in components/rights/checks.h; chains and tables of capabilities, revoked step by step. */
#include "irq.h"
#include "machine.h"

#include "../../components/rights/checks.h"
#include "../../components/rights/tries.h"

#include <stdlib.h>

/* --- every check of every call ---------------------------------------------------------------------------------------------------- */

status_t tries_call(uint64_t words[8])
{
    status_t status = machine_call(0, words[0], words + 1);
    for (unsigned i = 1; i < 8; i++)
        words[i] = result(0, i);
    return status;
}

_Noreturn void tries_fail(const char *what, const struct check *check, uint64_t value, status_t status, status_t expected)
{
    fail_msg("call %u, argument %u, %s (0x%lx): status %ld instead of %ld", check->call, check->argument, what, (unsigned long)value,
             (long)status, (long)expected);
    abort();
}

static void test_checks(void **state)
{
    struct tries tries = {.kernel = SLOT_KERNEL, .ram = SLOT_RAM, .irqs = CAP_IRQS, .system = CAP_SYSTEM, .first_slot = SLOT_NEXT};
    (void)state;
    assert_in_range(tries_run(&tries, checks_portable, checks_portable_count), 500, 10000);
}

/* A call that is added without a row, or without saying that it checks nothing, is found here. */
static void test_every_call_has_a_row(void **state)
{
#define NUMBER(call) call,
    static const unsigned without[] = {CHECKS_NONE(NUMBER)};
    (void)state;
    for (unsigned number = 0; number < CALL_COUNT; number++) {
        bool found = false;
        for (unsigned i = 0; i < checks_portable_count; i++)
            found |= checks_portable[i].call == number;
        for (unsigned i = 0; i < sizeof without / sizeof without[0]; i++)
            found |= without[i] == number;
        if (!found)
            fail_msg("call %u has no row in components/rights/checks.h", number);
    }
}

/* --- what a table says of itself ----------------------------------------------------------------------------------------------------- */

static void test_partition_cap(void **state)
{
    cap_t p = make_partition(1 << 16, 10), ram = make_ram(1 << 14, PAGE_SIZE), signal = make_signal();
    (void)state;
    assert_ok(BASE(CALL_CAP_DELEGATE, p, 40, ram, RIGHT_READ, PAGE_SIZE, PAGE_SIZE));
    assert_ok(BASE(CALL_CAP_DELEGATE, p, 41, signal, RIGHT_RAISE, 6));
    assert_ok(BASE(CALL_PARTITION_CAP, p, 40));
    assert_int_equal(result(0, 1), CAP_EXTENT | RIGHT_READ << 8);
    assert_int_equal(result(0, 2), cap_at(ram)->base + PAGE_SIZE);
    assert_int_equal(result(0, 3), PAGE_SIZE);
    assert_ok(BASE(CALL_PARTITION_CAP, p, 41));
    assert_int_equal(result(0, 1), CAP_SIGNAL | RIGHT_RAISE << 8);
    assert_int_equal(result(0, 2), ptr_to_phys(object_at(signal)).raw);
    assert_int_equal(result(0, 3), 6);
    assert_ok(BASE(CALL_PARTITION_CAP, CAP_SELF, CAP_SYSTEM));
    assert_int_equal(result(0, 2), 0);
    assert_ok(BASE(CALL_CAP_IDENTIFY, signal)); /* about one's own no addresses are told */
    assert_int_equal(result(0, 2), 0);
}

/* --- revocation, step by step ---------------------------------------------------------------------------------------------------------- */

enum { CHAIN = 100 };

static unsigned chain_length(const struct cap *cap)
{
    unsigned length = 0;
    for (; cap->child; cap = CONTAINER_OF(cap->child, struct cap, link))
        length++;
    return length;
}

/* Each step takes the last link of the chain, so none is ever without its parent; an interrupt waits for no more than one. */
static void test_chain(void **state)
{
    cap_t ram = make_ram(PAGE_SIZE, PAGE_SIZE), last = ram;
    const uint64_t arguments[7] = {ram};
    (void)state;
    for (unsigned i = 0; i < CHAIN; i++) {
        cap_t next = slot_new();
        assert_ok(give(CAP_SELF, next, last, 0xff));
        last = next;
    }
    assert_int_equal(chain_length(cap_at(ram)), CHAIN);
    host.interrupt = true;
    for (unsigned left = CHAIN; left > 1; left--) {
        assert_status(machine_call_once(0, CALL_CAP_REVOKE, arguments), CALL_REPEAT);
        assert_int_equal(chain_length(cap_at(ram)), left - 1);
    }
    assert_ok(BASE(CALL_CAP_REVOKE, ram));
    host.interrupt = false;
    assert_null(cap_at(ram)->child);
}

/* Kernel memory hangs in the tree below its extent, so it can be as deep as any capability and no deeper. */
static void test_depth_of_donation(void **state)
{
    cap_t memory = make_kernel(1 << 16), part = slot_new(), other = make_partition(1 << 16, 10);
    (void)state;
    while (cap_at(memory)->depth < CAP_DEPTH_MAX) {
        cap_t next = slot_new();
        assert_ok(give(CAP_SELF, next, memory, 0xff));
        memory = next;
    }
    assert_status(BASE(CALL_PARTITION_CREATE, part, memory, 1, 1), STATUS_LIMIT);
    assert_status(BASE(CALL_PARTITION_FEED, other, memory), STATUS_LIMIT);
}

/* What acts for whichever guest is loaded goes into guests' spaces only. */
static void test_guests_memory(void **state)
{
    cap_t device = slot_new();
    (void)state;
    assert_ok(BASE(CALL_CAP_DELEGATE, CAP_SELF, device, SLOT_DEVICE, 0xff, 0, PAGE_SIZE));
    cap_slot(machine.base, device)->flags |= CAP_FLAG_GUEST; /* as the board's interface that only guests use */
    assert_status(BASE(CALL_SPACE_MAP, make_space(SPACE_COMPONENT), device, PAGE_AT, 0, PAGE_SIZE, RIGHT_READ), STATUS_RIGHTS);
    assert_ok(BASE(CALL_SPACE_MAP, make_space(SPACE_GUEST), device, PAGE_AT, 0, PAGE_SIZE, RIGHT_READ));
}

/* The kernel's table of interrupts has an end of its own, whatever a capability says. */
static void test_last_interrupt(void **state)
{
    cap_t signal = make_signal();
    (void)state;
    cap_slot(machine.base, CAP_IRQS)->size = UINT64_MAX;
    assert_status(BASE(CALL_IRQ_BIND, CAP_IRQS, ARCH_IRQS, signal, 1), STATUS_RANGE);
    assert_status(BASE(CALL_IRQ_ACK, CAP_IRQS, ARCH_IRQS), STATUS_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MACHINE_TEST(test_checks),
        MACHINE_TEST(test_every_call_has_a_row),
        MACHINE_TEST(test_partition_cap),
        MACHINE_TEST(test_chain),
        MACHINE_TEST(test_depth_of_donation),
        MACHINE_TEST(test_guests_memory),
        MACHINE_TEST(test_last_interrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
