/*
 * All clients before one disk. Each has turns of so many requests or parts, one after another; while the disk is full, nobody has. Nothing here waits: what
 * guests ask for beyond what the disk can do stays in their queues.
 */
#ifndef BLK_SERVER_H
#define BLK_SERVER_H

#include "bounce.h"
#include "client.h"
#include "disk.h"
#include "request.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    SERVER_CLIENTS = 16,
    SERVER_REQUESTS = DISK_DEPTH,
    SERVER_TURN = 8, /* parts, or requests that need none, of a client before the next one's turn */
};

/* What the disk has of a request. */
struct part {
    struct request *request;
    int buffer;         /* bounce's */
    struct cursor from; /* bounced reads */
    uint32_t bytes;
};

struct server {
    struct disk *disk; /* NULL: there is none */
    uint32_t client_count, next_client;
    uint32_t last_bounced; /* who got the last buffer */
    uint32_t idle; /* times that server_run was called since something was last submitted to the disk */
    uint64_t free_requests, free_parts; /* bits */
    struct bounce bounce;
    struct client clients[SERVER_CLIENTS];
    struct request *current[SERVER_CLIENTS]; /* taken, and not wholly at the disk yet */
    struct part parts[DISK_DEPTH];
    struct request requests[SERVER_REQUESTS];
};

/** Begins without clients; they are filled in by the caller. */
void server_init(struct server *server, struct disk *disk);

/** What the disk has done, orders, and a turn for everybody. False: there was nothing to do. */
bool server_run(struct server *server);

/** Asks everybody for notifications. False: there is something to do already. */
bool server_sleep(struct server *server);

#endif
