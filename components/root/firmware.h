/* The firmware's device tree: what root looks up in it. */
#ifndef ROOT_FIRMWARE_H
#define ROOT_FIRMWARE_H

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

/** Takes the tree at `tree`, of at most `size` bytes; fails with a message if it is none. */
void firmware_open(const void *tree, uint64_t size);

/** The node at `path`, or negative. */
int firmware_find(const char *path);

/** The node of the board's UART: /chosen/stdout-path if there is a driver for it, else the first with one; negative: none. */
int firmware_find_uart(enum uart_kind *kind);

/** Reads `reg` and `interrupts` of a node. NULL if well, else what is wrong with them. */
const char *firmware_read_device(int node, struct firmware_device *device);

/** The node is one that no VM may have: memory, processors, interrupt controller, timer, …; why, or NULL. */
const char *firmware_reserved(int node);

/** Randomness for this boot from /chosen/rng-seed; NULL: none. */
const void *firmware_seed(uint32_t *size);

#endif
