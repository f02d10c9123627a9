/* When something that died comes back: later each time, as long as deaths follow each other closely. Only computes. */
#ifndef ROOT_RESTART_H
#define ROOT_RESTART_H

#include "description.h"

struct restart {
    struct description_restart rule;
    uint32_t in_row;   /* restarts since it last ran well */
    uint32_t delay_ms; /* before the last one of them */
};

/** After a death `lived_ms` after its start: whether it comes again, after delay_ms. */
bool restart_plan(struct restart *restart, uint64_t lived_ms);

/** What died before does not count any more: it is started by order. */
void restart_forget(struct restart *restart);

#endif
