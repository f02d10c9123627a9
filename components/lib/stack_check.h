/* Stack protector of libraries that were built with it. */
#ifndef LIB_STACK_CHECK_H
#define LIB_STACK_CHECK_H

#include <stdint.h>

/** The value behind each local array; a zero byte in it stops string functions. */
extern uintptr_t __stack_chk_guard;

/** Called when that value has changed. */
_Noreturn void __stack_chk_fail(void);

#endif
