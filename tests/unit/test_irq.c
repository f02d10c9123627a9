/* Physical interrupts: to a signal or a VM, silent until acknowledged, nobody's once unbound. */
#include "machine.h"
#include "irq.h"

enum { LINE = 40, NUMBER = 50 };

static cap_t signal, forwarder /* by which forward() binds */;

static int setup(void **state)
{
    int failed = machine_setup(state);
    if (!failed)
        signal = make_signal();
    forwarder = CAP_IRQS;
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
    assert_int_equal(irq_bind(NUMBER, cap_slot(machine.base, forwarder), argument, LINE, 1, false), STATUS_OK);
    assert_int_equal(irq_bind(NUMBER, cap_slot(machine.base, forwarder), argument, LINE, 1, false), STATUS_BUSY);
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

/* --- the capability goes ------------------------------------------------------------------------------------------------------- */

static cap_t derive(cap_t from, unsigned first, unsigned count)
{
    cap_t slot = slot_new();
    assert_ok(BASE(CALL_CAP_DELEGATE, CAP_SELF, slot, from, 0xff, first, count));
    return slot;
}

static bool bound(unsigned number)
{
    return host.interrupts[number].enabled;
}

/* Along a chain: what was bound by a capability goes with it, active or not, and nothing else of the same range. */
static void test_revoked(void **state)
{
    cap_t upper = derive(CAP_IRQS, 50, 8), middle = derive(upper, 51, 4), lower = derive(middle, 0, 0), beside = derive(CAP_IRQS, 50, 8);
    const cap_t by[] = {CAP_IRQS, upper, middle, lower, beside};
    (void)state;
    for (unsigned i = 0; i < 5; i++)
        assert_ok(BASE(CALL_IRQ_BIND, by[i], 50 + i, signal, UINT64_C(1) << i, 0));
    for (unsigned i = 0; i < 5; i++)
        assert_true(i == 2 || host_interrupt_raise(50 + i));
    assert_ok(BASE(CALL_CAP_REVOKE, middle));
    assert_false(host.interrupts[53].enabled || host.interrupts[53].active);
    assert_true(bound(50) && bound(51) && bound(52) && bound(54));
    assert_status(BASE(CALL_IRQ_ACK, CAP_IRQS, 53), STATUS_STATE);
    assert_ok(BASE(CALL_IRQ_BIND, middle, 53, signal, 1, 0)); /* by somebody else now */
    assert_ok(BASE(CALL_CAP_REVOKE, upper));
    assert_false(bound(52) || bound(53));
    assert_true(bound(50) && bound(51) && bound(54));
    assert_ok(BASE(CALL_CAP_DELETE, upper));
    assert_false(host.interrupts[51].enabled || host.interrupts[51].active);
    assert_true(bound(50) && bound(54));
    assert_int_equal(figure(4), 2);
    assert_true(host.interrupts[50].active && host.interrupts[54].active);
    assert_ok(BASE(CALL_CAP_REVOKE, CAP_IRQS)); /* `beside` */
    assert_true(bound(50) && !bound(54));
    assert_int_equal(figure(4) + figure(5), 2);
}

/* Unbound by hand and bound anew, by another one: it is the last one that counts. */
static void test_bound_by_another(void **state)
{
    cap_t one = derive(CAP_IRQS, 50, 2), two = derive(CAP_IRQS, 50, 2);
    (void)state;
    assert_ok(BASE(CALL_IRQ_BIND, one, 50, signal, 1, 0));
    assert_ok(BASE(CALL_IRQ_BIND, CAP_IRQS, 50, 0));
    assert_ok(BASE(CALL_IRQ_BIND, two, 50, signal, 2, 0));
    assert_ok(BASE(CALL_CAP_DELETE, one));
    assert_true(host_interrupt_raise(50));
    assert_int_equal(taken(), 2);
    assert_ok(BASE(CALL_CAP_DELETE, two));
    assert_false(host.interrupts[50].enabled || host.interrupts[50].active);
}

/* A partition ends that bound an interrupt to a signal which is another's, and lives on. */
static void test_partition_gone(void **state)
{
    enum { IRQS = 40, SIGNAL };
    cap_t p = make_partition(65536, 20);
    (void)state;
    assert_ok(BASE(CALL_CAP_DELEGATE, p, IRQS, CAP_IRQS, 0xff, 50, 2));
    assert_ok(give(p, SIGNAL, signal, RIGHT_RAISE));
    make_foreign_thread(p, 1, 5);
    assert_ok(CALL(1, CALL_IRQ_BIND, IRQS, 50, SIGNAL, 1, 0));
    assert_true(host_interrupt_raise(50));
    assert_int_equal(taken(), 1);
    assert_ok(BASE(CALL_CAP_DELETE, p));
    assert_int_equal(figure(4) + figure(5), 0);
    assert_ok(bind(50, signal, 2, 0));
    assert_true(host_interrupt_raise(50));
    assert_int_equal(taken(), 2);
}

/* One interrupt at a time; meanwhile nobody binds by the capability, or derives from it, so that it comes to an end. */
static void test_revoked_in_steps(void **state)
{
    enum { COUNT = 10 };
    cap_t some = derive(CAP_IRQS, 50, COUNT + 1);
    (void)state;
    for (unsigned i = 0; i < COUNT; i++)
        assert_ok(BASE(CALL_IRQ_BIND, some, 50 + i, signal, 1, 0));
    host.interrupt = true;
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(figure(4), COUNT - i);
        assert_status(machine_call_once(0, CALL_CAP_DELETE, (const uint64_t[7]){some}), CALL_REPEAT);
        assert_status(BASE(CALL_IRQ_BIND, some, 50 + COUNT, signal, 1, 0), STATUS_CAP);
        assert_status(BASE(CALL_CAP_DELEGATE, CAP_SELF, slot_new(), some, 0xff, 0, 0), STATUS_CAP);
    }
    assert_ok(machine_call_once(0, CALL_CAP_DELETE, (const uint64_t[7]){some}));
    host.interrupt = false;
    assert_int_equal(figure(4) + figure(5), 0);
}

/* Forwarded to a VM that lives on: neither of them knows the other any more. */
static void test_forward_revoked(void **state)
{
    cap_t guest, vm = make_vm(&guest);
    make_vcpu(vm, 0, make_space(SPACE_COMPONENT), 0x1000);
    (void)state;
    forwarder = derive(CAP_IRQS, NUMBER, 1);
    host_enter(0, forward, vm_at(vm));
    assert_int_equal(vm_at(vm)->arch.physical[LINE], NUMBER);
    assert_true(host_interrupt_raise(NUMBER));
    assert_ok(BASE(CALL_CAP_DELETE, forwarder));
    assert_false(host.interrupts[NUMBER].enabled || host.interrupts[NUMBER].active);
    assert_int_equal(vm_at(vm)->arch.physical[LINE], 0);
    assert_int_equal(vm_at(vm)->arch.levels[0] >> LINE & 1, 0);
    assert_ok(bind(NUMBER, signal, 1, 0));
    assert_true(host_interrupt_raise(NUMBER));
    assert_int_equal(vm_at(vm)->arch.levels[0] >> LINE & 1, 0);
    assert_ok(BASE(CALL_CAP_DELETE, vm)); /* it has no part in it */
    assert_true(host.interrupts[NUMBER].enabled && host.interrupts[NUMBER].active);
}

/* --- two CPUs at the same moment -------------------------------------------------------------------------------------------------- */

static void handle(struct cpu *cpu, void *argument)
{
    (void)argument;
    irq_handle(cpu, NUMBER);
}

/*
 * CPU 1 has acknowledged the interrupt when CPU 0 unbinds it, and looks for the receiver, of which there is none; before it does anything else, CPU 0 has
 * bound the interrupt anew, and it is active on the new owner's behalf. What CPU 1 does then must not touch that.
 */
static void test_late_handler(void **state)
{
    (void)state;
    assert_ok(bind(NUMBER, signal, 1, 0));
    host.interrupts[NUMBER].active = true;
    assert_ok(bind(NUMBER, 0, 0, 0));
    assert_false(host.interrupts[NUMBER].active); /* so it comes again to the next one */
    host.interrupts[NUMBER] = (struct host_interrupt){.enabled = true, .active = true};
    host_enter(1, handle, NULL);
    assert_true(host.interrupts[NUMBER].enabled && host.interrupts[NUMBER].active);
    host.interrupts[NUMBER] = (struct host_interrupt){0};
}

/* The same, but it finds the new receiver: that one is told without cause, and misses nothing. */
static void test_late_handler_of_the_next(void **state)
{
    (void)state;
    assert_ok(bind(NUMBER, signal, 1, 0));
    host.interrupts[NUMBER].active = true;
    assert_ok(bind(NUMBER, 0, 0, 0));
    assert_ok(bind(NUMBER, signal, 2, 0));
    host_enter(1, handle, NULL);
    assert_int_equal(taken(), 2);
    assert_true(host_interrupt_raise(NUMBER));
    assert_int_equal(taken(), 2);
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
        IRQ_TEST(test_bind),           IRQ_TEST(test_arguments),        IRQ_TEST(test_cpu),
        IRQ_TEST(test_signal_gone),    IRQ_TEST(test_forward),          IRQ_TEST(test_revoked),
        IRQ_TEST(test_bound_by_another), IRQ_TEST(test_partition_gone), IRQ_TEST(test_revoked_in_steps),
        IRQ_TEST(test_forward_revoked), IRQ_TEST(test_late_handler),    IRQ_TEST(test_late_handler_of_the_next),
        IRQ_TEST(test_limit),          IRQ_TEST(test_places),           IRQ_TEST(test_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
