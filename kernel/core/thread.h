/*
 * Threads: the one thing that is scheduled. A thread belongs to one CPU; its state, its place in that CPU's queues and its registers are changed there
 * only. Other CPUs ask by poking it (thread_wake) or by cpu_run_on().
 */
#ifndef CORE_THREAD_H
#define CORE_THREAD_H

#include "object.h"
#include "signal.h"
#include "space.h"

struct cpu;
struct vcpu;
struct portal;

enum thread_state { THREAD_STOPPED, THREAD_READY, THREAD_WAITING, THREAD_FAULTED };
enum poke { POKED = 1, WOKEN = 2 /* what it waited for has come; with POKED only */ };
enum wait_kind { WAIT_NONE, WAIT_SIGNAL, WAIT_PORTAL_CALL, WAIT_PORTAL_SERVE, WAIT_INTERRUPT };

/* As CALL_THREAD_FAULT answers it. */
struct thread_fault {
    uint64_t reason; /* enum fault_class */
    uint64_t pc, address, syndrome, link, sp;
};

struct thread {
    struct object object;
    /* What switches look at, to the end of the second line of 64 bytes. */
    struct vcpu *vcpu;           /* that it has entered */
    struct thread *ready_next, *ready_prev; /* in the scheduler's queue */
    uint8_t state;               /* enum thread_state */
    uint8_t waiting;             /* enum wait_kind */
    uint8_t priority;            /* in force: at least base_priority */
    uint8_t base_priority;
    uint8_t cpu;
    bool timer_queued;
    struct thread *timer_next;   /* in cpu->timers */
    uint64_t deadline;
    uint64_t slice_end;          /* UINT64_MAX: it has a whole one before it */
    uint64_t ticks, switches;
    struct object *wait_object; /* signal, or portal that it called */
    struct partition *partition; /* whose capabilities it has */
    struct arch_thread arch;
    struct space_user space;
    uint64_t *batch;             /* page shared with its space; NULL: none */
    saddr_t batch_address;
    uint64_t wait_mask;         /* WAIT_SIGNAL */
    /* portals */
    struct thread *portal_next; /* among the callers that wait for the server */
    uint64_t badge;             /* of the capability that it called by */
    struct portal *serving;     /* the portal whose server it is */
    /* set by any CPU */
    struct thread *poke_next;
    unsigned poked; /* enum poke; none: it is not in its CPU's list */
    /* its end */
    struct binding supervisor;
    struct thread_fault fault;
};
_Static_assert(offsetof(struct thread, arch) == 2 * CACHE_LINE, "two lines for switches");

/* A stopped one; NULL and why in *status. Tree lock. */
struct thread *thread_new(struct partition *payer, struct space *space, unsigned cpu, unsigned priority, status_t *status);
/* Starts a stopped thread; on whatever CPU. */
status_t thread_start(struct thread *thread, uint64_t pc, uint64_t sp, uint64_t argument);
/* Takes it out of everything; returns when it does not run. Tree lock. */
void thread_stop(struct thread *thread);
/* Its batch page (CALL_MULTICALL), mapped in its space. Tree lock. */
status_t thread_batch_make(struct thread *thread, saddr_t address);
bool thread_destroy(struct thread *thread);
void thread_space_died(struct thread *thread);

/* --- on the thread's own CPU ---------------------------------------------------------------------------------------- */

/* The current thread waits from now on. */
void thread_wait(struct cpu *cpu, struct thread *thread, unsigned kind, struct object *object, uint64_t deadline);
/* It is ready (again). */
void thread_ready(struct cpu *cpu, struct thread *thread);
/* It stops, as described in thread->fault; its supervisor is told. Within a section (cpu.h). */
void thread_fault(struct cpu *cpu, struct thread *thread, unsigned reason, uint64_t address, uint64_t syndrome);
/* The same for the current thread, from an exception. */
void thread_trap(struct cpu *cpu, unsigned reason, uint64_t address, uint64_t syndrome);
/* A changed priority takes effect. */
void thread_set_priority(struct cpu *cpu, struct thread *thread, unsigned priority);
/* Deadlines. */
void thread_timer_add(struct cpu *cpu, struct thread *thread, uint64_t deadline);
void thread_timer_remove(struct cpu *cpu, struct thread *thread);
void thread_timers_expire(struct cpu *cpu);
/* All that others asked for: wakes, virtual interrupts, kicks. */
void thread_pokes_serve(struct cpu *cpu);

/* --- on whatever CPU ------------------------------------------------------------------------------------------------- */

/* Writes the status of the call that a waiting thread made; the registers for further results. */
uint64_t *thread_answer(struct thread *thread, status_t status);
/* What it waited for has come (and was taken off it): it becomes ready. */
void thread_wake(struct thread *thread);
/* Its CPU looks after it: virtual interrupts or a kick may be waiting. */
void thread_poke(struct thread *thread);

#endif
