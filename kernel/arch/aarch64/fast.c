/*
 * The short ways through the kernel: what guests do most often, as long as nothing out of the ordinary is to be done for it. Each function looks first and touches
 * nothing until it is sure; if it is not, the long way (trap.c, irq.c) begins from the start. So every rule stands there, and this file may be deleted
 * without changing what the kernel does.
 *
 * No lock is taken and nothing written that other CPUs write, but a vCPU's `posted` and the `thread` that claims it. A list register that its vCPU
 * owns (lr_used) is this CPU's alone; others who change its line leave word in lr_recheck, and poke this CPU.
 */
#include "board.h"
#include "cpu.h"
#include "gic.h"
#include "gic_registers.h"
#include "gicv3_lr.h"
#include "irq.h"
#include "partition.h"
#include "trap.h"
#include "side.h"
#include "vgic_lines.h"

/* What the vectors go on with: a frame; the long way; or the monitor at cpu->arch.resume, whose guest (cpu->arch.left) has been left. */
#define LONG_WAY ((struct frame *)0)
#define LEFT_GUEST ((struct frame *)1)

struct frame *fast_sync(struct cpu *cpu, struct frame *frame);
struct frame *fast_irq(struct cpu *cpu, struct frame *frame);

/* A function of its own, so that the others do not save the registers that it needs. */
#define APART __attribute__((noinline))

_Static_assert(offsetof(struct cpu, stack_top) == 0 && offsetof(struct cpu, arch.resume) == 8 && offsetof(struct cpu, arch.left) == 16, "entry.S");
_Static_assert(offsetof(struct arch_cpu, debugging) == offsetof(struct arch_cpu, side) + 1, "side_is_plain_guest()");

enum {
    INSTRUCTION = 4, /* bytes */
    SAVED_REGISTERS = 18, /* x0 to x17: what a handler here finds in the frame */
};

/* A guest runs, and it debugs nothing: an instruction may be stepped over without a look at PSTATE.SS. */
static inline bool side_is_plain_guest(const struct cpu *cpu)
{
    uint16_t side;
    __builtin_memcpy(&side, &cpu->arch.side, sizeof side);
    return side == SIDE_GUEST;
}

static inline struct frame *skip(struct frame *frame)
{
    write_sysreg(read_sysreg(elr_el2) + INSTRUCTION, elr_el2);
    return frame;
}

/* --- list registers that are used again -------------------------------------------------------------------------------- */

static inline void lr_write(unsigned n, uint64_t raw, bool v2)
{
    if (v2)
        mmio_write32(gic.virtual + GICH_LR + n * 4, (uint32_t)raw);
    else
        gicv3_lr_write(n, raw);
}

/* The SGI's own LR, which the guest has emptied, or where it waits already. */
static inline bool sgi_again(struct vcpu *vcpu, unsigned sgi)
{
    unsigned n = vcpu->arch.private[sgi].lr;
    if (n == VIRQ_NO_LR || vcpu->arch.lr_recheck >> n & 1)
        return false;
    unsigned state = (unsigned)(gicv3_lr_read(n) >> 62);
    if (state == LR_ACTIVE)
        return false;
    if (!state)
        gicv3_lr_write(n, (vcpu->arch.lr[n] & ~(UINT64_C(3) << 62)) | (uint64_t)LR_PENDING << 62);
    return true;
}

/*
 * A linked interrupt comes again only when the guest has ended it the last time, and by that has emptied the LR: the same again. `key` is how the LR
 * says that it is linked to this one.
 */
static inline bool linked_again(const struct vcpu *vcpu, uint64_t key, uint64_t mask, unsigned state_shift, bool v2)
{
    for (uint32_t used = vcpu->arch.lr_used & ~(uint32_t)vcpu->arch.lr_recheck; used; used &= used - 1) {
        unsigned n = (unsigned)__builtin_ctz(used);
        uint64_t raw = vcpu->arch.lr[n];
        if ((raw & mask) != key)
            continue;
        lr_write(n, (raw & ~(UINT64_C(3) << state_shift)) | (uint64_t)LR_PENDING << state_shift, v2);
        return true;
    }
    return false;
}

/* --- interrupts ---------------------------------------------------------------------------------------------------------- */

static inline bool posted_again(struct vcpu *vcpu)
{
    uint32_t sgis = __atomic_exchange_n(&vcpu->arch.posted, 0, __ATOMIC_ACQ_REL), rest = 0;
    for (; sgis; sgis &= sgis - 1) {
        unsigned sgi = (unsigned)__builtin_ctz(sgis);
        if (!sgi_again(vcpu, sgi))
            rest |= 1u << sgi;
    }
    if (rest)
        __atomic_fetch_or(&vcpu->arch.posted, rest, __ATOMIC_RELAXED);
    return !rest;
}

static inline bool irq_may_be_linked(uint32_t intid)
{
    return intid == board.virtual_timer || (intid >= GIC_SPI_FIRST && intid < GIC_INTID_END);
}

/* The exception return synchronises what is written here. */
static inline bool irq_fast_v3(const struct cpu *cpu, uint32_t intid)
{
    enum { PINTID = 32 };
    const uint64_t hardware = UINT64_C(1) << 61;
    if (intid == SGI_POSTED) {
        if (!posted_again(cpu->loaded))
            return false;
        write_sysreg(intid, icc_eoir1_el1);
        write_sysreg(intid, icc_dir_el1);
        return true;
    }
    if (!irq_may_be_linked(intid) || !linked_again(cpu->loaded, hardware | (uint64_t)intid << PINTID, hardware | UINT64_C(0x3ff) << PINTID, 62, false))
        return false;
    write_sysreg(intid, icc_eoir1_el1);
    return true;
}

static inline bool irq_fast_v2(const struct cpu *cpu, uint32_t acknowledged)
{
    enum { PINTID = 10 };
    const uint32_t hardware = 1u << 31, intid = acknowledged & 0x3ff;
    if (!irq_may_be_linked(intid) || !linked_again(cpu->loaded, hardware | intid << PINTID, hardware | 0x3ffu << PINTID, 28, true))
        return false;
    mmio_write32(gic.cpu + GICC_EOIR, acknowledged);
    return true;
}

struct frame *fast_irq(struct cpu *cpu, struct frame *frame)
{
    bool v2 = gic.virtual != 0;
    uint32_t acknowledged = v2 ? mmio_read32(gic.cpu + GICC_IAR) : (uint32_t)read_sysreg(icc_iar1_el1);
    if (cpu->arch.side == SIDE_GUEST && (v2 ? irq_fast_v2(cpu, acknowledged) : irq_fast_v3(cpu, acknowledged)))
        return frame;
    cpu->arch.acknowledged = acknowledged;
    return LONG_WAY;
}

/* --- what a guest asks for ------------------------------------------------------------------------------------------------ */

static APART struct frame *smccc(const struct cpu *cpu, struct frame *frame, bool smc)
{
    const struct vm_answer *answer = vm_answer_find(cpu->loaded->vm, (uint32_t)frame->x[0]);
    if (!answer)
        return LONG_WAY;
    frame->x[0] = answer->value;
    return smc ? skip(frame) : frame;
}

/* To others only by way of their CPUs; one of this CPU may have to run now. */
static inline bool sgi_reaches(struct cpu *cpu, struct vcpu *from, unsigned others, unsigned number, bool self)
{
    bool sure = true;
    for (unsigned rest = others; rest; rest &= rest - 1) {
        const struct vcpu *target = from->vm->vcpus[__builtin_ctz(rest)];
        sure &= !target || target->cpu != cpu->index;
    }
    if (!sure || (self && !sgi_again(from, number)))
        return false;
    for (unsigned rest = others; rest; rest &= rest - 1) {
        struct vcpu *target = from->vm->vcpus[__builtin_ctz(rest)];
        if (target)
            vgic_post(target, number);
    }
    return true;
}

/* ICC_SGI1R_EL1: not to all but oneself, another cluster, or a vCPU that there cannot be. */
static APART struct frame *sgi(struct cpu *cpu, struct frame *frame, uint64_t value)
{
    struct vcpu *from = cpu->loaded;
    unsigned targets = value & 0xff, number = value >> 24 & 15, self = 1u << from->index;
    if (value & ~UINT64_C(0xf0000ff))
        return LONG_WAY;
    bool done;
    if (targets == self) {
        done = sgi_again(from, number);
    } else {
        cpu_section_begin(cpu);
        done = sgi_reaches(cpu, from, targets & ~self, number, targets & self);
        cpu_section_end(cpu);
    }
    return done ? skip(frame) : LONG_WAY;
}

static APART struct frame *sysreg(struct cpu *cpu, struct frame *frame, uint64_t esr)
{
    uint32_t reg = (uint32_t)esr & 0x3ffc1e;
    unsigned rt = (unsigned)esr >> 5 & 31;
    if (rt >= SAVED_REGISTERS)
        return LONG_WAY;
    if (esr & 1 && sysreg_is_id(reg))
        frame->x[rt] = sysreg_id_values[reg >> 1 & 7][reg >> 17 & 7];
    else
        return !(esr & 1) && reg == ICC_SGI1R && !gic.virtual ? sgi(cpu, frame, frame->x[rt]) : LONG_WAY;
    return skip(frame);
}

/* --- between guest and monitor ---------------------------------------------------------------------------------------------- */

/* A load or store whose syndrome says all (ISV), where nothing is mapped, or not for this. */
static inline bool mmio_is_plain(uint64_t esr)
{
    enum { VALID = 1 << 24, WALK = 1 << 7, STATUS = 0x34 /* translation or, with 1 << 3, permission */, TRANSLATION = 1 << 2 };
    return (esr & (VALID | WALK | STATUS)) == (VALID | TRANSLATION);
}

/* A doorbell, or GICv2's GICD_SGIR. */
static inline bool stores_to_kernel(const struct vm *vm, uint64_t address)
{
    bool found = address == vm->arch.sgi_address;
    for (unsigned i = 0; i < vm->doorbell_count; i++)
        found |= vm->doorbells[i].address.raw == address;
    return found;
}

static APART struct frame *mmio(struct cpu *cpu, struct frame *frame, uint64_t esr)
{
    enum { WRITE = 1 << 6, PSTATE_AARCH32 = 1 << 4 };
    struct vcpu *vcpu = cpu->loaded;
    struct thread *thread = cpu->current;
    struct vcpu_exit *exit = &vcpu->state->exit;
    uint64_t far = read_sysreg(far_el2), address = trap_abort_address(esr), pstate = read_sysreg(spsr_el2);
    if (!mmio_is_plain(esr) || pstate & PSTATE_AARCH32 || !side_holds(cpu, PLACE_RUNNING, thread->space.space) || (esr & WRITE && stores_to_kernel(vcpu->vm, address)))
        return LONG_WAY;
    frame->pc = read_sysreg(elr_el2);
    frame->pstate = pstate;
    exit->syndrome = esr;
    exit->fault_va = far;
    exit->mmio.address = address;
    exit->mmio.size = (uint8_t)(1u << (esr >> 22 & 3));
    exit->mmio.write = esr >> 6 & 1;
    exit->mmio.reg = esr >> 16 & 31;
    exit->mmio.sign = (uint8_t)((esr >> 21 & 1) | (esr >> 15 & 1) << 1);
    side_cross_to_monitor(cpu, vcpu, &thread->arch.frame);
    vcpu_returned(vcpu, thread, EXIT_MMIO);
    write_sysreg(thread->arch.frame.pc, elr_el2);
    write_sysreg(thread->arch.frame.pstate, spsr_el2);
    cpu->arch.left = frame;
    return LEFT_GUEST;
}

/* CALL_VCPU_ENTER(vcpu) of the vCPU that is loaded, by its monitor, with nothing to do for it before. */
static APART struct frame *enter(struct cpu *cpu, struct frame *frame)
{
    struct thread *thread = cpu->current;
    struct vcpu *vcpu = cpu->loaded;
    if (!cap_names(thread->partition, frame->x[1], CAP_VCPU, RIGHT_ENTER, &vcpu->object) || vcpu->dead || vcpu->state->el1.mdscr != cpu->arch.mdscr)
        return LONG_WAY;
    if (!vcpu_claim_for(vcpu, thread))
        return LONG_WAY;
    /* After the claim: whoever kicks or queues later tells the thread. */
    if (__atomic_load_n(&vcpu->kicked, __ATOMIC_SEQ_CST) | vcpu->arch.unseen | vcpu->arch.lr_recheck | vcpu->arch.posted) {
        vcpu_yield(vcpu);
        return LONG_WAY;
    }
    thread->vcpu = vcpu;
    frame->pc = read_sysreg(elr_el2);
    frame->pstate = read_sysreg(spsr_el2);
    frame->sp_el0 = read_sysreg(sp_el0);
    side_cross_to_guest(cpu, vcpu);
    arch_resume(cpu);
}

struct frame *fast_sync(struct cpu *cpu, struct frame *frame)
{
    uint64_t esr = read_sysreg(esr_el2);
    unsigned class = ESR_CLASS(esr);
    if (side_is_plain_guest(cpu)) {
        if (class == EC_DATA_LOWER)
            return mmio(cpu, frame, esr);
        if (class == EC_SYSREG)
            return sysreg(cpu, frame, esr);
        if (class == EC_HVC64 || class == EC_SMC64)
            return smccc(cpu, frame, class == EC_SMC64);
    } else if (cpu->arch.side == SIDE_MONITOR && class == EC_SVC64 && frame->x[0] == CALL_VCPU_ENTER) {
        return enter(cpu, frame);
    }
    return LONG_WAY;
}
