/* Exceptions from the lower levels, sorted and handed on. */
#include "trap.h"
#include "call.h"
#include "cpu.h"
#include "irq.h"
#include "log.h"
#include "serror.h"
#include "thread.h"
#include "vcpu.h"
#include "vgic.h"
#include "vm.h"

enum {
    INSTRUCTION = 4, /* bytes */
    PSTATE_SS = 1 << 21,
    PSTATE_AARCH32 = 1 << 4,
    ISS_WFE = 1,     /* TI: 0 WFI, 1 WFE */
    ABORT_STAGE1_WALK = 1 << 7,
    DATA_VALID = 1 << 24, /* ISV */
    FAULT_PERMISSION = 3, /* DFSC[5:2] */
};

struct frame *trap_return(struct cpu *cpu)
{
    if (cpu->resched)
        serror_reschedule(cpu);
    return cpu->arch.resume;
}

_Noreturn void arch_resume(struct cpu *cpu)
{
    register struct frame *frame __asm__("x0") = cpu->arch.resume;
    __asm__ volatile("b resume" : : "r"(frame) : "memory");
    __builtin_unreachable();
}

/* --- components -------------------------------------------------------------------------------------------------------------- */

static unsigned fault_class(uint64_t esr)
{
    switch (ESR_CLASS(esr)) {
    case EC_DATA_LOWER:
    case EC_FETCH_LOWER:
        return abort_is_error(esr) ? FAULT_ERROR : FAULT_MEMORY;
    case EC_PC_ALIGN:
    case EC_SP_ALIGN:
        return FAULT_ALIGNMENT;
    default:
        return FAULT_INSTRUCTION;
    }
}

static void component_sync(struct cpu *cpu, uint64_t esr)
{
    if (ESR_CLASS(esr) == EC_SVC64)
        call_dispatch(cpu);
    else if (!side_settle(cpu)) /* otherwise once more, with registers as components have them */
        thread_trap(cpu, fault_class(esr), read_sysreg(far_el2), esr);
}

/* --- guests -------------------------------------------------------------------------------------------------------------------- */

/* The monitor has to look at it. */
void trap_guest_exit(struct cpu *cpu, struct vcpu *vcpu, unsigned reason, uint64_t esr)
{
    vcpu->state->exit.syndrome = esr;
    vcpu->state->exit.fault_va = (ESR_CLASS(esr) & ~4u) == EC_FETCH_LOWER ? read_sysreg(far_el2) : 0; /* of others FAR_EL2 says nothing: it is from before */
    vcpu_exit(cpu, vcpu, reason);
}

/* The instruction has been carried out, or is to count so. A guest that steps takes its exception behind it (Arm ARM D2.12). */
static void guest_skip(struct frame *regs)
{
    regs->pc += INSTRUCTION;
    regs->pstate &= ~(uint64_t)PSTATE_SS;
}

static bool in_aarch32(const struct vcpu *vcpu)
{
    return __builtin_expect((vcpu->state->regs.pstate & PSTATE_AARCH32) != 0, 0);
}

/* From AArch32 it may be an instruction whose condition does not hold, or of two bytes, or in an IT block: the monitor looks, and carries out what there is to do. */
static void guest_unknown(struct cpu *cpu, struct vcpu *vcpu, uint64_t esr)
{
    trap_guest_exit(cpu, vcpu, in_aarch32(vcpu) ? EXIT_AARCH32 : EXIT_UNDEFINED, esr);
}

static void guest_wfx(struct cpu *cpu, struct vcpu *vcpu, uint64_t esr)
{
    if (in_aarch32(vcpu)) {
        guest_unknown(cpu, vcpu, esr);
        return;
    }
    guest_skip(&vcpu->state->regs);
    if (!(esr & ISS_WFE))
        vcpu_wait(cpu, vcpu);
}

static void guest_fp(struct cpu *cpu, struct vcpu *vcpu, uint64_t esr)
{
    (void)esr;
    vcpu_fp_load(cpu, vcpu);
}

/* SMCCC (DEN 0028): constants that the monitor left here, our own range, and the rest to the monitor. */
static void guest_smccc(struct cpu *cpu, struct vcpu *vcpu, uint64_t esr)
{
    struct frame *regs = &vcpu->state->regs;
    uint32_t function = (uint32_t)regs->x[0];
    const struct vm_answer *answer = vm_answer_find(vcpu->vm, function);
    if (answer)
        regs->x[0] = answer->value;
    else if ((function & 0xffff8000u) == (uint32_t)CALL_HVC_BASE)
        regs->x[0] = (uint64_t)call_dispatch_guest(cpu, function & 0x7fff, regs->x);
    else
        trap_guest_exit(cpu, vcpu, ESR_IS_SMC(esr) ? EXIT_SMC : EXIT_HVC, esr);
}

/* A trapped SMC leaves the PC at the instruction, unlike HVC (Arm ARM D1.13.3). */
static void guest_smc(struct cpu *cpu, struct vcpu *vcpu, uint64_t esr)
{
    guest_skip(&vcpu->state->regs);
    guest_smccc(cpu, vcpu, esr);
}

static void guest_sysreg(struct cpu *cpu, struct vcpu *vcpu, uint64_t esr)
{
    if (sysreg_emulate(cpu, vcpu, esr))
        guest_skip(&vcpu->state->regs);
    else
        trap_guest_exit(cpu, vcpu, EXIT_SYSREG, esr);
}

/* Guest-physical address of an abort. HPFAR_EL2 is not valid for permission faults (D13.2.57), so then the walk is made again. */
uint64_t trap_abort_address(uint64_t esr)
{
    uint64_t far = read_sysreg(far_el2), page = read_sysreg(hpfar_el2) << 8;
    if ((esr >> 2 & 15) == FAULT_PERMISSION && !(esr & ABORT_STAGE1_WALK)) {
        uint64_t saved = read_sysreg(par_el1);
        __asm__ volatile("at s1e1r, %0\n\tisb" : : "r"(far) : "memory");
        uint64_t par = read_sysreg(par_el1);
        write_sysreg(saved, par_el1);
        if (par & 1)
            return ABORT_GONE;
        page = par & UINT64_C(0xfffffffff000);
    }
    return page | (far & (PAGE_SIZE - 1));
}

/* A store that needs nothing but the kernel: a doorbell, or GICv2's GICD_SGIR, whose value AArch32 may have in a register of its mode. */
static bool mmio_handled(struct cpu *cpu, struct vcpu *vcpu)
{
    const struct vcpu_mmio *mmio = &vcpu->state->exit.mmio;
    if (!mmio->write || mmio->size != 4)
        return false;
    if (mmio->address != vcpu->vm->arch.sgi_address || !mmio->address || in_aarch32(vcpu))
        return vm_ring(vcpu->vm, saddr(mmio->address));
    vgic_sgir_write(cpu, vcpu, (uint32_t)vcpu_mmio_stored(vcpu->state));
    return true;
}

static void guest_data(struct cpu *cpu, struct vcpu *vcpu, uint64_t esr)
{
    if (__builtin_expect(abort_is_error(esr), 0)) {
        trap_guest_exit(cpu, vcpu, EXIT_ERROR, esr);
        return;
    }
    uint64_t address = trap_abort_address(esr);
    if (address == ABORT_GONE)
        return;
    mmio_describe(&vcpu->state->exit.mmio, esr, address, esr & DATA_VALID && !(esr & ABORT_STAGE1_WALK));
    bool handled = mmio_handled(cpu, vcpu);
    if (in_aarch32(vcpu))
        trap_guest_exit(cpu, vcpu, handled ? EXIT_AARCH32 : EXIT_MMIO_AARCH32, esr);
    else if (handled)
        guest_skip(&vcpu->state->regs);
    else
        trap_guest_exit(cpu, vcpu, EXIT_MMIO, esr);
}

static void guest_fetch(struct cpu *cpu, struct vcpu *vcpu, uint64_t esr)
{
    vcpu->state->exit.mmio = (struct vcpu_mmio){.address = abort_is_error(esr) ? 0 : trap_abort_address(esr)};
    trap_guest_exit(cpu, vcpu, abort_is_error(esr) ? EXIT_ERROR : EXIT_FETCH, esr);
}

static void (*const guest_traps[64])(struct cpu *cpu, struct vcpu *vcpu, uint64_t esr) = {
    [EC_WFX] = guest_wfx,       [EC_FP] = guest_fp,           [EC_HVC64] = guest_smccc,  [EC_SMC64] = guest_smc,
    [EC_SYSREG] = guest_sysreg, [EC_DATA_LOWER] = guest_data, [EC_FETCH_LOWER] = guest_fetch,
};

static void guest_sync(struct cpu *cpu, struct vcpu *vcpu, uint64_t esr)
{
    void (*trap)(struct cpu *, struct vcpu *, uint64_t) = guest_traps[ESR_CLASS(esr)];
    (trap ? trap : guest_unknown)(cpu, vcpu, esr);
}

/* --- from the vectors -------------------------------------------------------------------------------------------------------------- */

struct frame *trap_sync(struct cpu *cpu)
{
    uint64_t esr = read_sysreg(esr_el2);
    struct vcpu *vcpu = cpu->current->vcpu;
    if (vcpu)
        guest_sync(cpu, vcpu, esr);
    else
        component_sync(cpu, esr);
    return trap_return(cpu);
}

struct frame *trap_irq(struct cpu *cpu)
{
    irq_dispatch(cpu, cpu->arch.acknowledged);
    return trap_return(cpu);
}

struct frame *trap_serror(struct cpu *cpu)
{
    serror_attribute(cpu, read_sysreg(esr_el2));
    return trap_return(cpu);
}

/* A monitor left a pstate that no lower level has: its guest stops there. */
struct frame *trap_illegal(struct cpu *cpu)
{
    struct vcpu *vcpu = cpu->current->vcpu;
    ASSERT(vcpu); /* components' frames are the kernel's own */
    trap_guest_exit(cpu, vcpu, EXIT_UNDEFINED, read_sysreg(esr_el2));
    return trap_return(cpu);
}
