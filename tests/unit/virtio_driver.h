/*
 * A guest's side of a virtqueue, for tests: written from virtio 1.2 §2.7 and §2.8 alone, and knowing nothing of components/virtio. Requests have numbers
 * (from 1), of which each comes back once.
 */
#ifndef VIRTIO_DRIVER_H
#define VIRTIO_DRIVER_H

#include <bulkhead/virtio.h>
#include <bulkhead/virtio_link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    RAM_SIZE = 0x40000,
    DESCRIPTORS_AT = 0x1000,
    AVAILABLE_AT = 0x3000,
    USED_AT = 0x4000,
    BUFFERS_AT = 0x10000, /* BUFFERS of BUFFER_SIZE for each descriptor */
    BUFFERS = 4,
    BUFFER_SIZE = 64,
    TABLES_AT = 0x20000,  /* an indirect table for each descriptor */
    TABLE_ENTRIES = 8,
};
static const uint64_t RAM_BASE = 0x40000000;

struct driver {
    uint8_t *ram;
    bool packed;
    uint16_t size;
    uint16_t free[LINK_QUEUE_SIZE], free_count; /* split: descriptors; packed: ids */
    uint32_t number[LINK_QUEUE_SIZE];           /* of the request, by head or id; 0: none */
    uint16_t parts[LINK_QUEUE_SIZE];            /* its descriptors in the ring */
    uint16_t room;                              /* descriptors of the ring */
    uint16_t available, seen;                   /* split: indices; packed: places */
    bool available_wrap, seen_wrap;
    uint32_t added, returned;
};

static uint16_t *word16(struct driver *driver, uint32_t at)
{
    return (uint16_t *)(void *)(driver->ram + at);
}

static struct link_descriptor *descriptor(struct driver *driver, unsigned index)
{
    return (struct link_descriptor *)(void *)(driver->ram + DESCRIPTORS_AT) + index;
}

static void driver_init(struct driver *driver, uint8_t *ram, bool packed, uint16_t size)
{
    *driver = (struct driver){.ram = ram, .packed = packed, .size = size, .available_wrap = true, .seen_wrap = true, .room = size};
    memset(ram, 0, BUFFERS_AT);
    for (uint16_t i = size; i-- > 0;)
        driver->free[driver->free_count++] = i;
}

/* The n-th of `parts` (at most BUFFERS) buffers of a request: the first is read and holds its number, the last is written. */
static struct link_descriptor buffer_of(struct driver *driver, uint16_t owner, unsigned n, unsigned parts, uint32_t number)
{
    uint32_t at = BUFFERS_AT + (owner * BUFFERS + n) * BUFFER_SIZE;
    if (!n)
        memcpy(driver->ram + at, &number, sizeof number);
    return (struct link_descriptor){RAM_BASE + at, n ? BUFFER_SIZE : sizeof number, 0, n && n + 1 == parts ? VIRTIO_D_WRITE : 0};
}

static void split_add(struct driver *driver, uint16_t head, unsigned parts, bool indirect, uint32_t number)
{
    uint16_t at = head;
    struct link_descriptor *table = (struct link_descriptor *)(void *)(driver->ram + TABLES_AT) + head * TABLE_ENTRIES;
    for (unsigned n = 0; n < parts; n++) {
        bool last = n + 1 == parts;
        uint16_t next = (uint16_t)(last ? 0 : indirect ? n + 1 : driver->free[--driver->free_count]);
        struct link_descriptor one = buffer_of(driver, head, n, parts, number);
        one.a = (uint16_t)(one.b | (last ? 0 : VIRTIO_D_NEXT));
        one.b = next;
        *(indirect ? &table[n] : descriptor(driver, at)) = one;
        at = next;
    }
    if (indirect)
        *descriptor(driver, head) =
            (struct link_descriptor){RAM_BASE + (uint64_t)((uint8_t *)table - driver->ram), parts * 16, VIRTIO_D_INDIRECT, 0};
    *word16(driver, AVAILABLE_AT + 4 + driver->available % driver->size * 2u) = head;
    *word16(driver, AVAILABLE_AT + 2) = ++driver->available;
}

static uint16_t packed_flags(const struct driver *driver)
{
    return driver->available_wrap ? VIRTIO_D_AVAILABLE : VIRTIO_D_USED;
}

static void packed_next(struct driver *driver)
{
    if (++driver->available == driver->size) {
        driver->available = 0;
        driver->available_wrap = !driver->available_wrap;
    }
}

static void packed_add(struct driver *driver, uint16_t id, unsigned parts, bool indirect, uint32_t number)
{
    struct link_descriptor *table = (struct link_descriptor *)(void *)(driver->ram + TABLES_AT) + id * TABLE_ENTRIES;
    for (unsigned n = 0; n < parts; n++) {
        struct link_descriptor one = buffer_of(driver, id, n, parts, number);
        one.a = id;
        if (indirect) {
            table[n] = one;
        } else {
            one.b = (uint16_t)(one.b | (n + 1 < parts ? VIRTIO_D_NEXT : 0) | packed_flags(driver));
            *descriptor(driver, driver->available) = one;
            packed_next(driver);
        }
    }
    if (!indirect)
        return;
    *descriptor(driver, driver->available) = (struct link_descriptor){RAM_BASE + (uint64_t)((uint8_t *)table - driver->ram), parts * 16, id,
                                                                      (uint16_t)(VIRTIO_D_INDIRECT | packed_flags(driver))};
    packed_next(driver);
}

/* Makes a request of that many buffers available; 0: there is no room. Else its number. */
static uint32_t driver_add(struct driver *driver, unsigned parts, bool indirect)
{
    uint16_t places = (uint16_t)(indirect ? 1 : parts);
    if (driver->room < places)
        return 0;
    uint16_t head = driver->free[--driver->free_count];
    uint32_t number = ++driver->added;
    driver->room = (uint16_t)(driver->room - places);
    driver->number[head] = number;
    driver->parts[head] = places;
    (driver->packed ? packed_add : split_add)(driver, head, parts, indirect, number);
    return number;
}

static bool split_get(struct driver *driver, uint32_t *id, uint32_t *written)
{
    if (*word16(driver, USED_AT + 2) == driver->seen)
        return false;
    uint32_t *element = (uint32_t *)(void *)(driver->ram + USED_AT + 4 + driver->seen % driver->size * 8u);
    *id = element[0];
    *written = element[1];
    driver->seen++;
    return true;
}

static bool packed_get(struct driver *driver, uint32_t *id, uint32_t *written)
{
    const struct link_descriptor *used = descriptor(driver, driver->seen);
    if (!!(used->b & VIRTIO_D_AVAILABLE) != driver->seen_wrap || !!(used->b & VIRTIO_D_USED) != driver->seen_wrap)
        return false;
    *id = used->a;
    *written = used->length;
    driver->seen = (uint16_t)(driver->seen + (*id < driver->size ? driver->parts[*id] : 1));
    if (driver->seen >= driver->size) {
        driver->seen = (uint16_t)(driver->seen - driver->size);
        driver->seen_wrap = !driver->seen_wrap;
    }
    return true;
}

/* The number of a request that has come back; 0: none; UINT32_MAX: of one that was not under way. */
static uint32_t driver_get(struct driver *driver, uint32_t *written)
{
    uint32_t id;
    if (!(driver->packed ? packed_get : split_get)(driver, &id, written))
        return 0;
    uint32_t number = id < driver->size ? driver->number[id] : 0;
    if (!number)
        return UINT32_MAX;
    driver->number[id] = 0;
    driver->room = (uint16_t)(driver->room + driver->parts[id]);
    driver->returned++;
    uint16_t at = (uint16_t)id;
    for (uint16_t i = driver->packed ? 1 : driver->parts[id]; i; i--) {
        driver->free[driver->free_count++] = at;
        at = descriptor(driver, at)->b;
    }
    return number;
}

#endif
