/*
 * One bank of flash memory as on QEMU's `virt` board: two 16-bit chips of Intel's command set (CFI vendor command set 0x0001) side by side, so that the
 * bank is 32 bits wide and each command stands in both halves of a word. The model of its commands; flash_banks.h puts two into the machine.
 */
#ifndef VMM_FLASH_H
#define VMM_FLASH_H

#include <stdbool.h>
#include <stdint.h>

enum {
    FLASH_BANK_SIZE = 1 << 26,
    FLASH_SECTOR = 1 << 18,
    FLASH_BUFFER = 512, /* bytes that one buffered program takes */
};

/* What reads show. */
enum flash_mode { FLASH_ARRAY, FLASH_STATUS, FLASH_ID, FLASH_QUERY };

/* What a bank's chips keep besides their contents. */
struct flash_state {
    uint32_t mode;   /* enum flash_mode */
    uint32_t cycle;  /* command whose next bus cycle is awaited; 0: none */
    uint32_t status; /* of each chip */
    uint32_t left;   /* buffered program: stores of data still to come */
    uint32_t window; /* offset of the first one; UINT32_MAX: none came yet */
    uint32_t bad;    /* one lay outside [window, window + FLASH_BUFFER) */
    uint8_t buffer[FLASH_BUFFER];
};

struct flash {
    struct flash_state state;
    uint8_t *contents;
    uint64_t backed; /* bytes that exist, multiple of FLASH_SECTOR. The rest of the bank reads as erased and cannot be programmed */
    bool read_only;
};

/** Power-on state; the contents stay. */
void flash_reset(struct flash *flash);

/** A load of `size` bytes, all within the bank. */
uint64_t flash_read(const struct flash *flash, uint64_t offset, unsigned size);

/** A store. */
void flash_write(struct flash *flash, uint64_t offset, unsigned size, uint64_t value);

#endif
