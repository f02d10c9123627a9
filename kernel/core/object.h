/* What all kernel objects have in common: a type, the partition whose memory they live in, their original capability. */
#ifndef CORE_OBJECT_H
#define CORE_OBJECT_H

#include "cap.h"

struct object {
    uint8_t type; /* enum cap_type */
    uint8_t order; /* of its memory: 1 << order bytes */
    struct partition *payer;
    struct cap *original;
    struct object *next, *prev; /* in payer->objects */
};

/* Use of one object by another one (a thread's space, a binding's signal): so that the used one's end reaches its users. */
struct link {
    struct link *next, **pprev; /* in the used object's list */
};

/* The user is at the front of the used object's list. Tree lock. */
static inline void link_add(struct link **list, struct link *link)
{
    link->next = *list;
    link->pprev = list;
    if (*list)
        (*list)->pprev = &link->next;
    *list = link;
}

/* It is in none, whether it was before or not. Tree lock. */
static inline void link_remove(struct link *link)
{
    if (!link->pprev)
        return;
    *link->pprev = link->next;
    if (link->next)
        link->next->pprev = link->pprev;
    link->pprev = NULL;
}

/*
 * Memory for an object of `size` bytes from the payer's kernel memory and `slot` of the maker's table for its original capability. NULL, and why in
 * *status, if either is not to be had. The object is zeroed, linked, and visible once object_publish() has filled the slot. Tree lock.
 */
struct object *object_new(struct partition *payer, unsigned type, size_t size, status_t *status);
void object_publish(struct object *object, struct cap *slot, struct partition *holder);
/* Gives back the memory of an object that never was or no longer is reachable. Tree lock. */
void object_free(struct object *object);
/* One bounded step of ending the object that `object` is; true when it can be freed. Tree lock. One row per type in object.c. */
bool object_destroy_step(struct object *object);

#endif
