/* Several calls at once: the page that they lie in, which calls may be there, and what becomes of each. */
#include "machine.h"

#include <string.h>

enum { C = 1, AT = 0x10000 };

static cap_t space, thread;

/* Words of the caller's page, which begin as if the component had never written them. */
static uint64_t *batch_make(void)
{
    space = make_space(SPACE_COMPONENT);
    thread = make_thread(space, C, 5);
    assert_ok(BASE(CALL_MULTICALL_PAGE, thread, space, AT));
    return thread_at(thread)->batch;
}

static void put(uint64_t *batch, unsigned i, uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
    memcpy(&batch[i * MULTICALL_WORDS], (const uint64_t[]){number, a, b, c}, MULTICALL_WORDS * sizeof *batch);
}

static status_t status_of(const uint64_t *batch, unsigned i)
{
    return (status_t)batch[i * MULTICALL_WORDS];
}

static uint64_t bits_of(cap_t signal)
{
    return ((const struct signal *)object_at(signal))->bits;
}

/* Each is made, whatever the ones before are answered; nothing but the status changes in the page, nothing behind `count`. */
static void test_mixed(void **state)
{
    uint64_t *batch = batch_make();
    cap_t signal = make_signal(), some = slot_new(), wait_only = slot_new(), guest, vm = make_vm(&guest), vcpu = make_vcpu(vm, 0, space, 0x20000);
    (void)state;
    assert_ok(BASE(CALL_CAP_DELEGATE, CAP_SELF, some, signal, RIGHT_RAISE, 6));
    assert_ok(BASE(CALL_CAP_DELEGATE, CAP_SELF, wait_only, signal, RIGHT_WAIT, 0));
    assert_ok(BASE(CALL_IRQ_BIND, CAP_IRQS, 50, signal, 0x100));
    put(batch, 0, CALL_SIGNAL_RAISE, some, 3, 77);
    put(batch, 1, CALL_SIGNAL_RAISE, wait_only, 1, 77);
    put(batch, 2, CALL_SIGNAL_RAISE, vm, 1, 77);
    put(batch, 3, CALL_VIRQ_RAISE, vm, 31, 1);
    put(batch, 4, CALL_IRQ_ACK, CAP_IRQS, 51, 77);
    put(batch, 5, CALL_IRQ_ACK, CAP_IRQS, 50, 77);
    put(batch, 6, CALL_VCPU_KICK, vcpu, 0, 77);
    put(batch, 7, CALL_SIGNAL_RAISE, signal, 0x40, 77);
    put(batch, 8, CALL_SIGNAL_RAISE, signal, 0x80, 77);
    assert_ok(CALL(C, CALL_MULTICALL, 8, 2, 3, 4, 5, 6, 7));
    const status_t expected[] = {STATUS_OK, STATUS_RIGHTS, STATUS_CAP, STATUS_RANGE, STATUS_STATE, STATUS_OK, STATUS_OK, STATUS_OK, CALL_SIGNAL_RAISE};
    for (unsigned i = 0; i < 9; i++) {
        assert_int_equal(status_of(batch, i), expected[i]);
        assert_int_equal(batch[i * MULTICALL_WORDS + 3], i == 3 ? 1 : 77);
    }
    assert_int_equal(batch[1], some);
    assert_int_equal(bits_of(signal), 0x42);
    assert_int_equal(vcpu_at(vcpu)->kicked, 1);
    for (unsigned i = 1; i < 8; i++)
        assert_int_equal(result(C, i), i == 1 ? 8 : i);
}

/* Others are refused, the same one twice as well, and a slot that no table has or that is empty. */
static void test_only_quick_calls(void **state)
{
    uint64_t *batch = batch_make();
    cap_t signal = make_signal();
    (void)state;
    for (uint64_t number = 0; number < 0x100; number++) {
        bool quick = number == CALL_SIGNAL_RAISE || number == CALL_IRQ_ACK || number == CALL_VCPU_KICK || number == CALL_VIRQ_RAISE;
        uint64_t slots[] = {0, 9999, CAP_SLOTS, UINT64_MAX, (1ul << 32) + signal};
        for (unsigned i = 0; i < 5; i++)
            put(batch, i, number, slots[i], signal, signal);
        put(batch, 5, CALL_SIGNAL_RAISE, signal, 1, 0);
        assert_ok(CALL(C, CALL_MULTICALL, 6));
        for (unsigned i = 0; i < 5; i++)
            assert_status(status_of(batch, i), quick ? STATUS_CAP : STATUS_CALL);
        assert_ok(status_of(batch, 5));
    }
    for (unsigned bit = 8; bit < 64; bit++) {
        put(batch, 0, UINT64_C(1) << bit | CALL_SIGNAL_RAISE, signal, 2, 0);
        assert_ok(CALL(C, CALL_MULTICALL, 1));
        assert_status(status_of(batch, 0), STATUS_CALL);
    }
    assert_int_equal(bits_of(signal), 1);
}

static void test_count(void **state)
{
    uint64_t *batch = batch_make();
    cap_t signal = make_signal();
    (void)state;
    assert_status(BASE(CALL_MULTICALL, 0), STATUS_STATE); /* the base's thread has no page */
    for (unsigned i = 0; i <= MULTICALL_CALLS; i++)
        put(batch, i, CALL_SIGNAL_RAISE, signal, UINT64_C(1) << i, 0);
    assert_status(CALL(C, CALL_MULTICALL, MULTICALL_CALLS + 1), STATUS_LIMIT);
    assert_status(CALL(C, CALL_MULTICALL, UINT64_C(1) << 32), STATUS_LIMIT);
    assert_status(CALL(C, CALL_MULTICALL, UINT64_MAX), STATUS_LIMIT);
    assert_ok(CALL(C, CALL_MULTICALL, 0));
    assert_int_equal(bits_of(signal), 0);
    assert_ok(CALL(C, CALL_MULTICALL, MULTICALL_CALLS));
    assert_int_equal(bits_of(signal), UINT32_MAX);
}

/* Whoever is woken and more urgent runs when all calls are made. */
static void test_wakes(void **state)
{
    uint64_t *batch = batch_make();
    cap_t first = make_signal(), second = make_signal(), waiter = make_thread(space, C, 9);
    (void)state;
    assert_status(CALL(C, CALL_SIGNAL_WAIT, first, 1, DEADLINE_NEVER), CALL_PENDING);
    put(batch, 0, CALL_SIGNAL_RAISE, first, 1, 0);
    put(batch, 1, CALL_SIGNAL_RAISE, second, 1, 0);
    assert_ok(CALL(C, CALL_MULTICALL, 2));
    assert_ptr_equal(cpus[C].current, thread_at(waiter));
    assert_ok(result(C, 0));
    assert_int_equal(bits_of(second), 1);
    assert_ok(status_of(batch, 1));
}

static uint64_t free_bytes(cap_t partition)
{
    assert_ok(BASE(CALL_PARTITION_STATS, partition));
    return result(0, 2);
}

/* Refused, it leaves nothing; made, it is the component's to read and write, and goes with the thread or the space, whichever goes first. */
static void test_page(void **state)
{
    cap_t other = make_space(SPACE_COMPONENT), ram = make_ram(PAGE_SIZE, PAGE_SIZE);
    space = make_space(SPACE_COMPONENT);
    (void)state;
    for (unsigned space_first = 0; space_first < 2; space_first++) {
        thread = make_stopped_thread(space, C, 5, 0, 0);
        assert_ok(BASE(CALL_SPACE_MAP, space, ram, AT + PAGE_SIZE, 0, PAGE_SIZE, RIGHT_READ));
        uint64_t before = free_bytes(CAP_SELF);
        assert_status(BASE(CALL_MULTICALL_PAGE, thread, other, AT), STATUS_STATE);
        assert_status(BASE(CALL_MULTICALL_PAGE, thread, space, AT + 8), STATUS_ARGUMENT);
        assert_status(BASE(CALL_MULTICALL_PAGE, thread, space, UINT64_C(1) << SPACE_BITS), STATUS_ARGUMENT);
        assert_status(BASE(CALL_MULTICALL_PAGE, thread, space, AT + PAGE_SIZE), STATUS_EXISTS);
        assert_int_equal(free_bytes(CAP_SELF), before);
        assert_ok(BASE(CALL_MULTICALL_PAGE, thread, space, AT));
        assert_int_equal(free_bytes(CAP_SELF), before - PAGE_SIZE);
        assert_status(BASE(CALL_MULTICALL_PAGE, thread, space, AT + 2 * PAGE_SIZE), STATUS_EXISTS);
        uint64_t lies_at = ptr_to_phys(thread_at(thread)->batch).raw;
        assert_int_equal(host_translate(space_at(space), AT, RIGHT_WRITE), lies_at);
        assert_int_equal(host_translate(space_at(space), AT, RIGHT_EXECUTE), UINT64_MAX);
        assert_status(BASE(CALL_SPACE_UNMAP, space, AT), STATUS_RANGE);
        assert_ok(BASE(CALL_SPACE_UNMAP, space, AT + PAGE_SIZE));
        if (space_first)
            assert_ok(BASE(CALL_CAP_DELETE, space));
        else
            assert_ok(BASE(CALL_CAP_DELETE, thread));
        if (!space_first)
            assert_int_equal(host_translate(space_at(space), AT, RIGHT_READ), UINT64_MAX);
    }
    assert_ok(BASE(CALL_CAP_DELETE, thread));
}

/* It is the thread's partition that pays, whoever asks. */
static void test_memory(void **state)
{
    cap_t small = make_partition(1 << 16, 5), foreign = make_foreign_thread(small, C, 5), its_space = (cap_t)(foreign - 1);
    (void)state;
    assert_int_equal(thread_at(foreign)->space.space == space_at(its_space), 1);
    uint64_t own = free_bytes(CAP_SELF);
    while (BASE(CALL_SPACE_CREATE, small, slot_new(), SPACE_COMPONENT) == STATUS_OK)
        ;
    uint64_t left = free_bytes(small);
    assert_status(BASE(CALL_MULTICALL_PAGE, foreign, its_space, AT), STATUS_MEMORY);
    assert_int_equal(free_bytes(small), left);
    assert_true(free_bytes(CAP_SELF) <= own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MACHINE_TEST(test_mixed), MACHINE_TEST(test_only_quick_calls), MACHINE_TEST(test_count),
        MACHINE_TEST(test_wakes), MACHINE_TEST(test_page),             MACHINE_TEST(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
