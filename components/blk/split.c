/* See split.h. */
#include "split.h"

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static bool is_transfer(const struct request *request)
{
    return request->operation == DISK_READ || request->operation == DISK_WRITE;
}

/* How many bytes from the cursor on one request of the disk can hold: limits of segments, of each one's length, and of all. */
static uint32_t bytes_fitting(const struct disk_facts *facts, const struct request *request)
{
    uint32_t room = facts->segments, bytes = 0;
    const struct cursor *cursor = &request->cursor;
    for (uint32_t i = cursor->segment, offset = cursor->offset; i < request->data_count && room; i++, offset = 0) {
        uint32_t size = request->data[i].size - offset;
        uint32_t pieces = size > facts->segment_bytes ? (size - 1) / facts->segment_bytes + 1 : 1;
        if (pieces > room) {
            size = room * facts->segment_bytes;
            pieces = room;
        }
        if (size >= facts->bytes - bytes)
            return facts->bytes;
        room -= pieces;
        bytes += size;
    }
    return bytes;
}

void cursor_advance(struct cursor *cursor, const struct vq_segment *data, uint32_t bytes)
{
    cursor->done += bytes;
    while (bytes) {
        uint32_t size = (uint32_t)least(data[cursor->segment].size - cursor->offset, bytes);
        bytes -= size;
        cursor->offset += size;
        if (cursor->offset == data[cursor->segment].size) {
            cursor->segment++;
            cursor->offset = 0;
        }
    }
}

static void segments_fill(const struct disk_facts *facts, struct request *request, struct disk_request *part, uint32_t bytes)
{
    part->count = 0;
    while (bytes) {
        struct cursor *cursor = &request->cursor;
        const struct vq_segment *segment = &request->data[cursor->segment];
        uint32_t size = (uint32_t)least(least(segment->size - cursor->offset, facts->segment_bytes), bytes);
        part->segments[part->count++] = (struct disk_segment){segment->bus + cursor->offset, size};
        cursor_advance(cursor, request->data, size);
        bytes -= size;
    }
}

static bool transfer_next(const struct disk_facts *facts, struct request *request, struct disk_request *part)
{
    uint32_t bytes = bytes_fitting(facts, request);
    part->sector = request->sector + request->cursor.done / DISK_SECTOR;
    if (bytes < request->bytes - request->cursor.done)
        bytes -= bytes % facts->block_size;
    if (!bytes)
        return false;
    segments_fill(facts, request, part, bytes);
    return true;
}

/* A discard's parts begin at the disk's alignment, after the first. */
static uint32_t range_part(const struct disk_facts *facts, const struct request *request, uint64_t sector, uint32_t left)
{
    bool discards = request->operation == DISK_DISCARD;
    uint32_t most = discards ? facts->discard_sectors : facts->zeroes_sectors, block = facts->block_size / DISK_SECTOR;
    if (left <= most)
        return left;
    uint32_t past = discards ? (uint32_t)((sector + most) % facts->discard_alignment) : 0;
    uint32_t part = past < most ? most - past : most;
    return part - part % block;
}

static bool range_next(const struct disk_facts *facts, struct request *request, struct disk_request *part)
{
    struct cursor *cursor = &request->cursor;
    while (!request->ranges[cursor->segment].sectors)
        cursor->segment++;
    const struct blk_range *range = &request->ranges[cursor->segment];
    part->sector = range->sector + cursor->offset;
    part->sectors = range_part(facts, request, part->sector, range->sectors - cursor->offset);
    part->unmap = range->flags & BLK_RANGE_UNMAP;
    part->count = 0;
    cursor->offset += part->sectors;
    if (cursor->offset == range->sectors) {
        cursor->segment++;
        cursor->offset = 0;
    }
    return part->sectors;
}

bool split_next(const struct disk_facts *facts, struct request *request, struct disk_request *part)
{
    part->operation = request->operation;
    if (is_transfer(request))
        return transfer_next(facts, request, part);
    if (request->range_count)
        return range_next(facts, request, part);
    part->sector = 0;
    part->count = 0;
    request->cursor.done = 1;
    return true;
}

uint32_t split_bytes(const struct request *request, uint32_t most)
{
    return (uint32_t)least(request->bytes - request->cursor.done, most);
}

bool split_is_done(const struct request *request)
{
    if (is_transfer(request))
        return request->cursor.done == request->bytes;
    if (!request->range_count)
        return request->cursor.done;
    uint32_t next = request->cursor.segment;
    while (next < request->range_count && !request->ranges[next].sectors)
        next++;
    return next == request->range_count;
}
