/* AArch32 guests: what the rest of the architecture needs of aarch32.c. */
#ifndef AARCH64_AARCH32_H
#define AARCH64_AARCH32_H

struct vcpu;

/* Registers of EL1 that only AArch32 has, on the vCPU's CPU: memory → processor, and back. */
void aarch32_load(const struct vcpu *vcpu);
void aarch32_unload(struct vcpu *vcpu);

#endif
