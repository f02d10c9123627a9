/* Back-off: doubled, up to a limit. */
#include "restart.h"

void restart_forget(struct restart *restart)
{
    restart->in_row = 0;
    restart->delay_ms = 0;
}

static uint32_t next_delay(const struct restart *restart)
{
    const struct description_restart *rule = &restart->rule;
    if (!restart->in_row)
        return rule->first_ms;
    uint64_t doubled = restart->delay_ms ? 2 * (uint64_t)restart->delay_ms : 1;
    return doubled < rule->most_ms ? (uint32_t)doubled : rule->most_ms;
}

bool restart_plan(struct restart *restart, uint64_t lived_ms)
{
    if (lived_ms > restart->rule.stable_ms)
        restart_forget(restart);
    if (restart->rule.limit && restart->in_row >= restart->rule.limit)
        return false;
    restart->delay_ms = next_delay(restart);
    restart->in_row++;
    return true;
}
