/* Who runs: threads, what they wait for, portals' priorities, time. */
#include "model.h"

static struct m_thread *thread_of(int index)
{
    return &m_thing(index)->thread;
}

static bool is_thread(int index)
{
    return model.things[index].used && model.things[index].type == CAP_THREAD_OBJECT;
}

/* --- ready threads -------------------------------------------------------------------------------------------------- */

static bool runs_before(const struct m_thread *a, const struct m_thread *b)
{
    return a->priority != b->priority ? a->priority > b->priority : a->place < b->place;
}

int m_pick(unsigned cpu)
{
    int best = NONE;
    for (int i = 0; i < model.things_end; i++) {
        if (!is_thread(i) || thread_of(i)->state != M_READY || thread_of(i)->cpu != cpu)
            continue;
        if (best == NONE || runs_before(thread_of(i), thread_of(best)))
            best = i;
    }
    return best;
}

static bool has_equals(int thread)
{
    for (int i = 0; i < model.things_end; i++) {
        if (i != thread && is_thread(i) && thread_of(i)->state == M_READY && thread_of(i)->cpu == thread_of(thread)->cpu &&
            thread_of(i)->priority == thread_of(thread)->priority)
            return true;
    }
    return false;
}

static void reschedule(unsigned index)
{
    struct m_cpu *cpu = &model.cpus[index];
    int next = m_pick(index);
    bool switched = next != cpu->running;
    if (switched && cpu->running != NONE)
        thread_of(cpu->running)->ticks += model.now - cpu->switched_at;
    if (switched)
        cpu->switched_at = model.now;
    cpu->running = next;
    cpu->slice_end = M_NEVER;
    if (next != NONE && !has_equals(next))
        thread_of(next)->slice_end = M_NEVER;
    else if (next != NONE && thread_of(next)->slice_end == M_NEVER)
        thread_of(next)->slice_end = model.now + M_SLICE;
    if (next != NONE)
        cpu->slice_end = thread_of(next)->slice_end;
}

void m_reschedule(void)
{
    for (unsigned i = 0; i < M_CPUS; i++)
        reschedule(i);
}

void m_ready(int thread)
{
    thread_of(thread)->state = M_READY;
    thread_of(thread)->wait = M_WAIT_NOTHING;
    m_yield(thread);
}

void m_yield(int thread)
{
    thread_of(thread)->place = ++model.back;
    thread_of(thread)->slice_end = M_NEVER;
    thread_of(thread)->moved = true;
}

void m_moves_forget(void)
{
    for (int i = 0; i < model.things_end; i++)
        thread_of(i)->moved = false;
}

/* A changed priority: whoever runs goes on before its new equals, others come after them. */
static void set_priority(int thread, unsigned priority)
{
    struct m_thread *t = thread_of(thread);
    if (t->priority == priority)
        return;
    t->priority = priority;
    bool runs = model.cpus[t->cpu].running == thread;
    t->place = runs ? --model.front : ++model.back;
    t->slice_end = runs ? t->slice_end : M_NEVER;
    t->moved = true;
}

/* --- waiting ----------------------------------------------------------------------------------------------------------- */

static void wait(int thread, enum m_wait wait, int thing, uint64_t deadline)
{
    struct m_thread *t = thread_of(thread);
    t->state = M_WAITING;
    t->wait = wait;
    t->wait_thing = thing;
    t->deadline = deadline;
    t->deadline_order = t->queued = ++model.order;
}

/* What it waited for does not know it any more. */
static void forget(int thread)
{
    struct m_thread *t = thread_of(thread);
    struct m_thing *thing = m_thing(t->wait_thing);
    if (t->state != M_WAITING)
        return;
    if (t->wait == M_WAIT_SIGNAL)
        thing->waiter = NONE;
    else if (t->wait == M_WAIT_SERVE)
        thing->idle = false;
    else if (thing->caller == thread)
        thing->caller = NONE;
}

static void answer(int thread, status_t status)
{
    thread_of(thread)->registers[0] = (uint64_t)status;
    m_ready(thread);
}

/* Those who called the portal and were not answered. */
static void fail_callers(int portal)
{
    m_thing(portal)->caller = NONE;
    for (int found; (found = NONE), true;) { /* in the order in which they called */
        for (int i = 0; i < model.things_end; i++) {
            if (is_thread(i) && thread_of(i)->state == M_WAITING && thread_of(i)->wait == M_WAIT_CALL && thread_of(i)->wait_thing == portal &&
                (found == NONE || thread_of(i)->queued < thread_of(found)->queued))
                found = i;
        }
        if (found == NONE)
            return;
        answer(found, STATUS_DEAD);
    }
}

/* --- the end ------------------------------------------------------------------------------------------------------------ */

static void serve_no_more(int thread)
{
    struct m_thread *t = thread_of(thread);
    if (t->serving == NONE)
        return;
    struct m_thing *portal = m_thing(t->serving);
    portal->server = NONE;
    portal->idle = false;
    t->priority = t->base;
    fail_callers(t->serving);
    t->serving = NONE;
}

void m_stop(int thread)
{
    forget(thread);
    thread_of(thread)->state = M_STOPPED;
    thread_of(thread)->wait = M_WAIT_NOTHING;
    serve_no_more(thread);
}

void m_fault(int thread, unsigned reason, uint64_t address, uint64_t syndrome)
{
    struct m_thread *t = thread_of(thread);
    const uint64_t fault[6] = {reason, t->pc, address, syndrome, 0, t->sp};
    for (unsigned i = 0; i < 6; i++)
        t->fault[i] = fault[i];
    t->state = M_FAULTED;
    serve_no_more(thread);
    if (t->supervisor != NONE)
        m_signal_raise(t->supervisor, t->supervisor_bits);
}

void m_signal_end(int signal)
{
    int waiter = m_thing(signal)->waiter;
    for (int i = 0; i < model.things_end; i++) {
        if (is_thread(i) && thread_of(i)->supervisor == signal)
            thread_of(i)->supervisor = NONE;
    }
    for (unsigned i = 0; i < M_IRQS; i++) {
        if (model.irqs[i].signal == signal)
            model.irqs[i] = (struct m_irq){.signal = NONE}; /* unbound: silent, and somebody else's to bind */
    }
    if (waiter != NONE)
        answer(waiter, STATUS_DEAD);
    m_thing(signal)->waiter = NONE;
}

void m_portal_end(int portal)
{
    int server = m_thing(portal)->server;
    bool idle = m_thing(portal)->idle;
    fail_callers(portal);
    if (server == NONE)
        return;
    thread_of(server)->serving = NONE;
    set_priority(server, thread_of(server)->base);
    thread_of(server)->moved = true; /* to where among its equals is not said */
    if (idle)
        answer(server, STATUS_DEAD);
    m_thing(portal)->server = NONE;
    m_thing(portal)->idle = false;
}

/* --- signals -------------------------------------------------------------------------------------------------------------- */

void m_signal_raise(int signal, uint64_t bits)
{
    struct m_thing *s = m_thing(signal);
    int waiter = s->waiter;
    s->bits |= bits;
    if (waiter == NONE || !(s->bits & thread_of(waiter)->mask))
        return;
    thread_of(waiter)->registers[1] = s->bits & thread_of(waiter)->mask;
    s->bits &= ~thread_of(waiter)->mask;
    s->waiter = NONE;
    answer(waiter, STATUS_OK);
}

status_t m_signal_wait(int thread, int signal, uint64_t mask, uint64_t deadline)
{
    struct m_thing *s = m_thing(signal);
    if (s->waiter != NONE)
        return STATUS_BUSY;
    if (s->bits & mask) {
        thread_of(thread)->registers[1] = s->bits & mask;
        s->bits &= ~mask;
        return STATUS_OK;
    }
    if (deadline <= model.now)
        return STATUS_TIMEOUT;
    s->waiter = thread;
    thread_of(thread)->mask = mask;
    wait(thread, M_WAIT_SIGNAL, signal, deadline);
    return M_PENDING;
}

/* --- portals: the server runs at no less than the priority of whoever it serves, or who waits for it ------------------------ */

static void lend(int server, int caller)
{
    if (thread_of(caller)->priority > thread_of(server)->priority)
        set_priority(server, thread_of(caller)->priority);
}

/* The caller is served from now on: its words are the server's results. */
static void serve(int portal, int caller)
{
    struct m_thing *p = m_thing(portal);
    uint64_t *results = thread_of(p->server)->registers;
    const uint64_t *words = &thread_of(caller)->registers[2];
    results[0] = STATUS_OK;
    for (unsigned i = 0; i < 4; i++)
        results[1 + i] = words[i];
    results[5] = thread_of(caller)->badge;
    p->caller = caller;
    p->idle = false;
    lend(p->server, caller);
}

status_t m_portal_call(int thread, int portal, uint64_t badge, uint64_t deadline)
{
    struct m_thing *p = m_thing(portal);
    if (p->server == NONE)
        return STATUS_DEAD;
    if (p->server == thread)
        return STATUS_STATE;
    if (thread_of(p->server)->cpu != thread_of(thread)->cpu)
        return STATUS_CPU;
    if (!p->idle && deadline <= model.now)
        return STATUS_TIMEOUT;
    thread_of(thread)->badge = badge;
    wait(thread, M_WAIT_CALL, portal, deadline);
    if (p->idle) {
        serve(portal, thread);
        m_ready(p->server);
    } else {
        lend(p->server, thread);
    }
    return M_PENDING;
}

/* The one that called first, of those who wait to be served. */
static int first_caller(int portal)
{
    int first = NONE;
    for (int i = 0; i < model.things_end; i++) {
        if (!is_thread(i) || thread_of(i)->state != M_WAITING || thread_of(i)->wait != M_WAIT_CALL || thread_of(i)->wait_thing != portal ||
            i == m_thing(portal)->caller)
            continue;
        if (first == NONE || thread_of(i)->queued < thread_of(first)->queued)
            first = i;
    }
    return first;
}

static void reply(int server, int caller)
{
    for (unsigned i = 0; i < 4; i++)
        thread_of(caller)->registers[1 + i] = thread_of(server)->registers[2 + i];
    answer(caller, STATUS_OK);
}

status_t m_portal_wait(int thread, int portal, uint64_t deadline)
{
    struct m_thing *p = m_thing(portal);
    struct m_thread *t = thread_of(thread);
    if (t->serving != NONE && t->serving != portal)
        return STATUS_STATE;
    if (p->server != NONE && p->server != thread)
        return STATUS_BUSY;
    p->server = thread;
    t->serving = portal;
    if (p->caller != NONE)
        reply(thread, p->caller);
    p->caller = NONE;
    int next = first_caller(portal);
    if (next == NONE)
        set_priority(thread, t->base);
    else
        serve(portal, next);
    if (next != NONE)
        return STATUS_OK;
    if (deadline <= model.now)
        return STATUS_TIMEOUT;
    p->idle = true;
    wait(thread, M_WAIT_SERVE, portal, deadline);
    return M_PENDING;
}

/* --- time --------------------------------------------------------------------------------------------------------------------- */

static int first_due(unsigned cpu)
{
    int first = NONE;
    for (int i = 0; i < model.things_end; i++) {
        const struct m_thread *t = thread_of(i);
        if (!is_thread(i) || t->state != M_WAITING || t->cpu != cpu || t->deadline > model.now || t->deadline == M_NEVER)
            continue;
        const struct m_thread *best = first == NONE ? NULL : thread_of(first);
        if (!best || t->deadline < best->deadline || (t->deadline == best->deadline && t->deadline_order < best->deadline_order))
            first = i;
    }
    return first;
}

void m_time(void)
{
    for (unsigned cpu = 0; cpu < M_CPUS; cpu++) {
        int running = model.cpus[cpu].running;
        for (int due; (due = first_due(cpu)) != NONE;) {
            forget(due);
            answer(due, STATUS_TIMEOUT);
        }
        if (running != NONE && model.cpus[cpu].slice_end <= model.now)
            m_yield(running);
        reschedule(cpu);
        while (model.cpus[cpu].slice_end <= model.now) { /* ended while a higher one ran */
            m_yield(model.cpus[cpu].running);
            reschedule(cpu);
        }
    }
}
