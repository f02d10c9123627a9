/* Spaces: translations from a component's or guest's addresses to memory, made of mappings of extents. A mapping is made and removed whole. */
#ifndef CORE_SPACE_H
#define CORE_SPACE_H

#include "object.h"
#include "table.h"
#include "tag.h"

/* A node of the derivation tree: a use of an extent. */
struct mapping {
    struct cap node; /* NODE_MAPPING; object: the space; size: bytes still mapped */
    struct link link; /* in the space */
    saddr_t address;
    uint64_t cleared; /* bytes from `address` on that a removal has cleared so far */
    uint8_t order;    /* of its memory */
};

/* Embedded in whatever runs in, or is mapped into, a space. */
struct space_user {
    struct link link;
    struct object *object; /* thread, VM, or vCPU (its state page) */
    struct space *space;   /* NULL: gone */
};

struct space {
    struct object object;
    struct tag tag;
    struct table table;
    struct link *mappings;
    unsigned mapping_count; /* bounds the search in them */
    struct link *users; /* of struct space_user */
    uint8_t kind; /* enum space_kind */
    bool dead;    /* nobody may run in it any more */
};

/* An empty one; NULL and why in *status. Tree lock. */
struct space *space_new(struct partition *payer, unsigned kind, status_t *status);
/* Maps a part of the extent; see CALL_SPACE_MAP. Tree lock. */
status_t space_map(struct space *space, struct cap *extent, saddr_t address, uint64_t offset, uint64_t size, unsigned access);
/* Maps a fresh page of the payer's kernel memory (a state page, the boot information), which no extent describes; NULL and why in *status. Tree lock. */
void *space_page_new(struct space *space, saddr_t address, struct partition *payer, unsigned access, status_t *status);
void space_unmap_kernel(struct space *space, saddr_t address);
void space_user_add(struct space *space, struct space_user *user, struct object *object);
void space_user_remove(struct space_user *user);
struct mapping *space_mapping_at(const struct space *space, saddr_t address);
/* One bounded step of removing the mapping; true when nothing can reach the memory by it any more. Tree lock. */
bool mapping_remove_step(struct mapping *mapping);
bool space_destroy_step(struct space *space);

#endif
