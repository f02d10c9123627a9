/* Shared by the micro-benchmark's files. */
#ifndef UBENCH_H
#define UBENCH_H

#include "guest.h"

/* Prints `name mean p50 p99 max unit n` of samples[0..n), n > 0. Sorts them. */
void print_row(const char *name, uint64_t *samples, unsigned n, const char *unit);

#endif
