/* The hypervisor's physical timer, CNTHP (Arm ARM D11): compares with the same counter that deadlines are in. */
#include "arch.h"

enum { CTL_ENABLE = 1 };

void arch_timer_set(uint64_t deadline)
{
    if (deadline == UINT64_MAX) {
        write_sysreg(0, cnthp_ctl_el2);
    } else {
        write_sysreg(deadline, cnthp_cval_el2);
        write_sysreg(CTL_ENABLE, cnthp_ctl_el2);
    }
    isb();
}
