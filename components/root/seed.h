/* Randomness for VMs, derived from the firmware's. */
#ifndef ROOT_SEED_H
#define ROOT_SEED_H

#include <stdbool.h>
#include <stdint.h>

enum { SEED_SIZE = 32 };

/** A seed that no other call gets, bound to `name`; false if the firmware gave no randomness. */
bool seed_derive(const char *name, uint8_t seed[SEED_SIZE]);

#endif
