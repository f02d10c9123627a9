/* Virtual interrupts as the VMM sees them: reset, and the fields that the registers of a distributor are made of. */
#include "board.h"
#include "vgic_lines.h"

static void virq_reset(struct virq *virq, unsigned flags)
{
    *virq = (struct virq){.next = VIRQ_NONE, .prev = VIRQ_NONE, .physical = virq->physical, .flags = (uint8_t)flags, .lr = VIRQ_NO_LR, .target = virq->target};
}

/* The shared lines that vCPU `index` guards, with vCPU 0 those that nobody does; from then on they are vCPU 0's. */
static void shared_reset(struct vm *vm, unsigned index)
{
    for (unsigned i = 0; i < ARRAY_SIZE(vm->arch.shared); i++) {
        struct virq *virq = &vm->arch.shared[i];
        unsigned target = virq->target < VM_VCPUS && vm->vcpus[virq->target] ? virq->target : 0;
        if (target != index)
            continue;
        if (virq->physical)
            gic_set_active(virq->physical, false);
        virq_reset(virq, 0);
        __atomic_store_n(&virq->target, 0, __ATOMIC_RELEASE);
    }
}

static void private_reset(struct vcpu *vcpu)
{
    struct arch_vcpu *a = &vcpu->arch;
    a->queued = 0;
    a->lr_used = a->lr_recheck = a->lr_again = a->lr_live = 0;
    a->active_in_memory = 0;
    a->timer_owned = false;
    a->posted = 0;
    __builtin_memset(a->posted_from, 0, sizeof a->posted_from);
    a->interface = (struct gic_interface){0};
    a->interface_rest = (struct gic_interface_rest){0};
    a->private[TIMER_PPI].physical = (uint16_t)board.virtual_timer;
    for (unsigned i = 0; i < VIRQ_PRIVATE; i++)
        virq_reset(&a->private[i], i < SGIS ? EDGE | ENABLED : 0);
}

/* Others may raise lines meanwhile: each vCPU's are reset under its lock. */
void vgic_vm_reset(struct vm *vm)
{
    vm->arch.forwarding = 0;
    for (unsigned i = 0; i < VM_VCPUS; i++) {
        struct vcpu *vcpu = vm->vcpus[i];
        if (vcpu)
            lock_take(&vcpu->lock);
        if (vcpu || i == 0)
            shared_reset(vm, i);
        if (!vcpu)
            continue;
        private_reset(vcpu);
        lock_release(&vcpu->lock);
    }
}

/*
 * A shared line that may have been another vCPU's of the same index: nothing of that remains but what is pending. What the other one did not end
 * would keep a physical interrupt silent for ever.
 */
static void virq_adopt(struct vcpu *vcpu, struct virq *virq, unsigned line)
{
    if (virq->target != vcpu->index)
        return;
    if (virq->physical)
        gic_set_active(virq->physical, false);
    virq->flags &= (uint8_t)~(ACTIVE | QUEUED);
    virq->lr = VIRQ_NO_LR;
    virq_changed(vcpu, virq, line);
}

void vgic_vcpu_reset(struct vcpu *vcpu)
{
    private_reset(vcpu);
    for (unsigned line = VIRQ_PRIVATE; line < VM_LINES; line++)
        virq_adopt(vcpu, virq_at(vcpu->vm, vcpu, line), line);
}

/* So that the line's whole state is in memory. Returns the vCPU that has to be told afterwards, so that its LRs are filled again; or NULL. */
static struct vcpu *virq_settle(struct vm *vm, struct vcpu *vcpu, const struct virq *virq)
{
    struct vcpu *owner = vcpu ? vcpu : vm->vcpus[virq->target < VM_VCPUS ? virq->target : 0];
    if (!owner || (virq->lr == VIRQ_NO_LR && !(virq->flags & ACTIVE)))
        return NULL;
    lrs_settle(owner);
    return owner;
}

static void flag_set(struct virq *virq, unsigned flag, bool on)
{
    virq->flags = (uint8_t)(on ? virq->flags | flag : virq->flags & ~flag);
}

static void virq_set_active(struct vcpu *vcpu, struct virq *virq, bool on)
{
    if (!!(virq->flags & ACTIVE) == on)
        return;
    flag_set(virq, ACTIVE, on);
    vcpu->arch.active_in_memory = (uint8_t)(vcpu->arch.active_in_memory + (on ? 1 : -1));
}

/* What a mask field is about, in struct virq; of LATCH other things decide as well. */
static const uint8_t field_flags[] = {
    [VIRQ_ENABLE] = ENABLED, [VIRQ_DISABLE] = ENABLED, [VIRQ_PEND] = LATCH, [VIRQ_UNPEND] = LATCH,
    [VIRQ_ACTIVATE] = ACTIVE, [VIRQ_DEACTIVATE] = ACTIVE, [VIRQ_EDGE] = EDGE, [VIRQ_GROUP1] = GROUP1,
};

static bool field_is_mask_of_all(unsigned field)
{
    return field == VIRQ_EDGE || field == VIRQ_GROUP1;
}

/* One line's part of a mask field; `on` is its bit, always set but where all lines are meant. Those that clear follow those that set. */
static void virq_apply(struct vcpu *vcpu, struct virq *virq, unsigned field, bool on)
{
    bool set = field_is_mask_of_all(field) ? on : !(field & 1);
    if (field_flags[field] == ACTIVE)
        virq_set_active(vcpu, virq, set);
    else
        flag_set(virq, field_flags[field], set);
    /* Nothing is left that the guest would end; the timer's is its CPU's: lrs_recount(). */
    if ((field == VIRQ_UNPEND || field == VIRQ_DEACTIVATE) && virq->physical >= VIRQ_PRIVATE && !(virq->flags & ACTIVE))
        gic_set_active(virq->physical, false);
}

/* Does the field touch state that may be in an LR, and not only leave word for it? */
static bool field_settles(unsigned field)
{
    return field != VIRQ_ENABLE && field != VIRQ_DISABLE;
}

/* The vCPU that the line is of, locked; NULL, and no lock, while there is none. `vcpu`: of a private line. */
static struct vcpu *virq_lock(struct vm *vm, struct vcpu *vcpu, const struct virq *virq)
{
    if (!vcpu)
        return virq_lock_shared(vm, virq);
    lock_take(&vcpu->lock);
    return vcpu;
}

/*
 * The same, and the line in no LR; NULL, and no lock, while there is none. *settled: it has to be told. Its CPU may fill an LR with the line
 * again before it is locked here; whoever makes it do so each time harms itself.
 */
static struct vcpu *virq_lock_settled(struct vm *vm, struct vcpu *vcpu, const struct virq *virq, struct vcpu **settled)
{
    for (unsigned tries = 0;; tries++) {
        struct vcpu *was = virq_settle(vm, vcpu, virq), *owner = virq_lock(vm, vcpu, virq);
        *settled = was ? was : *settled;
        if (!owner || virq->lr == VIRQ_NO_LR || tries == 8 /* enough for chance */)
            return owner;
        lock_release(&owner->lock);
    }
}

static void set_mask(struct vm *vm, struct vcpu *vcpu, unsigned field, unsigned first, uint32_t mask)
{
    uint32_t lines = field_is_mask_of_all(field) ? UINT32_MAX : mask;
    for (; lines; lines &= lines - 1) {
        unsigned line = first + (unsigned)__builtin_ctz(lines);
        struct virq *virq = line < VM_LINES ? virq_at(vm, vcpu, line) : NULL;
        if (!virq)
            return;
        struct vcpu *settled = NULL, *owner = field_settles(field) ? virq_lock_settled(vm, vcpu, virq, &settled) : virq_lock(vm, vcpu, virq);
        if (!owner)
            return;
        virq_apply(owner, virq, field, mask >> (line - first) & 1);
        bool look = virq_changed(owner, virq, line) || settled;
        lock_release(&owner->lock);
        if (field == VIRQ_ACTIVATE || (line == TIMER_PPI && field_settles(field)))
            lrs_recount(owner);
        if (look)
            vcpu_notify(owner);
    }
}

/* Priority, target, sources: of one line; it leaves the queue while they change. */
static void set_one(struct vm *vm, struct vcpu *vcpu, unsigned field, unsigned line, uint64_t value)
{
    struct virq *virq = virq_at(vm, vcpu, line);
    struct vcpu *settled = NULL, *owner = virq_lock_settled(vm, vcpu, virq, &settled);
    if (!owner)
        return;
    if (virq->flags & QUEUED)
        virq_dequeue(owner, virq);
    if (field == VIRQ_PRIORITY)
        virq->priority = (uint8_t)(value & 0xf8);
    else if (field == VIRQ_SOURCES)
        virq->sources = (uint8_t)value;
    else
        __atomic_store_n(&virq->target, (uint8_t)(value < VM_VCPUS ? value : VM_VCPUS), __ATOMIC_RELEASE);
    owner->arch.active_in_memory = (uint8_t)(owner->arch.active_in_memory - (virq->flags & ACTIVE ? 1 : 0));
    lock_release(&owner->lock);
    owner = virq_lock(vm, vcpu, virq);
    if (owner)
        owner->arch.active_in_memory = (uint8_t)(owner->arch.active_in_memory + (virq->flags & ACTIVE ? 1 : 0));
    bool look = owner && virq_changed(owner, virq, line);
    if (owner)
        lock_release(&owner->lock);
    if (owner && virq->flags & ACTIVE)
        lrs_recount(owner);
    if (look)
        vcpu_notify(owner);
    if (settled)
        vcpu_notify(settled);
}

/* Which groups are forwarded has changed: every line may have become, or ceased to be, deliverable. */
static void set_forwarding(struct vm *vm, unsigned groups)
{
    vm->arch.forwarding = (uint8_t)(groups & 3);
    for (unsigned i = 0; i < VM_VCPUS; i++) {
        struct vcpu *vcpu = vm->vcpus[i];
        for (unsigned line = 0; vcpu && line < VM_LINES; line++) {
            struct virq *virq = virq_at(vm, vcpu, line);
            if (line >= VIRQ_PRIVATE && virq->target != i)
                continue;
            lock_take(&vcpu->lock);
            bool look = virq_changed(vcpu, virq, line);
            lock_release(&vcpu->lock);
            if (look)
                vcpu_notify(vcpu);
        }
    }
}

/* Checks the vCPU and line arguments; *vcpu is NULL for shared lines. */
static status_t decode(struct vm *vm, unsigned index, unsigned field, unsigned line, struct vcpu **vcpu)
{
    *vcpu = NULL;
    if (field > VIRQ_FORWARDING || line >= VM_LINES)
        return STATUS_RANGE;
    if (line >= VIRQ_PRIVATE || field == VIRQ_FORWARDING)
        return STATUS_OK;
    *vcpu = index < VM_VCPUS ? __atomic_load_n(&vm->vcpus[index], __ATOMIC_ACQUIRE) : NULL;
    if (!*vcpu || field == VIRQ_TARGET)
        return STATUS_RANGE;
    vgic_absorb(*vcpu);
    return STATUS_OK;
}

/* Enabling and disabling come without the tree lock, like CALL_VIRQ_RAISE: in a section, in which no vCPU that was found goes away. */
status_t vgic_set(struct vm *vm, unsigned index, unsigned field, unsigned first, uint64_t value)
{
    struct vcpu *vcpu;
    status_t status = decode(vm, index, field, first, &vcpu);
    if (status != STATUS_OK)
        return status;
    if (field == VIRQ_FORWARDING)
        set_forwarding(vm, (unsigned)value);
    else if (field >= VIRQ_PRIORITY)
        set_one(vm, vcpu, field, first, value);
    else if (first % 32)
        return STATUS_RANGE;
    else
        set_mask(vm, vcpu, field, first, (uint32_t)value);
    return STATUS_OK;
}

static bool virq_get_bit(const struct virq *virq, unsigned field)
{
    return field_flags[field] == LATCH ? virq_pending(virq) : virq->flags & field_flags[field];
}

static uint64_t get_mask(struct vm *vm, struct vcpu *vcpu, unsigned field, unsigned first)
{
    uint64_t mask = 0;
    bool state = field == VIRQ_PEND || field == VIRQ_UNPEND || field == VIRQ_ACTIVATE || field == VIRQ_DEACTIVATE;
    for (unsigned i = 0; i < 32 && first + i < VM_LINES; i++) {
        const struct virq *virq = virq_at(vm, vcpu, first + i);
        struct vcpu *settled = state ? virq_settle(vm, vcpu, virq) : NULL;
        mask |= (uint64_t)virq_get_bit(virq, field) << i;
        if (settled)
            vcpu_notify(settled);
    }
    return mask;
}

status_t vgic_get(struct vm *vm, unsigned index, unsigned field, unsigned first, uint64_t *value)
{
    struct vcpu *vcpu;
    status_t status = decode(vm, index, field, first, &vcpu);
    if (status != STATUS_OK)
        return status;
    if (field == VIRQ_FORWARDING)
        *value = vm->arch.forwarding;
    else if (field == VIRQ_PRIORITY)
        *value = virq_at(vm, vcpu, first)->priority;
    else if (field == VIRQ_TARGET)
        *value = virq_at(vm, vcpu, first)->target;
    else if (field == VIRQ_SOURCES)
        *value = virq_at(vm, vcpu, first)->sources;
    else if (first % 32)
        return STATUS_RANGE;
    else
        *value = get_mask(vm, vcpu, field, first);
    return STATUS_OK;
}

/*
 * The link first, then what an LR holds of the line: it goes to memory, and whatever goes into an LR from then on is linked as it should be. In between the
 * guest may end the old one, which is nobody's at that time.
 */
void arch_virq_link(struct vm *vm, unsigned line, unsigned number)
{
    struct virq *virq = virq_at(vm, NULL, line);
    struct vcpu *guard = virq_lock_shared(vm, virq);
    virq->physical = (uint16_t)number;
    if (!number)
        virq->flags &= (uint8_t)~LATCH;
    if (!guard)
        return;
    bool look = virq_changed(guard, virq, line);
    lock_release(&guard->lock);
    if (virq_settle(vm, NULL, virq) || look)
        vcpu_notify(guard);
}
