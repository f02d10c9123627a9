/*
 * Where root's messages go. Root never waits for its console: it is root that brings a dead driver of the UART back. What the console does not take at
 * once is kept.
 */
#include "log.h"

#include "call_stubs.h"
#include "console_client.h"
#include "format.h"
#include "kernel_log.h"
#include "power.h"
#include "print.h"
#include "string.h"

enum { BACKLOG = 32768 };

static char backlog[BACKLOG];
static uint32_t head, tail; /* run freely */
static uint32_t lost;       /* messages */

static void kernel_write(const char *text, size_t size)
{
    static const char prefix[] = "root: ";
    kernel_log_write(prefix, sizeof prefix - 1);
    kernel_log_write(text, size);
}

static size_t backlog_peek(const char **text)
{
    uint32_t at = tail % BACKLOG, used = head - tail;
    *text = backlog + at;
    return used < BACKLOG - at ? used : BACKLOG - at;
}

static bool backlog_add(const char *text, size_t size)
{
    if (size > BACKLOG - (head - tail))
        return false;
    for (size_t i = 0; i < size; i++)
        backlog[head++ % BACKLOG] = text[i];
    return true;
}

static void add_lost(void)
{
    char text[64];
    if (lost && backlog_add(text, format_text(text, sizeof text, "%u messages of root's did not fit and are lost\n", lost)))
        lost = 0;
}

void log_flush(void)
{
    const char *text;
    for (size_t size; (size = backlog_peek(&text)) != 0;) {
        size_t written = console_write(text, size);
        tail += (uint32_t)written;
        if (!written && console_want_room())
            return; /* `uart` tells when there is */
    }
    if (lost)
        add_lost();
}

static void console_put(const char *text, size_t size)
{
    add_lost();
    lost += lost || !backlog_add(text, size);
    log_flush();
}

void log_to_kernel(void)
{
    const char *text;
    for (size_t size; (size = backlog_peek(&text)) != 0; tail += (uint32_t)size)
        kernel_log_write(text, size);
    print_divert(kernel_write);
}

void log_to_console(void)
{
    print_divert(console_put);
}

_Noreturn void log_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    console_print_list(format, arguments);
    va_end(arguments);
    power_down();
}
