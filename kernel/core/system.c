/* Power, the log, statistics. */
#include "system.h"
#include "arch.h"
#include "irq.h"
#include "partition.h"
#include "tag.h"

enum { LOG_BYTES = 32 };

status_t call_system_power(struct partition *self, uint64_t *r)
{
    status_t status;
    if (!cap_find(self, r[1], CAP_SYSTEM_OBJECT, RIGHT_POWER, &status))
        return status;
    if (r[2] > POWER_RESET)
        return STATUS_ARGUMENT;
    arch_power((unsigned)r[2]);
}

status_t call_system_log(struct partition *self, uint64_t *r)
{
    status_t status;
    if (!cap_find(self, r[1], CAP_SYSTEM_OBJECT, RIGHT_LOG, &status))
        return status;
    if (r[2] > LOG_BYTES)
        return STATUS_ARGUMENT;
    for (unsigned i = 0; i < r[2]; i++)
        arch_log_char((char)(r[3 + i / 8] >> (i % 8 * 8)));
    return STATUS_OK;
}

status_t call_system_stats(struct partition *self, uint64_t *r)
{
    status_t status;
    uint64_t given, free;
    if (!cap_find(self, r[1], CAP_SYSTEM_OBJECT, RIGHT_LOG, &status))
        return status;
    memory_stats(&given, &free);
    r[1] = platform.image.size + arch_kernel_area_tables();
    r[2] = given;
    r[3] = given - free;
    r[4] = irq_bound_count();
    r[5] = arch_irqs_awake();
    r[6] = tags_given();
    return STATUS_OK;
}
