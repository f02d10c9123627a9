/*
 * Registers behind which there is nothing: reads give what the table says, writes are ignored. And debug registers,
 * which the kernel takes from the state page whenever the guest goes on.
 */
#include "sysreg.h"

#include "absorbed_registers.h"

#include <stddef.h>

enum {
    CLASS_SHIFT = 26,
    CLASS_SYSREG = 0x18,
    ISS_READ = 1,
    ISS_REGISTER = 0x3ffc1e,
    PLACES = 31,
    INSTRUCTION = 4, /* bytes */
    PSTATE_SS = 1 << 21,
};

static const struct {
    uint32_t reg, value;
} absorbed[] = {
#define ABSORBED(op0, op1, crn, crm, op2, name, value, reason) {SYSREG_ISS(op0, op1, crn, crm, op2), value},
    GUEST_ABSORBED_REGISTERS(ABSORBED)
};

bool sysreg_absorbed(uint32_t reg, uint32_t *value)
{
    for (unsigned i = 0; i < sizeof absorbed / sizeof absorbed[0]; i++) {
        *value = absorbed[i].value;
        if (absorbed[i].reg == reg)
            return true;
    }
    return false;
}

/* DBGBVR0_EL1: the others differ from it in CRm, the number, and in op2[1:0], the kind. */
#define DBGBVR0 SYSREG_ISS(2, 0, 0, 0, 4)
#define DBGBVR_KINDS (15 << 1 | 3 << 17)
#define MDSCR SYSREG_ISS(2, 0, 0, 2, 2)

/* Where the debug register lies in the state page, and which of its bits exist; NULL: not there. */
static uint64_t *debug_register(struct vcpu_el1 *el1, uint32_t reg, uint64_t *mask)
{
    static const struct {
        uint64_t mask;
        unsigned count;
    } kinds[] = {{~UINT64_C(3) /* addresses of instructions and words */, VCPU_BREAKPOINTS}, {VCPU_BREAKPOINT_CONTROL, VCPU_BREAKPOINTS},
                 {~UINT64_C(3), VCPU_WATCHPOINTS}, {VCPU_WATCHPOINT_CONTROL, VCPU_WATCHPOINTS}};
    unsigned kind = reg >> 17 & 3, number = reg >> 1 & 15;
    *mask = reg == MDSCR ? VCPU_MDSCR : kinds[kind].mask;
    if (reg == MDSCR)
        return &el1->mdscr;
    return (reg & ~(uint32_t)DBGBVR_KINDS) == DBGBVR0 && number < kinds[kind].count ? &el1->debug[kind][number] : NULL;
}

static void answer(struct frame *regs, unsigned place, uint64_t value)
{
    if (place < PLACES)
        regs->x[place] = value;
}

/* The processor's stepping goes on behind the instruction (Arm ARM D2.12). */
static bool access(struct vcpu_state *state, uint32_t iss)
{
    struct frame *regs = &state->regs;
    unsigned rt = iss >> 5 & 31;
    uint32_t value = 0;
    uint64_t mask, *debug = debug_register(&state->el1, iss & ISS_REGISTER, &mask);
    if (!debug && !sysreg_absorbed(iss & ISS_REGISTER, &value))
        return false;
    if (iss & ISS_READ)
        answer(regs, rt, debug ? *debug : value);
    else if (debug)
        *debug = rt < PLACES ? regs->x[rt] & mask : 0;
    regs->pc += INSTRUCTION;
    regs->pstate &= ~(uint64_t)PSTATE_SS;
    return true;
}

bool sysreg_access(struct vcpu_state *state)
{
    return (unsigned)state->exit.syndrome >> CLASS_SHIFT == CLASS_SYSREG && access(state, (uint32_t)state->exit.syndrome);
}
