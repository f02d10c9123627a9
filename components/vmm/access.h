/* Accesses to emulated devices that the short way (mmio.h) does not take: those that the processor does not describe, and unaligned ones. */
#ifndef VMM_ACCESS_H
#define VMM_ACCESS_H

#include "vcpu.h"

/** What becomes of an access. */
enum access_result {
    ACCESS_DONE,      /* carried out, or to be done anew by the guest; it goes on */
    ACCESS_NOWHERE,   /* the VM has nothing there, or not at all of it */
    ACCESS_ALIGNMENT, /* a device takes aligned accesses within one page only, and no DC ZVA */
    ACCESS_EXCLUSIVE, /* exclusives and atomics need memory */
    ACCESS_REFUSED,   /* it cannot be decoded, or uses registers that the monitor does not have */
};

/** Carries out the access in the state page as its instruction says. What it was is left in `cpu->decoded` and `cpu->instruction`. */
enum access_result access_carry_out(struct cpu *cpu);

#endif
