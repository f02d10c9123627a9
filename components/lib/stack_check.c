/* What Debian's libfdt, built with -fstack-protector-strong, refers to. */
#include "stack_check.h"

#include "print.h"

uintptr_t __stack_chk_guard = UINT64_C(0x5f3a00c19d2e7b04);

_Noreturn void __stack_chk_fail(void)
{
    component_fail("stack overwritten in a library function: stopped");
}
