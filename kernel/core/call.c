/*
 * The call table (see <bulkhead/call.h> for what each does). A call is decoded first: everything that can be wrong is found before
 * anything changes. r[1] … r[7] are its arguments and, from r[1] on, its results.
 */
#include "call.h"
#include "cpu.h"
#include "irq.h"
#include "partition.h"
#include "portal.h"
#include "signal.h"
#include "space.h"
#include "tag.h"
#include "thread.h"
#include "vm.h"
#include <bulkhead/call.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* every call is given the same */

/* `cap`: what r[1] names, if the call's row says what it has to be. */
typedef status_t call_function(struct partition *self, const struct cap *cap, uint64_t *r);

/* --- decoding ------------------------------------------------------------------------------------------------------------------ */

static struct space *find_space(const struct partition *self, uint64_t slot, unsigned rights, status_t *status)
{
    const struct cap *cap = cap_find(self, slot, CAP_SPACE_OBJECT, rights, status);
    return cap ? (struct space *)cap->object : NULL;
}

/* A signal argument that may be absent (slot 0), and those of the bits that it may raise. False: present and wrong. */
static bool find_optional_signal(const struct partition *self, uint64_t slot, uint64_t *bits, struct signal **signal, status_t *status)
{
    const struct cap *cap = cap_find(self, slot, CAP_SIGNAL, RIGHT_RAISE, status);
    *signal = cap ? (struct signal *)cap->object : NULL;
    *bits &= cap ? cap->size : 0;
    return !slot || cap;
}

/* The object exists, if it does: its original capability appears. By a pointer, because making the object, an argument too, is what sets the status. */
static status_t finish_maker(struct partition *self, struct cap *slot, void *object, const status_t *status)
{
    if (object)
        cap_fill_original(slot, self, object);
    return object ? STATUS_OK : *status;
}

/* --- capabilities ------------------------------------------------------------------------------------------------------------ */

/* [first, first + size) within the source's range; size 0: all of it. */
static status_t narrow_range(struct cap *cap, const struct cap *from, uint64_t first, uint64_t size, bool relative)
{
    uint64_t low = relative ? 0 : from->base, count = from->size;
    if (!size)
        return first ? STATUS_ARGUMENT : STATUS_OK;
    if (first - low > count || size > count - (first - low)) /* below `low` the difference is larger than any range */
        return STATUS_RANGE;
    cap->base = from->base + (first - low);
    cap->size = size;
    return STATUS_OK;
}

static status_t narrow_lines(struct cap *cap, const struct cap *from, uint64_t first, uint64_t size)
{
    uint64_t low = VM_LINE_SHARED, high = VM_LINES;
    if (!(first | size))
        return STATUS_OK;
    if (from->type == CAP_LINE) {
        low = (uint32_t)from->size;
        high = low + (from->size >> 32);
    }
    if (first < low || first >= high || !size || size > high - first)
        return STATUS_RANGE;
    cap->type = CAP_LINE;
    cap->rights &= RIGHT_RAISE | RIGHT_DELEGATE;
    cap->size = first | size << 32;
    return STATUS_OK;
}

/* What the new capability covers, by type. */
static status_t cap_narrow(struct cap *cap, const struct cap *from, uint64_t first, uint64_t size)
{
    switch (from->type) {
    case CAP_EXTENT:
        return page_aligned(first | size) ? narrow_range(cap, from, first, size, true) : STATUS_ARGUMENT;
    case CAP_IRQ:
        return narrow_range(cap, from, first, size, false);
    case CAP_VM:
    case CAP_LINE:
        return narrow_lines(cap, from, first, size);
    case CAP_SIGNAL:
        cap->size = first ? from->size & first : from->size;
        return STATUS_OK;
    case CAP_PORTAL:
        cap->size = from->rights & RIGHT_SERVE ? first : from->size; /* only its owner gives badges */
        return STATUS_OK;
    default:
        return first | size ? STATUS_ARGUMENT : STATUS_OK;
    }
}

static status_t call_cap_delegate(struct partition *self, const struct cap *cap, uint64_t *r)
{
    status_t status;
    struct partition *partition = (struct partition *)cap->object;
    struct cap *from = cap_slot(self, r[3]);
    if (!from || from->type == CAP_NONE || from->type & NODE_DYING)
        return STATUS_CAP;
    if (!(from->rights & RIGHT_DELEGATE))
        return STATUS_RIGHTS;
    if (from->depth >= CAP_DEPTH_MAX)
        return STATUS_LIMIT;
    struct cap fresh = *from;
    fresh.rights = (uint8_t)(from->rights & r[4]);
    fresh.flags &= (uint8_t)~CAP_FLAG_ORIGINAL;
    fresh.holder = partition;
    status = cap_narrow(&fresh, from, r[5], r[6]);
    struct cap *to = status == STATUS_OK ? cap_slot_for(partition, r[2], &status) : NULL;
    if (!to)
        return status;
    uint8_t type = fresh.type;
    fresh.type = CAP_NONE;
    *to = fresh;
    cap_derive(to, from);
    __atomic_store_n(&to->type, type, __ATOMIC_RELEASE);
    return STATUS_OK;
}

enum { STEPS_MAX = 64 /* before others may have the tree */ };

/* Removal in steps; after each of them interrupts that are pending come in, and the call is repeated. */
static status_t remove_in_steps(struct partition *self, uint64_t slot, bool (*step)(struct cap *))
{
    struct cap *cap = cap_slot(self, slot);
    if (!cap || cap->type == CAP_NONE)
        return STATUS_CAP;
    for (unsigned i = 0; i < STEPS_MAX && (!i || !arch_interrupt_pending()); i++) {
        if (step(cap))
            return STATUS_OK;
        if (!cpu_self()->current)
            return CALL_PENDING; /* it removed itself */
    }
    return CALL_REPEAT;
}

static status_t call_cap_delete(struct partition *self, const struct cap *cap, uint64_t *r)
{
    const struct cap *slot = cap_slot(self, r[1]);
    if (slot && slot->type == CAP_PARTITION && slot->object == &self->object && !slot->parent)
        return STATUS_STATE; /* its creator's business */
    return remove_in_steps(self, r[1], cap_delete_step);
}

static status_t call_cap_revoke(struct partition *self, const struct cap *cap, uint64_t *r)
{
    return remove_in_steps(self, r[1], cap_revoke_step);
}

/* The capability itself into r[1] … r[3]; for an object, `where` it lies only if that is asked for. */
static status_t cap_describe(const struct cap *cap, uint64_t *r, bool where)
{
    if (!cap || cap->type == CAP_NONE || cap->type & NODE_DYING)
        return STATUS_CAP;
    bool range = cap->type == CAP_EXTENT || cap->type == CAP_IRQ;
    bool object = where && !range && cap->type != CAP_SYSTEM_OBJECT;
    r[1] = cap->type | (uint64_t)cap->rights << 8;
    r[2] = range ? cap->base : object ? ptr_to_phys(cap->object).raw : 0;
    r[3] = cap->size;
    return STATUS_OK;
}

static status_t call_cap_identify(struct partition *self, const struct cap *cap, uint64_t *r)
{
    return cap_describe(cap_slot(self, r[1]), r, false);
}

/* --- partitions ---------------------------------------------------------------------------------------------------------------- */

static status_t call_partition_create(struct partition *self, const struct cap *cap, uint64_t *r)
{
    status_t status;
    struct cap *memory = cap_find(self, r[2], CAP_EXTENT, RIGHT_KERNEL, &status);
    if (!memory)
        return status;
    if (!r[3] || r[3] & ~self->cpus)
        return STATUS_CPU;
    if (r[4] > self->priority)
        return STATUS_RANGE;
    struct cap *slot = cap_slot_for(self, r[1], &status);
    if (!slot)
        return status;
    struct partition *partition = partition_new(memory, r[3], (unsigned)r[4], &status);
    return finish_maker(self, slot, partition, &status);
}

static status_t call_partition_feed(struct partition *self, const struct cap *cap, uint64_t *r)
{
    status_t status;
    struct cap *memory = cap_find(self, r[2], CAP_EXTENT, RIGHT_KERNEL, &status);
    return memory ? partition_feed((struct partition *)cap->object, memory) : status;
}

static status_t call_partition_stats(struct partition *self, const struct cap *cap, uint64_t *r)
{
    const struct partition *partition = (const struct partition *)cap->object;
    r[1] = partition->memory_bytes;
    r[2] = partition->free_bytes;
    return STATUS_OK;
}

static status_t call_partition_cap(struct partition *self, const struct cap *cap, uint64_t *r)
{
    return cap_describe(cap_slot((const struct partition *)cap->object, r[2]), r, true);
}

/* --- spaces ---------------------------------------------------------------------------------------------------------------------- */

static status_t call_space_create(struct partition *self, const struct cap *cap, uint64_t *r)
{
    status_t status;
    struct cap *slot = cap_slot_for(self, r[2], &status);
    if (!slot)
        return status;
    if (r[3] > SPACE_GUEST)
        return STATUS_ARGUMENT;
    return finish_maker(self, slot, space_new((struct partition *)cap->object, (unsigned)r[3], &status), &status);
}

static status_t call_space_map(struct partition *self, const struct cap *cap, uint64_t *r)
{
    status_t status;
    unsigned access = r[6] & (RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE);
    struct space *space = (struct space *)cap->object;
    struct cap *extent = cap_find(self, r[2], CAP_EXTENT, access, &status);
    if (!extent)
        return status;
    if (extent->flags & CAP_FLAG_GUEST && space->kind != SPACE_GUEST)
        return STATUS_RIGHTS;
    return access == r[6] ? space_map(space, extent, saddr(r[3]), r[4], r[5], access) : STATUS_ARGUMENT;
}

static status_t call_space_unmap(struct partition *self, const struct cap *cap, uint64_t *r)
{
    struct mapping *mapping = space_mapping_at((struct space *)cap->object, saddr(r[2]));
    if (!mapping)
        return STATUS_RANGE;
    return mapping_remove_step(mapping) ? STATUS_OK : CALL_REPEAT;
}

/* --- threads --------------------------------------------------------------------------------------------------------------------- */

static status_t call_thread_create(struct partition *self, const struct cap *cap, uint64_t *r)
{
    status_t status;
    struct partition *payer = (struct partition *)cap->object;
    struct signal *signal;
    uint64_t bits = r[7];
    struct cap *slot = cap_slot_for(self, r[2], &status);
    struct space *space = slot ? find_space(self, r[3], RIGHT_USE, &status) : NULL;
    if (!space || !find_optional_signal(self, r[6], &bits, &signal, &status))
        return status;
    if (r[4] >= CPUS_MAX || !(payer->cpus >> r[4] & 1))
        return STATUS_CPU;
    if (r[5] > payer->priority)
        return STATUS_RANGE;
    if (space->kind != SPACE_COMPONENT)
        return STATUS_STATE;
    struct thread *thread = thread_new(payer, space, (unsigned)r[4], (unsigned)r[5], &status);
    if (thread)
        binding_set(&thread->supervisor, signal, bits);
    return finish_maker(self, slot, thread, &status);
}

static status_t call_thread_start(struct partition *self, const struct cap *cap, uint64_t *r)
{
    return thread_start((struct thread *)cap->object, r[2], r[3], r[4]);
}

static status_t call_thread_stop(struct partition *self, const struct cap *cap, uint64_t *r)
{
    thread_stop((struct thread *)cap->object);
    return STATUS_OK;
}

static status_t call_thread_fault(struct partition *self, const struct cap *cap, uint64_t *r)
{
    const struct thread *thread = (const struct thread *)cap->object;
    __builtin_memcpy(&r[1], &thread->fault, sizeof(thread->fault));
    return STATUS_OK;
}

static status_t call_thread_stats(struct partition *self, const struct cap *cap, uint64_t *r)
{
    const struct thread *thread = (const struct thread *)cap->object;
    r[1] = thread->ticks;
    r[2] = thread->switches;
    r[3] = thread->state;
    return STATUS_OK;
}

static status_t call_thread_yield(struct partition *self, const struct cap *cap, uint64_t *r)
{
    struct cpu *cpu = cpu_self();
    cpu->scheduler.policy->dequeue(&cpu->scheduler, cpu->current);
    cpu->scheduler.policy->enqueue(&cpu->scheduler, cpu->current, false);
    cpu->resched = true;
    return STATUS_OK;
}

static status_t call_thread_exit(struct partition *self, const struct cap *cap, uint64_t *r)
{
    thread_fault(cpu_self(), cpu_self()->current, FAULT_EXIT, r[1], 0);
    return CALL_PENDING;
}

static status_t call_multicall_page(struct partition *self, const struct cap *cap, uint64_t *r)
{
    status_t status;
    struct thread *thread = (struct thread *)cap->object;
    const struct space *space = find_space(self, r[2], RIGHT_MAP, &status);
    if (!space)
        return status;
    return space == thread->space.space ? thread_batch_make(thread, saddr(r[3])) : STATUS_STATE;
}

static status_t call_multicall(struct partition *self, const struct cap *cap, uint64_t *r)
{
    return quick_batch(cpu_self()->current, r[1]);
}

/* --- signals and portals ----------------------------------------------------------------------------------------------------------- */

static status_t call_signal_create(struct partition *self, const struct cap *cap, uint64_t *r)
{
    status_t status;
    struct cap *slot = cap_slot_for(self, r[2], &status);
    return slot ? finish_maker(self, slot, object_new((struct partition *)cap->object, CAP_SIGNAL, sizeof(struct signal), &status), &status) : status;
}

static status_t call_signal_wait(struct partition *self, const struct cap *cap, uint64_t *r)
{
    return signal_wait(cpu_self(), (struct signal *)cap->object, r[2], r[3]);
}

static status_t call_portal_create(struct partition *self, const struct cap *cap, uint64_t *r)
{
    status_t status;
    struct cap *slot = cap_slot_for(self, r[2], &status);
    return slot ? finish_maker(self, slot, object_new((struct partition *)cap->object, CAP_PORTAL, sizeof(struct portal), &status), &status) : status;
}

static status_t call_portal_call(struct partition *self, const struct cap *cap, uint64_t *r)
{
    return portal_call(cpu_self(), (struct portal *)cap->object, cap->size, r[6]);
}

static status_t call_portal_wait(struct partition *self, const struct cap *cap, uint64_t *r)
{
    return portal_wait(cpu_self(), (struct portal *)cap->object, r[6]);
}

/* --- interrupts --------------------------------------------------------------------------------------------------------------------- */

static status_t call_irq_bind(struct partition *self, const struct cap *cap, uint64_t *r)
{
    status_t status = STATUS_RANGE;
    struct signal *signal;
    uint64_t bits = r[4];
    if (!irq_covered(cap, r[2]) || !find_optional_signal(self, r[3], &bits, &signal, &status))
        return status;
    if (r[5] & ~(uint64_t)IRQ_EDGE)
        return STATUS_ARGUMENT;
    if (signal)
        return irq_bind((unsigned)r[2], cap, &signal->object, bits, cpu_self()->index, r[5] & IRQ_EDGE);
    irq_unbind((unsigned)r[2]);
    return STATUS_OK;
}

/* --- VMs ------------------------------------------------------------------------------------------------------------------------------ */

static status_t call_vm_create(struct partition *self, const struct cap *cap, uint64_t *r)
{
    status_t status;
    struct cap *slot = cap_slot_for(self, r[2], &status);
    struct space *space = slot ? find_space(self, r[3], RIGHT_USE, &status) : NULL;
    if (!space)
        return status;
    if (space->kind != SPACE_GUEST)
        return STATUS_STATE;
    if (space->users)
        return STATUS_BUSY;
    return finish_maker(self, slot, vm_new((struct partition *)cap->object, space, &status), &status);
}

static status_t call_vm_reset(struct partition *self, const struct cap *cap, uint64_t *r)
{
    return vm_reset((struct vm *)cap->object);
}

static status_t call_vm_answer(struct partition *self, const struct cap *cap, uint64_t *r)
{
    return vm_answer_set((struct vm *)cap->object, (uint32_t)r[2], r[3]);
}

static status_t call_vm_doorbell(struct partition *self, const struct cap *cap, uint64_t *r)
{
    status_t status;
    struct signal *signal;
    uint64_t bits = r[4];
    if (!find_optional_signal(self, r[3], &bits, &signal, &status))
        return status;
    return r[2] & 3 ? STATUS_ARGUMENT : vm_doorbell_set((struct vm *)cap->object, saddr(r[2]), signal, bits);
}

static status_t call_vcpu_create(struct partition *self, const struct cap *cap, uint64_t *r)
{
    status_t status;
    struct cap *slot = cap_slot_for(self, r[2], &status);
    const struct cap *of = slot ? cap_find(self, r[3], CAP_VM, RIGHT_CONFIGURE, &status) : NULL;
    struct vm *vm = of ? (struct vm *)of->object : NULL;
    struct space *monitor = vm ? find_space(self, r[5], RIGHT_MAP, &status) : NULL;
    if (!monitor)
        return status;
    if (r[4] >= VM_VCPUS)
        return STATUS_RANGE;
    if (!vm->space.space)
        return STATUS_DEAD;
    status = arch_vcpu_offers(r[7]);
    if (status != STATUS_OK)
        return status;
    return finish_maker(self, slot, vcpu_new((struct partition *)cap->object, vm, (unsigned)r[4], r[7], monitor, saddr(r[6]), &status), &status);
}

static status_t call_vcpu_enter(struct partition *self, const struct cap *cap, uint64_t *r)
{
    return vcpu_enter(cpu_self(), (struct vcpu *)cap->object, r[0] == CALL_VCPU_WAIT);
}

static status_t call_vcpu_sync(struct partition *self, const struct cap *cap, uint64_t *r)
{
    return vcpu_sync((struct vcpu *)cap->object);
}

/* --- the machine as a whole --------------------------------------------------------------------------------------------------------------- */

enum { LOG_BYTES = 32 };

static status_t call_system_power(struct partition *self, const struct cap *cap, uint64_t *r)
{
    if (r[2] > POWER_RESET)
        return STATUS_ARGUMENT;
    arch_power((unsigned)r[2]);
}

static status_t call_system_log(struct partition *self, const struct cap *cap, uint64_t *r)
{
    if (r[2] > LOG_BYTES)
        return STATUS_ARGUMENT;
    for (unsigned i = 0; i < r[2]; i++)
        arch_log_char((char)(r[3 + i / 8] >> (i % 8 * 8)));
    return STATUS_OK;
}

static status_t call_system_stats(struct partition *self, const struct cap *cap, uint64_t *r)
{
    r[1] = arch_kernel_image().size + arch_kernel_area_tables();
    memory_stats(&r[2], &r[3]);
    r[4] = irq_bound_count();
    r[5] = arch_irqs_awake();
    r[6] = tags_given();
    return STATUS_OK;
}

/* --- the table -------------------------------------------------------------------------------------------------------------------------- */

static status_t call_null(struct partition *self, const struct cap *cap, uint64_t *r)
{
    return STATUS_OK;
}

static const struct call_row {
    call_function *function; /* NULL: a quick call (quick.c) */
    enum { PLAIN, TREE /* changes the derivation tree */ } kind;
    uint8_t type, rights; /* what the first argument has to name; CAP_NONE: that is the function's to see */
} rows[CALL_COUNT] = {
    [CALL_NULL] = {call_null, PLAIN, CAP_NONE, 0},
    [CALL_CAP_DELEGATE] = {call_cap_delegate, TREE, CAP_PARTITION, RIGHT_GRANT},
    [CALL_CAP_DELETE] = {call_cap_delete, TREE, CAP_NONE, 0},
    [CALL_CAP_REVOKE] = {call_cap_revoke, TREE, CAP_NONE, 0},
    [CALL_CAP_IDENTIFY] = {call_cap_identify, PLAIN, CAP_NONE, 0},
    [CALL_PARTITION_CREATE] = {call_partition_create, TREE, CAP_NONE, 0},
    [CALL_PARTITION_FEED] = {call_partition_feed, TREE, CAP_PARTITION, RIGHT_CREATE},
    [CALL_PARTITION_STATS] = {call_partition_stats, PLAIN, CAP_PARTITION, RIGHT_OBSERVE},
    [CALL_PARTITION_CAP] = {call_partition_cap, TREE, CAP_PARTITION, RIGHT_OBSERVE},
    [CALL_SPACE_CREATE] = {call_space_create, TREE, CAP_PARTITION, RIGHT_CREATE},
    [CALL_SPACE_MAP] = {call_space_map, TREE, CAP_SPACE_OBJECT, RIGHT_MAP},
    [CALL_SPACE_UNMAP] = {call_space_unmap, TREE, CAP_SPACE_OBJECT, RIGHT_MAP},
    [CALL_THREAD_CREATE] = {call_thread_create, TREE, CAP_PARTITION, RIGHT_CREATE},
    [CALL_THREAD_START] = {call_thread_start, TREE, CAP_THREAD_OBJECT, RIGHT_CONTROL},
    [CALL_THREAD_STOP] = {call_thread_stop, TREE, CAP_THREAD_OBJECT, RIGHT_CONTROL},
    [CALL_THREAD_FAULT] = {call_thread_fault, PLAIN, CAP_THREAD_OBJECT, RIGHT_OBSERVE},
    [CALL_THREAD_STATS] = {call_thread_stats, PLAIN, CAP_THREAD_OBJECT, RIGHT_OBSERVE},
    [CALL_THREAD_YIELD] = {call_thread_yield, PLAIN, CAP_NONE, 0},
    [CALL_THREAD_EXIT] = {call_thread_exit, PLAIN, CAP_NONE, 0},
    [CALL_MULTICALL_PAGE] = {call_multicall_page, TREE, CAP_THREAD_OBJECT, RIGHT_CONTROL},
    [CALL_MULTICALL] = {call_multicall, PLAIN, CAP_NONE, 0},
    [CALL_SIGNAL_CREATE] = {call_signal_create, TREE, CAP_PARTITION, RIGHT_CREATE},
    [CALL_SIGNAL_WAIT] = {call_signal_wait, PLAIN, CAP_SIGNAL, RIGHT_WAIT},
    [CALL_PORTAL_CREATE] = {call_portal_create, TREE, CAP_PARTITION, RIGHT_CREATE},
    [CALL_PORTAL_CALL] = {call_portal_call, PLAIN, CAP_PORTAL, RIGHT_CALL},
    [CALL_PORTAL_WAIT] = {call_portal_wait, PLAIN, CAP_PORTAL, RIGHT_SERVE},
    [CALL_IRQ_BIND] = {call_irq_bind, TREE, CAP_IRQ, RIGHT_BIND},
    [CALL_VM_CREATE] = {call_vm_create, TREE, CAP_PARTITION, RIGHT_CREATE},
    [CALL_VM_RESET] = {call_vm_reset, TREE, CAP_VM, RIGHT_CONFIGURE},
    [CALL_VM_ANSWER] = {call_vm_answer, TREE, CAP_VM, RIGHT_CONFIGURE},
    [CALL_VM_DOORBELL] = {call_vm_doorbell, TREE, CAP_VM, RIGHT_CONFIGURE},
    [CALL_VCPU_CREATE] = {call_vcpu_create, TREE, CAP_PARTITION, RIGHT_CREATE},
    [CALL_VCPU_ENTER] = {call_vcpu_enter, PLAIN, CAP_VCPU, RIGHT_ENTER},
    [CALL_VCPU_WAIT] = {call_vcpu_enter, PLAIN, CAP_VCPU, RIGHT_ENTER},
    [CALL_VCPU_SYNC] = {call_vcpu_sync, TREE, CAP_VCPU, RIGHT_ENTER},
    [CALL_SYSTEM_POWER] = {call_system_power, PLAIN, CAP_SYSTEM_OBJECT, RIGHT_POWER},
    [CALL_SYSTEM_LOG] = {call_system_log, PLAIN, CAP_SYSTEM_OBJECT, RIGHT_LOG},
    [CALL_SYSTEM_STATS] = {call_system_stats, TREE, CAP_SYSTEM_OBJECT, RIGHT_LOG},
};

static status_t call_make(struct partition *self, const struct call_row *row, uint64_t *r)
{
    status_t status;
    const struct cap *cap = row->type ? cap_find(self, r[1], row->type, row->rights, &status) : NULL;
    return row->type && !cap ? status : row->function(self, cap, r);
}

static status_t call_run(struct partition *self, const struct call_row *row, uint64_t *r)
{
    if (row->kind != TREE)
        return call_make(self, row, r);
    if (!cap_tree_lock())
        return CALL_REPEAT;
    status_t status = call_make(self, row, r);
    cap_tree_unlock();
    return status;
}

void call_dispatch(struct cpu *cpu)
{
    struct thread *thread = cpu->current;
    uint64_t *r = arch_call_registers(thread);
    status_t status = CALL_PENDING;
    cpu_section_begin(cpu);
    if (r[0] < CALL_COUNT && rows[r[0]].function)
        status = call_run(thread->partition, &rows[r[0]], r);
    else if (r[0] >= CALL_ARCH && r[0] <= UINT32_MAX)
        status = arch_call(cpu, thread, (unsigned)(r[0] - CALL_ARCH), r);
    else
        quick_calls(thread->partition->table, r, 1);
    cpu_section_end(cpu);
    if (cpu->current != thread)
        return; /* it stopped itself, and may be gone altogether */
    if (status == CALL_REPEAT)
        arch_call_repeat(thread);
    else if (status != CALL_PENDING)
        r[0] = (uint64_t)status;
}

status_t call_dispatch_guest(struct cpu *cpu, unsigned number, uint64_t *registers)
{
    static struct cap *nobody[CAP_PAGES]; /* among the data, for the constants would take a page more. It holds nothing; a VM may be given a table of its own later */
    if (number == CALL_NULL)
        return STATUS_OK;
    cpu_section_begin(cpu);
    uint64_t words[MULTICALL_WORDS] = {number, registers[1], registers[2], registers[3]};
    quick_calls(nobody, words, 1);
    cpu_section_end(cpu);
    return (status_t)words[0];
}
