/* Root's messages: through the kernel's log until `uart` runs, then on root's own console. */
#ifndef ROOT_LOG_H
#define ROOT_LOG_H

#include <stddef.h>

/** Messages go to the kernel's log from now on. */
void log_to_kernel(void);

/** Messages go to root's console from now on. What it has no room for is kept, up to a limit; nothing waits. */
void log_to_console(void);

/** Writes what was kept, as far as there is room. */
void log_flush(void);

/** Prints what is wrong, lets the output drain, and switches the machine off. */
_Noreturn void log_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
