/*
 * Calls that hand the CPU over directly (core/direct.h): that they do so, and for each condition under which they must not, that the call goes its general way. What both
 * ways have in common is compared by the model; here each condition that is left out of direct.h turns its test red, if only by what the machine checks after each stay.
 */
#include "machine.h"

enum { C = 1, SERVER = 20, CALLER = 10, BADGE = 77 };

static cap_t space, portal, client;
static struct thread *server;

static int setup(void **state)
{
    int failed = machine_setup(state);
    if (failed)
        return failed;
    space = make_space(SPACE_COMPONENT);
    portal = make_portal();
    client = slot_new();
    assert_ok(BASE(CALL_CAP_DELEGATE, CAP_SELF, client, portal, RIGHT_CALL, BADGE));
    return 0;
}

static struct thread *thread_of(unsigned cpu, unsigned priority)
{
    return thread_at(make_thread(space, cpu, priority));
}

static status_t call_until(uint64_t slot, uint64_t deadline)
{
    return CALL(C, CALL_PORTAL_CALL, slot, 1, 2, 3, 4, deadline);
}

static status_t wait_until(uint64_t slot, uint64_t deadline)
{
    return CALL(C, CALL_PORTAL_WAIT, slot, 11, 12, 13, 14, deadline);
}

static void serve(unsigned priority, uint64_t deadline)
{
    server = thread_of(C, priority);
    assert_status(wait_until(portal, deadline), CALL_PENDING);
}

/* The call by `from`, or its answer, and who runs then. */
#define assert_pass(call, status, passed, next)            \
    do {                                                   \
        unsigned before = host.passes;                     \
        assert_status(call, status);                       \
        assert_int_equal(host.passes - before, passed);    \
        assert_ptr_equal(cpus[C].current, next);           \
    } while (0)
#define assert_direct(call, next) assert_pass(call, CALL_PENDING, 1, next)
#define assert_general(call, next) assert_pass(call, CALL_PENDING, 0, next)
#define assert_refused(call, status) assert_pass(call, status, 0, cpus[C].current)

/* --- it does -------------------------------------------------------------------------------------------------------------------- */

static void round_trip(unsigned server_priority, unsigned priority)
{
    serve(server_priority, DEADLINE_NEVER);
    struct thread *caller = thread_of(C, priority);
    if (server_priority > priority)
        thread_of(C, priority - 1); /* ready all the time */
    for (unsigned i = 0; i < 3; i++) {
        uint64_t ticks = caller->ticks, switches = server->switches;
        host_advance(host_counter + 100);
        assert_direct(call_until(client, DEADLINE_NEVER), server);
        assert_int_equal(caller->ticks, ticks + 100 + (i ? 30 : 0));
        assert_int_equal(server->switches, switches + 1);
        assert_int_equal(server->priority, server_priority > priority ? server_priority : priority);
        for (unsigned word = 0; word < 4; word++)
            assert_int_equal(result(C, 1 + word), 1 + word);
        assert_int_equal(result(C, 0), STATUS_OK);
        assert_int_equal(result(C, 5), BADGE);
        assert_direct(wait_until(portal, DEADLINE_NEVER), caller);
        assert_int_equal(server->priority, server_priority);
        for (unsigned word = 0; word < 4; word++)
            assert_int_equal(result(C, 1 + word), 11 + word);
        assert_int_equal(result(C, 0), STATUS_OK);
        host_advance(host_counter + 30);
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    round_trip(SERVER, CALLER);
}

static void test_round_trip_lent(void **state)
{
    (void)state;
    round_trip(CALLER, SERVER);
}

static void test_raise(void **state)
{
    cap_t signal = make_signal();
    struct thread *waiter = thread_of(C, 20), *raiser;
    (void)state;
    assert_status(CALL(C, CALL_SIGNAL_WAIT, signal, 6, DEADLINE_NEVER), CALL_PENDING);
    raiser = thread_of(C, 10);
    thread_of(C, 5);
    assert_pass(CALL(C, CALL_SIGNAL_RAISE, signal, 2), STATUS_OK, 1, waiter);
    assert_int_equal(result(C, 0), STATUS_OK);
    assert_int_equal(result(C, 1), 2);
    assert_general(CALL(C, CALL_SIGNAL_WAIT, signal, 6, DEADLINE_NEVER), raiser);
    assert_int_equal(result(C, 0), STATUS_OK); /* of raising */
}

/* --- capabilities ----------------------------------------------------------------------------------------------------------------- */

static void test_capability(void **state)
{
    cap_t foreign = slot_new(), mute = slot_new();
    (void)state;
    assert_ok(BASE(CALL_CAP_DELEGATE, CAP_SELF, mute, portal, RIGHT_SERVE, 0));
    assert_ok(BASE(CALL_CAP_DELEGATE, CAP_SELF, foreign, portal, RIGHT_CALL, 0));
    serve(SERVER, DEADLINE_NEVER);
    thread_of(C, CALLER);
    assert_refused(call_until(client + CAP_SLOTS, DEADLINE_NEVER), STATUS_CAP);
    assert_refused(call_until(UINT64_C(1) << 40, DEADLINE_NEVER), STATUS_CAP);
    assert_refused(call_until(CAP_SLOTS - 1, DEADLINE_NEVER), STATUS_CAP); /* no page */
    assert_refused(call_until(space, DEADLINE_NEVER), STATUS_CAP);
    assert_refused(call_until(mute, DEADLINE_NEVER), STATUS_RIGHTS);
    assert_ok(BASE(CALL_CAP_DELETE, foreign)); /* revoked */
    assert_refused(call_until(foreign, DEADLINE_NEVER), STATUS_CAP);
    assert_direct(call_until(client, DEADLINE_NEVER), server);
    assert_refused(wait_until(portal + CAP_SLOTS, DEADLINE_NEVER), STATUS_CAP);
    assert_refused(wait_until(client, DEADLINE_NEVER), STATUS_RIGHTS);
    assert_refused(wait_until(space, DEADLINE_NEVER), STATUS_CAP);
}

static void test_signal_capability(void **state)
{
    cap_t signal = make_signal(), less = slot_new(), deaf = slot_new();
    (void)state;
    thread_of(C, 20);
    assert_status(CALL(C, CALL_SIGNAL_WAIT, signal, 6, DEADLINE_NEVER), CALL_PENDING);
    thread_of(C, 10);
    assert_ok(BASE(CALL_CAP_DELEGATE, CAP_SELF, less, signal, RIGHT_RAISE, 1));
    assert_ok(BASE(CALL_CAP_DELEGATE, CAP_SELF, deaf, signal, RIGHT_WAIT, 6));
    assert_refused(CALL(C, CALL_SIGNAL_RAISE, signal + CAP_SLOTS, 2), STATUS_CAP);
    assert_refused(CALL(C, CALL_SIGNAL_RAISE, deaf, 2), STATUS_RIGHTS);
    assert_refused(CALL(C, CALL_SIGNAL_RAISE, less, 2), STATUS_OK); /* none of its bits: nobody wakes */
    assert_refused(CALL(C, CALL_SIGNAL_RAISE, less, 7), STATUS_OK); /* bit 0, for which nobody waits */
    assert_refused(CALL(C, CALL_SIGNAL_RAISE, signal, 0), STATUS_OK);
}

/* --- deadlines --------------------------------------------------------------------------------------------------------------------- */

static void test_deadline_of_call(void **state)
{
    (void)state;
    serve(SERVER, DEADLINE_NEVER);
    struct thread *caller = thread_of(C, CALLER);
    assert_general(call_until(client, 5000), server);
    assert_general(wait_until(portal, DEADLINE_NEVER), caller); /* it is off the list then */
    assert_null(cpus[C].timers);
    assert_general(call_until(client, 9000), server);
    host_advance(9000);
    assert_general(wait_until(portal, DEADLINE_NEVER), caller); /* has given up: nobody is answered */
    assert_int_equal(result(C, 0), (uint64_t)STATUS_TIMEOUT);
}

static void test_deadline_of_wait(void **state)
{
    (void)state;
    serve(SERVER, 5000);
    struct thread *caller = thread_of(C, CALLER);
    assert_general(call_until(client, DEADLINE_NEVER), server);
    assert_null(cpus[C].timers);
    assert_general(wait_until(portal, 9000), caller);
    host_advance(9000);
    assert_ptr_equal(cpus[C].current, server);
    assert_int_equal(result(C, 0), (uint64_t)STATUS_TIMEOUT);
    assert_general(CALL(C, CALL_THREAD_EXIT, 0), caller);
}

static void test_deadline_of_waiter(void **state)
{
    cap_t signal = make_signal();
    struct thread *waiter = thread_of(C, 20);
    (void)state;
    assert_status(CALL(C, CALL_SIGNAL_WAIT, signal, 1, 5000), CALL_PENDING);
    thread_of(C, 10);
    assert_pass(CALL(C, CALL_SIGNAL_RAISE, signal, 1), STATUS_OK, 0, waiter);
    assert_null(cpus[C].timers);
}

/* --- who else is ready ------------------------------------------------------------------------------------------------------------- */

static void test_equals_of_caller(void **state)
{
    (void)state;
    serve(CALLER - 5, DEADLINE_NEVER);
    thread_of(C, CALLER);
    struct thread *equal = thread_of(C, CALLER);
    assert_general(call_until(client, DEADLINE_NEVER), equal); /* the server, with its caller's priority, comes after it */
}

static void test_equals_of_server(void **state)
{
    (void)state;
    serve(SERVER, DEADLINE_NEVER);
    thread_of(C, CALLER);
    assert_direct(call_until(client, DEADLINE_NEVER), server);
    struct thread *equal = thread_of(C, SERVER);
    assert_general(wait_until(portal, DEADLINE_NEVER), equal);
}

static void test_between(void **state)
{
    (void)state;
    serve(SERVER, DEADLINE_NEVER);
    struct thread *caller = thread_of(C, CALLER), *between;
    assert_direct(call_until(client, DEADLINE_NEVER), server);
    between = thread_of(C, CALLER + 1);
    assert_general(wait_until(portal, DEADLINE_NEVER), between);
    assert_general(CALL(C, CALL_THREAD_EXIT, 0), caller);
    assert_direct(call_until(client, DEADLINE_NEVER), server);
    thread_of(C, CALLER); /* the caller, when it is ready again, comes after this one */
    assert_general(wait_until(portal, DEADLINE_NEVER), thread_at(machine.next_slot - 1));
}

/* A caller that waits is lent a priority, as a server itself, that its own server has not; and that one has an equal. */
static void test_caller_above_server(void **state)
{
    cap_t own = make_portal();
    (void)state;
    serve(1, DEADLINE_NEVER);
    struct thread *caller = thread_of(C, 5);
    assert_general(wait_until(own, DEADLINE_NEVER), NULL);
    thread_of(C, 6);
    assert_direct(call_until(own, DEADLINE_NEVER), caller);
    assert_direct(call_until(client, DEADLINE_NEVER), server); /* which has 6 from both of them */
    thread_of(C, 6);
    thread_of(C, 20);
    assert_general(call_until(own, DEADLINE_NEVER), server); /* lends the caller 20, the server nothing */
    assert_int_equal(caller->priority, 20);
    assert_general(wait_until(portal, DEADLINE_NEVER), caller);
}

static void test_raiser_goes_on(void **state)
{
    cap_t signal = make_signal();
    struct thread *waiter = thread_of(C, 10), *raiser;
    (void)state;
    assert_status(CALL(C, CALL_SIGNAL_WAIT, signal, 1, DEADLINE_NEVER), CALL_PENDING);
    raiser = thread_of(C, 10);
    assert_refused(CALL(C, CALL_SIGNAL_RAISE, signal, 1), STATUS_OK);
    assert_general(CALL(C, CALL_THREAD_EXIT, 0), waiter);
    assert_int_equal(raiser->state, THREAD_FAULTED);
}

/* The raiser takes turns with another one: the timer for that changes. */
static void test_equals_of_raiser(void **state)
{
    cap_t signal = make_signal();
    struct thread *waiter = thread_of(C, 20);
    (void)state;
    assert_status(CALL(C, CALL_SIGNAL_WAIT, signal, 1, DEADLINE_NEVER), CALL_PENDING);
    thread_of(C, 10);
    thread_of(C, 10);
    assert_pass(CALL(C, CALL_SIGNAL_RAISE, signal, 1), STATUS_OK, 0, waiter);
}

/* --- who waits where ---------------------------------------------------------------------------------------------------------------- */

static void test_other_cpu(void **state)
{
    cap_t signal = make_signal();
    (void)state;
    server = thread_of(2, SERVER);
    assert_status(CALL(2, CALL_PORTAL_WAIT, portal, 0, 0, 0, 0, DEADLINE_NEVER), CALL_PENDING);
    thread_of(3, SERVER);
    assert_status(CALL(3, CALL_SIGNAL_WAIT, signal, 1, DEADLINE_NEVER), CALL_PENDING);
    thread_of(C, CALLER);
    assert_refused(call_until(client, DEADLINE_NEVER), STATUS_CPU);
    assert_refused(CALL(C, CALL_SIGNAL_RAISE, signal, 1), STATUS_OK);
    assert_int_equal(result(3, 1), 1);
}

static void test_nobody_serves(void **state)
{
    (void)state;
    thread_of(C, CALLER);
    assert_refused(call_until(client, DEADLINE_NEVER), STATUS_DEAD);
}

/* The server is at work, and waits in between for something else. */
static void test_server_busy(void **state)
{
    cap_t signal = make_signal();
    (void)state;
    serve(SERVER, DEADLINE_NEVER);
    struct thread *first = thread_of(C, CALLER), *second;
    assert_direct(call_until(client, DEADLINE_NEVER), server);
    assert_general(CALL(C, CALL_SIGNAL_WAIT, signal, 1, DEADLINE_NEVER), NULL);
    second = thread_of(C, CALLER);
    assert_general(call_until(client, DEADLINE_NEVER), NULL);
    assert_ok(BASE(CALL_SIGNAL_RAISE, signal, 1));
    assert_pass(wait_until(portal, DEADLINE_NEVER), STATUS_OK, 0, server); /* the second one's words, at once */
    assert_int_equal(first->state, THREAD_READY);
    assert_general(CALL(C, CALL_THREAD_EXIT, 0), first);
    assert_int_equal(result_of(second, 0), (uint64_t)STATUS_DEAD);
}

static void test_other_portal(void **state)
{
    (void)state;
    serve(SERVER, DEADLINE_NEVER);
    thread_of(C, CALLER);
    assert_direct(call_until(client, DEADLINE_NEVER), server);
    assert_refused(wait_until(make_portal(), DEADLINE_NEVER), STATUS_STATE);
}

/* A stopped caller is not answered, a stopped server not called. */
static void test_stopped(void **state)
{
    (void)state;
    cap_t caller;
    serve(SERVER, DEADLINE_NEVER);
    cap_t serving = (cap_t)(machine.next_slot - 1);
    caller = make_thread(space, C, CALLER);
    assert_direct(call_until(client, DEADLINE_NEVER), server);
    assert_ok(BASE(CALL_THREAD_STOP, caller));
    assert_general(wait_until(portal, DEADLINE_NEVER), NULL);
    thread_of(C, CALLER);
    assert_ok(BASE(CALL_THREAD_STOP, serving));
    assert_refused(call_until(client, DEADLINE_NEVER), STATUS_DEAD);
}

/* Of what is raised the waiter takes its own; the rest stays. */
static void test_more_bits(void **state)
{
    cap_t signal = make_signal();
    struct thread *waiter = thread_of(C, 20);
    (void)state;
    assert_status(CALL(C, CALL_SIGNAL_WAIT, signal, 1, DEADLINE_NEVER), CALL_PENDING);
    thread_of(C, 10);
    assert_pass(CALL(C, CALL_SIGNAL_RAISE, signal, 3), STATUS_OK, 0, waiter);
    assert_int_equal(result(C, 1), 1);
    assert_ok(CALL(C, CALL_SIGNAL_WAIT, signal, 2, DEADLINE_POLL));
}

/* Who became ready directly has a whole slice before it when it gets equals. */
static void test_slice(void **state)
{
    (void)state;
    thread_of(C, SERVER); /* an equal, with which the server takes turns at first */
    server = thread_of(C, SERVER);
    assert_ok(CALL(C, CALL_THREAD_YIELD));
    host_advance(host_counter + 1500); /* most of its slice */
    assert_general(wait_until(portal, DEADLINE_NEVER), thread_at(machine.next_slot - 2));
    assert_general(CALL(C, CALL_THREAD_EXIT, 0), NULL);
    thread_of(C, CALLER);
    assert_direct(call_until(client, DEADLINE_NEVER), server);
    host_advance(host_counter + 1500);
    thread_of(C, SERVER);
    assert_int_equal(host.deadline[C], host_counter + 2000);
}

#define DIRECT_TEST(function) cmocka_unit_test_setup_teardown(function, setup, machine_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIRECT_TEST(test_round_trip),        DIRECT_TEST(test_round_trip_lent),   DIRECT_TEST(test_raise),          DIRECT_TEST(test_capability),
        DIRECT_TEST(test_signal_capability), DIRECT_TEST(test_deadline_of_call),  DIRECT_TEST(test_deadline_of_wait), DIRECT_TEST(test_deadline_of_waiter),
        DIRECT_TEST(test_equals_of_caller),  DIRECT_TEST(test_equals_of_server),  DIRECT_TEST(test_between),        DIRECT_TEST(test_caller_above_server),
        DIRECT_TEST(test_raiser_goes_on),    DIRECT_TEST(test_equals_of_raiser),  DIRECT_TEST(test_other_cpu),      DIRECT_TEST(test_nobody_serves),
        DIRECT_TEST(test_server_busy),       DIRECT_TEST(test_other_portal),      DIRECT_TEST(test_stopped),        DIRECT_TEST(test_more_bits),
        DIRECT_TEST(test_slice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
