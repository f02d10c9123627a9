/* The kernel's own words. Numbers by hand: there is no library to do it. */
#include "log.h"
#include "cpu.h"
#include "version.h"

#include <stdarg.h>

enum { DIGITS_MAX = 20 };

struct spec {
    unsigned width;
    bool zero, wide; /* `0`, `l` */
};

static void pad(char with, unsigned length, unsigned width)
{
    for (; length < width; length++)
        arch_log_char(with);
}

static void string_print(const char *text, unsigned width)
{
    unsigned length = 0;
    for (; text[length]; length++)
        arch_log_char(text[length]);
    pad(' ', length, width);
}

static void number_print(uint64_t value, unsigned base, bool minus, struct spec spec)
{
    char digits[DIGITS_MAX];
    unsigned count = 0;
    do
        digits[count++] = "0123456789abcdef"[value % base];
    while (value /= base);
    unsigned length = count + minus;
    if (!spec.zero)
        pad(' ', length, spec.width);
    if (minus)
        arch_log_char('-');
    if (spec.zero)
        pad('0', length, spec.width);
    while (count)
        arch_log_char(digits[--count]);
}

static void signed_print(int64_t value, struct spec spec)
{
    number_print(value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10, value < 0, spec);
}

/* Reads flag, width and length after a `%`; returns the conversion's place. */
static const char *spec_read(const char *at, struct spec *spec)
{
    *spec = (struct spec){0};
    if (*at == '0') {
        spec->zero = true;
        at++;
    }
    for (; *at >= '0' && *at <= '9'; at++)
        spec->width = spec->width * 10 + (unsigned)(*at - '0');
    for (; *at == 'l'; at++)
        spec->wide = true;
    return at;
}

static void argument_print(char conversion, struct spec spec, va_list *arguments)
{
    switch (conversion) {
    case 's':
        string_print(va_arg(*arguments, const char *), spec.width);
        break;
    case 'd':
        signed_print(spec.wide ? va_arg(*arguments, long) : va_arg(*arguments, int), spec);
        break;
    case 'u':
    case 'x':
        number_print(spec.wide ? va_arg(*arguments, unsigned long) : va_arg(*arguments, unsigned), conversion == 'u' ? 10 : 16, false, spec);
        break;
    case 'p':
        number_print((uintptr_t)va_arg(*arguments, void *), 16, false, spec);
        break;
    case 'c':
        arch_log_char((char)va_arg(*arguments, int));
        break;
    default: /* `%%`, too */
        arch_log_char(conversion);
    }
}

static void log_vprint(const char *format, va_list *arguments)
{
    for (; *format; format++) {
        struct spec spec;
        if (*format != '%') {
            arch_log_char(*format);
            continue;
        }
        format = spec_read(format + 1, &spec);
        if (!*format)
            return;
        argument_print(*format, spec, arguments);
    }
}

void log_print(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_vprint(format, &arguments);
    va_end(arguments);
}

/* Waits for the first CPU's report, which stops this one; a panic within a panic ends at once. */
static void panic_enter(unsigned self)
{
    static unsigned panicking; /* index of the CPU, plus one */
    unsigned nobody = 0;
    if (__atomic_compare_exchange_n(&panicking, &nobody, self + 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return;
    if (nobody == self + 1) {
        log_print("panic: another bug while reporting this one\n");
        arch_power(POWER_OFF);
    }
    for (;;)
        arch_relax();
}

_Noreturn void panic(const char *format, ...)
{
    va_list arguments;
    unsigned self = cpu_self()->index;
    panic_enter(self);
    log_print("\npanic: CPU %u, build %s: ", self, build_commit);
    va_start(arguments, format);
    log_vprint(format, &arguments);
    va_end(arguments);
    log_print("\n");
    arch_panic();
}
