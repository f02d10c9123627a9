/* The hypervisor's physical timer. */
#ifndef AARCH64_TIMER_H
#define AARCH64_TIMER_H

#include "arch.h"

/* arch_timer_set(), synchronised by whatever comes. Without a deadline it is off: an emulator would take the last value of the counter for a time to skip to. */
static inline void timer_write(uint64_t deadline)
{
    write_sysreg(deadline, cnthp_cval_el2);
    write_sysreg(deadline != UINT64_MAX, cnthp_ctl_el2);
}

/* When a guest's counter, that far behind, reaches `compare`; UINT64_MAX, never, where that is beyond the end of time: some guests write the highest value there is. */
static inline uint64_t timer_deadline(uint64_t compare, uint64_t offset)
{
    uint64_t deadline = compare + offset;
    return deadline < offset ? UINT64_MAX : deadline;
}

#endif
