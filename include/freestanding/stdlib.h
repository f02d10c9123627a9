/* The part of <stdlib.h> that kernel and components have: what libfdt's header asks for. */
#ifndef FREESTANDING_STDLIB_H
#define FREESTANDING_STDLIB_H

#include <stddef.h>

unsigned long strtoul(const char *text, char **end, int base);

#endif
