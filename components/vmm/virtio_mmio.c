/*
 * Version 2 of the registers (§4.2.2). The selectors take no lock: one word each; a driver that uses them on two vCPUs at once gets what it asks for. A queue's
 * settings go to the front as a whole.
 */
#include "virtio_mmio.h"

#include "machine.h"
#include "mmio.h"
#include "virtio_front.h"

enum {
    MAGIC_VALUE = 0x000,
    VERSION = 0x004,
    DEVICE_ID = 0x008,
    VENDOR_ID = 0x00c,
    DEVICE_FEATURES = 0x010,
    DEVICE_FEATURES_SEL = 0x014,
    DRIVER_FEATURES = 0x020,
    DRIVER_FEATURES_SEL = 0x024,
    QUEUE_SEL = 0x030,
    QUEUE_NUM_MAX = 0x034,
    QUEUE_NUM = 0x038,
    QUEUE_READY = 0x044,
    QUEUE_NOTIFY = FRONT_NOTIFY,
    INTERRUPT_STATUS = 0x060,
    INTERRUPT_ACK = 0x064,
    STATUS = 0x070,
    QUEUE_DESC_LOW = 0x080,
    QUEUE_DESC_HIGH = 0x084,
    QUEUE_DRIVER_LOW = 0x090,
    QUEUE_DRIVER_HIGH = 0x094,
    QUEUE_DEVICE_LOW = 0x0a0,
    QUEUE_DEVICE_HIGH = 0x0a4,
    SHM_LEN_LOW = 0x0b0,
    SHM_BASE_HIGH = 0x0bc,
    CONFIG_GENERATION = 0x0fc,
    CONFIG = 0x100,
};

enum {
    MAGIC = 0x74726976,  /* "virt" */
    VENDOR = 0x42484c4b, /* "KLHB" */
    REGISTER_SIZE = 4,
};

static struct virtio_mmio_state selected[FRONT_MAX];

static uint32_t queue_register_read(struct front *front, const struct virtio_mmio_state *select, uint64_t offset)
{
    switch (offset) {
    case QUEUE_NUM_MAX:
        return front_queue_max(front, select->queue);
    case QUEUE_READY:
        return front_queue_ready(front, select->queue);
    default:
        return offset >= SHM_LEN_LOW && offset <= SHM_BASE_HIGH ? UINT32_MAX : 0; /* no shared memory, whatever SHMSel says (§4.2.2) */
    }
}

static uint32_t device_register_read(struct front *front, const struct virtio_mmio_state *select, uint64_t offset)
{
    switch (offset) {
    case DEVICE_ID:
        return front->device;
    case DEVICE_FEATURES:
        return front_offered(front, select->device_features);
    case INTERRUPT_STATUS:
        return front_interrupts(front);
    case STATUS:
        return front_status(front);
    case CONFIG_GENERATION:
        return front_generation(front);
    default:
        return queue_register_read(front, select, offset);
    }
}

/* A page without a device says so by the device ID 0 (§4.2.2), and nothing else. */
static uint32_t register_read(unsigned index, uint64_t offset)
{
    struct front *front = front_at(index);
    switch (offset) {
    case MAGIC_VALUE:
        return MAGIC;
    case VERSION:
        return 2;
    case VENDOR_ID:
        return VENDOR;
    default:
        return front ? device_register_read(front, &selected[index], offset) : 0;
    }
}

uint64_t virtio_mmio_read(unsigned vcpu, uint64_t offset, unsigned size)
{
    unsigned index = (unsigned)(offset / FRONT_SIZE);
    uint64_t at = offset % FRONT_SIZE;
    (void)vcpu;
    if (at < CONFIG)
        return register_read(index, at & ~UINT64_C(3)) >> 8 * (at & 3);
    struct front *front = front_at(index);
    return front ? front_config_read(front, at - CONFIG, size) : 0;
}

static void low_set(uint64_t *address, uint32_t value)
{
    *address = (*address & ~UINT64_C(0xffffffff)) | value;
}

static void high_set(uint64_t *address, uint32_t value)
{
    *address = (uint32_t)*address | (uint64_t)value << 32;
}

static void queue_register_write(struct front *front, uint32_t queue, uint64_t offset, uint32_t value)
{
    struct link_queue settings = front_queue(front, queue);
    switch (offset) {
    case QUEUE_NUM:
        settings.size = value;
        break;
    case QUEUE_DESC_LOW:
        low_set(&settings.descriptors, value);
        break;
    case QUEUE_DESC_HIGH:
        high_set(&settings.descriptors, value);
        break;
    case QUEUE_DRIVER_LOW:
        low_set(&settings.available, value);
        break;
    case QUEUE_DRIVER_HIGH:
        high_set(&settings.available, value);
        break;
    case QUEUE_DEVICE_LOW:
        low_set(&settings.used, value);
        break;
    case QUEUE_DEVICE_HIGH:
        high_set(&settings.used, value);
        break;
    default:
        return;
    }
    front_queue_write(front, queue, &settings);
}

static void selected_reset(unsigned index)
{
    selected[index] = (struct virtio_mmio_state){0};
}

static void status_write(struct front *front, unsigned index, uint32_t value)
{
    if (!value)
        selected_reset(index);
    front_status_write(front, value);
}

static void register_write(struct front *front, unsigned index, uint64_t offset, uint32_t value)
{
    struct virtio_mmio_state *select = &selected[index];
    switch (offset) {
    case DEVICE_FEATURES_SEL:
        select->device_features = value;
        break;
    case DRIVER_FEATURES:
        front_accept(front, select->driver_features, value);
        break;
    case DRIVER_FEATURES_SEL:
        select->driver_features = value;
        break;
    case QUEUE_SEL:
        select->queue = value;
        break;
    case QUEUE_READY:
        front_queue_ready_write(front, select->queue, value & 1);
        break;
    case QUEUE_NOTIFY: /* whichever queue: those that are empty cost a look */
        front_notify(front);
        break;
    case INTERRUPT_ACK:
        front_acknowledge(front, value);
        break;
    case STATUS:
        status_write(front, index, value);
        break;
    default:
        queue_register_write(front, select->queue, offset, value);
    }
}

/* Configuration fields of our devices are read-only; control registers take stores of their own size only (§4.2.2.2). */
void virtio_mmio_write(unsigned vcpu, uint64_t offset, unsigned size, uint64_t value)
{
    unsigned index = (unsigned)(offset / FRONT_SIZE);
    struct front *front = front_at(index);
    (void)vcpu;
    if (front && size == REGISTER_SIZE && offset % FRONT_SIZE < CONFIG)
        register_write(front, index, offset % FRONT_SIZE, (uint32_t)value);
}

void virtio_mmio_reset(void)
{
    for (unsigned i = 0; i < FRONT_MAX; i++)
        selected_reset(i);
}

bool virtio_mmio_build(void)
{
    struct mmio_range range = {FRONT_BASE, 0, virtio_mmio_read, virtio_mmio_write, "virtio devices"};
    for (unsigned i = 0; i < FRONT_MAX; i++)
        if (front_at(i))
            range.size = (i + 1) * FRONT_SIZE;
    return !range.size || mmio_register(&range);
}
