/* What all kernel objects have in common: a type, the partition whose memory they live in, their original capability. */
#ifndef CORE_OBJECT_H
#define CORE_OBJECT_H

#include "cap.h"

struct object {
    uint8_t type; /* enum cap_type */
    uint8_t order; /* of its memory: 1 << order bytes */
    struct partition *payer;
    struct cap *original;
    struct link link; /* in payer->objects */
};

/*
 * Memory for an object of `size` bytes from the payer's kernel memory and `slot` of the maker's table for its original capability. NULL, and why in
 * *status, if either is not to be had. The object is zeroed, linked, and visible once cap_fill_original() has filled the slot. Tree lock.
 */
struct object *object_new(struct partition *payer, unsigned type, size_t size, status_t *status);
/* Gives back the memory of an object that never was or no longer is reachable. Tree lock. */
void object_free(struct object *object);
/* One bounded step of ending the object that `object` is; true when it can be freed. Tree lock. One row per type in object.c. */
bool object_destroy_step(struct object *object);

#endif
