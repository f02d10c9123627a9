/* Requests that the disk does not take as one become several, each of whole blocks. */
#ifndef BLK_SPLIT_H
#define BLK_SPLIT_H

#include "disk.h"
#include "request.h"

#include <stdbool.h>

/**
 * The next part of a request, whose cursor moves on. Its data goes to `part`, but for the token. False: there is none that the disk can take (a block in more segments than
 * it knows).
 */
bool split_next(const struct disk_facts *facts, struct request *request, struct disk_request *part);

/** Bytes of the request that fit into `most`; the cursor stays. Whole blocks, for most is a multiple of theirs. */
uint32_t split_bytes(const struct request *request, uint32_t most);

/** Whether the cursor has come to the end. */
bool split_is_done(const struct request *request);

/** Moves a cursor by `bytes` of the segments. */
void cursor_advance(struct cursor *cursor, const struct vq_segment *data, uint32_t bytes);

#endif
