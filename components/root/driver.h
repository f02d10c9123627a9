/* Drivers: components that have a device of the board and serve VMs with it. */
#ifndef ROOT_DRIVER_H
#define ROOT_DRIVER_H

#include "system.h"

enum { PLACE_DRIVER_DEVICE = 0x300000 /* registers in its space, then its memory for DMA */ };

/** Checks its device against the firmware's tree, and takes memory; fails with a message. Before instance_reserve. */
void driver_reserve(struct component *driver);

/** What a driver gets besides what any component does, while it is being built. */
void driver_give(struct component *driver);

/** Starts it, and joins it to its clients. False, with a message, if it was not to be. */
bool driver_start(struct component *driver);

#endif
