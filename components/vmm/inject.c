/* Exception entry (Arm ARM D1.10.2, D1.10.4): ELR, SPSR, ESR, FAR, and the vector. */
#include "inject.h"

#include "inject_aarch32.h"
#include "machine.h"

enum {
    EC_UNKNOWN = 0x00,
    EC_FETCH_LOWER = 0x20,
    EC_DATA_LOWER = 0x24,
    EC_SAME = 1, /* added: taken from EL1 itself */
    FSC_EXTERNAL_WALK = 0x14, /* + level */
    FSC_LEVEL = 3,
    ESR_WALK = 1 << 7,
    EC_SHIFT = 26,
    ESR_IL = 1 << 25,
    ESR_FNV = 1 << 10, /* FAR not valid */
    ESR_WNR = 1 << 6,
    MODE_AARCH32 = 0x10,
    MODE_EL0T = 0x0,
    MODE_EL1T = 0x4,
    MODE_MASK = 0x1f,
    VECTORS_SIZE = 0x800,
    VECTORS_SIZE_AARCH32 = 0x20,
};

/* Condition flags, TCO, DIT and PAN stay as they are; SS, IL and BTYPE become zero. */
static const uint64_t kept_pstate = UINT64_C(0xf) << 28 | 1 << 25 | 1 << 24 | 1 << 22;

static bool from_el0(const struct vcpu_state *state)
{
    uint64_t mode = state->regs.pstate & MODE_MASK;
    return mode == MODE_EL0T || mode == MODE_AARCH32; /* AArch32 User mode */
}

static uint64_t vector_offset(const struct vcpu_state *state)
{
    switch (state->regs.pstate & MODE_MASK) {
    case MODE_EL1T:
        return 0x000;
    case MODE_EL0T:
        return 0x400;
    case MODE_AARCH32:
        return 0x600;
    default:
        return 0x200;
    }
}

static bool inject(struct cpu *cpu, uint64_t esr)
{
    struct vcpu_state *state = cpu->state;
    if (!cpu_sync(cpu))
        return false;
    uint64_t vector = state->el1.vbar + vector_offset(state);
    state->el1.esr = esr;
    state->el1.elr = state->regs.pc;
    state->el1.spsr = state->regs.pstate;
    state->regs.pstate = VCPU_PSTATE_RESET | (state->regs.pstate & kept_pstate);
    state->regs.pc = vector;
    return true;
}

bool inject_abort(struct cpu *cpu, bool fetch, unsigned status)
{
    const struct vcpu_exit *exit = &cpu->state->exit;
    unsigned lower = fetch ? EC_FETCH_LOWER : EC_DATA_LOWER;
    uint64_t class = from_el0(cpu->state) ? lower : lower + EC_SAME;
    uint64_t far = exit->fault_va;
    if (exit->syndrome & ESR_WALK)
        status = FSC_EXTERNAL_WALK | (exit->syndrome & FSC_LEVEL);
    if (machine.aarch32) {
        if (!cpu_sync(cpu))
            return false;
        inject_abort_aarch32(cpu->state, fetch, status);
        return true;
    }
    uint64_t esr = class << EC_SHIFT | (exit->syndrome & (ESR_IL | ESR_FNV)) | status;
    if (!fetch)
        esr |= exit->syndrome & ESR_WNR;
    if (!inject(cpu, esr))
        return false;
    cpu->state->el1.far = far;
    return true;
}

bool inject_undefined(struct cpu *cpu)
{
    if (machine.aarch32) {
        if (!cpu_sync(cpu))
            return false;
        inject_undefined_aarch32(cpu->state);
        return true;
    }
    return inject(cpu, (uint64_t)EC_UNKNOWN << EC_SHIFT | ESR_IL);
}

bool inject_in_vectors(struct cpu *cpu)
{
    struct vcpu_state *state = cpu->state;
    if (!cpu_sync(cpu))
        return false;
    if (machine.aarch32)
        return state->regs.pc - vectors_aarch32(state) < VECTORS_SIZE_AARCH32;
    return state->regs.pc - state->el1.vbar < VECTORS_SIZE;
}
