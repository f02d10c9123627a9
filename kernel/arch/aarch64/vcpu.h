/* World switch: what the rest of the architecture needs of it. */
#ifndef AARCH64_VCPU_H
#define AARCH64_VCPU_H

#include <stdbool.h>

struct cpu;
struct vcpu;

/* On this CPU, at its start. */
void vcpu_cpu_init(struct cpu *cpu);
/* The guest uses FP/SIMD: its registers come in, the previous owner's go out; no trap from here on. */
void vcpu_fp_load(struct cpu *cpu, struct vcpu *vcpu);
/* The monitor that runs needs what EL0 obeys as a component has it. False: it has. */
bool side_settle(struct cpu *cpu);

#endif
