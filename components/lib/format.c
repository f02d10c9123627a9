/* A small printf. */
#include "format.h"

#include "string.h"

#include <stdbool.h>
#include <stdint.h>

struct field {
    bool left, zero, capital, is_signed;
    int width, precision, size; /* size: bytes of the argument */
    unsigned base;
};

static void pad(struct format_sink *sink, int count, char c)
{
    for (; count > 0; count--)
        sink->put(sink, &c, 1);
}

static void put_field(struct format_sink *sink, const struct field *field, const char *text, size_t size)
{
    int room = field->width - (int)size;
    if (!field->left)
        pad(sink, room, ' ');
    sink->put(sink, text, size);
    if (field->left)
        pad(sink, room, ' ');
}

static void put_number(struct format_sink *sink, const struct field *field, uint64_t value)
{
    bool negative = field->is_signed && (int64_t)value < 0;
    if (negative)
        value = -value;
    char digits[72], *at = digits + sizeof digits;
    do
        *--at = (field->capital ? "0123456789ABCDEF" : "0123456789abcdef")[value % field->base];
    while ((value /= field->base));
    char *full = digits + sizeof digits - (field->width < 64 ? field->width : 64) + (negative ? 1 : 0);
    while (field->zero && !field->left && at > full)
        *--at = '0';
    if (negative)
        *--at = '-';
    put_field(sink, field, at, (size_t)(digits + sizeof digits - at));
}

static int parse_number(const char **at, va_list *arguments)
{
    int value = 0;
    if (**at == '*') {
        ++*at;
        return va_arg(*arguments, int);
    }
    for (; **at >= '0' && **at <= '9'; ++*at)
        value = value * 10 + (**at - '0');
    return value;
}

static struct field parse_field(const char **at, va_list *arguments)
{
    struct field field = {.precision = -1, .size = sizeof(int), .base = 10};
    for (; **at == '-' || **at == '0'; ++*at) {
        field.left |= **at == '-';
        field.zero |= **at == '0';
    }
    field.width = parse_number(at, arguments);
    if (**at == '.') {
        ++*at;
        field.precision = parse_number(at, arguments);
    }
    for (; **at == 'l' || **at == 'z'; ++*at)
        field.size = sizeof(long);
    return field;
}

static uint64_t take_number(const struct field *field, va_list *arguments)
{
    if (field->size == sizeof(int))
        return field->is_signed ? (uint64_t)(int64_t)va_arg(*arguments, int) : va_arg(*arguments, unsigned);
    return va_arg(*arguments, uint64_t);
}

static void put_string(struct format_sink *sink, const struct field *field, const char *text)
{
    if (!text)
        text = "(none)";
    put_field(sink, field, text, field->precision < 0 ? strlen(text) : strnlen(text, (size_t)field->precision));
}

static void put_conversion(struct format_sink *sink, struct field *field, char conversion, va_list *arguments)
{
    char c;
    field->capital = conversion == 'X';
    field->is_signed = conversion == 'd' || conversion == 'i';
    switch (conversion) {
    case 'p':
        field->size = sizeof(void *);
        sink->put(sink, "0x", 2);
        /* fall through */
    case 'x':
    case 'X':
        field->base = 16;
        /* fall through */
    case 'd':
    case 'i':
    case 'u':
        put_number(sink, field, take_number(field, arguments));
        return;
    case 's':
        put_string(sink, field, va_arg(*arguments, const char *));
        return;
    case 'c':
        c = (char)va_arg(*arguments, int);
        put_field(sink, field, &c, 1);
        return;
    default:
        sink->put(sink, &conversion, 1);
    }
}

void format_to(struct format_sink *sink, const char *format, va_list arguments)
{
    va_list list;
    va_copy(list, arguments);
    while (*format) {
        const char *percent = strchr(format, '%');
        size_t plain = percent ? (size_t)(percent - format) : strlen(format);
        sink->put(sink, format, plain);
        format += plain;
        if (!*format || !*++format)
            break;
        struct field field = parse_field(&format, &list);
        if (*format)
            put_conversion(sink, &field, *format++, &list);
    }
    va_end(list);
}

struct text_sink {
    struct format_sink sink;
    char *to;
    size_t length, size; /* size: with the terminating zero */
};

static void text_put(struct format_sink *sink, const char *text, size_t size)
{
    struct text_sink *target = (struct text_sink *)sink;
    size_t room = target->size - target->length - 1;
    size = size < room ? size : room;
    memcpy(target->to + target->length, text, size);
    target->length += size;
}

size_t format_text_list(char *to, size_t size, const char *format, va_list arguments)
{
    struct text_sink target = {{text_put}, to, 0, size};
    if (!size)
        return 0;
    format_to(&target.sink, format, arguments);
    to[target.length] = 0;
    return target.length;
}

size_t format_text(char *to, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t length = format_text_list(to, size, format, arguments);
    va_end(arguments);
    return length;
}
