/* What the compiler expects of a C library, and little more; memcpy and memset are in memory.S. */
#include <string.h>

/* The volatile pointer keeps the compiler from recognising strlen in its own body. */
size_t strlen(const char *text)
{
    const volatile char *end = text;
    while (*end)
        end++;
    return (size_t)(end - text);
}

int strcmp(const char *a, const char *b)
{
    for (; *a && *a == *b; a++)
        b++;
    return (unsigned char)*a - (unsigned char)*b;
}
