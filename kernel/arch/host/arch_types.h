/*
 * The kernel on an ordinary process, for tests: the parts of the portable objects and the inline half of the contract in core/arch.h.
 * What a processor would keep to itself is plain memory here, so that a test can look (host.h).
 */
#ifndef HOST_ARCH_TYPES_H
#define HOST_ARCH_TYPES_H

#include "types.h"
#include <bulkhead/call.h>
#include <bulkhead/vcpu.h>

struct cpu;
struct vcpu;
struct space;
struct thread;

/* Where the lower level is. */
enum host_side { SIDE_NONE, SIDE_COMPONENT, SIDE_GUEST };

struct arch_cpu {
    enum host_side side;
    const struct space *space; /* whose translations are in force */
    unsigned tag;              /* and under what tag */
    struct vcpu *fp_owner;
    uint64_t guest_register;   /* stands for all of the loaded guest's registers; el1.tpidr while not loaded */
    bool wait_trap;
};

enum { CALL_REGISTERS = 8 };

struct arch_thread {
    uint64_t registers[CALL_REGISTERS];
    uint64_t pc, sp, link;
    bool repeat; /* the call is to be made again */
};

enum { ARCH_IRQS = 512 };

struct vm_answer {
    uint32_t function;
    uint64_t value;
};

struct arch_vm {
    uint64_t counter_offset;
    uint64_t levels[VM_LINES / 64]; /* of the shared lines, all of which go to vCPU 0 */
    uint16_t physical[VM_LINES];    /* interrupt that comes as the line; 0: none */
};

struct arch_vcpu {
    bool pending; /* it would take a virtual interrupt */
    bool late;    /* one comes while its registers go */
    uint64_t loads, attended;
};

extern struct cpu *host_self;
extern uint64_t host_counter;
void host_relax(void);

static inline struct cpu *cpu_self(void)
{
    return host_self;
}

/* Of a thread: struct thread is not complete here. */
#define arch_call_registers(thread) ((thread)->arch.registers)

static inline void arch_relax(void)
{
    host_relax();
}

static inline uint64_t arch_counter(void)
{
    return host_counter;
}

static inline uint64_t arch_counter_about(void)
{
    return host_counter;
}

static inline uint64_t arch_counter_frequency(void)
{
    return 1000000;
}

void *phys_to_ptr(paddr_t address);
paddr_t ptr_to_phys(const void *pointer);

#endif
