/* Parts of the guest that tries everything a processor offers. Each prints one line per thing found and a last one with the count. */
#ifndef SWEEP_H
#define SWEEP_H

#include "guest.h"

struct outcome {
    uint64_t value, syndrome; /* x0; ESR_EL1, 0: no exception */
};

enum { CLASS_SHIFT = 26, CLASS_UNKNOWN = 0, CLASS_SVC64 = 0x15 };
enum { PSTATE_EL0 = 0x3c0, PSTATE_EL0_AARCH32 = 0x1d0, PSTATE_T32 = 1 << 5, PSTATE_SS = 1 << 21 };

extern uint64_t where; /* ELR_EL1 of the last exception from EL0 */
extern struct outcome run_el1(const void *code, uint64_t x0);
extern struct outcome run_el0(uint64_t pc, uint64_t pstate, uint64_t x0, uint64_t x1);
extern char sweep_vectors[];

/* Where EL0 sees the machine's first GiB (devices; it may write) and RAM (it may execute): below 4 GiB, for AArch32. */
enum { EL0_DEVICES = 2, EL0_RAM = 3, GIB_SHIFT = 30 };
static inline uint64_t el0_code(const void *code)
{
    return (uintptr_t)code + ((uint64_t)(EL0_RAM - 1) << GIB_SHIFT);
}

/* Makes what was written to memory visible to instruction fetches. */
void code_publish(const void *code, size_t size);

/* registers.c: every encoding of MRS, MSR (register), SYSL and SYS at EL1, MRS and SYS at EL0. */
void registers_sweep(void);
/* calls.c: what firmware says. */
void calls_make(void);
/* el0.c: what an application may try. */
void el0_try(void);
void aarch32_try(void);
void steps_try(void);

#endif
