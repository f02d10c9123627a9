/*
 * Does nothing for ever, and says so once: the other VM of a CPU, in measurements of what changing to it costs. Boot argument fp=1: uses an FP
 * register each time round.
 */
#include "guest.h"

#define USE_FP ".inst 0x1e602800" /* fadd d0, d0, d0; the compiler is told that there is no FP */

void irq_handler(uint64_t entry)
{
    (void)entry;
}

void fault_handler(uint64_t esr, uint64_t far, uint64_t elr)
{
    power_off_at_fault("spin", esr, far, elr);
}

/* spin_fp_used is reached once the FP instruction is done. scripts/bench looks for these names. */
static _Noreturn void spin(bool fp)
{
    if (fp)
        __asm__ volatile("spin_fp: " USE_FP "\nspin_fp_used: yield\n\tb spin_fp");
    __asm__ volatile("spin_plain: yield\n\tb spin_plain");
    __builtin_unreachable();
}

void primary_main(const void *fdt, uint64_t first_tick)
{
    (void)first_tick;
    machine_from_fdt(fdt);
    print("spin: spinning\n");
    write_sysreg(cpacr_el1, 3 << 20); /* FPEN */
    isb();
    spin(option_number("fp=", 0) != 0);
}
