/* Where root's messages go. */
#include "log.h"

#include "call_stubs.h"
#include "power.h"
#include "print.h"
#include "string.h"

static void kernel_put(const char *text, size_t size)
{
    while (size) {
        uint64_t words[4] = {0};
        size_t part = size < sizeof words ? size : sizeof words;
        memcpy(words, text, part);
        system_log(CAP_SYSTEM, part, words);
        text += part;
        size -= part;
    }
}

static void kernel_write(const char *text, size_t size)
{
    static const char prefix[] = "root: ";
    kernel_put(prefix, sizeof prefix - 1);
    kernel_put(text, size);
}

void log_to_kernel(void)
{
    print_divert(kernel_write);
}

void log_to_console(void)
{
    print_divert(NULL);
}

_Noreturn void log_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    console_print_list(format, arguments);
    va_end(arguments);
    power_down();
}
