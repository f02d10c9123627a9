/*
 * AArch32: guests whose EL1 is in that state (HCR_EL2.RW = 0). Registers that only they have; whatever traps from there is their monitor's (trap.c).
 */
#include "aarch32.h"
#include "cpu.h"
#include "vcpu.h"
#include "vm.h"

/* FPEXC goes with the FP registers (vcpu_fp_load): CPTR_EL2.TFP holds for it too. */
#define AARCH32_REGISTERS(X)                                                                                           \
    X(dacr, dacr32_el2) X(ifsr, ifsr32_el2) X(spsr_abt, spsr_abt) X(spsr_und, spsr_und) X(spsr_irq, spsr_irq) X(spsr_fiq, spsr_fiq)

void aarch32_load(const struct vcpu *vcpu)
{
    const struct vcpu_aarch32 *from = &vcpu->state->aarch32;
#define LOAD(field, name) write_sysreg(from->field, name);
    AARCH32_REGISTERS(LOAD)
#undef LOAD
}

void aarch32_unload(struct vcpu *vcpu)
{
    struct vcpu_aarch32 *to = &vcpu->state->aarch32;
#define SAVE(field, name) to->field = (uint32_t)read_sysreg(name);
    AARCH32_REGISTERS(SAVE)
#undef SAVE
}

status_t arch_vcpu_offers(uint64_t mode)
{
    bool both = (read_sysreg(id_aa64pfr0_el1) >> 4 & 15) == 2; /* EL1: AArch64 and AArch32 */
    if (mode > VCPU_MODE_AARCH32)
        return STATUS_ARGUMENT;
    return mode == VCPU_MODE_AARCH32 && !both ? STATUS_UNSUPPORTED : STATUS_OK;
}
