/* The end of a guest. */
#include "guest.h"

_Noreturn void power_off(void)
{
    psci(PSCI_SYSTEM_OFF, 0, 0, 0);
    for (;;)
        wfi();
}

_Noreturn void power_off_at_fault(const char *who, uint64_t esr, uint64_t far, uint64_t elr)
{
    print(who);
    print(": unexpected exception: ESR ");
    print_hex(esr);
    print(" FAR ");
    print_hex(far);
    print(" at image offset ");
    print_hex(elr - (uintptr_t)_start);
    print(": switching off\n");
    power_off();
}
