/*
 * What a driver may do when (virtio 1.2 §2.1, §3.1). Lock: one per front, for its state; a report is made after it was released, and while somebody waits
 * for a backend to stop it is open: then the front takes no settings.
 */
#include "virtio_front.h"

#include "clock.h"
#include "lines.h"
#include "machine.h"
#include "report.h"
#include "string.h"

enum {
    WAIT_FIRST_US = 100,
    WAIT_LAST_US = 10000,
    STATUS_PLAIN = VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER | VIRTIO_S_FAILED, /* that a guest sets as it likes */
};

static struct virtio_front_state states[FRONT_MAX];
static struct front fronts[FRONT_MAX];

struct front *front_build(unsigned index, const char *name, uint32_t device, uint32_t queues, const struct front_backend *backend)
{
    struct front *front = index < FRONT_MAX ? &fronts[index] : NULL;
    if (!front || front->backend || queues > LINK_QUEUES)
        return NULL;
    *front = (struct front){backend, &states[index], {0}, name, device, queues, FRONT_LINE + index, false, ""};
    return front;
}

struct front *front_at(unsigned index)
{
    return index < FRONT_MAX && fronts[index].backend ? &fronts[index] : NULL;
}

static void leave(struct front *front)
{
    bool wrong = front->wrong;
    front->wrong = false;
    lock_release(&front->lock);
    if (wrong) /* `text` stays: it is written once per start of the VM */
        report_device(front->name, front->text);
}

static bool has_status(const struct front *front, uint32_t bits)
{
    return front->state->status & bits;
}

void front_interrupt(struct front *front, enum front_interrupt reason)
{
    __atomic_fetch_or(&front->state->interrupt, (uint32_t)reason, __ATOMIC_RELAXED);
    line_level(front->intid, true);
}

/* What a backend answers: NULL, or why it can no longer go on (§2.1.2). */
static void outcome(struct front *front, const char *wrong)
{
    struct virtio_front_state *state = front->state;
    if (!wrong)
        return;
    state->running = 0;
    state->status |= VIRTIO_S_NEEDS_RESET;
    front_interrupt(front, FRONT_CONFIG);
    if (state->reported)
        return;
    state->reported = 1;
    string_copy(front->text, sizeof front->text, wrong);
    front->wrong = true;
}

/* --- reset ------------------------------------------------------------------------------------------------------------ */

static void state_reset(struct front *front, uint32_t reported)
{
    *front->state = (struct virtio_front_state){.reported = reported};
    front->backend->offer(front);
}

static void stop_begin(struct front *front)
{
    front->state->running = 0;
    front->state->more = 0;
    front->backend->stop(front);
}

/* A driver that is gone answers by its successor or by root, so this ends (virtio_link.h). */
static void stop_wait(struct front *front)
{
    for (uint64_t us = WAIT_FIRST_US; !front->backend->stopped(front); us = us < WAIT_LAST_US ? 2 * us : us)
        clock_sleep_us(us);
}

/* Several vCPUs may ask for it at once: the first one that sees it stopped resets it, for all. */
static void device_reset(struct front *front)
{
    lock_take(&front->lock);
    front->state->stopping = 1;
    stop_begin(front);
    leave(front);
    stop_wait(front);
    lock_take(&front->lock);
    if (front->state->stopping)
        state_reset(front, front->state->reported);
    leave(front);
}

void fronts_reset(void)
{
    for (unsigned i = 0; i < FRONT_MAX; i++)
        if (fronts[i].backend)
            stop_begin(&fronts[i]);
    for (unsigned i = 0; i < FRONT_MAX; i++) {
        if (!fronts[i].backend)
            continue;
        stop_wait(&fronts[i]);
        state_reset(&fronts[i], 0);
    }
}

void fronts_event(void)
{
    for (unsigned i = 0; i < FRONT_MAX; i++) {
        struct front *front = &fronts[i];
        if (!front->backend)
            continue;
        lock_take(&front->lock);
        if (!front->state->stopping && !has_status(front, VIRTIO_S_NEEDS_RESET))
            outcome(front, front->backend->event(front));
        leave(front);
    }
}

/* --- status and features ---------------------------------------------------------------------------------------------- */

uint32_t front_offered(struct front *front, uint32_t word)
{
    return word < 2 ? (uint32_t)(front->state->offered >> 32 * word) : 0;
}

void front_accept(struct front *front, uint32_t word, uint32_t value)
{
    struct virtio_front_state *state = front->state;
    lock_take(&front->lock);
    if (!state->stopping && !has_status(front, VIRTIO_S_FEATURES_OK)) {
        if (word < 2)
            state->accepted = (state->accepted & UINT64_C(0xffffffff) << 32 * (1 - word)) | (uint64_t)value << 32 * word;
        else
            state->beyond |= value;
    }
    leave(front);
}

/* A driver that knows no version 1 would lay out its queues otherwise (§6.1). */
static bool features_are_ok(const struct virtio_front_state *state)
{
    return !state->beyond && !(state->accepted & ~state->offered) && state->accepted >> VIRTIO_F_VERSION_1 & 1;
}

uint32_t front_status(struct front *front)
{
    return __atomic_load_n(&front->state->status, __ATOMIC_RELAXED);
}

static void serving_start(struct front *front)
{
    if (!front->state->ready || front->state->running || has_status(front, VIRTIO_S_NEEDS_RESET))
        return;
    front->state->running = 1;
    outcome(front, front->backend->start(front));
}

/* Bits are only ever added (§2.1.1): FEATURES_OK if they are, DRIVER_OK after that. */
static void status_add(struct front *front, uint32_t value)
{
    struct virtio_front_state *state = front->state;
    uint32_t added = value & ~state->status;
    state->status |= added & STATUS_PLAIN;
    if (added & VIRTIO_S_FEATURES_OK && features_are_ok(state))
        state->status |= VIRTIO_S_FEATURES_OK;
    if (added & VIRTIO_S_DRIVER_OK && has_status(front, VIRTIO_S_FEATURES_OK)) {
        state->status |= VIRTIO_S_DRIVER_OK;
        serving_start(front);
    }
}

void front_status_write(struct front *front, uint32_t value)
{
    if (!value) {
        device_reset(front);
        return;
    }
    lock_take(&front->lock);
    if (!front->state->stopping)
        status_add(front, value);
    leave(front);
}

/* --- queues ----------------------------------------------------------------------------------------------------------- */

uint32_t front_queue_max(struct front *front, uint32_t queue)
{
    return queue < front->queues ? LINK_QUEUE_SIZE : 0;
}

struct link_queue front_queue(struct front *front, uint32_t queue)
{
    return queue < front->queues ? front->state->queues[queue] : (struct link_queue){0};
}

bool front_queue_ready(struct front *front, uint32_t queue)
{
    return queue < front->queues && front->state->ready >> queue & 1;
}

void front_queue_write(struct front *front, uint32_t queue, const struct link_queue *settings)
{
    lock_take(&front->lock);
    if (!front->state->stopping && queue < front->queues && !front_queue_ready(front, queue))
        front->state->queues[queue] = *settings;
    leave(front);
}

/* All queues of a device stop together: the driver that stops one of several has to reset the device. */
static void queue_stop(struct front *front, uint32_t bit)
{
    front->state->ready &= ~bit;
    if (!front->state->running)
        return;
    stop_begin(front);
    if (front->state->ready)
        outcome(front, "its driver stopped one queue of several");
}

void front_queue_ready_write(struct front *front, uint32_t queue, bool ready)
{
    struct virtio_front_state *state = front->state;
    bool stops = false;
    lock_take(&front->lock);
    if (!state->stopping && ready != front_queue_ready(front, queue) && queue < front->queues) {
        if (ready && !state->running) {
            state->ready |= 1u << queue;
            if (has_status(front, VIRTIO_S_DRIVER_OK))
                serving_start(front);
        } else if (!ready) {
            stops = state->running;
            queue_stop(front, 1u << queue);
        }
    }
    leave(front);
    if (stops)
        stop_wait(front);
}

void front_notify(struct front *front)
{
    lock_take(&front->lock);
    if (front->state->running)
        outcome(front, front->backend->notify(front));
    leave(front);
}

/* --- interrupts and configuration ------------------------------------------------------------------------------------- */

uint32_t front_interrupts(struct front *front)
{
    uint32_t bits = __atomic_load_n(&front->state->interrupt, __ATOMIC_RELAXED);
    return front->backend->notifies_itself && has_status(front, VIRTIO_S_DRIVER_OK) ? bits | FRONT_USED : bits;
}

void front_acknowledge(struct front *front, uint32_t bits)
{
    __atomic_fetch_and(&front->state->interrupt, ~bits, __ATOMIC_RELAXED);
}

uint64_t front_config_read(struct front *front, uint64_t offset, unsigned size)
{
    uint64_t value = 0;
    lock_take(&front->lock);
    for (unsigned i = 0; i < size; i++)
        if (offset + i < front->state->config_size)
            value |= (uint64_t)front->state->config[offset + i] << 8 * i;
    leave(front);
    return value;
}

uint32_t front_generation(struct front *front)
{
    return __atomic_load_n(&front->state->generation, __ATOMIC_RELAXED);
}
