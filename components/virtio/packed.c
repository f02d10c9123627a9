/*
 * Packed rings (virtio 1.2 §2.8): the device overwrites descriptors by used ones, those of other chains that are in flight too. So the record holds copies of
 * descriptors, each with the index of the next one of its chain. Positions have the wrap counter in bit 15.
 */
#include "ring.h"

enum {
    WRAP = 1 << 15,
    REST = 8, /* of a descriptor: length, id, flags */
    FLAGS = 14,
    EVENT_POSITION = 0, /* of an event suppression structure (§2.8.10) */
    EVENT_FLAGS = 2,
};

static uint32_t slot(uint16_t position)
{
    return position & (WRAP - 1);
}

static uint16_t advance(const struct vq *queue, uint16_t position, uint32_t places)
{
    uint32_t next = slot(position) + places, wrap = position & WRAP;
    return (uint16_t)(next < queue->rings.size ? next | wrap : (next - queue->rings.size) | (wrap ^ WRAP));
}

static bool packed_within(const struct vq *queue, uint16_t position)
{
    return slot(position) < queue->rings.size;
}

static uint8_t *descriptor_at(const struct vq *queue, uint16_t position)
{
    return queue->descriptors + slot(position) * DESCRIPTOR_SIZE;
}

/* Whether the guest has made available what has these flags there, and the device not used it (§2.8.1). */
static bool is_available(uint16_t flags, uint16_t position)
{
    bool wrap = position & WRAP;
    return !!(flags & VIRTIO_D_AVAILABLE) == wrap && !!(flags & VIRTIO_D_USED) != wrap;
}

static bool packed_ready(const struct vq *queue)
{
    return is_available(load16_first(descriptor_at(queue, queue->next_available) + FLAGS), queue->next_available);
}

/* --- copies --------------------------------------------------------------------------------------------------------------------- */

/* As many as there are descriptors: LINK_QUEUE_SIZE means none. */
static uint16_t copy_claim(struct vq *queue)
{
    for (uint32_t word = 0; word * 64 < queue->rings.size; word++) {
        uint64_t free = queue->free[word];
        uint32_t bit = free ? word * 64 + (uint32_t)__builtin_ctzll(free) : LINK_QUEUE_SIZE;
        if (bit < queue->rings.size) {
            queue->free[word] = free & (free - 1);
            return (uint16_t)bit;
        }
    }
    return LINK_QUEUE_SIZE;
}

static void copy_store(struct vq *queue, uint16_t copy, const struct link_descriptor *from, uint16_t next)
{
    struct link_descriptor *to = &queue->record->copies[copy];
    store64(&to->address, from->address);
    store64(&to->length, from->length | (uint64_t)next << 32 | (uint64_t)from->b << 48);
}

/* The next one of the chain; past the last one any. */
static uint16_t copy_load(const struct vq *queue, uint16_t copy, struct link_descriptor *to)
{
    *to = descriptor_load((const uint8_t *)&queue->record->copies[copy]);
    return to->a % LINK_QUEUE_SIZE;
}

static uint16_t places_taken(const struct vq *queue, uint16_t place)
{
    uint16_t length = load16(&queue->record->taken[place].length);
    return length <= queue->rings.size ? length : 0;
}

/* Calls the copies of a chain free, or not. */
static void copies_mark(struct vq *queue, uint16_t copy, uint16_t length, bool free)
{
    for (; length; length--) {
        struct link_descriptor descriptor;
        uint64_t bit = UINT64_C(1) << copy % 64, *word = &queue->free[copy / 64];
        *word = free ? *word | bit : *word & ~bit;
        copy = copy_load(queue, copy, &descriptor);
    }
}

static bool packed_recover(struct vq *queue)
{
    for (uint16_t i = 0; i < queue->rings.size; i++) {
        if (load64(&queue->record->taken[i].order))
            copies_mark(queue, i, places_taken(queue, i), false);
    }
    return true;
}

/* --- chains --------------------------------------------------------------------------------------------------------------------- */

/* All descriptors of an indirect table, one after the other (§2.8.7). */
static bool table_add(struct vq *queue, struct vq_chain *chain, const struct link_descriptor *descriptor)
{
    const uint8_t *table = chain_table(queue, descriptor, descriptor->b);
    if (!table)
        return false;
    for (uint32_t at = 0; at < descriptor->length; at += DESCRIPTOR_SIZE) {
        struct link_descriptor one = descriptor_load_anywhere(table + at);
        if (one.b & VIRTIO_D_INDIRECT)
            return vq_fail(queue, "an indirect descriptor within an indirect table");
        if (!chain_add(queue, chain, one.address, one.length, one.b & VIRTIO_D_WRITE))
            return false;
    }
    return true;
}

static bool descriptor_add(struct vq *queue, struct vq_chain *chain, const struct link_descriptor *descriptor)
{
    if (descriptor->b & VIRTIO_D_INDIRECT)
        return table_add(queue, chain, descriptor);
    return chain_add(queue, chain, descriptor->address, descriptor->length, descriptor->b & VIRTIO_D_WRITE);
}

static bool packed_resume(struct vq *queue, struct vq_chain *chain, uint16_t place)
{
    uint16_t copy = place, length = places_taken(queue, place);
    chain_begin(chain, place);
    for (; length; length--) {
        struct link_descriptor descriptor;
        copy = copy_load(queue, copy, &descriptor);
        if (!descriptor_add(queue, chain, &descriptor))
            return false;
    }
    return true;
}

/* Adds the available descriptors' segments; copies them from chain->place on. The last one has the buffer's id. */
static bool chain_copy(struct vq *queue, struct vq_chain *chain, struct link_taken *taken)
{
    uint16_t copy = chain->place, position = queue->next_available;
    struct link_descriptor descriptor;
    do {
        descriptor = descriptor_load(descriptor_at(queue, position));
        uint16_t next = descriptor.b & VIRTIO_D_NEXT ? copy_claim(queue) : 0;
        if (!is_available(descriptor.b, position) || next == LINK_QUEUE_SIZE)
            return vq_fail(queue, "a chain leads beyond what is available");
        if (!descriptor_add(queue, chain, &descriptor))
            return false;
        copy_store(queue, copy, &descriptor, next);
        copy = next;
        position = advance(queue, position, 1);
        taken->length++;
    } while (descriptor.b & VIRTIO_D_NEXT);
    taken->id = descriptor.a;
    return true;
}

static bool packed_take(struct vq *queue, struct vq_chain *chain)
{
    if (!packed_ready(queue))
        return false;
    struct link_taken taken = {0};
    uint16_t place = copy_claim(queue);
    if (place == LINK_QUEUE_SIZE)
        return vq_fail(queue, "more is available than the queue has descriptors");
    chain_begin(chain, place);
    if (!chain_copy(queue, chain, &taken))
        return false;
    store16(&queue->record->taken[place].id, taken.id);
    store16(&queue->record->taken[place].length, taken.length);
    taken_commit(queue, place, advance(queue, queue->next_available, taken.length));
    return true;
}

/*
 * One store makes the used descriptor valid. A second time it must not be stored: the guest may have made the place available again. Whoever finds
 * there what is still to be used, has not stored it.
 */
static uint16_t packed_publish(struct vq *queue, uint16_t place, uint32_t written, bool again)
{
    uint16_t length = places_taken(queue, place), position = queue->next_used;
    uint8_t *at = descriptor_at(queue, position);
    uint64_t flags = (position & WRAP ? VIRTIO_D_AVAILABLE | VIRTIO_D_USED : 0) | (written ? VIRTIO_D_WRITE : 0);
    if (!length)
        return 0;
    if (!again || is_available(load16(at + FLAGS), position))
        store64_last(at + REST, written | (uint64_t)load16(&queue->record->taken[place].id) << 32 | flags << 48);
    copies_mark(queue, place, length, true);
    queue->next_used = advance(queue, position, length);
    return length;
}

/* --- notifications -------------------------------------------------------------------------------------------------------------- */

/* A ring's places are counted over two rounds, in which the wrap counter is first 1 and then 0. */
static uint32_t round_place(const struct vq *queue, uint16_t position)
{
    return slot(position) + (position & WRAP ? 0 : queue->rings.size);
}

static bool packed_wanted(const struct vq *queue, uint32_t used)
{
    uint16_t flags = load16_first(queue->available + EVENT_FLAGS) & 3;
    if (flags != VIRTIO_E_INDEX || !has(queue, VIRTIO_F_EVENT_IDX))
        return flags != VIRTIO_E_DISABLE;
    uint16_t event = load16(queue->available + EVENT_POSITION);
    uint32_t since = (round_place(queue, queue->next_used) + 2 * queue->rings.size - round_place(queue, event) - 1) % (2 * queue->rings.size);
    return !packed_within(queue, event) || since < used;
}

/* Both words at once. */
static void packed_sleep(struct vq *queue)
{
    bool index = has(queue, VIRTIO_F_EVENT_IDX);
    store32(queue->used, queue->next_available | (uint32_t)(index ? VIRTIO_E_INDEX : VIRTIO_E_ENABLE) << 16);
}

static void packed_wake(struct vq *queue)
{
    store32(queue->used, (uint32_t)VIRTIO_E_DISABLE << 16);
}

const struct vq_kind vq_packed = {
    .descriptors = {0, DESCRIPTOR_SIZE, DESCRIPTOR_SIZE},
    .available = {4, 0, 4},
    .used = {4, 0, 4},
    .first = WRAP,
    .powers = false,
    .within = packed_within,
    .recover = packed_recover,
    .ready = packed_ready,
    .take = packed_take,
    .resume = packed_resume,
    .publish = packed_publish,
    .wanted = packed_wanted,
    .sleep = packed_sleep,
    .wake = packed_wake,
};
