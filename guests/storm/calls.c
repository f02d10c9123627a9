/* Acts that call, interrupt, sleep and program timers. */
#include "storm.h"

#include <bulkhead/call.h>
#include <bulkhead/status.h>

enum {
    PSCI_CPU_SUSPEND = 0x84000001,
    PSCI_CPU_OFF = 0x84000002,
    PSCI_AFFINITY_INFO = 0x84000004,
    PSCI_MIGRATE_INFO_TYPE = 0x84000006,
    PSCI_FEATURES = 0x8400000a,
    PSCI_SYSTEM_RESET2 = 0x84000012,
    PSCI_LAST = 0x8400001f,
    ARCH_FEATURES = 0x80000001,
    VENDOR_UID = 0x8600ff01,
    TRNG_FIRST = 0x84000050,
    TRNG_CALLS = 4,
    VENDOR_CALLS = 0x8000, /* of the hypervisor's range */
    LEVELS = 8,            /* affinity levels that are asked for; 0 to 3 exist */
};
#define FORM_64 UINT32_C(0x40000000)
#define KERNEL_CALLS UINT32_C(0xc6000000)

/* Answers (DEN 0028 §5.2, DEN 0022 §5.2.2). */
enum { NOT_SUPPORTED = -1, INVALID_PARAMETERS = -2, ALREADY_ON = -4, ON_PENDING = -5, INVALID_ADDRESS = -9, SMCCC_1_2 = 0x10002, NO_MIGRATION = 2 };

static void need(struct storm_cpu *cpu, bool expected, uint64_t function, int64_t answer)
{
    if (!expected && !cpu->wrong++) {
        cpu->wrong_function = function;
        cpu->wrong_answer = (uint64_t)answer;
    }
}

/* --- any owner's calls ------------------------------------------------------------------------------------------------- */

/* Would it end the storm? PSCI's own functions are an act of their own. */
static bool is_psci(uint64_t function)
{
    return (function & 0xbfffffe0) == (PSCI_LAST & 0xbfffffe0);
}

/* A guest holds no capability. */
static bool kernel_answers(unsigned number, int64_t answer)
{
    switch (number) {
    case CALL_NULL:
        return answer == STATUS_OK;
    case CALL_SIGNAL_RAISE:
    case CALL_IRQ_ACK:
    case CALL_VCPU_KICK:
    case CALL_VIRQ_RAISE:
        return answer == STATUS_CAP;
    default:
        return answer == STATUS_CALL;
    }
}

static bool is_expected(uint32_t function, int64_t answer)
{
    if (function - KERNEL_CALLS < VENDOR_CALLS)
        return kernel_answers(function - KERNEL_CALLS, answer);
    if ((function & ~FORM_64) - TRNG_FIRST < TRNG_CALLS)
        return true; /* offered or not */
    switch (function) {
    case SMCCC_VERSION:
        return answer == SMCCC_1_2;
    case ARCH_FEATURES:
        return answer == 0 || answer == NOT_SUPPORTED;
    case VENDOR_UID:
        return answer != NOT_SUPPORTED;
    default:
        return answer == NOT_SUPPORTED;
    }
}

static void call(struct storm_cpu *cpu, uint64_t function, bool smc)
{
    uint64_t a = storm_random(cpu), b = storm_random(cpu) >> (a & 63), c = storm_random(cpu);
    int64_t answer = smc ? SMCCC_CALL("smc", function, a & 0xffff, b, c) : SMCCC_CALL("hvc", function, a & 0xffff, b, c);
    need(cpu, is_expected((uint32_t)function, answer), function, answer);
}

static void call_anybody(struct storm_cpu *cpu)
{
    uint64_t function = storm_random(cpu);
    if (function & 1)
        function = (function & 0xff00ffff) | 0x80000000; /* well-formed */
    if (!is_psci(function & 0xffffffff))
        call(cpu, function, function >> 32 & 1);
}

/* The numbers of the hypervisor's range in turn, all of them among all CPUs if `all=1`, and between them any owner's. */
void act_calls(struct storm_cpu *cpu)
{
    bool all = option_number("all=", 0);
    for (uint64_t number = cpu->index; storm_goes_on() || (all && number < VENDOR_CALLS); number += storm_cpus()) {
        call(cpu, KERNEL_CALLS | number % VENDOR_CALLS, number & 2);
        call_anybody(cpu);
    }
}

/* --- PSCI ---------------------------------------------------------------------------------------------------------------- */

/* All CPUs are on. */
static int64_t affinity_info(uint64_t target, uint64_t level)
{
    return level > 3 || (!level && target >= machine.cpus) ? INVALID_PARAMETERS : 0;
}

static bool psci_is_expected(uint64_t function, uint64_t target, uint64_t level, int64_t answer)
{
    switch (function & ~(uint64_t)FORM_64) {
    case PSCI_CPU_SUSPEND:
        return answer == 0;
    case PSCI_AFFINITY_INFO:
        return answer == affinity_info(target, level);
    case PSCI_MIGRATE_INFO_TYPE:
        return answer == (function & FORM_64 ? NOT_SUPPORTED : NO_MIGRATION);
    case PSCI_FEATURES:
        return answer == NOT_SUPPORTED || (answer == 0 && !(function & FORM_64));
    default:
        return answer == NOT_SUPPORTED;
    }
}

/* It is on, or does not exist; sometimes the entry lies nowhere. */
static void switch_on_again(struct storm_cpu *cpu, uint64_t target)
{
    bool lost = storm_random(cpu) & 1;
    int64_t answer = lost ? psci(PSCI_CPU_ON, target, machine.ram + machine.ram_size, 0) : storm_cpu_on((unsigned)target);
    int64_t otherwise = lost ? INVALID_ADDRESS : ALREADY_ON;
    need(cpu, answer == (target < machine.cpus ? otherwise : INVALID_PARAMETERS), PSCI_CPU_ON, answer);
}

/* All of PSCI but switching the VM, or this CPU, off, with arguments at random, from all CPUs at once. */
void act_psci(struct storm_cpu *cpu)
{
    while (storm_goes_on()) {
        uint64_t function = PSCI_CPU_SUSPEND + storm_random(cpu) % 0x1f;
        uint64_t target = storm_random(cpu) % (2 * CPUS), level = storm_random(cpu) % LEVELS;
        if (function == PSCI_CPU_OFF || function == PSCI_SYSTEM_OFF || function == PSCI_SYSTEM_RESET || function == PSCI_SYSTEM_RESET2)
            continue;
        if (function == (PSCI_CPU_ON & ~(uint64_t)FORM_64)) {
            switch_on_again(cpu, target);
            continue;
        }
        if (storm_random(cpu) & 1)
            function |= FORM_64;
        int64_t answer = psci(function, target, level, storm_random(cpu));
        need(cpu, psci_is_expected(function, target, level, answer), function, answer);
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
        int64_t state = psci(PSCI_AFFINITY_INFO | FORM_64, last, 0, 0), answer = storm_cpu_on(last);
        need(cpu, state >= 0 && state <= 2, PSCI_AFFINITY_INFO, state);
        need(cpu, answer == 0 || answer == ALREADY_ON || answer == ON_PENDING, PSCI_CPU_ON, answer);
    }
}

/* --- interrupts and time ------------------------------------------------------------------------------------------------- */

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
