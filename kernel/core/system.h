/* Calls upon the machine as a whole. */
#ifndef CORE_SYSTEM_H
#define CORE_SYSTEM_H

#include "types.h"

struct partition;

status_t call_system_power(struct partition *self, uint64_t *r);
status_t call_system_log(struct partition *self, uint64_t *r);
status_t call_system_stats(struct partition *self, uint64_t *r);

#endif
