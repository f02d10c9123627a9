/* Disks: the files that `bulkhead run` puts behind the board's transports. */
#ifndef TOOLS_DISK_H
#define TOOLS_DISK_H

#include "qemu.h"
#include "system.h"

/* Reports what is wrong with the files that drivers' nodes name. */
void disks_check(struct system *system);

/* Warns of devices that nothing confines. */
void disks_warn(struct system *system);

/* Tells the board of them. False, after a message, if it cannot have any. */
bool disks_attach(struct board *board, const struct system *system);
void disks_detach(struct board *board);

/* Takes FILE[,ro][,bounce] apart, which is changed by that. */
struct guest_disk disk_parse(char *text);

#endif
