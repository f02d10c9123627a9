/*
 * A console: two byte queues in two pages of memory that a component and `uart` share. Each index is written by one side only and runs
 * freely (mod 2^32); a reader masks it, so that nothing the other side writes can lead outside. The side that goes to sleep says so in
 * `…_waits`; only then does the other one raise its signal.
 */
#ifndef BULKHEAD_CONSOLE_H
#define BULKHEAD_CONSOLE_H

#include <stdint.h>

/* Written by root before the next life of a component that died: a line begins. */
#define CONSOLE_NEXT_LIFE "\x1e"

enum { CONSOLE_OUT = 4096, CONSOLE_IN = 2048, CONSOLE_SIZE = 8192 };

struct console {
    uint32_t out_head;  /* component: next byte to write */
    uint32_t in_tail;   /* component: next byte to read */
    uint32_t room_waits; /* component: raise me when there is room again in `out` */
    uint32_t in_waits;  /* component: raise me when there is input */
    uint8_t padding0[48]; /* the two sides' words lie in different cache lines */
    uint32_t out_tail;  /* uart: next byte to read */
    uint32_t in_head;   /* uart: next byte to write */
    uint32_t out_waits; /* uart: raise me when there is output */
    uint8_t padding1[52];
    uint8_t in[CONSOLE_IN];
    uint8_t padding2[CONSOLE_SIZE - CONSOLE_OUT - CONSOLE_IN - 128];
    uint8_t out[CONSOLE_OUT];
};

_Static_assert(sizeof(struct console) == CONSOLE_SIZE, "two pages");

#endif
