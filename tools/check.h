/* Everything that can be wrong with a system before it boots. */
#ifndef TOOLS_CHECK_H
#define TOOLS_CHECK_H

#include "system.h"

/* Check what the shared reader could not: files, sizes, the host's CPUs. False, after messages, if there are errors. */
bool system_check(struct system *system, const char *build_dir, unsigned host_cpus);

/* `bulkhead check`: its exit status. */
int command_check(int count, char *arguments[]);

#endif
