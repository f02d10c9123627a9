/* Portals. */
#include "portal.h"
#include "call.h"
#include "cpu.h"
#include "thread.h"

enum { WORDS = 4 };

/* The caller's words become the idle server's results. */
static void portal_hand_over(struct cpu *cpu, struct portal *portal, struct thread *caller)
{
    struct thread *server = portal->server;
    const uint64_t *words = arch_call_registers(caller) + 2;
    uint64_t *results = thread_answer(server, STATUS_OK) + 1;
    for (unsigned i = 0; i < WORDS; i++)
        results[i] = words[i];
    results[WORDS] = caller->badge;
    portal->caller = caller;
    portal->idle = NULL;
    if (caller->priority > server->priority)
        thread_set_priority(cpu, server, caller->priority); /* the caller's time is what it runs on */
}

/* Behind those that wait already. Until it is its turn it lends the server its priority, so that nobody between the two holds it up. */
static void queue_add(struct cpu *cpu, struct portal *portal, struct thread *caller)
{
    if (portal->queue_last)
        portal->queue_last = portal->queue_last->portal_next = caller;
    else
        portal->queue_first = portal->queue_last = caller;
    if (caller->priority > portal->server->priority)
        thread_set_priority(cpu, portal->server, caller->priority);
}

status_t portal_call(struct cpu *cpu, struct portal *portal, uint64_t badge, uint64_t deadline)
{
    struct thread *caller = cpu->current;
    status_t status = CALL_PENDING;
    lock_take(&portal->lock);
    struct thread *server = portal->server;
    if (!server) {
        status = STATUS_DEAD;
    } else if (server == caller) {
        status = STATUS_STATE; /* it would wait for itself */
    } else if (server->cpu != cpu->index) {
        status = STATUS_CPU;
    } else if (!portal->idle && deadline <= arch_counter()) {
        status = STATUS_TIMEOUT;
    } else {
        caller->badge = badge;
        caller->portal_next = NULL;
        thread_wait(cpu, caller, WAIT_PORTAL_CALL, &portal->object, deadline);
        if (portal->idle) {
            portal_hand_over(cpu, portal, caller);
            thread_ready(cpu, server);
        } else {
            queue_add(cpu, portal, caller);
        }
    }
    lock_release(&portal->lock);
    return status;
}

/* The caller being served, if it still waits, gets the server's words. */
static void portal_answer(struct cpu *cpu, struct portal *portal, const uint64_t *words)
{
    struct thread *caller = portal->caller;
    portal->caller = NULL;
    if (!caller)
        return;
    uint64_t *results = thread_answer(caller, STATUS_OK) + 1;
    for (unsigned i = 0; i < WORDS; i++)
        results[i] = words[i];
    thread_ready(cpu, caller);
}

/* Serves the next in the queue, if any, to the calling server. */
static bool portal_next(struct cpu *cpu, struct portal *portal)
{
    struct thread *caller = portal->queue_first;
    if (!caller)
        return false;
    portal->queue_first = caller->portal_next;
    if (!portal->queue_first)
        portal->queue_last = NULL;
    portal_hand_over(cpu, portal, caller);
    return true;
}

status_t portal_wait(struct cpu *cpu, struct portal *portal, uint64_t deadline)
{
    struct thread *server = cpu->current;
    status_t status = CALL_PENDING;
    if (server->serving && server->serving != portal)
        return STATUS_STATE; /* a thread serves one portal: that one learns of its end */
    lock_take(&portal->lock);
    if (portal->server && portal->server != server) {
        lock_release(&portal->lock);
        return STATUS_BUSY;
    }
    portal->server = server;
    server->serving = portal;
    portal_answer(cpu, portal, arch_call_registers(server) + 2);
    /* As long as somebody waits it keeps what was lent to it: the most urgent one may be behind the next. */
    if (!portal->queue_first && server->priority != server->base_priority)
        thread_set_priority(cpu, server, server->base_priority);
    if (portal_next(cpu, portal)) {
        status = STATUS_OK;
    } else if (deadline <= arch_counter()) {
        status = STATUS_TIMEOUT;
    } else {
        portal->idle = deadline == DEADLINE_NEVER ? cpu : IDLE_FOR_A_WHILE;
        thread_wait(cpu, server, WAIT_PORTAL_SERVE, &portal->object, deadline);
    }
    lock_release(&portal->lock);
    return status;
}

static bool queue_remove(struct portal *portal, const struct thread *caller)
{
    struct thread *before = NULL;
    for (struct thread *t = portal->queue_first; t; before = t, t = t->portal_next) {
        if (t != caller)
            continue;
        if (before)
            before->portal_next = t->portal_next;
        else
            portal->queue_first = t->portal_next;
        if (portal->queue_last == t)
            portal->queue_last = before;
        return true;
    }
    return false;
}

bool portal_forget(struct thread *thread)
{
    struct portal *portal = thread->waiting == WAIT_PORTAL_SERVE ? thread->serving : (struct portal *)thread->wait_object;
    bool found = true;
    lock_take(&portal->lock);
    if (portal->server == thread)
        portal->idle = NULL;
    else if (portal->caller == thread)
        portal->caller = NULL;
    else
        found = queue_remove(portal, thread); /* if not there: the portal went, and a wake is under way */
    lock_release(&portal->lock);
    return found;
}

/* It has no server any more, as every caller learns. Portal's lock. */
static void portal_abandon(struct portal *portal, struct thread *server)
{
    struct thread *caller = portal->caller;
    portal->server = NULL;
    portal->idle = NULL;
    server->serving = NULL;
    portal->caller = NULL;
    while (caller || portal->queue_first) {
        if (!caller) {
            caller = portal->queue_first;
            portal->queue_first = caller->portal_next;
        }
        thread_answer(caller, STATUS_DEAD);
        thread_wake(caller);
        caller = NULL;
    }
    portal->queue_last = NULL;
}

void portal_server_died(struct thread *thread)
{
    struct portal *portal = thread->serving;
    if (!portal)
        return;
    lock_take(&portal->lock);
    thread->priority = thread->base_priority;
    portal_abandon(portal, thread);
    lock_release(&portal->lock);
}

/* On its server's CPU, where everything of it changes: nobody finds it any more. */
static void portal_end(void *argument)
{
    struct portal *portal = argument;
    struct thread *server = portal->server;
    lock_take(&portal->lock);
    bool waiting = portal->idle;
    portal_abandon(portal, server);
    lock_release(&portal->lock);
    thread_set_priority(&cpus[server->cpu], server, server->base_priority); /* nobody lends it his any more */
    if (waiting) {
        thread_answer(server, STATUS_DEAD);
        thread_wake(server);
    }
}

bool portal_destroy(struct portal *portal)
{
    cpu_quiesce(); /* nobody becomes its server any more */
    if (portal->server)
        cpu_run_on(portal->server->cpu, portal_end, portal);
    return true;
}
