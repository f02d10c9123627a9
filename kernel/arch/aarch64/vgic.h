/* Virtual interrupts as the Arm GIC sees them: list registers and what lies behind them. */
#ifndef AARCH64_VGIC_H
#define AARCH64_VGIC_H

#include "arch.h"

/* On the loaded vCPU's CPU. */
void vgic_load(struct vcpu *vcpu);      /* memory → list registers, CPU interface */
void vgic_unload(struct vcpu *vcpu);    /* and back */
void vgic_maintenance(struct cpu *cpu); /* maintenance interrupt */
void vgic_posted(struct cpu *cpu);      /* SGI_POSTED: SGIs were posted to the vCPU that is loaded here */
void vtimer_fired(struct cpu *cpu);     /* the physical virtual-timer interrupt, now active */
bool vgic_absorb(struct vcpu *vcpu);    /* SGIs that were posted come to its lines, loaded or not; were there any? */
/* An SGI to another vCPU, by the one of that index; within a section. */
void vgic_post(struct vcpu *target, unsigned sgi, unsigned from);
/* Software-generated interrupts of the guest: ICC_SGI1R_EL1 (GICv3), GICD_SGIR (GICv2). */
void vgic_sgi1r_write(struct cpu *cpu, struct vcpu *vcpu, uint64_t value);
void vgic_sgir_write(struct cpu *cpu, struct vcpu *vcpu, uint32_t value);

void vgic_vm_reset(struct vm *vm);
void vgic_vcpu_reset(struct vcpu *vcpu);

/* CALL_VIRQ_SET, CALL_VIRQ_GET; tree lock. */
status_t vgic_set(struct vm *vm, unsigned vcpu, unsigned field, unsigned first, uint64_t value);
status_t vgic_get(struct vm *vm, unsigned vcpu, unsigned field, unsigned first, uint64_t *value);

#endif
