/* The firmware's device tree: what root looks up in it. */
#ifndef ROOT_FIRMWARE_H
#define ROOT_FIRMWARE_H

#include "tree.h"

#include <bulkhead/startup.h>

#include <stdbool.h>
#include <stdint.h>

enum { FIRMWARE_RANGES = 4, FIRMWARE_IRQS = 8 };

struct firmware_irq {
    uint32_t number; /* INTID */
    bool edge;
};

/* A device's registers and interrupts. */
struct firmware_device {
    uint32_t range_count, irq_count;
    struct {
        uint64_t base, size;
    } ranges[FIRMWARE_RANGES];
    struct firmware_irq irqs[FIRMWARE_IRQS];
};

/**
 * Takes the tree at `blob`, which the kernel has checked and read by the same code, and finds the board's UART: the one with registers at
 * `console` if there is a driver for it, else the first with one.
 */
void firmware_open(const void *blob, uint64_t console);

/** The usable node at `path`; false: there is none. */
bool firmware_find(const char *path, struct tree_node *node);

/** The node of the board's UART; NULL: none. */
const struct tree_node *firmware_uart(enum uart_kind *kind);

/** Reads `reg` and `interrupts` of a node. NULL if well, else what is wrong with them. */
const char *firmware_read_device(const struct tree_node *node, struct firmware_device *device);

/** The node is one that no VM may have: memory, processors, interrupt controller, timer, …; why, or NULL. */
const char *firmware_reserved(const struct tree_node *node);

/** Whether both are the same node of the tree. */
bool firmware_same(const struct tree_node *a, const struct tree_node *b);

/** Randomness for this boot from /chosen/rng-seed; NULL: none. */
const void *firmware_seed(uint32_t *size);

#endif
