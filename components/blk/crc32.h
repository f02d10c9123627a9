/* The CRC of UEFI's tables (ISO 3309, polynomial 0xedb88320 reflected). */
#ifndef BLK_CRC32_H
#define BLK_CRC32_H

#include <stddef.h>
#include <stdint.h>

/** Goes on from `crc`, which is 0 at the start. */
uint32_t crc32(uint32_t crc, const void *data, size_t size);

#endif
