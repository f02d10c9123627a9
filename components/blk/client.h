/*
 * A VM's disk, from the driver's side: its link (bulkhead/virtio_link.h) and its queues. The link's first page is root's and constant while `request` does not change;
 * the rest is the monitor's, which may lie: each word is read once.
 *
 *                request odd                      request changes                    nothing in flight
 *     IDLE ------------------------> SERVING ------------------------> STOPPING ------------------------> IDLE, answered
 *                                       | a queue is malformed             ^
 *                                       +---------------> BROKEN ----------+ request changes
 */
#ifndef BLK_CLIENT_H
#define BLK_CLIENT_H

#include "model.h"
#include "request.h"

#include "virtio/queue.h"

#include <bulkhead/call.h>
#include <bulkhead/virtio_link.h>
#include <stdbool.h>
#include <stdint.h>

enum client_state { CLIENT_IDLE, CLIENT_SERVING, CLIENT_BROKEN, CLIENT_STOPPING };

/* Whom it tells; the unit tests have others in place of them. */
struct client_peers {
    void (*interrupt)(void *context);    /* the guest: used buffers */
    void (*tell_monitor)(void *context); /* an answer, an offer, a broken queue */
    void *context;
};

struct client {
    struct virtio_link *link;
    struct client_peers peers;
    struct model model;
    enum client_state state;
    uint32_t request;      /* that is served, or was last */
    uint32_t in_flight;    /* requests of it that are taken */
    bool bounces;
    uint64_t features;     /* negotiated */
    uint32_t queue_count;
    uint32_t next_queue;   /* whose turn it is */
    uint32_t resuming;     /* bit: queue whose predecessor's requests are not all taken */
    uint32_t awake;        /* bit: queue whose notifications are off */
    uint32_t used;         /* bit: queue with chains put since the guest was last told */
    struct link_window windows[LINK_WINDOWS];
    struct vq queues[LINK_QUEUES];
};

/** Begins with a link as root, or a predecessor, left it; nothing is served before client_look. False: it is no link. */
bool client_init(struct client *client, struct virtio_link *link, const struct client_peers *peers);

/** Shows what the model has; without a disk `text` says why. Peers are told of changes only. */
void client_offer(struct client *client, const char *text);

/** Looks at what is requested of it, and does it, or goes on with it. */
void client_look(struct client *client);

/** The next chain, with `chain` filled in and its queue's number; false: there is none. */
bool client_take(struct client *client, struct vq_chain *chain, uint8_t *queue);

/** A request that client_take gave has come to its end: if it is served still, it goes back to the guest. */
void client_finish(struct client *client, const struct request *request);

/** The device needs a reset: `why`. */
void client_break(struct client *client, const char *why);

/** Interrupts the guest if it wants to hear of what was finished. */
void client_interrupt(struct client *client);

/** Asks to be notified. False: there is something to take. */
bool client_sleep(struct client *client);

#endif
