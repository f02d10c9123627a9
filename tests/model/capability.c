/* Capabilities: who holds what, and what was derived from what. */
#include "model.h"

struct model model;

struct m_node *m_node(int index)
{
    return index == NONE ? NULL : &model.nodes[index];
}

int m_node_index(const struct m_node *node)
{
    return node ? (int)(node - model.nodes) : NONE;
}

struct m_thing *m_thing(int index)
{
    return index == NONE ? NULL : &model.things[index];
}

int m_thing_index(const struct m_thing *thing)
{
    return thing ? (int)(thing - model.things) : NONE;
}

struct m_node *m_node_new(enum m_kind kind, int parent)
{
    for (int i = 0; i < M_NODES; i++) {
        if (model.nodes[i].kind == M_FREE) {
            model.nodes_end = i < model.nodes_end ? model.nodes_end : i + 1;
            model.nodes[i] = (struct m_node){.kind = kind, .parent = parent, .holder = NONE, .thing = NONE, .space = NONE, .partition = NONE};
            return &model.nodes[i];
        }
    }
    return NULL; /* the tests end an episode before it comes to that */
}

struct m_node *m_slot(int partition, uint64_t slot)
{
    if (slot == 0 || slot >= CAP_SLOTS)
        return NULL;
    return m_node(model.partitions[partition].table[slot]);
}

struct m_node *m_find(int partition, uint64_t slot, unsigned type, unsigned rights, status_t *status)
{
    struct m_node *node = m_slot(partition, slot);
    *status = !node || node->type != type ? STATUS_CAP : (node->rights & rights) != rights ? STATUS_RIGHTS : STATUS_OK;
    return *status == STATUS_OK ? node : NULL;
}

bool m_slot_free(int partition, uint64_t slot, status_t *status)
{
    struct m_partition *p = &model.partitions[partition];
    *status = STATUS_RANGE;
    if (slot == 0 || slot >= CAP_SLOTS)
        return false;
    bool *page = &p->pages[slot / M_SLOTS_PER_PAGE];
    *page = *page || m_take(partition, M_ORDER_PAGE);
    *status = !*page ? STATUS_MEMORY : p->table[slot] != NONE ? STATUS_EXISTS : STATUS_OK;
    return *status == STATUS_OK;
}

struct m_node *m_cap_new(int partition, uint64_t slot, unsigned type, int parent)
{
    struct m_node *node = m_node_new(M_CAP, parent);
    node->holder = partition;
    node->slot = (unsigned)slot;
    node->type = type;
    model.partitions[partition].table[slot] = (int16_t)m_node_index(node);
    return node;
}

unsigned m_depth(const struct m_node *node)
{
    unsigned depth = 0;
    for (; node->parent != NONE; node = m_node(node->parent))
        depth++;
    return depth;
}

bool m_has_children(const struct m_node *node)
{
    for (int i = 0; i < model.nodes_end; i++) {
        if (model.nodes[i].kind != M_FREE && model.nodes[i].parent == m_node_index(node))
            return true;
    }
    return false;
}

struct m_thing *m_thing_new(int payer, unsigned type, status_t *status)
{
    *status = STATUS_MEMORY;
    if (type != CAP_PARTITION && !m_take(payer, model.costs.thing[type]))
        return NULL;
    struct m_thing *thing = model.things;
    while (thing->used)
        thing++;
    if (m_thing_index(thing) >= model.things_end)
        model.things_end = m_thing_index(thing) + 1;
    *thing = (struct m_thing){.used = true,
                              .type = type,
                              .payer = payer,
                              .original = NONE,
                              .order = model.costs.thing[type],
                              .partition = NONE,
                              .waiter = NONE,
                              .server = NONE,
                              .caller = NONE,
                              .vm_space = NONE};
    *status = STATUS_OK;
    return thing;
}

void m_thing_original(struct m_thing *thing, int holder, uint64_t slot)
{
    struct m_node *node = m_cap_new(holder, slot, thing->type, NONE);
    node->original = true;
    node->rights = RIGHT_ALL | RIGHT_DELEGATE;
    node->thing = m_thing_index(thing);
    node->size = thing->type == CAP_SIGNAL ? UINT64_MAX : 0;
    thing->original = m_node_index(node);
    model.made = m_thing_index(thing);
}

/* --- delegation ------------------------------------------------------------------------------------------------------ */

struct part {
    uint64_t base, size;
    unsigned type, rights;
};

/* [first, first + size) of [0, whole): is it inside? */
static bool inside(uint64_t first, uint64_t size, uint64_t whole)
{
    return first <= whole && size <= whole - first;
}

static status_t part_of_extent(struct part *part, uint64_t first, uint64_t size)
{
    if (first % M_PAGE || size % M_PAGE)
        return STATUS_ARGUMENT;
    if (size == 0)
        return first ? STATUS_ARGUMENT : STATUS_OK;
    if (!inside(first, size, part->size))
        return STATUS_RANGE;
    part->base += first;
    part->size = size;
    return STATUS_OK;
}

static status_t part_of_irqs(struct part *part, uint64_t first, uint64_t size)
{
    if (size == 0)
        return first ? STATUS_ARGUMENT : STATUS_OK;
    if (first < part->base || !inside(first - part->base, size, part->size))
        return STATUS_RANGE;
    part->base = first;
    part->size = size;
    return STATUS_OK;
}

/* A VM has the shared lines 32 …; a range of lines is written first | count << 32. */
static status_t part_of_lines(struct part *part, uint64_t first, uint64_t size)
{
    uint64_t low = part->type == CAP_LINE ? part->size & UINT32_MAX : 32;
    uint64_t count = part->type == CAP_LINE ? part->size >> 32 : VM_LINES - 32;
    if (first == 0 && size == 0)
        return STATUS_OK;
    if (first < low || first >= low + count || size == 0 || !inside(first - low, size, count))
        return STATUS_RANGE;
    *part = (struct part){0, first | size << 32, CAP_LINE, part->rights & (RIGHT_RAISE | RIGHT_DELEGATE)};
    return STATUS_OK;
}

static status_t part_of(struct part *part, bool serves, uint64_t first, uint64_t size)
{
    switch (part->type) {
    case CAP_EXTENT:
        return part_of_extent(part, first, size);
    case CAP_IRQ:
        return part_of_irqs(part, first, size);
    case CAP_VM:
    case CAP_LINE:
        return part_of_lines(part, first, size);
    case CAP_SIGNAL:
        part->size = first ? part->size & first : part->size;
        return STATUS_OK;
    case CAP_PORTAL:
        part->size = serves ? first : part->size;
        return STATUS_OK;
    default:
        return first || size ? STATUS_ARGUMENT : STATUS_OK;
    }
}

status_t m_delegate(int self, const uint64_t *r)
{
    status_t status;
    const struct m_node *partition = m_find(self, r[1], CAP_PARTITION, RIGHT_GRANT, &status);
    const struct m_node *from = m_slot(self, r[3]);
    if (!partition)
        return status;
    if (!from)
        return STATUS_CAP;
    if (!(from->rights & RIGHT_DELEGATE))
        return STATUS_RIGHTS;
    if (m_depth(from) >= M_DEPTH_MAX)
        return STATUS_LIMIT;
    struct part part = {from->base, from->size, from->type, (unsigned)(from->rights & r[4])};
    int holder = m_thing(partition->thing)->partition;
    status = part_of(&part, from->rights & RIGHT_SERVE, r[5], r[6]);
    if (status != STATUS_OK || !m_slot_free(holder, r[2], &status))
        return status;
    struct m_node *node = m_cap_new(holder, r[2], part.type, m_node_index(from));
    node->rights = part.rights;
    node->base = part.base;
    node->size = part.size;
    node->thing = from->thing;
    node->device = from->device;
    node->guest_only = from->guest_only;
    return STATUS_OK;
}
