/* Portals: words there and back, whose time and priority a server runs on, and what callers and servers learn of each other's end. */
#include "machine.h"

enum { C = 1, SERVER_PRIORITY = 4, BADGE = 77 };

static cap_t space, portal, client, server;

/* A server that waits on CPU 1, and the clients' capability. */
static int setup(void **state)
{
    int failed = machine_setup(state);
    if (failed)
        return failed;
    space = make_space(SPACE_COMPONENT);
    portal = make_portal();
    client = slot_new();
    assert_ok(BASE(CALL_CAP_DELEGATE, CAP_SELF, client, portal, RIGHT_CALL, BADGE));
    server = make_thread(space, C, SERVER_PRIORITY);
    assert_status(CALL(C, CALL_PORTAL_WAIT, portal, 0, 0, 0, 0, DEADLINE_NEVER), CALL_PENDING);
    return 0;
}

static void assert_runs(cap_t thread)
{
    assert_ptr_equal(cpus[C].current, thread_at(thread));
}

static status_t call(uint64_t first, uint64_t deadline)
{
    return CALL(C, CALL_PORTAL_CALL, client, first, first + 1, first + 2, first + 3, deadline);
}

static status_t answer(uint64_t first, uint64_t deadline)
{
    return CALL(C, CALL_PORTAL_WAIT, portal, first, first + 1, first + 2, first + 3, deadline);
}

static void assert_words(const struct thread *thread, uint64_t first)
{
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(result_of(thread, 1 + i), first + i);
}

static void test_words(void **state)
{
    cap_t caller = make_thread(space, C, 2);
    (void)state;
    assert_status(call(10, DEADLINE_NEVER), CALL_PENDING);
    assert_runs(server);
    assert_int_equal(result(C, 0), STATUS_OK);
    assert_words(thread_at(server), 10);
    assert_int_equal(result(C, 5), BADGE);
    assert_status(answer(20, DEADLINE_NEVER), CALL_PENDING);
    assert_runs(caller);
    assert_int_equal(result(C, 0), STATUS_OK);
    assert_words(thread_at(caller), 20);
    assert_status(call(30, DEADLINE_NEVER), CALL_PENDING); /* and again */
    assert_words(thread_at(server), 30);
}

static void test_rights(void **state)
{
    cap_t unserved = make_portal();
    (void)state;
    make_thread(space, 2, 5);
    make_thread(space, C, 2);
    assert_status(CALL(C, CALL_PORTAL_WAIT, client, 0, 0, 0, 0, DEADLINE_POLL), STATUS_RIGHTS);
    assert_status(CALL(C, CALL_PORTAL_CALL, unserved, 0, 0, 0, 0, DEADLINE_NEVER), STATUS_DEAD);
    assert_status(CALL(C, CALL_PORTAL_WAIT, portal, 0, 0, 0, 0, DEADLINE_NEVER), STATUS_BUSY);
    assert_status(CALL(2, CALL_PORTAL_CALL, client, 0, 0, 0, 0, DEADLINE_NEVER), STATUS_CPU);
    assert_status(CALL(2, CALL_PORTAL_CALL, space, 0, 0, 0, 0, DEADLINE_NEVER), STATUS_CAP);
    assert_status(CALL(C, CALL_PORTAL_WAIT, unserved, 0, 0, 0, 0, DEADLINE_POLL), STATUS_TIMEOUT);
}

/* The server runs at the caller's priority if that is higher, and falls back to its own. */
static void test_priority(void **state)
{
    cap_t middle, high = make_thread(space, C, 20);
    (void)state;
    assert_status(call(1, DEADLINE_NEVER), CALL_PENDING);
    assert_int_equal(thread_at(server)->priority, 20);
    middle = make_thread(space, C, 10);
    assert_runs(server); /* the middle one does not get between them */
    assert_status(answer(2, DEADLINE_NEVER), CALL_PENDING);
    assert_int_equal(thread_at(server)->priority, SERVER_PRIORITY);
    assert_runs(high);
    assert_status(CALL(C, CALL_THREAD_EXIT, 0), CALL_PENDING);
    assert_runs(middle);
    cap_t low = make_thread(space, C, 1);
    assert_status(CALL(C, CALL_THREAD_EXIT, 0), CALL_PENDING);
    assert_runs(low);
    assert_status(call(1, DEADLINE_NEVER), CALL_PENDING);
    assert_int_equal(thread_at(server)->priority, SERVER_PRIORITY); /* no less than its own */
}

/* A more urgent caller that has to queue lends its priority at once: whoever lies between may not hold it up. */
static void test_priority_of_queue(void **state)
{
    cap_t low = make_thread(space, C, 5), high;
    (void)state;
    assert_status(call(1, DEADLINE_NEVER), CALL_PENDING);
    assert_runs(server);
    make_thread(space, C, 10);
    high = make_thread(space, C, 20);
    assert_runs(high);
    assert_status(call(2, DEADLINE_NEVER), CALL_PENDING);
    assert_runs(server);
    assert_int_equal(thread_at(server)->priority, 20);
    assert_ok(answer(3, DEADLINE_NEVER)); /* the next one's words at once */
    assert_runs(server);
    assert_words(thread_at(server), 2);
    assert_int_equal(thread_at(low)->state, THREAD_READY);
    assert_status(answer(4, DEADLINE_NEVER), CALL_PENDING);
    assert_runs(high);
    assert_words(thread_at(high), 4);
}

/* In the order of coming: each is more urgent than the server at that moment, so that it comes while another one is served. */
/* The urgent one waits behind a lesser one: the server does not fall back below it when it comes to that one. */
static void test_priority_of_second_in_queue(void **state)
{
    (void)state;
    make_thread(space, C, 6);
    assert_status(call(10, DEADLINE_NEVER), CALL_PENDING); /* is served */
    make_thread(space, C, 7);
    assert_status(call(20, DEADLINE_NEVER), CALL_PENDING);
    make_thread(space, C, 20);
    assert_status(call(30, DEADLINE_NEVER), CALL_PENDING);
    make_thread(space, C, 15); /* between the two */
    assert_runs(server);
    assert_ok(answer(0, DEADLINE_NEVER));
    assert_words(thread_at(server), 20);
    assert_runs(server);
    assert_int_equal(thread_at(server)->priority, 20);
}

static void test_queue(void **state)
{
    cap_t callers[4];
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        callers[i] = make_thread(space, C, 10 + i);
        assert_runs(callers[i]);
        assert_status(call(10 * i, DEADLINE_NEVER), CALL_PENDING);
        assert_runs(server);
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_words(thread_at(server), 10 * i);
        /* With the priority of whom it serves now, it may be preempted by the one that it just answered. */
        CALL(C, CALL_PORTAL_WAIT, portal, 5, 6, 7, 8, DEADLINE_NEVER);
        assert_int_equal(thread_at(callers[i])->state, THREAD_READY);
        assert_words(thread_at(callers[i]), 5);
    }
    assert_words(thread_at(server), 30);
}

static void test_server_timeout(void **state)
{
    (void)state;
    assert_ok(BASE(CALL_THREAD_STOP, server));
    assert_ok(BASE(CALL_THREAD_START, server, 0, 0, 0));
    assert_status(answer(0, DEADLINE_POLL), STATUS_TIMEOUT);
    assert_status(answer(0, 5000), CALL_PENDING);
    host_advance(5000);
    assert_runs(server);
    assert_int_equal(result(C, 0), (uint64_t)STATUS_TIMEOUT);
    cap_t caller = make_thread(space, C, 20);
    assert_status(call(1, DEADLINE_POLL), STATUS_TIMEOUT); /* it does not wait just now */
    assert_status(call(1, DEADLINE_NEVER), CALL_PENDING);
    assert_runs(server);
    assert_ok(answer(0, DEADLINE_POLL)); /* poll finds who queues */
    assert_words(thread_at(server), 1);
    assert_status(answer(9, DEADLINE_POLL), STATUS_TIMEOUT);
    assert_runs(caller);
}

/* A caller gives up, once in the queue and once while it is being served; its answer goes nowhere, the next one's does. */
static void test_caller_timeout(void **state)
{
    cap_t first = make_thread(space, C, 10), second, third;
    (void)state;
    assert_status(call(10, 6000), CALL_PENDING);
    second = make_thread(space, C, 11);
    assert_status(call(20, 5000), CALL_PENDING);
    third = make_thread(space, C, 12);
    assert_status(call(30, DEADLINE_NEVER), CALL_PENDING);
    host_advance(5000);
    assert_int_equal(result_of(thread_at(second), 0), (uint64_t)STATUS_TIMEOUT);
    assert_ok(BASE(CALL_CAP_DELETE, second));
    host_advance(6000);
    assert_int_equal(result_of(thread_at(first), 0), (uint64_t)STATUS_TIMEOUT);
    assert_ok(BASE(CALL_CAP_DELETE, first));
    assert_runs(server);
    assert_ok(answer(40, DEADLINE_NEVER));
    assert_words(thread_at(server), 30);
    assert_status(answer(50, DEADLINE_NEVER), CALL_PENDING);
    assert_runs(third);
    assert_words(thread_at(third), 50);
}

/* The server faults, is stopped or destroyed: callers served and queued learn of it, and later ones. */
static void test_server_death(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 3; how++) {
        cap_t first = make_thread(space, C, 10), second;
        assert_status(call(1, 80000), CALL_PENDING);
        second = make_thread(space, C, 11);
        assert_status(call(2, DEADLINE_NEVER), CALL_PENDING);
        assert_runs(server);
        if (how == 0)
            machine_fault(C, 0);
        else
            assert_ok(BASE(how == 1 ? CALL_THREAD_STOP : CALL_CAP_DELETE, server));
        assert_runs(second);
        assert_int_equal(result(C, 0), (uint64_t)STATUS_DEAD);
        assert_int_equal(result_of(thread_at(first), 0), (uint64_t)STATUS_DEAD);
        assert_int_equal(thread_at(first)->state, THREAD_READY);
        assert_null(cpus[C].timers);
        assert_status(call(3, DEADLINE_NEVER), STATUS_DEAD);
        assert_ok(BASE(CALL_CAP_DELETE, first));
        assert_ok(BASE(CALL_CAP_DELETE, second));
        if (how == 2)
            return;
        assert_ok(BASE(CALL_THREAD_START, server, 0, 0, 0));
        assert_int_equal(thread_at(server)->priority, SERVER_PRIORITY);
        assert_status(answer(0, DEADLINE_NEVER), CALL_PENDING);
    }
}

/* The portal goes: while the server waits, while it serves. Its priority is its own again then. */
static void test_destroy(void **state)
{
    cap_t caller, other = make_thread(space, C, 6);
    (void)state;
    assert_ok(BASE(CALL_CAP_DELETE, portal));
    assert_int_equal(result_of(thread_at(server), 0), (uint64_t)STATUS_DEAD);
    assert_int_equal(thread_at(server)->state, THREAD_READY);
    assert_null(thread_at(server)->serving);
    assert_ok(BASE(CALL_THREAD_STOP, other));
    assert_runs(server);
    portal = make_portal();
    assert_status(answer(0, DEADLINE_NEVER), CALL_PENDING);
    assert_ok(BASE(CALL_CAP_DELEGATE, CAP_SELF, client, portal, RIGHT_CALL, BADGE));
    caller = make_thread(space, C, 20);
    assert_status(call(1, 80000), CALL_PENDING);
    assert_runs(server);
    assert_int_equal(thread_at(server)->priority, 20);
    assert_ok(BASE(CALL_CAP_DELETE, portal));
    assert_runs(caller);
    assert_int_equal(result(C, 0), (uint64_t)STATUS_DEAD);
    assert_int_equal(thread_at(server)->priority, SERVER_PRIORITY); /* a portal's end is no way to keep it */
    assert_int_equal(thread_at(server)->state, THREAD_READY);
}

/* From the middle, the end and the front of the queue. */
static void test_queue_removal(void **state)
{
    cap_t callers[5];
    static const unsigned gone[] = {2, 4, 1};
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        callers[i] = make_thread(space, C, 10 + i);
        assert_status(call(10 * i, DEADLINE_NEVER), CALL_PENDING);
    }
    for (unsigned i = 0; i < 3; i++)
        assert_ok(BASE(CALL_CAP_DELETE, callers[gone[i]]));
    assert_ok(answer(0, DEADLINE_NEVER));
    assert_words(thread_at(server), 30);
    cap_t last = make_thread(space, C, 20);
    assert_status(call(50, DEADLINE_NEVER), CALL_PENDING);
    assert_ok(answer(0, DEADLINE_NEVER));
    assert_words(thread_at(server), 50);
    assert_status(answer(60, DEADLINE_NEVER), CALL_PENDING);
    assert_words(thread_at(last), 60);
}

/* The caller goes while it is served, and while it queues. */
static void test_caller_destroyed(void **state)
{
    cap_t first = make_thread(space, C, 10), second;
    (void)state;
    assert_status(call(1, 80000), CALL_PENDING);
    second = make_thread(space, C, 11);
    assert_status(call(2, 90000), CALL_PENDING);
    assert_ok(BASE(CALL_CAP_DELETE, first));
    assert_ok(BASE(CALL_CAP_DELETE, second));
    assert_null(cpus[C].timers);
    assert_runs(server);
    assert_status(answer(3, DEADLINE_NEVER), CALL_PENDING);
    assert_null(cpus[C].current);
}

/* A server that calls its own portal would wait for itself for ever, or be woken twice. */
static void test_calls_itself(void **state)
{
    cap_t caller = make_thread(space, C, 10);
    (void)state;
    assert_status(call(1, DEADLINE_NEVER), CALL_PENDING);
    assert_runs(server);
    assert_status(call(5, 5000), STATUS_STATE);
    assert_status(call(5, DEADLINE_NEVER), STATUS_STATE);
    assert_status(answer(3, DEADLINE_NEVER), CALL_PENDING);
    assert_runs(caller);
    assert_words(thread_at(caller), 3);
}

/* One server, one portal: a second one would not learn of the server's end. */
static void test_two_portals(void **state)
{
    cap_t second = make_portal(), caller = make_thread(space, C, 10);
    (void)state;
    assert_status(call(1, DEADLINE_NEVER), CALL_PENDING);
    assert_runs(server);
    assert_status(CALL(C, CALL_PORTAL_WAIT, second, 0, 0, 0, 0, DEADLINE_POLL), STATUS_STATE);
    assert_ok(BASE(CALL_CAP_DELETE, server));
    assert_runs(caller);
    assert_status(call(1, DEADLINE_NEVER), STATUS_DEAD);
    assert_status(CALL(C, CALL_PORTAL_CALL, second, 0, 0, 0, 0, DEADLINE_NEVER), STATUS_DEAD);
}

/* A server that calls another one lends it what it was lent. */
static void test_chain(void **state)
{
    cap_t back = make_portal(), last = make_thread(space, C, 3), caller;
    (void)state;
    assert_status(CALL(C, CALL_PORTAL_WAIT, back, 0, 0, 0, 0, DEADLINE_NEVER), CALL_PENDING);
    caller = make_thread(space, C, 20);
    assert_status(call(1, DEADLINE_NEVER), CALL_PENDING);
    assert_status(CALL(C, CALL_PORTAL_CALL, back, 7, 8, 9, 10, DEADLINE_NEVER), CALL_PENDING);
    assert_runs(last);
    assert_int_equal(cpus[C].current->priority, 20);
    assert_words(thread_at(last), 7);
    assert_status(CALL(C, CALL_PORTAL_WAIT, back, 17, 18, 19, 20, DEADLINE_NEVER), CALL_PENDING);
    assert_runs(server);
    assert_words(thread_at(server), 17);
    assert_status(answer(30, DEADLINE_NEVER), CALL_PENDING);
    assert_runs(caller);
    assert_words(thread_at(caller), 30);
}

#define PORTAL_TEST(function) cmocka_unit_test_setup_teardown(function, setup, machine_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PORTAL_TEST(test_words),          PORTAL_TEST(test_rights),         PORTAL_TEST(test_priority),
        PORTAL_TEST(test_priority_of_second_in_queue),
        PORTAL_TEST(test_queue),          PORTAL_TEST(test_server_timeout), PORTAL_TEST(test_caller_timeout),
        PORTAL_TEST(test_server_death),   PORTAL_TEST(test_caller_destroyed), PORTAL_TEST(test_chain),
        PORTAL_TEST(test_priority_of_queue), PORTAL_TEST(test_destroy),     PORTAL_TEST(test_two_portals),
        PORTAL_TEST(test_calls_itself),   PORTAL_TEST(test_queue_removal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
