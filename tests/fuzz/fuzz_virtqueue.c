/*
 * A virtqueue whose guest lies, and changes its memory between any two loads of the component, which is killed at any of its stores. Segments lie in the
 * windows; what is in flight is found again in its order; the positions go on by what was used; all loops end.
 */
#include "fuzz.h"

#include <bulkhead/virtio.h>
#include <setjmp.h>

#include "virtio/queue.h"

enum { PAGE = 4096, WINDOWS = 2, LOADS = 200000, DESCRIPTORS = 0, AVAILABLE = 0x400, USED = 0x600 };

static struct input *from;
static uint8_t *pages[WINDOWS];
static struct link_window windows[WINDOWS];
static struct link_record record;
static struct link_queue rings;
static struct vq queue;
static struct vq_chain chain;
static uint64_t features;
static uint32_t request;

/* In the order of taking; `unsure`: a call was cut short since, which changed it by one or not. */
static uint16_t flight[LINK_QUEUE_SIZE];
static unsigned flight_count;
static bool unsure;

/* Loads in one call; loads until the guest changes something, stores until the component is killed (0: never). */
static unsigned loads, loads_left, stores_left;
static jmp_buf killed;

/* --- the guest ------------------------------------------------------------------------------------------------------------------ */

/* A descriptor that often suits: in the queue's table, or an indirect one behind. */
static void descriptor_write(void)
{
    static const uint64_t bases[] = {PAGE, PAGE + 0x800, 2 * PAGE, 5 * PAGE, 4 * PAGE, PAGE + 0x810, 0, 3 * PAGE - 1};
    uint8_t where = input_byte(from), what = input_byte(from), flags = input_byte(from);
    struct link_descriptor one = {bases[what & 7], (uint32_t)(what >> 3) * 16, 0, 0};
    uint16_t number = (uint16_t)(where + 1 + (flags >> 6));
    uint16_t low = flags & (VIRTIO_D_NEXT | VIRTIO_D_WRITE | VIRTIO_D_INDIRECT);
    one.a = features >> VIRTIO_F_RING_PACKED & 1 ? number : low;
    one.b = (uint16_t)(features >> VIRTIO_F_RING_PACKED & 1 ? low | (flags & 8 ? VIRTIO_D_AVAILABLE : 0) | (flags & 16 ? VIRTIO_D_USED : 0) : number);
    memcpy(pages[0] + (flags & 32 ? 0x800 : DESCRIPTORS) + where % 64 * 16, &one, sizeof one);
}

static void memory_write(void)
{
    uint64_t offset = input_number(from, 2) % (PAGE - 8), value = input_number(from, 2);
    memcpy(pages[0] + offset, &value, 1 + offset % 4);
}

/* As a good driver does it: a head, then the index. */
static void available_write(void)
{
    uint16_t index, head = input_byte(from) % 16;
    memcpy(&index, pages[0] + AVAILABLE + 2, 2);
    memcpy(pages[0] + AVAILABLE + 4 + index % rings.size * 2, &head, 2);
    index++;
    memcpy(pages[0] + AVAILABLE + 2, &index, 2);
}

static void guest_act(void)
{
    switch (input_byte(from) & 3) {
    case 0:
        memory_write();
        break;
    case 1:
        if (rings.size && rings.size <= LINK_QUEUE_SIZE)
            available_write();
        break;
    default:
        descriptor_write();
    }
}

void vq_loads(void)
{
    MUST(++loads < LOADS);
    if (loads_left && !--loads_left)
        guest_act();
}

void vq_stored(void)
{
    if (stores_left && !--stores_left)
        longjmp(killed, 1);
}

/* --- the component -------------------------------------------------------------------------------------------------------------- */

static void check_chain(void)
{
    unsigned count = (unsigned)chain.readable + chain.writable;
    MUST(count && count <= VQ_SEGMENTS && chain.place < rings.size);
    uint64_t bytes = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct vq_segment *segment = &chain.segments[i];
        bool inside = false;
        for (unsigned w = 0; w < WINDOWS; w++) {
            uint64_t offset = (uint64_t)(uintptr_t)segment->at - windows[w].address;
            inside |= offset < windows[w].size && segment->size <= windows[w].size - offset && segment->bus == windows[w].bus + offset;
        }
        MUST(inside && segment->size);
        bytes += segment->size;
    }
    MUST(bytes == chain.bytes);
}

static void check_positions(void)
{
    if (vq_wrong(&queue))
        return;
    uint16_t mask = features >> VIRTIO_F_RING_PACKED & 1 ? 0x7fff : 0;
    MUST(!mask || ((queue.next_available & mask) < rings.size && (queue.next_used & mask) < rings.size));
    MUST((uint16_t)record.putting == queue.next_used && (uint16_t)record.taking == queue.next_available);
    unsigned count = 0;
    for (unsigned i = 0; i < LINK_QUEUE_SIZE; i++)
        count += record.taken[i].order != 0;
    MUST(count == flight_count);
}

static void component_take(void)
{
    if (!vq_take(&queue, &chain))
        return;
    check_chain();
    for (unsigned i = 0; i < flight_count; i++)
        MUST(flight[i] != chain.place);
    MUST(flight_count < rings.size);
    flight[flight_count++] = chain.place;
}

static void component_put(unsigned at, uint32_t written)
{
    if (!flight_count || vq_wrong(&queue))
        return;
    at %= flight_count;
    vq_put(&queue, flight[at], written);
    MUST(!vq_wrong(&queue));
    for (flight_count--; at < flight_count; at++)
        flight[at] = flight[at + 1];
}

static void check_found(const uint16_t *found, unsigned count)
{
    unsigned same = 0;
    while (same < count && same < flight_count && found[same] == flight[same])
        same++;
    if (same < flight_count && unsure && count + 1 == flight_count)
        MUST(!memcmp(&found[same], &flight[same + 1], (count - same) * sizeof *found));
    else
        MUST(same == flight_count && count <= same + unsure);
}

/* A successor finds the same in the same order, but for one that was being taken or put. Where the guest has changed what is in flight, the queue is malformed. */
static void component_again(void)
{
    static uint16_t found[LINK_QUEUE_SIZE];
    unsigned count = 0;
    struct vq_memory memory = {windows, WINDOWS};
    vq_start(&queue, &memory, &rings, features, &record, request);
    while (vq_resume(&queue, &chain)) {
        MUST(count < rings.size);
        check_chain();
        found[count++] = chain.place;
    }
    if (vq_wrong(&queue))
        return;
    check_found(found, count);
    memcpy(flight, found, count * sizeof *found);
    flight_count = count;
    unsure = false;
}

static void component_new(void)
{
    static const uint64_t offsets[] = {DESCRIPTORS, AVAILABLE, USED, 8, PAGE - 32, 0x602, 0x400, PAGE - 16};
    uint8_t shape = input_byte(from), sizes = input_byte(from);
    features = (shape & 1 ? UINT64_C(1) << VIRTIO_F_RING_PACKED : 0) | (shape & 2 ? UINT64_C(1) << VIRTIO_F_EVENT_IDX : 0) |
               (shape & 4 ? UINT64_C(1) << VIRTIO_F_INDIRECT_DESC : 0);
    rings = (struct link_queue){PAGE + DESCRIPTORS, PAGE + AVAILABLE, PAGE + USED, shape & 1 ? 1 + sizes % 32 : 1u << sizes % 6, 0};
    if (shape >= 0xf0) { /* anywhere */
        rings.descriptors = PAGE + offsets[input_byte(from) & 7];
        rings.available = PAGE + offsets[input_byte(from) & 7];
        rings.used = PAGE + offsets[input_byte(from) & 7];
        rings.size = (uint32_t)input_number(from, 2);
    }
    memset(pages[0], 0, PAGE);
    request += 2;
    flight_count = 0;
    unsure = false;
    struct vq_memory memory = {windows, WINDOWS};
    vq_start(&queue, &memory, &rings, features, &record, request);
}

static void component_act(uint8_t what)
{
    switch (what & 7) {
    case 0:
        component_put(what >> 3, input_byte(from));
        break;
    case 1:
        vq_interrupts(&queue);
        break;
    case 2:
        vq_sleep(&queue);
        break;
    case 3:
        if (what & 8)
            component_again();
        else
            vq_wake(&queue);
        break;
    case 4:
        if (what >= 0xf0)
            component_new();
        break;
    default:
        component_take();
    }
}

/* One call, with a guest that acts meanwhile, perhaps cut short. */
static void component_try(uint8_t what)
{
    loads = 0;
    if (!setjmp(killed)) {
        component_act(what);
        stores_left = 0;
    } else {
        unsure = true;
        component_again();
    }
    loads_left = 0;
    check_positions();
}

void input_try(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    from = &input;
    request = 1;
    loads = loads_left = stores_left = 0;
    memset(&record, 0, sizeof record);
    for (unsigned i = 0; i < WINDOWS; i++) { /* apart, so that a step beyond is seen */
        free(pages[i]);
        pages[i] = aligned_alloc(PAGE, PAGE * (1 + i));
        windows[i] = (struct link_window){PAGE * (1 + 3 * i), PAGE * (1 + i), (uint64_t)(uintptr_t)pages[i], UINT64_C(0x80000000) * (i + 1)};
    }
    component_new();
    while (input_more(&input)) {
        uint8_t what = input_byte(&input);
        if (what & 1) {
            guest_act();
        } else {
            if (what & 2)
                loads_left = 1 + input_byte(&input) % 32;
            if (what & 4)
                stores_left = 1 + input_byte(&input) % 8;
            component_try(input_byte(&input));
        }
    }
}
