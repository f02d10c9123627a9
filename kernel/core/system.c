/* Power, the log, statistics. */
#include "system.h"
#include "arch.h"
#include "irq.h"
#include "partition.h"
#include "tag.h"

enum { LOG_BYTES = 32 };

#pragma GCC diagnostic ignored "-Wunused-parameter" /* every call is given the same */

status_t call_system_power(struct partition *self, const struct cap *cap, uint64_t *r)
{
    if (r[2] > POWER_RESET)
        return STATUS_ARGUMENT;
    arch_power((unsigned)r[2]);
}

status_t call_system_log(struct partition *self, const struct cap *cap, uint64_t *r)
{
    if (r[2] > LOG_BYTES)
        return STATUS_ARGUMENT;
    for (unsigned i = 0; i < r[2]; i++)
        arch_log_char((char)(r[3 + i / 8] >> (i % 8 * 8)));
    return STATUS_OK;
}

status_t call_system_stats(struct partition *self, const struct cap *cap, uint64_t *r)
{
    uint64_t given, free;
    memory_stats(&given, &free);
    r[1] = arch_kernel_image().size + arch_kernel_area_tables();
    r[2] = given;
    r[3] = given - free;
    r[4] = irq_bound_count();
    r[5] = arch_irqs_awake();
    r[6] = tags_given();
    return STATUS_OK;
}
