/*
 * Capabilities, the tables that hold them, and the tree of who was derived from whom.
 *
 * Lock order: tree lock (this file), then a signal's, a portal's or a vCPU's lock; never two of the latter. The tree lock is taken by
 * every call that derives or removes something. Calls on hot paths look capabilities up without it: what they find cannot be freed
 * under them, because whoever removes a capability waits for cpu_quiesce() before releasing the lock (cap_tree_unlock).
 */
#ifndef CORE_CAP_H
#define CORE_CAP_H

#include "types.h"
#include <bulkhead/call.h>

struct partition;
struct object;

/* Nodes of the tree that stand in no table: uses of an extent. */
enum { NODE_MAPPING = 0x40, NODE_MEMORY, NODE_DYING = 0x80 };

enum {
    CAP_FLAG_ORIGINAL = 1, /* the object goes with it */
    CAP_FLAG_DEVICE = 2,   /* extent: device registers, not memory */
    CAP_FLAG_GUEST = 4,    /* extent: only guests may reach it */
    CAP_DEPTH_MAX = 255,   /* of the tree: bounds a step of revocation */
};

struct cap {
    union {
        struct {
            uint8_t type;   /* enum cap_type or NODE_…; written last, read first */
            uint8_t rights; /* RIGHT_… */
        };
        uint16_t head; /* both, to be read at once */
    };
    uint8_t flags;
    uint8_t unused;
    uint16_t depth;
    struct partition *holder; /* in whose table it stands; NULL: in none */
    union {
        struct object *object;
        uint64_t base; /* extent: physical address; interrupts: first number */
    };
    uint64_t size; /* extent: bytes; interrupts: count; signal: mask of bits; portal: badge; line: first | count << 32 */
    struct cap *parent;
    struct link *child; /* the newest */
    struct link link;   /* among its siblings */
};

/* `head` of a capability of that type with those rights. */
static inline uint16_t cap_head(unsigned type, unsigned rights)
{
    return (uint16_t)(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? type | rights << 8 : type << 8 | rights);
}

_Static_assert(sizeof(struct cap) == 64, "a cache line; 64 to a page");

enum { CAPS_PER_PAGE = PAGE_SIZE / sizeof(struct cap), CAP_PAGES = CAP_SLOTS / CAPS_PER_PAGE };

/* The table's slot, or NULL if it is out of range or its page was never needed. */
struct cap *cap_slot(const struct partition *partition, uint64_t slot);
/* The slot's capability if it is of `type` and bears all of `rights`; else NULL and why in *status. */
struct cap *cap_find(const struct partition *partition, uint64_t slot, unsigned type, unsigned rights, status_t *status);

/* --- with the tree lock ------------------------------------------------------------------------------------------ */

/* False: another CPU has it. The call is then to be repeated (CALL_REPEAT), with interrupts let in: the owner may be waiting for this CPU. */
bool cap_tree_lock(void);
/* Releases the lock; first waits for cpu_quiesce() if capabilities were removed since it was taken. */
void cap_tree_unlock(void);
/* An empty slot of the table, whose page is made if need be; else NULL and why. */
struct cap *cap_slot_for(struct partition *partition, uint64_t slot, status_t *status);
/* Fills the slot with the original capability of `object`, all rights. */
void cap_fill_original(struct cap *cap, struct partition *holder, struct object *object);
/* Makes `cap`, filled but for its links, a child of `parent`. */
void cap_derive(struct cap *cap, struct cap *parent);
/* Takes a childless node out of the tree and makes its slot empty. */
void cap_unlink(struct cap *cap);
/* One bounded step of removing all that descends from `cap`. True when nothing is left. */
bool cap_revoke_step(struct cap *cap);
/* One bounded step of removing `cap` with all its descendants and, if it is the original, the object. True when it is gone. */
bool cap_delete_step(struct cap *cap);

#endif
