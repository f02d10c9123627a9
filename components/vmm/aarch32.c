/*
 * A trap from AArch32 may be about an instruction whose condition does not hold, or that is two bytes long, or in an IT block; apart from that it is what the same
 * access in AArch64 would have been. The kernel looks at none of it but loads and stores, and FP registers.
 */
#include "aarch32.h"

#include "gic.h"
#include "sysreg.h"

#include <bulkhead/aarch64/aarch32.h>
#include <bulkhead/status.h>
#include <stddef.h>

/* As in ESR_ELx (Arm ARM D13.2.37). Up to CLASS_CP14_PAIR the syndrome bears CV and COND. */
enum {
    CLASS_SHIFT = 26,
    CLASS_WFX = 0x01,
    CLASS_CP15 = 0x03, /* MCR, MRC */
    CLASS_CP15_PAIR = 0x04,
    CLASS_CP14 = 0x05,
    CLASS_VMRS = 0x08,
    CLASS_CP14_PAIR = 0x0c,
    CLASS_HVC = 0x12,
    CLASS_SMC = 0x13,
    CLASS_DATA = 0x24,
    CLASSES = CLASS_DATA + 1,
    ISS_WFE = 1,
    ISS_CONDITION_VALID = 1 << 24,
    ISS_SMC_CONDITIONAL = 1 << 19, /* CCKNOWNPASS */
    ISS_REGISTER = 0xffc1e,        /* Opc2, Opc1, CRn, CRm: where SYSREG_ISS() has them */
    ISS_READ = 1,
    ISS_RT_SHIFT = 5,
    ISS_RT2_SHIFT = 10,
    ISS_PAIR = 0xf001e,       /* Opc1, CRm */
    ISS_PAIR_SGI1R = 12 << 1, /* MCRR p15, 0, Rt, Rt2, c12 */
    CP15_CACHE = 7,           /* CRn of maintenance: op0 is 1 in AArch64 */
    ID_CRM_LAST = 2,
    MVFR_CRM = 3,
    MVFR0_REG = 7, /* VMRS: MVFR0 7, MVFR1 6, MVFR2 5 */
    GENERAL_REGISTERS = 31,
    SMCCC_64 = 1 << 30,
    SMCCC_REGISTERS = 8,
};

#define ID_GROUP SYSREG_ISS(3, 0, 0, 0, 0)
#define ID_GROUP_MASK SYSREG_ISS(3, 7, 15, 0, 0)
#define ID_DFR0 SYSREG_ISS(3, 0, 0, 1, 2)
#define ACTLR SYSREG_ISS(3, 0, 1, 0, 1)
#define ACTLR2 SYSREG_ISS(3, 0, 1, 0, 3)

/* --- conditions and registers --------------------------------------------------------------------------------------------- */

/* ConditionPassed(): the processor may trap before it has looked (Arm ARM G1.16.7). */
static bool condition_passed(uint64_t pstate, uint64_t syndrome, unsigned class)
{
    unsigned it = aarch32_it(pstate), condition = AARCH32_CONDITION_ALWAYS;
    if (class > CLASS_CP14_PAIR && !(class == CLASS_SMC && syndrome & ISS_SMC_CONDITIONAL))
        return true;
    if (syndrome & ISS_CONDITION_VALID)
        condition = (unsigned)syndrome >> 20 & 15;
    else if (it)
        condition = it >> 4;
    return aarch32_condition_holds(condition, pstate);
}

static uint64_t *reported_register(struct vcpu_state *state, unsigned shift)
{
    unsigned place = aarch32_register(state->regs.pstate, (unsigned)(state->exit.syndrome >> shift) & 31);
    return place < GENERAL_REGISTERS ? &state->regs.x[place] : NULL;
}

static void answer(struct vcpu_state *state, unsigned shift, uint32_t value)
{
    uint64_t *to = state->exit.syndrome & ISS_READ ? reported_register(state, shift) : NULL;
    if (to)
        *to = value;
}

static uint32_t argument(struct vcpu_state *state, unsigned shift)
{
    const uint64_t *from = reported_register(state, shift);
    return from ? (uint32_t)*from : 0;
}

/* --- by class ------------------------------------------------------------------------------------------------------------------ */

static enum aarch32_outcome trap_wfx(struct vcpu_state *state, unsigned index)
{
    (void)index;
    return state->exit.syndrome & ISS_WFE ? OUTCOME_DONE : OUTCOME_WAIT;
}

/* There is no debug or PMU, so ID_DFR0 says so. Above CRm 2, AArch64 has registers that AArch32 has elsewhere, or later ones that are not offered. */
static uint32_t identification(const struct vcpu_state *state, uint32_t reg)
{
    unsigned crm = reg >> 1 & 15;
    return reg == ID_DFR0 || crm > ID_CRM_LAST ? 0 : (uint32_t)state->id[crm][reg >> 17 & 7];
}

/* CP15's encodings are AArch64's but for op0; ACTLR2 is as ACTLR. */
static enum aarch32_outcome trap_cp15(struct vcpu_state *state, unsigned index)
{
    uint32_t value, reg = (uint32_t)state->exit.syndrome & ISS_REGISTER;
    (void)index;
    reg |= (uint32_t)((reg >> 10 & 15) == CP15_CACHE ? 1 : 3) << 20;
    if (state->exit.syndrome & ISS_READ && (reg & ID_GROUP_MASK) == ID_GROUP)
        value = identification(state, reg);
    else if (!sysreg_absorbed(reg == ACTLR2 ? ACTLR : reg, &value))
        return OUTCOME_UNDEFINED;
    answer(state, ISS_RT_SHIFT, value);
    return OUTCOME_DONE;
}

/* MVFR0 to MVFR2 are identification registers of AArch64. */
static enum aarch32_outcome trap_vmrs(struct vcpu_state *state, unsigned index)
{
    unsigned number = MVFR0_REG - (state->exit.syndrome >> 10 & 15);
    (void)index;
    if (!(state->exit.syndrome & ISS_READ))
        return OUTCOME_UNDEFINED;
    answer(state, ISS_RT_SHIFT, (uint32_t)state->id[MVFR_CRM][number & 7]);
    return OUTCOME_DONE;
}

/* There is no debug in AArch32 (docs/guest-machine.md): nothing is behind DBGOSLAR and the like, nor behind MRRC of DBGDRAR, DBGDSAR. */
static enum aarch32_outcome trap_cp14(struct vcpu_state *state, unsigned index)
{
    (void)index;
    answer(state, ISS_RT_SHIFT, 0);
    if ((unsigned)(state->exit.syndrome >> CLASS_SHIFT) == CLASS_CP14_PAIR)
        answer(state, ISS_RT2_SHIFT, 0);
    return OUTCOME_DONE;
}

static enum aarch32_outcome trap_cp15_pair(struct vcpu_state *state, unsigned index)
{
    if ((state->exit.syndrome & (ISS_PAIR | ISS_READ)) != ISS_PAIR_SGI1R)
        return OUTCOME_UNDEFINED;
    bool there = gic_sgi1r_write(index, argument(state, ISS_RT_SHIFT) | (uint64_t)argument(state, ISS_RT2_SHIFT) << 32);
    return there ? OUTCOME_DONE : OUTCOME_UNDEFINED;
}

/* Registers are 32 bits wide, and no 64-bit function is callable from here (DEN 0028 §2.9). */
static enum aarch32_outcome trap_call(struct vcpu_state *state, unsigned index)
{
    uint64_t *x = state->regs.x;
    (void)index;
    for (unsigned i = 0; i < SMCCC_REGISTERS; i++)
        x[i] = (uint32_t)x[i];
    if (!(x[0] & SMCCC_64))
        return OUTCOME_CALL;
    x[0] = (uint32_t)STATUS_CALL;
    return OUTCOME_DONE;
}

/* A doorbell, which the kernel has rung. */
static enum aarch32_outcome trap_data(struct vcpu_state *state, unsigned index)
{
    (void)state, (void)index;
    return OUTCOME_DONE;
}

static enum aarch32_outcome (*const traps[CLASSES])(struct vcpu_state *state, unsigned index) = {
    [CLASS_WFX] = trap_wfx,   [CLASS_CP15] = trap_cp15,      [CLASS_CP15_PAIR] = trap_cp15_pair,
    [CLASS_CP14] = trap_cp14, [CLASS_CP14_PAIR] = trap_cp14, [CLASS_VMRS] = trap_vmrs,
    [CLASS_HVC] = trap_call,  [CLASS_SMC] = trap_call,       [CLASS_DATA] = trap_data,
};

enum aarch32_outcome aarch32_carry_out(struct vcpu_state *state, unsigned index)
{
    uint64_t syndrome = state->exit.syndrome;
    unsigned class = (unsigned)syndrome >> CLASS_SHIFT;
    enum aarch32_outcome outcome = OUTCOME_UNDEFINED;
    if (!condition_passed(state->regs.pstate, syndrome, class))
        outcome = OUTCOME_DONE;
    else if (class < CLASSES && traps[class])
        outcome = traps[class](state, index);
    if (outcome != OUTCOME_UNDEFINED && class != CLASS_HVC) /* behind which it is already (Arm ARM D1.13.3) */
        aarch32_skip(&state->regs, syndrome);
    return outcome;
}
