/*
 * Scheduling: a policy is a table of functions over its own part of struct scheduler. Fixed priorities with round robin among
 * equals is the one there is (fixed_priority.c); windows will choose among several.
 */
#ifndef CORE_SCHED_H
#define CORE_SCHED_H

#include <bulkhead/call.h>
#include <stdbool.h>
#include <stdint.h>

struct thread;
struct scheduler;

/* Who is to run, NULL: nobody; and the priorities of those who are ready beside: if its own is among them, it takes turns, and its time slice matters. */
struct choice {
    struct thread *thread;
    uint64_t others;
};

struct policy {
    void (*enqueue)(struct scheduler *, struct thread *, bool front); /* it is ready */
    void (*dequeue)(struct scheduler *, struct thread *);             /* it no longer is */
    struct choice (*pick)(const struct scheduler *);                  /* the one to run stays enqueued */
    struct choice (*leave)(struct scheduler *, struct thread *);      /* both: it no longer is ready, who runs then? */
};

extern const struct policy fixed_priority;

struct scheduler {
    const struct policy *policy;
    /* fixed_priority */
    uint64_t ready;                       /* bit p: there are some in queue[p]; else that says nothing */
    struct thread *queue[PRIORITIES];     /* the first of each, a ring in the order in which they will run */
};

#endif
