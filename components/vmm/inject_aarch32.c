/* Exception entry to EL1 in AArch32 state (Arm ARM, AArch32.EnterMode): banked link register and SPSR, fault status and address, vector, new state. */
#include "inject_aarch32.h"

#include <bulkhead/aarch64/aarch32.h>

enum {
    SCTLR_V = 1 << 13,  /* vectors at the end of the address space */
    SCTLR_EE = 1 << 25, /* big-endian at entry */
    SCTLR_TE = 1 << 30, /* T32 at entry */
    VECTOR_UNDEFINED = 0x04,
    VECTOR_PREFETCH = 0x0c,
    VECTOR_DATA = 0x10,
    VBAR_ALIGN = 32,
    FSR_LPAE = 1 << 9,
    FSR_WNR = 1 << 11,
    FSR_HIGH = 1 << 10, /* FS[4], where FS[3:0] are the lowest bits */
    STATUS_WALK = 0x14, /* + level */
    STATUS_LEVEL = 3,
    STATUS_ALIGNMENT = 0x21,
    STATUS_EXCLUSIVE = 0x35,
    FS_EXTERNAL = 0x08, /* short descriptors (Arm ARM, DFSR) */
    FS_ALIGNMENT = 0x01,
    FS_EXCLUSIVE = FSR_HIGH | 0x05,
    FS_WALK_LEVEL_1 = 0x0c,
    FS_WALK_LEVEL_2 = 0x0e,
};

#define VECTORS_HIGH UINT32_C(0xffff0000)
#define TTBCR_EAE (UINT64_C(1) << 31)
#define ESR_WNR (UINT64_C(1) << 6)

/* Condition flags, Q, GE, PAN stay as they are, and what is masked. IT, J, IL, SS become zero. */
static const uint64_t kept_pstate = UINT64_C(0x1f) << 27 | 1 << 22 | 15 << 16 | AARCH32_F | AARCH32_A;

uint32_t vectors_aarch32(const struct vcpu_state *state)
{
    return state->el1.sctlr & SCTLR_V ? VECTORS_HIGH : (uint32_t)state->el1.vbar & ~(uint32_t)(VBAR_ALIGN - 1);
}

static void enter(struct vcpu_state *state, unsigned mode, unsigned vector, unsigned return_offset, bool mask_aborts)
{
    uint64_t sctlr = state->el1.sctlr, pstate = (state->regs.pstate & kept_pstate) | mode | AARCH32_I;
    uint32_t link = (uint32_t)state->regs.pc + return_offset;
    pstate |= (mask_aborts ? AARCH32_A : 0) | (sctlr & SCTLR_TE ? AARCH32_T : 0) | (sctlr & SCTLR_EE ? AARCH32_E : 0);
    if (mode == AARCH32_ABORT)
        state->aarch32.spsr_abt = (uint32_t)state->regs.pstate;
    else
        state->aarch32.spsr_und = (uint32_t)state->regs.pstate;
    state->regs.pstate = pstate;
    state->regs.x[aarch32_register(pstate, 14)] = link;
    state->regs.pc = vectors_aarch32(state) + vector;
}

static uint32_t short_status(unsigned status)
{
    if ((status & ~(unsigned)STATUS_LEVEL) == STATUS_WALK)
        return (status & STATUS_LEVEL) == 1 ? FS_WALK_LEVEL_1 : FS_WALK_LEVEL_2;
    return status == STATUS_ALIGNMENT ? FS_ALIGNMENT : status == STATUS_EXCLUSIVE ? FS_EXCLUSIVE : FS_EXTERNAL;
}

/* DFSR is ESR_EL1; DFAR and IFAR are the halves of FAR_EL1 (D1.20.2). */
void inject_abort_aarch32(struct vcpu_state *state, bool fetch, unsigned status)
{
    uint32_t fsr = state->el1.tcr & TTBCR_EAE ? FSR_LPAE | status : short_status(status);
    uint64_t far = (uint32_t)state->exit.fault_va;
    if (fetch) {
        state->aarch32.ifsr = fsr;
        state->el1.far = (uint32_t)state->el1.far | far << 32;
    } else {
        state->el1.esr = fsr | (state->exit.syndrome & ESR_WNR ? FSR_WNR : 0);
        state->el1.far = (state->el1.far & ~(uint64_t)UINT32_MAX) | far;
    }
    enter(state, AARCH32_ABORT, fetch ? VECTOR_PREFETCH : VECTOR_DATA, fetch ? 4 : 8, true);
}

void inject_undefined_aarch32(struct vcpu_state *state)
{
    enter(state, AARCH32_UNDEFINED, VECTOR_UNDEFINED, state->regs.pstate & AARCH32_T ? 2 : 4, false);
}
