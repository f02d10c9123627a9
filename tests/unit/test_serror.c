/*
 * SErrors: whose they are (kernel/arch/aarch64/serror.c), on the simulated machine with the processor's part of it faked. Each test turns red when its
 * branch of serror_attribute() goes wrong, those with `outstanding` also without the DSB, or when the switch comes before the look.
 */
#include "host.h"
#include "log.h"
#include "machine.h"

#include <string.h>

/* System registers. What is outstanding has come in once a barrier has waited for it. */
#define AARCH64_SYSREG_H
#define read_sysreg(name) fake_##name
#define dsb(scope) (void)(fake_isr_el1 |= outstanding)

enum { A = 1 << 8 };
static uint64_t fake_isr_el1, outstanding, pending;

static uint64_t serror_window(void)
{
    assert_int_equal(fake_isr_el1, A);
    fake_isr_el1 = outstanding = 0;
    return pending;
}

/* Real ones are for good. */
static _Noreturn void fake_panic(const char *reason, uint64_t syndrome)
{
    log_print("panic: ");
    log_print(reason, syndrome);
    arch_panic();
}
#define panic fake_panic
#include "../../kernel/arch/aarch64/serror.c"
#undef panic

enum { C = 1, PAGE = 0x100000, SUPERVISED = 4, LOW = 10, HIGH = 40, BELL = 77 };
#define CONTAINED (UINT64_C(0x2f) << 26 | 1 << 25 | 3 << 10 | 0x11)
#define UNCONTAINABLE (UINT64_C(0x2f) << 26 | 1 << 25 | 0x11)

static cap_t space, guest, vm, vcpu, signal, thread;

/* trap.c's, without the fault address. */
void trap_guest_exit(struct cpu *cpu, struct vcpu *of, unsigned reason, uint64_t esr)
{
    of->state->exit.syndrome = esr;
    vcpu_exit(cpu, of, reason);
}

/* A supervised thread on CPU 1, with a vCPU to enter. */
static int setup(void **state)
{
    int failed = machine_setup(state);
    if (failed)
        return failed;
    fake_isr_el1 = outstanding = 0;
    space = make_space(SPACE_COMPONENT);
    signal = make_signal();
    vm = make_vm(&guest);
    vcpu = make_vcpu(vm, 0, space, PAGE);
    thread = make_stopped_thread(space, C, LOW, signal, SUPERVISED);
    assert_ok(BASE(CALL_THREAD_START, thread, 0, 0, 0));
    return 0;
}

static void enter(void)
{
    assert_status(CALL(C, CALL_VCPU_ENTER, vcpu), CALL_PENDING);
    assert_ptr_equal(cpus[C].current->vcpu, vcpu_at(vcpu));
}

static void assert_guest_error(uint64_t syndrome)
{
    assert_null(thread_at(thread)->vcpu);
    assert_int_equal(thread_at(thread)->state, THREAD_READY);
    assert_int_equal(result_of(thread_at(thread), 0), STATUS_OK);
    assert_int_equal(result_of(thread_at(thread), 1), EXIT_ERROR);
    assert_int_equal(vcpu_at(vcpu)->state->exit.syndrome, syndrome);
}

static void assert_supervisor_told(bool told)
{
    assert_status(BASE(CALL_SIGNAL_WAIT, signal, UINT64_MAX, DEADLINE_POLL), told ? STATUS_OK : STATUS_TIMEOUT);
    if (told)
        assert_int_equal(result(0, 1), SUPERVISED);
}

static void assert_log(const char *text)
{
    host.log[host.log_length] = '\0';
    assert_non_null(strstr(host.log, text));
}

/* --- ways into the kernel --------------------------------------------------------------------------------------------------- */

/* By its own vector: trap_serror(). */
static void taken(struct cpu *cpu, void *syndrome)
{
    serror_attribute(cpu, *(uint64_t *)syndrome);
}

static void take(uint64_t syndrome)
{
    host_enter(C, taken, &syndrome);
}

/* trap_return() behind `what` has happened. */
static void left(struct cpu *cpu, void *what)
{
    void (*happen)(struct cpu *cpu) = *(void (**)(struct cpu *))what;
    if (happen)
        happen(cpu);
    serror_reschedule(cpu);
}

static void leave(void (*happen)(struct cpu *cpu))
{
    outstanding = A;
    pending = CONTAINED;
    host_enter(C, left, &happen);
    assert_int_equal(outstanding, 0);
}

/* --- tests ------------------------------------------------------------------------------------------------------------------- */

static void test_guest(void **state)
{
    (void)state;
    enter();
    take(CONTAINED);
    assert_guest_error(CONTAINED);
    assert_ptr_equal(cpus[C].current, thread_at(thread));
    assert_supervisor_told(false);
    enter(); /* its monitor decides what becomes of it */
}

static void test_component(void **state)
{
    (void)state;
    take(CONTAINED);
    assert_null(cpus[C].current);
    assert_supervisor_told(true);
    assert_ok(BASE(CALL_THREAD_FAULT, thread));
    assert_int_equal(result(0, 1), FAULT_ERROR);
    assert_int_equal(result(0, 3), 0);
    assert_int_equal(result(0, 4), CONTAINED);
}

static struct thread *other;
static cap_t bell;

static void other_wakes(struct cpu *cpu)
{
    signal_raise(object_at(bell), BELL);
    assert_true(cpu->resched);
}

/* A more urgent thread, which waits. */
static void other_make(void)
{
    bell = make_signal();
    other = thread_at(make_thread(space, C, HIGH));
    assert_status(CALL(C, CALL_SIGNAL_WAIT, bell, UINT64_MAX, DEADLINE_NEVER), CALL_PENDING);
    assert_ptr_equal(cpus[C].current, thread_at(thread));
}

static void assert_other_unharmed(void)
{
    assert_ptr_equal(cpus[C].current, other);
    assert_int_equal(other->state, THREAD_READY);
    assert_int_equal(other->fault.reason, FAULT_NONE);
    assert_int_equal(result_of(other, 1), BELL);
}

/* A write of the guest's is answered for when another thread is about to get the CPU. */
static void test_switch_from_guest(void **state)
{
    (void)state;
    other_make();
    enter();
    leave(other_wakes);
    assert_other_unharmed();
    assert_guest_error(CONTAINED);
}

static void test_switch_from_component(void **state)
{
    (void)state;
    other_make();
    leave(other_wakes);
    assert_other_unharmed();
    assert_int_equal(thread_at(thread)->state, THREAD_FAULTED);
    assert_int_equal(thread_at(thread)->fault.reason, FAULT_ERROR);
}

static void guest_waits(struct cpu *cpu)
{
    vcpu_wait(cpu, cpu->current->vcpu);
    assert_int_equal(cpu->current->state, THREAD_WAITING);
}

/* WFI behind the write: no interrupt will come, but the monitor goes on. */
static void test_waiting_guest(void **state)
{
    (void)state;
    enter();
    leave(guest_waits);
    assert_guest_error(CONTAINED);
    assert_int_equal(thread_at(thread)->waiting, WAIT_NONE);
    assert_ptr_equal(cpus[C].current, thread_at(thread));
}

static void component_waits(struct cpu *cpu)
{
    thread_wait(cpu, cpu->current, WAIT_SIGNAL, object_at(signal), 70000);
    ((struct signal *)object_at(signal))->waiter = cpu->current;
}

static void test_waiting_component(void **state)
{
    (void)state;
    leave(component_waits);
    assert_int_equal(thread_at(thread)->state, THREAD_FAULTED);
    assert_null(((struct signal *)object_at(signal))->waiter);
    assert_null(cpus[C].timers);
    assert_supervisor_told(true);
}

static void faults(struct cpu *cpu)
{
    thread_trap(cpu, FAULT_MEMORY, 0x1234, 0);
    other_wakes(cpu);
}

/* It has failed of something else, or is gone: a line in the log is all. */
static void test_stopped(void **state)
{
    (void)state;
    other_make();
    leave(faults);
    assert_other_unharmed();
    assert_int_equal(thread_at(thread)->fault.reason, FAULT_MEMORY);
    assert_log("SError of a stopped thread, syndrome be000c11");
    thread_stop(other);
    host.log_length = 0;
    assert_null(cpus[C].current);
    leave(NULL);
    assert_log("SError of a stopped thread, syndrome be000c11");
    assert_int_equal(other->fault.reason, FAULT_NONE);
}

static void test_none_pending(void **state)
{
    void (*nothing)(struct cpu *cpu) = NULL;
    (void)state;
    enter();
    host_enter(C, left, &nothing);
    assert_ptr_equal(cpus[C].current->vcpu, vcpu_at(vcpu));
    serror_idle();
}

static void idle(void *argument)
{
    (void)argument;
    outstanding = A;
    pending = CONTAINED;
    serror_idle();
}

static void test_nobody_runs(void **state)
{
    (void)state;
    assert_true(host_stops(idle, NULL));
    assert_log("panic: SError while nobody runs, syndrome be000c11");
}

static void take_uncontainable(void *argument)
{
    (void)argument;
    take(UNCONTAINABLE);
}

/* The last test: it leaves the machine in the kernel. */
static void test_uncontainable(void **state)
{
    (void)state;
    enter();
    assert_true(host_stops(take_uncontainable, NULL));
    assert_log("panic: uncontainable SError, syndrome be000011");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, machine_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_guest), TEST(test_component), TEST(test_switch_from_guest), TEST(test_switch_from_component),
        TEST(test_waiting_guest), TEST(test_waiting_component), TEST(test_stopped), TEST(test_none_pending),
        TEST(test_nobody_runs),   cmocka_unit_test_setup(test_uncontainable, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
