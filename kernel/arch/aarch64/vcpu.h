/* World switch: what the rest of the architecture needs of it. */
#ifndef AARCH64_VCPU_H
#define AARCH64_VCPU_H

#include <stdbool.h>
#include <stdint.h>

struct cpu;
struct space;
struct vcpu;

/* On this CPU, at its start. */
void vcpu_cpu_init(struct cpu *cpu);
/* STRAY_…: registers that a guest is not told of and that do not trap without FEAT_FGT, which this processor has: what one guest leaves there must not reach the next. */
extern unsigned strays;
void strays_clear(void);
/* An empty table: VTTBR_EL2 while nobody runs, or somebody is about to. */
extern uint64_t no_translations[];
#define VTTBR_NOBODY (ptr_to_phys(no_translations).raw)

/* Another guest is to run: its FP/SIMD registers come in if it is expected to use them, else that will trap. */
void vcpu_fp_follow(struct cpu *cpu, struct vcpu *vcpu);
/* The guest uses FP/SIMD: its registers come in, the previous owner's go out; no trap from here on. */
void vcpu_fp_load(struct cpu *cpu, struct vcpu *vcpu);
/* The monitor that runs needs what EL0 obeys as a component has it. False: it has. */
bool side_settle(struct cpu *cpu);
/* The CPU's holder has the space's tag from now on. */
void space_take(struct cpu *cpu, unsigned holder, struct space *space);

#endif
