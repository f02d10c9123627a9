/* Fixed priorities, preemptive; round robin among equals. Every operation takes constant time. */
#include "sched.h"
#include "thread.h"

static void enqueue(struct scheduler *scheduler, struct thread *thread, bool front)
{
    struct thread **first = &scheduler->queue[thread->priority], *next = *first ? *first : thread;
    thread->ready_prev = *first ? next->ready_prev : thread;
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
        *first = next == thread ? NULL : next;
    if (!*first)
        scheduler->ready &= ~(UINT64_C(1) << thread->priority);
}

static struct thread *pick(const struct scheduler *scheduler)
{
    if (!scheduler->ready)
        return NULL;
    return scheduler->queue[63 - __builtin_clzll(scheduler->ready)];
}

static enum rivals rivals(const struct scheduler *scheduler, const struct thread *thread)
{
    if (thread->ready_next != thread)
        return RIVALS_EQUALS;
    return scheduler->ready & ~(UINT64_C(1) << thread->priority) ? RIVALS_OTHERS : RIVALS_NONE;
}

const struct policy fixed_priority = {"fixed-priority", enqueue, dequeue, pick, rivals};
