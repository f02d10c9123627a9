/* What the vectors call, and the ways on from there. */
#ifndef AARCH64_TRAP_H
#define AARCH64_TRAP_H

#include "arch.h"

struct frame;
struct vcpu;

/* Called by entry.S with the registers saved; each returns the frame to go on with. */
struct frame *trap_sync(struct cpu *cpu, struct frame *frame);
struct frame *trap_irq(struct cpu *cpu, struct frame *frame);
struct frame *trap_serror(struct cpu *cpu, struct frame *frame);
struct frame *trap_illegal(struct cpu *cpu, struct frame *frame);

/* ESR_ELx (Arm ARM D13.2.37). */
enum esr_class {
    EC_WFX = 0x01,
    EC_FP = 0x07,
    EC_SVC64 = 0x15,
    EC_HVC32 = 0x12,
    EC_SMC32 = 0x13,
    EC_HVC64 = 0x16,
    EC_SMC64 = 0x17,
    EC_SYSREG = 0x18,
    EC_FETCH_LOWER = 0x20,
    EC_PC_ALIGN = 0x22,
    EC_DATA_LOWER = 0x24,
    EC_SP_ALIGN = 0x26,
};

#define ESR_CLASS(esr) ((unsigned)((esr) >> 26))

/* The access to a system register behind EC_SYSREG. */
struct sysreg_access {
    uint32_t reg;  /* SYSREG(op0, op1, CRn, CRm, op2) */
    unsigned rt;
    bool read;
};
#define SYSREG(op0, op1, crn, crm, op2) ((op0) << 20 | (op2) << 17 | (op1) << 14 | (crn) << 10 | (crm) << 1)

/* Reads the processor's identification registers and decides what guests see of them. Once, at boot. sysreg.c */
void sysreg_init(void);
/* Emulates the access; false: not one that the kernel knows. sysreg.c */
bool sysreg_emulate(struct cpu *cpu, struct vcpu *vcpu, const struct sysreg_access *access);

#endif
