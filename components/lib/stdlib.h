/* What libfdt wants of the C library's <stdlib.h>. */
#ifndef LIB_STDLIB_H
#define LIB_STDLIB_H

#include <stddef.h>

/** The number at `text`; base 0 looks at the prefix 0x or 0. No sign, no errno: an overflow saturates. */
unsigned long strtoul(const char *text, char **end, int base);

#endif
