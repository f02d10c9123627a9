/* See bounce.h. */
#include "bounce.h"

#include "split.h"

#include <string.h>

bool bounce_init(struct bounce *bounce, struct dma *dma)
{
    for (int i = 0; i < BOUNCE_BUFFERS; i++)
        if (!(bounce->at[i] = dma_take(dma, BOUNCE_BYTES, 4096, &bounce->bus[i])))
            return false;
    bounce->free = (1u << BOUNCE_BUFFERS) - 1;
    return true;
}

int bounce_claim(struct bounce *bounce)
{
    if (!bounce->free)
        return BOUNCE_NONE;
    int buffer = __builtin_ctz(bounce->free);
    bounce->free &= bounce->free - 1;
    return buffer;
}

void bounce_release(struct bounce *bounce, int buffer)
{
    bounce->free |= 1u << buffer;
}

/* Between the buffer and the guest from `cursor` on, which moves. */
static void copy(uint8_t *buffer, const struct vq_segment *data, struct cursor *cursor, uint32_t bytes, bool to_guest)
{
    while (bytes) {
        const struct vq_segment *segment = &data[cursor->segment];
        uint8_t *guest = (uint8_t *)segment->at + cursor->offset;
        uint32_t size = segment->size - cursor->offset;
        if (size > bytes)
            size = bytes;
        memcpy(to_guest ? guest : buffer, to_guest ? buffer : guest, size);
        buffer += size;
        bytes -= size;
        cursor_advance(cursor, data, size);
    }
}

void bounce_next(struct bounce *bounce, int buffer, struct request *request, struct disk_request *part)
{
    uint32_t bytes = split_bytes(request, BOUNCE_BYTES);
    part->operation = request->operation;
    part->sector = request->sector + request->cursor.done / DISK_SECTOR;
    part->count = 1;
    part->segments[0] = (struct disk_segment){bounce->bus[buffer], bytes};
    if (request->operation == DISK_WRITE)
        copy(bounce->at[buffer], request->data, &request->cursor, bytes, false);
    else
        cursor_advance(&request->cursor, request->data, bytes);
}

void bounce_finish(const struct bounce *bounce, int buffer, const struct request *request, struct cursor from, uint32_t bytes)
{
    copy(bounce->at[buffer], request->data, &from, bytes, true);
}
