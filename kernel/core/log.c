/* The kernel's own words. Numbers by hand: there is no library to do it. */
#include "log.h"
#include "cpu.h"

#include <stdarg.h>

enum { DIGITS_MAX = 20 };

struct spec {
    unsigned digits; /* at least so many, zeros before the number; at most DIGITS_MAX */
    bool wide;       /* `l` */
};

static void string_print(const char *text)
{
    while (*text)
        arch_log_char(*text++);
}

static void number_print(uint64_t value, unsigned base, unsigned least)
{
    char digits[DIGITS_MAX];
    unsigned count = 0;
    do
        digits[count++] = "0123456789abcdef"[value % base];
    while ((value /= base) || count < least);
    while (count)
        arch_log_char(digits[--count]);
}

static void signed_print(int64_t value)
{
    if (value < 0)
        arch_log_char('-');
    number_print((uint64_t)(value < 0 ? -value : value), 10, 0);
}

/* Reads the number of digits and the length after a `%`; returns the conversion's place. */
static const char *spec_read(const char *at, struct spec *spec)
{
    *spec = (struct spec){0};
    for (; *at >= '0' && *at <= '9'; at++)
        spec->digits = spec->digits * 10 + (unsigned)(*at - '0');
    for (; *at == 'l'; at++)
        spec->wide = true;
    return at;
}

static void argument_print(char conversion, struct spec spec, va_list *arguments)
{
    switch (conversion) {
    case 's':
        string_print(va_arg(*arguments, const char *));
        break;
    case 'd':
        signed_print(va_arg(*arguments, int));
        break;
    case 'u':
    case 'x':
        number_print(spec.wide ? va_arg(*arguments, unsigned long) : va_arg(*arguments, unsigned), conversion == 'u' ? 10 : 16, spec.digits);
        break;
    case 'p':
        number_print((uintptr_t)va_arg(*arguments, void *), 16, 0);
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
