/* BLAKE2s (RFC 7693): a hash, and with a key a pseudo-random function. */
#ifndef LIB_HASH_H
#define LIB_HASH_H

#include <stddef.h>
#include <stdint.h>

enum { HASH_SIZE = 32, HASH_KEY_MAX = 32 };

/** Hash of [data, data + size) under a key of key_size bytes (0 … HASH_KEY_MAX; 0: none). */
void hash_blake2s(uint8_t out[HASH_SIZE], const void *key, size_t key_size, const void *data, size_t size);

#endif
