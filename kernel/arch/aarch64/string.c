/* What libfdt and the compiler expect of a C library; memcpy, memmove and memset are in memory.S. */
#include "log.h"

#include <stdint.h>
#include <string.h>

int memcmp(const void *a, const void *b, size_t size)
{
    const unsigned char *x = a, *y = b;
    for (size_t i = 0; i < size; i++)
        if (x[i] != y[i])
            return x[i] - y[i];
    return 0;
}

void *memchr(const void *in, int byte, size_t size)
{
    const unsigned char *bytes = in;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] == (unsigned char)byte)
            return (void *)(uintptr_t)(bytes + i);
    return NULL;
}

/* The volatile pointer keeps the compiler from recognising strlen in its own body. */
size_t strlen(const char *text)
{
    const volatile char *end = text;
    while (*end)
        end++;
    return (size_t)(end - text);
}

size_t strnlen(const char *text, size_t limit)
{
    const char *end = memchr(text, 0, limit);
    return end ? (size_t)(end - text) : limit;
}

int strcmp(const char *a, const char *b)
{
    for (; *a && *a == *b; a++)
        b++;
    return (unsigned char)*a - (unsigned char)*b;
}

char *strrchr(const char *text, int c)
{
    for (size_t i = strlen(text) + 1; i-- > 0;)
        if (text[i] == (char)c)
            return (char *)(uintptr_t)(text + i);
    return NULL;
}

/* Debian's libfdt is built with -fstack-protector-strong. */
extern uintptr_t __stack_chk_guard;
_Noreturn void __stack_chk_fail(void);
uintptr_t __stack_chk_guard = UINT64_C(0x5f3a00c19d2e7b04);

_Noreturn void __stack_chk_fail(void)
{
    panic("stack overwritten in libfdt");
}
