/* vCPUs: entering and leaving, kicks, whose registers are where, waiting for interrupts, and what happens when something they need goes. */
#include "machine.h"

enum { C = 1, PAGE = 0x100000, LINE = 40 };

static cap_t space, guest, vm, vcpu, thread;

/* A monitor's thread on CPU 1 with vCPU 0. */
static int setup(void **state)
{
    int failed = machine_setup(state);
    if (failed)
        return failed;
    space = make_space(SPACE_COMPONENT);
    vm = make_vm(&guest);
    vcpu = make_vcpu(vm, 0, space, PAGE);
    thread = make_thread(space, C, 10);
    return 0;
}

static void enter(void)
{
    assert_status(CALL(C, CALL_VCPU_ENTER, vcpu), CALL_PENDING);
    assert_ptr_equal(cpus[C].current->vcpu, vcpu_at(vcpu));
}

/* The monitor's thread is back from CALL_VCPU_ENTER. */
static void assert_exit(unsigned reason)
{
    assert_ptr_equal(cpus[C].current, thread_at(thread));
    assert_null(cpus[C].current->vcpu);
    assert_int_equal(result(C, 0), STATUS_OK);
    assert_int_equal(result(C, 1), reason);
    assert_int_equal(vcpu_at(vcpu)->state->exit.reason, reason);
}

static void test_enter_and_exit(void **state)
{
    (void)state;
    enter();
    assert_int_equal(cpus[C].arch.side, SIDE_GUEST);
    guest_exit(C, EXIT_MMIO);
    assert_exit(EXIT_MMIO);
    assert_int_equal(vcpu_at(vcpu)->state->exits, 1);
    assert_ptr_equal(cpus[C].loaded, vcpu_at(vcpu)); /* its registers stay */
    enter();
    guest_exit(C, EXIT_HVC);
    assert_exit(EXIT_HVC);
    assert_int_equal(vcpu_at(vcpu)->state->exits, 2);
    assert_int_equal(vcpu_at(vcpu)->arch.loads, 1);
}

static void test_rights(void **state)
{
    cap_t kick_only = slot_new(), raise_only = slot_new();
    (void)state;
    assert_ok(give(CAP_SELF, kick_only, vcpu, RIGHT_KICK));
    assert_ok(give(CAP_SELF, raise_only, vm, RIGHT_RAISE));
    assert_status(CALL(C, CALL_VCPU_ENTER, kick_only), STATUS_RIGHTS);
    assert_status(BASE(CALL_VCPU_SYNC, kick_only), STATUS_RIGHTS);
    assert_ok(BASE(CALL_VCPU_KICK, kick_only));
    assert_status(BASE(CALL_VM_RESET, raise_only), STATUS_RIGHTS);
    assert_status(BASE(CALL_VM_ANSWER, raise_only, 1, 1), STATUS_RIGHTS);
    assert_status(BASE(CALL_VM_DOORBELL, raise_only, 0, 0, 0), STATUS_RIGHTS);
    assert_status(BASE(CALL_VCPU_CREATE, CAP_SELF, slot_new(), raise_only, 1, space, 0x200000), STATUS_RIGHTS);
    assert_status(BASE(CALL_VCPU_CREATE, CAP_SELF, slot_new(), vm, 0, space, 0x200000), STATUS_EXISTS);
    assert_status(BASE(CALL_VCPU_CREATE, CAP_SELF, slot_new(), vm, VM_VCPUS, space, 0x200000), STATUS_RANGE);
    assert_status(BASE(CALL_VCPU_CREATE, CAP_SELF, slot_new(), vm, UINT64_C(1) << 32, space, 0x200000), STATUS_RANGE);
    assert_status(BASE(CALL_VCPU_CREATE, CAP_SELF, slot_new(), vm, 1, space, 1), STATUS_ARGUMENT);
    assert_status(BASE(CALL_VCPU_CREATE, CAP_SELF, slot_new(), vm, 1, space, 0x200000, UINT64_C(1) << 32), STATUS_ARGUMENT); /* mode */
    assert_ok(BASE(CALL_VIRQ_RAISE, raise_only, LINE, 1));
    assert_status(BASE(CALL_VIRQ_RAISE, raise_only, 31, 1), STATUS_RANGE);
    assert_status(BASE(CALL_VIRQ_RAISE, raise_only, VM_LINES, 1), STATUS_RANGE);
    assert_status(BASE(CALL_VIRQ_RAISE, raise_only, UINT64_C(1) << 32 | LINE, 1), STATUS_RANGE);
}

static void test_busy(void **state)
{
    (void)state;
    make_thread(space, 2, 10);
    enter();
    assert_status(CALL(2, CALL_VCPU_ENTER, vcpu), STATUS_BUSY);
    assert_status(BASE(CALL_VCPU_SYNC, vcpu), STATUS_BUSY);
    assert_status(BASE(CALL_VM_RESET, vm), STATUS_BUSY);
    guest_exit(C, EXIT_HVC);
    assert_ok(BASE(CALL_VM_RESET, vm));
    assert_null(cpus[C].loaded);
}

static void test_kick(void **state)
{
    (void)state;
    enter();
    assert_ok(BASE(CALL_VCPU_KICK, vcpu)); /* from another CPU, while it runs */
    assert_exit(EXIT_KICKED);
    assert_ok(BASE(CALL_VCPU_KICK, vcpu)); /* before it is entered: the next time */
    assert_ok(BASE(CALL_VCPU_KICK, vcpu)); /* and twice is once */
    assert_ptr_equal(cpus[C].current, thread_at(thread));
    assert_status(CALL(C, CALL_VCPU_ENTER, vcpu), STATUS_OK);
    assert_exit(EXIT_KICKED);
    enter();
    guest_wait(C);
    assert_null(cpus[C].current);
    assert_ok(BASE(CALL_VCPU_KICK, vcpu)); /* while it waits for an interrupt */
    assert_exit(EXIT_KICKED);
    assert_int_equal(vcpu_at(vcpu)->kicked, 0);
}

/* Kicked while another thread has the CPU: it returns when it gets to run. */
static void test_kick_preempted(void **state)
{
    cap_t urgent;
    (void)state;
    enter();
    urgent = make_thread(space, C, 20);
    assert_ptr_equal(cpus[C].current, thread_at(urgent));
    assert_ok(CALL(C, CALL_VCPU_KICK, vcpu));
    assert_ptr_equal(thread_at(thread)->vcpu, vcpu_at(vcpu));
    assert_status(CALL(C, CALL_THREAD_EXIT, 0), CALL_PENDING);
    assert_exit(EXIT_KICKED);
}

/* The guest's registers, here one, come to the state page when asked for and are taken from there again. */
static void test_sync(void **state)
{
    struct vcpu_state *page = vcpu_at(vcpu)->state;
    (void)state;
    page->el1.tpidr = 5;
    enter();
    assert_int_equal(cpus[C].arch.guest_register, 5);
    cpus[C].arch.guest_register = 6;
    guest_exit(C, EXIT_HVC);
    assert_int_equal(page->el1.tpidr, 5);
    assert_ok(BASE(CALL_VCPU_SYNC, vcpu)); /* from another CPU */
    assert_int_equal(page->el1.tpidr, 6);
    assert_null(cpus[C].loaded);
    assert_null(cpus[C].arch.fp_owner);
    page->el1.tpidr = 7;
    assert_ok(CALL(C, CALL_VCPU_SYNC, vcpu)); /* nothing to do */
    assert_int_equal(page->el1.tpidr, 7);
    enter();
    assert_int_equal(cpus[C].arch.guest_register, 7);
}

/* Another CPU may have it only after its registers were brought out of the first. */
static void test_migrate(void **state)
{
    cap_t there = make_thread(space, 2, 10);
    (void)state;
    enter();
    cpus[C].arch.guest_register = 9;
    guest_exit(C, EXIT_HVC);
    assert_status(CALL(2, CALL_VCPU_ENTER, vcpu), STATUS_CPU);
    assert_ok(CALL(2, CALL_VCPU_SYNC, vcpu));
    assert_status(CALL(2, CALL_VCPU_ENTER, vcpu), CALL_PENDING);
    assert_ptr_equal(cpus[2].current, thread_at(there));
    assert_int_equal(cpus[2].arch.guest_register, 9);
    assert_ok(BASE(CALL_VCPU_KICK, vcpu)); /* reaches it where it is now */
    assert_null(cpus[2].current->vcpu);
    assert_status(CALL(C, CALL_VCPU_ENTER, vcpu), STATUS_CPU);
}

/* Two vCPUs, each with its thread, on one CPU: each has its own registers whenever it runs. */
static void test_alternate(void **state)
{
    cap_t second = make_vcpu(vm, 1, space, PAGE + 0x1000), other;
    (void)state;
    enter();
    cpus[C].arch.guest_register = 100;
    other = make_thread(space, C, 11);
    assert_ptr_equal(cpus[C].current, thread_at(other));
    assert_ptr_equal(cpus[C].loaded, vcpu_at(vcpu)); /* a monitor alone does not push it out */
    assert_status(CALL(C, CALL_VCPU_ENTER, second), CALL_PENDING);
    assert_int_equal(cpus[C].arch.guest_register, 0);
    cpus[C].arch.guest_register = 200;
    guest_exit(C, EXIT_HVC);
    assert_status(CALL(C, CALL_THREAD_EXIT, 0), CALL_PENDING);
    assert_ptr_equal(cpus[C].current->vcpu, vcpu_at(vcpu));
    assert_int_equal(cpus[C].arch.guest_register, 100);
    assert_int_equal(vcpu_at(second)->state->el1.tpidr, 200);
    guest_exit(C, EXIT_HVC);
    assert_exit(EXIT_HVC);
}

static void test_wait_for_interrupt(void **state)
{
    cap_t low = make_thread(space, C, 3);
    (void)state;
    enter();
    guest_wait(C);
    assert_ptr_equal(cpus[C].current, thread_at(low));
    assert_int_equal(thread_at(thread)->waiting, WAIT_INTERRUPT);
    assert_ok(BASE(CALL_VIRQ_RAISE, vm, LINE, 1)); /* from another CPU */
    assert_ptr_equal(cpus[C].current->vcpu, vcpu_at(vcpu));
    guest_wait(C); /* one is pending: it does not wait */
    assert_ptr_equal(cpus[C].current->vcpu, vcpu_at(vcpu));
    assert_ok(BASE(CALL_VIRQ_RAISE, vm, LINE, 0));
    guest_wait(C);
    assert_ptr_equal(cpus[C].current, thread_at(low));
    assert_ok(CALL(C, CALL_VIRQ_RAISE, vm, LINE, 1)); /* from its own */
    assert_ptr_equal(cpus[C].current->vcpu, vcpu_at(vcpu));
}

/* The line is low again before the guest's CPU learns that it was high: the guest sleeps on. */
static void test_wait_line_lowered(void **state)
{
    (void)state;
    enter();
    guest_wait(C);
    host.ipis_held = true;
    assert_ok(BASE(CALL_VIRQ_RAISE, vm, LINE, 1));
    assert_ok(BASE(CALL_VIRQ_RAISE, vm, LINE, 0));
    host.ipis_held = false;
    host_ipis_deliver();
    assert_null(cpus[C].current);
    assert_int_equal(thread_at(thread)->waiting, WAIT_INTERRUPT);
}

/* A waiting guest whose registers have to go: the kernel's timer stands in for the guest's. */
static void test_wait_unloaded(void **state)
{
    cap_t second = make_vcpu(vm, 1, space, PAGE + 0x1000), other;
    struct vcpu_el1 *el1 = &vcpu_at(vcpu)->state->el1;
    uint64_t start = vm_at(vm)->arch.counter_offset;
    (void)state;
    other = make_thread(space, C, 5);
    enter();
    el1->cntv_ctl = 1;
    el1->cntv_cval = 5000;
    guest_wait(C);
    assert_int_equal(host.deadline[C], UINT64_MAX); /* still loaded: its own timer would wake it */
    assert_ptr_equal(cpus[C].current, thread_at(other));
    assert_status(CALL(C, CALL_VCPU_ENTER, second), CALL_PENDING);
    assert_int_equal(host.deadline[C], start + 5000);
    host_advance(start + 5000);
    assert_ptr_equal(cpus[C].current->vcpu, vcpu_at(vcpu));
    assert_ptr_equal(cpus[C].loaded, vcpu_at(vcpu));
}

/* The same without a timer running, or with a masked one: nothing wakes it but an interrupt. */
static void test_wait_unloaded_forever(void **state)
{
    cap_t second = make_vcpu(vm, 1, space, PAGE + 0x1000);
    (void)state;
    make_thread(space, C, 5);
    enter();
    vcpu_at(vcpu)->state->el1.cntv_ctl = 3;
    vcpu_at(vcpu)->state->el1.cntv_cval = 5000;
    guest_wait(C);
    assert_status(CALL(C, CALL_VCPU_ENTER, second), CALL_PENDING);
    assert_int_equal(host.deadline[C], UINT64_MAX);
    assert_ok(BASE(CALL_VIRQ_RAISE, vm, LINE, 1));
    assert_ptr_equal(cpus[C].current->vcpu, vcpu_at(vcpu));
}

/* An interrupt comes while the registers go: it would be nobody's business to look once more. */
static void test_wait_unloaded_late(void **state)
{
    cap_t second = make_vcpu(vm, 1, space, PAGE + 0x1000);
    (void)state;
    make_thread(space, C, 5);
    enter();
    guest_wait(C);
    vcpu_at(vcpu)->arch.late = true;
    assert_status(CALL(C, CALL_VCPU_ENTER, second), CALL_PENDING);
    assert_ptr_equal(cpus[C].current->vcpu, vcpu_at(vcpu));
}

/* A monitor's CALL_VCPU_WAIT: the guest sleeps at once, unless something is pending; a kick ends it as any wait. Red when it runs instead, or sleeps for good. */
static void test_monitor_waits(void **state)
{
    cap_t other;
    (void)state;
    other = make_thread(space, C, 5);
    assert_status(CALL(C, CALL_VCPU_WAIT, vcpu), CALL_PENDING);
    assert_ptr_equal(cpus[C].current, thread_at(other));
    assert_int_equal(thread_at(thread)->state, THREAD_WAITING);
    assert_ok(BASE(CALL_VIRQ_RAISE, vm, LINE, 1));
    assert_ptr_equal(cpus[C].current->vcpu, vcpu_at(vcpu));
    guest_exit(C, EXIT_AARCH32);
    assert_status(CALL(C, CALL_VCPU_WAIT, vcpu), CALL_PENDING); /* it is pending */
    assert_ptr_equal(cpus[C].current->vcpu, vcpu_at(vcpu));
    guest_exit(C, EXIT_AARCH32);
    assert_ok(BASE(CALL_VIRQ_RAISE, vm, LINE, 0));
    vcpu_at(vcpu)->arch.pending = false;
    assert_ok(BASE(CALL_VCPU_KICK, vcpu));
    assert_status(CALL(C, CALL_VCPU_WAIT, vcpu), STATUS_OK);
    assert_exit(EXIT_KICKED);
}

/* Stopped or destroyed while its thread is in the guest, waits in it, or is preempted there. */
static void test_thread_ends(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 6; how++) {
        cap_t urgent = 0;
        enter();
        if (how % 3 == 1)
            guest_wait(C);
        if (how % 3 == 2)
            urgent = make_thread(space, C, 30);
        assert_ok(BASE(how < 3 ? CALL_THREAD_STOP : CALL_CAP_DELETE, thread));
        assert_null(vcpu_at(vcpu)->thread);
        if (urgent)
            assert_ok(BASE(CALL_CAP_DELETE, urgent));
        assert_null(cpus[C].current);
        assert_null(cpus[C].loaded);
        if (how < 3)
            assert_ok(BASE(CALL_CAP_DELETE, thread));
        thread = make_thread(space, C, 10);
    }
    enter();
}

/* VM, vCPU or guest space goes under an entered vCPU: the monitor learns of it, wherever it was. */
static void test_dead(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 9; how++) {
        cap_t urgent = 0, victim = how / 3 == 0 ? vm : how / 3 == 1 ? guest : vcpu;
        enter();
        if (how % 3 == 1)
            guest_wait(C);
        if (how % 3 == 2)
            urgent = make_thread(space, C, 30);
        assert_ok(BASE(CALL_CAP_DELETE, victim));
        if (urgent)
            assert_ok(BASE(CALL_CAP_DELETE, urgent));
        assert_ptr_equal(cpus[C].current, thread_at(thread));
        assert_int_equal(result(C, 0), (uint64_t)STATUS_DEAD);
        assert_null(cpus[C].loaded);
        assert_null(cpus[C].arch.fp_owner);
        if (victim == guest) {
            assert_status(BASE(CALL_VCPU_CREATE, CAP_SELF, slot_new(), vm, 1, space, 0x900000), STATUS_DEAD);
            assert_ok(BASE(CALL_CAP_DELETE, vm));
        }
        if (victim != vcpu) {
            assert_status(CALL(C, CALL_VCPU_ENTER, vcpu), STATUS_DEAD);
            assert_ok(BASE(CALL_VCPU_KICK, vcpu));
            assert_ok(BASE(CALL_VCPU_SYNC, vcpu));
            assert_ok(BASE(CALL_CAP_DELETE, vcpu));
            if (how / 3 == 0)
                assert_ok(BASE(CALL_CAP_DELETE, guest));
            vm = make_vm(&guest);
        }
        vcpu = make_vcpu(vm, 0, space, PAGE);
    }
}

/* The monitor's own space goes: its thread with it, the vCPU is there to be entered no more but to be destroyed. */
static void test_monitor_gone(void **state)
{
    (void)state;
    enter();
    assert_ok(BASE(CALL_CAP_DELETE, space));
    assert_null(cpus[C].current);
    assert_null(cpus[C].loaded);
    assert_null(vcpu_at(vcpu)->thread);
    assert_ok(BASE(CALL_CAP_DELETE, vcpu));
}

static void test_doorbells(void **state)
{
    cap_t first = make_signal(), second = make_signal(), some = slot_new(), watch = slot_new();
    (void)state;
    assert_ok(BASE(CALL_CAP_DELEGATE, CAP_SELF, some, second, RIGHT_RAISE, 6));
    assert_ok(give(CAP_SELF, watch, second, RIGHT_WAIT));
    assert_ok(BASE(CALL_VM_DOORBELL, vm, 0xb000000, first, 1));
    assert_ok(BASE(CALL_VM_DOORBELL, vm, 0xb000004, some, 3));
    assert_status(BASE(CALL_VM_DOORBELL, vm, 0xb000002, first, 1), STATUS_ARGUMENT);
    assert_status(BASE(CALL_VM_DOORBELL, vm, 0xb000008, watch, 1), STATUS_RIGHTS);
    assert_status(BASE(CALL_VM_DOORBELL, vm, 0xb000008, vm, 1), STATUS_CAP);
    enter();
    assert_true(guest_ring(C, 0xb000000));
    assert_true(guest_ring(C, 0xb000004));
    assert_false(guest_ring(C, 0xb000008));
    assert_ok(BASE(CALL_SIGNAL_WAIT, first, UINT64_MAX, DEADLINE_POLL));
    assert_int_equal(result(0, 1), 1);
    assert_ok(BASE(CALL_SIGNAL_WAIT, second, UINT64_MAX, DEADLINE_POLL));
    assert_int_equal(result(0, 1), 2); /* of 3 what the capability allows */
    assert_ok(BASE(CALL_VM_DOORBELL, vm, 0xb000000, second, 8)); /* the same one, otherwise */
    assert_true(guest_ring(C, 0xb000000));
    assert_ok(BASE(CALL_SIGNAL_WAIT, second, UINT64_MAX, DEADLINE_POLL));
    assert_int_equal(result(0, 1), 8);
    assert_ok(BASE(CALL_VM_DOORBELL, vm, 0xb000000, 0, 0)); /* removed: an ordinary access again */
    assert_false(guest_ring(C, 0xb000000));
    assert_ok(BASE(CALL_CAP_DELETE, second));
    assert_false(guest_ring(C, 0xb000004));
}

static void test_doorbell_limit(void **state)
{
    cap_t signal = make_signal();
    (void)state;
    for (uint64_t i = 0; i < VM_DOORBELLS; i++)
        assert_ok(BASE(CALL_VM_DOORBELL, vm, 0x1000 + 4 * i, signal, UINT64_C(1) << i));
    assert_status(BASE(CALL_VM_DOORBELL, vm, 0x2000, signal, 1), STATUS_LIMIT);
    assert_ok(BASE(CALL_VM_DOORBELL, vm, 0x1004, signal, 1));
    assert_ok(BASE(CALL_VM_DOORBELL, vm, 0x1008, 0, 0));
    assert_ok(BASE(CALL_VM_DOORBELL, vm, 0x2000, signal, 1)); /* in the place of the removed one */
    enter();
    assert_true(guest_ring(C, 0x2000));
    assert_false(guest_ring(C, 0x1008));
    assert_true(guest_ring(C, 0x1000 + 4 * (VM_DOORBELLS - 1)));
}

static void test_answers(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < VM_ANSWERS; i++)
        assert_ok(BASE(CALL_VM_ANSWER, vm, 0x84000000 + i, i * 3));
    assert_status(BASE(CALL_VM_ANSWER, vm, 0x90000000, 1), STATUS_LIMIT);
    assert_ok(BASE(CALL_VM_ANSWER, vm, 0x84000005, 77)); /* changes one */
    assert_int_equal(vm_answer_find(vm_at(vm), 0x84000005)->value, 77);
    assert_int_equal(vm_answer_find(vm_at(vm), 0x8400000f)->value, 45);
    assert_null(vm_answer_find(vm_at(vm), 0x90000000));
}

/* Two VMs with one space would have one VMID, and could use an ASID for different tables. Its next VM may come when the last one is gone. */
static void test_one_per_space(void **state)
{
    cap_t second = slot_new();
    (void)state;
    assert_status(BASE(CALL_VM_CREATE, CAP_SELF, second, guest), STATUS_BUSY);
    assert_null(cap_at(second)->object);
    assert_ok(BASE(CALL_CAP_DELETE, vm));
    assert_ok(BASE(CALL_VM_CREATE, CAP_SELF, second, guest));
}

/* A virtual interrupt that another CPU raises reaches the vCPU's CPU at once, whether it is in the guest or not. */
static void test_notify(void **state)
{
    uint64_t before;
    (void)state;
    enter();
    before = vcpu_at(vcpu)->arch.attended;
    assert_ok(BASE(CALL_VIRQ_RAISE, vm, LINE, 1));
    assert_true(vcpu_at(vcpu)->arch.attended > before);
    host.ipis_held = true; /* one after the other, before the CPU gets to look: one IPI */
    before = host.ipis;
    assert_ok(BASE(CALL_VIRQ_RAISE, vm, LINE, 0));
    assert_ok(BASE(CALL_VCPU_KICK, vcpu));
    assert_int_equal(host.ipis, before + 1);
    host.ipis_held = false;
    host_ipis_deliver();
    assert_exit(EXIT_KICKED);
    enter();
    guest_exit(C, EXIT_HVC);
    before = host.ipis;
    assert_ok(BASE(CALL_VIRQ_RAISE, vm, LINE, 0)); /* nobody is in it: nobody is disturbed */
    assert_int_equal(host.ipis, before);
}

static void test_reset(void **state)
{
    (void)state;
    make_vcpu(vm, 3, space, PAGE + 0x3000);
    enter();
    guest_exit(C, EXIT_HVC);
    host_advance(9999);
    assert_ok(BASE(CALL_VIRQ_RAISE, vm, LINE, 1));
    assert_ok(BASE(CALL_VM_RESET, vm));
    assert_int_equal(vm_at(vm)->arch.counter_offset, 9999);
    assert_int_equal(vm_at(vm)->arch.levels[0], 0);
    assert_false(arch_vcpu_pending(vcpu_at(vcpu)));
    enter();
}

#define VM_TEST(function) cmocka_unit_test_setup_teardown(function, setup, machine_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        VM_TEST(test_enter_and_exit), VM_TEST(test_rights),        VM_TEST(test_busy),          VM_TEST(test_kick),
        VM_TEST(test_kick_preempted), VM_TEST(test_sync),          VM_TEST(test_migrate),       VM_TEST(test_alternate),
        VM_TEST(test_wait_for_interrupt), VM_TEST(test_wait_unloaded), VM_TEST(test_wait_unloaded_forever), VM_TEST(test_wait_unloaded_late),
        VM_TEST(test_thread_ends),    VM_TEST(test_dead),          VM_TEST(test_monitor_gone),  VM_TEST(test_doorbells),
        VM_TEST(test_doorbell_limit), VM_TEST(test_answers),       VM_TEST(test_notify),        VM_TEST(test_reset),
        VM_TEST(test_one_per_space),
        VM_TEST(test_wait_line_lowered), VM_TEST(test_monitor_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
