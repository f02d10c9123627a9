/* Threads: their states and who may change them. */
#include "thread.h"
#include "cpu.h"
#include "log.h"
#include "partition.h"
#include "portal.h"
#include "vm.h"

struct thread *thread_new(struct partition *payer, struct space *space, unsigned cpu, unsigned priority, status_t *status)
{
    if (payer->threads == PARTITION_THREADS) {
        *status = STATUS_LIMIT;
        return NULL;
    }
    struct thread *thread = (struct thread *)object_new(payer, CAP_THREAD_OBJECT, sizeof(*thread), status);
    if (!thread)
        return NULL;
    payer->threads++;
    thread->partition = payer;
    thread->cpu = (uint8_t)cpu;
    thread->priority = thread->base_priority = (uint8_t)priority;
    thread->slice_end = UINT64_MAX;
    space_user_add(space, &thread->space, &thread->object);
    return thread;
}

/* --- deadlines: a list per CPU, soonest first ------------------------------------------------------------------------ */

void thread_timer_add(struct cpu *cpu, struct thread *thread, uint64_t deadline)
{
    struct thread **place = &cpu->timers;
    if (deadline == DEADLINE_NEVER)
        return;
    while (*place && (*place)->deadline <= deadline)
        place = &(*place)->timer_next;
    thread->deadline = deadline;
    thread->timer_next = *place;
    thread->timer_queued = true;
    *place = thread;
}

void thread_timer_remove(struct cpu *cpu, struct thread *thread)
{
    struct thread **place = &cpu->timers;
    if (!thread->timer_queued)
        return;
    while (*place != thread)
        place = &(*place)->timer_next;
    *place = thread->timer_next;
    thread->timer_queued = false;
}

/* It was waiting and its time has come: takes it off what it waits for. False if that has come at the same moment. */
static bool thread_time_out(struct thread *thread)
{
    if (__atomic_load_n(&thread->poked, __ATOMIC_ACQUIRE) & WOKEN)
        return false; /* what it waited for may be gone: whoever ends it wakes first, and quiesces then */
    switch (thread->waiting) {
    case WAIT_SIGNAL:
        return signal_forget(thread);
    case WAIT_PORTAL_CALL:
    case WAIT_PORTAL_SERVE:
        return portal_forget(thread);
    default:
        return false;
    }
}

void thread_timers_expire(struct cpu *cpu)
{
    uint64_t now = arch_counter();
    while (cpu->timers && cpu->timers->deadline <= now) {
        struct thread *thread = cpu->timers;
        thread_timer_remove(cpu, thread);
        if (thread->waiting == WAIT_INTERRUPT)
            thread_ready(cpu, thread);
        else if (thread_time_out(thread)) {
            thread_answer(thread, STATUS_TIMEOUT);
            thread_ready(cpu, thread);
        }
    }
}

/* --- states, on the thread's own CPU ---------------------------------------------------------------------------------- */

/* Apart, so that most need no stack. */
static __attribute__((noinline)) void ready_before_deadline(struct cpu *cpu, struct thread *thread)
{
    thread_timer_remove(cpu, thread);
    thread_ready(cpu, thread);
}

void thread_ready(struct cpu *cpu, struct thread *thread)
{
    if (thread->timer_queued) {
        ready_before_deadline(cpu, thread);
        return;
    }
    thread->waiting = WAIT_NONE;
    thread->wait_object = NULL;
    thread->state = THREAD_READY;
    cpu->resched = true;
    cpu->scheduler.policy->enqueue(&cpu->scheduler, thread, false);
}

/* It is not ready any more, whatever comes instead. */
static void thread_unready(struct cpu *cpu, struct thread *thread)
{
    if (thread->state == THREAD_READY)
        cpu->scheduler.policy->dequeue(&cpu->scheduler, thread);
    thread->slice_end = UINT64_MAX;
    cpu->resched = true;
}

void thread_wait(struct cpu *cpu, struct thread *thread, unsigned kind, struct object *object, uint64_t deadline)
{
    thread_unready(cpu, thread);
    thread->state = THREAD_WAITING;
    thread->waiting = (uint8_t)kind;
    thread->wait_object = object;
    thread_timer_add(cpu, thread, deadline);
}

void thread_fault(struct cpu *cpu, struct thread *thread, unsigned reason, uint64_t address, uint64_t syndrome)
{
    thread->fault = (struct thread_fault){.reason = reason, .address = address, .syndrome = syndrome};
    arch_thread_place(thread, &thread->fault);
    if (thread->state == THREAD_WAITING) { /* an error that it caused before */
        thread_time_out(thread);
        thread_timer_remove(cpu, thread);
    }
    thread_unready(cpu, thread);
    thread->state = THREAD_FAULTED;
    portal_server_died(thread);
    binding_raise(&thread->supervisor);
}

void thread_trap(struct cpu *cpu, unsigned reason, uint64_t address, uint64_t syndrome)
{
    cpu_section_begin(cpu);
    thread_fault(cpu, cpu->current, reason, address, syndrome);
    cpu_section_end(cpu);
}

void thread_set_priority(struct cpu *cpu, struct thread *thread, unsigned priority)
{
    bool ready = thread->state == THREAD_READY;
    if (ready)
        cpu->scheduler.policy->dequeue(&cpu->scheduler, thread);
    thread->priority = (uint8_t)priority;
    if (ready)
        cpu->scheduler.policy->enqueue(&cpu->scheduler, thread, thread == cpu->current);
    cpu->resched = true;
}

/* --- what other CPUs ask for ------------------------------------------------------------------------------------------- */

uint64_t *thread_answer(struct thread *thread, status_t status)
{
    uint64_t *registers = arch_call_registers(thread);
    registers[0] = (uint64_t)status;
    return registers;
}

/* Its CPU, which is another one, is told. */
static void poke_send(struct cpu *cpu, struct thread *thread, unsigned why)
{
    if (__atomic_fetch_or(&thread->poked, why, __ATOMIC_SEQ_CST))
        return; /* it is in the list already and will be attended to */
    struct thread *head = __atomic_load_n(&cpu->pokes, __ATOMIC_RELAXED);
    do {
        thread->poke_next = head;
    } while (!__atomic_compare_exchange_n(&cpu->pokes, &head, thread, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
    arch_ipi_send(cpu->index);
}

void thread_poke(struct thread *thread)
{
    struct cpu *cpu = &cpus[thread->cpu];
    if (cpu != cpu_self())
        poke_send(cpu, thread, POKED);
    else if (thread->vcpu)
        vcpu_attend(cpu, thread->vcpu);
}

void thread_wake(struct thread *thread)
{
    struct cpu *cpu = &cpus[thread->cpu];
    if (cpu != cpu_self())
        poke_send(cpu, thread, POKED | WOKEN);
    else if (thread->state == THREAD_WAITING)
        thread_ready(cpu, thread);
}

void thread_pokes_serve(struct cpu *cpu)
{
    struct thread *thread = __atomic_exchange_n(&cpu->pokes, NULL, __ATOMIC_ACQUIRE);
    while (thread) {
        struct thread *next = thread->poke_next;
        unsigned why = __atomic_exchange_n(&thread->poked, 0, __ATOMIC_SEQ_CST); /* a poke from now on queues it again */
        if (why & WOKEN && thread->state == THREAD_WAITING)
            thread_ready(cpu, thread);
        if (thread->vcpu)
            vcpu_attend(cpu, thread->vcpu);
        thread = next;
    }
}

/* --- start and end ------------------------------------------------------------------------------------------------------ */

struct start {
    struct thread *thread;
    uint64_t pc, sp, argument;
};

static void thread_start_here(void *argument)
{
    const struct start *start = argument;
    struct thread *thread = start->thread;
    struct cpu *cpu = &cpus[thread->cpu];
    arch_thread_start(thread, start->pc, start->sp, start->argument);
    thread->fault.reason = FAULT_NONE;
    thread_ready(cpu, thread);
}

status_t thread_start(struct thread *thread, uint64_t pc, uint64_t sp, uint64_t argument)
{
    if (thread->state != THREAD_STOPPED && thread->state != THREAD_FAULTED)
        return STATUS_STATE;
    if (!thread->space.space)
        return STATUS_DEAD;
    cpu_run_on(thread->cpu, thread_start_here, &(struct start){thread, pc, sp, argument});
    return STATUS_OK;
}

static void thread_stop_here(void *argument)
{
    struct thread *thread = argument;
    struct cpu *cpu = &cpus[thread->cpu];
    thread_pokes_serve(cpu); /* it is in no list afterwards */
    if (thread->state == THREAD_WAITING) {
        thread_time_out(thread);
        thread_timer_remove(cpu, thread);
    }
    thread_unready(cpu, thread);
    thread->state = THREAD_STOPPED;
    thread->waiting = WAIT_NONE;
    thread->wait_object = NULL;
    if (thread->vcpu)
        vcpu_abandon(cpu, thread);
    if (cpu->current == thread) {
        thread->ticks += arch_counter() - cpu->switched_at;
        arch_thread_switch(cpu, thread, NULL);
        cpu->current = NULL;
    }
}

/* Wakes that were under way when it stopped must not reach what it waits for next: they are in the list by now. */
static void thread_settle_here(void *argument)
{
    const struct thread *thread = argument;
    thread_pokes_serve(&cpus[thread->cpu]);
}

void thread_stop(struct thread *thread)
{
    cpu_run_on(thread->cpu, thread_stop_here, thread);
    cpu_quiesce(); /* whoever took it off a signal has told it by now */
    cpu_run_on(thread->cpu, thread_settle_here, thread);
    portal_server_died(thread);
}

status_t thread_batch_make(struct thread *thread, saddr_t address)
{
    status_t status = STATUS_EXISTS;
    uint64_t *page = thread->batch ? NULL : space_page_new(thread->space.space, address, thread->partition, RIGHT_READ | RIGHT_WRITE, &status);
    if (!page)
        return status;
    thread->batch_address = address;
    __atomic_store_n(&thread->batch, page, __ATOMIC_RELEASE);
    return STATUS_OK;
}

void thread_space_died(struct thread *thread)
{
    thread_stop(thread);
    if (thread->batch && thread->space.space)
        space_unmap_kernel(thread->space.space, thread->batch_address);
}

bool thread_destroy(struct thread *thread)
{
    thread_space_died(thread);
    binding_set(&thread->supervisor, NULL, 0);
    space_user_remove(&thread->space);
    if (thread->batch)
        memory_give_page(thread->partition, thread->batch);
    thread->partition->threads--;
    return true;
}
