/* What goes with what: all that follows is marked until nothing new follows, then all of it goes at once. */
#include "model.h"

static bool doom(struct m_node *node)
{
    bool fresh = node && node->kind != M_FREE && !node->doomed;
    if (fresh)
        node->doomed = true;
    return fresh;
}

static bool doom_thing(struct m_thing *thing)
{
    bool fresh = !thing->doomed;
    thing->doomed = true;
    return doom(m_node(thing->original)) || fresh;
}

static bool partition_doomed(int partition)
{
    return partition != NONE && m_thing(model.partitions[partition].thing)->doomed;
}

/* What the end of this node follows from. */
static bool must_go(const struct m_node *node)
{
    if (node->parent != NONE && m_node(node->parent)->doomed)
        return true;
    if (node->kind == M_CAP)
        return partition_doomed(node->holder);
    if (node->kind == M_DONATION)
        return partition_doomed(node->partition);
    return m_thing(node->space)->doomed; /* mapped */
}

/* What follows from its end. */
static bool consequences(const struct m_node *node)
{
    if (node->kind == M_DONATION)
        return doom_thing(m_thing(model.partitions[node->partition].thing));
    return node->kind == M_CAP && node->original && doom_thing(m_thing(node->thing));
}

static bool doom_round(void)
{
    bool more = false;
    for (int i = 0; i < model.nodes_end; i++) {
        struct m_node *node = &model.nodes[i];
        if (node->kind == M_FREE)
            continue;
        more |= must_go(node) && doom(node);
        more |= node->doomed && consequences(node);
    }
    for (int i = 0; i < model.things_end; i++) {
        struct m_thing *thing = &model.things[i];
        if (thing->used && !thing->doomed && partition_doomed(thing->payer))
            more |= doom_thing(thing);
        if (thing->used && thing->doomed && thing->type == CAP_THREAD_OBJECT)
            more |= doom(m_node(thing->thread.page));
    }
    return more;
}

unsigned m_doom(struct m_node *node, bool itself)
{
    unsigned count = 0;
    for (int i = 0; i < model.nodes_end; i++) {
        struct m_node *child = &model.nodes[i];
        if (itself ? child == node : child->kind != M_FREE && child->parent == m_node_index(node))
            doom(child);
    }
    while (doom_round())
        ;
    for (int i = 0; i < model.nodes_end; i++)
        count += model.nodes[i].doomed;
    return count;
}

void m_spare(void)
{
    for (int i = 0; i < model.nodes_end; i++)
        model.nodes[i].doomed = false;
    for (int i = 0; i < model.things_end; i++)
        model.things[i].doomed = false;
}

bool m_doomed_thread(int thread)
{
    const struct m_thing *thing = m_thing(thread);
    return thing->doomed || (thing->thread.space != NONE && m_thing(thing->thread.space)->doomed);
}

/* --- the end of things ---------------------------------------------------------------------------------------------------- */

static void end_space(int space)
{
    for (int i = 0; i < model.things_end; i++) {
        struct m_thing *thing = &model.things[i];
        if (!thing->used)
            continue;
        if (thing->type == CAP_THREAD_OBJECT && thing->thread.space == space) {
            m_stop(i);
            thing->thread.space = thing->thread.page = NONE;
        }
        if (thing->type == CAP_VM && thing->vm_space == space)
            thing->vm_space = NONE;
    }
}

static void end_thing(int index)
{
    switch (m_thing(index)->type) {
    case CAP_THREAD_OBJECT:
        m_stop(index);
        break;
    case CAP_SIGNAL:
        m_signal_end(index);
        break;
    case CAP_PORTAL:
        m_portal_end(index);
        break;
    case CAP_SPACE_OBJECT:
        end_space(index);
        break;
    default:
        break;
    }
}

/* Its memory goes back to whoever paid for it, if he is still there. */
static void free_thing(struct m_thing *thing)
{
    if (thing->type == CAP_PARTITION) {
        model.partitions[thing->partition].used = false;
    } else if (!partition_doomed(thing->payer)) {
        m_give(thing->payer, thing->order);
        if (thing->type == CAP_THREAD_OBJECT && thing->thread.has_page)
            m_give(thing->payer, M_ORDER_PAGE);
        model.partitions[thing->payer].blocks[M_ORDER_PAGE] += thing->tables - thing->tables_kept;
    }
}

/* Memory that another partition could write is zero before whoever gave it has it to himself. */
static void scrub(const struct m_node *node)
{
    const struct m_node *parent = m_node(node->parent);
    if (node->kind != M_CAP || node->type != CAP_EXTENT || !(node->rights & RIGHT_WRITE) || node->device || !parent ||
        parent->holder == node->holder)
        return;
    for (uint64_t at = node->base; at < node->base + node->size; at += M_PAGE)
        model.content[(at - model.ram) / M_PAGE] = 0;
}

/* What was bound by the capability is silent, and somebody else's to bind. */
static void unbind_irqs(const struct m_node *node)
{
    for (unsigned i = 0; i < M_IRQS; i++) {
        if (model.irqs[i].signal != NONE && model.irqs[i].by == m_node_index(node))
            model.irqs[i] = (struct m_irq){.signal = NONE};
    }
}

static void free_node(struct m_node *node)
{
    const struct m_thing *space = m_thing(node->space);
    if (node->kind == M_CAP && node->type == CAP_IRQ)
        unbind_irqs(node);
    if (node->kind == M_CAP)
        model.partitions[node->holder].table[node->slot] = NONE;
    if (node->kind == M_MAPPING && !partition_doomed(space->payer))
        m_give(space->payer, model.costs.mapping);
    *node = (struct m_node){.kind = M_FREE, .parent = NONE};
}

/* Tables that spaces need no more. */
static void shrink_spaces(void)
{
    for (int i = 0; i < model.things_end; i++) {
        struct m_thing *thing = &model.things[i];
        if (!thing->used || thing->type != CAP_SPACE_OBJECT)
            continue;
        unsigned tables = m_tables(i);
        model.partitions[thing->payer].blocks[M_ORDER_PAGE] += thing->tables - tables;
        thing->tables = tables;
    }
}

void m_remove_doomed(void)
{
    for (int i = 0; i < model.things_end; i++) {
        if (model.things[i].used && model.things[i].doomed)
            end_thing(i);
    }
    for (int i = 0; i < model.nodes_end; i++) {
        if (model.nodes[i].doomed)
            scrub(&model.nodes[i]);
    }
    for (int i = 0; i < model.nodes_end; i++) {
        if (model.nodes[i].doomed)
            free_node(&model.nodes[i]);
    }
    for (int i = 0; i < model.things_end; i++) {
        if (model.things[i].used && model.things[i].doomed)
            free_thing(&model.things[i]);
    }
    for (int i = 0; i < model.things_end; i++)
        model.things[i].used = model.things[i].used && !model.things[i].doomed;
    shrink_spaces();
    m_spare();
    model.removal = true;
}
