/* The kernel beside its model: does each step to both, then looks whether they agree. This file knows the kernel's insides, to look at them. */
#include "check.h"
#include "machine.h"
#include "tag.h"

#include <string.h>

enum { ROOT = 0, WRITTEN_MAX = 512, MAPPED_MAX = 64 };
_Static_assert((int)M_IRQS == (int)ARCH_IRQS, "interrupts of the model");

bool check_over;
static uint64_t written[WRITTEN_MAX]; /* physical addresses */
static unsigned written_count;
static uint64_t mapped[MAPPED_MAX]; /* addresses where something was mapped lately */
static unsigned mapped_next, turn;  /* turn: counts comparisons, so that a replayed run looks at the same things */

/* --- the beginning: what root has -------------------------------------------------------------------------------------- */

static int order_of(size_t size)
{
    int order = M_ORDER_MIN;
    while (((size_t)1 << order) < size)
        order++;
    return order;
}

static void costs_set(void)
{
    int *thing = model.costs.thing;
    thing[CAP_SPACE_OBJECT] = order_of(sizeof(struct space));
    thing[CAP_THREAD_OBJECT] = order_of(sizeof(struct thread));
    thing[CAP_SIGNAL] = order_of(sizeof(struct signal));
    thing[CAP_PORTAL] = order_of(sizeof(struct portal));
    thing[CAP_VM] = order_of(sizeof(struct vm));
    model.costs.mapping = order_of(sizeof(struct mapping));
    model.costs.donation = sizeof(struct donation);
    model.costs.partition = sizeof(struct partition);
}

static void adopt_memory(struct m_partition *partition, const struct partition *kernel)
{
    partition->bytes = kernel->memory_bytes;
    for (int order = M_ORDER_MIN; order < M_ORDERS; order++) {
        for (void *block = kernel->free[order]; block; block = *(void **)block)
            partition->blocks[order]++;
    }
}

static struct m_thing *adopt_object(struct object *kernel, uint64_t slot)
{
    struct m_thing *thing = model.things;
    while (thing->used)
        thing++;
    model.things_end = m_thing_index(thing) + 1;
    *thing = (struct m_thing){.used = true, .type = kernel->type, .payer = ROOT, .order = kernel->order, .kernel = kernel};
    thing->address = ptr_to_phys(kernel).raw;
    thing->partition = thing->waiter = thing->server = thing->caller = thing->vm_space = NONE;
    thing->original = NONE;
    if (slot)
        m_thing_original(thing, ROOT, slot);
    return thing;
}

static void adopt_thread(int space)
{
    struct thread *kernel = cpus[0].current;
    struct m_thread *thread = &adopt_object(&kernel->object, CAP_THREAD)->thread;
    thread->partition = ROOT;
    thread->space = space;
    thread->base = thread->priority = kernel->priority;
    thread->state = M_READY;
    thread->serving = thread->supervisor = thread->wait_thing = thread->page = NONE;
    thread->pc = kernel->arch.pc;
    thread->sp = kernel->arch.sp;
    memcpy(thread->registers, kernel->arch.registers, sizeof thread->registers);
}

static void adopt_mapping(enum m_kind kind, int space, uint64_t address, uint64_t size, unsigned access)
{
    struct m_node *node = m_node_new(kind, NONE);
    struct table_leaf leaf = table_find(&cpus[0].current->space.space->table, saddr(address));
    node->space = space;
    node->address = address;
    node->size = size;
    node->base = arch_space_format.entry_address(*leaf.entry).raw;
    node->access = access;
}

static void adopt_space(int *index)
{
    struct space *kernel = cpus[0].current->space.space;
    *index = m_thing_index(adopt_object(&kernel->object, CAP_SPACE));
    adopt_mapping(M_FIXED, *index, BOOTINFO_ADDRESS, PAGE_SIZE, RIGHT_READ);
    m_thing(*index)->tables_kept = m_tables(*index) - 1;
    for (struct link *l = kernel->mappings; l; l = l->next) {
        const struct mapping *m = CONTAINER_OF(l, struct mapping, link);
        adopt_mapping(M_MAPPING, *index, m->address.raw, m->node.size, m->node.parent->rights);
    }
    m_thing(*index)->tables = m_tables(*index);
}

/* Root's capabilities without an object. */
static void adopt_caps(void)
{
    for (unsigned slot = 1; slot < 2 * CAP_FIRST_FREE + BOOTINFO_EXTENTS; slot++) {
        const struct cap *cap = cap_slot(machine.root, slot);
        model.partitions[ROOT].pages[slot / M_SLOTS_PER_PAGE] |= cap != NULL;
        if (!cap || cap->type == CAP_NONE || m_slot(ROOT, slot))
            continue;
        struct m_node *node = m_cap_new(ROOT, slot, cap->type, NONE);
        node->rights = cap->rights;
        node->size = cap->size;
        node->device = cap->flags & CAP_FLAG_DEVICE;
        node->guest_only = cap->flags & CAP_FLAG_GUEST;
        if (cap->type == CAP_PARTITION)
            node->thing = model.partitions[ROOT].thing;
        else
            node->base = cap->base;
    }
}

void check_boot(void)
{
    int space;
    machine_boot();
    memset(&model, 0, sizeof model);
    written_count = mapped_next = turn = 0;
    memset(mapped, 0, sizeof mapped);
    check_over = false;
    costs_set();
    model.now = host_counter;
    model.ram = HOST_RAM;
    model.system_bytes = platform.image.size + arch_kernel_area_tables();
    for (unsigned i = 0; i < M_IRQS; i++)
        model.irqs[i].signal = NONE;
    struct m_partition *root = &model.partitions[ROOT];
    *root = (struct m_partition){.used = true, .cpus = machine.root->cpus, .priority = machine.root->priority};
    memset(root->table, 0xff, sizeof root->table);
    root->thing = m_thing_index(adopt_object(&machine.root->object, 0));
    m_thing(root->thing)->partition = ROOT;
    adopt_memory(root, machine.root);
    struct m_node *memory = m_node_new(M_DONATION, NONE);
    memory->base = machine.root->donations->node.base;
    memory->size = machine.root->donations->node.size;
    memory->partition = ROOT;
    adopt_space(&space);
    adopt_thread(space);
    adopt_caps();
    for (unsigned i = 0; i < M_CPUS; i++)
        model.cpus[i] = (struct m_cpu){i ? NONE : m_pick(0), M_NEVER, model.now};
}

/* --- comparing: capabilities, memory ---------------------------------------------------------------------------------------- */

static const struct partition *kernel_partition(int index)
{
    return m_thing(model.partitions[index].thing)->kernel;
}

static void compare_cap(int partition, unsigned slot, const struct cap *cap)
{
    const struct m_node *node = m_slot(partition, slot);
    if ((cap->type == CAP_NONE) != !node)
        differs("slot %u of partition %d: kernel has type %u, model %u", slot, partition, cap->type, node ? node->type : 0);
    if (!node)
        return;
    if (cap->type != node->type || cap->rights != node->rights || cap->size != node->size || cap->holder != kernel_partition(partition))
        differs("slot %u of partition %d: kernel: type %u rights %x size %lx; model: type %u rights %x size %lx", slot, partition, cap->type,
                cap->rights, (unsigned long)cap->size, node->type, node->rights, (unsigned long)node->size);
    if (node->thing == NONE ? cap->base != node->base : cap->object != m_thing(node->thing)->kernel)
        differs("slot %u of partition %d: another object or base than the model's (thing %d, base %lx)", slot, partition, node->thing,
                (unsigned long)node->base);
}

static void compare_partition(int index)
{
    const struct partition *kernel = kernel_partition(index);
    const struct m_partition *partition = &model.partitions[index];
    for (unsigned page = 0; page < CAP_PAGES; page++) {
        if (!kernel->table[page] != !partition->pages[page])
            differs("partition %d: page %u of its table is %s", index, page, kernel->table[page] ? "there" : "missing");
        for (unsigned i = 0; kernel->table[page] && i < CAPS_PER_PAGE; i++)
            compare_cap(index, page * CAPS_PER_PAGE + i, &kernel->table[page][i]);
    }
    if (kernel->memory_bytes != partition->bytes || kernel->free_bytes != m_free_bytes(index))
        differs("partition %d: kernel memory %lu, free %lu; model: %lu, %lu", index, (unsigned long)kernel->memory_bytes,
                (unsigned long)kernel->free_bytes, (unsigned long)partition->bytes, (unsigned long)m_free_bytes(index));
    if (kernel->cpus != partition->cpus || kernel->priority != partition->priority)
        differs("partition %d: other CPUs or priority", index);
}

/* --- comparing: what is mapped where ------------------------------------------------------------------------------------------ */

static void compare_leaf(int index, uint64_t address, uint64_t size, uint64_t physical)
{
    uint64_t expected = 0;
    unsigned access = 0;
    bool device = false;
    uint64_t found = m_leaf(index, address, &expected, &access, &device);
    if (found != size || expected != physical)
        differs("space %d: %lx bytes at %lx lead to %lx; model: %lx bytes to %lx", index, (unsigned long)size, (unsigned long)address,
                (unsigned long)physical, (unsigned long)found, (unsigned long)expected);
}

/* All that a table maps; returns how many bytes. */
static uint64_t compare_table(int index, const uint64_t *table, unsigned level, uint64_t base)
{
    uint64_t bytes = 0, span = UINT64_C(1) << arch_space_format.shift[level];
    for (unsigned i = 0; i < PAGE_SIZE / sizeof *table; i++) {
        uint64_t address = base + i * span;
        if (!table[i])
            continue;
        paddr_t leads_to = arch_space_format.entry_address(table[i]);
        if (arch_space_format.is_table(level, table[i])) {
            bytes += compare_table(index, phys_to_ptr(leads_to), level + 1, address);
        } else {
            compare_leaf(index, address, span, leads_to.raw);
            bytes += span;
        }
    }
    return bytes;
}

static void compare_space(int index)
{
    const struct space *space = m_thing(index)->kernel;
    uint64_t expected = 0;
    for (int i = 0; i < model.nodes_end; i++) {
        const struct m_node *node = &model.nodes[i];
        if ((node->kind == M_MAPPING || node->kind == M_FIXED) && node->space == index)
            expected += node->size;
    }
    uint64_t bytes = compare_table(index, space->table.root, 0, 0);
    if (bytes != expected)
        differs("space %d: %lx bytes are mapped; model: %lx", index, (unsigned long)bytes, (unsigned long)expected);
}

/* As hardware sees it, with a TLB that forgets only what it is told to. */
static void compare_access(int index, uint64_t address)
{
    uint64_t physical = UINT64_MAX;
    unsigned access = 0;
    bool device, there = m_leaf(index, address, &physical, &access, &device);
    for (unsigned right = RIGHT_READ; right <= RIGHT_EXECUTE; right <<= 1) {
        uint64_t expected = there && access & right ? physical : UINT64_MAX;
        uint64_t found = host_translate(m_thing(index)->kernel, address, right);
        if (found != expected)
            differs("space %d: access %u at %lx reaches %lx; model: %lx", index, right, (unsigned long)address, (unsigned long)found,
                    (unsigned long)expected);
    }
}

static void compare_memory(void)
{
    for (unsigned i = 0; i < written_count; i++) {
        uint64_t found = *(const uint64_t *)host_memory(written[i]), expected = model.content[(written[i] - HOST_RAM) / PAGE_SIZE];
        if (found != expected)
            differs("memory at %lx holds %lx; model: %lx", (unsigned long)written[i], (unsigned long)found, (unsigned long)expected);
    }
}

/* --- comparing: who runs, who waits ----------------------------------------------------------------------------------------------- */

static void compare_thread(int index)
{
    static const unsigned states[] = {THREAD_STOPPED, THREAD_READY, THREAD_WAITING, THREAD_FAULTED};
    static const unsigned waits[] = {WAIT_NONE, WAIT_SIGNAL, WAIT_PORTAL_CALL, WAIT_PORTAL_SERVE};
    const struct m_thread *t = &m_thing(index)->thread;
    const struct thread *kernel = m_thing(index)->kernel;
    if (kernel->state != states[t->state] || kernel->waiting != waits[t->wait])
        differs("thread %d: kernel: state %u waits %u; model: state %u waits %u", index, kernel->state, kernel->waiting, t->state, t->wait);
    if (kernel->priority != t->priority || kernel->base_priority != t->base || kernel->cpu != t->cpu)
        differs("thread %d: priority %u (%u) on CPU %u; model: %u (%u) on CPU %u", index, kernel->priority, kernel->base_priority, kernel->cpu,
                t->priority, t->base, t->cpu);
    if (t->state == M_WAITING && (kernel->timer_queued != (t->deadline != M_NEVER) || (kernel->timer_queued && kernel->deadline != t->deadline)))
        differs("thread %d waits with another deadline than %lx", index, (unsigned long)t->deadline);
    if (t->has_page ? !kernel->batch || memcmp(kernel->batch, t->batch, sizeof t->batch) : kernel->batch != NULL)
        differs("thread %d has other calls in its page, or none", index);
    bool live = t->state == M_READY || t->state == M_WAITING;
    for (unsigned i = 0; live && i < M_REGISTERS; i++) {
        if (kernel->arch.registers[i] != t->registers[i])
            differs("thread %d: register %u is %lx; model: %lx", index, i, (unsigned long)kernel->arch.registers[i], (unsigned long)t->registers[i]);
    }
    if (model.cpus[t->cpu].running != index && kernel->ticks != t->ticks)
        differs("thread %d ran %lu ticks; model: %lu", index, (unsigned long)kernel->ticks, (unsigned long)t->ticks);
}

static int thing_of(const void *kernel)
{
    for (int i = 0; kernel && i < model.things_end; i++) {
        if (model.things[i].used && model.things[i].kernel == kernel)
            return i;
    }
    return NONE;
}

static const struct thread *next_in_queue(const struct thread *thread, const struct thread *first)
{
    return thread->ready_next == first ? NULL : thread->ready_next;
}

/* Of one ready queue: the order of the model; where a removal woke many, the kernel's, which the model takes over. */
static unsigned compare_queue(const struct thread *first, unsigned cpu)
{
    unsigned count = 0;
    int64_t before = INT64_MIN;
    for (const struct thread *thread = first; thread; thread = next_in_queue(thread, first), count++) {
        int index = thing_of(thread);
        if (index == NONE)
            differs("CPU %u: a thread is ready that the model does not know", cpu);
        struct m_thread *t = &m_thing(index)->thread;
        if (t->state != M_READY || t->cpu != cpu)
            differs("thread %d is ready on CPU %u; model: state %u on CPU %u", index, cpu, t->state, t->cpu);
        if (t->place < before && !(model.removal && t->moved))
            differs("CPU %u: thread %d is not in its turn", cpu, index);
        if (!(model.removal && t->moved))
            before = t->place;
    }
    if (model.removal) {
        for (const struct thread *thread = first; thread; thread = next_in_queue(thread, first)) {
            m_thing(thing_of(thread))->thread.place = ++model.back;
            m_thing(thing_of(thread))->thread.slice_end = thread->slice_end;
        }
    }
    return count;
}

static void compare_queues(unsigned cpu)
{
    unsigned ready = 0, expected = 0;
    for (unsigned p = 0; p < PRIORITIES; p++)
        ready += cpus[cpu].scheduler.ready >> p & 1 ? compare_queue(cpus[cpu].scheduler.queue[p], cpu) : 0;
    for (int i = 0; i < model.things_end; i++) {
        const struct m_thing *thing = &model.things[i];
        expected += thing->used && thing->type == CAP_THREAD_OBJECT && thing->thread.state == M_READY && thing->thread.cpu == cpu;
    }
    if (ready != expected)
        differs("CPU %u: %u threads are ready; model: %u", cpu, ready, expected);
}

static void compare_cpu(unsigned cpu)
{
    struct m_cpu *m = &model.cpus[cpu];
    if (thing_of(cpus[cpu].current) != m->running)
        differs("CPU %u runs thread %d; model: %d", cpu, thing_of(cpus[cpu].current), m->running);
    /* Within a removal the CPU may have run somebody else for a moment, who had equals then: a slice has begun. */
    if (model.removal && m->slice_end != M_NEVER && cpus[cpu].slice_end <= model.now + M_SLICE)
        m->slice_end = m_thing(m->running)->thread.slice_end = cpus[cpu].slice_end;
    if (cpus[cpu].slice_end != m->slice_end)
        differs("CPU %u: slice ends at %lx; model: %lx", cpu, (unsigned long)cpus[cpu].slice_end, (unsigned long)m->slice_end);
}

/* A switch within a removal moves the running thread's account forward; both agree again from here. */
static void settle_ticks(unsigned cpu)
{
    struct m_cpu *m = &model.cpus[cpu];
    if (!model.removal || m->running == NONE || cpus[cpu].switched_at != model.now)
        return;
    m_thing(m->running)->thread.ticks += model.now - m->switched_at;
    m->switched_at = model.now;
}

static void compare_all(void)
{
    for (unsigned i = 0; i < M_CPUS; i++) {
        compare_queues(i);
    }
    m_reschedule();
    for (unsigned i = 0; i < M_CPUS; i++) {
        compare_cpu(i);
        settle_ticks(i);
    }
    for (int i = 0; i < M_PARTITIONS; i++) {
        if (model.partitions[i].used)
            compare_partition(i);
    }
    for (int i = 0; i < model.things_end; i++) {
        if (model.things[i].used && model.things[i].type == CAP_THREAD_OBJECT)
            compare_thread(i);
    }
    for (unsigned i = 0; i < M_IRQS; i++) {
        if (host.interrupts[i].enabled != model.irqs[i].enabled || host.interrupts[i].active != model.irqs[i].active)
            differs("interrupt %u: enabled %d active %d; model: %d %d", i, host.interrupts[i].enabled, host.interrupts[i].active,
                    model.irqs[i].enabled, model.irqs[i].active);
    }
    compare_memory();
}

/* Whole spaces only where something changed, and another one now and then. */
static void compare_spaces(bool all)
{
    turn++;
    for (int i = 0; i < model.things_end; i++) {
        if (!model.things[i].used || model.things[i].type != CAP_SPACE_OBJECT)
            continue;
        if (all || (unsigned)i % 8 == turn % 8)
            compare_space(i);
        if ((unsigned)i % 2 == turn % 2)
            compare_access(i, mapped[turn * 7 % MAPPED_MAX] + turn * 13 % 64 * PAGE_SIZE);
    }
}

/* --- steps --------------------------------------------------------------------------------------------------------------------------- */

static void dispatch(struct cpu *cpu, void *argument)
{
    (void)argument;
    host_call(cpu);
}

/* Of several reasons not to map, any will do. */
static void take_reason(struct m_thread *t, const struct thread *kernel)
{
    status_t status = (status_t)kernel->arch.registers[0];
    if ((status == STATUS_LIMIT && model.map_limit) || (status == STATUS_EXISTS && model.map_exists) || (status == STATUS_MEMORY && model.map_memory))
        t->registers[0] = kernel->arch.registers[0];
}

struct priority {
    struct thread *thread;
    unsigned value;
};

static void priority_set(struct cpu *cpu, void *argument)
{
    const struct priority *priority = argument;
    thread_set_priority(cpu, priority->thread, priority->value);
    cpu->scheduler.policy->dequeue(&cpu->scheduler, priority->thread);
    cpu->scheduler.policy->enqueue(&cpu->scheduler, priority->thread, true); /* who woke up may be as urgent as can be */
}

/*
 * Until it is done. To the model a call is one step; if between two steps of the kernel's somebody more urgent wakes up on the CPU, the caller is
 * made more urgent still, until it has finished.
 */
static void kernel_call(unsigned cpu, bool ends_itself)
{
    struct thread *thread = cpus[cpu].current;
    struct priority own = {thread, PRIORITIES}, highest = {thread, PRIORITIES - 1};
    for (;;) {
        thread->arch.repeat = false;
        host_enter(cpu, dispatch, NULL);
        if (ends_itself || !thread->arch.repeat)
            break;
        if (cpus[cpu].current == thread)
            continue;
        own.value = thread->priority;
        host_enter(cpu, priority_set, &highest);
        if (cpus[cpu].current != thread)
            differs("a call that is to be repeated lost its CPU");
    }
    if (own.value != PRIORITIES && !ends_itself && thread->priority == PRIORITIES - 1)
        host_enter(cpu, priority_set, &own);
}

/*
 * What is the kernel's to say: of CALL_THREAD_STATS the ticks, which are compared with each thread's, and how often it was switched to, as the kernel
 * may do within a call; of CALL_SYSTEM_STATS the tags given out.
 */
static void take_statistics(struct m_thread *t, const struct thread *kernel, uint64_t number)
{
    if (number == CALL_SYSTEM_STATS)
        t->registers[6] = kernel->arch.registers[6];
    if (number != CALL_THREAD_STATS)
        return;
    t->registers[1] = kernel->arch.registers[1];
    t->registers[2] = kernel->arch.registers[2];
}

static void kernel_of_made(void)
{
    const struct m_node *original = model.made == NONE ? NULL : m_node(m_thing(model.made)->original);
    if (!original)
        return;
    const struct cap *cap = cap_slot(kernel_partition(original->holder), original->slot);
    if (!cap || cap->type != original->type)
        differs("the model made a thing of type %u, the kernel none", original->type);
    m_thing(model.made)->kernel = cap->object;
    m_thing(model.made)->address = ptr_to_phys(cap->object).raw;
}

/* Where the kernel put it. */
static void page_found(int index)
{
    const struct thread *kernel = m_thing(index)->kernel;
    if (!kernel->batch)
        differs("thread %d has no page of calls", index);
    m_node(m_thing(index)->thread.page)->base = ptr_to_phys(kernel->batch).raw;
}

static bool step_call(const struct step *step)
{
    bool itself, ends = false;
    int thread = model.cpus[step->cpu].running;
    if (thread == NONE || !m_knows(step->word[0]))
        return false;
    struct m_thread *t = &m_thing(thread)->thread;
    struct thread *kernel = m_thing(thread)->kernel;
    if (step->word[0] == CALL_SPACE_MAP)
        mapped[mapped_next++ % MAPPED_MAX] = step->word[3] & ((UINT64_C(1) << (SPACE_BITS - 1)) - PAGE_SIZE);
    memcpy(t->registers, step->word, sizeof t->registers);
    memcpy(kernel->arch.registers, step->word, sizeof kernel->arch.registers);
    struct m_node *node = m_removal_of(step->cpu, t->registers, &itself);
    if (node) {
        m_doom(node, itself);
        ends = m_doomed_thread(thread);
        m_spare();
    }
    kernel_call(step->cpu, ends);
    check_over = ends;
    if (ends)
        return true;
    status_t status = m_call(step->cpu);
    if (status == STATUS_OK && step->word[0] == CALL_MULTICALL_PAGE)
        page_found(m_find(t->partition, step->word[1], CAP_THREAD_OBJECT, RIGHT_CONTROL, &status)->thing);
    if (status == STATUS_OK)
        take_statistics(t, kernel, step->word[0]);
    take_reason(t, kernel);
    kernel_of_made();
    return true;
}

static bool step_fault(const struct step *step)
{
    int thread = model.cpus[step->cpu].running;
    if (thread == NONE)
        return false;
    machine_fault(step->cpu, step->word[0]);
    m_fault(thread, FAULT_MEMORY, step->word[0], 0x92);
    return true;
}

static bool step_time(const struct step *step)
{
    model.now += step->word[0];
    host_advance(model.now);
    m_time();
    return true;
}

static bool step_irq(const struct step *step)
{
    bool taken = host_interrupt_raise((unsigned)step->word[0]), expected = m_irq((unsigned)step->word[0]);
    if (taken != expected)
        differs("interrupt %lu is %staken", (unsigned long)step->word[0], taken ? "" : "not ");
    return true;
}

static bool is_page_of_calls(uint64_t physical)
{
    bool found = false;
    for (int i = 0; i < model.nodes_end; i++)
        found |= model.nodes[i].kind == M_FIXED && model.nodes[i].base == physical;
    return found;
}

/* The running thread stores a word. */
static bool step_write(const struct step *step)
{
    uint64_t physical = 0;
    unsigned access = 0;
    bool device;
    int thread = model.cpus[step->cpu].running;
    uint64_t address = step->word[0] & ~(uint64_t)(PAGE_SIZE - 1);
    int space = thread == NONE ? NONE : m_thing(thread)->thread.space;
    if (space == NONE || !m_leaf(space, address, &physical, &access, &device) || device || !(access & RIGHT_WRITE) || written_count == WRITTEN_MAX)
        return false;
    if (physical < HOST_RAM || is_page_of_calls(physical))
        return false;
    uint64_t reached = host_translate(m_thing(space)->kernel, address, RIGHT_WRITE);
    if (reached != physical)
        differs("a store to %lx of space %d reaches %lx; model: %lx", (unsigned long)address, space, (unsigned long)reached, (unsigned long)physical);
    *(uint64_t *)host_memory(physical) = model.content[(physical - HOST_RAM) / PAGE_SIZE] = step->word[1];
    written[written_count++] = physical;
    return true;
}

/* The running thread writes a call into its page. */
static bool step_batch(const struct step *step)
{
    int thread = model.cpus[step->cpu].running;
    if (thread == NONE || !m_thing(thread)->thread.has_page)
        return false;
    uint64_t at = step->word[0] % (M_BATCH / MULTICALL_WORDS) * MULTICALL_WORDS;
    memcpy(&m_thing(thread)->thread.batch[at], &step->word[1], MULTICALL_WORDS * sizeof step->word[1]);
    memcpy(&((struct thread *)m_thing(thread)->kernel)->batch[at], &step->word[1], MULTICALL_WORDS * sizeof step->word[1]);
    return true;
}

static bool changes_mappings(const struct step *step)
{
    return step->kind == STEP_CALL && (step->word[0] == CALL_SPACE_MAP || step->word[0] == CALL_MULTICALL_PAGE || model.removal);
}

bool check_step(const struct step *step)
{
    static bool (*const kinds[])(const struct step *) = {step_call, step_fault, step_time, step_irq, step_write, step_batch};
    model.removal = false;
    if (!kinds[step->kind](step))
        return false;
    if (check_over)
        return true;
    compare_all();
    bool all = changes_mappings(step);
    /* Deadlines that have passed already: their interrupt comes at once. */
    model.removal = false;
    host_advance(model.now);
    m_time();
    compare_all();
    compare_spaces(all);
    return true;
}

void check_end(void)
{
    machine_teardown(NULL);
}
