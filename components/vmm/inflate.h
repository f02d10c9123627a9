/* Decompression of gzip members (RFC 1952, RFC 1951). No calls, no allocation; hostile input cannot lead outside the buffers. */
#ifndef VMM_INFLATE_H
#define VMM_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum inflate_result {
    INFLATE_OK,
    INFLATE_HEADER,   /* not gzip, or a kind of it that nobody writes */
    INFLATE_DATA,     /* damaged: impossible code */
    INFLATE_INPUT,    /* ends too early */
    INFLATE_OUTPUT,   /* does not fit */
    INFLATE_CHECKSUM, /* damaged: CRC-32 or length differ */
};

/** Whether the data begins as a gzip file does. */
bool gzip_detect(const uint8_t *data, size_t size);

/** Length of the result, modulo 2^32, as the last member's trailer claims; 0 if the file is too short. */
uint32_t gzip_claimed_size(const uint8_t *data, size_t size);

/** Decompresses the (first) member into `capacity` bytes at `to`; `*length` is what was written. */
enum inflate_result gzip_inflate(const uint8_t *data, size_t size, uint8_t *to, size_t capacity, size_t *length);

/** What went wrong, in words. */
const char *inflate_text(enum inflate_result result);

/** CRC-32 (RFC 1952 §8) of the data. */
uint32_t crc32_of(const uint8_t *data, size_t size);

#endif
