/*
 * Ending a VM's partition at the VM's own expense: its memory is scrubbed by a thread on the VM's CPU with its monitor's priority, so that neighbours
 * lose nothing by it and root goes on meanwhile.
 */
#ifndef ROOT_REAPER_H
#define ROOT_REAPER_H

#include "instance.h"

enum { ROOT_REAPED_BIT = 57 }; /* of root's signal */

/** Begins to destroy the instance's partition; root's signal tells when it is done. */
void reaper_start(struct instance *in);

/** Whether that is done. */
bool reaper_finished(struct instance *in);

#endif
