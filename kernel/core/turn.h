/* One thread's turn on the CPU ends and the next one's begins: what cpu_reschedule() and the short ways have in common. */
#ifndef CORE_TURN_H
#define CORE_TURN_H

#include "cpu.h"
#include "thread.h"

/* The time up to now was that of `thread`. */
static inline void turn_end(struct cpu *cpu, struct thread *thread)
{
    uint64_t now = arch_counter_about();
    if (thread)
        thread->ticks += now - cpu->switched_at;
    cpu->switched_at = now;
}

static inline void turn_begin(struct cpu *cpu, struct thread *thread)
{
    if (thread)
        thread->switches++;
    cpu->current = thread;
}

/* A thread with equals has a time slice, which goes on while a higher one runs: else one that comes often would let the first of them run for ever. */
uint64_t turn_slice_end(struct thread *thread);
static inline void turn_slice(struct cpu *cpu, struct thread *thread, uint64_t others)
{
    cpu->others = others;
    cpu->slice_end = others >> thread->priority & 1 ? turn_slice_end(thread) : (thread->slice_end = UINT64_MAX);
}

/* When the CPU's timer has to interrupt. */
static inline uint64_t turn_deadline(const struct cpu *cpu)
{
    uint64_t slice_end = cpu->slice_end, first = cpu->timers ? cpu->timers->deadline : UINT64_MAX;
    return first < slice_end ? first : slice_end;
}

/* The guest of the current thread waits, as after vcpu_wait(): who runs instead? NULL: nobody. */
static inline struct choice turn_wait(struct cpu *cpu, struct thread *thread)
{
    thread->state = THREAD_WAITING;
    thread->waiting = WAIT_INTERRUPT;
    return cpu->scheduler.policy->leave(&cpu->scheduler, thread);
}

/* The guest's timer is the kernel's from now on. */
static inline void turn_timer_add(struct cpu *cpu, struct thread *thread, uint64_t deadline)
{
    struct thread *first = cpu->timers;
    if (first && first->deadline <= deadline) {
        thread_timer_add(cpu, thread, deadline);
        return;
    }
    thread->deadline = deadline;
    thread->timer_next = first;
    thread->timer_queued = true;
    cpu->timers = thread;
}

#endif
