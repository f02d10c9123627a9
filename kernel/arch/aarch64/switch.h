/* What every guest has in registers, out and in. */
#ifndef AARCH64_SWITCH_H
#define AARCH64_SWITCH_H

#include <stdbool.h>
#include <stdint.h>

struct cpu;
struct frame;
struct vcpu;
struct vcpu_el1;

/* Without what EL0 obeys; the timer's control register is saved, but for the caller to load. */
void guest_el1_save(struct vcpu_el1 *el1);
void guest_el1_load(const struct vcpu_el1 *el1);
/* From the guest that runs to another one. False: nothing has happened, there is more to do for it than this does. */
bool guest_switch(struct cpu *cpu, struct vcpu *from, struct vcpu *to);
/* The guest's WFI or the like, with that syndrome: if another guest is to run meanwhile, goes there. What the vectors go on with (trap.h). */
struct frame *guest_wait(struct cpu *cpu, struct frame *frame, uint64_t esr);

#endif
