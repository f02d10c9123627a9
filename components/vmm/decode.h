/*
 * Loads and stores of A64 (Arm ARM C4.1.4) whose syndrome says nothing (ISV = 0): what the instruction would have done, from its word and
 * the registers. Pure: no calls, no state.
 */
#ifndef VMM_DECODE_H
#define VMM_DECODE_H

#include <bulkhead/vcpu.h>
#include <stdint.h>

enum decode_kind {
    DECODE_UNKNOWN,   /* no load or store, or an unallocated one */
    DECODE_ACCESS,    /* `count` accesses of general-purpose registers, then the base register's update */
    DECODE_NOTHING,   /* cache maintenance or a prefetch: nothing to be done to a device */
    DECODE_ZERO,      /* DC ZVA */
    DECODE_EXCLUSIVE, /* LDXR, STXR and their kind */
    DECODE_ATOMIC,    /* CAS, LDADD, SWP, … */
    DECODE_VECTOR,    /* SIMD and floating-point registers */
    DECODE_TAG,       /* memory tags, pointer authentication, 64-byte accesses: not offered to guests */
    DECODE_KINDS,
};

enum { DECODE_NO_BASE = 255, DECODE_SP = 31 };

struct decoded {
    uint8_t kind;     /* enum decode_kind; for all but DECODE_ACCESS nothing else is set */
    uint8_t count;    /* 1 or 2, at consecutive addresses */
    uint8_t size;     /* bytes of each: 1, 2, 4, 8 */
    uint8_t write;    /* 1: store */
    uint8_t sign;     /* as in struct vcpu_mmio */
    uint8_t reg[2];   /* 31: the zero register */
    uint8_t base;     /* 0 … 30, DECODE_SP or DECODE_NO_BASE: becomes `updated` */
    uint64_t address; /* virtual, of the first access */
    uint64_t updated;
};

/** What `instruction` does with these registers; `sp` is the stack pointer that it sees. */
struct decoded decode(uint32_t instruction, const struct frame *regs, uint64_t sp);

#endif
