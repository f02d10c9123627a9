/* Debug registers (Arm ARM D2, D13.3): which a guest has, and when the processor has them. docs/guest-machine.md says what becomes of each. */
#include "debug.h"
#include "vm.h"

enum {
    MDSCR_SS = 1 << 0,
    MDSCR_MDE = 1 << 15,
    MDSCR_LIVE = MDSCR_SS | MDSCR_MDE, /* KDE is about these, TDCC keeps EL0 from the debug channel, which components have no use for */
};

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

/* The page has what the monitor wrote there. */
#define LOAD(kind, n, control)                                             \
    case (n) + 1:                                                          \
        write_sysreg(registers[0][n], dbg##kind##vr##n##_el1);             \
        write_sysreg(registers[1][n] & (control), dbg##kind##cr##n##_el1); \
        __attribute__((fallthrough));
#define BREAKPOINT(n) LOAD(b, n, VCPU_BREAKPOINT_CONTROL)
#define WATCHPOINT(n) LOAD(w, n, VCPU_WATCHPOINT_CONTROL)

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
    uint64_t mdscr = __atomic_load_n(&el1->mdscr, __ATOMIC_RELAXED) & VCPU_MDSCR; /* once: the page is the monitor's, too */
    if (mdscr & MDSCR_MDE) {
        breakpoints_load(&el1->debug[BREAKPOINT_VALUE], sysreg_breakpoints());
        watchpoints_load(&el1->debug[WATCHPOINT_VALUE], sysreg_watchpoints());
    }
    write_sysreg(mdscr, mdscr_el1);
    cpu->arch.mdscr = mdscr;
    cpu->arch.debugging = mdscr & MDSCR_LIVE;
}
