/* virtio over registers in memory: virtio 1.2 §4.2, version 2. */
#include "transport.h"

#include "registers.h"

/* §4.2.2. */
enum {
    MAGIC = 0x000,
    VERSION = 0x004,
    DEVICE_ID = 0x008,
    DEVICE_FEATURES = 0x010,
    DEVICE_FEATURES_SELECT = 0x014,
    DRIVER_FEATURES = 0x020,
    DRIVER_FEATURES_SELECT = 0x024,
    QUEUE_SELECT = 0x030,
    QUEUE_MOST = 0x034,
    QUEUE_SIZE = 0x038,
    QUEUE_READY = 0x044,
    QUEUE_NOTIFY = 0x050,
    INTERRUPT_STATUS = 0x060,
    INTERRUPT_ACK = 0x064,
    STATUS = 0x070,
    QUEUE_DESCRIPTORS = 0x080,
    QUEUE_AVAILABLE = 0x090,
    QUEUE_USED = 0x0a0,
    CONFIG_GENERATION = 0x0fc,
    CONFIG = 0x100,
};
enum { MAGIC_VALUE = 0x74726976, VERSION_MODERN = 2 };
enum { RESET_TRIES = 1000000, CONFIG_TRIES = 16 };

static const char *mmio_probe(const struct transport *transport, uint32_t kind)
{
    if (register_read(transport->base, MAGIC) != MAGIC_VALUE)
        return "there is no virtio-mmio device at the address of its `device`";
    uint32_t id = register_read(transport->base, DEVICE_ID);
    if (!id)
        return "nothing is attached to its virtio-mmio `device`; is the disk's image missing?";
    if (id != kind)
        return "the virtio-mmio device that `device` names is no disk";
    if (register_read(transport->base, VERSION) != VERSION_MODERN)
        return "its virtio-mmio device is a legacy one (QEMU: -global virtio-mmio.force-legacy=false)";
    return 0;
}

/* §4.2.3.1.1. The emulator finishes what is in flight before it answers. */
static bool mmio_reset(const struct transport *transport)
{
    register_write(transport->base, STATUS, 0);
    for (int tries = 0; tries < RESET_TRIES; tries++)
        if (!register_read(transport->base, STATUS))
            return true;
    return false;
}

static uint32_t mmio_status(const struct transport *transport)
{
    return register_read(transport->base, STATUS);
}

static void mmio_status_add(const struct transport *transport, uint32_t bits)
{
    register_write(transport->base, STATUS, register_read(transport->base, STATUS) | bits);
}

static uint64_t mmio_features(const struct transport *transport)
{
    register_write(transport->base, DEVICE_FEATURES_SELECT, 1);
    uint64_t high = register_read(transport->base, DEVICE_FEATURES);
    register_write(transport->base, DEVICE_FEATURES_SELECT, 0);
    return high << 32 | register_read(transport->base, DEVICE_FEATURES);
}

static void mmio_accept(const struct transport *transport, uint64_t features)
{
    register_write(transport->base, DRIVER_FEATURES_SELECT, 1);
    register_write(transport->base, DRIVER_FEATURES, (uint32_t)(features >> 32));
    register_write(transport->base, DRIVER_FEATURES_SELECT, 0);
    register_write(transport->base, DRIVER_FEATURES, (uint32_t)features);
}

static uint32_t mmio_queue_most(const struct transport *transport)
{
    register_write(transport->base, QUEUE_SELECT, 0);
    return register_read(transport->base, QUEUE_MOST);
}

static void address_write(const struct transport *transport, uint32_t offset, uint64_t address)
{
    register_write(transport->base, offset, (uint32_t)address);
    register_write(transport->base, offset + 4, (uint32_t)(address >> 32));
}

static void mmio_queue_set(const struct transport *transport, const struct ring *ring)
{
    register_write(transport->base, QUEUE_SELECT, 0);
    register_write(transport->base, QUEUE_SIZE, ring->size);
    address_write(transport, QUEUE_DESCRIPTORS, ring->descriptors_bus);
    address_write(transport, QUEUE_AVAILABLE, ring->available_bus);
    address_write(transport, QUEUE_USED, ring->used_bus);
    device_publish();
    register_write(transport->base, QUEUE_READY, 1);
}

static void mmio_notify(const struct transport *transport)
{
    register_write(transport->base, QUEUE_NOTIFY, 0);
}

static uint32_t mmio_interrupts(const struct transport *transport)
{
    uint32_t pending = register_read(transport->base, INTERRUPT_STATUS);
    register_write(transport->base, INTERRUPT_ACK, pending);
    return pending;
}

/* §4.2.2.2: once more if it has changed meanwhile. Byte by byte is right for fields of any width of a little-endian space that does not change. */
static void mmio_config(const struct transport *transport, uint32_t offset, void *to, uint32_t size)
{
    for (int tries = 0; tries < CONFIG_TRIES; tries++) {
        uint32_t before = register_read(transport->base, CONFIG_GENERATION);
        for (uint32_t i = 0; i < size; i++)
            ((uint8_t *)to)[i] = register_read_byte(transport->base, CONFIG + offset + i);
        if (register_read(transport->base, CONFIG_GENERATION) == before)
            return;
    }
}

const struct transport_driver virtio_mmio = {
    .probe = mmio_probe,
    .reset = mmio_reset,
    .status = mmio_status,
    .status_add = mmio_status_add,
    .features = mmio_features,
    .accept = mmio_accept,
    .queue_most = mmio_queue_most,
    .queue_set = mmio_queue_set,
    .notify = mmio_notify,
    .interrupts = mmio_interrupts,
    .config = mmio_config,
};
