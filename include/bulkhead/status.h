/* What a call answers in its first result. Zero or positive: done. */
#ifndef BULKHEAD_STATUS_H
#define BULKHEAD_STATUS_H

#include <stdint.h>

typedef int64_t status_t;

enum status {
    STATUS_OK = 0,
    STATUS_CALL = -1,     /* no such call, or not for this caller (SMCCC's NOT_SUPPORTED) */
    STATUS_CAP = -2,      /* the slot is empty or holds another kind of object */
    STATUS_RIGHTS = -3,   /* the capability lacks a right that the call needs */
    STATUS_ARGUMENT = -4, /* an argument is malformed: unaligned, unknown flag, … */
    STATUS_MEMORY = -5,   /* the partition's kernel memory does not suffice */
    STATUS_EXISTS = -6,   /* the slot or address is occupied */
    STATUS_RANGE = -7,    /* outside the capability's extent, or no such index */
    STATUS_BUSY = -8,     /* somebody else waits there, or is in there */
    STATUS_STATE = -9,    /* not in this state of the object */
    STATUS_TIMEOUT = -10, /* the deadline has passed */
    STATUS_CPU = -11,     /* not on this CPU, or a CPU that the partition may not use */
    STATUS_DEAD = -12,    /* the object, or one that it needs, was destroyed meanwhile */
    STATUS_LIMIT = -13,   /* more than one call may do: split it */
    STATUS_UNSUPPORTED = -14, /* this machine's processors lack what it takes */
};

#endif
