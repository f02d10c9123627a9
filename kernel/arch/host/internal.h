/* Between the files of this architecture. */
#ifndef HOST_INTERNAL_H
#define HOST_INTERNAL_H

#include "arch.h"

/* Who is at the lower level. */
void side_set(struct cpu *cpu, enum host_side side, struct space *space);
/* Loads the vCPU if it is not, and goes to the guest side. */
void vcpu_side(struct cpu *cpu, struct vcpu *vcpu);

/* As after power-on. */
void memory_reset(void);
void tlb_reset(void);

#endif
