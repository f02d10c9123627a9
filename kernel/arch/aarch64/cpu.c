/* A CPU's start: by the boot loader or PSCI (DEN 0022), its registers at EL2; its sleep; the machine's end. */
#include "cpu.h"
#include "board.h"
#include "debug.h"
#include "gic.h"
#include "irq.h"
#include "layout.h"
#include "log.h"
#include "mmu.h"
#include "serror.h"
#include "side.h"
#include "trap.h"
#include "vcpu.h"

enum { PSCI_SUCCESS = 0 };

/* CNTHCTL_EL2: the counter for all, the physical timer for nobody. */
enum { CNTHCTL_EL1PCTEN = 1 << 0 };
/* MDCR_EL2: trace filter, profiling, debug, OS lock, debug ROM and PMU registers trap. */
enum { MDCR_TRAPS = 1 << 19 | 1 << 14 | 1 << 11 | 1 << 10 | 1 << 9 | 1 << 6 | 1 << 5 };
/* CPTR_EL2: RES1 bits (SVE and SME trap); activity monitors, trace registers and FP/SIMD trap. */
enum { CPTR_TRAPS = 0x33ff | 1 << 10 | 1 << 20 | 1 << 30 };
/* VTCR_EL2: 4 KiB granule, walks from level 1, write-back and inner shareable. */
#define VTCR_COMMON (UINT64_C(1) << 31 | 3 << 12 | 1 << 10 | 1 << 8 | 1 << 6)
enum { VTCR_VS = 1 << 19 /* 16-bit VMIDs */, VTCR_PS_SHIFT = 16, VTCR_PS_48_BITS = 5 };

extern char vectors[], secondary_start[];

/* --- registers ---------------------------------------------------------------------------------------------------------- */

static uint64_t vtcr_value(void)
{
    uint64_t range = read_sysreg(id_aa64mmfr0_el1) & 0xf, limit = (uint64_t)__builtin_ctzll(platform.physical_limit);
    uint64_t bits = limit < KERNEL_VA_BITS ? limit : KERNEL_VA_BITS;
    uint64_t wide = (read_sysreg(id_aa64mmfr1_el1) >> 4 & 0xf) == 2 ? VTCR_VS : 0;
    range = range > VTCR_PS_48_BITS ? VTCR_PS_48_BITS : range;
    return VTCR_COMMON | wide | range << VTCR_PS_SHIFT | (64 - bits);
}

/* The guest may use no counter of the PMU: HPMN is all of them, since fewer is CONSTRAINED UNPREDICTABLE without any. */
static uint64_t mdcr_value(void)
{
    uint64_t version = read_sysreg(id_aa64dfr0_el1) >> 8 & 0xf;
    uint64_t counters = version && version != 0xf ? read_sysreg(pmcr_el0) >> 11 & 0x1f : 0;
    return MDCR_TRAPS | counters;
}

/* From now on HCR_EL2 is a component's, so physical interrupts and SErrors come here, except while a guest runs (vcpu.c: the order). */
static void translation_init(void)
{
    write_sysreg(vtcr_value(), vtcr_el2);
    write_sysreg(VTTBR_NOBODY, vttbr_el2);
    isb();
    write_sysreg(HCR_COMPONENT, hcr_el2);
    isb();
}

static void registers_init(struct cpu *cpu)
{
    write_sysreg((uint64_t)cpu, tpidr_el2);
    write_sysreg((uint64_t)vectors, vbar_el2);
    write_sysreg(0, hstr_el2);
    write_sysreg(CPTR_TRAPS, cptr_el2);
    write_sysreg(mdcr_value(), mdcr_el2);
    write_sysreg(CNTHCTL_EL1PCTEN, cnthctl_el2);
    write_sysreg(0, cntvoff_el2);
    write_sysreg(0, cnthp_ctl_el2);
    write_sysreg(0, cntv_ctl_el0);
    write_sysreg(0, cntp_ctl_el0);
    write_sysreg(0, vttbr_el2);
    debug_cpu_init();
    vcpu_cpu_init(cpu);
    isb();
}

/* --- start ------------------------------------------------------------------------------------------------------------------- */

_Noreturn void boot_main(uint64_t fdt, uint64_t ticks);
_Noreturn void boot_main(uint64_t fdt, uint64_t ticks)
{
    platform.boot_ticks = ticks;
    registers_init(&cpus[0]);
    platform_init(fdt);
    mmu_area_init();
    for (unsigned i = 0; i < platform.cpus; i++)
        cpus[i].stack_top = (void *)(STACKS_BASE + ((uint64_t)(i + 1) << STACK_SHIFT));
    translation_init();
    irq_init();
    sysreg_init();
    kernel_main();
}

_Noreturn void boot_secondary(unsigned index);
_Noreturn void boot_secondary(unsigned index)
{
    registers_init(&cpus[index]);
    translation_init();
    irq_cpu_init(index);
    cpu_main(&cpus[index]);
}

/* --- firmware ------------------------------------------------------------------------------------------------------------- */

/* SMCCC 1.0 (DEN 0028): x4 to x17 may come back changed. */
static int64_t firmware_call(uint32_t function, uint64_t a, uint64_t b, uint64_t c)
{
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = a;
    register uint64_t x2 __asm__("x2") = b;
    register uint64_t x3 __asm__("x3") = c;
    __asm__ volatile("smc #0"
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
                     :
                     : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "memory");
    return (int64_t)x0;
}

bool arch_cpu_start(unsigned index)
{
    mmu_stack_make(index);
    int64_t result = (int32_t)firmware_call(board.psci_on, board.mpidr[index], (uint64_t)secondary_start, index);
    if (result != PSCI_SUCCESS)
        log_print("bulkhead: CPU %u (reg %lx) stays off: PSCI CPU_ON returns %d\n", index, board.mpidr[index], (int)result);
    return result == PSCI_SUCCESS;
}

void arch_idle(struct cpu *cpu)
{
    isb(); /* what was dropped here before lets others in: neither a DSB nor WFI synchronises that (D13.1.2) */
    serror_idle(); /* waits for what is outstanding, too */
    __asm__ volatile("wfi"); /* that interrupts are masked does not keep it asleep (D1.16.2); none is taken by a vector, so nothing is saved */
    uint32_t acknowledged = gic_acknowledge();
    if (gic_intid(acknowledged) == SGI_IPI) {
        gic_drop(acknowledged);
        gic_deactivate(acknowledged); /* before: another one may follow */
        ipi_handle(cpu);
    } else {
        irq_dispatch(cpu, acknowledged);
    }
}

_Noreturn void arch_power(unsigned what)
{
    uint32_t function = what == POWER_RESET ? board.psci_reset : board.psci_off;
    if (function)
        firmware_call(function, 0, 0, 0);
    log_print("bulkhead: system halted\n");
    for (;;)
        __asm__ volatile("wfi");
}
