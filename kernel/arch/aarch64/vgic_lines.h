/* Between vgic.c, which brings virtual interrupts to the processor, and vgic_fields.c, where the VMM sets and reads them. The invariants are in vgic.c. */
#ifndef AARCH64_VGIC_LINES_H
#define AARCH64_VGIC_LINES_H

#include "gic.h"
#include "vgic.h"
#include "vm.h"

/* struct virq, flags; and numbers that both need. */
enum {
    ENABLED = 1,
    EDGE = 2,
    LEVEL = 4,  /* the line's level, if level-sensitive */
    LATCH = 8,  /* pending until taken */
    ACTIVE = 16, /* in memory: evicted from an LR, or set by the VMM */
    QUEUED = 32,
    GROUP1 = 64,
    SGIS = VIRQ_SGIS,
    PRIORITY_SHIFT = 3, /* 32 priorities */
    TIMER_PPI = 27, /* the guest's; the physical one is the board's */
};

static inline struct virq *virq_at(struct vm *vm, struct vcpu *vcpu, unsigned line)
{
    return line < VIRQ_PRIVATE ? &vcpu->arch.private[line] : &vm->arch.shared[line - VIRQ_PRIVATE];
}

static inline bool virq_pending(const struct virq *virq)
{
    return virq->flags & LATCH || (virq->flags & (EDGE | LEVEL)) == LEVEL || virq->sources;
}

/* What every GICv3 has in system registers. */
static inline void gicv3_interface_save(struct gic_interface *interface)
{
    uint32_t vmcr = (uint32_t)read_sysreg(ich_vmcr_el2), group0 = (uint32_t)read_sysreg(ich_ap0r0_el2), group1 = (uint32_t)read_sysreg(ich_ap1r0_el2);
    *interface = (struct gic_interface){vmcr, {group0, group1}};
}

static inline void gicv3_interface_load(const struct gic_interface *interface)
{
    uint32_t vmcr = interface->vmcr, group0 = interface->apr[0], group1 = interface->apr[1];
    write_sysreg(vmcr, ich_vmcr_el2);
    write_sysreg(group0, ich_ap0r0_el2);
    write_sysreg(group1, ich_ap1r0_el2);
}

/* With the vCPU's lock. The line's state has changed; true if the vCPU's CPU must look. */
bool virq_changed(struct vcpu *vcpu, struct virq *virq, unsigned line);
/* The line leaves the vCPU's queue. */
void virq_dequeue(struct vcpu *vcpu, struct virq *virq);

/* The shared line's vCPU, locked: the one it targets, else vCPU 0; NULL, and no lock, while the VM has none. */
struct vcpu *virq_lock_shared(struct vm *vm, const struct virq *virq);

/* Both on the vCPU's CPU; tree lock. Brings all of its LRs, or what was saved of them, to memory. */
void lrs_settle(struct vcpu *vcpu);
/* The number of lines that are active in memory has changed: their ends are to be counted, or no longer. */
void lrs_recount(struct vcpu *vcpu);

#endif
