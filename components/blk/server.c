/* See server.h. */
#include "server.h"

#include "split.h"

#include <string.h>

enum turn { TURN_MOVED, TURN_NOTHING, TURN_FULL };

void server_init(struct server *server, struct disk *disk)
{
    memset(server, 0, sizeof(*server));
    server->disk = disk;
    server->free_requests = UINT64_MAX;
    uint32_t depth = disk ? disk->facts.depth : 0;
    server->free_parts = depth >= DISK_DEPTH ? UINT64_MAX : (UINT64_C(1) << depth) - 1;
}

static uint64_t bit_of(const struct server *server, const struct request *request)
{
    return UINT64_C(1) << (request - server->requests);
}

/* There is nothing more of it to be submitted. */
static void split_end(struct server *server, struct request *request)
{
    request->is_split = true;
    if (server->current[request->client] == request)
        server->current[request->client] = NULL;
}

/* After an error, bytes before the status may not have been written. */
static void finish(struct server *server, struct request *request)
{
    server->free_requests |= bit_of(server, request);
    if (request->result != BLK_S_OK)
        request->written = request->status == request->chain.segments[request->chain.readable].at;
    client_finish(&server->clients[request->client], request);
}

static void request_fail(struct server *server, struct request *request)
{
    request->result = BLK_S_IOERR;
    split_end(server, request);
    if (!request->outstanding)
        finish(server, request);
}

/* --- to the disk ------------------------------------------------------------------------------------------------------------------ */

static bool is_bounced(const struct server *server, const struct request *request)
{
    return server->clients[request->client].bounces && (request->operation == DISK_READ || request->operation == DISK_WRITE);
}

/*
 * Of those that wait for a buffer, whoever comes next after the last one that got one: a client that always wants some would have them all, for turns
 * begin with the same one unless the disk is full.
 */
static bool buffer_is_due(const struct server *server, uint32_t client)
{
    uint32_t next = server->last_bounced;
    for (uint32_t i = 0; i < server->client_count; i++) {
        next = next + 1 < server->client_count ? next + 1 : 0;
        if (next == client)
            return true;
        if (server->current[next] && is_bounced(server, server->current[next]))
            return false;
    }
    return true;
}

/* False: no buffer is free, or it is another one's turn to have it. */
static bool bounced_fill(struct server *server, struct request *request, struct part *part, struct disk_request *order)
{
    part->buffer = buffer_is_due(server, request->client) ? bounce_claim(&server->bounce) : BOUNCE_NONE;
    if (part->buffer == BOUNCE_NONE)
        return false;
    server->last_bounced = request->client;
    part->from = request->cursor;
    bounce_next(&server->bounce, part->buffer, request, order);
    part->bytes = order->segments[0].size;
    return true;
}

/* One part of the request to the disk. */
static enum turn part_submit(struct server *server, struct request *request)
{
    static struct disk_request order;
    if (!server->free_parts)
        return TURN_FULL;
    order.token = (uint32_t)__builtin_ctzll(server->free_parts);
    struct part *part = &server->parts[order.token];
    part->request = request;
    part->buffer = BOUNCE_NONE;
    if (is_bounced(server, request)) {
        if (!bounced_fill(server, request, part, &order))
            return TURN_NOTHING;
    } else if (!split_next(&server->disk->facts, request, &order)) {
        request_fail(server, request);
        return TURN_MOVED;
    }
    server->free_parts &= server->free_parts - 1;
    request->outstanding++;
    server->disk->driver->submit(server->disk, &order);
    server->idle = 0;
    if (split_is_done(request))
        split_end(server, request);
    return TURN_MOVED;
}

/* The guest's next request: understood, and the client's current one if the disk is to do it. */
static enum turn request_take(struct server *server, uint32_t index)
{
    if (!server->free_requests)
        return TURN_FULL;
    struct client *client = &server->clients[index];
    struct request *request = &server->requests[__builtin_ctzll(server->free_requests)];
    if (!client_take(client, &request->chain, &request->queue))
        return TURN_NOTHING;
    server->free_requests &= server->free_requests - 1;
    request->client = (uint8_t)index;
    request->outstanding = 0;
    request->is_split = false;
    memset(&request->cursor, 0, sizeof(request->cursor));
    switch (model_decode(&client->model, client->features, request)) {
    case MODEL_SUBMIT:
        server->current[index] = request;
        return part_submit(server, request);
    case MODEL_DONE:
        finish(server, request);
        return TURN_MOVED;
    case MODEL_MALFORMED:
        break;
    }
    client_break(client, "a request has no byte for its status");
    finish(server, request);
    return TURN_MOVED;
}

static enum turn step(struct server *server, uint32_t index)
{
    struct request *request = server->current[index];
    if (!request)
        return request_take(server, index);
    /* Its guest does not wait for it any more. */
    if (server->clients[index].state != CLIENT_SERVING) {
        request_fail(server, request);
        return TURN_MOVED;
    }
    return part_submit(server, request);
}

/* --- from the disk ---------------------------------------------------------------------------------------------------------------- */

static void bounced_finish(struct server *server, const struct part *part, enum disk_result result)
{
    const struct request *request = part->request;
    bool is_served = server->clients[request->client].state == CLIENT_SERVING;
    if (part->buffer == BOUNCE_NONE)
        return;
    if (request->operation == DISK_READ && result == DISK_OK && is_served)
        bounce_finish(&server->bounce, part->buffer, request, part->from, part->bytes);
    bounce_release(&server->bounce, part->buffer);
}

/* A write of a guest that does not flush is followed by a flush of ours. There is a part for it: the one that has just become free. */
static void flush_after(struct server *server, struct request *request)
{
    request->flush_after = false;
    request->operation = DISK_FLUSH;
    memset(&request->cursor, 0, sizeof(request->cursor));
    part_submit(server, request);
}

/* The first error is the request's, and there are no more parts then. */
static void part_finish(struct server *server, uint32_t token, enum disk_result result)
{
    const struct part *part = &server->parts[token];
    struct request *request = part->request;
    server->free_parts |= UINT64_C(1) << token;
    bounced_finish(server, part, result);
    request->outstanding--;
    if (result != DISK_OK && request->result == BLK_S_OK)
        request->result = result == DISK_UNSUPPORTED ? BLK_S_UNSUPP : BLK_S_IOERR;
    if (request->result != BLK_S_OK)
        split_end(server, request);
    if (request->outstanding || !request->is_split)
        return;
    if (request->flush_after && request->result == BLK_S_OK)
        flush_after(server, request);
    else
        finish(server, request);
}

static bool collect(struct server *server)
{
    uint32_t token;
    enum disk_result result;
    bool moved = false;
    while (server->disk && server->disk->driver->collect(server->disk, &token, &result)) {
        part_finish(server, token, result);
        moved = true;
    }
    return moved;
}

/* --- turns ------------------------------------------------------------------------------------------------------------------------ */

static enum turn turn(struct server *server, uint32_t index)
{
    enum turn result = TURN_NOTHING;
    for (int i = 0; i < SERVER_TURN; i++) {
        enum turn now = step(server, index);
        if (now != TURN_MOVED)
            return now == TURN_FULL ? TURN_FULL : result;
        result = TURN_MOVED;
    }
    return result;
}

/* Whoever finds the disk full has the first turn when it is not any more. */
static bool turns(struct server *server)
{
    bool moved = false;
    for (uint32_t i = 0; i < server->client_count; i++) {
        enum turn result = turn(server, server->next_client);
        if (result == TURN_FULL)
            break;
        server->next_client = server->next_client + 1 == server->client_count ? 0 : server->next_client + 1;
        moved |= result == TURN_MOVED;
    }
    return moved;
}

bool server_run(struct server *server)
{
    server->idle++;
    for (uint32_t i = 0; i < server->client_count; i++)
        client_look(&server->clients[i]);
    bool moved = collect(server);
    moved |= turns(server);
    if (server->disk)
        server->disk->driver->go(server->disk);
    for (uint32_t i = 0; i < server->client_count; i++)
        client_interrupt(&server->clients[i]);
    return moved;
}

/* While the disk is full, or a client waits for a buffer, the disk's interrupt comes; nobody need ring. */
bool server_sleep(struct server *server)
{
    bool sleeps = true;
    if ((!server->free_parts && server->disk) || !server->free_requests)
        return true;
    for (uint32_t i = 0; i < server->client_count; i++)
        if (!server->current[i])
            sleeps &= client_sleep(&server->clients[i]);
    return sleeps;
}
