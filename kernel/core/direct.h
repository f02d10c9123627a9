/*
 * Calls by which one thread hands its CPU straight to another, without the scheduler, because nobody else could be the next. Looked at first, and nothing touched
 * until it is sure: if anything is out of the ordinary (a deadline, a queue, equals, another CPU) the answer is NULL, and the call goes its usual way (call.c), where every
 * rule stands. Whoever runs before and after has no equals, so neither the time slice nor the timer changes. Else it is the thread that runs now: the architecture has
 * yet to switch to it, and to hand over the words.
 *
 * Of portals no lock is taken: what is looked at here changes on the server's CPU only.
 */
#ifndef CORE_DIRECT_H
#define CORE_DIRECT_H

#include "cpu.h"
#include "partition.h"
#include "portal.h"
#include "signal.h"
#include "thread.h"

/* `to` runs now, with that priority, beside those of `others`; `from` has waited or been ready for less since it was switched to. */
static inline struct thread *direct_run(struct cpu *cpu, struct thread *from, struct thread *to, unsigned priority, uint64_t others)
{
    uint64_t now = arch_counter_about(), since = cpu->switched_at, ticks = from->ticks;
    cpu->scheduler.queue[priority] = to;
    cpu->scheduler.ready = others | UINT64_C(1) << priority;
    to->ready_next = to->ready_prev = to;
    to->state = THREAD_READY;
    to->waiting = WAIT_NONE;
    cpu->switched_at = now;
    from->ticks = ticks + now - since;
    to->switches++;
    cpu->current = to;
    return to;
}

/* The capability of a portal, if the call has no deadline. */
static inline const struct cap *direct_portal(const struct thread *from, uint64_t slot, uint64_t deadline, unsigned right)
{
    if (slot / CAP_SLOTS | (deadline ^ DEADLINE_NEVER)) /* one look at both */
        return NULL;
    return cap_within(from->partition, slot, CAP_PORTAL, right);
}

/* CALL_PORTAL_CALL, within a section: the server waits here, and serves `from` with its own priority or the caller's. */
static inline struct thread *direct_call(struct cpu *cpu, struct thread *from, uint64_t slot, uint64_t deadline, uint64_t *badge)
{
    const struct cap *cap = direct_portal(from, slot, deadline, RIGHT_CALL);
    if (!cap)
        return NULL;
    struct portal *portal = (struct portal *)cap->object;
    *badge = cap->size;
    if (portal->idle != cpu)
        return NULL;
    struct thread *to = portal->server;
    uint8_t before = from->priority, priority = to->priority > before ? to->priority : before;
    uint64_t others = cpu->others;
    if (others >> before)
        return NULL;
    to->priority = priority;
    portal->idle = NULL;
    portal->caller = from;
    from->state = THREAD_WAITING;
    from->waiting = WAIT_PORTAL_CALL;
    from->wait_object = &portal->object;
    return direct_run(cpu, from, to, priority, others);
}

/* CALL_PORTAL_WAIT: the answer to the caller, as long as nobody else waits for the server, which then waits for the next. */
static inline struct thread *direct_answer(struct cpu *cpu, struct thread *from, uint64_t slot, uint64_t deadline)
{
    const struct cap *cap = direct_portal(from, slot, deadline, RIGHT_SERVE);
    struct portal *portal = from->serving;
    if (!cap || (struct portal *)cap->object != portal)
        return NULL;
    struct thread *to = portal->caller;
    if (!to || portal->queue_first)
        return NULL;
    uint8_t before = from->priority, base = from->base_priority, priority = to->priority;
    uint64_t others = cpu->others;
    if (others >> priority || priority > before || to->timer_queued)
        return NULL;
    from->priority = base;
    from->state = THREAD_WAITING;
    from->waiting = WAIT_PORTAL_SERVE;
    portal->idle = cpu;
    portal->caller = NULL;
    return direct_run(cpu, from, to, priority, others);
}

/* CALL_SIGNAL_RAISE, within a section: the waiter, if it is here, more urgent, and all that is raised is for it; whoever raised stays ready, so that arch_wait_trap() has to follow. */
static inline struct thread *direct_raise(struct cpu *cpu, struct thread *from, uint64_t slot, uint64_t *bits)
{
    const struct cap *cap = cap_in(from->partition, slot, CAP_SIGNAL, RIGHT_RAISE);
    if (!cap || cpu->others >> from->priority)
        return NULL;
    struct signal *signal = (struct signal *)cap->object;
    *bits &= cap->size;
    lock_take(&signal->lock);
    struct thread *to = signal->waiter;
    bool sure = to && *bits && !(*bits & ~to->wait_mask) && to->cpu == cpu->index && to->priority > from->priority && !to->timer_queued;
    if (sure)
        __atomic_store_n(&signal->waiter, NULL, __ATOMIC_SEQ_CST);
    lock_release(&signal->lock);
    if (!sure)
        return NULL;
    cpu->others |= UINT64_C(1) << from->priority;
    return direct_run(cpu, from, to, to->priority, cpu->others);
}

#endif
