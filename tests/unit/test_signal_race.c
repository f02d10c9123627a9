/* A signal that is raised without its lock, on another CPU, at the very instant at which somebody begins to wait: neither misses the other. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch.h"

/* Called between the look at the bits and the wait; and before any look for a waiter. */
static uint64_t counter_then_ring(void);
static void load_hook(const void *what);
#define arch_counter counter_then_ring
#define __atomic_load_n(pointer, order) (load_hook(pointer), __atomic_load_n(pointer, order))
#include "../../kernel/core/signal.c"

static struct signal bell;
static struct thread waiter;
static struct cpu waiters_cpu = {.current = &waiter};
static unsigned woken, rung, spun; /* the other thread has raised; it waits for the lock */
static bool ring_in_between;
static uint64_t bits_at_look;

static void load_hook(const void *what)
{
    if (what == &bell.waiter)
        bits_at_look = bell.bits;
}

struct cpu *host_self;
uint64_t host_counter;

void host_relax(void)
{
    __atomic_store_n(&spun, 1, __ATOMIC_SEQ_CST);
    sched_yield();
}

void thread_wait(struct cpu *cpu, struct thread *thread, unsigned kind, struct object *object, uint64_t deadline)
{
    (void)cpu;
    (void)deadline;
    thread->waiting = (uint8_t)kind;
    thread->wait_object = object;
}

uint64_t *thread_answer(struct thread *thread, status_t status)
{
    thread->arch.registers[0] = (uint64_t)status;
    return thread->arch.registers;
}

void thread_wake(struct thread *thread)
{
    (void)thread;
    __atomic_store_n(&woken, 1, __ATOMIC_SEQ_CST);
}

struct object *object_new(struct partition *payer, unsigned type, size_t size, status_t *status)
{
    (void)payer;
    (void)type;
    (void)size;
    (void)status;
    return NULL;
}

bool irq_unbind_step(const void *gone)
{
    (void)gone;
    return true;
}

static void *ring_once(void *nothing)
{
    signal_raise(&bell, 1);
    __atomic_store_n(&rung, 1, __ATOMIC_RELEASE);
    return nothing;
}

/* The ringer goes as far as it can: to its end, or to the lock, which the caller holds. */
static uint64_t counter_then_ring(void)
{
    static pthread_t thread;
    if (!ring_in_between)
        return 0;
    ring_in_between = false;
    assert_int_equal(pthread_create(&thread, NULL, ring_once, NULL), 0);
    pthread_detach(thread);
    while (!__atomic_load_n(&rung, __ATOMIC_ACQUIRE) && !__atomic_load_n(&spun, __ATOMIC_SEQ_CST))
        sched_yield();
    return 0;
}

/* Red if it looks at the bits first and stands in the signal afterwards. */
static void test_raised_between_look_and_wait(void **state)
{
    (void)state;
    ring_in_between = true;
    assert_int_equal(signal_wait(&waiters_cpu, &bell, 1, DEADLINE_NEVER), CALL_PENDING);
    while (!__atomic_load_n(&rung, __ATOMIC_ACQUIRE))
        sched_yield();
    assert_int_equal(woken, 1);
    assert_int_equal(waiter.arch.registers[1], 1);
    assert_int_equal(bell.bits, 0);
}

/* Red if whoever raises looks for somebody first and sets the bits afterwards. */
static void test_raised_before_the_look_for_a_waiter(void **state)
{
    (void)state;
    signal_raise(&bell, 4);
    assert_int_equal(bits_at_look, 4);
    assert_int_equal(signal_wait(&waiters_cpu, &bell, 4, DEADLINE_POLL), STATUS_OK);
    assert_null(bell.waiter);
}

/* Who waited has left between the raiser's look and its lock. */
static void test_waiter_gone_before_the_lock(void **state)
{
    (void)state;
    woken = 0;
    bell.bits = 2;
    signal_look(&bell);
    assert_int_equal(bell.bits, 2);
    assert_int_equal(woken, 0);
    assert_int_equal(bell.lock.next, bell.lock.owner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_raised_between_look_and_wait),
        cmocka_unit_test(test_raised_before_the_look_for_a_waiter),
        cmocka_unit_test(test_waiter_gone_before_the_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
