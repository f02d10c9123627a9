/* A guest with one queue, and the component that serves it, which may be killed at any store. For tests of components/virtio/. */
#ifndef VIRTIO_MACHINE_H
#define VIRTIO_MACHINE_H

#include "virtio/queue.h"
#include "virtio_driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static _Alignas(4096) uint8_t ram[RAM_SIZE];
static struct link_window window;
static struct link_record record;
static struct link_queue rings;
static struct vq_memory memory = {&window, 1};
static struct vq queue;
static struct vq_chain chain;
static struct driver driver;
static uint64_t features;

enum { BUS = 0x70000000 };

/* --- death ---------------------------------------------------------------------------------------------------------------------- */

/* Stores until the component is killed; 0: it lives. */
static unsigned long stores_left, stores_done;
static jmp_buf killed;

void vq_stored(void)
{
    stores_done++;
    if (stores_left && !--stores_left)
        longjmp(killed, 1);
}

/* --- a machine ------------------------------------------------------------------------------------------------------------------ */

static bool component_start(uint32_t request)
{
    memset(&queue, 0xa5, sizeof queue); /* nothing is left of a predecessor's */
    return vq_start(&queue, &memory, &rings, features, &record, request);
}

static void machine_build(bool packed, uint16_t size, uint64_t more)
{
    window = (struct link_window){RAM_BASE, RAM_SIZE, (uint64_t)(uintptr_t)ram, BUS};
    rings = (struct link_queue){RAM_BASE + DESCRIPTORS_AT, RAM_BASE + AVAILABLE_AT, RAM_BASE + USED_AT, size, 0};
    features = UINT64_C(1) << VIRTIO_F_VERSION_1 | UINT64_C(1) << VIRTIO_F_INDIRECT_DESC | more | (uint64_t)packed << VIRTIO_F_RING_PACKED;
    stores_left = 0;
    memset(&record, 0, sizeof record);
    driver_init(&driver, ram, packed, size);
    assert_true(component_start(1));
}

static uint32_t chain_number(void)
{
    uint32_t number;
    assert_in_range(chain.readable, 1, VQ_SEGMENTS);
    assert_int_equal(chain.segments[0].size, sizeof number);
    memcpy(&number, chain.segments[0].at, sizeof number);
    return number;
}

static uint32_t take(void)
{
    return vq_take(&queue, &chain) ? chain_number() : 0;
}

/* --- both kinds ----------------------------------------------------------------------------------------------------------------- */

static const struct {
    bool packed;
    uint16_t size;
} kinds[] = {{false, 1}, {false, 8}, {false, 256}, {true, 1}, {true, 7}, {true, 8}, {true, 256}};

#define EACH_KIND(i) for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)

#endif
