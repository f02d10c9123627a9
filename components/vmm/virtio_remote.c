/*
 * The monitor's side of a link. All that a driver writes there may be nonsense: it is copied before it is looked at. The queues themselves, and the line when
 * something was put into them, are the driver's affair.
 */
#include "virtio_remote.h"

#include "call_stubs.h"
#include "clock.h"
#include "devices.h"
#include "machine.h"
#include "print.h"
#include "report.h"
#include "startup.h"
#include "string.h"
#include "virtio_front.h"

enum {
    OFFER_WAIT_US = 2000000, /* for a driver that has just started to find its device */
    OFFER_LOOK_US = 1000,
    LATE_US = 100000,
    FEATURE_RING_RESET = 40,
};

/* A link; constant once built but for `late`. */
struct remote {
    struct virtio_link *link; /* LINK_SIZE_MONITOR bytes of it */
    cap_t signal; /* the driver's */
    uint64_t bits;
    uint64_t late; /* when to tell root that a stop takes long */
};

static struct remote remotes[FRONT_MAX]; /* by front */

static struct remote *remote_of(const struct front *front)
{
    return &remotes[front->intid - FRONT_LINE];
}

static uint32_t load(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* --- starting and stopping -------------------------------------------------------------------------------------------- */

static void request_next(const struct remote *remote)
{
    __atomic_store_n(&remote->link->request, remote->link->request + 1, __ATOMIC_RELEASE);
    signal_raise(remote->signal, remote->bits);
}

static bool is_requested(const struct remote *remote)
{
    return load(&remote->link->request) & 1;
}

static void stop(struct front *front)
{
    struct remote *remote = remote_of(front);
    if (is_requested(remote))
        request_next(remote);
    __atomic_store_n(&remote->late, clock_deadline_us(LATE_US), __ATOMIC_RELAXED);
}

/* Or somebody has started it again. Root ends a driver that does not answer for too long, once it knows that somebody waits. */
static bool stopped(struct front *front)
{
    const struct remote *remote = remote_of(front);
    bool done = is_requested(remote) || link_answered(remote->link);
    if (!done && clock_now() >= __atomic_load_n(&remote->late, __ATOMIC_RELAXED))
        signal_raise(machine.status_signal, machine.status_mask);
    return done;
}

static struct link_queue queue_of(const struct front *front, unsigned queue)
{
    return queue < front->queues && front->state->ready >> queue & 1 ? front->state->queues[queue] : (struct link_queue){0};
}

/* Each time, since the driver's signal may be a successor's. Without a doorbell, stores to QueueNotify come to `notify`. */
static void doorbell_connect(const struct front *front, const struct remote *remote)
{
    uint64_t page = FRONT_BASE + (uint64_t)(front->intid - FRONT_LINE) * FRONT_SIZE;
    vm_doorbell(machine.vm, page + FRONT_NOTIFY, remote->signal, remote->bits);
}

static const char *start(struct front *front)
{
    const struct remote *remote = remote_of(front);
    remote->link->negotiated = front->state->accepted;
    for (unsigned i = 0; i < LINK_QUEUES; i++)
        remote->link->queue[i] = queue_of(front, i);
    doorbell_connect(front, remote);
    request_next(remote);
    return NULL;
}

static const char *notify(struct front *front)
{
    const struct remote *remote = remote_of(front);
    signal_raise(remote->signal, remote->bits);
    return NULL;
}

/* --- what the driver offers ------------------------------------------------------------------------------------------- */

/* False: the driver is writing it, or has no device. `generation` is that of the copy. */
static bool offer_copy(const struct remote *remote, struct virtio_front_state *state, uint64_t *features)
{
    const struct link_offer *from = &remote->link->offer;
    uint32_t generation = load(&from->generation);
    uint32_t size = load(&from->config_size);
    *features = from->features;
    memcpy(state->config, from->config, sizeof state->config);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (generation & 1 || !size || load(&from->generation) != generation)
        return false;
    state->config_size = size < LINK_CONFIG_SIZE ? size : LINK_CONFIG_SIZE;
    state->offer = generation;
    return true;
}

static void no_device_report(const struct front *front, const struct remote *remote)
{
    char text[sizeof remote->link->offer.text];
    string_copy(text, sizeof text, remote->link->offer.text);
    report_line("VM %s: %s: %s", machine.name, front->name, text[0] ? text : "its driver has found no device yet");
}

/*
 * After a reset: what the driver offers now. There is a device for the guest in any case: a driver that has none now may have one when its successor runs, and
 * then says so by a change of configuration.
 */
static void offer(struct front *front)
{
    uint64_t features = 0;
    if (!offer_copy(remote_of(front), front->state, &features))
        front->state->config_size = 0;
    front->state->offered = (features & ~(UINT64_C(1) << FEATURE_RING_RESET)) | UINT64_C(1) << VIRTIO_F_VERSION_1;
}

static bool is_offered(const struct remote *remote)
{
    const struct link_offer *from = &remote->link->offer;
    return load(&from->config_size) && !(load(&from->generation) & 1);
}

void virtio_remote_await(void)
{
    uint64_t end = clock_deadline_us(OFFER_WAIT_US);
    for (unsigned i = 0; i < FRONT_MAX; i++) {
        const struct remote *remote = &remotes[i];
        while (remote->link && !is_offered(remote) && clock_now() < end)
            clock_sleep_us(OFFER_LOOK_US);
        if (remote->link && !is_offered(remote))
            no_device_report(front_at(i), remote);
    }
}

/* --- what it says ------------------------------------------------------------------------------------------------------ */

/* Features are negotiated once; the configuration may change (§2.5). A copy that fails is made when the driver next raises WAKE_LINK: it does when it is done. */
static void config_update(struct front *front)
{
    const struct remote *remote = remote_of(front);
    struct virtio_front_state *state = front->state;
    struct virtio_front_state copy = {.config_size = 0};
    uint64_t features;
    if (load(&remote->link->offer.generation) == state->offer || !offer_copy(remote, &copy, &features))
        return;
    state->offer = copy.offer;
    if (copy.config_size == state->config_size && !memcmp(copy.config, state->config, sizeof copy.config))
        return;
    state->config_size = copy.config_size;
    memcpy(state->config, copy.config, sizeof copy.config);
    __atomic_store_n(&state->generation, state->generation + 1, __ATOMIC_RELEASE);
    if (state->status & VIRTIO_S_DRIVER_OK)
        front_interrupt(front, FRONT_CONFIG);
}

static const char *event(struct front *front)
{
    const struct remote *remote = remote_of(front);
    config_update(front);
    if (!front->state->running || load(&remote->link->broken) != remote->link->request)
        return NULL;
    return remote->link->why;
}

static void link_build(const struct startup_resource *resource)
{
    static const struct front_backend backend = {true, offer, start, notify, stop, stopped, event};
    struct virtio_link *link = (struct virtio_link *)resource->address; /* NOLINT: mapped there by root */
    const char *name = strchr(resource->name, '/') + 1;
    unsigned index = resource->number - FRONT_LINE;
    if (devices_have_line(resource->number)) {
        report_line("VM %s: it has no %s, since a device in `devices` has its interrupt, INTID %u", machine.name, name, resource->number);
        return;
    }
    if (!link || resource->size < LINK_SIZE_MONITOR || link->magic != LINK_MAGIC || !front_build(index, name, link->device, link->queues, &backend))
        component_fail("VM %s: its device %s has no link, no place (INTID %u) or more than %d queues", machine.name, name, resource->number, LINK_QUEUES);
    remotes[index] = (struct remote){link, resource->slot, resource->value, 0};
}

void virtio_remote_build(void)
{
    const struct startup_resource *at = NULL;
    while ((at = startup_each("link/", at)))
        link_build(at);
}
