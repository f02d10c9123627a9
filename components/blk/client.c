/* See client.h. */
#include "client.h"

#include <bulkhead/virtio.h>
#include <string.h>

#define FEATURE(bit) (UINT64_C(1) << (bit))
#define QUEUE_FEATURES \
    (FEATURE(VIRTIO_F_VERSION_1) | FEATURE(VIRTIO_F_INDIRECT_DESC) | FEATURE(VIRTIO_F_EVENT_IDX) | FEATURE(VIRTIO_F_RING_PACKED))

static uint32_t word_read(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void word_write(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* The part of a link's name after the VM's. */
static void id_fill(char id[BLK_ID_SIZE], const char *name)
{
    size_t start = 0, length = strnlen(name, LINK_NAME_SIZE);
    for (size_t i = 0; i < length; i++)
        if (name[i] == '/')
            start = i + 1;
    size_t size = length - start < BLK_ID_SIZE ? length - start : BLK_ID_SIZE;
    memset(id, 0, BLK_ID_SIZE);
    memcpy(id, name + start, size);
}

bool client_init(struct client *client, struct virtio_link *link, const struct client_peers *peers)
{
    memset(client, 0, sizeof(*client));
    client->link = link;
    client->peers = *peers;
    if (link->magic != LINK_MAGIC || link->device != VIRTIO_BLOCK)
        return false;
    client->queue_count = link->queues < LINK_QUEUES ? link->queues : LINK_QUEUES;
    if (!client->queue_count)
        client->queue_count = 1;
    client->bounces = link->flags & LINK_BOUNCE;
    client->model.queues = client->queue_count;
    id_fill(client->model.id, link->name);
    return true;
}

/* --- what it offers -------------------------------------------------------------------------------------------------------------- */

static bool offer_is(const struct link_offer *offer, uint64_t features, const struct blk_config *config, uint32_t size, const char *text)
{
    return !(offer->generation & 1) && offer->config_size == size && offer->features == features && !memcmp(offer->config, config, sizeof(*config)) &&
        !strncmp(offer->text, text, sizeof(offer->text));
}

/* Generations: virtio 1.2 §2.5.1. A predecessor may have died in the middle of it. */
void client_offer(struct client *client, const char *text)
{
    struct link_offer *offer = &client->link->offer;
    bool has_disk = client->model.facts;
    uint64_t features = has_disk ? model_features(&client->model) | QUEUE_FEATURES : 0;
    uint32_t size = has_disk ? sizeof(struct blk_config) : 0;
    struct blk_config config;
    model_config(&client->model, &config);
    if (!text)
        text = "";
    if (offer_is(offer, features, &config, size, text))
        return;
    uint32_t generation = word_read(&offer->generation) | 1;
    word_write(&offer->generation, generation);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    offer->features = features;
    memcpy(offer->config, &config, sizeof(config));
    memset(offer->text, 0, sizeof(offer->text));
    memcpy(offer->text, text, strnlen(text, sizeof(offer->text) - 1));
    word_write(&offer->config_size, size);
    word_write(&offer->generation, generation + 1);
    client->peers.tell_monitor(client->peers.context);
}

/* --- beginning and end of service ------------------------------------------------------------------------------------------------- */

static void answer(struct client *client, uint32_t request)
{
    if (word_read(&client->link->answer) == request)
        return;
    word_write(&client->link->answer, request);
    client->peers.tell_monitor(client->peers.context);
}

/* What it was is told after why. */
void client_break(struct client *client, const char *why)
{
    struct virtio_link *link = client->link;
    if (client->state != CLIENT_SERVING)
        return;
    client->state = CLIENT_BROKEN;
    memset(link->why, 0, sizeof(link->why));
    memcpy(link->why, why, strnlen(why, sizeof(link->why) - 1));
    word_write(&link->broken, client->request);
    client->peers.tell_monitor(client->peers.context);
}

static void windows_copy(struct client *client)
{
    const struct virtio_link *link = client->link;
    memcpy(client->windows, link->windows, sizeof(client->windows));
}

static bool queue_begin(struct client *client, uint32_t index)
{
    struct virtio_link *link = client->link;
    struct vq_memory memory = {client->windows, link->window_count < LINK_WINDOWS ? link->window_count : LINK_WINDOWS};
    struct vq *queue = &client->queues[index];
    memset(queue, 0, sizeof(*queue));
    if (!__atomic_load_n(&link->queue[index].size, __ATOMIC_RELAXED))
        return true;
    if (!vq_start(queue, &memory, &link->queue[index], client->features, &link->records[index], client->request))
        return false;
    client->resuming |= 1u << index;
    client->used |= 1u << index; /* a predecessor may have put chains and told nobody */
    return true;
}

/* A device that was broken under a predecessor stays so. */
static void serving_begin(struct client *client, uint32_t request)
{
    client->request = request;
    client->state = word_read(&client->link->broken) == request ? CLIENT_BROKEN : CLIENT_SERVING;
    client->features = __atomic_load_n(&client->link->negotiated, __ATOMIC_RELAXED) & (model_features(&client->model) | QUEUE_FEATURES);
    client->resuming = client->used = 0;
    client->awake = (1u << client->queue_count) - 1;
    windows_copy(client);
    memset(client->queues, 0, sizeof(client->queues));
    for (uint32_t i = 0; i < client->queue_count && client->state == CLIENT_SERVING; i++)
        if (!queue_begin(client, i))
            client_break(client, vq_wrong(&client->queues[i]));
}

/*
 * Answered first, then looked at again: whoever finds an even request and the same answer may use the guest's memory, and a monitor may have gone back to one
 * that was answered. Either it is seen here, or the answer there.
 */
static void begin(struct client *client, uint32_t request)
{
    answer(client, request);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (word_read(&client->link->request) == request)
        serving_begin(client, request);
}

/* Root learns that somebody looks, however long the disk takes. */
static void hear(struct virtio_link *link)
{
    uint32_t asked = word_read(&link->asked);
    if (asked != link->heard)
        word_write(&link->heard, asked);
}

/* With another request than the one served: what is in flight comes to its end first, and stays untold. */
void client_look(struct client *client)
{
    hear(client->link);
    uint32_t request = word_read(&client->link->request);
    if (client->state != CLIENT_IDLE) {
        if (request == client->request)
            return;
        client->state = client->in_flight ? CLIENT_STOPPING : CLIENT_IDLE;
    }
    if (client->state == CLIENT_STOPPING)
        return;
    if (request & 1)
        begin(client, request);
    else
        answer(client, request);
}

/* --- chains ----------------------------------------------------------------------------------------------------------------------- */

static bool queue_is_used(const struct client *client, uint32_t index)
{
    return client->queues[index].rings.size;
}

static bool queue_take(struct client *client, uint32_t index, struct vq_chain *chain)
{
    struct vq *queue = &client->queues[index];
    uint32_t bit = 1u << index;
    if (client->resuming & bit) {
        if (vq_resume(queue, chain))
            return true;
        client->resuming &= ~bit;
    }
    if (!(client->awake & bit)) {
        client->awake |= bit;
        vq_wake(queue);
    }
    return vq_take(queue, chain);
}

bool client_take(struct client *client, struct vq_chain *chain, uint8_t *queue)
{
    for (uint32_t tried = 0; tried < client->queue_count && client->state == CLIENT_SERVING; tried++) {
        uint32_t index = client->next_queue;
        client->next_queue = index + 1 == client->queue_count ? 0 : index + 1;
        if (!queue_is_used(client, index))
            continue;
        if (queue_take(client, index, chain)) {
            client->in_flight++;
            *queue = (uint8_t)index;
            return true;
        }
        if (vq_wrong(&client->queues[index]))
            client_break(client, vq_wrong(&client->queues[index]));
    }
    return false;
}

void client_finish(struct client *client, const struct request *request)
{
    client->in_flight--;
    if (client->state == CLIENT_STOPPING && !client->in_flight) {
        client->state = CLIENT_IDLE;
        client_look(client);
        return;
    }
    if (client->state != CLIENT_SERVING)
        return;
    *(volatile uint8_t *)request->status = request->result;
    vq_put(&client->queues[request->queue], request->chain.place, request->written);
    client->used |= 1u << request->queue;
}

void client_interrupt(struct client *client)
{
    bool wanted = false;
    for (uint32_t left = client->state == CLIENT_SERVING ? client->used : 0; left; left &= left - 1)
        wanted |= vq_interrupts(&client->queues[__builtin_ctz(left)]);
    client->used = 0;
    if (wanted)
        client->peers.interrupt(client->peers.context);
}

bool client_sleep(struct client *client)
{
    bool sleeps = true;
    for (uint32_t i = 0; i < client->queue_count && client->state == CLIENT_SERVING; i++) {
        if (!queue_is_used(client, i))
            continue;
        client->awake &= ~(1u << i);
        sleeps &= vq_sleep(&client->queues[i]);
    }
    return sleeps;
}
