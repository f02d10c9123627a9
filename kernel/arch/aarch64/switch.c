/*
 * What every guest has in registers: out and in again; and straight from one guest to the next, without a component in between, when that is all that there is
 * to be switched. vcpu.c does it for the others, and has the rules; without guest_wait() and guest_switch() the kernel would do the same, later.
 *
 * Order: a speculative walk or address translation must not mix two guests' registers in the TLB (Cortex-A57, -A72 erratum 1319367, -A76 1165522; Arm ARM
 * D5.2, D13.1.2: until a context synchronisation event, registers may be seen old or new). So VTTBR_EL2 first names nobody's tables, which are empty and whose VMID nothing ever
 * runs with; only when that has been synchronised the registers of EL1 and HCR_EL2 change, and only when these have been synchronised VTTBR_EL2 becomes the next guest's. The
 * exception return synchronises that.
 */
#include "switch.h"
#include "cpu.h"
#include "side.h"
#include "thread.h"
#include "timer.h"
#include "trap.h"
#include "turn.h"
#include "vgic_lines.h"

#define INLINE inline __attribute__((always_inline)) /* on the shortest path, and on another one */

/* In pairs, as they lie. One list each, so that none is saved and not loaded. */
#define EL1_REGISTERS(X)                                                                                      \
    X(ttbr0, ttbr0_el1, ttbr1, ttbr1_el1) X(tcr, tcr_el1, mair, mair_el1) X(vbar, vbar_el1, esr, esr_el1)      \
    X(far, far_el1, elr, elr_el1) X(spsr, spsr_el1, sp, sp_el1) X(par, par_el1, contextidr, contextidr_el1)    \
    X(tpidr, tpidr_el1, csselr, csselr_el1)
#define EL0_REGISTERS(X) X(tpidr_el0, tpidr_el0, tpidrro_el0, tpidrro_el0) X(cpacr, cpacr_el1, cntkctl, cntkctl_el1)

#define SAVE(field1, name1, field2, name2)                                \
    {                                                                     \
        uint64_t first = read_sysreg(name1), second = read_sysreg(name2); \
        el1->field1 = first;                                              \
        el1->field2 = second;                                             \
    }
#define LOAD(field1, name1, field2, name2)                  \
    {                                                       \
        uint64_t first = el1->field1, second = el1->field2; \
        write_sysreg(first, name1);                         \
        write_sysreg(second, name2);                        \
    }

_Static_assert(offsetof(struct vcpu_state, el1) % CACHE_LINE == 0 && offsetof(struct vcpu_el1, tpidr_el0) == 2 * CACHE_LINE, "two lines, and one that EL0 has a part in");
_Static_assert(offsetof(struct vcpu, kicked) == CACHE_LINE && offsetof(struct vcpu, arch.queued) == 2 * CACHE_LINE, "by who writes them");
_Static_assert(offsetof(struct arch_vcpu, unseen) < offsetof(struct arch_vcpu, queued) + CACHE_LINE, "what its CPU writes");

INLINE void guest_el1_save(struct vcpu_el1 *el1)
{
    EL1_REGISTERS(SAVE)
    SAVE(cntv_cval, cntv_cval_el0, cntv_ctl, cntv_ctl_el0)
}

INLINE void guest_el1_load(const struct vcpu_el1 *el1)
{
    EL1_REGISTERS(LOAD)
    write_sysreg(el1->cntv_cval, cntv_cval_el0);
}

/* --- from guest to guest ------------------------------------------------------------------------------------------------------ */

/* Nothing in it that a switch would have to do more for: no virtual interrupt that waits, no registers that not every guest has. */
static inline bool vcpu_is_quiet(const struct arch_vcpu *a)
{
    uint64_t what;
    __builtin_memcpy(&what, &a->queued, sizeof what);
    return !what;
}
_Static_assert(offsetof(struct arch_vcpu, special) == offsetof(struct arch_vcpu, queued) + 7, "vcpu_is_quiet()");

/* The loaded one, which debugs nothing: its list registers are empty, and so is the timer's, if it had one. What has been written to them has been synchronised. */
static INLINE bool guest_may_go(const struct arch_vcpu *a)
{
    return vcpu_is_quiet(a) && !(a->lr_used & ~gic_elrsr()) && !(a->timer_owned && a->private[TIMER_PPI].lr == VIRQ_NO_LR);
}

/* No list registers, nothing to look at, the same debug registers, and it was the last one of its VM here. What comes from now on is told to this CPU. */
static INLINE bool guest_may_come(const struct cpu *cpu, const struct vcpu *vcpu)
{
    const struct arch_vcpu *a = &vcpu->arch;
    return vcpu_is_quiet(a) && !(a->lr_live | a->timer_owned) && !(a->posted | vcpu->kicked) && cpu->arch.last[a->way] == vcpu &&
           vcpu->state->el1.mdscr == cpu->arch.mdscr;
}

static inline void guest_save(struct vcpu *vcpu, struct vcpu_state *state)
{
    struct vcpu_el1 *el1 = &state->el1;
    guest_el1_save(el1);
    EL0_REGISTERS(SAVE)
    el1->sctlr = read_sysreg(sctlr_el1);
    state->regs.sp_el0 = read_sysreg(sp_el0);
    gicv3_interface_save(&vcpu->arch.interface);
    vcpu->arch.lr_live = 0;
    vcpu->arch.timer_owned = false;
}

static inline void guest_load(const struct vcpu *vcpu, const struct vcpu_state *state)
{
    const struct vcpu_el1 *el1 = &state->el1;
    guest_el1_load(el1);
    EL0_REGISTERS(LOAD)
    write_sysreg(el1->sctlr, sctlr_el1);
    write_sysreg(state->regs.sp_el0, sp_el0);
    uint64_t vmpidr = vcpu->arch.vmpidr, counter_offset = vcpu->arch.counter_offset;
    write_sysreg(vmpidr, vmpidr_el2);
    write_sysreg(counter_offset, cntvoff_el2);
    gicv3_interface_load(&vcpu->arch.interface);
    write_sysreg(GIC_HCR_ENABLE, ich_hcr_el2);
    if (strays)
        strays_clear();
}

static __attribute__((noinline)) void guest_swap(struct cpu *cpu, struct vcpu *from, struct vcpu *to, bool wait_trap)
{
    const struct tag_holder *holder = &cpu->arch.held[PLACE_LOADED * PLACE_WAYS + to->arch.way];
    struct vcpu_state *state = to->state;
    guest_save(from, from->state);
    write_sysreg(VTTBR_NOBODY, vttbr_el2);
    write_sysreg(0, cntv_ctl_el0); /* silent before the next one's values are there */
    isb();
    uint64_t hcr = to->arch.hcr | (wait_trap ? HCR_TWI : 0);
    cpu->arch.hcr = hcr;
    cpu->arch.wait_trap = wait_trap;
    write_sysreg(hcr, hcr_el2);
    guest_load(to, state);
    isb();
    uint64_t tag = holder->tag, vttbr = holder->vttbr;
    cpu->arch.place[PLACE_LOADED].tag = tag;
    cpu->arch.place[PLACE_LOADED].vttbr = vttbr;
    write_sysreg(vttbr, vttbr_el2);
    write_sysreg(state->el1.cntv_ctl, cntv_ctl_el0);
    cpu->arch.resume = &state->regs;
    if (cpu->arch.fp_owner == from || cpu->arch.fp_owner == to || to->arch.fp_turns)
        vcpu_fp_follow(cpu, to);
}

SMALL bool guest_switch(struct cpu *cpu, struct vcpu *from, struct vcpu *to)
{
    isb(); /* list registers have perhaps been written: their state is looked at */
    if (cpu->arch.debugging || !guest_may_go(&from->arch) || !guest_may_come(cpu, to))
        return false;
    __atomic_store_n(&cpu->loaded, to, __ATOMIC_SEQ_CST);
    guest_swap(cpu, from, to, cpu->arch.wait_trap);
    return true;
}

/* --- a guest that waits ---------------------------------------------------------------------------------------------------------- */

/* The waiting guest's timer, which was the processor's, becomes the kernel's; the kernel's timer is set, to be synchronised by the exception return. */
static INLINE void timers_follow(struct cpu *cpu, struct thread *thread, const struct vcpu *vcpu)
{
    const struct vcpu_el1 *el1 = &vcpu->state->el1;
    if ((el1->cntv_ctl & 3) == 1) /* as arch_vcpu_deadline() */
        turn_timer_add(cpu, thread, timer_deadline(el1->cntv_cval, vcpu->arch.counter_offset));
    uint64_t deadline = turn_deadline(cpu);
    if (deadline == cpu->timer_armed)
        return;
    cpu->timer_armed = deadline;
    timer_write(deadline);
}

/* For those who send SGIs it is gone. False, and it is not: one has been sent that its thread would not be told of. */
static inline bool guest_leaves(struct cpu *cpu, struct vcpu *from, struct vcpu *to)
{
    __atomic_store_n(&cpu->loaded, to, __ATOMIC_SEQ_CST);
    if (__builtin_expect(!__atomic_load_n(&from->arch.posted, __ATOMIC_SEQ_CST), 1))
        return true;
    cpu->loaded = from;
    return false;
}

__attribute__((noinline)) struct frame *guest_wait(struct cpu *cpu, struct frame *frame, uint64_t esr)
{
    enum { ISS_TI = 3, PSTATE_AARCH32 = 1 << 4, WFI_BYTES = 4 };
    struct vcpu *from = cpu->loaded;
    struct thread *thread = cpu->current;
    uint64_t pstate = read_sysreg(spsr_el2);
    if (esr & ISS_TI || pstate & PSTATE_AARCH32 || from->arch.posted || !guest_may_go(&from->arch) || serror_looms())
        return LONG_WAY;
    uint64_t pc = read_sysreg(elr_el2) + WFI_BYTES;
    frame->pc = pc;
    frame->pstate = pstate;
    struct choice next = turn_wait(cpu, thread);
    struct vcpu *to = next.thread ? next.thread->vcpu : NULL;
    if (!to || !guest_may_come(cpu, to) || !guest_leaves(cpu, from, to)) {
        write_sysreg(pc, elr_el2);
        cpu->resched = true;
        return frame_reschedule(cpu);
    }
    turn_end(cpu, thread);
    turn_begin(cpu, next.thread);
    turn_slice(cpu, next.thread, next.others);
    guest_swap(cpu, from, to, next.others != 0);
    timers_follow(cpu, thread, from);
    return frame_switch(&to->state->regs, frame);
}
