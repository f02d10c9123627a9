/* Fixed priorities, preemptive; round robin among equals. Every operation takes constant time. */
#include "sched.h"
#include "thread.h"

static void enqueue(struct scheduler *scheduler, struct thread *thread, bool front)
{
    struct thread **first = &scheduler->queue[thread->priority], *next = *first;
    if (!(scheduler->ready >> thread->priority & 1))
        next = thread->ready_prev = thread;
    thread->ready_prev = next->ready_prev;
    thread->ready_next = next;
    thread->ready_prev->ready_next = thread;
    next->ready_prev = thread;
    if (front || next == thread)
        *first = thread;
    thread->slice_end = front ? thread->slice_end : UINT64_MAX;
    scheduler->ready |= UINT64_C(1) << thread->priority;
}

static void dequeue(struct scheduler *scheduler, struct thread *thread)
{
    struct thread **first = &scheduler->queue[thread->priority], *next = thread->ready_next;
    thread->ready_prev->ready_next = next;
    next->ready_prev = thread->ready_prev;
    if (*first == thread)
        *first = next;
    if (next == thread)
        scheduler->ready &= ~(UINT64_C(1) << thread->priority);
}

static inline __attribute__((always_inline)) struct choice choose(const struct scheduler *scheduler, uint64_t ready)
{
    if (!ready)
        return (struct choice){NULL, 0};
    unsigned first = 63u - (unsigned)__builtin_clzll(ready);
    struct thread *thread = scheduler->queue[first];
    return (struct choice){thread, thread->ready_next != thread ? ready : ready ^ UINT64_C(1) << first};
}

static struct choice pick(const struct scheduler *scheduler)
{
    return choose(scheduler, scheduler->ready);
}

static __attribute__((noinline)) struct choice leave_equals(struct scheduler *scheduler, struct thread *thread)
{
    dequeue(scheduler, thread);
    return pick(scheduler);
}

static struct choice leave(struct scheduler *scheduler, struct thread *thread)
{
    if (thread->ready_next != thread)
        return leave_equals(scheduler, thread);
    uint64_t ready = scheduler->ready & ~(UINT64_C(1) << thread->priority);
    scheduler->ready = ready;
    return choose(scheduler, ready);
}

const struct policy fixed_priority = {enqueue, dequeue, pick, leave};
