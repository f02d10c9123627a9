/*
 * Portals: a thread serves, others call. A call runs the server at once on the caller's CPU, at no less than the caller's priority; both
 * are on that CPU, so that a portal needs its lock only against destruction and timeouts elsewhere.
 */
#ifndef CORE_PORTAL_H
#define CORE_PORTAL_H

#include "lock.h"
#include "object.h"

struct cpu;
struct thread;

struct portal {
    struct object object;
    struct lock lock;
    struct thread *server;               /* waits (WAIT_PORTAL_SERVE), or serves */
    struct cpu *idle;                    /* where the server waits for a caller, or with a deadline IDLE_FOR_A_WHILE; NULL: it does not wait */
    struct thread *caller;               /* being served; NULL if it gave up or there is none */
    struct thread *queue_first, *queue_last; /* callers that wait for the server */
};

#define IDLE_FOR_A_WHILE (&cpus[CPUS_MAX])

/* CALL_PORTAL_CALL, CALL_PORTAL_WAIT, by the calling thread, whose registers bear the words: a status, or CALL_PENDING, and it waits. */
status_t portal_call(struct cpu *cpu, struct portal *portal, uint64_t badge, uint64_t deadline);
status_t portal_wait(struct cpu *cpu, struct portal *portal, uint64_t deadline);
/* The thread's deadline or end: it no longer waits. False if it has been answered meanwhile. */
bool portal_forget(struct thread *thread);
/* A thread faulted or was stopped: if it served a portal, its callers learn of it. */
void portal_server_died(struct thread *thread);
bool portal_destroy(struct portal *portal);

#endif
