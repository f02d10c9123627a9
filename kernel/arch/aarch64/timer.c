/* The hypervisor's physical timer, CNTHP (Arm ARM D11): compares with the same counter that deadlines are in. */
#include "timer.h"

void arch_timer_set(uint64_t deadline)
{
    timer_write(deadline);
    isb();
}
