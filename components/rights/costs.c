/*
 * What each call takes when it does what it is for: least of all that succeeded, in ticks of the counter (under -icount: instructions). A call that
 * ends in another thread is measured until that one goes on.
 */
#include "rights.h"

#include "call_stubs.h"
#include "clock.h"
#include "print.h"

enum {
    SIGNAL = SLOT_COSTS,
    PORTAL,
    THREAD,
    GUEST_SPACE,
    VM,
    VCPU,
    STATE_PAGE = 0x20000000, /* addresses in this space */
    BATCH_PAGE = 0x20001000,
    LINE = 40,
    IRQ = 60,
    HELPER_PRIORITY = 39, /* below the subject's own thread: it runs when that one waits */
    STACK = 8192,
    ROUNDS = 4, /* the first time something is in the way */
};

static uint64_t least[256];
static char stack[STACK] __attribute__((aligned(16)));
static volatile uint64_t began; /* when the other thread made its call, or went on */

/* The cost of reading the counter twice. */
static uint64_t overhead(void)
{
    uint64_t before = clock_now();
    return clock_now() - before;
}

void cost_note(uint64_t call, uint64_t ticks)
{
    uint64_t own = overhead();
    ticks = ticks > own ? ticks - own : 0;
    if (call < sizeof least / sizeof least[0] && (!least[call] || ticks < least[call]))
        least[call] = ticks;
}

static void helper_begin(void (*entry)(void))
{
    must(thread_create(CAP_SELF, THREAD, CAP_SPACE, 0, HELPER_PRIORITY, SIGNAL, 1), "a thread");
    must(thread_start(THREAD, (uint64_t)entry, (uint64_t)(stack + STACK), 0), "its start");
}

/* --- threads ------------------------------------------------------------------------------------------------------------- */

static void exit_main(void)
{
    began = clock_now();
    thread_exit(0);
}

static void wait_for_helper(void)
{
    uint64_t bits;
    must(signal_wait(SIGNAL, 1, DEADLINE_NEVER, &bits), "the end of a thread");
}

static void thread_exit_measure(void)
{
    helper_begin(exit_main);
    wait_for_helper();
    cost_note(CALL_THREAD_EXIT, clock_now() - began);
    must(cap_delete(THREAD), "its end");
}

/* One call in a batch; who is told of it is not waiting. */
static void batch_main(void)
{
    uint64_t *batch = (uint64_t *)BATCH_PAGE; /* NOLINT */
    for (unsigned i = 0; i < ROUNDS; i++) {
        batch[0] = CALL_SIGNAL_RAISE;
        batch[1] = SIGNAL;
        batch[2] = 2;
        uint64_t before = clock_now();
        must(multicall(1), "calls in a page");
        cost_note(CALL_MULTICALL, clock_now() - before);
    }
    thread_exit(0);
}

static void multicall_measure(void)
{
    must(thread_create(CAP_SELF, THREAD, CAP_SPACE, 0, HELPER_PRIORITY, SIGNAL, 1), "a thread");
    uint64_t before = clock_now();
    must(multicall_page(THREAD, CAP_SPACE, BATCH_PAGE), "its page of calls");
    cost_note(CALL_MULTICALL_PAGE, clock_now() - before);
    must(thread_start(THREAD, (uint64_t)batch_main, (uint64_t)(stack + STACK), 0), "its start");
    wait_for_helper();
    must(cap_delete(THREAD), "its end");
}

/* --- portals --------------------------------------------------------------------------------------------------------------- */

/* `began`: when it had its caller's message, then when it answered. */
static _Noreturn void server_main(void)
{
    uint64_t message[4] = {0}, badge;
    for (;;) {
        portal_wait(PORTAL, message, DEADLINE_NEVER, &badge);
        message[0] = clock_now();
        began = clock_now();
    }
}

static void portals_measure(void)
{
    uint64_t bits;
    must(portal_create(CAP_SELF, PORTAL), "a portal");
    helper_begin(server_main);
    signal_wait(SIGNAL, 4, clock_now() + clock_frequency() / 1000, &bits); /* the server comes to wait */
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t message[4] = {0}, before = clock_now();
        must(portal_call(PORTAL, message, DEADLINE_NEVER), "a portal's answer");
        cost_note(CALL_PORTAL_WAIT, clock_now() - began);
        cost_note(CALL_PORTAL_CALL, message[0] - before);
    }
    must(cap_delete(PORTAL), "the portal's end");
    must(cap_delete(THREAD), "its server's end");
}

/* --- VMs, interrupts ------------------------------------------------------------------------------------------------------- */

/* Into the guest and out again, since it is kicked. */
static __attribute__((noinline)) void wait_measure(void)
{
    static uint64_t before, reason;
    must(vcpu_kick(VCPU), "a kick");
    before = clock_now();
    must(vcpu_wait(VCPU, &reason), "a guest");
    cost_note(CALL_VCPU_WAIT, clock_now() - before);
}

static __attribute__((noinline)) void enter_measure(void)
{
    static uint64_t before, reason;
    must(vcpu_kick(VCPU), "a kick");
    before = clock_now();
    must(vcpu_enter(VCPU, &reason), "a guest");
    cost_note(CALL_VCPU_ENTER, clock_now() - before);
}

static void vm_measure(void)
{
    must(space_create(CAP_SELF, GUEST_SPACE, SPACE_GUEST), "a guest's space");
    must(vm_create(CAP_SELF, VM, GUEST_SPACE), "a VM");
    must(vcpu_create(CAP_SELF, VCPU, VM, 0, CAP_SPACE, STATE_PAGE, 0), "a vCPU");
    for (unsigned i = 0; i < ROUNDS; i++) {
        enter_measure();
        wait_measure();
        uint64_t before = clock_now();
        must(virq_raise(VM, LINE, i & 1), "a virtual interrupt");
        cost_note(CALL_VIRQ_RAISE, clock_now() - before);
    }
    must(cap_delete(VCPU), "the vCPU's end");
    must(cap_delete(VM), "the VM's end");
    must(cap_delete(GUEST_SPACE), "its space's end");
}

static void irq_measure(void)
{
    must(irq_bind(CAP_IRQS, IRQ, SIGNAL, 2, 0), "an interrupt");
    uint64_t before = clock_now();
    must(irq_ack(CAP_IRQS, IRQ), "its end");
    cost_note(CALL_IRQ_ACK, clock_now() - before);
    must(irq_bind(CAP_IRQS, IRQ, 0, 0, 0), "no interrupt");
}

/* --- all that no row of checks.h has end well --------------------------------------------------------------------------------- */

static void simple_measure(void)
{
    uint64_t bits, before;
    signal_raise(SIGNAL, 1);
    before = clock_now();
    must(signal_wait(SIGNAL, 1, DEADLINE_NEVER, &bits), "a signal that is there");
    cost_note(CALL_SIGNAL_WAIT, clock_now() - before);
    before = clock_now();
    call_null();
    cost_note(CALL_NULL, clock_now() - before);
    before = clock_now();
    thread_yield();
    cost_note(CALL_THREAD_YIELD, clock_now() - before);
}

void costs_measure(void)
{
    must(signal_create(CAP_SELF, SIGNAL), "a signal");
    simple_measure();
    thread_exit_measure();
    multicall_measure();
    portals_measure();
    vm_measure();
    irq_measure();
    must(cap_delete(SIGNAL), "the signal's end");
}

void costs_print(void)
{
    for (unsigned i = 0; i < sizeof least / sizeof least[0]; i++)
        if (least[i])
            console_print("cost %u %lu\n", i, least[i]);
}
