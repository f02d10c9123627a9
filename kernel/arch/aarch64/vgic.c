/*
 * Virtual interrupts. What is pending, enabled and active for a guest stands in one struct virq per line; as many as fit are in the
 * processor's list registers (LRs), the others wait in the vCPU's queue, one list per priority.
 *
 * Invariants, under the vCPU's lock (private lines: their vCPU's; shared ones: that of the vCPU they target, or vCPU 0's if none):
 * - QUEUED if and only if the line is deliverable and in no LR.
 * - While `lr` is an LR's number, pending and active state is there. LATCH and LEVEL are what came since, and lr_recheck says so; of a line that is
 *   neither edge-triggered nor linked, LATCH and LEVEL are also why the LR is pending.
 * - Only the CPU where the vCPU is loaded touches its LRs; the others leave word (lr_recheck, queue) and poke its thread.
 * - lr[n] is what LR n was written with last, but for its state and sender; good for the next time as long as lr_again has n, and lr_recheck has not (fast.c).
 * - While the vCPU is not loaded, lr[n] is what LR n had if lr_live has n, else that one is empty, and has been ended: what comes to such a line then needs an LR anew (saved_recheck).
 * - lr_… and `interface` change on the vCPU's CPU only, and what others look at of them under the lock: loading and unloading take none.
 * - SGIs from other vCPUs wait in `posted`, without the lock, until the vCPU's CPU, or whoever wants to know all about its lines, takes them from there.
 * - PPI 27 is linked to the physical timer interrupt, which is active on this CPU as long as the vCPU is loaded and the line's LR is not empty; if it is in none,
 *   or the vCPU is not loaded, `timer_owned` tells.
 */
#include "board.h"
#include "vgic_lines.h"
#include "cpu.h"
#include "irq.h"
#include "thread.h"

enum {
    HCR_LR_NOT_PRESENT = 1 << 2, /* maintenance interrupt when the guest ends one that is in no LR */
    HCR_EOI_COUNT_SHIFT = 27,
};

/* Would it reach its vCPU if it were pending? */
static bool virq_allowed(const struct vm *vm, const struct virq *virq)
{
    unsigned group = virq->flags & GROUP1 ? 2 : 1;
    return virq->flags & ENABLED && vm->arch.forwarding & group && virq->target < VM_VCPUS;
}

static bool virq_deliverable(const struct vm *vm, const struct virq *virq)
{
    return virq_pending(virq) && !(virq->flags & ACTIVE) && virq_allowed(vm, virq);
}

/* Neither an edge nor linked: as long as it is in an LR, LEVEL and LATCH say why it is pending there. */
static bool virq_is_level(const struct virq *virq)
{
    return !(virq->flags & EDGE) && !virq->physical;
}

/* --- the queue --------------------------------------------------------------------------------------------------------------- */

static void queue_add(struct vcpu *vcpu, struct virq *virq, unsigned line)
{
    unsigned q = virq->priority >> PRIORITY_SHIFT;
    struct arch_vcpu *a = &vcpu->arch;
    virq->flags |= QUEUED;
    a->unseen = 1;
    virq->next = VIRQ_NONE;
    virq->prev = VIRQ_NONE;
    if (a->queued >> q & 1) {
        virq->prev = a->queue_last[q];
        virq_at(vcpu->vm, vcpu, virq->prev)->next = (uint16_t)line;
    } else {
        a->queue[q] = (uint16_t)line;
        a->queued |= 1u << q;
    }
    a->queue_last[q] = (uint16_t)line;
}

void virq_dequeue(struct vcpu *vcpu, struct virq *virq)
{
    unsigned q = virq->priority >> PRIORITY_SHIFT;
    struct arch_vcpu *a = &vcpu->arch;
    virq->flags &= (uint8_t)~QUEUED;
    if (virq->next != VIRQ_NONE)
        virq_at(vcpu->vm, vcpu, virq->next)->prev = virq->prev;
    else
        a->queue_last[q] = virq->prev;
    if (virq->prev != VIRQ_NONE)
        virq_at(vcpu->vm, vcpu, virq->prev)->next = virq->next;
    else
        a->queue[q] = virq->next;
    if (a->queue[q] == VIRQ_NONE)
        a->queued &= ~(1u << q);
}

/* The LR is free. */
static inline void lr_forget(struct arch_vcpu *a, struct virq *virq)
{
    uint16_t others = (uint16_t)~(1u << virq->lr);
    a->lr_used &= others;
    a->lr_recheck &= others;
    a->lr_again &= others;
    virq->lr = VIRQ_NO_LR;
}

bool virq_changed(struct vcpu *vcpu, struct virq *virq, unsigned line)
{
    if (virq->lr != VIRQ_NO_LR) {
        vcpu->arch.lr_recheck |= (uint16_t)(1u << virq->lr);
        return true;
    }
    bool wanted = virq_deliverable(vcpu->vm, virq), queued = virq->flags & QUEUED;
    if (wanted && !queued)
        queue_add(vcpu, virq, line);
    else if (!wanted && queued)
        virq_dequeue(vcpu, virq);
    return wanted && !queued;
}

/* --- list registers, on the CPU where the vCPU is loaded ------------------------------------------------------------------------ */

static inline void lr_store(struct vcpu *vcpu, unsigned n, uint64_t raw)
{
    vcpu->arch.lr[n] = raw;
    gic.ops->lr_write(n, raw);
}

/* LR n is empty; its line may want one again. */
static __attribute__((noinline)) void lr_release(struct vcpu *vcpu, unsigned n)
{
    unsigned line = vcpu->arch.lr_line[n];
    struct virq *virq = virq_at(vcpu->vm, vcpu, line);
    lr_forget(&vcpu->arch, virq);
    virq_changed(vcpu, virq, line);
}

/* The guest has ended the interrupt in LR n, and with it the physical one behind it. */
static void lr_ended(struct vcpu *vcpu, unsigned n)
{
    unsigned line = vcpu->arch.lr_line[n];
    struct virq *virq = virq_at(vcpu->vm, vcpu, line);
    if (virq->physical && !gic.links)
        gic_set_active(virq->physical, false);
    if (line == TIMER_PPI)
        vcpu->arch.timer_owned = virq->flags & LATCH; /* it has come again */
    if (virq_is_level(virq))
        virq->flags &= (uint8_t)~LATCH;
    lr_release(vcpu, n);
}

/* LR n's content, which was `raw`, goes to the line in memory. */
SMALL static void lr_to_memory(struct vcpu *vcpu, unsigned n, uint64_t raw)
{
    unsigned line = vcpu->arch.lr_line[n], state = gic_lr_state(raw);
    struct virq *virq = virq_at(vcpu->vm, vcpu, line);
    if (line < SGIS && gic.version == 2)
        virq->sources |= (uint8_t)(state & LR_PENDING ? 1u << (raw >> gic.ops->lr.source & 7) : 0);
    else if (virq_is_level(virq))
        virq->flags &= (uint8_t)(state & LR_PENDING ? ~0 : ~LATCH);
    else if (state & LR_PENDING)
        virq->flags |= LATCH;
    if (state & LR_ACTIVE) {
        virq->flags |= ACTIVE;
        vcpu->arch.active_in_memory++;
    }
    if (line == TIMER_PPI)
        vcpu->arch.timer_owned = state != 0;
    lr_release(vcpu, n);
}

static void lr_evict(struct vcpu *vcpu, unsigned n, uint64_t raw)
{
    gic.ops->lr_write(n, 0);
    lr_to_memory(vcpu, n, raw);
}

/* What the guest has ended that is in no LR was counted: the most urgent active ones in memory. */
SMALL static void memory_reap(struct vcpu *vcpu)
{
    uint32_t hcr = gic_hcr_read(), count = hcr >> HCR_EOI_COUNT_SHIFT;
    if (count)
        gic_hcr_write(hcr & ((1u << HCR_EOI_COUNT_SHIFT) - 1));
    for (; count; count--) {
        unsigned best = VIRQ_NONE, best_priority = 256;
        for (unsigned line = 0; line < VM_LINES; line++) {
            const struct virq *virq = virq_at(vcpu->vm, vcpu, line);
            bool own = line < VIRQ_PRIVATE || virq->target == vcpu->index;
            if (own && virq->flags & ACTIVE && virq->priority < best_priority) {
                best = line;
                best_priority = virq->priority;
            }
        }
        if (best == VIRQ_NONE)
            return;
        struct virq *virq = virq_at(vcpu->vm, vcpu, best);
        virq->flags &= (uint8_t)~ACTIVE;
        vcpu->arch.active_in_memory--;
        if (virq->physical)
            gic_set_active(virq->physical, false);
        if (best == TIMER_PPI)
            vcpu->arch.timer_owned = false;
        virq_changed(vcpu, virq, best);
    }
}

/* Takes note of all that the guest has ended. An LR that did so with `eoi_irq` is not in ELRSR until it is cleared. */
static void lr_reap(struct vcpu *vcpu)
{
    isb(); /* what has been written to LRs shows in the registers about them (IHI 0069 8.1, Arm ARM D13.1) */
    uint32_t reported = gic_eisr() & vcpu->arch.lr_used;
    for (uint32_t ended = (gic_elrsr() & vcpu->arch.lr_used) | reported; ended; ended &= ended - 1) {
        unsigned n = (unsigned)__builtin_ctz(ended);
        if (reported >> n & 1)
            gic.ops->lr_write(n, 0);
        lr_ended(vcpu, n);
    }
    if (vcpu->arch.active_in_memory)
        memory_reap(vcpu);
}

/* What came for the line while LR n holds it pending: an edge is merged, a level that dropped is taken back. */
static void lr_recheck_pending(struct vcpu *vcpu, unsigned n, struct virq *virq, uint64_t raw, unsigned state)
{
    if (!virq_is_level(virq)) {
        virq->flags &= (uint8_t)~LATCH;
    } else if (!virq_pending(virq)) {
        /* All of it if nothing is left: an empty one with `eoi_irq` would ask for maintenance for ever. */
        gic.ops->lr_write(n, state == LR_PENDING ? 0 : gic_lr_with_state(raw, LR_ACTIVE));
        if (state == LR_PENDING)
            lr_release(vcpu, n);
    }
}

static void lr_recheck(struct vcpu *vcpu, unsigned n)
{
    struct virq *virq = virq_at(vcpu->vm, vcpu, vcpu->arch.lr_line[n]);
    uint64_t raw = gic.ops->lr_read(n);
    unsigned state = gic_lr_state(raw);
    bool allowed = virq_allowed(vcpu->vm, virq);
    if (!allowed)
        vcpu->arch.lr_again &= (uint16_t)~(1u << n);
    if (!state) {
        gic.ops->lr_write(n, 0);
        lr_ended(vcpu, n);
    } else if (state & LR_PENDING && !allowed)
        lr_evict(vcpu, n, raw);
    else if (virq->sources)
        lr_store(vcpu, n, raw | gic.ops->lr.eoi_irq); /* the next sender's turn comes with the end of this one */
    else if (state & LR_PENDING)
        lr_recheck_pending(vcpu, n, virq, raw, state);
    else if (virq->flags & LATCH && virq->flags & EDGE && virq->flags & ENABLED) {
        virq->flags &= (uint8_t)~LATCH;
        gic.ops->lr_write(n, gic_lr_with_state(raw, LR_PENDING | LR_ACTIVE));
    }
}

/* Is the virtual timer, whose registers are in this CPU, asserting its interrupt? */
static bool timer_asserted(void)
{
    return (read_sysreg(cntv_ctl_el0) & 7) == 5; /* ISTATUS, not IMASK, ENABLE (D13.8.20) */
}

/* The line as a pending list register. Takes one of the senders, if it is a GICv2 SGI. */
static inline uint64_t lr_encode(struct virq *virq, unsigned line)
{
    const struct lr_layout *lr = &gic.ops->lr;
    uint64_t raw = line | (uint64_t)(virq->priority >> PRIORITY_SHIFT) << lr->priority | (uint64_t)LR_PENDING << lr->state;
    if (virq->flags & GROUP1)
        raw |= lr->group1;
    if (virq->physical)
        return raw | (gic.links ? lr->hardware | (uint64_t)virq->physical << lr->physical : lr->eoi_irq);
    if (virq->sources) {
        raw |= (uint64_t)__builtin_ctz(virq->sources) << lr->source;
        virq->sources &= (uint8_t)(virq->sources - 1);
    }
    return virq->sources || !(virq->flags & EDGE) ? raw | lr->eoi_irq : raw; /* there may be more when it has ended */
}

/* The guest has silenced its timer before it saw the interrupt that waited. */
static bool timer_withdrawn(struct vcpu *vcpu, struct virq *virq, unsigned line)
{
    if (line != TIMER_PPI || !vcpu->arch.timer_owned || timer_asserted())
        return false;
    virq->flags &= (uint8_t)~LATCH;
    vcpu->arch.timer_owned = false;
    gic_set_active(board.virtual_timer, false);
    return true;
}

/* The line, deliverable and not queued, goes into the free LR n. */
static void lr_fill(struct vcpu *vcpu, unsigned n, struct virq *virq, unsigned line)
{
    if (!virq_is_level(virq))
        virq->flags &= (uint8_t)~LATCH;
    virq->lr = (uint8_t)n;
    vcpu->arch.lr_line[n] = (uint16_t)line;
    vcpu->arch.lr_used |= (uint16_t)(1u << n);
    vcpu->arch.lr_again |= (uint16_t)(1u << n);
    lr_store(vcpu, n, lr_encode(virq, line));
}

/* Makes room for a line of `priority`: evicts the least urgent one that is less urgent, or, if all are active, the least urgent active one. */
SMALL static bool lr_make_room(struct vcpu *vcpu, unsigned priority)
{
    unsigned victim = VIRQ_NO_LR, worst = 0;
    uint64_t victim_raw = 0;
    bool all_active = true;
    for (unsigned n = 0; n < gic.lr_count; n++)
        all_active &= gic_lr_state(gic.ops->lr_read(n)) >= LR_ACTIVE;
    for (unsigned n = 0; n < gic.lr_count; n++) {
        uint64_t raw = gic.ops->lr_read(n);
        unsigned own = virq_at(vcpu->vm, vcpu, vcpu->arch.lr_line[n])->priority;
        bool candidate = all_active || (gic_lr_state(raw) == LR_PENDING && own > priority);
        if (candidate && own >= worst) {
            worst = own;
            victim = n;
            victim_raw = raw;
        }
    }
    if (victim != VIRQ_NO_LR)
        lr_evict(vcpu, victim, victim_raw);
    return victim != VIRQ_NO_LR;
}

static void lrs_fill(struct vcpu *vcpu)
{
    struct arch_vcpu *a = &vcpu->arch;
    uint32_t all = (1u << gic.lr_count) - 1;
    while (a->queued) {
        unsigned line = a->queue[__builtin_ctz(a->queued)];
        struct virq *virq = virq_at(vcpu->vm, vcpu, line);
        if (a->lr_used == all)
            lr_reap(vcpu);
        if (a->lr_used == all && !lr_make_room(vcpu, virq->priority))
            break;
        virq_dequeue(vcpu, virq);
        if (timer_withdrawn(vcpu, virq, line))
            continue;
        lr_fill(vcpu, (unsigned)__builtin_ctz(~(uint32_t)a->lr_used), virq, line);
    }
}

/* Which maintenance interrupts are needed: while something waits, when the LRs have nothing pending; and for what was evicted active. */
static void hcr_update(const struct vcpu *vcpu)
{
    gic_hcr_write(GIC_HCR_ENABLE | (vcpu->arch.queued ? (uint32_t)GIC_HCR_NO_PENDING : 0) |
                  (vcpu->arch.active_in_memory ? (uint32_t)HCR_LR_NOT_PRESENT : 0));
}

/* Lock held, loaded here. */
static void lrs_attend(struct vcpu *vcpu)
{
    struct arch_vcpu *a = &vcpu->arch;
    if (a->active_in_memory)
        memory_reap(vcpu);
    while (a->lr_recheck) {
        unsigned n = (unsigned)__builtin_ctz(a->lr_recheck);
        a->lr_recheck &= (uint16_t)(a->lr_recheck - 1);
        lr_recheck(vcpu, n);
    }
    if (a->queued) {
        lrs_fill(vcpu);
        hcr_update(vcpu);
    }
    a->unseen = 0; /* what found no room finds it when maintenance says that nothing pending is left */
}

/* Empty, with no report of its end due. */
static inline bool lr_is_free(uint64_t raw)
{
    return !gic_lr_state(raw) && !(raw & gic.ops->lr.eoi_irq);
}

/*
 * The line has become pending and the vCPU is loaded here: the short way, straight into a list register if nothing else waits. A timer or SGI
 * that comes again finds the LR that it was in last time, empty.
 */
static void virq_deliver(struct vcpu *vcpu, struct virq *virq, unsigned line)
{
    struct arch_vcpu *a = &vcpu->arch;
    if (virq->lr != VIRQ_NO_LR && !virq->physical && lr_is_free(gic.ops->lr_read(virq->lr)))
        lr_forget(a, virq);
    if (virq->lr == VIRQ_NO_LR && !a->queued && a->lr_used != (1u << gic.lr_count) - 1 && virq_deliverable(vcpu->vm, virq)) {
        lr_fill(vcpu, (unsigned)__builtin_ctz(~(uint32_t)a->lr_used), virq, line);
    } else {
        virq_changed(vcpu, virq, line);
        lrs_attend(vcpu);
    }
}

/* The line's state has changed, on whatever CPU this is; releases the vCPU's lock and tells its CPU or thread if they must know. */
static void virq_announce(struct vcpu *vcpu, struct virq *virq, unsigned line)
{
    const struct cpu *cpu = cpu_self();
    bool here = cpu->loaded == vcpu, look = true;
    if (here)
        virq_deliver(vcpu, virq, line);
    else
        look = virq_changed(vcpu, virq, line);
    lock_release(&vcpu->lock);
    if (look && !(here && vcpu->thread == cpu->current))
        vcpu_notify(vcpu);
}

/* Lock held. */
static void posted_take(struct vcpu *vcpu)
{
    for (uint32_t sgis = __atomic_exchange_n(&vcpu->arch.posted, 0, __ATOMIC_ACQ_REL); sgis; sgis &= sgis - 1) {
        unsigned sgi = (unsigned)__builtin_ctz(sgis);
        struct virq *virq = &vcpu->arch.private[sgi];
        if (gic.version == 2)
            virq->sources |= __atomic_exchange_n(&vcpu->arch.posted_from[sgi], 0, __ATOMIC_RELAXED);
        else
            virq->flags |= LATCH;
        virq_changed(vcpu, virq, sgi);
    }
}

bool vgic_absorb(struct vcpu *vcpu)
{
    if (!vcpu->vm || !__atomic_load_n(&vcpu->arch.posted, __ATOMIC_SEQ_CST))
        return false;
    lock_take(&vcpu->lock);
    posted_take(vcpu);
    lock_release(&vcpu->lock);
    return true;
}

static __attribute__((noinline)) void vgic_attend(struct vcpu *vcpu)
{
    lock_take(&vcpu->lock);
    posted_take(vcpu);
    lrs_attend(vcpu);
    lock_release(&vcpu->lock);
}

void arch_vcpu_attend(struct cpu *cpu, struct vcpu *vcpu)
{
    if (cpu->loaded == vcpu && vcpu->vm && vcpu->arch.lr_recheck | vcpu->arch.queued | vcpu->arch.posted)
        vgic_attend(vcpu);
}

/* Not loaded: lines that have changed since, and whose LRs are empty, need another one. */
SMALL static void saved_recheck(struct vcpu *vcpu)
{
    struct arch_vcpu *a = &vcpu->arch;
    lock_take(&vcpu->lock);
    for (uint32_t empty = a->lr_recheck & ~(uint32_t)a->lr_live; empty; empty &= empty - 1)
        lr_release(vcpu, (unsigned)__builtin_ctz(empty));
    lock_release(&vcpu->lock);
}

/* Of its list registers, those that hold something. */
static uint32_t lrs_live(const struct vcpu *vcpu, bool loaded)
{
    if (!loaded)
        return vcpu->arch.lr_used & vcpu->arch.lr_live;
    isb(); /* as in lr_reap() */
    return vcpu->arch.lr_used & ~gic_elrsr();
}

bool arch_vcpu_pending(struct vcpu *vcpu)
{
    bool loaded = cpu_self()->loaded == vcpu;
    vgic_absorb(vcpu);
    if (!loaded && vcpu->arch.lr_recheck)
        saved_recheck(vcpu);
    if (vcpu->arch.queued)
        return true;
    for (uint32_t live = lrs_live(vcpu, loaded); live; live &= live - 1) {
        unsigned n = (unsigned)__builtin_ctz(live);
        if (gic_lr_state(loaded ? gic.ops->lr_read(n) : vcpu->arch.lr[n]) & LR_PENDING)
            return true;
    }
    return false;
}

/* --- world switch ------------------------------------------------------------------------------------------------------------------ */

void vgic_load(struct vcpu *vcpu)
{
    struct arch_vcpu *a = &vcpu->arch;
    if (a->lr_recheck)
        saved_recheck(vcpu);
    for (uint32_t live = a->lr_used & a->lr_live; live; live &= live - 1) {
        unsigned n = (unsigned)__builtin_ctz(live);
        gic.ops->lr_write(n, a->lr[n]);
    }
    if (!gic.virtual)
        gicv3_interface_load(&a->interface);
    if (!gic_is_plain())
        gic.ops->interface_load(&a->interface, &a->interface_rest);
    if (a->timer_owned)
        gic_set_active(board.virtual_timer, true);
    hcr_update(vcpu);
}

/* What the guest has ended is reported to its lines, what it has not goes to memory: the LRs that hold something there. */
SMALL static uint32_t lrs_save(struct vcpu *vcpu)
{
    struct arch_vcpu *a = &vcpu->arch;
    uint32_t live = 0;
    if (vcpu->vm && (a->active_in_memory || gic_eisr() & a->lr_used)) { /* without a VM it will never be loaded again */
        lock_take(&vcpu->lock);
        lr_reap(vcpu);
        lock_release(&vcpu->lock);
    }
    for (uint32_t used = a->lr_used; used; used &= used - 1) {
        unsigned n = (unsigned)__builtin_ctz(used);
        uint64_t raw = gic.ops->lr_read(n);
        if (!gic_lr_state(raw))
            continue;
        a->lr[n] = raw;
        gic.ops->lr_write(n, 0);
        live |= 1u << n;
    }
    return live;
}

void vgic_unload(struct vcpu *vcpu)
{
    struct arch_vcpu *a = &vcpu->arch;
    const struct virq *timer = &a->private[TIMER_PPI];
    uint32_t live = a->lr_used & ~gic_elrsr();
    if (live | a->active_in_memory)
        live = lrs_save(vcpu);
    a->lr_live = (uint16_t)live;
    if (timer->lr != VIRQ_NO_LR)
        a->timer_owned = live >> timer->lr & 1;
    if (!gic.virtual)
        gicv3_interface_save(&a->interface);
    if (!gic_is_plain())
        gic.ops->interface_save(&a->interface, &a->interface_rest);
    gic_hcr_write(0);
    if (a->timer_owned)
        gic_set_active(board.virtual_timer, false); /* the next guest's timer shares it */
}

/* --- interrupts from the hardware ---------------------------------------------------------------------------------------------------- */

SMALL void vgic_maintenance(struct cpu *cpu)
{
    struct vcpu *vcpu = cpu->loaded;
    if (!vcpu || !vcpu->vm) {
        gic_hcr_write(0);
        return;
    }
    lock_take(&vcpu->lock);
    lr_reap(vcpu);
    lrs_attend(vcpu);
    hcr_update(vcpu);
    lock_release(&vcpu->lock);
}

void vtimer_fired(struct cpu *cpu)
{
    struct vcpu *vcpu = cpu->loaded;
    if (!vcpu) {
        gic_set_active(board.virtual_timer, false);
        return;
    }
    struct virq *virq = &vcpu->arch.private[TIMER_PPI];
    lock_take(&vcpu->lock);
    virq->flags |= LATCH;
    if (virq->lr != VIRQ_NO_LR && vcpu->arch.timer_owned)
        lr_forget(&vcpu->arch, virq); /* it could only fire again because the guest has ended the last one */
    vcpu->arch.timer_owned = true;
    virq_announce(vcpu, virq, TIMER_PPI);
}

/* --- interrupts from software ---------------------------------------------------------------------------------------------------------- */

struct vcpu *virq_lock_shared(struct vm *vm, const struct virq *virq)
{
    for (;;) {
        unsigned target = __atomic_load_n(&virq->target, __ATOMIC_ACQUIRE);
        struct vcpu *vcpu = vm->vcpus[target < VM_VCPUS ? target : 0];
        if (!vcpu)
            return NULL;
        lock_take(&vcpu->lock);
        if (target == virq->target)
            return vcpu;
        lock_release(&vcpu->lock);
    }
}

status_t arch_virq_raise(struct vm *vm, unsigned line, unsigned level)
{
    struct virq *virq = &vm->arch.shared[line - VIRQ_PRIVATE];
    struct vcpu *vcpu = virq_lock_shared(vm, virq);
    if (!vcpu)
        return STATUS_STATE;
    unsigned before = virq->flags;
    if (virq->physical)
        virq->flags |= LATCH;
    else if (virq->flags & EDGE)
        virq->flags |= level ? LATCH : 0;
    else
        virq->flags = (uint8_t)(level ? before | LEVEL : before & (unsigned)~LEVEL);
    if (before != virq->flags)
        virq_announce(vcpu, virq, line);
    else
        lock_release(&vcpu->lock);
    return STATUS_OK;
}

/* To a vCPU that may be in any CPU's registers; if it is there, that CPU looks (vgic_posted), else its thread is to. */
__attribute__((noinline)) void vgic_post(struct vcpu *target, unsigned sgi, unsigned from)
{
    uint32_t bit = 1u << sgi;
    if (gic.version == 2)
        __atomic_fetch_or(&target->arch.posted_from[sgi], (uint8_t)(1u << from), __ATOMIC_RELAXED);
    if (__atomic_fetch_or(&target->arch.posted, bit, __ATOMIC_SEQ_CST) & bit)
        return; /* whoever set it has told */
    unsigned cpu = __atomic_load_n(&target->cpu, __ATOMIC_RELAXED);
    if (__atomic_load_n(&cpus[cpu].loaded, __ATOMIC_SEQ_CST) == target)
        gic.ops->send(cpu, SGI_POSTED);
    else
        vcpu_notify(target);
}

void vgic_posted(struct cpu *cpu)
{
    struct vcpu *vcpu = cpu->loaded;
    const struct thread *thread = vcpu ? __atomic_load_n(&vcpu->thread, __ATOMIC_ACQUIRE) : NULL;
    if (!thread || thread->vcpu != vcpu) /* one of another CPU that looks after it for a moment */
        return;
    /* One that is ready, while somebody more urgent runs, finds them when it is its turn; until then whoever sends the same again disturbs nobody. */
    if (thread == cpu->current || thread->waiting == WAIT_INTERRUPT)
        vcpu_attend(cpu, vcpu);
}

static void sgi_send(struct cpu *cpu, struct vcpu *from, unsigned targets, unsigned sgi)
{
    cpu_section_begin(cpu);
    for (targets &= (1u << VM_VCPUS) - 1; targets; targets &= targets - 1) {
        struct vcpu *target = from->vm->vcpus[__builtin_ctz(targets)];
        if (target)
            vgic_post(target, sgi, from->index);
    }
    cpu_section_end(cpu);
}

/* IHI 0069, ICC_SGI1R_EL1. vCPU i has affinity 0.0.0.i. */
void vgic_sgi1r_write(struct cpu *cpu, struct vcpu *vcpu, uint64_t value)
{
    unsigned targets = value & 0xffff;
    if (value >> 40 & 1) /* IRM: all but oneself */
        targets = ~(1u << vcpu->index);
    else if (value & UINT64_C(0xff00ff00ff0000)) /* another cluster */
        return;
    sgi_send(cpu, vcpu, targets, value >> 24 & 15);
}

/* IHI 0048, GICD_SGIR. */
void vgic_sgir_write(struct cpu *cpu, struct vcpu *vcpu, uint32_t value)
{
    unsigned self = 1u << vcpu->index, filter = value >> 24 & 3;
    sgi_send(cpu, vcpu, filter == 0 ? value >> 16 & 0xff : filter == 1 ? ~self : filter == 2 ? self : 0, value & 15);
}

/* --- for the VMM's view (vgic_fields.c) -------------------------------------------------------------------------------- */

/* Lock held; on the CPU where it is loaded, if it is. */
SMALL static void settle(struct vcpu *vcpu)
{
    struct arch_vcpu *a = &vcpu->arch;
    bool loaded = cpu_self()->loaded == vcpu;
    posted_take(vcpu);
    if (loaded)
        lr_reap(vcpu);
    for (uint32_t used = a->lr_used; used; used &= used - 1) {
        unsigned n = (unsigned)__builtin_ctz(used);
        if (loaded)
            lr_evict(vcpu, n, gic.ops->lr_read(n));
        else
            lr_to_memory(vcpu, n, a->lr_live >> n & 1 ? a->lr[n] : gic_lr_with_state(a->lr[n], 0));
    }
    if (loaded)
        hcr_update(vcpu);
}

/* It may just have gone to another CPU: vcpu_enter() takes no tree lock, but this one when it changes `cpu`, so that either it finds nothing saved, or this finds it gone. */
SMALL static void settle_here(void *argument)
{
    struct vcpu *vcpu = argument;
    lock_take(&vcpu->lock);
    if (vcpu->cpu == cpu_self()->index)
        settle(vcpu);
    lock_release(&vcpu->lock);
}

/* Twice at most: only CALL_VCPU_SYNC, which needs the tree lock, lets it go on. */
void lrs_settle(struct vcpu *vcpu)
{
    unsigned cpu;
    do {
        cpu = __atomic_load_n(&vcpu->cpu, __ATOMIC_RELAXED);
        cpu_run_on(cpu, settle_here, vcpu);
    } while (cpu != __atomic_load_n(&vcpu->cpu, __ATOMIC_RELAXED));
}

/* The timer's physical interrupt may come again if nothing of the line is left that the guest would end. */
static void timer_disown(struct vcpu *vcpu, bool loaded)
{
    const struct virq *virq = &vcpu->arch.private[TIMER_PPI];
    if (!vcpu->arch.timer_owned || virq->lr != VIRQ_NO_LR || virq->flags & (ACTIVE | LATCH))
        return;
    vcpu->arch.timer_owned = false;
    if (loaded)
        gic_set_active(board.virtual_timer, false);
}

SMALL static void recount_here(void *argument)
{
    struct vcpu *vcpu = argument;
    bool loaded = cpu_self()->loaded == vcpu;
    lock_take(&vcpu->lock);
    timer_disown(vcpu, loaded);
    if (loaded) {
        memory_reap(vcpu);
        hcr_update(vcpu);
    }
    lock_release(&vcpu->lock);
}

SMALL void arch_vcpu_detach(struct vcpu *vcpu)
{
    settle(vcpu); /* loaded nowhere, nor known to anybody: from what was saved */
    for (unsigned line = VIRQ_PRIVATE; line < VM_LINES; line++) {
        struct virq *virq = virq_at(vcpu->vm, vcpu, line);
        if (virq->target == vcpu->index && virq->flags & QUEUED)
            virq_dequeue(vcpu, virq);
    }
}

void lrs_recount(struct vcpu *vcpu)
{
    cpu_run_on(vcpu->cpu, recount_here, vcpu);
}
