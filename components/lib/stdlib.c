/* Numbers in text. */
#include "stdlib.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

static unsigned digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'z' ? (unsigned)(c - 'a') + 10 : UINT_MAX;
}

static unsigned prefix_base(const char **text, int base)
{
    const char *at = *text;
    bool hex = at[0] == '0' && (at[1] | 0x20) == 'x' && digit_value(at[2]) < 16;
    if (hex && (base == 0 || base == 16)) {
        *text += 2;
        return 16;
    }
    if (base)
        return (unsigned)base;
    return at[0] == '0' ? 8 : 10;
}

unsigned long strtoul(const char *text, char **end, int base)
{
    const char *at = text;
    while (*at == ' ' || *at == '\t' || *at == '\n')
        at++;
    unsigned radix = prefix_base(&at, base);
    unsigned long value = 0;
    bool overflow = false;
    const char *first = at;
    for (unsigned digit; (digit = digit_value(*at)) < radix; at++) {
        overflow |= __builtin_mul_overflow(value, radix, &value);
        overflow |= __builtin_add_overflow(value, digit, &value);
    }
    if (end)
        *end = (char *)(uintptr_t)(at == first ? text : at);
    return overflow ? ULONG_MAX : value;
}
