/* Debug registers (Arm ARM D2, D13.3): which a guest has, and when the processor has them. docs/guest-machine.md says what becomes of each. */
#include "debug.h"
#include "vm.h"

enum {
    MDSCR_SS = 1 << 0,
    MDSCR_TDCC = 1 << 12,
    MDSCR_KDE = 1 << 13,
    MDSCR_MDE = 1 << 15,
    MDSCR_GUEST = MDSCR_SS | MDSCR_TDCC | MDSCR_KDE | MDSCR_MDE,
    MDSCR_LIVE = MDSCR_SS | MDSCR_MDE, /* KDE is about these, TDCC keeps EL0 from the debug channel, which components have no use for */
    /*
     * Controls without levels and security states that no guest is at (HMC, SSC: RES0 where there is no EL2 and EL3, D13.3.2, D13.3.11), and without what
     * compares VMIDs and EL2's context (BT[3]): a guest would see which VMID it has.
     */
    BREAKPOINT_CONTROL = 0x7f01e7,
    WATCHPOINT_CONTROL = 0x1f1f1fff,
    REGISTER_CRM = 15 << 1,
    REGISTER_OP2 = 3 << 17,
};
/* DBGBVR0_EL1: the others differ from it in CRm, the number, and in op2[1:0], the kind. */
#define DBGBVR0 SYSREG((uint32_t)2, 0, 0, 0, 4)
#define MDSCR SYSREG((uint32_t)2, 0, 0, 2, 2)

enum kind { BREAKPOINT_VALUE, BREAKPOINT_CONTROLS, WATCHPOINT_VALUE, WATCHPOINT_CONTROLS };

#define CLEAR(kind, n) case n: clear_sysreg(dbg##kind##cr##n##_el1); __attribute__((fallthrough));
#define CLEAR_FROM_6(kind) \
    CLEAR(kind, 15) CLEAR(kind, 14) CLEAR(kind, 13) CLEAR(kind, 12) CLEAR(kind, 11) CLEAR(kind, 10) CLEAR(kind, 9) CLEAR(kind, 8) CLEAR(kind, 7) CLEAR(kind, 6)

/* Those that no guest has stay off: their values at reset are UNKNOWN, and a guest's breakpoint may name one of them as its link. The others are loaded before MDE is set. */
static void controls_clear(uint64_t dfr0)
{
    switch (dfr0 >> DFR0_BREAKPOINTS_SHIFT & 15) {
        CLEAR_FROM_6(b)
    default:
        break;
    }
    switch (dfr0 >> DFR0_WATCHPOINTS_SHIFT & 15) {
        CLEAR_FROM_6(w) CLEAR(w, 5) CLEAR(w, 4)
    default:
        break;
    }
}

void debug_cpu_init(void)
{
    controls_clear(read_sysreg(id_aa64dfr0_el1));
    write_sysreg(0, mdscr_el1);
    write_sysreg(0, oslar_el1);
    write_sysreg(0, osdlr_el1);
}

/* --- into the processor ------------------------------------------------------------------------------------------------------ */

/* The page may have controls of the monitor's that debug_emulate() has not seen. */
#define LOAD(kind, n, control)                                             \
    case (n) + 1:                                                          \
        write_sysreg(registers[0][n], dbg##kind##vr##n##_el1);             \
        write_sysreg(registers[1][n] & (control), dbg##kind##cr##n##_el1); \
        __attribute__((fallthrough));
#define BREAKPOINT(n) LOAD(b, n, BREAKPOINT_CONTROL)
#define WATCHPOINT(n) LOAD(w, n, WATCHPOINT_CONTROL)

static void breakpoints_load(const uint64_t (*registers)[VCPU_BREAKPOINTS], unsigned count)
{
    switch (count) {
        BREAKPOINT(5) BREAKPOINT(4) BREAKPOINT(3) BREAKPOINT(2) BREAKPOINT(1) BREAKPOINT(0)
    default:
        break;
    }
}

static void watchpoints_load(const uint64_t (*registers)[VCPU_BREAKPOINTS], unsigned count)
{
    switch (count) {
        WATCHPOINT(3) WATCHPOINT(2) WATCHPOINT(1) WATCHPOINT(0)
    default:
        break;
    }
}

void debug_start(struct cpu *cpu, const struct vcpu_el1 *el1)
{
    uint64_t mdscr = __atomic_load_n(&el1->mdscr, __ATOMIC_RELAXED) & MDSCR_GUEST; /* once: the page is the monitor's, too */
    if (mdscr & MDSCR_MDE) {
        breakpoints_load(&el1->debug[BREAKPOINT_VALUE], sysreg_breakpoints());
        watchpoints_load(&el1->debug[WATCHPOINT_VALUE], sysreg_watchpoints());
    }
    write_sysreg(mdscr, mdscr_el1);
    cpu->arch.mdscr = mdscr;
    cpu->arch.debugging = mdscr & MDSCR_LIVE;
}

/* --- the guest's accesses ------------------------------------------------------------------------------------------------------ */

static uint64_t kind_mask(unsigned kind)
{
    switch (kind) {
    case BREAKPOINT_CONTROLS:
        return BREAKPOINT_CONTROL;
    case WATCHPOINT_CONTROLS:
        return WATCHPOINT_CONTROL;
    default:
        return ~UINT64_C(3); /* addresses of instructions and words */
    }
}

/* Where the register lies in the state page, and which of its bits exist; NULL: not there. */
static uint64_t *debug_register(struct vcpu_el1 *el1, uint32_t reg, uint64_t *mask)
{
    if (reg == MDSCR) {
        *mask = MDSCR_GUEST;
        return &el1->mdscr;
    }
    if ((reg & ~(uint32_t)(REGISTER_CRM | REGISTER_OP2)) != DBGBVR0)
        return NULL;
    unsigned kind = reg >> 17 & 3, number = reg >> 1 & 15;
    *mask = kind_mask(kind);
    return number < (kind < WATCHPOINT_VALUE ? sysreg_breakpoints() : sysreg_watchpoints()) ? &el1->debug[kind][number] : NULL;
}

bool debug_emulate(struct cpu *cpu, struct vcpu *vcpu, const struct sysreg_access *access)
{
    uint64_t mask, *place = debug_register(&vcpu->state->el1, access->reg, &mask);
    if (!place)
        return false;
    if (access->read) {
        sysreg_answer(vcpu, access, *place);
    } else {
        *place = sysreg_written(vcpu, access) & mask;
        debug_start(cpu, &vcpu->state->el1);
    }
    return true;
}
