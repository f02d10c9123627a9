/* System registers by their architectural names. Reads and writes keep their order among themselves; context synchronisation is the caller's (isb()). */
#ifndef AARCH64_SYSREG_H
#define AARCH64_SYSREG_H

#include "barrier.h"
#include <stdint.h>

#define read_sysreg(name)                                        \
    __extension__({                                              \
        uint64_t sysreg_value;                                   \
        __asm__ volatile("mrs %0, " #name : "=r"(sysreg_value)); \
        sysreg_value;                                            \
    })

#define write_sysreg(value, name) __asm__ volatile("msr " #name ", %x0" : : "rZ"((uint64_t)(value)))

#define clear_sysreg(name) __asm__ volatile("msr " #name ", xzr")

/* The kernel masks SErrors but here. One that is pending: its syndrome, which entry.S leaves in x0 and masks them again; else 0. */
static inline uint64_t serror_window(void)
{
    register uint64_t syndrome __asm__("x0") = 0;
    __asm__ volatile("msr daifclr, #4\n\tisb\n\tmsr daifset, #4" : "+r"(syndrome) : : "x1", "memory");
    return syndrome;
}

#endif
