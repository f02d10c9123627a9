/* What compilers call to clear and copy a struct, even in freestanding code. */
#include <stddef.h>
#include <string.h>

void *memset(void *to, int byte, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((volatile unsigned char *)to)[i] = (unsigned char)byte; /* volatile: or this loop becomes a call of memset */
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((volatile unsigned char *)to)[i] = ((const unsigned char *)from)[i];
    return to;
}
