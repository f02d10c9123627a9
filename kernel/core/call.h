/* Calls: one table for components' system calls and guests' hypercalls. */
#ifndef CORE_CALL_H
#define CORE_CALL_H

#include "types.h"

struct cap;
struct cpu;
struct partition;
struct thread;

/* What a call may answer besides a status; the caller's registers stay as they are. */
enum {
    CALL_PENDING = 1, /* it waits, or has gone elsewhere: whoever wakes it writes the results */
    CALL_REPEAT = 2,  /* not done: to be made again, with interrupts let in between */
};

/* Carries out the call in the current thread's registers and writes its results there. */
void call_dispatch(struct cpu *cpu);
/* The same for a guest's hypercall: only quick calls (quick.c) and CALL_NULL. STATUS_CALL for the others. */
status_t call_dispatch_guest(struct cpu *cpu, unsigned number, uint64_t *registers);
/* Within a section: makes `count` quick calls, MULTICALL_WORDS words each: the number, where the status is left, and three arguments. `table`: the caller's capabilities. STATUS_CALL for other numbers. */
void quick_calls(struct cap *const *table, uint64_t *words, uint64_t count);
/* The same with those in the thread's page. STATUS_LIMIT, STATUS_STATE: it has none. */
status_t quick_batch(const struct thread *thread, uint64_t count);

#endif
