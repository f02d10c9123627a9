/* Messages: formatted whole first, so that those of two threads do not mix. */
#include "print.h"

#include "call_stubs.h"
#include "console_client.h"
#include "format.h"

#include <bulkhead/startup.h>

enum { MESSAGE_SIZE = 512 };

static void (*print_write)(const char *text, size_t size) = console_write_all;

void print_divert(void (*write)(const char *text, size_t size))
{
    print_write = write ? write : console_write_all;
}

void console_print_list(const char *format, va_list arguments)
{
    char text[MESSAGE_SIZE];
    size_t size = format_text_list(text, sizeof text, format, arguments);
    print_write(text, size);
}

void console_print(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    console_print_list(format, arguments);
    va_end(arguments);
}

_Noreturn void component_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    console_print_list(format, arguments);
    va_end(arguments);
    console_print("\n");
    thread_exit(COMPONENT_EXIT_FAILED);
}
