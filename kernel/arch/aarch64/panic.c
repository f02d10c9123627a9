/* The end: what a kernel bug leaves for whoever has to find it. */
#include "arch.h"
#include "cpu.h"
#include "irq.h"
#include "layout.h"
#include "log.h"
#include "mmu.h"

#include <bulkhead/call.h>

enum { FRAMES_MAX = 32, VECTOR_SHIFT = 7 /* log2 of the bytes of one vector */ };

static const struct frame *fault_frame; /* registers of a fault; NULL: panic() was called */

/* From entry.S: the frame's SP_EL0 is the kernel's stack pointer; `vector` is the offset in the vector table. */
_Noreturn void kernel_fault(struct frame *frame, unsigned vector);

/* In a register's place, where it is in the image: what llvm-addr2line takes. */
static void address_print(uint64_t address)
{
    if (address >= (uint64_t)_image_start && address < (uint64_t)_rodata_start)
        log_print("  image+0x%lx\n", address - (uint64_t)_image_start);
    else
        log_print("  0x%lx\n", address);
}

/* Frame records lie on a CPU's stack or, while a fault is handled, in .bss; and each above the one before. */
static bool is_stack(uint64_t address)
{
    bool image = address >= (uint64_t)_data_start && address < (uint64_t)_data_end;
    bool stack = address >= STACKS_BASE && address < STACKS_BASE + (CPUS_MAX << STACK_SHIFT);
    return address % 16 == 0 && (image || (stack && (address & ((1 << STACK_SHIFT) - 1)) >= STACK_SIZE));
}

static void backtrace_print(uint64_t frame)
{
    for (unsigned i = 0; i < FRAMES_MAX && is_stack(frame); i++) {
        const uint64_t *record = (const uint64_t *)frame;
        if (record[1])
            address_print(record[1] - 4); /* the call, not what follows it */
        if (record[0] <= frame)
            return;
        frame = record[0];
    }
}

static void registers_print(const struct frame *frame)
{
    for (unsigned i = 0; i < 31; i++)
        log_print("x%u%s %016lx%s", i, i < 10 ? " " : "", frame->x[i], i % 4 == 3 || i == 30 ? "\n" : "  ");
}

/* The fault's registers; if panic() was called, those of whoever called the kernel, as far as it has saved them, and why. */
_Noreturn void arch_panic(void)
{
    const struct frame *fault = fault_frame, *frame = fault ? fault : cpu_self()->arch.resume;
    irq_stop_others();
    log_print("esr %lx  elr %lx  far %lx  spsr %lx\n", read_sysreg(esr_el2), read_sysreg(elr_el2), read_sysreg(far_el2), read_sysreg(spsr_el2));
    if (frame)
        registers_print(frame);
    log_print("hcr %lx  sctlr %lx  vttbr %lx  stack %p  image at %p\n", read_sysreg(hcr_el2), read_sysreg(sctlr_el2),
              read_sysreg(vttbr_el2), fault ? (void *)fault->sp_el0 : __builtin_frame_address(0), (void *)_image_start);
    log_print("backtrace (llvm-addr2line -fie build/kernel/kernel.elf ...):\n");
    if (fault)
        address_print(fault->pc);
    backtrace_print(fault ? fault->x[29] : (uint64_t)__builtin_frame_address(0));
    arch_power(POWER_OFF);
}

_Noreturn void kernel_fault(struct frame *frame, unsigned vector)
{
    static const char *const kinds[] = {"synchronous exception", "IRQ", "FIQ", "SError"};
    static const char *const origins[] = {"with SP_EL0", "in the kernel", "from AArch64 below", "from AArch32 below"};
    fault_frame = frame;
    panic("%s %s, ESR %lx at image+0x%lx", kinds[vector >> VECTOR_SHIFT & 3], origins[vector >> (VECTOR_SHIFT + 2) & 3], read_sysreg(esr_el2),
          frame->pc - (uint64_t)_image_start);
}
