/* Calls upon the machine as a whole. */
#ifndef CORE_SYSTEM_H
#define CORE_SYSTEM_H

#include "types.h"

struct cpu;
struct partition;

status_t call_system_power(struct cpu *cpu, struct partition *self, uint64_t *r);
status_t call_system_log(struct cpu *cpu, struct partition *self, uint64_t *r);
status_t call_system_stats(struct cpu *cpu, struct partition *self, uint64_t *r);

#endif
