/* What a CPU does when it is in the kernel: whom to run, requests of other CPUs, time. */
#include "cpu.h"
#include "cap.h"
#include "log.h"
#include "thread.h"
#include "turn.h"
#include "vm.h"

enum { SLICE_HZ = 500 /* round robin among equals: 2 ms each */ };

struct cpu cpus[CPUS_MAX];

/* --- requests: one at a time, by whoever holds the tree lock --------------------------------------------------------------------- */

static struct {
    void (*function)(void *argument);
    void *argument;
} request;

void cpu_run_on(unsigned index, void (*function)(void *argument), void *argument)
{
    if (index == cpu_self()->index) {
        function(argument);
        return;
    }
    request.function = function;
    request.argument = argument;
    __atomic_store_n(&cpus[index].request_pending, 1, __ATOMIC_RELEASE);
    arch_ipi_send(index);
    while (__atomic_load_n(&cpus[index].request_pending, __ATOMIC_ACQUIRE))
        arch_relax();
}

void cpu_quiesce(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* what was removed, before the looks at the sections */
    for (unsigned i = 0; i < CPUS_MAX; i++) {
        unsigned section = __atomic_load_n(&cpus[i].section, __ATOMIC_ACQUIRE);
        while (section & 1 && &cpus[i] != cpu_self() && __atomic_load_n(&cpus[i].section, __ATOMIC_ACQUIRE) == section)
            arch_relax();
    }
}

void ipi_handle(struct cpu *cpu)
{
    if (__atomic_load_n(&cpu->request_pending, __ATOMIC_ACQUIRE)) { /* whoever asked holds the tree lock: nothing is removed meanwhile */
        request.function(request.argument);
        __atomic_store_n(&cpu->request_pending, 0, __ATOMIC_RELEASE);
    }
    cpu_section_begin(cpu);
    thread_pokes_serve(cpu);
    cpu_section_end(cpu);
}

/* --- time ------------------------------------------------------------------------------------------------------------------------- */

void cpu_timer_update(struct cpu *cpu)
{
    uint64_t next = turn_deadline(cpu);
    if (next == cpu->timer_armed)
        return;
    cpu->timer_armed = next;
    arch_timer_set(next);
}

void timer_handle(struct cpu *cpu)
{
    struct thread *current = cpu->current;
    cpu->timer_armed = UINT64_MAX;
    arch_timer_set(UINT64_MAX); /* silent until the next deadline is known */
    cpu_section_begin(cpu);
    thread_timers_expire(cpu);
    cpu_section_end(cpu);
    if (current && current->state == THREAD_READY && cpu->slice_end <= arch_counter()) {
        cpu->scheduler.policy->dequeue(&cpu->scheduler, current);
        cpu->scheduler.policy->enqueue(&cpu->scheduler, current, false);
    }
    cpu->resched = true;
}

/* --- whom to run ------------------------------------------------------------------------------------------------------------------- */

static void cpu_switch(struct cpu *cpu, struct thread *next)
{
    struct thread *previous = cpu->current;
    turn_end(cpu, previous);
    turn_begin(cpu, next);
    arch_thread_switch(cpu, previous, next);
    if (next && next->vcpu)
        vcpu_attend(cpu, next->vcpu); /* a kick may have come while it was not running */
}

uint64_t turn_slice_end(struct thread *thread)
{
    if (thread->slice_end == UINT64_MAX)
        thread->slice_end = arch_counter() + arch_counter_frequency() / SLICE_HZ;
    return thread->slice_end;
}

void cpu_reschedule(struct cpu *cpu)
{
    do {
        cpu->resched = false;
        struct choice next = cpu->scheduler.policy->pick(&cpu->scheduler);
        if (next.thread != cpu->current)
            cpu_switch(cpu, next.thread);
        if (next.thread)
            turn_slice(cpu, next.thread, next.others);
        else
            cpu->slice_end = UINT64_MAX;
        cpu_timer_update(cpu);
        if (next.thread)
            arch_wait_trap(cpu, next.others != 0);
        else
            arch_idle(cpu);
    } while (cpu->resched || !cpu->current);
}
