/*
 * Sets alarms of a PL031 real-time clock that was passed through, and counts its interrupts. Boot argument: alarms=N, one second apart. The
 * last line also says how many ticks of the counter the end of interrupt took: a trap would show. hold=1: afterwards one more comes and stays for
 * ever, pending or (each as often) active, for tests that end the VM then.
 */
#include "guest.h"

enum {
    RTC = 0x09010000, /* virt board; INTID 34 */
    RTC_INTID = 34,
    RTC_DR = 0x00, /* seconds */
    RTC_MR = 0x04, /* match */
    RTC_IMSC = 0x10,
    RTC_MIS = 0x18,
    RTC_ICR = 0x1c,
};

static uint64_t alarms, spurious, others, longest_end, holds;

static _Noreturn void stay(const char *how)
{
    print("alarm: the next one stays ");
    print(how);
    print("\n");
    for (;;)
        yield();
}

static void end(uint32_t intid)
{
    uint64_t before = read_sysreg(cntvct_el0);
    gic_eoi(intid);
    isb();
    uint64_t ticks = read_sysreg(cntvct_el0) - before;
    longest_end = ticks > longest_end ? ticks : longest_end;
}

void irq_handler(uint64_t entry)
{
    (void)entry;
    uint32_t intid = gic_ack();
    if (intid >= GIC_SPURIOUS)
        return;
    if (intid != RTC_INTID)
        others++;
    else if (mmio_read(RTC + RTC_MIS) & 1)
        alarms++;
    else
        spurious++;
    if (holds)
        stay("active");
    mmio_write(RTC + RTC_ICR, 1);
    end(intid);
}

static uint64_t alarms_so_far(void)
{
    return __atomic_load_n(&alarms, __ATOMIC_ACQUIRE);
}

static void set_alarm_and_wait(void)
{
    uint64_t seen = alarms_so_far();
    mmio_write(RTC + RTC_MR, mmio_read(RTC + RTC_DR) + 1);
    while (alarms_so_far() == seen) {
        wfi(); /* ended by a masked interrupt, too */
        irq_unmask();
        isb();
        irq_mask();
    }
}

/* Interrupts are masked. */
static _Noreturn void hold(void)
{
    print("alarm: ");
    print_dec(alarms);
    print(" came\n");
    bool pending = read_sysreg(cntvct_el0) >> 8 & 1;
    mmio_write(RTC + RTC_MR, mmio_read(RTC + RTC_DR) + 1);
    holds = 1;
    while (!(mmio_read(RTC + RTC_MIS) & 1))
        yield();
    if (!pending)
        irq_unmask();
    stay("pending");
}

static void print_count(uint64_t n, const char *behind)
{
    print_dec(n);
    print(behind);
}

void fault_handler(uint64_t esr, uint64_t far, uint64_t elr)
{
    power_off_at_fault("alarm", esr, far, elr);
}

void primary_main(const void *fdt, uint64_t first_tick)
{
    (void)first_tick;
    machine_from_fdt(fdt);
    uint64_t wanted = option_number("alarms=", 3);
    gic_init();
    gic_cpu_init();
    gic_enable_shared(RTC_INTID, false);
    mmio_write(RTC + RTC_ICR, 1);
    mmio_write(RTC + RTC_IMSC, 1);
    for (uint64_t i = 0; i < wanted; i++)
        set_alarm_and_wait();
    if (option_number("hold=", 0))
        hold();
    mmio_write(RTC + RTC_IMSC, 0);
    print("alarm: ");
    print_count(wanted, " set, ");
    print_count(alarms, " came, ");
    print_count(spurious, " without reason, ");
    print_count(others, " other interrupts, longest end of interrupt ");
    print_count(longest_end, " ticks\n");
    power_off();
}
