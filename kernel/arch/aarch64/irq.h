/* Physical interrupts: the vectors' way in, and whom irq_dispatch() tells besides the portable kernel. */
#ifndef AARCH64_IRQ_H
#define AARCH64_IRQ_H

#include <stdint.h>

struct cpu;

enum {
    SGI_IPI,
    SGI_STOP,
    SGI_POSTED, /* SGIs have been posted to the vCPU that is loaded there (vgic.c) */
};

/* Handles the interrupt that was acknowledged, and takes what others are pending on this CPU. From the vectors, from arch_idle(); interrupts masked. */
void irq_dispatch(struct cpu *cpu, uint32_t acknowledged);
/* The controller and the boot CPU's part of it; a CPU's own part. */
void irq_init(void);
void irq_cpu_init(unsigned cpu);
/* All other CPUs stop for good; for a panic. */
void irq_stop_others(void);

#endif
