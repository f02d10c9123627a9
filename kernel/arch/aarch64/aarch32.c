/*
 * AArch32: guests whose EL1 is in that state (HCR_EL2.RW = 0), and 32-bit programs of the others. A trap from there may be about an instruction whose condition
 * does not hold, or that is two bytes long, or in an IT block; apart from that it becomes what the same access in AArch64 would have been.
 */
#include "aarch32.h"
#include "cpu.h"
#include "thread.h"
#include "trap.h"
#include "vcpu.h"
#include "vgic.h"
#include "vm.h"

#include <bulkhead/aarch64/aarch32.h>

/* --- registers ---------------------------------------------------------------------------------------------------------------- */

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

/* --- traps ------------------------------------------------------------------------------------------------------------------------ */

enum {
    ISS_WFE = 1,
    ISS_CONDITION_VALID = 1 << 24,
    ISS_SMC_CONDITIONAL = 1 << 19, /* CCKNOWNPASS */
    ISS_REGISTER = 0xffc1e,        /* Opc2, Opc1, CRn, CRm: where SYSREG() has them */
    ISS_READ = 1,
    ISS_RT_SHIFT = 5,
    ISS_RT2_SHIFT = 10,
    ISS_SRT_SHIFT = 16,
    ISS_PAIR = 0xf001e,        /* Opc1, CRm */
    ISS_PAIR_SGI1R = 12 << 1,  /* MCRR p15, 0, Rt, Rt2, c12 */
    CP15_CACHE = 7,            /* CRn of maintenance: op0 is 1 in AArch64 */
    CP15_ID_DFR0 = SYSREG(3, 0, 0, 1, 2),
    CP15_ID = SYSREG(3, 7, 15, 0, 0),
    CP15_ID_GROUP = SYSREG(3, 0, 0, 0, 0),
    CP15_ID_CRM_LAST = 2,
    MVFR0_REG = 7, /* VMRS: MVFR0 7, MVFR1 6, MVFR2 5 */
    SMCCC_64 = 1 << 30,
    SMCCC_REGISTERS = 8,
};

/* ConditionPassed(): the processor may trap before it has looked (Arm ARM G1.16.7). */
static bool condition_passed(uint64_t pstate, uint64_t esr)
{
    unsigned it = aarch32_it(pstate), condition = AARCH32_CONDITION_ALWAYS;
    if (esr & ISS_CONDITION_VALID)
        condition = (unsigned)esr >> 20 & 15;
    else if (it)
        condition = it >> 4;
    return aarch32_condition_holds(condition, pstate);
}

static unsigned reported_register(const struct frame *regs, uint64_t esr, unsigned shift)
{
    return aarch32_register(regs->pstate, (unsigned)(esr >> shift) & 31);
}

static uint64_t register_get(const struct frame *regs, uint64_t esr, unsigned shift)
{
    unsigned place = reported_register(regs, esr, shift);
    return place < ARRAY_SIZE(regs->x) ? regs->x[place] : 0;
}

static void trap_wfx(struct cpu *cpu, struct vcpu *vcpu, uint64_t esr)
{
    aarch32_skip(&vcpu->state->regs, esr);
    if (!(esr & ISS_WFE))
        vcpu_wait(cpu, vcpu);
}

/* Those that the monitor answers, with zero: there is no debug or PMU, so ID_DFR0 says so. Above CRm 2, AArch64 has registers that AArch32 has elsewhere, or later ones that are not offered. */
static bool cp15_reads_zero(uint32_t reg)
{
    return (reg & (uint32_t)CP15_ID) == CP15_ID_GROUP && (reg == CP15_ID_DFR0 || (reg >> 1 & 15) > CP15_ID_CRM_LAST);
}

/*
 * AArch64's register; 0: none, the monitor answers. CP15's encodings are AArch64's but for op0. VMRS: MVFR0 to MVFR2, which HCR_EL2.TID3 traps, are
 * identification registers of AArch64.
 */
static uint32_t counterpart(uint64_t esr)
{
    uint32_t reg = (uint32_t)esr & ISS_REGISTER;
    if (ESR_CLASS(esr) == EC_VMRS)
        return (uint32_t)SYSREG(3, 0, 0, 3, 0) | (MVFR0_REG - (reg >> 10 & 15)) << 17;
    reg |= (reg >> 10 & 15) == CP15_CACHE ? 1 << 20 : 3 << 20;
    return ESR_CLASS(esr) != EC_CP15 || (esr & ISS_READ && cp15_reads_zero(reg)) ? 0 : reg;
}

static void trap_register(struct cpu *cpu, struct vcpu *vcpu, uint64_t esr)
{
    struct frame *regs = &vcpu->state->regs;
    struct sysreg_access access = {.reg = counterpart(esr), .rt = reported_register(regs, esr, ISS_RT_SHIFT), .read = esr & ISS_READ};
    if (access.reg && sysreg_emulate(cpu, vcpu, &access))
        aarch32_skip(regs, esr);
    else
        trap_guest_exit(cpu, vcpu, EXIT_SYSREG, esr);
}

static void trap_cp15_pair(struct cpu *cpu, struct vcpu *vcpu, uint64_t esr)
{
    struct frame *regs = &vcpu->state->regs;
    if ((esr & (ISS_PAIR | ISS_READ)) != ISS_PAIR_SGI1R || gic.version != 3) {
        trap_register(cpu, vcpu, esr);
        return;
    }
    vgic_sgi1r_write(cpu, vcpu, (uint32_t)register_get(regs, esr, ISS_RT_SHIFT) | register_get(regs, esr, ISS_RT2_SHIFT) << 32);
    aarch32_skip(regs, esr);
}

/* Registers are 32 bits wide, and no 64-bit function is callable from here (DEN 0028 §2.9). */
static void trap_hvc(struct cpu *cpu, struct vcpu *vcpu, uint64_t esr)
{
    uint64_t *x = vcpu->state->regs.x;
    for (unsigned i = 0; i < SMCCC_REGISTERS; i++)
        x[i] = (uint32_t)x[i];
    if (x[0] & SMCCC_64)
        x[0] = (uint32_t)STATUS_CALL;
    else
        trap_guest_smccc(cpu, vcpu, esr);
}

static void trap_smc(struct cpu *cpu, struct vcpu *vcpu, uint64_t esr)
{
    struct frame *regs = &vcpu->state->regs;
    bool passed = !(esr & ISS_SMC_CONDITIONAL) || condition_passed(regs->pstate, esr);
    aarch32_skip(regs, esr);
    if (passed)
        trap_hvc(cpu, vcpu, esr);
}

/* As from AArch64, the register named by its place. */
static void trap_data(struct cpu *cpu, struct vcpu *vcpu, uint64_t esr)
{
    uint64_t place = reported_register(&vcpu->state->regs, esr, ISS_SRT_SHIFT);
    trap_guest(cpu, vcpu, (esr & ~(UINT64_C(31) << ISS_SRT_SHIFT)) | place << ISS_SRT_SHIFT);
}

/* Up to EC_CP14_PAIR the syndrome bears CV and COND. */
static void (*const traps32[EC_DATA_LOWER + 1])(struct cpu *cpu, struct vcpu *vcpu, uint64_t esr) = {
    [EC_WFX] = trap_wfx,
    [EC_CP15] = trap_register,
    [EC_CP15_PAIR] = trap_cp15_pair,
    [EC_CP14] = trap_register,
    [EC_CP14_MEMORY] = trap_guest_unknown,
    [EC_FP] = trap_guest,
    [EC_VMRS] = trap_register,
    [EC_CP14_PAIR] = trap_register,
    [EC_HVC32] = trap_hvc,
    [EC_SMC32] = trap_smc,
    [EC_DATA_LOWER] = trap_data,
};

void trap_aarch32(struct cpu *cpu, struct vcpu *vcpu, uint64_t esr)
{
    struct frame *regs = &vcpu->state->regs;
    unsigned class = ESR_CLASS(esr);
    if (class >= ARRAY_SIZE(traps32) || !traps32[class])
        trap_guest(cpu, vcpu, esr);
    else if (class <= EC_CP14_PAIR && !condition_passed(regs->pstate, esr))
        aarch32_skip(regs, esr);
    else
        traps32[class](cpu, vcpu, esr);
}
