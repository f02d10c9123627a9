/* Signals: raised before or while somebody waits, on whatever CPU, and the races with deadlines and the end. */
#include "machine.h"

static cap_t space, signal;

static int setup(void **state)
{
    int failed = machine_setup(state);
    if (failed)
        return failed;
    space = make_space(SPACE_COMPONENT);
    signal = make_signal();
    return 0;
}

static uint64_t bits_of(cap_t slot)
{
    return ((struct signal *)object_at(slot))->bits;
}

static void test_raise_before_wait(void **state)
{
    (void)state;
    assert_ok(BASE(CALL_SIGNAL_RAISE, signal, 0xf0));
    assert_ok(BASE(CALL_SIGNAL_RAISE, signal, 0x01));
    assert_ok(BASE(CALL_SIGNAL_WAIT, signal, 0x31, DEADLINE_NEVER));
    assert_int_equal(result(0, 1), 0x31);
    assert_int_equal(bits_of(signal), 0xc0); /* what was not waited for stays */
    assert_status(BASE(CALL_SIGNAL_WAIT, signal, 0x31, DEADLINE_POLL), STATUS_TIMEOUT);
    assert_status(BASE(CALL_SIGNAL_WAIT, signal, 0x31, host_counter), STATUS_TIMEOUT); /* a deadline that is now */
    assert_ok(BASE(CALL_SIGNAL_WAIT, signal, 0x40, DEADLINE_POLL));
    assert_int_equal(result(0, 1), 0x40);
    assert_int_equal(bits_of(signal), 0x80);
}

static void test_wait(void **state)
{
    cap_t thread = make_thread(space, 1, 5);
    (void)state;
    assert_status(CALL(1, CALL_SIGNAL_WAIT, signal, 0x0f, DEADLINE_NEVER), CALL_PENDING);
    assert_ok(BASE(CALL_SIGNAL_RAISE, signal, 0xf0)); /* none of its bits */
    assert_null(cpus[1].current);
    assert_ok(BASE(CALL_SIGNAL_RAISE, signal, 0x18));
    assert_ptr_equal(cpus[1].current, thread_at(thread));
    assert_int_equal(result(1, 0), STATUS_OK);
    assert_int_equal(result(1, 1), 0x08);
    assert_int_equal(bits_of(signal), 0xf0);
}

static void test_one_waiter(void **state)
{
    (void)state;
    make_thread(space, 1, 5);
    make_thread(space, 2, 5);
    assert_status(CALL(1, CALL_SIGNAL_WAIT, signal, 1, DEADLINE_NEVER), CALL_PENDING);
    assert_status(CALL(2, CALL_SIGNAL_WAIT, signal, 2, DEADLINE_NEVER), STATUS_BUSY);
    assert_status(CALL(2, CALL_SIGNAL_WAIT, signal, 2, DEADLINE_POLL), STATUS_BUSY);
    assert_ok(CALL(2, CALL_SIGNAL_RAISE, signal, 1));
    assert_non_null(cpus[1].current);
    assert_status(CALL(2, CALL_SIGNAL_WAIT, signal, 2, DEADLINE_NEVER), CALL_PENDING);
}

/* A capability raises the bits that it bears, nothing else. */
static void test_badge(void **state)
{
    cap_t some = slot_new(), listen = slot_new();
    (void)state;
    assert_ok(BASE(CALL_CAP_DELEGATE, CAP_SELF, some, signal, RIGHT_RAISE, 0x0c));
    assert_ok(give(CAP_SELF, listen, signal, RIGHT_WAIT));
    assert_ok(BASE(CALL_SIGNAL_RAISE, some, UINT64_MAX));
    assert_int_equal(bits_of(signal), 0x0c);
    assert_ok(BASE(CALL_SIGNAL_RAISE, some, 0x03));
    assert_int_equal(bits_of(signal), 0x0c);
    assert_status(BASE(CALL_SIGNAL_WAIT, some, 1, DEADLINE_POLL), STATUS_RIGHTS);
    assert_status(BASE(CALL_SIGNAL_RAISE, listen, 1), STATUS_RIGHTS);
    assert_ok(BASE(CALL_SIGNAL_WAIT, listen, UINT64_MAX, DEADLINE_POLL));
    assert_int_equal(result(0, 1), 0x0c);
}

static void test_timeout(void **state)
{
    (void)state;
    make_thread(space, 1, 5);
    assert_status(CALL(1, CALL_SIGNAL_WAIT, signal, 1, 5000), CALL_PENDING);
    host_advance(5000);
    assert_int_equal(result(1, 0), (uint64_t)STATUS_TIMEOUT);
    assert_ok(BASE(CALL_SIGNAL_RAISE, signal, 1)); /* kept for the next time */
    assert_int_equal(result(1, 0), (uint64_t)STATUS_TIMEOUT);
    assert_ok(CALL(1, CALL_SIGNAL_WAIT, signal, 1, DEADLINE_POLL));
}

/* CPU 0 has handed the bits over, but its IPI is still under way when the deadline passes on CPU 1: the bits win, and are not lost. */
static void test_raise_against_timeout(void **state)
{
    cap_t thread = make_thread(space, 1, 5);
    (void)state;
    assert_status(CALL(1, CALL_SIGNAL_WAIT, signal, 1, 5000), CALL_PENDING);
    host.ipis_held = true;
    assert_ok(BASE(CALL_SIGNAL_RAISE, signal, 1));
    host_advance(5000);
    assert_null(cpus[1].current); /* woken, but it does not know yet */
    assert_int_equal(host.deadline[1], UINT64_MAX);
    host.ipis_held = false;
    host_ipis_deliver();
    assert_ptr_equal(cpus[1].current, thread_at(thread));
    assert_int_equal(result(1, 0), STATUS_OK);
    assert_int_equal(result(1, 1), 1);
    assert_int_equal(bits_of(signal), 0);
}

/* The other way round: the deadline was first, so the bits stay in the signal. */
static void test_timeout_against_raise(void **state)
{
    cap_t thread = make_thread(space, 1, 5);
    (void)state;
    assert_status(CALL(1, CALL_SIGNAL_WAIT, signal, 1, 5000), CALL_PENDING);
    host_advance(5000);
    host.ipis_held = true;
    assert_ok(BASE(CALL_SIGNAL_RAISE, signal, 1));
    assert_status(CALL(1, CALL_SIGNAL_WAIT, signal, 2, DEADLINE_NEVER), CALL_PENDING);
    host.ipis_held = false;
    host_ipis_deliver();
    assert_null(cpus[1].current);
    assert_int_equal(bits_of(signal), 1);
    assert_int_equal(thread_at(thread)->state, THREAD_WAITING);
}

/* Two raises, one IPI: the thread is in the list of its CPU once, and hears of all. */
static void test_raises_at_once(void **state)
{
    cap_t second = make_signal(), other = make_thread(space, 1, 6), thread = make_thread(space, 1, 5);
    (void)state;
    assert_ptr_equal(cpus[1].current, thread_at(other));
    assert_status(CALL(1, CALL_SIGNAL_WAIT, second, 1, DEADLINE_NEVER), CALL_PENDING);
    assert_status(CALL(1, CALL_SIGNAL_WAIT, signal, 3, DEADLINE_NEVER), CALL_PENDING);
    host.ipis_held = true;
    assert_ok(BASE(CALL_SIGNAL_RAISE, signal, 1));
    assert_ok(BASE(CALL_SIGNAL_RAISE, signal, 2));
    assert_ok(BASE(CALL_SIGNAL_RAISE, second, 1));
    host.ipis_held = false;
    host_ipis_deliver();
    assert_ptr_equal(cpus[1].current, thread_at(other));
    assert_int_equal(thread_at(thread)->state, THREAD_READY);
    assert_int_equal(result_of(thread_at(thread), 1), 1);
    assert_int_equal(bits_of(signal), 2);
}

/* The signal goes while somebody waits for it, here and on another CPU. */
static void test_destroyed(void **state)
{
    cap_t copy = slot_new(), here = make_signal();
    cap_t local = make_thread(space, 0, BASE_PRIORITY + 1);
    (void)state;
    assert_ok(give(CAP_SELF, copy, signal, RIGHT_WAIT));
    assert_ptr_equal(cpus[0].current, thread_at(local));
    assert_status(BASE(CALL_SIGNAL_WAIT, here, 1, DEADLINE_NEVER), CALL_PENDING);
    make_thread(space, 1, 5);
    assert_status(CALL(1, CALL_SIGNAL_WAIT, copy, 1, 90000), CALL_PENDING);
    assert_ok(BASE(CALL_CAP_DELETE, signal));
    assert_int_equal(result(1, 0), (uint64_t)STATUS_DEAD);
    assert_null(cpus[1].timers);
    assert_status(CALL(1, CALL_SIGNAL_WAIT, copy, 1, DEADLINE_POLL), STATUS_CAP);
    BASE(CALL_CAP_DELETE, here); /* the base's thread is preempted by the one that it wakes */
    assert_ptr_equal(cpus[0].current, thread_at(local));
    assert_int_equal(result(0, 0), (uint64_t)STATUS_DEAD);
    assert_status(BASE(CALL_THREAD_EXIT, 0), CALL_PENDING);
}

/* The capability goes, the signal stays: so does the wait. */
static void test_capability_gone(void **state)
{
    cap_t copy = slot_new(), thread = make_thread(space, 1, 5);
    (void)state;
    assert_ok(give(CAP_SELF, copy, signal, RIGHT_WAIT));
    assert_status(CALL(1, CALL_SIGNAL_WAIT, copy, 1, DEADLINE_NEVER), CALL_PENDING);
    assert_ok(BASE(CALL_CAP_DELETE, copy));
    assert_ok(BASE(CALL_SIGNAL_RAISE, signal, 1));
    assert_ptr_equal(cpus[1].current, thread_at(thread));
    assert_int_equal(result(1, 1), 1);
}

#define SIGNAL_TEST(function) cmocka_unit_test_setup_teardown(function, setup, machine_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIGNAL_TEST(test_raise_before_wait),     SIGNAL_TEST(test_wait),           SIGNAL_TEST(test_one_waiter),
        SIGNAL_TEST(test_badge),                 SIGNAL_TEST(test_timeout),        SIGNAL_TEST(test_raise_against_timeout),
        SIGNAL_TEST(test_timeout_against_raise), SIGNAL_TEST(test_raises_at_once), SIGNAL_TEST(test_destroyed),
        SIGNAL_TEST(test_capability_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
