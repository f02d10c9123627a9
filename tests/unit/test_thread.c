/* Threads: started, stopped, destroyed, in whatever state and from whatever CPU; faults and who learns of them. */
#include "machine.h"

static cap_t space;

static int setup(void **state)
{
    int failed = machine_setup(state);
    if (!failed)
        space = make_space(SPACE_COMPONENT);
    return failed;
}

static unsigned state_of(cap_t thread)
{
    assert_ok(BASE(CALL_THREAD_STATS, thread));
    return (unsigned)result(0, 3);
}

static void test_start(void **state)
{
    cap_t thread = make_stopped_thread(space, 1, 5, 0, 0), watch = slot_new();
    (void)state;
    assert_int_equal(state_of(thread), THREAD_CODE_STOPPED);
    assert_ok(give(CAP_SELF, watch, thread, RIGHT_OBSERVE));
    assert_status(BASE(CALL_THREAD_START, watch, 0, 0, 0), STATUS_RIGHTS);
    assert_status(BASE(CALL_THREAD_STOP, watch), STATUS_RIGHTS);
    assert_ok(BASE(CALL_THREAD_START, thread, 0x1234, 0x8000, 99));
    assert_ptr_equal(cpus[1].current, thread_at(thread));
    assert_int_equal(thread_at(thread)->arch.pc, 0x1234);
    assert_int_equal(thread_at(thread)->arch.sp, 0x8000);
    assert_int_equal(result(1, 0), 99);
    assert_int_equal(result(1, 1), 0);
    assert_int_equal(state_of(thread), THREAD_CODE_READY);
    assert_status(BASE(CALL_THREAD_START, thread, 0, 0, 0), STATUS_STATE);
    assert_ok(BASE(CALL_THREAD_STOP, thread));
    assert_int_equal(state_of(thread), THREAD_CODE_STOPPED);
    assert_ok(BASE(CALL_THREAD_STOP, thread)); /* nothing more to do */
    assert_ok(BASE(CALL_THREAD_START, thread, 0x5678, 0, 1));
    assert_int_equal(thread_at(thread)->arch.pc, 0x5678);
    assert_int_equal(result(1, 0), 1);
}

static void test_create(void **state)
{
    cap_t signal = make_signal(), wait_only = slot_new(), no_use = slot_new();
    (void)state;
    assert_ok(give(CAP_SELF, wait_only, signal, RIGHT_WAIT));
    assert_ok(give(CAP_SELF, no_use, space, RIGHT_MAP));
    assert_status(BASE(CALL_THREAD_CREATE, CAP_SELF, slot_new(), space, 1, 5, wait_only, 1), STATUS_RIGHTS);
    assert_status(BASE(CALL_THREAD_CREATE, CAP_SELF, slot_new(), space, 1, 5, space, 1), STATUS_CAP);
    assert_status(BASE(CALL_THREAD_CREATE, CAP_SELF, slot_new(), no_use, 1, 5, 0, 0), STATUS_RIGHTS);
    assert_status(BASE(CALL_THREAD_CREATE, CAP_SELF, slot_new(), signal, 1, 5, 0, 0), STATUS_CAP);
    assert_status(BASE(CALL_THREAD_CREATE, CAP_SELF, space, space, 1, 5, 0, 0), STATUS_EXISTS);
    assert_status(BASE(CALL_THREAD_CREATE, CAP_SELF, slot_new(), space, MACHINE_CPUS, 5, 0, 0), STATUS_CPU);
}

/* A fault stops the thread, says what it was, and raises no more bits than the supervisor was allowed. */
static void test_fault(void **state)
{
    cap_t signal = make_signal(), some = slot_new(), thread;
    (void)state;
    assert_ok(BASE(CALL_CAP_DELEGATE, CAP_SELF, some, signal, 0xff, 6));
    thread = make_stopped_thread(space, 1, 5, some, 3);
    assert_ok(BASE(CALL_THREAD_START, thread, 0x1000, 0x8000, 0));
    cpus[1].current->arch.link = 0x1004;
    machine_fault(1, 0xdead0000);
    assert_null(cpus[1].current);
    assert_int_equal(state_of(thread), THREAD_CODE_FAULTED);
    assert_ok(BASE(CALL_SIGNAL_WAIT, signal, UINT64_MAX, DEADLINE_POLL));
    assert_int_equal(result(0, 1), 2);
    assert_ok(BASE(CALL_THREAD_FAULT, thread));
    assert_int_equal(result(0, 1), FAULT_MEMORY);
    assert_int_equal(result(0, 2), 0x1000);
    assert_int_equal(result(0, 3), 0xdead0000);
    assert_int_equal(result(0, 4), 0x92);
    assert_int_equal(result(0, 5), 0x1004);
    assert_int_equal(result(0, 6), 0x8000);
    assert_ok(BASE(CALL_THREAD_START, thread, 0x2000, 0, 0)); /* may be started anew, and fault anew */
    assert_ok(BASE(CALL_THREAD_FAULT, thread));
    assert_int_equal(result(0, 1), FAULT_NONE);
    assert_status(CALL(1, CALL_THREAD_EXIT, 42), CALL_PENDING);
    assert_ok(BASE(CALL_SIGNAL_WAIT, signal, UINT64_MAX, DEADLINE_POLL));
    assert_ok(BASE(CALL_THREAD_FAULT, thread));
    assert_int_equal(result(0, 1), FAULT_EXIT);
    assert_int_equal(result(0, 3), 42);
}

/* The supervisor's signal may go first, then nobody is told; or the thread. */
static void late_error(struct cpu *cpu, void *argument)
{
    thread_fault(cpu, argument, FAULT_ERROR, 0, 0xbe000000);
}

/* An error of its last access comes when it waits already: it is out of what it waits for, and nothing wakes it. */
static void test_fault_while_waiting(void **state)
{
    cap_t signal = make_signal(), thread = make_thread(space, 2, 9);
    (void)state;
    assert_status(CALL(2, CALL_SIGNAL_WAIT, signal, 1, 70000), CALL_PENDING);
    host_enter(2, late_error, thread_at(thread));
    assert_int_equal(state_of(thread), THREAD_CODE_FAULTED);
    assert_null(((struct signal *)object_at(signal))->waiter);
    assert_null(cpus[2].timers);
    assert_ok(BASE(CALL_SIGNAL_RAISE, signal, 1));
    host_advance(80000);
    assert_null(cpus[2].current);
    assert_ok(BASE(CALL_THREAD_FAULT, thread));
    assert_int_equal(result(0, 1), FAULT_ERROR);
    assert_ok(BASE(CALL_THREAD_START, thread, 0, 0, 0));
}

/* So it does when it was woken before, on another CPU, and has not learnt of it: it stays stopped. */
static void test_fault_after_wake(void **state)
{
    cap_t signal = make_signal(), thread = make_thread(space, 2, 9);
    (void)state;
    assert_status(CALL(2, CALL_SIGNAL_WAIT, signal, 1, 70000), CALL_PENDING);
    host.ipis_held = true;
    assert_ok(BASE(CALL_SIGNAL_RAISE, signal, 1));
    host_enter(2, late_error, thread_at(thread));
    host.ipis_held = false;
    host_ipis_deliver();
    assert_null(cpus[2].current);
    assert_int_equal(state_of(thread), THREAD_CODE_FAULTED);
}

/* What it waits for ends on another CPU, and its time comes before it has learnt of that: it does not look at what is not there any more. */
static void test_deadline_after_end(void **state)
{
    cap_t signal = make_signal(), thread = make_thread(space, 2, 9);
    (void)state;
    assert_status(CALL(2, CALL_SIGNAL_WAIT, signal, 1, 70000), CALL_PENDING);
    host.ipis_held = true;
    assert_ok(BASE(CALL_CAP_DELETE, signal));
    host_advance(70000);
    assert_null(cpus[2].current);
    host.ipis_held = false;
    host_ipis_deliver();
    assert_ptr_equal(cpus[2].current, thread_at(thread));
    assert_status((status_t)thread_at(thread)->arch.registers[0], STATUS_DEAD);
}

/* One signal for many threads, as a supervisor has: its end is more than one step. */
static void test_supervisor_of_many_gone(void **state)
{
    enum { MANY = 40 };
    cap_t signal = make_signal(), threads[MANY];
    (void)state;
    for (unsigned i = 0; i < MANY; i++)
        threads[i] = make_stopped_thread(space, 1, 5, signal, 1);
    assert_ok(BASE(CALL_CAP_DELETE, signal));
    for (unsigned i = 0; i < MANY; i++)
        assert_null(thread_at(threads[i])->supervisor.signal);
}

static void test_supervisor_gone(void **state)
{
    cap_t signal = make_signal(), thread = make_stopped_thread(space, 1, 5, signal, 1), other = make_stopped_thread(space, 1, 5, signal, 2);
    (void)state;
    assert_ok(BASE(CALL_THREAD_START, thread, 0, 0, 0));
    assert_ok(BASE(CALL_CAP_DELETE, other));
    assert_ok(BASE(CALL_CAP_DELETE, signal));
    assert_null(thread_at(thread)->supervisor.signal);
    machine_fault(1, 0);
    assert_int_equal(state_of(thread), THREAD_CODE_FAULTED);
}

/* Stopped and destroyed on another CPU: while it runs, while it is ready, while it waits with a deadline, after a fault. */
static void test_stop_anywhere(void **state)
{
    cap_t signal = make_signal(), running, ready, waiting, faulted;
    (void)state;
    for (unsigned destroy = 0; destroy < 2; destroy++) {
        unsigned call = destroy ? CALL_CAP_DELETE : CALL_THREAD_STOP;
        waiting = make_thread(space, 2, 9);
        assert_status(CALL(2, CALL_SIGNAL_WAIT, signal, 1, 70000), CALL_PENDING);
        faulted = make_thread(space, 2, 9);
        machine_fault(2, 0);
        running = make_thread(space, 2, 8);
        ready = make_thread(space, 2, 7);
        assert_ptr_equal(cpus[2].current, thread_at(running));
        assert_int_equal(state_of(waiting), THREAD_CODE_WAITING);
        assert_ok(BASE(call, ready));
        assert_ok(BASE(call, running));
        assert_null(cpus[2].current);
        assert_ok(BASE(call, waiting));
        assert_null(cpus[2].timers);
        assert_null(((struct signal *)object_at(signal))->waiter);
        assert_int_equal(host.deadline[2], UINT64_MAX);
        assert_ok(BASE(call, faulted));
        assert_ok(BASE(CALL_SIGNAL_RAISE, signal, 1)); /* nobody hears it */
        assert_null(cpus[2].current);
        assert_ok(BASE(CALL_SIGNAL_WAIT, signal, 1, DEADLINE_POLL));
    }
}

/* A thread that was stopped in the middle of waiting starts anew, not with what it waited for. */
static void test_restart_after_wait(void **state)
{
    cap_t signal = make_signal(), thread = make_thread(space, 2, 9);
    (void)state;
    assert_status(CALL(2, CALL_SIGNAL_WAIT, signal, 1, 70000), CALL_PENDING);
    assert_ok(BASE(CALL_THREAD_STOP, thread));
    assert_ok(BASE(CALL_THREAD_START, thread, 0x7000, 0, 5));
    assert_ok(BASE(CALL_SIGNAL_RAISE, signal, 1));
    assert_int_equal(result(2, 0), 5);
    host_advance(80000);
    assert_int_equal(result(2, 0), 5);
    assert_ptr_equal(cpus[2].current, thread_at(thread));
}

/* Its end is asked for by itself. */
static void test_own_end(void **state)
{
    cap_t lower, thread, p = make_partition(1 << 16, 30);
    (void)state;
    lower = make_thread(space, 1, 3);
    thread = make_thread(space, 1, 5);
    assert_status(CALL(1, CALL_THREAD_STOP, thread), CALL_PENDING);
    assert_ptr_equal(cpus[1].current, thread_at(lower));
    assert_ok(BASE(CALL_THREAD_START, thread, 0, 0, 0));
    assert_status(CALL(1, CALL_CAP_DELETE, thread), CALL_PENDING); /* poisoned memory would tell if the answer was still written */
    assert_int_equal(cap_at(thread)->type, CAP_NONE);
    assert_ptr_equal(cpus[1].current, thread_at(lower));
    assert_status(CALL(1, CALL_CAP_DELETE, space), CALL_PENDING); /* the space that it runs in */
    assert_null(cpus[1].current);
    assert_int_equal(cap_at(space)->type == CAP_NONE || cap_at(space)->type & NODE_DYING, true);
    make_foreign_thread(p, 1, 20);
}

/* A wake from another CPU that is under way when the thread is stopped and started again is not taken for one of its new life. */
static void test_late_wake(void **state)
{
    cap_t signal = make_signal(), other = make_signal(), thread = make_thread(space, 2, 9);
    (void)state;
    assert_status(CALL(2, CALL_SIGNAL_WAIT, signal, 1, DEADLINE_NEVER), CALL_PENDING);
    host.ipis_held = true;
    assert_ok(BASE(CALL_SIGNAL_RAISE, signal, 1)); /* the IPI does not get through yet */
    assert_ok(BASE(CALL_THREAD_STOP, thread));
    assert_ok(BASE(CALL_THREAD_START, thread, 0, 0, 0));
    assert_status(CALL(2, CALL_SIGNAL_WAIT, other, 1, DEADLINE_NEVER), CALL_PENDING);
    host.ipis_held = false;
    host_ipis_deliver();
    assert_null(cpus[2].current);
    assert_int_equal(thread_at(thread)->waiting, WAIT_SIGNAL);
}

/* Only what is in a vCPU has something to look at. */
static void test_poke_outside_of_vcpus(void **state)
{
    cap_t signal = make_signal(), thread = make_thread(space, 2, 9);
    (void)state;
    assert_status(CALL(2, CALL_SIGNAL_WAIT, signal, 1, DEADLINE_NEVER), CALL_PENDING);
    host_self = &cpus[2];
    thread_poke(thread_at(thread));
    assert_int_equal(thread_at(thread)->waiting, WAIT_SIGNAL);
    assert_null(cpus[2].current);
}

#define THREAD_TEST(function) cmocka_unit_test_setup_teardown(function, setup, machine_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        THREAD_TEST(test_start),         THREAD_TEST(test_create),       THREAD_TEST(test_fault),
        THREAD_TEST(test_supervisor_gone), THREAD_TEST(test_stop_anywhere), THREAD_TEST(test_restart_after_wait),
        THREAD_TEST(test_own_end),       THREAD_TEST(test_late_wake),     THREAD_TEST(test_fault_while_waiting),
        THREAD_TEST(test_fault_after_wake), THREAD_TEST(test_deadline_after_end), THREAD_TEST(test_supervisor_of_many_gone),
        THREAD_TEST(test_poke_outside_of_vcpus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
