/* Who runs: priorities, preemption, time slices, yielding, deadlines in order. */
#include "machine.h"

enum { SLICE = 2000 /* ticks: 2 ms at 1 MHz */, C = 1 /* the CPU in question */ };

static cap_t space;

static int setup(void **state)
{
    int failed = machine_setup(state);
    if (!failed)
        space = make_space(SPACE_COMPONENT);
    return failed;
}

static struct thread *thread_of(unsigned priority)
{
    return thread_at(make_thread(space, C, priority));
}

static void assert_runs(const struct thread *thread)
{
    assert_ptr_equal(cpus[C].current, thread);
}

static void test_priorities(void **state)
{
    cap_t signal = make_signal();
    struct thread *low = thread_of(10), *high = thread_of(20), *middle = thread_of(15);
    (void)state;
    assert_runs(high); /* it preempted the low one, the middle one did not preempt it */
    assert_status(CALL(C, CALL_SIGNAL_WAIT, signal, 1, DEADLINE_NEVER), CALL_PENDING);
    assert_runs(middle);
    assert_ok(CALL(C, CALL_SIGNAL_RAISE, signal, 1)); /* wakes the high one: at once */
    assert_runs(high);
    assert_ok(CALL(C, CALL_THREAD_YIELD)); /* to nobody */
    assert_runs(high);
    assert_status(CALL(C, CALL_THREAD_EXIT, 1), CALL_PENDING);
    assert_runs(middle);
    assert_status(CALL(C, CALL_THREAD_EXIT, 1), CALL_PENDING);
    assert_runs(low);
    assert_status(CALL(C, CALL_THREAD_EXIT, 1), CALL_PENDING);
    assert_runs(NULL);
}

static void test_extremes(void **state)
{
    struct thread *lowest = thread_of(0), *highest = thread_of(PRIORITIES - 1);
    (void)state;
    assert_runs(highest);
    assert_status(CALL(C, CALL_THREAD_EXIT, 1), CALL_PENDING);
    assert_runs(lowest);
}

/* What is asked when a guest waits (guest_wait): the same as putting it off the queue and asking then. */
static void test_leave(void **state)
{
    struct thread *low = thread_of(10), *high = thread_of(20), *equal = thread_of(20);
    struct scheduler *scheduler = &cpus[C].scheduler;
    (void)state;
    assert_runs(high);
    struct choice choice = scheduler->policy->leave(scheduler, high);
    assert_ptr_equal(choice.thread, equal);
    assert_int_equal(choice.others, 1 << 10);
    choice = scheduler->policy->leave(scheduler, equal);
    assert_ptr_equal(choice.thread, low);
    assert_int_equal(choice.others, 0);
    assert_ptr_equal(scheduler->policy->pick(scheduler).thread, low);
    assert_null(scheduler->policy->leave(scheduler, low).thread);
    assert_int_equal(scheduler->ready, 0);
    scheduler->policy->enqueue(scheduler, equal, false);
    scheduler->policy->enqueue(scheduler, high, false);
    scheduler->policy->enqueue(scheduler, low, false);
    choice = scheduler->policy->leave(scheduler, low);
    assert_ptr_equal(choice.thread, equal);
    assert_int_equal(choice.others, 1 << 20);
    scheduler->policy->enqueue(scheduler, low, false);
    scheduler->policy->dequeue(scheduler, equal);
    scheduler->policy->dequeue(scheduler, high);
    scheduler->policy->enqueue(scheduler, high, false);
    scheduler->policy->enqueue(scheduler, equal, false);
}

static void test_slices(void **state)
{
    struct thread *a, *b, *c;
    uint64_t start;
    (void)state;
    host_advance(100000);
    a = thread_of(10);
    assert_int_equal(host.deadline[C], UINT64_MAX); /* alone: no tick */
    b = thread_of(10);
    c = thread_of(10);
    start = host_counter;
    assert_runs(a);
    assert_int_equal(host.deadline[C], start + SLICE);
    host_advance(start + SLICE - 1);
    assert_runs(a);
    host_advance(start + SLICE);
    assert_runs(b);
    host_advance(start + 2 * SLICE);
    assert_runs(c);
    host_advance(start + 3 * SLICE);
    assert_runs(a);
    assert_int_equal(a->ticks, SLICE);
    assert_int_equal(a->switches, 2);
    assert_int_equal(b->ticks, SLICE);
    assert_ok(BASE(CALL_THREAD_STATS, machine.next_slot - 3));
    assert_int_equal(result(0, 1), SLICE);
    assert_int_equal(result(0, 2), 2);
    assert_int_equal(result(0, 3), THREAD_CODE_READY);
}

/* A slice ends by yielding, too; a higher thread in between does not cost the others their turn. */
static void test_yield(void **state)
{
    struct thread *a = thread_of(10), *b = thread_of(10), *high;
    (void)state;
    host_advance(host_counter + SLICE / 2);
    assert_ok(CALL(C, CALL_THREAD_YIELD));
    assert_runs(b);
    assert_int_equal(host.deadline[C], host_counter + SLICE); /* a whole one, not the rest of the other's */
    high = thread_of(11);
    assert_runs(high);
    assert_int_equal(host.deadline[C], UINT64_MAX); /* it has no equal */
    assert_status(CALL(C, CALL_THREAD_EXIT, 0), CALL_PENDING);
    assert_runs(b);
    assert_ok(CALL(C, CALL_THREAD_YIELD));
    assert_runs(a);
    assert_ok(CALL(C, CALL_THREAD_YIELD));
    assert_runs(b);
}

/* Deadlines fire in their order, whatever the order they came in; equal ones in that of coming. */
static void test_deadlines(void **state)
{
    static const uint64_t at[] = {5000, 3000, 4000, 3000, 9000};
    enum { COUNT = sizeof at / sizeof at[0] };
    struct thread *threads[COUNT];
    cap_t signals[COUNT];
    (void)state;
    for (unsigned i = 0; i < COUNT; i++) {
        signals[i] = make_signal();
        threads[i] = thread_of(10);
        assert_status(CALL(C, CALL_SIGNAL_WAIT, signals[i], 1, at[i]), CALL_PENDING);
    }
    assert_int_equal(host.deadline[C], 3000);
    host_advance(2999);
    assert_runs(NULL);
    host_advance(3000);
    assert_runs(threads[1]);
    assert_int_equal(result(C, 0), (uint64_t)STATUS_TIMEOUT);
    assert_status(CALL(C, CALL_THREAD_EXIT, 0), CALL_PENDING);
    assert_runs(threads[3]);
    assert_status(CALL(C, CALL_THREAD_EXIT, 0), CALL_PENDING);
    assert_int_equal(host.deadline[C], 4000);
    assert_ok(BASE(CALL_SIGNAL_RAISE, signals[0], 1)); /* comes before its deadline, which then is nobody's */
    assert_runs(threads[0]);
    assert_int_equal(threads[0]->timer_queued, false);
    assert_status(CALL(C, CALL_THREAD_EXIT, 0), CALL_PENDING);
    host_advance(8999);
    assert_runs(threads[2]);
    assert_status(CALL(C, CALL_THREAD_EXIT, 0), CALL_PENDING);
    assert_int_equal(host.deadline[C], 9000);
    host_advance(20000); /* late: it fires all the same */
    assert_runs(threads[4]);
    assert_int_equal(host.deadline[C], UINT64_MAX);
}

/* The next event of both kinds is what the timer is set to. */
static void test_slice_and_deadline(void **state)
{
    cap_t signal = make_signal();
    struct thread *waiter = thread_of(20), *a, *b;
    (void)state;
    assert_status(CALL(C, CALL_SIGNAL_WAIT, signal, 1, 1500), CALL_PENDING);
    a = thread_of(10);
    b = thread_of(10);
    assert_runs(a);
    uint64_t end = cpus[C].slice_end;
    assert_int_equal(host.deadline[C], 1500);
    host_advance(1500);
    assert_runs(waiter);
    assert_status(CALL(C, CALL_SIGNAL_WAIT, signal, 1, DEADLINE_NEVER), CALL_PENDING);
    assert_runs(a); /* goes on, before b, with what is left of its slice */
    assert_int_equal(host.deadline[C], end);
    host_advance(end);
    assert_runs(b);
}

/* A higher thread that comes more often than slices end does not let the first of its inferiors run for ever. */
static void test_slice_outlives_preemption(void **state)
{
    cap_t signal = make_signal();
    struct thread *waiter = thread_of(20), *a, *b;
    (void)state;
    assert_status(CALL(C, CALL_SIGNAL_WAIT, signal, 1, host_counter + SLICE / 2), CALL_PENDING);
    a = thread_of(10);
    b = thread_of(10);
    assert_runs(a);
    for (unsigned i = 0; i < 2; i++) {
        host_advance(host_counter + SLICE / 2);
        assert_runs(waiter);
        assert_status(CALL(C, CALL_SIGNAL_WAIT, signal, 1, host_counter + SLICE / 2), CALL_PENDING);
    }
    host_advance(host_counter); /* a's ended meanwhile */
    assert_runs(b);
}

/* A slice ends while its thread is in the kernel, which has to choose anew for another reason: that is no second slice. */
static void test_slice_ends_in_kernel(void **state)
{
    struct thread *a = thread_of(10), *b = thread_of(10);
    (void)state;
    assert_runs(a);
    host_counter += SLICE + 5;
    thread_of(5);
    assert_runs(a);
    host_advance(host_counter);
    assert_runs(b);
}

/* WFI of a guest must trap while another thread could run: checked by the machine after every stay in the kernel. */
static void test_wait_trap(void **state)
{
    (void)state;
    thread_of(10);
    assert_false(cpus[C].arch.wait_trap);
    thread_of(5);
    assert_true(cpus[C].arch.wait_trap);
    assert_status(CALL(C, CALL_THREAD_EXIT, 0), CALL_PENDING);
    assert_false(cpus[C].arch.wait_trap);
}

/* Many threads of random priorities do random things; the machine checks queues, timer and choice each time. */
static void test_random(void **state)
{
    enum { THREADS = 24, STEPS = 20000 };
    cap_t threads[THREADS], signals[THREADS];
    uint64_t random = 42;
    (void)state;
    for (unsigned i = 0; i < THREADS; i++) {
        signals[i] = make_signal();
        threads[i] = make_thread(space, 1 + i % 3, i * 7 % 5);
    }
    for (unsigned step = 0; step < STEPS; step++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        unsigned cpu = 1 + (unsigned)(random >> 33) % 3, which = (unsigned)(random >> 40) % THREADS, action = (unsigned)(random >> 50) % 8;
        const struct thread *current = cpus[cpu].current;
        if (action == 0)
            host_advance(host_counter + (random >> 55) % (2 * SLICE));
        else if (action == 1)
            assert_ok(BASE(CALL_SIGNAL_RAISE, signals[which], 1));
        else if (action == 2)
            assert_ok(BASE(CALL_THREAD_STOP, threads[which]));
        else if (action == 3)
            BASE(CALL_THREAD_START, threads[which], 0, 0, 0);
        else if (current && action == 4)
            CALL(cpu, CALL_SIGNAL_WAIT, signals[which], 1, host_counter + (random >> 55) % SLICE);
        else if (current && action == 5)
            CALL(cpu, CALL_SIGNAL_WAIT, signals[which], 1, DEADLINE_NEVER);
        else if (current && action == 6)
            CALL(cpu, CALL_THREAD_YIELD);
        else if (current)
            CALL(cpu, CALL_SIGNAL_RAISE, signals[which], 1);
    }
}

#define SCHED_TEST(function) cmocka_unit_test_setup_teardown(function, setup, machine_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCHED_TEST(test_priorities), SCHED_TEST(test_extremes), SCHED_TEST(test_leave), SCHED_TEST(test_slices), SCHED_TEST(test_yield), SCHED_TEST(test_deadlines),
        SCHED_TEST(test_slice_and_deadline), SCHED_TEST(test_slice_outlives_preemption), SCHED_TEST(test_wait_trap), SCHED_TEST(test_random), SCHED_TEST(test_slice_ends_in_kernel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
