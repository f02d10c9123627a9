/*
 * Text from a format: %c %s %d %i %u %x %X %p %%, with l, ll, z, the flags 0 and -, a width and (for %s) a precision, both also as *.
 */
#ifndef LIB_FORMAT_H
#define LIB_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/** Where characters go. */
struct format_sink {
    void (*put)(struct format_sink *sink, const char *text, size_t size);
};

/** Formats into a sink. */
void format_to(struct format_sink *sink, const char *format, va_list arguments);

/** Formats into `size` bytes at `to`, cut if need be, always terminated. Answers the length that is there. */
size_t format_text(char *to, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** The same with a list of arguments. */
size_t format_text_list(char *to, size_t size, const char *format, va_list arguments) __attribute__((format(printf, 3, 0)));

#endif
