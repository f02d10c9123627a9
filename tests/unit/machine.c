/* The machine of the kernel's tests: booting it, calling it, checking what must hold after every stay in the kernel. */
#include "machine.h"
#include "poison.h"
#include <bulkhead/package.h>

#include <string.h>

enum { ROOT_PAGES = 4 };

struct machine machine;

/* --- booting -------------------------------------------------------------------------------------------------------------- */

/* One page of code, one of data in the file and two behind it. */
void machine_root(void)
{
    struct component_header *component = host_memory(HOST_ROOT);
    *component = (struct component_header){.magic = COMPONENT_MAGIC,
                                           .version = COMPONENT_VERSION,
                                           .entry = COMPONENT_BASE + 64,
                                           .rx_size = PAGE_SIZE,
                                           .file_size = PAGE_SIZE + 100,
                                           .memory_size = (uint64_t)ROOT_PAGES * PAGE_SIZE};
}

static void boot(struct cpu *cpu, void *argument)
{
    (void)cpu;
    (void)argument;
    kernel_main();
}

/* The largest extent that root has for that use. */
static cap_t extent_of(unsigned use)
{
    const struct bootinfo_extent *best = NULL;
    for (unsigned i = 0; i < machine.info->extent_count; i++) {
        const struct bootinfo_extent *extent = &machine.info->extents[i];
        if (extent->use == use && (!best || extent->size > best->size))
            best = extent;
    }
    assert_non_null(best);
    return best->slot;
}

/* --- invariants ------------------------------------------------------------------------------------------------------------ */

static void check_current(const struct cpu *cpu)
{
    const struct thread *current = cpu->current;
    struct choice choice = cpu->scheduler.policy->pick(&cpu->scheduler);
    if (choice.thread != current)
        host_fail("CPU %u runs another thread than its scheduler picks", cpu->index);
    if (current && (current->state != THREAD_READY || current->waiting != WAIT_NONE || current->cpu != cpu->index))
        host_fail("CPU %u runs a thread that is not ready", cpu->index);
    if (cpu->arch.side != (!current ? SIDE_NONE : current->vcpu ? SIDE_GUEST : SIDE_COMPONENT))
        host_fail("CPU %u is on the wrong side", cpu->index);
    if (current && current->vcpu && (cpu->loaded != current->vcpu || current->vcpu->thread != current))
        host_fail("CPU %u runs a guest that is not loaded", cpu->index);
    const struct space *space = !current ? NULL : current->vcpu ? current->vcpu->vm->space.space : current->space.space;
    if (space && (cpu->arch.space != space || cpu->arch.tag != (space->tag.value & 0xffff) || !cpu->arch.tag))
        host_fail("CPU %u runs with another space's translations", cpu->index);
    if (current && (cpu->others != choice.others || cpu->arch.wait_trap != (choice.others != 0)))
        host_fail("CPU %u traps waiting guests %s", cpu->index, cpu->arch.wait_trap ? "needlessly" : "not");
    if (current && cpu->slice_end != current->slice_end)
        host_fail("CPU %u: the slice is not that of the thread that runs", cpu->index);
}

static void check_timers(const struct cpu *cpu)
{
    uint64_t before = 0, next = cpu->slice_end;
    if (cpu->timers && cpu->timers->deadline < next)
        next = cpu->timers->deadline;
    if (next != host.deadline[cpu->index])
        host_fail("CPU %u: timer set to %lx instead of %lx", cpu->index, (unsigned long)host.deadline[cpu->index], (unsigned long)next);
    for (const struct thread *t = cpu->timers; t; t = t->timer_next) {
        if (t->deadline < before || t->state != THREAD_WAITING || !t->timer_queued)
            host_fail("CPU %u: its timers are out of order", cpu->index);
        before = t->deadline;
    }
}

static void check_queues(const struct cpu *cpu)
{
    for (unsigned p = 0; p < PRIORITIES; p++) {
        const struct thread *first = cpu->scheduler.ready >> p & 1 ? cpu->scheduler.queue[p] : NULL, *t = first;
        for (bool more = first; more; t = t->ready_next, more = t != first) {
            if (t->ready_next->ready_prev != t || t->priority != p || t->state != THREAD_READY)
                host_fail("CPU %u: the queue of priority %u is broken", cpu->index, p);
        }
    }
}

static void check_all(struct cpu *cpu)
{
    check_queues(cpu);
    check_current(cpu);
    check_timers(cpu);
}

/* --- setup and teardown -------------------------------------------------------------------------------------------------- */

void machine_reset(void)
{
    host_reset(MACHINE_CPUS);
    poison_reset();
    machine_root();
}

void machine_start(void)
{
    host_enter(0, boot, NULL);
    host_check = check_all;
    machine = (struct machine){.root = cpus[0].current->partition, .next_slot = SLOT_NEXT};
    struct table_leaf leaf = table_find(&cpus[0].current->space.space->table, saddr(BOOTINFO_ADDRESS));
    machine.info = phys_to_ptr(arch_space_format.entry_address(*leaf.entry));
}

void machine_boot(void)
{
    machine_reset();
    machine_start();
}

enum { ROOT_MEMORY = 60, ROOT_BASE, ROOT_SPACE, ROOT_THREAD, ROOT_SIGNAL }; /* root's slots */

static void root_gives(cap_t to, cap_t from, uint64_t first, uint64_t size)
{
    assert_ok(CALL(0, CALL_CAP_DELEGATE, ROOT_BASE, to, from, 0xff, first, size));
}

/* By root: the base, its space and its thread. */
static void base_make(void)
{
    cap_t kernel = extent_of(EXTENT_KERNEL);
    uint64_t size = cap_slot(machine.root, kernel)->size;
    assert_ok(CALL(0, CALL_CAP_DELEGATE, CAP_SELF, ROOT_MEMORY, kernel, RIGHT_KERNEL, 0, BASE_MEMORY));
    assert_ok(CALL(0, CALL_PARTITION_CREATE, ROOT_BASE, ROOT_MEMORY, (1u << MACHINE_CPUS) - 1, PRIORITIES - 1));
    machine.base = (struct partition *)cap_slot(machine.root, ROOT_BASE)->object;
    assert_ok(CALL(0, CALL_SPACE_CREATE, ROOT_BASE, ROOT_SPACE, SPACE_COMPONENT));
    assert_ok(CALL(0, CALL_THREAD_CREATE, ROOT_BASE, ROOT_THREAD, ROOT_SPACE, 0, BASE_PRIORITY));
    root_gives(CAP_SPACE, ROOT_SPACE, 0, 0);
    root_gives(CAP_THREAD, ROOT_THREAD, 0, 0);
    root_gives(CAP_SYSTEM, CAP_SYSTEM, 0, 0);
    root_gives(CAP_IRQS, CAP_IRQS, 0, 0);
    root_gives(SLOT_KERNEL, kernel, BASE_MEMORY, size - BASE_MEMORY);
    root_gives(SLOT_RAM, extent_of(EXTENT_RAM), 0, 0);
    root_gives(SLOT_DEVICE, extent_of(EXTENT_DEVICE), 0, 0);
}

/* Root starts the base's thread and sleeps for good. */
static void base_start(void)
{
    assert_ok(CALL(0, CALL_SIGNAL_CREATE, CAP_SELF, ROOT_SIGNAL));
    assert_ok(CALL(0, CALL_THREAD_START, ROOT_THREAD, THREAD_PC, 0, 0));
    assert_status(CALL(0, CALL_SIGNAL_WAIT, ROOT_SIGNAL, 1, DEADLINE_NEVER), CALL_PENDING);
    assert_ptr_equal(cpus[0].current->partition, machine.base);
}

int machine_setup(void **state)
{
    uint64_t given, unused;
    (void)state;
    memory_stats(&given, &unused);
    if (given) {
        print_error("an earlier test left its machine in pieces\n");
        return -1;
    }
    machine_boot();
    base_make();
    base_start();
    host.scrubbed = 0;
    return 0;
}

static void root_end(struct cpu *cpu, void *argument)
{
    struct partition *root = argument;
    (void)cpu;
    assert_true(cap_tree_lock());
    while (!partition_empty(root)) {
        struct cap *cap = partition_next(root);
        if (cap)
            cap_delete_step(cap);
    }
    while (!partition_destroy_step(root))
        ;
    partition_free(root);
    cap_tree_unlock();
}

int machine_teardown(void **state)
{
    (void)state;
    host.ipis_held = false;
    host_ipis_deliver();
    host_enter(0, root_end, machine.root);
    assert_int_equal(host.mapped_pages, 0);
    for (unsigned i = 0; i < CPUS_MAX; i++) {
        assert_null(cpus[i].current);
        assert_null(cpus[i].loaded);
        assert_null(cpus[i].timers);
        assert_int_equal(cpus[i].scheduler.ready, 0);
    }
    return 0;
}

/* --- calls ------------------------------------------------------------------------------------------------------------------ */

static void dispatch(struct cpu *cpu, void *argument)
{
    (void)argument;
    host_call(cpu);
}

/* Is the thread still in its partition, or did it end itself? */
static bool thread_lives(const struct partition *partition, const struct thread *thread)
{
    for (const struct link *l = partition->objects; l; l = l->next) {
        if (l == &thread->object.link)
            return true;
    }
    return false;
}

status_t machine_call_once(unsigned cpu, unsigned long number, const uint64_t arguments[7])
{
    struct thread *thread = cpus[cpu].current;
    if (!thread || thread->vcpu)
        host_fail("CPU %u has no component that could make call %lu", cpu, number);
    struct partition *partition = thread->partition;
    thread->arch.registers[0] = number;
    memcpy(&thread->arch.registers[1], arguments, 7 * sizeof arguments[0]);
    thread->arch.repeat = false;
    host_enter(cpu, dispatch, NULL);
    if (!thread_lives(partition, thread))
        return CALL_PENDING;
    if (thread->arch.repeat)
        return CALL_REPEAT;
    bool away = thread->state != THREAD_READY || thread->vcpu;
    return away ? CALL_PENDING : (status_t)thread->arch.registers[0];
}

status_t machine_call(unsigned cpu, unsigned long number, const uint64_t arguments[7])
{
    status_t status;
    machine.repeats = 0;
    while ((status = machine_call_once(cpu, number, arguments)) == CALL_REPEAT)
        machine.repeats++;
    return status;
}

uint64_t result_of(const struct thread *thread, unsigned index)
{
    return thread->arch.registers[index];
}

uint64_t result(unsigned cpu, unsigned index)
{
    return result_of(cpus[cpu].current, index);
}

/* --- making --------------------------------------------------------------------------------------------------------------------- */

cap_t slot_new(void)
{
    return machine.next_slot++;
}

static cap_t piece_of(cap_t from, uint64_t *used, uint64_t bytes, uint64_t align)
{
    cap_t slot = slot_new();
    uint64_t base = cap_at(from)->base;
    *used = ((base + *used + align - 1) & ~(align - 1)) - base;
    assert_ok(BASE(CALL_CAP_DELEGATE, CAP_SELF, slot, from, 0xff, *used, bytes));
    *used += bytes;
    return slot;
}

cap_t make_kernel(uint64_t bytes)
{
    return piece_of(SLOT_KERNEL, &machine.kernel_used, bytes, PAGE_SIZE);
}

cap_t make_ram(uint64_t bytes, uint64_t align)
{
    return piece_of(SLOT_RAM, &machine.ram_used, bytes, align);
}

cap_t make_partition(uint64_t bytes, unsigned priority)
{
    cap_t memory = make_kernel(bytes), slot = slot_new();
    assert_ok(BASE(CALL_PARTITION_CREATE, slot, memory, (1u << MACHINE_CPUS) - 1, priority));
    return slot;
}

static cap_t make_simple(unsigned number)
{
    cap_t slot = slot_new();
    assert_ok(BASE(number, CAP_SELF, slot));
    return slot;
}

cap_t make_space(unsigned kind)
{
    cap_t slot = slot_new();
    assert_ok(BASE(CALL_SPACE_CREATE, CAP_SELF, slot, kind));
    return slot;
}

cap_t make_signal(void)
{
    return make_simple(CALL_SIGNAL_CREATE);
}

cap_t make_portal(void)
{
    return make_simple(CALL_PORTAL_CREATE);
}

cap_t make_stopped_thread(cap_t space, unsigned cpu, unsigned priority, cap_t signal, uint64_t bits)
{
    cap_t slot = slot_new();
    assert_ok(BASE(CALL_THREAD_CREATE, CAP_SELF, slot, space, cpu, priority, signal, bits));
    return slot;
}

cap_t make_thread(cap_t space, unsigned cpu, unsigned priority)
{
    cap_t slot = make_stopped_thread(space, cpu, priority, 0, 0);
    assert_ok(BASE(CALL_THREAD_START, slot, THREAD_PC, 0x8000, 7));
    return slot;
}

cap_t make_foreign_thread(cap_t partition, unsigned cpu, unsigned priority)
{
    cap_t space = slot_new(), slot = slot_new();
    assert_ok(BASE(CALL_SPACE_CREATE, partition, space, SPACE_COMPONENT));
    assert_ok(BASE(CALL_THREAD_CREATE, partition, slot, space, cpu, priority));
    assert_ok(BASE(CALL_THREAD_START, slot, THREAD_PC, 0x8000, 7));
    return slot;
}

cap_t make_vm(cap_t *guest_space)
{
    cap_t slot = slot_new();
    *guest_space = make_space(SPACE_GUEST);
    assert_ok(BASE(CALL_VM_CREATE, CAP_SELF, slot, *guest_space));
    return slot;
}

cap_t make_vcpu(cap_t vm, unsigned index, cap_t monitor, uint64_t address)
{
    cap_t slot = slot_new();
    assert_ok(BASE(CALL_VCPU_CREATE, CAP_SELF, slot, vm, index, monitor, address));
    return slot;
}

status_t give(cap_t partition, cap_t to, cap_t from, unsigned rights)
{
    return BASE(CALL_CAP_DELEGATE, partition, to, from, rights);
}

/* --- behind slots ------------------------------------------------------------------------------------------------------------------ */

const struct cap *cap_at(cap_t slot)
{
    const struct cap *cap = cap_slot(machine.base, slot);
    assert_non_null(cap);
    return cap;
}

void *object_at(cap_t slot)
{
    return cap_at(slot)->object;
}

struct thread *thread_at(cap_t slot)
{
    return object_at(slot);
}

struct space *space_at(cap_t slot)
{
    return object_at(slot);
}

struct vcpu *vcpu_at(cap_t slot)
{
    return object_at(slot);
}

struct vm *vm_at(cap_t slot)
{
    return object_at(slot);
}

struct partition *partition_at(cap_t slot)
{
    return object_at(slot);
}

/* --- at the lower level ------------------------------------------------------------------------------------------------------------- */

static void fault_here(struct cpu *cpu, void *argument)
{
    thread_trap(cpu, FAULT_MEMORY, *(uint64_t *)argument, 0x92);
}

void machine_fault(unsigned cpu, uint64_t address)
{
    host_enter(cpu, fault_here, &address);
}

static struct vcpu *guest_of(const struct cpu *cpu)
{
    if (!cpu->current || !cpu->current->vcpu)
        host_fail("CPU %u runs no guest", cpu->index);
    return cpu->current->vcpu;
}

static void exit_here(struct cpu *cpu, void *argument)
{
    vcpu_exit(cpu, guest_of(cpu), *(unsigned *)argument);
}

void guest_exit(unsigned cpu, unsigned reason)
{
    host_enter(cpu, exit_here, &reason);
}

static void wait_here(struct cpu *cpu, void *argument)
{
    (void)argument;
    vcpu_wait(cpu, guest_of(cpu));
}

void guest_wait(unsigned cpu)
{
    host_enter(cpu, wait_here, NULL);
}

struct guest_call {
    unsigned number;
    uint64_t *registers;
    status_t status;
};

static void call_here(struct cpu *cpu, void *argument)
{
    struct guest_call *call = argument;
    guest_of(cpu);
    call->status = call_dispatch_guest(cpu, call->number, call->registers);
}

status_t guest_call(unsigned cpu, unsigned number, uint64_t *registers)
{
    struct guest_call call = {number, registers, STATUS_OK};
    host_enter(cpu, call_here, &call);
    return call.status;
}

struct ring {
    saddr_t address;
    bool rung;
};

static void ring_here(struct cpu *cpu, void *argument)
{
    struct ring *ring = argument;
    ring->rung = vm_ring(guest_of(cpu)->vm, ring->address);
}

bool guest_ring(unsigned cpu, uint64_t address)
{
    struct ring ring = {saddr(address), false};
    host_enter(cpu, ring_here, &ring);
    return ring.rung;
}
