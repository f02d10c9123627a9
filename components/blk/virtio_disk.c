/* See virtio_disk.h. Each request has a slot: header, status and indirect table; the data's descriptors point at the guests' own pages. */
#include "virtio_disk.h"

#include "registers.h"
#include "virtio_blk.h"

#include <bulkhead/virtio.h>
#include <string.h>

struct virtio_disk_slot {
    struct blk_header header;
    struct blk_range range;
    uint8_t status, padding[15];
    struct ring_descriptor table[DISK_SEGMENTS + 2];
};

enum { STATUS_NONE = 0xff, REQUEST_BYTES = 4 << 20 /* of one request: more holds up the others */ };

#define FEATURE(bit) (UINT64_C(1) << (bit))
#define WANTED                                                                                                                                          \
    (FEATURE(VIRTIO_F_VERSION_1) | FEATURE(VIRTIO_F_INDIRECT_DESC) | FEATURE(VIRTIO_F_ACCESS_PLATFORM) | FEATURE(BLK_F_SIZE_MAX) | FEATURE(BLK_F_SEG_MAX) | \
        FEATURE(BLK_F_RO) | FEATURE(BLK_F_BLK_SIZE) | FEATURE(BLK_F_FLUSH) | FEATURE(BLK_F_DISCARD) | FEATURE(BLK_F_WRITE_ZEROES))
#define NEEDED (FEATURE(VIRTIO_F_VERSION_1) | FEATURE(VIRTIO_F_INDIRECT_DESC))

static struct virtio_disk *of(struct disk *disk)
{
    return (struct virtio_disk *)disk;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Zero stands for a device that says nothing, or nonsense. */
static uint32_t least_but_zero(uint32_t a, uint32_t b)
{
    return a && a < b ? a : b;
}

static void facts_of_ranges(struct disk_facts *facts, uint64_t features, const struct blk_config *config)
{
    facts->discard = features & FEATURE(BLK_F_DISCARD) && config->max_discard_seg && config->max_discard_sectors;
    facts->discard_sectors = config->max_discard_sectors;
    facts->discard_alignment = config->discard_sector_alignment ? config->discard_sector_alignment : 1;
    facts->write_zeroes = features & FEATURE(BLK_F_WRITE_ZEROES) && config->max_write_zeroes_seg && config->max_write_zeroes_sectors;
    facts->zeroes_sectors = config->max_write_zeroes_sectors;
    facts->zeroes_unmap = config->write_zeroes_may_unmap;
}

static const char *facts_read(struct virtio_disk *disk, uint64_t features)
{
    struct disk_facts *facts = &disk->disk.facts;
    struct blk_config config;
    disk->transport.driver->config(&disk->transport, 0, &config, sizeof(config));
    facts->sectors = config.capacity;
    facts->block_size = features & FEATURE(BLK_F_BLK_SIZE) ? config.blk_size : DISK_SECTOR;
    facts->segments = least(features & FEATURE(BLK_F_SEG_MAX) ? config.seg_max : 1, DISK_SEGMENTS);
    facts->segment_bytes = features & FEATURE(BLK_F_SIZE_MAX) ? least_but_zero(config.size_max, REQUEST_BYTES) : REQUEST_BYTES;
    facts->bytes = REQUEST_BYTES;
    facts->read_only = features & FEATURE(BLK_F_RO);
    facts->flush = features & FEATURE(BLK_F_FLUSH);
    facts_of_ranges(facts, features, &config);
    if (facts->block_size < DISK_SECTOR || facts->block_size > 4096 || facts->block_size & (facts->block_size - 1))
        return "its blocks are neither of 512 bytes nor of a power of two up to 4096";
    if (!facts->segments)
        facts->segments = 1;
    return NULL;
}

static const char *memory_take(struct virtio_disk *disk, uint32_t most)
{
    uint16_t size = (uint16_t)(most < DISK_DEPTH ? 1u << (31 - __builtin_clz(most)) : DISK_DEPTH);
    if (!ring_make(&disk->ring, disk->dma, size))
        return "its memory for DMA is too small";
    uint64_t room = disk->dma->size / sizeof(struct virtio_disk_slot);
    uint32_t depth = room < size ? (uint32_t)room : size;
    disk->slots = dma_take(disk->dma, depth * sizeof(struct virtio_disk_slot), 16, &disk->slots_bus);
    disk->disk.facts.depth = depth;
    return disk->slots && depth ? NULL : "its memory for DMA is too small";
}

static const char *negotiate(struct virtio_disk *disk, uint64_t *features)
{
    const struct transport_driver *driver = disk->transport.driver;
    driver->status_add(&disk->transport, VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER);
    *features = driver->features(&disk->transport) & WANTED;
    if ((*features & NEEDED) != NEEDED)
        return "it lacks a feature that the driver needs: VIRTIO_F_VERSION_1 and VIRTIO_F_INDIRECT_DESC";
    driver->accept(&disk->transport, *features);
    driver->status_add(&disk->transport, VIRTIO_S_FEATURES_OK);
    return driver->status(&disk->transport) & VIRTIO_S_FEATURES_OK ? NULL : "it refuses the features that it offered itself";
}

/* virtio 1.2 §3.1.1. */
static const char *virtio_disk_start(struct disk *generic)
{
    struct virtio_disk *disk = of(generic);
    const struct transport_driver *driver = disk->transport.driver;
    uint64_t features;
    const char *problem = driver->probe(&disk->transport, VIRTIO_BLOCK);
    generic->is_quiet = problem || driver->reset(&disk->transport);
    if (problem)
        return problem;
    if (!generic->is_quiet)
        return "it does not come out of reset";
    if ((problem = negotiate(disk, &features)) || (problem = facts_read(disk, features)))
        return problem;
    uint32_t most = driver->queue_most(&disk->transport);
    if (!most)
        return "it has no queue";
    if ((problem = memory_take(disk, most)))
        return problem;
    driver->queue_set(&disk->transport, &disk->ring);
    driver->status_add(&disk->transport, VIRTIO_S_DRIVER_OK);
    return NULL;
}

static void descriptor_put(struct virtio_disk_slot *slot, uint32_t index, uint64_t bus, uint32_t size, uint32_t flags)
{
    slot->table[index] = (struct ring_descriptor){bus, size, (uint16_t)(flags | VIRTIO_D_NEXT), (uint16_t)(index + 1)};
}

/* The descriptors of the data; answers the index of the next one. */
static uint32_t data_put(struct virtio_disk_slot *slot, uint64_t slot_bus, const struct disk_request *request)
{
    uint32_t next = 1, flags = request->operation == DISK_READ ? VIRTIO_D_WRITE : 0;
    if (request->operation == DISK_DISCARD || request->operation == DISK_WRITE_ZEROES) {
        uint32_t unmap = request->operation == DISK_WRITE_ZEROES && request->unmap ? BLK_RANGE_UNMAP : 0;
        slot->range = (struct blk_range){request->sector, request->sectors, unmap};
        descriptor_put(slot, next++, slot_bus + offsetof(struct virtio_disk_slot, range), sizeof(slot->range), 0);
        return next;
    }
    for (uint32_t i = 0; i < request->count; i++)
        descriptor_put(slot, next++, request->segments[i].bus, request->segments[i].size, flags);
    return next;
}

static void virtio_disk_submit(struct disk *generic, const struct disk_request *request)
{
    static const uint8_t types[] = {
        [DISK_READ] = BLK_T_IN,
        [DISK_WRITE] = BLK_T_OUT,
        [DISK_FLUSH] = BLK_T_FLUSH,
        [DISK_DISCARD] = BLK_T_DISCARD,
        [DISK_WRITE_ZEROES] = BLK_T_WRITE_ZEROES,
    };
    struct virtio_disk *disk = of(generic);
    struct virtio_disk_slot *slot = &disk->slots[request->token];
    uint64_t bus = disk->slots_bus + request->token * sizeof(*slot);
    bool has_sector = request->operation == DISK_READ || request->operation == DISK_WRITE;
    slot->header = (struct blk_header){types[request->operation], 0, has_sector ? request->sector : 0};
    slot->status = STATUS_NONE;
    descriptor_put(slot, 0, bus, sizeof(slot->header), 0);
    uint32_t last = data_put(slot, bus, request);
    slot->table[last] = (struct ring_descriptor){bus + offsetof(struct virtio_disk_slot, status), 1, VIRTIO_D_WRITE, 0};
    ring_add(&disk->ring, (uint16_t)request->token, bus + offsetof(struct virtio_disk_slot, table), (last + 1) * (uint32_t)sizeof(slot->table[0]));
}

static void virtio_disk_go(struct disk *generic)
{
    struct virtio_disk *disk = of(generic);
    if (ring_show(&disk->ring))
        disk->transport.driver->notify(&disk->transport);
}

static bool virtio_disk_collect(struct disk *generic, uint32_t *token, enum disk_result *result)
{
    struct virtio_disk *disk = of(generic);
    uint16_t number;
    if (!ring_collect(&disk->ring, &number))
        return false;
    uint8_t status = *(volatile uint8_t *)&disk->slots[number].status;
    *token = number;
    *result = status == BLK_S_OK ? DISK_OK : status == BLK_S_UNSUPP ? DISK_UNSUPPORTED : DISK_ERROR;
    return true;
}

static bool virtio_disk_interrupt(struct disk *generic)
{
    struct virtio_disk *disk = of(generic);
    uint32_t why = disk->transport.driver->interrupts(&disk->transport);
    return !(why & 2) || !(disk->transport.driver->status(&disk->transport) & VIRTIO_S_NEEDS_RESET);
}

static const struct disk_driver virtio_disk_driver = {
    .start = virtio_disk_start,
    .submit = virtio_disk_submit,
    .go = virtio_disk_go,
    .collect = virtio_disk_collect,
    .interrupt = virtio_disk_interrupt,
};

void virtio_disk_init(struct virtio_disk *disk, const struct transport_driver *transport, uintptr_t base, struct dma *dma)
{
    memset(disk, 0, sizeof(*disk));
    disk->disk.driver = &virtio_disk_driver;
    disk->transport = (struct transport){transport, base};
    disk->dma = dma;
}
