/*
 * The short ways through the kernel: what guests do most often, as long as nothing out of the ordinary is to be done for it. Each function looks first and touches
 * nothing until it is sure; if it is not, the long way (trap.c, irq.c) begins from the start. So every rule stands there, and this file may be deleted
 * without changing what the kernel does.
 *
 * No lock is taken and nothing written that other CPUs write, but a signal, and a vCPU's `posted` and the `thread` that claims it; the vCPU's own lock where a timer or what a look at `posted` finds needs a list register, or its monitor turns lines on. A list register that its vCPU
 * owns (lr_used) is this CPU's alone; others who change its line leave word in lr_recheck, and poke this CPU.
 */
#include "board.h"
#include "call.h"
#include "cpu.h"
#include "direct.h"
#include "gic.h"
#include "irq.h"
#include "partition.h"
#include "trap.h"
#include "side.h"
#include "switch.h"
#include "vgic_lines.h"

/* From a guest that debugs nothing: an instruction may be stepped over without a look at PSTATE.SS. */
struct frame *fast_sync(struct cpu *cpu, struct frame *frame);
struct frame *fast_irq(struct cpu *cpu, struct frame *frame);
struct frame *fast_call(struct cpu *cpu, struct frame *frame);
/* The SVC of a component, or of the loaded vCPU's monitor (a guest's does not come here): what it has in x0 to x6, which has not been saved. */
#define CALL_ARGUMENTS uint64_t number, uint64_t slot, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t deadline, struct cpu *cpu
struct frame *fast_component(CALL_ARGUMENTS);
struct frame *fast_monitor(CALL_ARGUMENTS);
/*
 * What those may end with, by way of entry.S; none returns. A function calls them last, so that C has put back what is not its own (scripts/check-fp). The call's long way, from its start; fast_call(),
 * as from a vector; on with the monitor `to`, whose guest has been left; with the thread `to`, to which the call
 * made by `from` has given STATUS_OK and five words.
 */
struct frame *svc_long(CALL_ARGUMENTS);
struct frame *svc_short(CALL_ARGUMENTS);
struct frame *frame_leave(struct frame *to, struct frame *from);
struct frame *frame_pass(struct frame *from, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, struct frame *to, struct cpu *cpu);

/* A function of its own, so that the others do not save the registers that it needs. */
#define APART __attribute__((noinline))
/* And with all its arguments, where its callers have them already, whether it uses them or not. */
#define SVC __attribute__((noinline, used))

_Static_assert(offsetof(struct cpu, stack_top) == 8 && offsetof(struct cpu, arch.resume) == 16, "entry.S");
_Static_assert(offsetof(struct cpu, arch.side) == 24 && offsetof(struct arch_cpu, debugging) == offsetof(struct arch_cpu, side) + 1 && SIDE_COMPONENT == 0 && SIDE_GUEST == 2, "entry.S");

enum {
    INSTRUCTION = 4, /* bytes */
    SAVED_REGISTERS = 18, /* x0 to x17: what a handler here finds in the frame */
};

/* What the exception asked for has been done; somebody else may have to run now. */
static inline struct frame *done(struct cpu *cpu, struct frame *frame)
{
    return __builtin_expect(cpu->resched, 0) ? frame_reschedule(cpu) : frame;
}

static inline struct frame *skip(struct frame *frame)
{
    write_sysreg(read_sysreg(elr_el2) + INSTRUCTION, elr_el2);
    return frame;
}

/* --- list registers that are used again -------------------------------------------------------------------------------- */

/* The SGI's own LR, which the guest has emptied, or where it waits already. `from`: its sender. */
static APART bool sgi_again(struct vcpu *vcpu, unsigned sgi, unsigned from)
{
    const struct lr_layout *lr = &gic.ops->lr;
    unsigned n = vcpu->arch.private[sgi].lr;
    if (n == VIRQ_NO_LR || !((vcpu->arch.lr_again & ~vcpu->arch.lr_recheck) >> n & 1))
        return false;
    uint64_t wanted = gic_lr_with_state(vcpu->arch.lr[n], LR_PENDING);
    if (lr->source)
        wanted = (wanted & ~(UINT64_C(7) << lr->source)) | (uint64_t)from << lr->source;
    if (!(gic_elrsr() >> n & 1))
        return gic.ops->lr_read(n) == wanted;
    gic.ops->lr_write(n, wanted);
    return true;
}

/* A linked interrupt comes again when the guest has ended it the last time, and by that has emptied the LR; unless the VMM had made the line pending. */
static inline bool linked_again(const struct vcpu *vcpu, unsigned intid)
{
    const struct lr_layout *lr = &gic.ops->lr;
    uint64_t mask = lr->hardware | UINT64_C(0x3ff) << lr->physical, key = lr->hardware | (uint64_t)intid << lr->physical;
    for (uint32_t again = vcpu->arch.lr_again & ~(uint32_t)vcpu->arch.lr_recheck & gic_elrsr(); again; again &= again - 1) {
        unsigned n = (unsigned)__builtin_ctz(again);
        uint64_t raw = vcpu->arch.lr[n];
        if ((raw & mask) != key)
            continue;
        gic.ops->lr_write(n, gic_lr_with_state(raw, LR_PENDING));
        return true;
    }
    return false;
}

/* --- interrupts ---------------------------------------------------------------------------------------------------------- */

/* One of the SGIs that were posted: with a GICv2, from one sender at a time. */
static inline bool posted_one_again(struct vcpu *vcpu, unsigned sgi)
{
    uint8_t *from = &vcpu->arch.posted_from[sgi];
    if (gic.version == 3)
        return sgi_again(vcpu, sgi, 0);
    unsigned senders = __atomic_exchange_n(from, 0, __ATOMIC_RELAXED);
    if (!senders || (!(senders & (senders - 1)) && sgi_again(vcpu, sgi, (unsigned)__builtin_ctz(senders))))
        return true;
    __atomic_fetch_or(from, (uint8_t)senders, __ATOMIC_RELAXED);
    return false;
}

/* Whoever took some of them from `posted` has left word. */
static APART void posted_attend(struct cpu *cpu)
{
    struct vcpu *vcpu = cpu->loaded;
    uint32_t sgis = __atomic_exchange_n(&vcpu->arch.posted, 0, __ATOMIC_ACQ_REL), rest = vcpu->arch.queued ? sgis : 0;
    for (sgis ^= rest; sgis; sgis &= sgis - 1) {
        unsigned sgi = (unsigned)__builtin_ctz(sgis);
        if (!posted_one_again(vcpu, sgi))
            rest |= 1u << sgi;
    }
    if (rest)
        __atomic_fetch_or(&vcpu->arch.posted, rest, __ATOMIC_RELEASE);
    if (rest | vcpu->arch.queued | vcpu->arch.lr_recheck)
        arch_vcpu_attend(cpu, vcpu);
}

static inline bool irq_may_be_linked(uint32_t intid)
{
    return intid == board.virtual_timer || (intid >= GIC_SPI_FIRST && intid < GIC_INTID_END);
}

/* What comes of the guest's own does not change which thread runs. The exception return synchronises what is written here. */
static inline bool irq_own(struct cpu *cpu, uint32_t acknowledged)
{
    unsigned intid = gic_intid(acknowledged);
    bool linked = gic.links && irq_may_be_linked(intid) && !cpu->loaded->arch.queued && linked_again(cpu->loaded, intid);
    bool timer = !linked && intid == board.virtual_timer;
    if (timer)
        vtimer_fired(cpu);
    else if (intid == SGI_POSTED)
        posted_attend(cpu);
    else if (intid == board.maintenance)
        vgic_maintenance(cpu);
    else if (!linked)
        return false;
    gic_drop(acknowledged);
    if (!linked && !timer)
        gic_deactivate(acknowledged);
    return true;
}

struct frame *fast_irq(struct cpu *cpu, struct frame *frame)
{
    uint32_t acknowledged = gic_acknowledge();
    if (cpu->arch.side == SIDE_GUEST && irq_own(cpu, acknowledged))
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
    if (!sure || (self && !sgi_again(from, number, from->index)))
        return false;
    for (unsigned rest = others; rest; rest &= rest - 1) {
        struct vcpu *target = from->vm->vcpus[__builtin_ctz(rest)];
        if (target)
            vgic_post(target, number, from->index);
    }
    return true;
}

static APART struct frame *sgi(struct cpu *cpu, struct frame *frame, unsigned targets, unsigned number)
{
    struct vcpu *from = cpu->loaded;
    unsigned self = 1u << from->index;
    bool done;
    if (from->arch.queued)
        return LONG_WAY;
    if (targets == self) {
        done = sgi_again(from, number, from->index);
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
    uint64_t value = frame->x[rt];
    if (!(esr & 1)) /* to the first eight of the first cluster */
        return reg == ICC_SGI1R && gic.version == 3 && !(value & ~UINT64_C(0xf0000ff)) ? sgi(cpu, frame, value & 0xff, (unsigned)(value >> 24)) : LONG_WAY;
    if (!sysreg_is_id(reg))
        return LONG_WAY;
    frame->x[rt] = sysreg_id_values[reg >> 1 & 7][reg >> 17 & 7];
    return skip(frame);
}

/* --- between guest and monitor ---------------------------------------------------------------------------------------------- */

/* A load or store whose syndrome says all (ISV), where nothing is mapped, or not for this. */
static inline bool mmio_is_plain(uint64_t esr)
{
    enum { VALID = 1 << 24, WALK = 1 << 7, STATUS = 0x34 /* translation or, with 1 << 3, permission */, TRANSLATION = 1 << 2 };
    return (esr & (VALID | WALK | STATUS)) == (VALID | TRANSLATION);
}

/* A word to GICD_SGIR: to those that it lists, or to itself. */
static struct frame *gicd_sgir(struct cpu *cpu, struct frame *frame, uint64_t esr)
{
    unsigned rt = (unsigned)esr >> 16 & 31;
    if (rt >= SAVED_REGISTERS)
        return LONG_WAY;
    uint32_t value = (uint32_t)frame->x[rt], filter = value >> 24 & 3;
    unsigned self = 1u << cpu->loaded->index;
    return filter & 1 ? LONG_WAY : sgi(cpu, frame, filter ? self : value >> 16 & 0xff, value & 15);
}

static APART struct frame *mmio(struct cpu *cpu, struct frame *frame, uint64_t esr)
{
    enum { WRITE = 1 << 6, WORD = 2 << 22, SIZE = 3 << 22, PSTATE_AARCH32 = 1 << 4 };
    struct vcpu *vcpu = cpu->loaded;
    struct thread *thread = cpu->current;
    struct vcpu_exit *exit = &vcpu->state->exit;
    uint64_t far = read_sysreg(far_el2), address = trap_abort_address(esr), pstate = read_sysreg(spsr_el2);
    if (!mmio_is_plain(esr) || pstate & PSTATE_AARCH32 || address == ABORT_GONE)
        return LONG_WAY;
    if ((esr & (WRITE | SIZE)) == (WRITE | WORD)) {
        if (address && address == vcpu->vm->arch.sgi_address)
            return gicd_sgir(cpu, frame, esr);
        if (vm_ring(vcpu->vm, saddr(address)))
            return done(cpu, skip(frame));
    }
    if (!side_holds(cpu, PLACE_RUNNING, thread->space.space))
        return LONG_WAY;
    frame->pc = read_sysreg(elr_el2);
    frame->pstate = pstate;
    exit->syndrome = esr;
    exit->fault_va = far;
    mmio_describe(&exit->mmio, esr, address, true);
    side_cross_to_monitor(cpu, vcpu, &thread->arch.frame);
    vcpu_returned(vcpu, thread, EXIT_MMIO);
    write_sysreg(thread->arch.frame.pc, elr_el2);
    write_sysreg(thread->arch.frame.pstate, spsr_el2);
    return frame_leave(&thread->arch.frame, frame);
}

/* CALL_VCPU_ENTER(vcpu) of the vCPU that is loaded, by its monitor, with nothing to do for it before. */
struct frame *fast_monitor(CALL_ARGUMENTS)
{
    struct thread *thread = cpu->current;
    struct vcpu *vcpu = cpu->loaded;
    if (number == CALL_VIRQ_SET || number == CALL_MULTICALL)
        return svc_short(number, slot, a, b, c, d, deadline, cpu);
    if (number != CALL_VCPU_ENTER || !cap_names(thread->partition, slot, CAP_VCPU, RIGHT_ENTER, &vcpu->object) || vcpu->dead || vcpu->state->el1.mdscr != cpu->arch.mdscr)
        return svc_long(number, slot, a, b, c, d, deadline, cpu);
    if (!vcpu_claim_for(vcpu, thread))
        return svc_long(number, slot, a, b, c, d, deadline, cpu);
    /* After the claim: whoever kicks or queues later tells the thread. */
    unsigned kicked = __atomic_load_n(&vcpu->kicked, __ATOMIC_SEQ_CST); /* first: nothing is looked at before the claim */
    if (kicked | vcpu->arch.unseen | vcpu->arch.lr_recheck | vcpu->arch.posted) {
        vcpu_yield(vcpu);
        return svc_long(number, slot, a, b, c, d, deadline, cpu);
    }
    thread->vcpu = vcpu;
    struct frame *frame = &thread->arch.frame;
    uint64_t pc = read_sysreg(elr_el2), pstate = read_sysreg(spsr_el2), sp = read_sysreg(sp_el0);
    frame->sp_el0 = sp;
    frame->pc = pc;
    frame->pstate = pstate;
    side_cross_to_guest(cpu, vcpu);
    arch_resume(cpu);
}

_Static_assert(VIRQ_ENABLE == 0 && VIRQ_DISABLE == 1 && VM_LINES % 32 == 0, "lines_turn()");

/* Turns those shared lines on or off, if they are all that vCPU's, whose monitor runs on its CPU: nobody is in it, so nobody has to be told. */
static inline bool lines_turn(struct vcpu *vcpu, unsigned first, uint32_t mask, bool on)
{
    struct virq *lines = virq_at(vcpu->vm, vcpu, first);
    bool own = true;
    lock_take(&vcpu->lock);
    for (uint32_t rest = mask; rest; rest &= rest - 1)
        own &= lines[__builtin_ctz(rest)].target == vcpu->index;
    for (uint32_t rest = own ? mask : 0; rest; rest &= rest - 1) {
        struct virq *virq = &lines[__builtin_ctz(rest)];
        virq->flags = (uint8_t)((virq->flags & ~ENABLED) | (on ? ENABLED : 0));
        virq_changed(vcpu, virq, first + (unsigned)__builtin_ctz(rest));
    }
    lock_release(&vcpu->lock);
    return own;
}

/* CALL_VIRQ_SET that does so, of the VM whose vCPU is loaded. */
static APART struct frame *lines_enable(const struct cpu *cpu, struct frame *frame)
{
    struct vcpu *vcpu = cpu->loaded;
    uint64_t field = frame->x[3], first = frame->x[4];
    bool plain = field <= VIRQ_DISABLE && first % 32 == 0 && first - VIRQ_PRIVATE < VM_LINES - VIRQ_PRIVATE && !(frame->x[2] >> 32);
    if (!plain || !cap_names(cpu->current->partition, frame->x[1], CAP_VM, RIGHT_CONFIGURE, &vcpu->vm->object) ||
        !lines_turn(vcpu, (unsigned)first, (uint32_t)frame->x[5], field == VIRQ_ENABLE))
        return LONG_WAY;
    frame->x[0] = STATUS_OK;
    return frame;
}

/* CALL_MULTICALL. Quick calls need no more of their caller than this; whom they woke may have to run instead of it. */
static APART struct frame *multicall(struct cpu *cpu, struct frame *frame)
{
    cpu_section_begin(cpu);
    frame->x[0] = (uint64_t)quick_batch(cpu->current, frame->x[1]);
    cpu_section_end(cpu);
    return done(cpu, frame);
}

struct frame *fast_call(struct cpu *cpu, struct frame *frame)
{
    return frame->x[0] == CALL_MULTICALL ? multicall(cpu, frame) : lines_enable(cpu, frame);
}

struct frame *fast_sync(struct cpu *cpu, struct frame *frame)
{
    uint64_t esr = read_sysreg(esr_el2);
    unsigned class = ESR_CLASS(esr);
    if (class == EC_DATA_LOWER)
        return mmio(cpu, frame, esr);
    if (class == EC_SYSREG)
        return sysreg(cpu, frame, esr);
    if (class == EC_HVC64 || class == EC_SMC64)
        return smccc(cpu, frame, class == EC_SMC64);
    if (class == EC_WFX)
        return guest_wait(cpu, frame, esr);
    return LONG_WAY;
}

/* --- components' calls ------------------------------------------------------------------------------------------------------ */

/* The space has to be given a tag first. */
static SVC struct frame *pass_taking(struct frame *from, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, struct frame *to, struct cpu *cpu)
{
    space_hold(cpu, PLACE_RUNNING, cpu->current->space.space);
    write_sysreg(cpu->arch.place[PLACE_RUNNING].vttbr, vttbr_el2);
    return frame_pass(from, a, b, c, d, e, to, cpu);
}

/* What arch_thread_switch() does between two components: HCR_EL2, and what EL0 obeys, are as they have to be. `a` to `e` are the results of `to`. */
static SVC struct frame *pass(struct thread *from, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, struct thread *to, struct cpu *cpu)
{
    struct frame *left = &from->arch.frame, *frame = &to->arch.frame;
    uint64_t pc = read_sysreg(elr_el2), pstate = read_sysreg(spsr_el2), sp = read_sysreg(sp_el0), tpidr = read_sysreg(tpidr_el0);
    left->sp_el0 = sp;
    left->pc = pc;
    left->pstate = pstate;
    from->arch.tpidr_el0 = tpidr;
    sp = frame->sp_el0;
    pc = frame->pc;
    pstate = frame->pstate;
    tpidr = to->arch.tpidr_el0;
    write_sysreg(sp, sp_el0);
    write_sysreg(pc, elr_el2);
    write_sysreg(pstate, spsr_el2);
    write_sysreg(tpidr, tpidr_el0);
    uint64_t wanted = to->space.space->tag.value;
    const struct tag_holder *held = &cpu->arch.held[PLACE_RUNNING * PLACE_WAYS + wanted % PLACE_WAYS];
    uint64_t tag = held->tag, vttbr = held->vttbr;
    if (__builtin_expect(tag != wanted, 0))
        return pass_taking(left, a, b, c, d, e, frame, cpu);
    cpu->arch.place[PLACE_RUNNING].tag = tag;
    cpu->arch.place[PLACE_RUNNING].vttbr = vttbr;
    write_sysreg(vttbr, vttbr_el2);
    return frame_pass(left, a, b, c, d, e, frame, cpu);
}

static inline struct frame *svc_portal_call(CALL_ARGUMENTS)
{
    struct thread *from = cpu->current, *to = NULL;
    uint64_t badge = 0;
    unsigned section = cpu_section_open(cpu);
    if (!serror_looms()) /* a fence, too */
        to = direct_call(cpu, from, slot, deadline, &badge);
    cpu_section_close(cpu, section);
    return to ? pass(from, a, b, c, d, badge, to, cpu) : svc_long(number, slot, a, b, c, d, deadline, cpu);
}

static SVC struct frame *svc_portal_wait(CALL_ARGUMENTS)
{
    number = CALL_PORTAL_WAIT; /* a constant needs no register meanwhile */
    struct thread *from = cpu->current, *to = NULL;
    if (!serror_looms())
        to = direct_answer(cpu, from, slot, deadline);
    return to ? pass(from, a, b, c, d, d, to, cpu) : svc_long(number, slot, a, b, c, d, deadline, cpu);
}

static SVC struct frame *svc_signal_raise(CALL_ARGUMENTS)
{
    number = CALL_SIGNAL_RAISE;
    struct thread *from = cpu->current, *to = NULL;
    uint64_t bits = a;
    unsigned section = cpu_section_open(cpu);
    if (!serror_looms()) /* a fence, too */
        to = direct_raise(cpu, from, slot, &bits);
    cpu_section_close(cpu, section);
    if (!to)
        return svc_long(number, slot, a, b, c, d, deadline, cpu);
    from->arch.frame.x[0] = STATUS_OK;
    cpu->arch.wait_trap = true; /* in HCR_EL2 when a guest is entered (side_guest) */
    return pass(from, bits, 0, 0, 0, 0, to, cpu);
}

struct frame *fast_component(CALL_ARGUMENTS)
{
    if (__builtin_expect(number == CALL_PORTAL_CALL, 1))
        return svc_portal_call(number, slot, a, b, c, d, deadline, cpu);
    if (__builtin_expect(number == CALL_PORTAL_WAIT, 1))
        return svc_portal_wait(number, slot, a, b, c, d, deadline, cpu);
    if (number == CALL_SIGNAL_RAISE)
        return svc_signal_raise(number, slot, a, b, c, d, deadline, cpu);
    if (number == CALL_MULTICALL)
        return svc_short(number, slot, a, b, c, d, deadline, cpu);
    return svc_long(number, slot, a, b, c, d, deadline, cpu);
}
