/* The sleeping lock and its waiters, on signals of the test's. What other threads do happens while the one under test sleeps. */
#define LIB_CALL_STUBS_H /* components/lib/call_stubs.h calls the kernel */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <bulkhead/call.h>
#include <bulkhead/status.h>

enum { SLOTS = 32 };

static uint64_t raised[SLOTS];
static unsigned signals_left;
static void (*others)(void); /* run when somebody sleeps */
static jmp_buf end;
static uint64_t end_code;

static status_t signal_create(cap_t partition, cap_t to)
{
    assert_int_equal(partition, CAP_SELF);
    assert_in_range(to, CAP_FIRST_FREE, SLOTS - 1);
    if (!signals_left)
        return STATUS_MEMORY;
    signals_left--;
    return STATUS_OK;
}

static status_t signal_wait(cap_t signal, uint64_t mask, uint64_t deadline, uint64_t *taken)
{
    (void)deadline;
    if (!(raised[signal] & mask))
        others();
    *taken = raised[signal] & mask;
    assert_int_not_equal(*taken, 0); /* it would sleep for ever */
    raised[signal] &= ~mask;
    return STATUS_OK;
}

static status_t signal_raise(cap_t signal, uint64_t mask)
{
    raised[signal] |= mask;
    return STATUS_OK;
}

static _Noreturn void thread_exit(uint64_t code)
{
    end_code = code;
    longjmp(end, 1);
}

#include "../../components/lib/lock.c"
#include "../../components/lib/slots.c"
#include "../../components/lib/waiter.c"

static struct lock lock;
static unsigned released;

static void release(void)
{
    released++;
    lock_release(&lock);
}

static int setup(void **state)
{
    (void)state;
    lock = (struct lock){0};
    claimed = 0;
    own = NULL;
    end_code = released = 0;
    signals_left = 4;
    memset(signals, 0, sizeof signals);
    memset(bits, 0, sizeof bits);
    memset(raised, 0, sizeof raised);
    memset(used, 0, sizeof used);
    slots_begin(CAP_FIRST_FREE);
    others = release;
    return 0;
}

static void test_open(void **state)
{
    (void)state;
    lock_take(&lock);
    lock_release(&lock);
    assert_int_equal(lock.word, 0);
    assert_int_equal(signals_left, 4);
}

/* Red when a release does not hand the lock over, or a waiter is not given back. */
static void test_sleeps_until_handed_over(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        lock_take(&lock);
        lock_take(&lock);
        assert_int_equal(released, i + 1);
        assert_int_equal(lock.word, LOCK_TAKEN);
        assert_int_equal(claimed, 0);
        lock_release(&lock);
    }
    assert_int_equal(signals_left, 3);
}

/* Red when a release forgets one that waits, or leaves the lock open for others to slip in. */
static void test_each_in_turn(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(waiter_claim(), i);
    lock.word = LOCK_TAKEN | 1 << 0 | 1 << 2;
    lock_release(&lock);
    assert_int_equal(lock.word, LOCK_TAKEN | 1 << 2);
    lock_release(&lock);
    assert_int_equal(lock.word, LOCK_TAKEN);
    lock_release(&lock);
    assert_int_equal(lock.word, 0);
    assert_true(raised[signals[0]] && !raised[signals[1]] && raised[signals[2]]);
}

/* Red when a thread that has nothing to sleep on yields until the lock is open: above the holder in priority, on its CPU, that is for ever. */
static void test_without_signals_it_ends(void **state)
{
    (void)state;
    signals_left = 0;
    lock_take(&lock);
    if (!setjmp(end))
        lock_take(&lock);
    assert_int_equal(end_code, COMPONENT_EXIT_NO_SIGNAL);
    assert_int_equal(lock.word, LOCK_TAKEN);
}

static int first_thread(void)
{
    return 5;
}

/* Red when a thread that has its own waiter needs a signal besides, or somebody may take it from him. */
static void test_assigned(void **state)
{
    (void)state;
    signals_left = 0;
    waiters_assign(first_thread);
    waiter_assign(5, CAP_FIRST_FREE, 1 << 4);
    raised[CAP_FIRST_FREE] = 1;
    lock_take(&lock);
    lock_take(&lock);
    assert_int_equal(released, 1);
    assert_int_equal(raised[CAP_FIRST_FREE], 1);
    assert_int_equal(claimed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_open, setup),
        cmocka_unit_test_setup(test_sleeps_until_handed_over, setup),
        cmocka_unit_test_setup(test_each_in_turn, setup),
        cmocka_unit_test_setup(test_without_signals_it_ends, setup),
        cmocka_unit_test_setup(test_assigned, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
