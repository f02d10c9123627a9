/* What the VM has besides its emulated devices: passed-through devices of the board, and doorbells of components. */
#ifndef VMM_DEVICES_H
#define VMM_DEVICES_H

#include <bulkhead/call.h>
#include <stdbool.h>
#include <stdint.h>

enum { DEVICES = 8, DEVICE_RANGES = 4, DEVICE_IRQS = 4, DOORBELLS = 16 };

struct device {
    const char *name; /* of the firmware's node, "pl031@9010000" */
    uint32_t ranges, irqs;
    uint64_t base[DEVICE_RANGES], size[DEVICE_RANGES];
    uint32_t intid[DEVICE_IRQS], slot[DEVICE_IRQS];
    bool edge[DEVICE_IRQS];
};

struct doorbell {
    const char *component;
    uint32_t intid;
    cap_t signal; /* what a store raises */
    uint64_t bits;
};

/** Maps devices and connects doorbells. Before the emulated devices register their ranges: a device of the board has precedence. */
void devices_build(void);

/** Forwards the devices' interrupts; at start and after each reset of the VM. */
void devices_reset(void);

/** The devices, and how many. */
const struct device *devices_all(unsigned *count);

/** Whether one of them raises that line. */
bool devices_have_line(uint32_t intid);

/** The doorbells, in the order of their addresses. */
const struct doorbell *doorbells_all(unsigned *count);

#endif
