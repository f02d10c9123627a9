/* The kernel's log: where a program writes that has no console, or not yet. */
#ifndef LIB_KERNEL_LOG_H
#define LIB_KERNEL_LOG_H

#include <stddef.h>

/** Writes text to it, by CAP_SYSTEM; fits print_divert. */
void kernel_log_write(const char *text, size_t size);

#endif
