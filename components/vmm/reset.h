/* Starting and restarting the machine: one reset function per device, the same at both. */
#ifndef VMM_RESET_H
#define VMM_RESET_H

#include <stdbool.h>

/** Stops all vCPUs, resets everything, loads the images, starts vCPU 0. False if loading failed: the machine stays stopped, state FAILED. */
bool machine_restart(void);

/** Stops all vCPUs. */
void machine_stop(void);

#endif
