/*
 * The simulated machine, as a test sees and steers it: memory, CPUs that enter the kernel one after another in one thread, time,
 * interrupts, a TLB. What no real machine would forgive ends the test by abort(), with a line that says what.
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include "cpu.h"
#include <setjmp.h>

#define HOST_RAM UINT64_C(0x40000000)
#define HOST_RAM_SIZE (UINT64_C(64) << 20)
#define HOST_HOLE (HOST_RAM + (UINT64_C(60) << 20)) /* between two banks */
#define HOST_HOLE_SIZE (UINT64_C(1) << 20)
#define HOST_IMAGE (HOST_RAM + 0x200000) /* kernel and package, which the kernel can read */
#define HOST_IMAGE_SIZE UINT64_C(0x10000)
#define HOST_PACKAGE (HOST_IMAGE + HOST_IMAGE_SIZE)
#define HOST_PACKAGE_SIZE UINT64_C(0x10000)
#define HOST_ROOT (HOST_PACKAGE + 2 * PAGE_SIZE) /* root's program there */
#define HOST_AREA (HOST_RAM + 0x1000000) /* arch_kernel_area() */
#define HOST_AREA_SIZE (UINT64_C(8) << 20)

enum { HOST_LOG = 8192, HOST_NO_POWER = -1 };

struct host_interrupt {
    bool enabled, active, edge;
    unsigned cpu;
};

struct host {
    bool in_kernel[CPUS_MAX];
    bool ipi_pending[CPUS_MAX];
    bool ipis_held;             /* by the test: they stay pending until host_ipis_deliver(), or until somebody waits for them */
    bool interrupt;             /* arch_interrupt_pending() says so */
    unsigned looks;             /* how often it was asked */
    uint64_t deadline[CPUS_MAX];
    unsigned tag_count;         /* arch_tag_count() */
    unsigned refuse_cpu;        /* arch_cpu_start() fails for this one; 0: for none */
    unsigned passes;            /* calls that went the direct way (direct.h) */
    uint64_t tag_flushes, space_flushes, scrubbed /* bytes */, ipis;
    int power;                  /* what arch_power() was asked for; HOST_NO_POWER */
    bool panicked;
    unsigned mapped_pages;      /* of kernel memory */
    const char *stack;          /* where the stay in the kernel began */
    size_t stack_used;          /* bytes from there, at the deepest arch_kernel_unmap() */
    struct host_interrupt interrupts[ARCH_IRQS];
    char log[HOST_LOG];
    size_t log_length;
};
extern struct host host;

/* Memory as after power-on, no CPU running, host zeroed; platform describes `cpus` CPUs. */
void host_reset(unsigned cpus);
/* Runs function(cpu, argument) in the kernel on CPU `index`, and what follows until the CPU is back at the lower level or sleeps; then
 * the IPIs that came for it meanwhile. */
void host_enter(unsigned index, void (*function)(struct cpu *cpu, void *argument), void *argument);
/* The call of the thread that runs, as the vectors of a real architecture make it: directly if it can be, else by call_dispatch(). */
void host_call(struct cpu *cpu);
/* Runs function(argument) where arch_power() and a panic return to. True if either came. */
bool host_stops(void (*function)(void *argument), void *argument);
void host_ipis_deliver(void);
/* Time goes on to `counter`; the timers that are due fire. */
void host_advance(uint64_t counter);
/* The physical interrupt occurs; its CPU takes it unless it is disabled or active. True if it was taken. */
bool host_interrupt_raise(unsigned number);
/* Called after every stay in the kernel, for invariants; NULL: nothing. */
extern void (*host_check)(struct cpu *cpu);

/* Memory from behind: all of it, whatever the kernel has mapped. */
void *host_memory(uint64_t physical);
/* Is the page mapped for the kernel? */
bool host_is_mapped(uint64_t physical);

/* The address as hardware would translate it now: from the TLB, or by a walk that fills it. UINT64_MAX: fault. */
uint64_t host_translate(struct space *space, uint64_t address, unsigned access);
/* The leaf entry's size in bytes, 0 if there is none; and whether it bears the contiguous hint. By a walk, not from the TLB. */
uint64_t host_leaf_size(struct space *space, uint64_t address, bool *contiguous, bool *device);
/* Does any translation in the TLB lead into the range, or does a walk that it caches? */
bool host_tlb_reaches(uint64_t base, uint64_t size);

_Noreturn void host_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
