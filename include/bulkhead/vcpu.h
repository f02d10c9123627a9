/* The state page of a vCPU, which the kernel and the monitor share, and what ends a CALL_VCPU_ENTER. */
#ifndef BULKHEAD_VCPU_H
#define BULKHEAD_VCPU_H

#include <stdint.h>

enum vcpu_exit_reason {
    EXIT_KICKED,      /* CALL_VCPU_KICK */
    EXIT_MMIO,        /* load or store at a guest-physical address where nothing is mapped: exit.mmio */
    EXIT_FETCH,       /* instruction fetch from such an address */
    EXIT_HVC,         /* hypervisor call that the kernel does not answer: arguments in the registers; pc is behind it */
    EXIT_SMC,         /* the same by SMC; pc is behind it */
    EXIT_SYSREG,      /* access to a system register that the kernel does not emulate; pc is AT it */
    EXIT_UNDEFINED,   /* anything else that the VM is not offered; pc is AT it */
    EXIT_ERROR,       /* an access of this guest failed beyond its translation: external abort, SError, … */
    EXIT_MMIO_AARCH32, /* EXIT_MMIO by AArch32 code, whose instructions may have two bytes; exit.mmio.reg is as the syndrome has it */
    EXIT_AARCH32,     /* any other trap of AArch32 code, by exit.syndrome, whether its condition holds or not; pc is AT it, but behind HVC. A data abort: a doorbell has been rung */
};

/* An access that the monitor has to carry out. `pc` is still AT the instruction; add 4 when done. */
struct vcpu_mmio {
    uint64_t address; /* guest-physical */
    uint8_t size;     /* in bytes: 1, 2, 4, 8; 0: the instruction has no syndrome (pair, write-back, …): decode or report it */
    uint8_t write;    /* 1: store */
    uint8_t reg;      /* whose value is stored (vcpu_mmio_stored), or that the monitor is to load; 31: zero, or none */
    uint8_t sign;     /* load: bit 0 sign-extend, bit 1 to 64 bits (else to 32) */
};

struct vcpu_exit {
    uint32_t reason;    /* enum vcpu_exit_reason */
    uint32_t reserved;
    uint64_t syndrome;  /* ESR_EL2 */
    uint64_t fault_va;  /* FAR_EL2: guest-virtual address, where the architecture gives one */
    struct vcpu_mmio mmio;
};

#include <bulkhead/aarch64/vcpu_state.h>

/* What the store that ended the guest's run stores, zero-extended. */
static inline uint64_t vcpu_mmio_stored(const struct vcpu_state *state)
{
    const struct vcpu_mmio *mmio = &state->exit.mmio;
    unsigned unused = 64u - 8u * mmio->size;
    return mmio->reg < 31 ? state->regs.x[mmio->reg] << unused >> unused : 0;
}

#endif
