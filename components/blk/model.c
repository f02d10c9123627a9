/*
 * See model.h. Guest memory is read once, into our own; what is checked is what is used. Descriptors may be cut anywhere: the header is the first 16 bytes that
 * the device may read, the status the last one that it may write (virtio 1.2 §2.7.4: no framing is assumed).
 */
#include "model.h"

#include <bulkhead/virtio.h>
#include <string.h>

#define FEATURE(bit) (UINT64_C(1) << (bit))

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t model_features(const struct model *model)
{
    const struct disk_facts *facts = model->facts;
    uint64_t features = FEATURE(BLK_F_SIZE_MAX) | FEATURE(BLK_F_SEG_MAX) | FEATURE(BLK_F_BLK_SIZE);
    if (!facts)
        return 0;
    if (model->queues > 1)
        features |= FEATURE(BLK_F_MQ);
    if (facts->flush)
        features |= FEATURE(BLK_F_FLUSH);
    if (model->read_only)
        return features | FEATURE(BLK_F_RO);
    if (facts->discard)
        features |= FEATURE(BLK_F_DISCARD);
    if (facts->write_zeroes)
        features |= FEATURE(BLK_F_WRITE_ZEROES);
    return features;
}

/* A range may be longer than the disk takes at a time: it is split. So the limits are the partition's, and the alignment that of its own first sector. */
void model_config(const struct model *model, struct blk_config *config)
{
    const struct disk_facts *facts = model->facts;
    memset(config, 0, sizeof(*config));
    if (!facts)
        return;
    uint32_t all = (uint32_t)least(model->sectors, UINT32_MAX);
    config->capacity = model->sectors;
    config->size_max = MODEL_SEGMENT_BYTES;
    config->seg_max = MODEL_SEGMENTS;
    config->blk_size = facts->block_size;
    config->num_queues = (uint16_t)model->queues;
    if (facts->discard) {
        config->max_discard_sectors = all;
        config->max_discard_seg = REQUEST_RANGES;
        config->discard_sector_alignment = facts->discard_alignment;
    }
    if (facts->write_zeroes) {
        config->max_write_zeroes_sectors = all;
        config->max_write_zeroes_seg = REQUEST_RANGES;
        config->write_zeroes_may_unmap = facts->zeroes_unmap;
    }
}

/* The compiler must not load from guest memory again what it has loaded. */
static void guest_read(void *to, const void *from, size_t size)
{
    memcpy(to, from, size);
    __asm__ volatile("" : : : "memory");
}

/* Takes `size` bytes off the front of the segments; false: there are not as many. */
static bool front_take(struct vq_segment **segments, uint32_t *count, void *to, uint32_t size)
{
    uint8_t *at = to;
    while (size) {
        if (!*count)
            return false;
        struct vq_segment *first = *segments;
        uint32_t part = (uint32_t)least(size, first->size);
        guest_read(at, first->at, part);
        at += part;
        size -= part;
        first->at = (uint8_t *)first->at + part;
        first->bus += part;
        first->size -= part;
        if (!first->size) {
            ++*segments;
            --*count;
        }
    }
    return true;
}

/* The last byte that may be written; the segments become the data's. False: there is none. */
static bool status_take(struct request *request, struct vq_segment *writable, uint32_t *count)
{
    if (!*count)
        return false;
    struct vq_segment *last = &writable[*count - 1];
    request->status = (uint8_t *)last->at + --last->size;
    if (!last->size)
        --*count;
    return true;
}

static uint64_t bytes_of(const struct vq_segment *segments, uint32_t count)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < count; i++)
        bytes += segments[i].size;
    return bytes;
}

static enum model_verdict done(struct request *request, enum blk_status result)
{
    request->result = (uint8_t)result;
    return MODEL_DONE;
}

static bool lies_within(const struct model *model, uint64_t sector, uint64_t sectors)
{
    uint32_t mask = model->facts->block_size / DISK_SECTOR - 1;
    return sector <= model->sectors && sectors <= model->sectors - sector && !(sector & mask) && !(sectors & mask);
}

static enum model_verdict transfer(const struct model *model, struct request *request, enum disk_operation operation, uint64_t sector)
{
    request->bytes = bytes_of(request->data, request->data_count);
    if (operation == DISK_WRITE && model->read_only)
        return done(request, BLK_S_IOERR);
    if (request->bytes % DISK_SECTOR || !lies_within(model, sector, request->bytes / DISK_SECTOR))
        return done(request, BLK_S_IOERR);
    request->written = operation == DISK_READ ? (uint32_t)least(request->bytes + 1, UINT32_MAX) : 1;
    request->operation = operation;
    request->sector = model->first + sector;
    return request->bytes ? MODEL_SUBMIT : done(request, BLK_S_OK);
}

static enum model_verdict identify(const struct model *model, struct request *request)
{
    uint32_t copied = 0;
    for (uint32_t i = 0; i < request->data_count && copied < BLK_ID_SIZE; i++) {
        uint32_t part = (uint32_t)least(request->data[i].size, BLK_ID_SIZE - copied);
        memcpy(request->data[i].at, model->id + copied, part);
        copied += part;
    }
    request->written = copied + (bytes_of(request->data, request->data_count) == copied);
    return done(request, BLK_S_OK);
}

/* virtio 1.2 §5.2.6.2: flags other than unmap are not supported, nor is unmap with a discard. */
static enum blk_status range_check(const struct model *model, enum disk_operation operation, const struct blk_range *range)
{
    if (range->flags & ~(uint32_t)BLK_RANGE_UNMAP || (operation == DISK_DISCARD && range->flags))
        return BLK_S_UNSUPP;
    return lies_within(model, range->sector, range->sectors) ? BLK_S_OK : BLK_S_IOERR;
}

/* All are checked before the first is carried out. */
static enum model_verdict ranges(const struct model *model, struct request *request, enum disk_operation operation)
{
    uint64_t bytes = bytes_of(request->data, request->data_count), sectors = 0;
    if (model->read_only || !bytes || bytes % sizeof(struct blk_range) || bytes > sizeof(request->ranges))
        return done(request, BLK_S_IOERR);
    front_take(&request->data, &request->data_count, request->ranges, (uint32_t)bytes);
    request->range_count = (uint32_t)(bytes / sizeof(struct blk_range));
    for (uint32_t i = 0; i < request->range_count; i++) {
        enum blk_status status = range_check(model, operation, &request->ranges[i]);
        if (status != BLK_S_OK)
            return done(request, status);
        request->ranges[i].sector += model->first;
        sectors += request->ranges[i].sectors;
    }
    request->operation = operation;
    return sectors ? MODEL_SUBMIT : done(request, BLK_S_OK);
}

static enum model_verdict dispatch(const struct model *model, uint64_t features, struct request *request, const struct blk_header *header)
{
    switch (header->type) {
    case BLK_T_IN:
        return transfer(model, request, DISK_READ, header->sector);
    case BLK_T_OUT:
        request->flush_after = model->facts->flush && !(features & FEATURE(BLK_F_FLUSH));
        return transfer(model, request, DISK_WRITE, header->sector);
    case BLK_T_FLUSH:
        request->operation = DISK_FLUSH;
        return model->facts->flush ? MODEL_SUBMIT : done(request, BLK_S_UNSUPP);
    case BLK_T_GET_ID:
        return identify(model, request);
    case BLK_T_DISCARD:
        return model->facts->discard ? ranges(model, request, DISK_DISCARD) : done(request, BLK_S_UNSUPP);
    case BLK_T_WRITE_ZEROES:
        return model->facts->write_zeroes ? ranges(model, request, DISK_WRITE_ZEROES) : done(request, BLK_S_UNSUPP);
    default:
        return done(request, BLK_S_UNSUPP);
    }
}

/* Data that is neither read nor written by the type of the request is left alone. */
enum model_verdict model_decode(const struct model *model, uint64_t features, struct request *request)
{
    struct vq_segment *readable = request->chain.segments, *writable = readable + request->chain.readable;
    uint32_t readable_count = request->chain.readable, writable_count = request->chain.writable;
    struct blk_header header;
    request->bytes = 0;
    request->range_count = 0;
    request->written = 1;
    request->flush_after = false;
    request->result = BLK_S_OK;
    if (!status_take(request, writable, &writable_count))
        return MODEL_MALFORMED;
    if (!front_take(&readable, &readable_count, &header, sizeof(header)) || !model->facts)
        return done(request, BLK_S_IOERR);
    bool writes = header.type == BLK_T_IN || header.type == BLK_T_GET_ID;
    request->data = writes ? writable : readable;
    request->data_count = writes ? writable_count : readable_count;
    return dispatch(model, features, request, &header);
}
