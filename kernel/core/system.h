/* Calls upon the machine as a whole. */
#ifndef CORE_SYSTEM_H
#define CORE_SYSTEM_H

#include "types.h"

struct cap;
struct partition;

/* The calls of these names (<bulkhead/call.h>), as call.c's table has them: r[0] … r[7] are the caller's registers. */
status_t call_system_power(struct partition *self, const struct cap *cap, uint64_t *r);
status_t call_system_log(struct partition *self, const struct cap *cap, uint64_t *r);
status_t call_system_stats(struct partition *self, const struct cap *cap, uint64_t *r);

#endif
