/* Devices of the board that the description gives to a VM. */
#ifndef ROOT_DEVICES_H
#define ROOT_DEVICES_H

#include "system.h"

/** Checks the VM's `devices` against the firmware's tree; fails with a message. */
void devices_check(const struct vm *vm);

/** Gives the monitor the VM's devices. */
void devices_give(struct vm *vm);

#endif
