/* A physical CPU: whom it runs, and what others want of it. */
#ifndef CORE_CPU_H
#define CORE_CPU_H

#include "arch.h"
#include "sched/sched.h"
#include "types.h"

struct thread;
struct vcpu;

struct cpu {
    unsigned section __attribute__((aligned(CACHE_LINE))); /* odd: within cpu_section_begin() and cpu_section_end() */
    unsigned index;
    void *stack_top;          /* offset 8: the exception vectors rely on it */
    struct arch_cpu arch;
    bool online;
    struct thread *current;   /* NULL: idle */
    struct vcpu *loaded;      /* whose guest registers are in this CPU, even while its monitor or somebody else runs */
    bool resched;             /* somebody became ready, or the current one no longer is */
    struct scheduler scheduler;
    uint64_t others;          /* priorities of those that are ready beside `current`, as of the last choice */
    struct thread *timers;    /* threads with deadlines, soonest first */
    uint64_t slice_end;       /* counter value at which round robin goes on; UINT64_MAX: alone */
    uint64_t timer_armed;     /* what arch_timer_set() was last given */
    uint64_t switched_at;     /* counter when `current` was switched to */
    struct thread *pokes;     /* pushed by any CPU: threads to attend to */
    unsigned request_pending; /* set by cpu_run_on(): a request awaits this CPU */
};

extern struct cpu cpus[CPUS_MAX];
_Static_assert(sizeof(struct cpu) % CACHE_LINE == 0, "what a CPU writes on its own paths lies in no other one's line");

/* Calls function(argument) on CPU `index`, with interrupts masked there, and returns when it has. Needs the tree lock (cap.h), so that there is one at a time. */
void cpu_run_on(unsigned index, void (*function)(void *argument), void *argument);
/*
 * Sections: a CPU that follows pointers to objects which are not its own (not loaded, running or queued on it) does so within a section, so
 * that cpu_quiesce() can wait for it. Interrupts are masked, sections do not nest, and nobody waits in one for a lock that is held while quiescing.
 * Nobody is interrupted for it: what a partition removes costs no CPU anything that it does not use itself.
 */
/* The section's beginning and end apart: a fence has to follow the former; what it returns is for the latter. */
static inline unsigned cpu_section_open(struct cpu *cpu)
{
    unsigned section = cpu->section + 1;
    __atomic_store_n(&cpu->section, section, __ATOMIC_RELAXED);
    return section;
}

/* What was begun by cpu_section_open() ends. */
static inline void cpu_section_close(struct cpu *cpu, unsigned section)
{
    __atomic_store_n(&cpu->section, section + 1, __ATOMIC_RELEASE);
}

static inline void cpu_section_begin(struct cpu *cpu)
{
    cpu_section_open(cpu);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* before any look-up: with the fence of cpu_quiesce(), either it sees the section or we see the removal */
}

static inline void cpu_section_end(struct cpu *cpu)
{
    cpu_section_close(cpu, cpu->section);
}

/* Returns when every other CPU has left the section, if any, that it was in: nobody holds a pointer that was looked up before. Needs the tree lock. */
void cpu_quiesce(void);
/* Entry points from the architecture. */
_Noreturn void kernel_main(void);         /* boot CPU; `platform` is filled in; stack is cpus[0]'s */
_Noreturn void cpu_main(struct cpu *cpu); /* secondary CPU */
void ipi_handle(struct cpu *cpu);
void timer_handle(struct cpu *cpu);
void irq_handle(struct cpu *cpu, unsigned number);
/* The earliest of its threads' deadlines has changed. */
void cpu_timer_update(struct cpu *cpu);
/* After any of the above, before going back to the lower level: picks the thread to run, idles if there is none; afterwards cpu->current is what to resume. */
void cpu_reschedule(struct cpu *cpu);

#endif
