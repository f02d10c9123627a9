/*
 * Writes numbered lines, so that a test sees whether one was lost, with the tick at which this life began, for a line may be shown once more in the
 * next life. Boot arguments: period= (microseconds between lines, 1000), lines= (0: without end). Between lines it sleeps until its timer wakes it.
 */
#include "guest.h"

static uint64_t expiries;

void irq_handler(uint64_t entry)
{
    (void)entry;
    uint32_t intid = gic_ack();
    if (intid >= GIC_SPURIOUS)
        return;
    if (intid == VTIMER_PPI) {
        __atomic_store_n(&expiries, expiries + 1, __ATOMIC_RELEASE);
        write_sysreg(cntv_ctl_el0, 0);
        isb();
    }
    gic_eoi(intid);
}

static void sleep_ticks(uint64_t ticks)
{
    uint64_t seen = __atomic_load_n(&expiries, __ATOMIC_ACQUIRE);
    isb();
    write_sysreg(cntv_cval_el0, read_sysreg(cntvct_el0) + ticks);
    write_sysreg(cntv_ctl_el0, 1);
    while (__atomic_load_n(&expiries, __ATOMIC_ACQUIRE) == seen) {
        wfi(); /* ended by a masked interrupt, too */
        irq_unmask();
        isb();
        irq_mask();
    }
}

void fault_handler(uint64_t esr, uint64_t far, uint64_t elr)
{
    power_off_at_fault("chatter", esr, far, elr);
}

void primary_main(const void *fdt, uint64_t first_tick)
{
    machine_from_fdt(fdt);
    uint64_t period = option_number("period=", 1000) * read_sysreg(cntfrq_el0) / 1000000, lines = option_number("lines=", 0);
    gic_init();
    gic_cpu_init();
    for (uint64_t line = 1; !lines || line <= lines; line++) {
        print("chatter: line ");
        print_dec(line);
        print(" of life ");
        print_dec(first_tick);
        print(".\n");
        sleep_ticks(period);
    }
    power_off();
}
