/*
 * Guest processors: one thread each, on the host CPU that the description says, which enters the vCPU and handles its exits. PSCI's power
 * states decide whether it runs.
 */
#ifndef VMM_VCPU_H
#define VMM_VCPU_H

#include "decode.h"

#include <bulkhead/call.h>
#include <bulkhead/vcpu.h>
#include <stdbool.h>
#include <stdint.h>

/* CLAIMED: somebody starts it and writes `entry` and `context`; PSCI calls that and PENDING "on pending" (DEN 0022 §5.7). */
enum cpu_power { CPU_OFF, CPU_CLAIMED, CPU_PENDING, CPU_ON };

/* PSCI's whole state; plain data. The rest of a guest processor is the vCPU object's. */
struct psci_cpu {
    uint32_t power;   /* enum cpu_power */
    uint32_t boots;   /* by the kernel's boot protocol, not PSCI's CPU_ON */
    uint64_t entry;   /* guest-physical address of the first instruction, written before CPU_PENDING */
    uint64_t context; /* its x0; of a 32-bit kernel that `boots`, the device tree's address */
};

struct psci_state {
    struct psci_cpu cpus[VM_VCPUS];
};

struct cpu {
    struct vcpu_state *state;
    struct psci_cpu *psci;
    cap_t vcpu;
    uint32_t index;
    cap_t signal;            /* wakes the thread when parked */
    uint32_t parked;         /* the thread is not in the guest and will not enter it while the machine is held */
    uint32_t report_request; /* the main thread wants to know where the guest is */
    bool waits;              /* this thread's: the guest is to wait for an interrupt when it goes on */
    struct decoded decoded;  /* access.h: the last access that had to be decoded; this thread's only */
    uint32_t instruction;    /* its word; 0: none was read */
};

/** Makes vCPUs and starts their threads; they wait, switched off. */
void cpus_build(void);

/** The vCPU with that index (below machine.cpus). */
struct cpu *cpu_at(unsigned index);

/** Switches a vCPU on by PSCI's CPU_ON: false if it is not off. */
bool cpu_start(struct cpu *cpu, uint64_t entry, uint64_t context);

/** Main thread, all being off: starts a vCPU by its kernel's boot protocol, with that argument. */
void cpu_boot(struct cpu *cpu, uint64_t entry, uint64_t argument);

/** PSCI's power state. */
enum cpu_power cpu_power_of(const struct cpu *cpu);

/** Main thread, the machine being held: when it returns, no vCPU runs. */
void cpus_stop(void);

/** After cpus_stop: all are switched off, as after a reset. */
void cpus_reset(void);

/** Main thread: the vCPU's thread will report where the guest is (report.h). */
void cpu_request_report(struct cpu *cpu);

/** Brings the guest's system registers into the state page; called by the vCPU's own thread. */
bool cpu_sync(struct cpu *cpu);

#endif
