/* Queues of either kind: beginning, the record of what is in flight, the rules for chains. */
#include "queue.h"

#include "ring.h"

#include <string.h>

void *vq_memory_at(const struct vq_memory *memory, uint64_t guest, uint64_t size, uint64_t *bus)
{
    for (unsigned i = 0; i < memory->count; i++) {
        const struct link_window *window = &memory->windows[i];
        uint64_t offset = guest - window->guest;
        if (offset < window->size && size <= window->size - offset) {
            if (bus)
                *bus = window->bus + offset;
            return (void *)(uintptr_t)(window->address + offset);
        }
    }
    return NULL;
}

#ifdef VQ_TEST
/* Of tests that do not listen. */
__attribute__((weak)) void vq_loads(void)
{
}

__attribute__((weak)) void vq_stored(void)
{
}
#endif

/* --- chains --------------------------------------------------------------------------------------------------------------------- */

bool chain_add(struct vq *queue, struct vq_chain *chain, uint64_t address, uint32_t size, bool writable)
{
    unsigned count = (unsigned)chain->readable + chain->writable;
    if (count == VQ_SEGMENTS)
        return vq_fail(queue, "a chain has too many descriptors, or loops");
    if (!size)
        return vq_fail(queue, "a descriptor has no bytes");
    if (!writable && chain->writable)
        return vq_fail(queue, "a readable descriptor follows a writable one");
    chain->bytes += size;
    if (chain->bytes > UINT64_C(1) << 32)
        return vq_fail(queue, "a chain has more than 4 GiB");
    struct vq_segment *segment = &chain->segments[count];
    segment->at = vq_memory_at(&queue->memory, address, size, &segment->bus);
    if (!segment->at)
        return vq_fail(queue, "a descriptor leads out of the guest's memory");
    segment->size = size;
    if (writable)
        chain->writable++;
    else
        chain->readable++;
    return true;
}

const uint8_t *chain_table(struct vq *queue, const struct link_descriptor *descriptor, uint16_t flags)
{
    const char *wrong = NULL;
    if (!has(queue, VIRTIO_F_INDIRECT_DESC))
        wrong = "an indirect descriptor, which was not negotiated";
    else if (flags & VIRTIO_D_NEXT)
        wrong = "an indirect descriptor is not the last one of its chain";
    else if (!descriptor->length || descriptor->length % DESCRIPTOR_SIZE)
        wrong = "the size of an indirect table is no multiple of 16";
    const uint8_t *table = wrong ? NULL : vq_memory_at(&queue->memory, descriptor->address, descriptor->length, NULL);
    if (!table)
        queue->wrong = wrong ? wrong : "an indirect table lies outside of the guest's memory";
    return table;
}

static uint64_t bytes_load(const uint8_t *at)
{
    uint64_t value = 0;
    vq_loads();
    for (unsigned i = 0; i < 8; i++)
        value |= (uint64_t)__atomic_load_n(at + i, __ATOMIC_RELAXED) << 8 * i;
    return value;
}

struct link_descriptor descriptor_load_anywhere(const uint8_t *at)
{
    if (!((uintptr_t)at & 7))
        return descriptor_load(at);
    uint64_t rest = bytes_load(at + 8);
    return (struct link_descriptor){bytes_load(at), (uint32_t)rest, (uint16_t)(rest >> 32), (uint16_t)(rest >> 48)};
}

/* --- beginning ------------------------------------------------------------------------------------------------------------------ */

static uint8_t *area_at(const struct vq *queue, uint64_t guest, const struct vq_area *area)
{
    return guest & (area->align - 1) ? NULL : vq_memory_at(&queue->memory, guest, area->size + (uint64_t)area->each * queue->rings.size, NULL);
}

static bool rings_find(struct vq *queue)
{
    const struct link_queue *rings = &queue->rings;
    const struct vq_kind *kind = queue->kind;
    if (!rings->size || rings->size > LINK_QUEUE_SIZE || (kind->powers && rings->size & (rings->size - 1)))
        return vq_fail(queue, "the queue's size is none that was offered");
    queue->descriptors = area_at(queue, rings->descriptors, &kind->descriptors);
    queue->available = area_at(queue, rings->available, &kind->available);
    queue->used = area_at(queue, rings->used, &kind->used);
    if (!queue->descriptors || !queue->available || !queue->used)
        return vq_fail(queue, "the queue's rings lie outside of the guest's memory, or are not aligned");
    return true;
}

/* What says that the record holds comes last. */
static void record_begin(struct vq *queue, uint32_t request)
{
    struct link_record *record = queue->record;
    memset((char *)record + sizeof record->started, 0, sizeof *record - sizeof record->started);
    store64(&record->taking, queue->kind->first);
    store64(&record->putting, queue->kind->first);
    store32(&record->started, request);
}

/* The rest of putting a chain back, of which the record says that it is to be done. */
static bool put_finish(struct vq *queue, uint16_t place, uint32_t written, bool again)
{
    uint16_t used = queue->kind->publish(queue, place, written, again);
    if (!used)
        return vq_fail(queue, "the record of what is in flight is damaged");
    queue->unsignalled += used;
    store64(&queue->record->taken[place].order, 0);
    store64(&queue->record->putting, queue->next_used);
    return true;
}

/* Goes on where the predecessor stopped, be it between two stores. */
static bool record_resume(struct vq *queue)
{
    struct link_record *record = queue->record;
    uint64_t taking = load64(&record->taking), putting = load64(&record->putting);
    uint32_t put = putting >> 16 & 0xffff;
    queue->order = taking >> 16;
    queue->next_available = (uint16_t)taking;
    queue->next_used = (uint16_t)putting;
    queue->unsignalled = 1 << 16; /* who knows for what the guest was interrupted */
    if (put > queue->rings.size || !queue->kind->within(queue, queue->next_available) || !queue->kind->within(queue, queue->next_used))
        return vq_fail(queue, "the record of what is in flight is damaged");
    for (unsigned i = 0; i < LINK_QUEUE_SIZE; i++) {
        if (load64(&record->taken[i].order) > queue->order)
            store64(&record->taken[i].order, 0);
    }
    return (!put || put_finish(queue, (uint16_t)(put - 1), (uint32_t)(putting >> 32), true)) && queue->kind->recover(queue);
}

bool vq_start(struct vq *queue, const struct vq_memory *memory, const struct link_queue *rings, uint64_t features, struct link_record *record, uint32_t request)
{
    memset(queue, 0, sizeof *queue);
    queue->memory = *memory;
    queue->features = features;
    queue->record = record;
    /* The monitor's words: each is read once. */
    queue->rings.descriptors = load64(&rings->descriptors);
    queue->rings.available = load64(&rings->available);
    queue->rings.used = load64(&rings->used);
    queue->rings.size = __atomic_load_n(&rings->size, __ATOMIC_RELAXED);
    queue->kind = has(queue, VIRTIO_F_RING_PACKED) ? &vq_packed : &vq_split;
    queue->next_available = queue->next_used = queue->kind->first;
    memset(queue->free, 0xff, sizeof queue->free);
    if (!rings_find(queue))
        return false;
    if (load32(&record->started) == request)
        return record_resume(queue);
    record_begin(queue, request);
    return true;
}

/* --- serving -------------------------------------------------------------------------------------------------------------------- */

bool vq_resume(struct vq *queue, struct vq_chain *chain)
{
    unsigned next = LINK_QUEUE_SIZE;
    uint64_t lowest = UINT64_MAX;
    for (unsigned i = 0; i < queue->rings.size && !queue->wrong; i++) {
        uint64_t order = load64(&queue->record->taken[i].order);
        if (order > queue->resume_order && order < lowest) {
            lowest = order;
            next = i;
        }
    }
    if (next == LINK_QUEUE_SIZE)
        return false;
    queue->resume_order = lowest;
    return queue->kind->resume(queue, chain, (uint16_t)next);
}

bool vq_take(struct vq *queue, struct vq_chain *chain)
{
    return !queue->wrong && queue->kind->take(queue, chain);
}

void vq_put(struct vq *queue, uint16_t place, uint32_t written)
{
    if (queue->wrong)
        return;
    if (place >= queue->rings.size || !load64(&queue->record->taken[place].order)) {
        queue->wrong = "the driver puts back what is not in flight";
        return;
    }
    store64(&queue->record->putting, (uint64_t)written << 32 | (place + UINT64_C(1)) << 16 | queue->next_used);
    put_finish(queue, place, written, false);
}

/* What follows reads what the guest writes after it has seen what was stored before: a full barrier (§2.7.7.2, §2.7.10). */
static void stored_before_read(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

bool vq_interrupts(struct vq *queue)
{
    uint32_t used = queue->unsignalled;
    if (!used || queue->wrong)
        return false;
    queue->unsignalled = 0;
    stored_before_read();
    return queue->kind->wanted(queue, used);
}

bool vq_sleep(struct vq *queue)
{
    if (queue->wrong)
        return true;
    queue->kind->sleep(queue);
    stored_before_read();
    return !queue->kind->ready(queue);
}

void vq_wake(struct vq *queue)
{
    if (!queue->wrong)
        queue->kind->wake(queue);
}

const char *vq_wrong(const struct vq *queue)
{
    return queue->wrong;
}
