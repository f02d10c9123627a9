/* Fixed priorities, preemptive; round robin among equals. Every operation takes constant time. */
#include "sched.h"
#include "thread.h"

static void enqueue(struct scheduler *scheduler, struct thread *thread, bool front)
{
    struct ready_queue *queue = &scheduler->queue[thread->priority];
    struct thread *after = front ? NULL : queue->last, *before = front ? queue->first : NULL;
    thread->ready_prev = after;
    thread->ready_next = before;
    *(after ? &after->ready_next : &queue->first) = thread;
    *(before ? &before->ready_prev : &queue->last) = thread;
    scheduler->ready |= UINT64_C(1) << thread->priority;
}

static void dequeue(struct scheduler *scheduler, struct thread *thread)
{
    struct ready_queue *queue = &scheduler->queue[thread->priority];
    *(thread->ready_prev ? &thread->ready_prev->ready_next : &queue->first) = thread->ready_next;
    *(thread->ready_next ? &thread->ready_next->ready_prev : &queue->last) = thread->ready_prev;
    if (!queue->first)
        scheduler->ready &= ~(UINT64_C(1) << thread->priority);
}

static struct thread *pick(const struct scheduler *scheduler)
{
    if (!scheduler->ready)
        return NULL;
    return scheduler->queue[63 - __builtin_clzll(scheduler->ready)].first;
}

static enum rivals rivals(const struct scheduler *scheduler, const struct thread *thread)
{
    if (thread->ready_next || thread->ready_prev)
        return RIVALS_EQUALS;
    return scheduler->ready & ~(UINT64_C(1) << thread->priority) ? RIVALS_OTHERS : RIVALS_NONE;
}

const struct policy fixed_priority = {"fixed-priority", enqueue, dequeue, pick, rivals};
