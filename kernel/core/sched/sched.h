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

enum rivals {
    RIVALS_NONE,
    RIVALS_OTHERS,
    RIVALS_EQUALS, /* with them it takes turns: its time slice matters */
};

/* Who is to run, NULL: nobody; and who else is ready. */
struct choice {
    struct thread *thread;
    enum rivals rivals;
};

struct policy {
    const char *name;
    void (*enqueue)(struct scheduler *, struct thread *, bool front); /* it is ready */
    void (*dequeue)(struct scheduler *, struct thread *);             /* it no longer is */
    struct choice (*pick)(const struct scheduler *);                  /* the one to run stays enqueued */
    struct choice (*leave)(struct scheduler *, struct thread *);      /* both: it no longer is ready, who runs then? */
};

extern const struct policy fixed_priority;

struct scheduler {
    const struct policy *policy;
    /* fixed_priority */
    uint64_t ready;                       /* bit p: queue[p] is not empty */
    struct thread *queue[PRIORITIES];     /* the first of each, a ring in the order in which they will run */
};

#endif
