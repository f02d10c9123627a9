/* Between a guest and its monitor. The order of writes is explained in vcpu.c. */
#ifndef AARCH64_SIDE_H
#define AARCH64_SIDE_H

#include "cpu.h"
#include "thread.h"
#include "vcpu.h"
#include "vm.h"

/* HCR_EL2 (Arm ARM D13.2.48) */
#define HCR_VM (UINT64_C(1) << 0)
#define HCR_SWIO (UINT64_C(1) << 1)
#define HCR_FMO (UINT64_C(1) << 3)
#define HCR_IMO (UINT64_C(1) << 4)
#define HCR_AMO (UINT64_C(1) << 5)
#define HCR_FB (UINT64_C(1) << 9)
#define HCR_BSU_INNER (UINT64_C(1) << 10)
#define HCR_DC (UINT64_C(1) << 12)
#define HCR_TWI (UINT64_C(1) << 13)
#define HCR_TWE (UINT64_C(1) << 14)
#define HCR_TID3 (UINT64_C(1) << 18)
#define HCR_TSC (UINT64_C(1) << 19)
#define HCR_TIDCP (UINT64_C(1) << 20)
#define HCR_TACR (UINT64_C(1) << 21)
#define HCR_TSW (UINT64_C(1) << 22)
#define HCR_TGE (UINT64_C(1) << 27)
#define HCR_RW (UINT64_C(1) << 31)
#define HCR_TLOR (UINT64_C(1) << 35)
#define HCR_TERR (UINT64_C(1) << 36)
#define HCR_TEA (UINT64_C(1) << 37)

#define HCR_COMMON (HCR_VM | HCR_SWIO | HCR_FMO | HCR_IMO | HCR_AMO | HCR_RW)
#define HCR_COMPONENT (HCR_COMMON | HCR_TGE | HCR_DC | HCR_TWI | HCR_TWE)
#define HCR_GUEST                                                                                                          \
    (HCR_COMMON | HCR_FB | HCR_BSU_INNER | HCR_TID3 | HCR_TSC | HCR_TIDCP | HCR_TACR | HCR_TSW | HCR_TLOR | HCR_TERR | HCR_TEA)

enum { SCTLR_E0E = 1 << 24 };

/* cpu->arch.place is the space's? A tag that is held is good whatever the space's own has become meanwhile, so the answer may be a needless no. */
static inline bool side_holds(const struct cpu *cpu, enum place place, const struct space *space)
{
    return cpu->arch.place[place].tag == space->tag.value;
}

/* The space's translations are to be had in that place, whatever becomes of tags. */
static inline void space_hold(struct cpu *cpu, enum place place, struct space *space)
{
    unsigned holder = place * PLACE_WAYS + space->tag.value % PLACE_WAYS;
    if (side_holds(cpu, place, space))
        return;
    if (__builtin_expect(cpu->arch.held[holder].tag != space->tag.value, 0))
        space_take(cpu, holder, space);
    cpu->arch.place[place] = cpu->arch.held[holder];
}

/* SErrors that are still to come belong to whoever runs. A fence, too. */
static inline bool serror_looms(void)
{
    enum { ISR_SERROR = 1 << 8 };
    dsb(sy);
    return read_sysreg(isr_el1) & ISR_SERROR;
}

/* What the kernel does not save with the others, since it does not use it itself. */
static inline void guest_registers_save(struct vcpu_state *state)
{
    state->el1.tpidr_el0 = read_sysreg(tpidr_el0);
    state->el1.tpidrro_el0 = read_sysreg(tpidrro_el0);
    state->regs.sp_el0 = read_sysreg(sp_el0);
}

/* From the monitor to its guest, or from there on once the rest is loaded. */
static inline void side_cross_to_guest(struct cpu *cpu, struct vcpu *vcpu)
{
    const struct vcpu_state *state = vcpu->state;
    write_sysreg(cpu->arch.place[PLACE_LOADED].vttbr, vttbr_el2);
    isb();
    write_sysreg(cpu->arch.hcr, hcr_el2);
    write_sysreg(state->el1.tpidr_el0, tpidr_el0);
    write_sysreg(state->el1.tpidrro_el0, tpidrro_el0);
    write_sysreg(state->regs.sp_el0, sp_el0);
    cpu->arch.side = SIDE_GUEST;
    cpu->arch.resume = &vcpu->state->regs;
}

/* From the guest, which debugs nothing, to its monitor, whose frame is given. TPIDR_EL0 and TPIDRRO_EL0 are the guest's still. */
static inline void side_cross_to_monitor(struct cpu *cpu, struct vcpu *vcpu, struct frame *frame)
{
    guest_registers_save(vcpu->state);
    write_sysreg(HCR_COMPONENT, hcr_el2);
    isb();
    write_sysreg(cpu->arch.place[PLACE_RUNNING].vttbr, vttbr_el2);
    write_sysreg(frame->sp_el0, sp_el0);
    cpu->arch.side = SIDE_MONITOR;
    cpu->arch.resume = frame;
    if (__builtin_expect(read_sysreg(sctlr_el1) & SCTLR_E0E, 0))
        side_settle(cpu); /* its data would have the wrong byte order */
}

#endif
