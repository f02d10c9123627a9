/* Split rings (virtio 1.2 §2.7). Available ring: flags, index, heads, used_event; used ring: flags, index, elements, avail_event. */
#include "ring.h"

enum { FLAGS = 0, INDEX = 2, ENTRIES = 4, HEAD_SIZE = 2, ELEMENT_SIZE = 8 };

static uint32_t slot(const struct vq *queue, uint16_t position)
{
    return position & (queue->rings.size - 1);
}

static bool split_within(const struct vq *queue, uint16_t position)
{
    (void)queue;
    (void)position;
    return true;
}

static bool split_recover(struct vq *queue)
{
    (void)queue;
    return true;
}

static bool split_ready(const struct vq *queue)
{
    return load16_first(queue->available + INDEX) != queue->next_available;
}

/* --- chains --------------------------------------------------------------------------------------------------------------------- */

/* Descriptors that lead to each other by their index: the queue's, or an indirect table (§2.7.5.3). */
struct table {
    const uint8_t *at;
    uint32_t size;
    bool indirect;
};

static bool table_follow(struct vq *queue, struct vq_chain *chain, const struct table *table, uint32_t next);

static bool table_indirect(struct vq *queue, struct vq_chain *chain, const struct link_descriptor *descriptor)
{
    struct table table = {chain_table(queue, descriptor, descriptor->a), descriptor->length / DESCRIPTOR_SIZE, true};
    return table.at && table_follow(queue, chain, &table, 0);
}

/* Ends, for each descriptor adds one segment. */
static bool table_follow(struct vq *queue, struct vq_chain *chain, const struct table *table, uint32_t next)
{
    for (;;) {
        if (next >= table->size)
            return vq_fail(queue, "a descriptor's number is beyond its table");
        struct link_descriptor descriptor = descriptor_load_anywhere(table->at + next * DESCRIPTOR_SIZE);
        uint16_t flags = descriptor.a;
        if (flags & VIRTIO_D_INDIRECT)
            return table->indirect ? vq_fail(queue, "an indirect descriptor within an indirect table") : table_indirect(queue, chain, &descriptor);
        if (!chain_add(queue, chain, descriptor.address, descriptor.length, flags & VIRTIO_D_WRITE))
            return false;
        if (!(flags & VIRTIO_D_NEXT))
            return true;
        next = descriptor.b;
    }
}

static bool split_resume(struct vq *queue, struct vq_chain *chain, uint16_t head)
{
    struct table table = {queue->descriptors, queue->rings.size, false};
    chain_begin(chain, head);
    return table_follow(queue, chain, &table, head);
}

static bool split_take(struct vq *queue, struct vq_chain *chain)
{
    uint16_t available = (uint16_t)(load16_first(queue->available + INDEX) - queue->next_available);
    if (!available)
        return false;
    if (available > queue->rings.size)
        return vq_fail(queue, "the available index jumps");
    uint16_t head = load16(queue->available + ENTRIES + slot(queue, queue->next_available) * HEAD_SIZE);
    if (head >= queue->rings.size)
        return vq_fail(queue, "a descriptor's number is beyond its table");
    if (load64(&queue->record->taken[head].order))
        return vq_fail(queue, "a chain in flight is made available again");
    if (!split_resume(queue, chain, head))
        return false;
    taken_commit(queue, head, (uint16_t)(queue->next_available + 1));
    return true;
}

/* The second time the same is stored: only the device writes there. */
static uint16_t split_publish(struct vq *queue, uint16_t place, uint32_t written, bool again)
{
    (void)again;
    uint8_t *element = queue->used + ENTRIES + slot(queue, queue->next_used) * ELEMENT_SIZE;
    store32(element, place);
    store32(element + 4, written);
    store16_last(queue->used + INDEX, ++queue->next_used);
    return 1;
}

/* --- notifications -------------------------------------------------------------------------------------------------------------- */

static bool split_wanted(const struct vq *queue, uint32_t used)
{
    if (!has(queue, VIRTIO_F_EVENT_IDX))
        return !(load16(queue->available + FLAGS) & VIRTIO_A_NO_INTERRUPT);
    uint16_t event = load16(queue->available + ENTRIES + queue->rings.size * HEAD_SIZE);
    return (uint16_t)(queue->next_used - event - 1) < used;
}

static void split_sleep(struct vq *queue)
{
    if (has(queue, VIRTIO_F_EVENT_IDX))
        store16(queue->used + ENTRIES + queue->rings.size * ELEMENT_SIZE, queue->next_available);
    else
        store16(queue->used + FLAGS, 0);
}

/* With event indices, the one that has passed keeps the guest quiet. */
static void split_wake(struct vq *queue)
{
    if (!has(queue, VIRTIO_F_EVENT_IDX))
        store16(queue->used + FLAGS, VIRTIO_U_NO_NOTIFY);
}

const struct vq_kind vq_split = {
    .descriptors = {0, DESCRIPTOR_SIZE, DESCRIPTOR_SIZE},
    .available = {ENTRIES + 2, HEAD_SIZE, 2},
    .used = {ENTRIES + 2, ELEMENT_SIZE, 4},
    .first = 0,
    .powers = true,
    .within = split_within,
    .recover = split_recover,
    .ready = split_ready,
    .take = split_take,
    .resume = split_resume,
    .publish = split_publish,
    .wanted = split_wanted,
    .sleep = split_sleep,
    .wake = split_wake,
};
