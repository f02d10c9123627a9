/* Physical interrupts: to a signal or a VM, silent until acknowledged, nobody's once unbound. */
#include "machine.h"
#include "irq.h"

enum { LINE = 40, NUMBER = 50 };

static cap_t signal;

static int setup(void **state)
{
    int failed = machine_setup(state);
    if (!failed)
        signal = make_signal();
    return failed;
}

static status_t bind(uint64_t number, cap_t to, uint64_t bits, uint64_t flags)
{
    return BASE(CALL_IRQ_BIND, CAP_IRQS, number, to, bits, flags);
}

static uint64_t taken(void)
{
    return BASE(CALL_SIGNAL_WAIT, signal, UINT64_MAX, DEADLINE_POLL) == STATUS_OK ? result(0, 1) : 0;
}

static void test_bind(void **state)
{
    (void)state;
    assert_false(host_interrupt_raise(NUMBER)); /* off at the start */
    assert_ok(bind(NUMBER, signal, 4, 0));
    assert_int_equal(host.interrupts[NUMBER].cpu, 0);
    assert_false(host.interrupts[NUMBER].edge);
    assert_true(host_interrupt_raise(NUMBER));
    assert_int_equal(taken(), 4);
    assert_false(host_interrupt_raise(NUMBER)); /* silent until acknowledged */
    assert_ok(BASE(CALL_IRQ_ACK, CAP_IRQS, NUMBER));
    assert_true(host_interrupt_raise(NUMBER));
    assert_int_equal(taken(), 4);
    assert_status(bind(NUMBER, signal, 8, 0), STATUS_BUSY);
    assert_ok(bind(NUMBER, 0, 0, 0));
    assert_false(host_interrupt_raise(NUMBER));
    assert_status(BASE(CALL_IRQ_ACK, CAP_IRQS, NUMBER), STATUS_STATE);
    assert_ok(bind(NUMBER, signal, 8, IRQ_EDGE)); /* again, and what was active then is not now */
    assert_true(host.interrupts[NUMBER].edge);
    assert_true(host_interrupt_raise(NUMBER));
    assert_int_equal(taken(), 8);
}

static void test_arguments(void **state)
{
    cap_t some = slot_new(), watch = slot_new(), listen = slot_new(), few = slot_new();
    (void)state;
    assert_ok(BASE(CALL_CAP_DELEGATE, CAP_SELF, some, CAP_IRQS, 0xff, 50, 2));
    assert_ok(give(CAP_SELF, watch, CAP_IRQS, 0));
    assert_ok(give(CAP_SELF, listen, signal, RIGHT_WAIT));
    assert_ok(BASE(CALL_CAP_DELEGATE, CAP_SELF, few, signal, RIGHT_RAISE, 1));
    assert_status(BASE(CALL_IRQ_BIND, some, 49, signal, 1, 0), STATUS_RANGE);
    assert_status(BASE(CALL_IRQ_BIND, some, 52, signal, 1, 0), STATUS_RANGE);
    assert_status(BASE(CALL_IRQ_BIND, some, UINT64_C(1) << 32 | 50, signal, 1, 0), STATUS_RANGE);
    assert_status(BASE(CALL_IRQ_BIND, watch, 50, signal, 1, 0), STATUS_RIGHTS);
    assert_status(BASE(CALL_IRQ_BIND, signal, 50, signal, 1, 0), STATUS_CAP);
    assert_status(BASE(CALL_IRQ_BIND, some, 50, listen, 1, 0), STATUS_RIGHTS);
    assert_status(BASE(CALL_IRQ_BIND, some, 50, some, 1, 0), STATUS_CAP);
    assert_status(BASE(CALL_IRQ_BIND, some, 50, signal, 1, 2), STATUS_ARGUMENT);
    assert_status(BASE(CALL_IRQ_ACK, some, 52), STATUS_RANGE);
    assert_status(bind(31, signal, 1, 0), STATUS_RANGE);
    assert_status(bind(32 + 256, signal, 1, 0), STATUS_RANGE);
    assert_false(host.interrupts[50].enabled);
    assert_ok(BASE(CALL_IRQ_BIND, some, 51, few, 3, 0)); /* no more bits than the signal's capability has */
    assert_true(host_interrupt_raise(51));
    assert_int_equal(taken(), 1);
}

/* The CPU of the thread that binds takes the interrupt, and a waiter there runs at once. */
static void test_cpu(void **state)
{
    cap_t space = make_space(SPACE_COMPONENT), low = make_thread(space, 2, 1), driver = make_thread(space, 2, 9);
    (void)state;
    assert_ok(CALL(2, CALL_IRQ_BIND, CAP_IRQS, NUMBER, signal, 1, 0));
    assert_int_equal(host.interrupts[NUMBER].cpu, 2);
    assert_status(CALL(2, CALL_SIGNAL_WAIT, signal, 1, DEADLINE_NEVER), CALL_PENDING);
    assert_ptr_equal(cpus[2].current, thread_at(low));
    assert_true(host_interrupt_raise(NUMBER));
    assert_ptr_equal(cpus[2].current, thread_at(driver));
    assert_int_equal(result(2, 1), 1);
}

static uint64_t figure(unsigned index)
{
    assert_ok(BASE(CALL_SYSTEM_STATS, CAP_SYSTEM));
    return result(0, index);
}

/* The signal goes, with its interrupt active: nothing of it is left over, and the number can be bound anew. */
static void test_signal_gone(void **state)
{
    (void)state;
    assert_int_equal(figure(4) + figure(5), 0);
    assert_ok(bind(NUMBER, signal, 1, 0));
    assert_ok(bind(NUMBER + 1, signal, 2, 0));
    assert_int_equal(figure(4), 2);
    assert_int_equal(figure(5), 2);
    assert_true(host_interrupt_raise(NUMBER));
    assert_ok(BASE(CALL_CAP_DELETE, signal));
    assert_false(host.interrupts[NUMBER].enabled || host.interrupts[NUMBER].active);
    assert_int_equal(figure(4) + figure(5), 0);
    assert_status(BASE(CALL_IRQ_ACK, CAP_IRQS, NUMBER), STATUS_STATE);
    signal = make_signal();
    assert_ok(bind(NUMBER, signal, 1, 0));
    assert_true(host_interrupt_raise(NUMBER));
    assert_int_equal(taken(), 1);
}

static void forward(struct cpu *cpu, void *argument)
{
    (void)cpu;
    assert_true(cap_tree_lock());
    assert_int_equal(irq_forward(NUMBER, argument, LINE, 1, false), STATUS_OK);
    assert_int_equal(irq_forward(NUMBER, argument, LINE, 1, false), STATUS_BUSY);
    cap_tree_unlock();
}

/* To a VM's line; until the VM goes. */
static void test_forward(void **state)
{
    cap_t guest, vm = make_vm(&guest);
    make_vcpu(vm, 0, make_space(SPACE_COMPONENT), 0x1000);
    (void)state;
    host_enter(0, forward, vm_at(vm));
    assert_status(bind(NUMBER, signal, 1, 0), STATUS_BUSY);
    assert_true(host_interrupt_raise(NUMBER));
    assert_int_equal(vm_at(vm)->arch.levels[0] >> LINE & 1, 1);
    assert_status(BASE(CALL_IRQ_ACK, CAP_IRQS, NUMBER), STATUS_STATE); /* the guest's business */
    assert_ok(BASE(CALL_CAP_DELETE, vm));
    assert_false(host.interrupts[NUMBER].enabled);
    assert_false(host.interrupts[NUMBER].active);
    assert_ok(bind(NUMBER, signal, 1, 0));
}

/* As many as can be bound at a time; their places are used again in whatever order they become free. */
static void test_limit(void **state)
{
    enum { LIMIT = 64, FIRST = 40 };
    (void)state;
    for (unsigned i = 0; i < LIMIT; i++)
        assert_ok(bind(FIRST + i, signal, UINT64_C(1) << i, 0));
    assert_status(bind(FIRST + LIMIT, signal, 1, 0), STATUS_LIMIT);
    assert_false(host.interrupts[FIRST + LIMIT].enabled);
    assert_ok(bind(FIRST + 5, 0, 0, 0));
    assert_ok(bind(FIRST + LIMIT, signal, 32, 0));
    assert_status(bind(FIRST + 5, signal, 1, 0), STATUS_LIMIT);
    for (unsigned i = 0; i < LIMIT; i++) {
        if (i != 5)
            assert_true(host_interrupt_raise(FIRST + i));
    }
    assert_int_equal(taken(), ~UINT64_C(32));
    assert_true(host_interrupt_raise(FIRST + LIMIT));
    assert_int_equal(taken(), 32);
}

/* A place that was one interrupt's before it was another's forgets the first one, and only as far as it concerns that place. */
static void test_places(void **state)
{
    (void)state;
    assert_ok(bind(260, signal, 1, 0));
    assert_ok(bind(261, signal, 2, 0));
    assert_ok(bind(261, 0, 0, 0));
    assert_ok(bind(260, 0, 0, 0));
    assert_ok(bind(261, signal, 4, 0)); /* in the first place now, its old one is free */
    assert_ok(bind(262, signal, 8, 0)); /* which this takes */
    assert_true(host_interrupt_raise(261));
    assert_true(host_interrupt_raise(262));
    assert_int_equal(taken(), 12);
    assert_ok(BASE(CALL_IRQ_ACK, CAP_IRQS, 261));
    assert_status(bind(261, signal, 1, 0), STATUS_BUSY);
}

/* Any sequence of binding, unbinding and occurring, against a table of what should be. */
static void test_model(void **state)
{
    enum { COUNT = 70, FIRST = 40, STEPS = 20000 };
    uint64_t bound[COUNT] = {0}, random = 7;
    unsigned used = 0;
    bool active[COUNT] = {false};
    (void)state;
    for (unsigned step = 0; step < STEPS; step++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        unsigned i = (unsigned)(random >> 33) % COUNT, action = (unsigned)(random >> 50) % 4;
        uint64_t bit = UINT64_C(1) << ((random >> 56) & 63);
        if (action == 0) {
            assert_status(bind(FIRST + i, signal, bit, 0), bound[i] ? STATUS_BUSY : used == 64 ? STATUS_LIMIT : STATUS_OK);
            if (!bound[i] && used < 64) {
                bound[i] = bit;
                active[i] = false;
                used++;
            }
        } else if (action == 1 && random >> 62 == 0) {
            assert_ok(bind(FIRST + i, 0, 0, 0));
            used -= bound[i] != 0;
            bound[i] = 0;
        } else if (action == 2) {
            assert_int_equal(host_interrupt_raise(FIRST + i), bound[i] && !active[i]);
            assert_int_equal(taken(), active[i] ? 0 : bound[i]);
            active[i] |= bound[i] != 0;
        } else if (action == 3) {
            assert_status(BASE(CALL_IRQ_ACK, CAP_IRQS, FIRST + i), bound[i] ? STATUS_OK : STATUS_STATE);
            active[i] = false;
        }
    }
}

#define IRQ_TEST(function) cmocka_unit_test_setup_teardown(function, setup, machine_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IRQ_TEST(test_bind),    IRQ_TEST(test_arguments), IRQ_TEST(test_cpu),    IRQ_TEST(test_signal_gone),
        IRQ_TEST(test_forward), IRQ_TEST(test_limit),     IRQ_TEST(test_places), IRQ_TEST(test_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
