/* A guest that tries all that a processor offers and says what became of it. Boot arguments: do=PART,… of registers, el0, aarch32, step, calls. */
#include "sweep.h"

enum { BLOCK_USER = 1 << 6, BLOCK_READ_ONLY = 1 << 7, CPACR_FPEN = 3 << 20, ENTRIES = 512, RAM_GIB = 1 };
#define BLOCK_PXN (UINT64_C(1) << 53)
#define BLOCK_UXN (UINT64_C(1) << 54)

uint64_t where;
static uint64_t table[ENTRIES] __attribute__((aligned(4096)));

void code_publish(const void *code, size_t size)
{
    for (uintptr_t at = (uintptr_t)code; at < (uintptr_t)code + size; at += 16)
        __asm__ volatile("dc cvau, %0" : : "r"(at) : "memory");
    __asm__ volatile("dsb ish\n\tic iallu\n\tdsb ish\n\tisb" : : : "memory");
}

/* The library's table, and devices and RAM once more for EL0. */
static void el0_prepare(void)
{
    const uint64_t *library = (const uint64_t *)(read_sysreg(ttbr0_el1) & ~UINT64_C(0xfff));
    for (unsigned i = 0; i < ENTRIES; i++)
        table[i] = library[i];
    table[EL0_DEVICES] = table[0] | BLOCK_USER;
    table[EL0_RAM] = (table[RAM_GIB] & ~BLOCK_UXN) | BLOCK_PXN | BLOCK_USER | BLOCK_READ_ONLY;
    write_sysreg(ttbr0_el1, (uintptr_t)table);
    write_sysreg(vbar_el1, (uintptr_t)sweep_vectors);
    write_sysreg(cpacr_el1, CPACR_FPEN);
    __asm__ volatile("isb\n\ttlbi vmalle1\n\tdsb nsh\n\tisb" : : : "memory");
}

static bool wanted(const char *part)
{
    for (const char *at = option_find("do="); at && *at && *at != ' '; at++) {
        unsigned i = 0;
        while (part[i] && at[i] == part[i])
            i++;
        if (!part[i])
            return true;
    }
    return false;
}

void irq_handler(uint64_t entry)
{
    (void)entry;
}

void fault_handler(uint64_t esr, uint64_t far, uint64_t elr)
{
    power_off_at_fault("sweep", esr, far, elr);
}

void primary_main(const void *fdt, uint64_t first_tick)
{
    (void)first_tick;
    machine_from_fdt(fdt);
    gic_init();
    gic_cpu_init();
    el0_prepare();
    if (wanted("registers"))
        registers_sweep();
    if (wanted("el0"))
        el0_try();
    if (wanted("step"))
        steps_try();
    if (wanted("calls"))
        calls_make();
    if (wanted("aarch32"))
        aarch32_try();
    print("sweep: done\n");
    power_off();
}
