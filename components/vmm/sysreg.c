/*
 * Registers behind which there is nothing: reads give what the table says, writes are ignored. AArch32 has the same by CP15, and by CP14 only such. And debug
 * registers, which the kernel takes from the state page whenever the guest goes on.
 */
#include "sysreg.h"

#include "absorbed_registers.h"

#include <bulkhead/aarch64/aarch32.h>
#include <stddef.h>

/* As the Instruction Specific Syndrome has them (Arm ARM D13.2.37). */
#define SYSREG(op0, op1, crn, crm, op2) ((uint32_t)(op0) << 20 | (op2) << 17 | (op1) << 14 | (crn) << 10 | (crm) << 1)

enum {
    CLASS_SHIFT = 26,
    CLASS_CP15 = 0x03,
    CLASS_CP14 = 0x05,
    CLASS_CP14_PAIR = 0x0c,
    CLASS_SYSREG = 0x18,
    ISS_READ = 1,
    ISS_REGISTER = 0x3ffc1e,
    ISS_CP15 = 0xffc1e, /* without op0 */
    CP15_CACHE = 7,     /* CRn of maintenance: op0 is 1 in AArch64 */
    PLACES = 31,
    INSTRUCTION = 4, /* bytes */
    PSTATE_SS = 1 << 21,
};

static const struct {
    uint32_t reg, value;
} absorbed[] = {
#define ABSORBED(op0, op1, crn, crm, op2, name, value, reason) {SYSREG(op0, op1, crn, crm, op2), value},
    GUEST_ABSORBED_REGISTERS(ABSORBED)
};

static bool find(uint32_t reg, uint32_t *value)
{
    for (unsigned i = 0; i < sizeof absorbed / sizeof absorbed[0]; i++) {
        *value = absorbed[i].value;
        if (absorbed[i].reg == reg)
            return true;
    }
    return false;
}

/* DBGBVR0_EL1: the others differ from it in CRm, the number, and in op2[1:0], the kind. */
#define DBGBVR0 SYSREG(2, 0, 0, 0, 4)
#define DBGBVR_KINDS (15 << 1 | 3 << 17)
#define MDSCR SYSREG(2, 0, 0, 2, 2)

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

static void answer_aarch32(struct frame *regs, unsigned rt, uint32_t value)
{
    answer(regs, aarch32_register(regs->pstate, rt & 31), value);
}

/* The processor's stepping goes on behind the instruction (Arm ARM D2.12). */
static bool access(struct vcpu_state *state, uint32_t iss)
{
    struct frame *regs = &state->regs;
    unsigned rt = iss >> 5 & 31;
    uint32_t value = 0;
    uint64_t mask, *debug = debug_register(&state->el1, iss & ISS_REGISTER, &mask);
    if (!debug && !find(iss & ISS_REGISTER, &value))
        return false;
    if (iss & ISS_READ)
        answer(regs, rt, debug ? *debug : value);
    else if (debug)
        *debug = rt < PLACES ? regs->x[rt] & mask : 0;
    regs->pc += INSTRUCTION;
    regs->pstate &= ~(uint64_t)PSTATE_SS;
    return true;
}

/* Identification that the kernel leaves here reads as zero; ACTLR2 is as ACTLR. */
static bool find_cp15(uint32_t iss, uint32_t *value)
{
    uint32_t reg = iss & ISS_CP15;
    reg |= (uint32_t)((reg >> 10 & 15) == CP15_CACHE ? 1 : 3) << 20;
    *value = 0;
    if (iss & ISS_READ && (reg & SYSREG(3, 7, 15, 0, 0)) == SYSREG(3, 0, 0, 0, 0))
        return true;
    return find(reg == SYSREG(3, 0, 1, 0, 3) ? SYSREG(3, 0, 1, 0, 1) : reg, value);
}

static bool access_aarch32(struct frame *regs, uint64_t syndrome, unsigned class)
{
    uint32_t iss = (uint32_t)syndrome, value = 0;
    if (class == CLASS_CP15 && !find_cp15(iss, &value))
        return false;
    if (iss & ISS_READ)
        answer_aarch32(regs, iss >> 5, value);
    if (iss & ISS_READ && class == CLASS_CP14_PAIR)
        answer_aarch32(regs, iss >> 10, value);
    aarch32_skip(regs, syndrome);
    return true;
}

bool sysreg_access(struct vcpu_state *state)
{
    uint64_t syndrome = state->exit.syndrome;
    unsigned class = (unsigned)syndrome >> CLASS_SHIFT;
    if (class == CLASS_SYSREG)
        return access(state, (uint32_t)syndrome);
    return (class == CLASS_CP15 || class == CLASS_CP14 || class == CLASS_CP14_PAIR) && access_aarch32(&state->regs, syndrome, class);
}
