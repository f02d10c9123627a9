/* The calls, one by one, as <bulkhead/call.h> describes them. */
#include "model.h"

#include <string.h>

typedef status_t m_function(int self, int thread, uint64_t *r);

static int thing_of(int self, uint64_t slot, unsigned type, unsigned rights, status_t *status)
{
    const struct m_node *node = m_find(self, slot, type, rights, status);
    return node ? node->thing : NONE;
}

/* A signal that may be absent, and those of the bits that it may raise. */
static bool optional_signal(int self, uint64_t slot, int *signal, uint64_t *bits, status_t *status)
{
    *signal = NONE;
    *status = STATUS_OK;
    if (!slot)
        return true;
    const struct m_node *node = m_find(self, slot, CAP_SIGNAL, RIGHT_RAISE, status);
    if (!node)
        return false;
    *signal = node->thing;
    *bits &= node->size;
    return true;
}

/* Who pays for a new object, if there is a slot for it. */
static int maker(int self, const uint64_t *r, status_t *status)
{
    const struct m_node *node = m_find(self, r[1], CAP_PARTITION, RIGHT_CREATE, status);
    return node && m_slot_free(self, r[2], status) ? m_thing(node->thing)->partition : NONE;
}

static status_t call_null(int self, int thread, uint64_t *r)
{
    (void)self, (void)thread, (void)r;
    return STATUS_OK;
}

/* --- capabilities --------------------------------------------------------------------------------------------------- */

static status_t call_delegate(int self, int thread, uint64_t *r)
{
    (void)thread;
    return m_delegate(self, r);
}

static status_t remove_node(struct m_node *node, bool itself, int thread)
{
    if (!node)
        return STATUS_CAP;
    m_doom(node, itself);
    bool gone = m_doomed_thread(thread);
    m_remove_doomed();
    return gone ? M_PENDING : STATUS_OK;
}

static bool is_own_partition(int self, const struct m_node *node)
{
    return node && node->type == CAP_PARTITION && m_thing(node->thing)->partition == self && !node->original && node->parent == NONE;
}

static status_t call_delete(int self, int thread, uint64_t *r)
{
    struct m_node *node = m_slot(self, r[1]);
    return is_own_partition(self, node) ? STATUS_STATE : remove_node(node, true, thread);
}

static status_t call_revoke(int self, int thread, uint64_t *r)
{
    return remove_node(m_slot(self, r[1]), false, thread);
}

struct m_node *m_removal_of(unsigned cpu, const uint64_t *registers, bool *itself)
{
    int thread = model.cpus[cpu].running;
    *itself = registers[0] == CALL_CAP_DELETE;
    if (registers[0] != CALL_CAP_DELETE && registers[0] != CALL_CAP_REVOKE)
        return NULL;
    int self = m_thing(thread)->thread.partition;
    struct m_node *node = m_slot(self, registers[1]);
    return *itself && is_own_partition(self, node) ? NULL : node;
}

static bool is_range(const struct m_node *node)
{
    return node->type == CAP_EXTENT || node->type == CAP_IRQ;
}

static status_t call_identify(int self, int thread, uint64_t *r)
{
    const struct m_node *node = m_slot(self, r[1]);
    (void)thread;
    if (!node)
        return STATUS_CAP;
    r[1] = node->type | node->rights << 8;
    r[2] = is_range(node) ? node->base : 0;
    r[3] = node->size;
    return STATUS_OK;
}

/* --- partitions and spaces -------------------------------------------------------------------------------------------- */

static status_t call_partition_create(int self, int thread, uint64_t *r)
{
    (void)thread;
    return m_partition_create(self, r);
}

static status_t call_partition_feed(int self, int thread, uint64_t *r)
{
    (void)thread;
    return m_partition_feed(self, r);
}

static status_t call_partition_stats(int self, int thread, uint64_t *r)
{
    status_t status;
    int thing = thing_of(self, r[1], CAP_PARTITION, RIGHT_OBSERVE, &status);
    (void)thread;
    if (thing == NONE)
        return status;
    r[1] = model.partitions[m_thing(thing)->partition].bytes;
    r[2] = m_free_bytes(m_thing(thing)->partition);
    return STATUS_OK;
}

static status_t call_partition_cap(int self, int thread, uint64_t *r)
{
    status_t status;
    int thing = thing_of(self, r[1], CAP_PARTITION, RIGHT_OBSERVE, &status);
    const struct m_node *node = thing == NONE ? NULL : m_slot(m_thing(thing)->partition, r[2]);
    (void)thread;
    if (!node)
        return thing == NONE ? status : STATUS_CAP;
    r[1] = node->type | node->rights << 8;
    r[2] = is_range(node) ? node->base : node->thing == NONE ? 0 : m_thing(node->thing)->address;
    r[3] = node->size;
    return STATUS_OK;
}

static status_t call_space_create(int self, int thread, uint64_t *r)
{
    (void)thread;
    return m_space_create(self, r);
}

static status_t call_space_map(int self, int thread, uint64_t *r)
{
    (void)thread;
    return m_space_map(self, r);
}

static status_t call_space_unmap(int self, int thread, uint64_t *r)
{
    (void)thread;
    return m_space_unmap(self, r);
}

/* --- threads ------------------------------------------------------------------------------------------------------------ */

static unsigned threads_of(int partition)
{
    unsigned count = 0;
    for (int i = 0; i < model.things_end; i++)
        count += model.things[i].used && model.things[i].type == CAP_THREAD_OBJECT && model.things[i].payer == partition;
    return count;
}

static status_t call_thread_create(int self, int thread, uint64_t *r)
{
    status_t status;
    int signal, payer = maker(self, r, &status);
    uint64_t bits = r[7];
    (void)thread;
    int space = payer == NONE ? NONE : thing_of(self, r[3], CAP_SPACE_OBJECT, RIGHT_USE, &status);
    if (space == NONE || !optional_signal(self, r[6], &signal, &bits, &status))
        return status;
    if (r[4] >= 8 || !(model.partitions[payer].cpus >> r[4] & 1))
        return STATUS_CPU;
    if (r[5] > model.partitions[payer].priority)
        return STATUS_RANGE;
    if (m_thing(space)->space_kind != SPACE_COMPONENT)
        return STATUS_STATE;
    if (threads_of(payer) == PARTITION_THREADS)
        return STATUS_LIMIT;
    struct m_thing *made = m_thing_new(payer, CAP_THREAD_OBJECT, &status);
    if (!made)
        return status;
    made->thread = (struct m_thread){.partition = payer,
                                     .space = space,
                                     .cpu = (unsigned)r[4],
                                     .base = (unsigned)r[5],
                                     .priority = (unsigned)r[5],
                                     .serving = NONE,
                                     .wait_thing = NONE,
                                     .page = NONE,
                                     .supervisor = signal,
                                     .supervisor_bits = bits};
    m_thing_original(made, self, r[2]);
    return STATUS_OK;
}

static status_t call_thread_start(int self, int thread, uint64_t *r)
{
    status_t status;
    int found = thing_of(self, r[1], CAP_THREAD_OBJECT, RIGHT_CONTROL, &status);
    (void)thread;
    if (found == NONE)
        return status;
    struct m_thread *t = &m_thing(found)->thread;
    if (t->state != M_STOPPED && t->state != M_FAULTED)
        return STATUS_STATE;
    if (t->space == NONE)
        return STATUS_DEAD;
    t->pc = r[2];
    t->sp = r[3];
    t->registers[0] = r[4];
    for (unsigned i = 1; i < M_REGISTERS; i++)
        t->registers[i] = 0;
    t->fault[0] = FAULT_NONE;
    m_ready(found);
    return STATUS_OK;
}

static status_t call_thread_stop(int self, int thread, uint64_t *r)
{
    status_t status;
    int found = thing_of(self, r[1], CAP_THREAD_OBJECT, RIGHT_CONTROL, &status);
    if (found == NONE)
        return status;
    m_stop(found);
    model.removal = true; /* first the thread stops, then its callers learn of it */
    return found == thread ? M_PENDING : STATUS_OK;
}

static status_t call_thread_fault(int self, int thread, uint64_t *r)
{
    status_t status;
    int found = thing_of(self, r[1], CAP_THREAD_OBJECT, RIGHT_OBSERVE, &status);
    (void)thread;
    for (unsigned i = 0; found != NONE && i < 6; i++)
        r[1 + i] = m_thing(found)->thread.fault[i];
    return found == NONE ? status : STATUS_OK;
}

/* How often it was switched to is not the model's to say: the kernel may switch within a call. Nor do its ticks include what it runs now. */
static status_t call_thread_stats(int self, int thread, uint64_t *r)
{
    static const uint64_t codes[] = {THREAD_CODE_STOPPED, THREAD_CODE_READY, THREAD_CODE_WAITING, THREAD_CODE_FAULTED};
    status_t status;
    int found = thing_of(self, r[1], CAP_THREAD_OBJECT, RIGHT_OBSERVE, &status);
    (void)thread;
    if (found == NONE)
        return status;
    r[1] = m_thing(found)->thread.ticks;
    r[2] = 0;
    r[3] = codes[m_thing(found)->thread.state];
    return STATUS_OK;
}

static status_t call_thread_yield(int self, int thread, uint64_t *r)
{
    (void)self, (void)r;
    m_yield(thread);
    return STATUS_OK;
}

static status_t call_thread_exit(int self, int thread, uint64_t *r)
{
    (void)self;
    m_fault(thread, FAULT_EXIT, r[1], 0);
    return M_PENDING;
}

static status_t call_multicall_page(int self, int thread, uint64_t *r)
{
    status_t status;
    int found = thing_of(self, r[1], CAP_THREAD_OBJECT, RIGHT_CONTROL, &status);
    int space = found == NONE ? NONE : thing_of(self, r[2], CAP_SPACE_OBJECT, RIGHT_MAP, &status);
    (void)thread;
    if (space == NONE)
        return status;
    struct m_thread *t = &m_thing(found)->thread;
    if (t->space != space)
        return STATUS_STATE;
    if (t->has_page)
        return STATUS_EXISTS;
    t->page = m_map_page(space, m_thing(found)->payer, r[3], &status);
    t->has_page = t->page != NONE;
    memset(t->batch, 0, sizeof t->batch);
    return status;
}

/* --- signals, portals ------------------------------------------------------------------------------------------------------ */

static status_t make_simple(int self, const uint64_t *r, unsigned type)
{
    status_t status;
    int payer = maker(self, r, &status);
    struct m_thing *made = payer == NONE ? NULL : m_thing_new(payer, type, &status);
    if (made)
        m_thing_original(made, self, r[2]);
    return status;
}

static status_t call_signal_create(int self, int thread, uint64_t *r)
{
    (void)thread;
    return make_simple(self, r, CAP_SIGNAL);
}

static status_t call_signal_raise(int self, int thread, uint64_t *r)
{
    status_t status;
    const struct m_node *node = m_find(self, r[1], CAP_SIGNAL, RIGHT_RAISE, &status);
    (void)thread;
    if (node)
        m_signal_raise(node->thing, r[2] & node->size);
    return status;
}

static status_t call_signal_wait(int self, int thread, uint64_t *r)
{
    status_t status;
    const struct m_node *node = m_find(self, r[1], CAP_SIGNAL, RIGHT_WAIT, &status);
    return node ? m_signal_wait(thread, node->thing, r[2], r[3]) : status;
}

static status_t call_portal_create(int self, int thread, uint64_t *r)
{
    (void)thread;
    return make_simple(self, r, CAP_PORTAL);
}

static status_t call_portal_call(int self, int thread, uint64_t *r)
{
    status_t status;
    const struct m_node *node = m_find(self, r[1], CAP_PORTAL, RIGHT_CALL, &status);
    return node ? m_portal_call(thread, node->thing, node->size, r[6]) : status;
}

static status_t call_portal_wait(int self, int thread, uint64_t *r)
{
    status_t status;
    const struct m_node *node = m_find(self, r[1], CAP_PORTAL, RIGHT_SERVE, &status);
    return node ? m_portal_wait(thread, node->thing, r[6]) : status;
}

/* --- interrupts --------------------------------------------------------------------------------------------------------------- */

static struct m_irq *find_irq(int self, const uint64_t *r, int *by, status_t *status)
{
    const struct m_node *node = m_find(self, r[1], CAP_IRQ, RIGHT_BIND, status);
    if (!node)
        return NULL;
    bool inside = r[2] >= node->base && r[2] < node->base + node->size;
    *by = m_node_index(node);
    *status = inside ? STATUS_OK : STATUS_RANGE;
    return inside ? &model.irqs[r[2]] : NULL;
}

static unsigned irqs_bound(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < M_IRQS; i++)
        count += model.irqs[i].signal != NONE;
    return count;
}

static unsigned irqs_awake(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < M_IRQS; i++)
        count += model.irqs[i].enabled || model.irqs[i].active;
    return count;
}

static status_t call_irq_bind(int self, int thread, uint64_t *r)
{
    status_t status;
    int signal, by;
    uint64_t bits = r[4];
    struct m_irq *irq = find_irq(self, r, &by, &status);
    (void)thread;
    if (!irq || !optional_signal(self, r[3], &signal, &bits, &status))
        return status;
    if (r[5] > IRQ_EDGE)
        return STATUS_ARGUMENT;
    if (signal != NONE && irq->signal != NONE)
        return STATUS_BUSY;
    if (signal != NONE && irqs_bound() == M_IRQS_BOUND)
        return STATUS_LIMIT;
    *irq = (struct m_irq){signal != NONE, false, signal, by, bits};
    return STATUS_OK;
}

static status_t call_irq_ack(int self, int thread, uint64_t *r)
{
    status_t status;
    int by;
    struct m_irq *irq = find_irq(self, r, &by, &status);
    (void)thread;
    if (!irq)
        return status;
    if (irq->signal == NONE)
        return STATUS_STATE;
    irq->active = false;
    return STATUS_OK;
}

bool m_irq(unsigned number)
{
    struct m_irq *irq = &model.irqs[number];
    if (!irq->enabled || irq->active)
        return false;
    irq->active = true;
    m_signal_raise(irq->signal, irq->bits);
    return true;
}

/* --- VMs, the system ---------------------------------------------------------------------------------------------------------------- */

static status_t call_vm_create(int self, int thread, uint64_t *r)
{
    status_t status;
    int payer = maker(self, r, &status);
    int space = payer == NONE ? NONE : thing_of(self, r[3], CAP_SPACE_OBJECT, RIGHT_USE, &status);
    (void)thread;
    if (space == NONE)
        return status;
    if (m_thing(space)->space_kind != SPACE_GUEST)
        return STATUS_STATE;
    for (int i = 0; i < model.things_end; i++) {
        if (model.things[i].used && model.things[i].type == CAP_VM && model.things[i].vm_space == space)
            return STATUS_BUSY;
    }
    struct m_thing *made = m_thing_new(payer, CAP_VM, &status);
    if (!made)
        return status;
    made->vm_space = space;
    m_thing_original(made, self, r[2]);
    return STATUS_OK;
}

/* None of the model's VMs has a vCPU that could take the interrupt. */
static status_t call_virq_raise(int self, int thread, uint64_t *r)
{
    status_t status;
    uint64_t first = 32, count = VM_LINES - 32;
    const struct m_node *node = m_find(self, r[1], CAP_VM, RIGHT_RAISE, &status);
    (void)thread;
    if (!node && status == STATUS_CAP) {
        node = m_find(self, r[1], CAP_LINE, RIGHT_RAISE, &status);
        first = node ? node->size & UINT32_MAX : 0;
        count = node ? node->size >> 32 : 0;
    }
    if (!node)
        return status;
    return r[2] < first || r[2] >= first + count ? STATUS_RANGE : STATUS_STATE;
}

/* The tests do not make the call that would end the machine. */
static status_t call_system_power(int self, int thread, uint64_t *r)
{
    status_t status;
    (void)thread;
    return m_find(self, r[1], CAP_SYSTEM_OBJECT, RIGHT_POWER, &status) ? STATUS_ARGUMENT : status;
}

static status_t call_system_log(int self, int thread, uint64_t *r)
{
    status_t status;
    (void)thread;
    if (!m_find(self, r[1], CAP_SYSTEM_OBJECT, RIGHT_LOG, &status))
        return status;
    return r[2] > 32 ? STATUS_ARGUMENT : STATUS_OK;
}

static status_t call_system_stats(int self, int thread, uint64_t *r)
{
    status_t status;
    uint64_t given = 0, unused = 0;
    (void)thread;
    if (!m_find(self, r[1], CAP_SYSTEM_OBJECT, RIGHT_LOG, &status))
        return status;
    for (int i = 0; i < M_PARTITIONS; i++) {
        given += model.partitions[i].used ? model.partitions[i].bytes : 0;
        unused += model.partitions[i].used ? m_free_bytes(i) : 0;
    }
    r[1] = model.system_bytes;
    r[2] = given;
    r[3] = given - unused;
    r[4] = irqs_bound();
    r[5] = irqs_awake();
    return STATUS_OK;
}

/* There are no vCPUs in the model. */
static status_t call_vcpu_kick(int self, int thread, uint64_t *r)
{
    status_t status;
    (void)thread;
    m_find(self, r[1], CAP_VCPU, RIGHT_KICK, &status);
    return status;
}

static status_t call_multicall(int self, int thread, uint64_t *r)
{
    struct m_thread *t = &m_thing(thread)->thread;
    if (r[1] > MULTICALL_CALLS)
        return STATUS_LIMIT;
    if (!t->has_page)
        return STATUS_STATE;
    for (uint64_t i = 0; i < r[1]; i++) {
        uint64_t *words = &t->batch[i * MULTICALL_WORDS];
        m_function *function = words[0] == CALL_SIGNAL_RAISE ? call_signal_raise
                               : words[0] == CALL_IRQ_ACK    ? call_irq_ack
                               : words[0] == CALL_VCPU_KICK  ? call_vcpu_kick
                               : words[0] == CALL_VIRQ_RAISE ? call_virq_raise
                                                             : NULL;
        words[0] = (uint64_t)(function ? function(self, thread, words) : STATUS_CALL);
    }
    return STATUS_OK;
}

/* --- the table ------------------------------------------------------------------------------------------------------------------------- */

static m_function *const functions[CALL_COUNT] = {
    [CALL_NULL] = call_null,
    [CALL_CAP_DELEGATE] = call_delegate,
    [CALL_CAP_DELETE] = call_delete,
    [CALL_CAP_REVOKE] = call_revoke,
    [CALL_CAP_IDENTIFY] = call_identify,
    [CALL_PARTITION_CREATE] = call_partition_create,
    [CALL_PARTITION_FEED] = call_partition_feed,
    [CALL_PARTITION_STATS] = call_partition_stats,
    [CALL_PARTITION_CAP] = call_partition_cap,
    [CALL_SPACE_CREATE] = call_space_create,
    [CALL_SPACE_MAP] = call_space_map,
    [CALL_SPACE_UNMAP] = call_space_unmap,
    [CALL_THREAD_CREATE] = call_thread_create,
    [CALL_THREAD_START] = call_thread_start,
    [CALL_THREAD_STOP] = call_thread_stop,
    [CALL_THREAD_FAULT] = call_thread_fault,
    [CALL_THREAD_STATS] = call_thread_stats,
    [CALL_THREAD_YIELD] = call_thread_yield,
    [CALL_THREAD_EXIT] = call_thread_exit,
    [CALL_SIGNAL_CREATE] = call_signal_create,
    [CALL_SIGNAL_RAISE] = call_signal_raise,
    [CALL_SIGNAL_WAIT] = call_signal_wait,
    [CALL_PORTAL_CREATE] = call_portal_create,
    [CALL_PORTAL_CALL] = call_portal_call,
    [CALL_PORTAL_WAIT] = call_portal_wait,
    [CALL_IRQ_BIND] = call_irq_bind,
    [CALL_IRQ_ACK] = call_irq_ack,
    [CALL_VM_CREATE] = call_vm_create,
    [CALL_VIRQ_RAISE] = call_virq_raise,
    [CALL_SYSTEM_POWER] = call_system_power,
    [CALL_SYSTEM_LOG] = call_system_log,
    [CALL_SYSTEM_STATS] = call_system_stats,
    [CALL_MULTICALL_PAGE] = call_multicall_page,
    [CALL_MULTICALL] = call_multicall,
};

bool m_knows(uint64_t number)
{
    return number >= CALL_COUNT || functions[number];
}

status_t m_call(unsigned cpu)
{
    int thread = model.cpus[cpu].running;
    struct m_thread *t = &m_thing(thread)->thread;
    uint64_t *r = t->registers;
    status_t status = STATUS_CALL;
    model.made = NONE;
    model.removal = false;
    model.map_limit = model.map_exists = model.map_memory = false;
    m_moves_forget();
    if (r[0] < CALL_COUNT) {
        status = functions[r[0]](t->partition, thread, r);
    } else if (r[0] == CALL_ARCH) { /* arch/host's only one */
        r[1] = ~r[1];
        status = STATUS_OK;
    }
    if (status != M_PENDING)
        r[0] = (uint64_t)status;
    return status;
}
