/* Served by the vCPU's thread that notifies, on its time: what one notification costs is bounded. What is left over then, the main thread goes on with. */
#include "virtio_entropy.h"

#include "call_stubs.h"
#include "devices.h"
#include "machine.h"
#include "virtio/queue.h"
#include "trng.h"
#include "virtio_front.h"

enum {
    ENTROPY_INDEX = 0,
    BUFFER_MAX = 64, /* bytes put into one buffer; a driver has to take what it gets (§5.4.6.2) */
    ROUND = 32,      /* bytes that the generator gives at once */
};

static struct virtio_entropy_state entropy;
static struct vq queue;           /* where the rings are: vq_start finds out again */
static struct link_window window; /* the guest's memory */

#define FEATURE(bit) (UINT64_C(1) << (bit))

static void offer(struct front *front)
{
    front->state->offered = FEATURE(VIRTIO_F_VERSION_1) | FEATURE(VIRTIO_F_INDIRECT_DESC) | FEATURE(VIRTIO_F_EVENT_IDX) | FEATURE(VIRTIO_F_RING_PACKED);
}

static uint32_t segment_fill(const struct vq_segment *segment, uint32_t most)
{
    uint32_t size = segment->size < most ? segment->size : most;
    for (uint32_t done = 0; done < size; done += ROUND)
        trng_bytes((uint8_t *)segment->at + done, size - done < ROUND ? size - done : ROUND);
    return size;
}

static uint32_t chain_fill(const struct vq_chain *chain)
{
    uint32_t done = 0;
    for (unsigned i = 0; i < chain->writable && done < BUFFER_MAX; i++)
        done += segment_fill(&chain->segments[chain->readable + i], BUFFER_MAX - done);
    return done;
}

/* One buffer; false: none, or malformed. */
static bool serve_one(void)
{
    struct vq_chain chain;
    if (!vq_take(&queue, &chain))
        return false;
    vq_put(&queue, chain.place, chain_fill(&chain));
    return true;
}

/* As many buffers as the queue holds, at most. */
static const char *serve(struct front *front)
{
    bool asleep = false;
    for (uint32_t left = 2 * queue.rings.size; left && !asleep; left--)
        asleep = !serve_one() && (vq_wrong(&queue) || vq_sleep(&queue));
    if (vq_interrupts(&queue))
        front_interrupt(front, FRONT_USED);
    front->state->more = !asleep;
    if (!asleep)
        signal_raise(machine.wake, WAKE_LINK);
    return vq_wrong(&queue);
}

static const char *start(struct front *front)
{
    struct vq_memory memory = {&window, 1};
    entropy.request++;
    if (!vq_start(&queue, &memory, &front->state->queues[0], front->state->accepted, &entropy.record, entropy.request))
        return vq_wrong(&queue);
    return serve(front);
}

static const char *event(struct front *front)
{
    return front->state->running && front->state->more ? serve(front) : NULL;
}

/* Nobody serves it without the front's lock. */
static void stop(struct front *front)
{
    (void)front;
}

static bool stopped(struct front *front)
{
    (void)front;
    return true;
}

void virtio_entropy_reset(void)
{
    entropy = (struct virtio_entropy_state){.request = entropy.request};
}

void virtio_entropy_build(void)
{
    static const struct front_backend backend = {false, offer, start, serve, stop, stopped, event};
    window = (struct link_window){machine.ram.base, machine.ram.size, (uintptr_t)machine.ram.host, machine.ram.base};
    if (trng_is_offered() && !devices_have_line(FRONT_LINE + ENTROPY_INDEX))
        front_build(ENTROPY_INDEX, "entropy device", VIRTIO_ENTROPY, 1, &backend);
}
