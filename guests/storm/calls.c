/* Acts that call, interrupt, sleep and program timers. */
#include "storm.h"

enum {
    PSCI_CPU_SUSPEND = 0x84000001,
    PSCI_CPU_OFF = 0x84000002,
    PSCI_AFFINITY_INFO = 0x84000004,
    PSCI_LAST = 0x8400001f,
    VENDOR_CALLS = 0x8000, /* of the hypervisor's range */
};

/* Would it end the storm? PSCI's own functions are an act of their own. */
static bool is_psci(uint64_t function)
{
    return (function & 0xbfffffe0) == (PSCI_LAST & 0xbfffffe0);
}

static int64_t call(struct storm_cpu *cpu, uint64_t function, bool smc)
{
    uint64_t a = storm_random(cpu), b = storm_random(cpu) >> (a & 63), c = storm_random(cpu);
    return smc ? SMCCC_CALL("smc", function, a & 0xffff, b, c) : SMCCC_CALL("hvc", function, a & 0xffff, b, c);
}

/* Every number of the hypervisor's range, then any owner's. */
void act_calls(struct storm_cpu *cpu)
{
    for (uint64_t number = 0; number < VENDOR_CALLS && storm_goes_on(); number++)
        call(cpu, 0xc6000000 | number, number & 1);
    while (storm_goes_on()) {
        uint64_t function = storm_random(cpu);
        if (function & 1)
            function = (function & 0xff00ffff) | 0x80000000; /* well-formed */
        if (!is_psci(function & 0xffffffff))
            call(cpu, function, function >> 32 & 1);
        __asm__ volatile("hvc #0x4a48" : : : "x0", "x1", "x2", "x3", "memory");
    }
}

/* All of PSCI but switching the VM off, with arguments at random, from all CPUs at once. */
void act_psci(struct storm_cpu *cpu)
{
    while (storm_goes_on()) {
        uint64_t function = PSCI_CPU_SUSPEND + storm_random(cpu) % 0x1f;
        uint64_t target = storm_random(cpu) % (2 * CPUS);
        if (function == PSCI_CPU_OFF || function == 0x84000008 || function == 0x84000009 || function == 0x84000012)
            continue;
        if (storm_random(cpu) & 1)
            function |= 0x40000000;
        if (function == PSCI_CPU_ON && target < storm_cpus())
            storm_cpu_on((unsigned)target); /* it is on: never a second time */
        else if (function != PSCI_CPU_ON)
            psci(function, target, storm_random(cpu), storm_random(cpu));
    }
}

/* The last CPU goes off again and again while all others try to switch it on; it comes back into this function (storm.c). */
void act_off_and_on(struct storm_cpu *cpu)
{
    static bool stays; /* the last CPU will not go off any more */
    unsigned last = storm_cpus() - 1;
    bool more = storm_goes_on();
    if (last && cpu->index == last) {
        if (more)
            psci(PSCI_CPU_OFF, 0, 0, 0);
        __atomic_store_n(&stays, true, __ATOMIC_SEQ_CST);
    }
    while (last && !__atomic_load_n(&stays, __ATOMIC_SEQ_CST)) {
        psci(PSCI_AFFINITY_INFO | 0x40000000, last, 0, 0);
        storm_cpu_on(last);
    }
}

void act_interrupts(struct storm_cpu *cpu)
{
    irq_unmask();
    while (storm_goes_on()) {
        gic_sgi(gic_sgi_self());
        if (machine.gic_version == 2)
            mmio_write(machine.gicd + 0xf00, 1 << 24); /* to all others */
        else
            write_sysreg(S3_0_C12_C11_5, UINT64_C(1) << 40 | (storm_random(cpu) & 15) << 24);
    }
    irq_mask();
}

/* Expired when it is armed, and again. */
void act_timer(struct storm_cpu *cpu)
{
    (void)cpu;
    irq_unmask();
    while (storm_goes_on()) {
        write_sysreg(cntv_cval_el0, 0);
        write_sysreg(cntv_ctl_el0, 1);
        write_sysreg(cntv_ctl_el0, 0);
        write_sysreg(cntv_tval_el0, storm_random(cpu) & 0xff);
        write_sysreg(cntv_ctl_el0, 1);
        isb();
    }
    irq_mask();
}

void act_sleep(struct storm_cpu *cpu)
{
    write_sysreg(cntv_ctl_el0, 1);
    while (storm_goes_on()) {
        write_sysreg(cntv_tval_el0, storm_random(cpu) & 0x3ff);
        isb();
        __asm__ volatile("wfi\n\tsev\n\twfe\n\tsevl\n\twfe\n\tyield" : : : "memory");
    }
}
