/* Messages of the component on its own console. */
#ifndef LIB_PRINT_H
#define LIB_PRINT_H

#include <stdarg.h>
#include <stddef.h>

/** Prints a message (format.h says which conversions); sleeps while the console is full. Without a console it is lost. */
void console_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** The same with a list of arguments. */
void console_print_list(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

/** Where messages go instead of the console; root uses it before `uart` runs. */
void print_divert(void (*write)(const char *text, size_t size));

/** Prints a message and ends the calling thread with code 1, which the supervisor sees. */
_Noreturn void component_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
