/*
 * Calls that only AArch64 has: the state of virtual interrupts that the Arm GIC gives them (IHI 0048, IHI 0069). The VMM decodes the
 * distributor's registers; the kernel keeps what they mean.
 *
 * CALL_VCPU_ENTER leaves its caller sp, x29 and x30; x0 and x1 are the result, all other registers of EL0 its guest's, or anything.
 */
#ifndef BULKHEAD_AARCH64_CALL_H
#define BULKHEAD_AARCH64_CALL_H

#include <bulkhead/call.h>

enum call_aarch64 {
    /*
     * CALL_VIRQ_SET(vm, vcpu, field, first, value): changes `field` (enum virq_field) of the 32 lines from `first` (a multiple of
     * 32; below 32: vCPU `vcpu`'s own SGIs and PPIs) that are set in the mask `value`; for VIRQ_PRIORITY, VIRQ_TARGET, VIRQ_SOURCES: of the one line `first`, to `value`.
     * RIGHT_CONFIGURE. STATUS_RANGE (vCPU, field, first).
     */
    CALL_VIRQ_SET = CALL_ARCH,
    /*
     * CALL_VIRQ_GET(vm, vcpu, field, first) → value: reads the same. For VIRQ_PEND/VIRQ_UNPEND the pending bits, for VIRQ_ACTIVATE the active bits; both ask the CPUs
     * that hold list registers. STATUS_RANGE.
     */
    CALL_VIRQ_GET,
    /*
     * CALL_VM_SGI_ADDRESS(vm, address): a guest's store to this word is a GICv2 GICD_SGIR write, which the kernel carries out. RIGHT_CONFIGURE. 0: none.
     */
    CALL_VM_SGI_ADDRESS,
    /*
     * CALL_VIRQ_FORWARD(vm, line, irq, number, flags): physical interrupt `number` (RIGHT_BIND) becomes virtual line `line`; the guest's end of interrupt
     * deactivates it without an exit. irq slot 0 undoes it; so does the end of the irq capability. flags: IRQ_EDGE or 0 (level). STATUS_RANGE, ARGUMENT (flags), BUSY if the
     * line or the interrupt is taken already, LIMIT (64 interrupts are bound or forwarded, in all); doing the same again is no error.
     */
    CALL_VIRQ_FORWARD,
    CALL_ARCH_END,
};

/* CALL_VCPU_CREATE: the state that the guest's EL1 runs in. */
enum vcpu_mode { VCPU_MODE_AARCH64, VCPU_MODE_AARCH32 };

enum virq_field {
    VIRQ_ENABLE,     /* mask: enable; get: enabled */
    VIRQ_DISABLE,    /* mask: disable */
    VIRQ_PEND,       /* mask: make pending (latch); get: pending */
    VIRQ_UNPEND,     /* mask: clear the latch */
    VIRQ_ACTIVATE,   /* mask: set active; get: active */
    VIRQ_DEACTIVATE, /* mask: clear active */
    VIRQ_EDGE,       /* mask of edge-triggered among the 32; the others are level-sensitive. Get: the same */
    VIRQ_GROUP1,     /* mask of group 1 among the 32; get: the same */
    VIRQ_PRIORITY,   /* value 0 … 255 of the one line `first`; get: the same */
    VIRQ_TARGET,     /* index of the vCPU that the one shared line `first` goes to, VM_VCPUS: none */
    VIRQ_SOURCES,    /* GICv2: set of vCPUs for which the SGI `first` of `vcpu` is pending */
    VIRQ_FORWARDING, /* GICD_CTLR: bit 0 group 0, bit 1 group 1 reach vCPUs at all; `vcpu` and `first` are ignored */
};

#endif
