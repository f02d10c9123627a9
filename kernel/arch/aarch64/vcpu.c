/*
 * World switch. A CPU is on the component side (HCR_EL2.TGE: EL0 runs a component, stage 2 only) or on the guest side. A guest's EL1
 * registers, list registers and timer stay in the processor when its monitor runs, until another vCPU is loaded. Of what EL0 obeys, the monitor gets as
 * much as it cannot do without (side_cross_to_monitor), other components all of it.
 *
 * Order: between a write to HCR_EL2.TGE and one to VTTBR_EL2 stands an ISB, and the guest's translation is never enabled while VTTBR_EL2
 * names a component's tables: a speculative walk would otherwise put a mixture into the TLB (Cortex-A57, -A72 erratum 1319367).
 */
#include "side.h"
#include "aarch32.h"
#include "cpu.h"
#include "debug.h"
#include "layout.h"
#include "switch.h"
#include "thread.h"
#include "timer.h"
#include "trap.h"
#include "vgic.h"
#include "vm.h"

/* What EL0 obeys of EL1's registers, as a component needs it. */
enum {
    SCTLR_COMPONENT = 0x30d00800 | 1 << 12 | 1 << 2 | 1 << 26 | 1 << 15 | 1 << 14, /* RES1, I, C, UCI, UCT, DZE */
    CPACR_COMPONENT = 3 << 20, /* so that the FP trap is CPTR_EL2's */
    CNTKCTL_COMPONENT = 3,     /* EL0 reads both counters */
    /*
     * CNTHCTL_EL2: EL1PCTEN, and for components EL1PCEN too, because QEMU 7.2 looks at that bit when EL0 reads the counter. A component's
     * use of the physical timer traps by CNTKCTL_EL1 all the same.
     */
    CNTHCTL_GUEST = 1,
    CNTHCTL_COMPONENT = 3,
    CPTR_RES1 = 0x33ff | 1 << 20 | 1 << 30, /* SVE, SME, and with TTA and TAM trace registers and activity monitors trap */
    CPTR_TFP = 1 << 10,
    /* A guest that has used FP registers is expected to use them each time it gets the CPU, but has to show it again after so many times: then it traps. */
    FP_TURNS = 32,
};

extern void fp_save(struct fp_state *state);
extern void fp_load(const struct fp_state *state);

/* With CPTR_EL2.TFP clear: AArch32's FPEXC traps by it, too. */
static void vcpu_fp_save(struct vcpu *vcpu)
{
    fp_save(&vcpu->arch.fp);
    if (!(vcpu->arch.hcr & HCR_RW))
        vcpu->state->aarch32.fpexc = (uint32_t)read_sysreg(fpexc32_el2);
}

/* --- sides ------------------------------------------------------------------------------------------------------------------- */

void space_take(struct cpu *cpu, unsigned holder, struct space *space)
{
    if (holder >= PLACE_LOADED * PLACE_WAYS)
        cpu->arch.last[holder % PLACE_WAYS] = NULL;
    uint64_t number = tag_activate(cpu->index, holder, &space->tag);
    cpu->arch.held[holder].tag = space->tag.value;
    cpu->arch.held[holder].vttbr = ptr_to_phys(space->table.root).raw | number << 48;
}

/* What EL0 obeys, of the guest's; it may have changed it at any time. */
static void guest_el0_save(struct vcpu_state *state)
{
    state->el1.sctlr = read_sysreg(sctlr_el1);
    state->el1.cpacr = read_sysreg(cpacr_el1);
    state->el1.cntkctl = read_sysreg(cntkctl_el1);
}

static inline void component_el0_load(struct cpu *cpu)
{
    if (cpu->arch.settled)
        return;
    cpu->arch.settled = true;
    write_sysreg(SCTLR_COMPONENT, sctlr_el1);
    write_sysreg(CPACR_COMPONENT, cpacr_el1);
    write_sysreg(CNTKCTL_COMPONENT, cntkctl_el1);
    write_sysreg(CNTHCTL_COMPONENT, cnthctl_el2);
    write_sysreg(CPTR_RES1 | CPTR_TFP, cptr_el2);
    write_sysreg(0, tpidrro_el0);
}

bool side_settle(struct cpu *cpu)
{
    if (cpu->arch.side != SIDE_MONITOR)
        return false;
    guest_el0_save(cpu->loaded->state);
    component_el0_load(cpu);
    cpu->arch.side = SIDE_COMPONENT;
    return true;
}

/* EL0 runs this thread's component. The guest's registers stay. HCR_EL2 is a component's already, and has been synchronised: it is a guest's only until that is left. */
static inline __attribute__((always_inline)) void side_component(struct cpu *cpu, struct thread *thread)
{
    space_hold(cpu, PLACE_RUNNING, thread->space.space);
    component_el0_load(cpu);
    write_sysreg(cpu->arch.place[PLACE_RUNNING].vttbr, vttbr_el2);
    write_sysreg(thread->arch.frame.sp_el0, sp_el0);
    write_sysreg(thread->arch.tpidr_el0, tpidr_el0);
    cpu->arch.resume = &thread->arch.frame;
}

static void guest_el0_load(struct cpu *cpu, const struct vcpu *vcpu)
{
    cpu->arch.settled = false;
    const struct vcpu_el1 *el1 = &vcpu->state->el1;
    write_sysreg(el1->sctlr, sctlr_el1);
    write_sysreg(el1->cpacr, cpacr_el1);
    write_sysreg(el1->cntkctl, cntkctl_el1);
    write_sysreg(CNTHCTL_GUEST, cnthctl_el2);
}

/* For guest_switch(): its translations are to be had by its tag's lowest bits, but for the first time, when it had no tag yet. */
static inline void guest_remember(struct cpu *cpu, struct vcpu *vcpu)
{
    uint64_t tag = cpu->arch.place[PLACE_LOADED].tag;
    unsigned way = tag % PLACE_WAYS;
    vcpu->arch.way = (uint8_t)way;
    cpu->arch.last[way] = cpu->arch.held[PLACE_LOADED * PLACE_WAYS + way].tag == tag ? vcpu : NULL; /* nor one that was at the same address before */
}

/* From a component's side, or the monitor's of this very guest. */
static void side_guest(struct cpu *cpu, struct vcpu *vcpu)
{
    if (cpu->arch.side == SIDE_COMPONENT) {
        guest_el0_load(cpu, vcpu);
        vcpu_fp_follow(cpu, vcpu);
    }
    space_hold(cpu, PLACE_LOADED, vcpu->vm->space.space);
    guest_remember(cpu, vcpu);
    cpu->arch.hcr = vcpu->arch.hcr | (cpu->arch.wait_trap ? HCR_TWI : 0);
    side_cross_to_guest(cpu, vcpu);
    debug_follow(cpu, &vcpu->state->el1);
}

void arch_wait_trap(struct cpu *cpu, bool on)
{
    if (cpu->arch.wait_trap == on)
        return;
    cpu->arch.wait_trap = on;
    cpu->arch.hcr ^= HCR_TWI;
    if (cpu->arch.side == SIDE_GUEST)
        write_sysreg(cpu->arch.hcr, hcr_el2);
}

/* --- loading and unloading ------------------------------------------------------------------------------------------------------ */

enum { PFR0_RAS_SHIFT = 28, PFR1_SME_SHIFT = 24, STRAY_TPIDR2 = 1, STRAY_VDISR = 2 };

unsigned strays;
static bool auxiliary; /* this processor has AMAIR_EL1, AFSR0_EL1 or AFSR1_EL1, whose contents are implementation defined */

static bool auxiliary_find(void)
{
    write_sysreg(UINT64_MAX, amair_el1);
    write_sysreg(UINT64_MAX, afsr0_el1);
    write_sysreg(UINT64_MAX, afsr1_el1);
    isb();
    bool found = read_sysreg(amair_el1) | read_sysreg(afsr0_el1) | read_sysreg(afsr1_el1);
    write_sysreg(0, amair_el1);
    write_sysreg(0, afsr0_el1);
    write_sysreg(0, afsr1_el1);
    return found;
}

SMALL void vcpu_cpu_init(struct cpu *cpu)
{
    cpu->arch.place[PLACE_RUNNING].tag = cpu->arch.place[PLACE_LOADED].tag = UINT64_MAX; /* no space's */
    for (unsigned i = 0; i < TAG_HOLDERS; i++)
        cpu->arch.held[i].tag = UINT64_MAX;
    write_sysreg(read_sysreg(midr_el1), vpidr_el2);
    auxiliary |= auxiliary_find();
    strays = (read_sysreg(id_aa64pfr1_el1) >> PFR1_SME_SHIFT & 15 ? STRAY_TPIDR2 : 0) |
             (read_sysreg(id_aa64pfr0_el1) >> PFR0_RAS_SHIFT & 15 ? STRAY_VDISR : 0);
}

void strays_clear(void)
{
    if (strays & STRAY_TPIDR2)
        write_sysreg(0, S3_3_C13_C0_5); /* TPIDR2_EL0 */
    if (strays & STRAY_VDISR)
        write_sysreg(0, S3_4_C12_C1_1); /* VDISR_EL2, which a guest sees as DISR_EL1 */
}

/*
 * The vCPUs of a VM share a VMID, but one of them may use an ASID for other tables than the next, as CPUs of their own may (Arm ARM D5.9.1: without CnP,
 * entries are one CPU's): what this CPU has cached for another one of them goes.
 */
static void vcpu_local_flush(struct cpu *cpu, struct vcpu *vcpu)
{
    uint8_t *last = &vcpu->vm->arch.last[cpu->index], index = (uint8_t)(vcpu->index + 1);
    if (*last == index)
        return;
    if (*last) {
        space_hold(cpu, PLACE_LOADED, vcpu->vm->space.space);
        write_sysreg(cpu->arch.place[PLACE_LOADED].vttbr, vttbr_el2);
        isb();
        __asm__ volatile("tlbi vmalle1\n\tic iallu" : : : "memory");
        dsb(nsh);
        isb();
    }
    *last = index;
}

/* What not every guest has. */
static void special_load(struct vcpu *vcpu)
{
    const struct vcpu_el1 *el1 = &vcpu->state->el1;
    if (vcpu->arch.special & SPECIAL_AARCH32)
        aarch32_load(vcpu);
    if (!(vcpu->arch.special & SPECIAL_AUXILIARY))
        return;
    write_sysreg(el1->amair, amair_el1);
    write_sysreg(el1->afsr0, afsr0_el1);
    write_sysreg(el1->afsr1, afsr1_el1);
}

static void special_save(struct vcpu *vcpu)
{
    struct vcpu_el1 *el1 = &vcpu->state->el1;
    if (vcpu->arch.special & SPECIAL_AARCH32)
        aarch32_unload(vcpu);
    if (!(vcpu->arch.special & SPECIAL_AUXILIARY))
        return;
    el1->amair = read_sysreg(amair_el1);
    el1->afsr0 = read_sysreg(afsr0_el1);
    el1->afsr1 = read_sysreg(afsr1_el1);
}

static void vcpu_load(struct cpu *cpu, struct vcpu *vcpu)
{
    vcpu_local_flush(cpu, vcpu);
    guest_el1_load(&vcpu->state->el1);
    if (vcpu->arch.special)
        special_load(vcpu);
    if (strays)
        strays_clear();
    write_sysreg(vcpu->arch.vmpidr, vmpidr_el2);
    write_sysreg(vcpu->arch.counter_offset, cntvoff_el2);
    vgic_load(vcpu); /* before the timer may fire */
    write_sysreg(vcpu->state->el1.cntv_ctl, cntv_ctl_el0);
    cpu->loaded = vcpu;
}

bool arch_vcpu_unload(struct cpu *cpu, struct vcpu *vcpu)
{
    side_settle(cpu);
    guest_el1_save(&vcpu->state->el1);
    if (vcpu->arch.special)
        special_save(vcpu);
    write_sysreg(0, cntv_ctl_el0);
    isb(); /* the timer is silent before its interrupt may become inactive; what has been written to list registers shows */
    vgic_unload(vcpu);
    __atomic_store_n(&cpu->loaded, NULL, __ATOMIC_SEQ_CST);
    return vgic_absorb(vcpu); /* senders that still saw it loaded; the others tell its thread */
}

SMALL void arch_vcpu_release(struct cpu *cpu, struct vcpu *vcpu)
{
    if (cpu->arch.last[vcpu->arch.way] == vcpu)
        cpu->arch.last[vcpu->arch.way] = NULL;
    if (cpu->arch.fp_owner != vcpu)
        return;
    write_sysreg(CPTR_RES1, cptr_el2);
    isb();
    vcpu_fp_save(vcpu);
    write_sysreg(CPTR_RES1 | CPTR_TFP, cptr_el2);
    cpu->arch.fp_owner = NULL;
}

/* The registers come in, the previous owner's go out. */
static __attribute__((noinline)) void fp_take(struct cpu *cpu, struct vcpu *vcpu)
{
    write_sysreg(CPTR_RES1, cptr_el2);
    isb();
    if (cpu->arch.fp_owner)
        vcpu_fp_save(cpu->arch.fp_owner);
    fp_load(&vcpu->arch.fp);
    if (!(vcpu->arch.hcr & HCR_RW))
        write_sysreg(vcpu->state->aarch32.fpexc, fpexc32_el2);
    cpu->arch.fp_owner = vcpu;
}

void vcpu_fp_load(struct cpu *cpu, struct vcpu *vcpu)
{
    fp_take(cpu, vcpu);
    vcpu->arch.fp_turns = FP_TURNS;
}

__attribute__((noinline)) void vcpu_fp_follow(struct cpu *cpu, struct vcpu *vcpu)
{
    if (cpu->arch.fp_owner == vcpu) {
        write_sysreg(CPTR_RES1, cptr_el2);
    } else if (vcpu->arch.fp_turns) {
        vcpu->arch.fp_turns--;
        fp_take(cpu, vcpu);
    } else {
        write_sysreg(CPTR_RES1 | CPTR_TFP, cptr_el2);
    }
}

/* --- the contract ------------------------------------------------------------------------------------------------------------------ */

static void vcpu_change(struct cpu *cpu, struct vcpu *vcpu)
{
    if (cpu->loaded == vcpu)
        return;
    if (cpu->loaded)
        vcpu_unload(cpu, cpu->loaded);
    vcpu_load(cpu, vcpu);
}

void arch_vcpu_enter(struct cpu *cpu, struct vcpu *vcpu)
{
    cpu->current->arch.frame.sp_el0 = read_sysreg(sp_el0);
    vcpu_change(cpu, vcpu);
    dmb(ish); /* vcpu->thread is set before what others queued is looked for */
    arch_vcpu_attend(cpu, vcpu);
    side_guest(cpu, vcpu);
}

void arch_vcpu_leave(struct cpu *cpu, struct vcpu *vcpu)
{
    debug_stop(cpu);
    space_hold(cpu, PLACE_RUNNING, vcpu->thread->space.space);
    side_cross_to_monitor(cpu, vcpu, &vcpu->thread->arch.frame);
}

/* True: that was all, the other one's guest runs. */
static bool thread_leave(struct cpu *cpu, struct thread *thread, struct thread *to)
{
    if (cpu->arch.side == SIDE_GUEST) {
        if (to && to->vcpu && thread->state == THREAD_READY && guest_switch(cpu, thread->vcpu, to->vcpu))
            return true;
        guest_registers_save(thread->vcpu->state);
        guest_el0_save(thread->vcpu->state);
        debug_stop(cpu);
        write_sysreg(HCR_COMPONENT, hcr_el2);
        isb();
        cpu->arch.side = SIDE_COMPONENT;
    } else if (!thread->vcpu) {
        side_settle(cpu);
        thread->arch.frame.sp_el0 = read_sysreg(sp_el0);
        thread->arch.tpidr_el0 = read_sysreg(tpidr_el0);
    }
    return false;
}

uint64_t no_translations[PAGE_SIZE / sizeof(uint64_t)] PAGES_SECTION;

/* Nobody runs here: the last one's tables may go, and the processor may walk what VTTBR_EL2 names at any time. VMID 0 is nobody's. */
static void side_nobody(struct cpu *cpu)
{
    write_sysreg(VTTBR_NOBODY, vttbr_el2);
    isb();
    cpu->arch.resume = NULL;
}

static __attribute__((noinline)) void thread_change(struct cpu *cpu, struct thread *from, struct thread *to)
{
    if (from && thread_leave(cpu, from, to))
        return;
    if (!to) {
        side_nobody(cpu);
    } else if (to->vcpu) {
        vcpu_change(cpu, to->vcpu);
        side_guest(cpu, to->vcpu);
    } else {
        side_component(cpu, to);
    }
}

void arch_thread_switch(struct cpu *cpu, struct thread *from, struct thread *to)
{
    if (!from && to && !to->vcpu && cpu->arch.settled && side_holds(cpu, PLACE_RUNNING, to->space.space))
        side_component(cpu, to); /* the last one that ran here before it was idle, or another one of its space */
    else
        thread_change(cpu, from, to);
}

SMALL void arch_vcpu_init(struct vcpu *vcpu, uint64_t mode)
{
    bool aarch32 = mode == VCPU_MODE_AARCH32;
    vcpu->arch.hcr = aarch32 ? HCR_GUEST & ~HCR_RW : HCR_GUEST;
    vcpu->arch.special = (uint8_t)((aarch32 ? SPECIAL_AARCH32 : 0) | (auxiliary ? SPECIAL_AUXILIARY : 0) | (gic_is_plain() ? 0 : SPECIAL_GIC));
    vcpu->arch.counter_offset = vcpu->vm->arch.counter_offset;
    vcpu->arch.vmpidr = UINT64_C(1) << 31 | vcpu->index;
    vcpu->state->regs.pstate = aarch32 ? VCPU_PSTATE_RESET_AARCH32 : VCPU_PSTATE_RESET;
    vcpu->state->el1.sctlr = aarch32 ? VCPU_SCTLR_RESET_AARCH32 : VCPU_SCTLR_RESET;
    vcpu->state->counter_offset = vcpu->vm->arch.counter_offset;
    __builtin_memcpy(vcpu->state->id, sysreg_id_values, sizeof vcpu->state->id);
    vgic_vcpu_reset(vcpu);
}

SMALL void arch_vm_reset(struct vm *vm)
{
    vm->arch.counter_offset = arch_counter();
    for (unsigned i = 0; i < VM_VCPUS; i++) {
        if (!vm->vcpus[i])
            continue;
        vm->vcpus[i]->state->counter_offset = vm->vcpus[i]->arch.counter_offset = vm->arch.counter_offset;
        vm->vcpus[i]->state->el1.cntv_ctl = 0;
    }
    vgic_vm_reset(vm);
}

uint64_t arch_vcpu_deadline(const struct vcpu *vcpu)
{
    const struct vcpu_el1 *el1 = &vcpu->state->el1;
    if ((el1->cntv_ctl & 3) != 1 || !vcpu->vm) /* enabled, not masked */
        return UINT64_MAX;
    return timer_deadline(el1->cntv_cval, vcpu->arch.counter_offset);
}
