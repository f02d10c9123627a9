/*
 * A guest's breakpoints, watchpoints and single steps. All debug registers trap for good (MDCR_EL2.TDA) and are the monitor's, so the state page always has what the guest
 * wrote; the processor gets it whenever the guest runs with any of it switched on, and never has it while a component does. A guest that debugs
 * nothing costs one comparison per change of sides; Linux' MDSCR_EL1, which is never zero, stays in the processor meanwhile.
 */
#ifndef AARCH64_DEBUG_H
#define AARCH64_DEBUG_H

#include "cpu.h"
#include "trap.h"

/* On this CPU, at its start: nothing is debugged, and the OS lock, which would keep all debug exceptions back (Arm ARM D2.5), is open. */
void debug_cpu_init(void);
/* The processor obeys the guest's debug registers from its next exception return on. */
void debug_start(struct cpu *cpu, const struct vcpu_el1 *el1);
/* The same on the way into a guest, unless MDSCR_EL1 is as it left it. */
static inline void debug_follow(struct cpu *cpu, const struct vcpu_el1 *el1)
{
    if (__builtin_expect(el1->mdscr != cpu->arch.mdscr, 0))
        debug_start(cpu, el1);
}

/* Nobody else is debugged on behalf of the guest that ran here. */
static inline void debug_stop(struct cpu *cpu)
{
    if (cpu->arch.debugging) {
        write_sysreg(0, mdscr_el1);
        cpu->arch.mdscr = 0;
        cpu->arch.debugging = false;
    }
}

#endif
