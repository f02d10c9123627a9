/* AArch32 state as AArch64 sees it: processor state, the general registers' places in struct frame, stepping over an instruction. */
#ifndef BULKHEAD_AARCH64_AARCH32_H
#define BULKHEAD_AARCH64_AARCH32_H

#include <stdbool.h>
#include <stdint.h>

#include <bulkhead/vcpu.h>

/* pstate in AArch32 state (Arm ARM C5.2.19), as far as the kernel and its monitor both look at it */
enum {
    AARCH32_FIQ = 0x11,
    AARCH32_T = 1 << 5,
    AARCH32_IT_LOW = 3 << 25,   /* IT[1:0] */
    AARCH32_IT_HIGH = 63 << 10, /* IT[7:2] */
    AARCH32_CONDITION_ALWAYS = 14,
};

/* ITSTATE, 0 outside of an IT block. */
static inline unsigned aarch32_it(uint64_t pstate)
{
    return (unsigned)(pstate >> 25 & 3) | (unsigned)(pstate >> 8 & 0xfc);
}

/* The same pstate behind the instruction: the Arm ARM's AArch32.ITAdvance(). */
static inline uint64_t aarch32_it_advance(uint64_t pstate)
{
    unsigned it = aarch32_it(pstate);
    it = it & 7 ? (it & 0xe0) | (it << 1 & 0x1f) : 0;
    return (pstate & ~(uint64_t)(AARCH32_IT_LOW | AARCH32_IT_HIGH)) | (uint64_t)(it & 3) << 25 | (uint64_t)(it & 0xfc) << 8;
}

enum { AARCH32_SS = 1 << 21 };

/* Steps over the instruction that `syndrome` (ESR_EL2) is about: its bit 25 (IL) tells 4 bytes from 2. A debugger's step ends behind it. */
static inline void aarch32_skip(struct frame *regs, uint64_t syndrome)
{
    regs->pc = (uint32_t)(regs->pc + 2 + (syndrome >> 24 & 2));
    regs->pstate = aarch32_it_advance(regs->pstate) & ~(uint64_t)AARCH32_SS;
}

/* ConditionHolds(): flags are pstate's N, Z, C, V. */
static inline bool aarch32_condition_holds(unsigned condition, uint64_t pstate)
{
    bool n = pstate >> 31 & 1, z = pstate >> 30 & 1, c = pstate >> 29 & 1, v = pstate >> 28 & 1;
    bool holds[] = {z, c, n, v, c && !z, n == v, n == v && !z, true};
    return holds[condition >> 1 & 7] != (condition & 1 && condition != 15);
}

/*
 * Where struct frame has the register that the current mode calls R`number` (Arm ARM D1.20.1). The processor reports this place in a syndrome, emulators may
 * report the number itself: the same place twice is still right, since no mode but User and System reports places 13 and 14, and FIQ none of 8 to 12.
 */
static inline unsigned aarch32_register(uint64_t pstate, unsigned number)
{
    static const uint8_t stack_pointer[16] = {13, 29, 17, 19, 13, 13, 13, 21, 13, 13, 13, 23, 13, 13, 13, 13};
    unsigned mode = (unsigned)pstate & 15, bank = stack_pointer[mode];
    if (mode == (AARCH32_FIQ & 15) && number >= 8 && number <= 14)
        return number + 16;
    if (number == 13)
        return bank;
    if (number == 14)
        return bank == 13 ? 14 : bank - 1;
    return number;
}

#endif
