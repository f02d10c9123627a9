/* Kinds of kernel images and what their headers say. No calls: everything is checked against the file's size. */
#ifndef VMM_IMAGE_H
#define VMM_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum image_kind {
    IMAGE_FLAT,
    IMAGE_LINUX,
    IMAGE_ELF,
    IMAGE_ELF_FOREIGN, /* not a little-endian 64-bit AArch64 executable */
    IMAGE_ZIMAGE,      /* 32-bit Arm, decompresses itself */
};

/* Linux's Documentation/arch/arm64/booting: the 64-byte header. */
struct image_linux {
    uint64_t text_offset; /* from a 2 MiB boundary */
    uint64_t size;        /* in memory, never less than the file */
    bool big_endian;      /* flags, bit 0 */
};

/* Linux's Documentation/arch/arm/booting and arch/arm/boot/compressed/vmlinux.lds.S. */
struct image_zimage {
    uint64_t kernel_end; /* the decompressed kernel and its .bss, from a 128 MiB boundary; a guess if the file does not tell */
};

struct image_segment {
    uint64_t address; /* physical */
    uint64_t offset;  /* in the file */
    uint64_t file_size, memory_size;
};

/** By its first bytes. */
enum image_kind image_detect(const uint8_t *data, size_t size);

/** Of an IMAGE_LINUX. */
struct image_linux image_linux_parse(const uint8_t *data, size_t size);

/** Of an IMAGE_ZIMAGE. */
struct image_zimage image_zimage_parse(const uint8_t *data, size_t size);

/** How many program headers an IMAGE_ELF has; 0 if they do not lie in the file. */
unsigned image_elf_headers(const uint8_t *data, size_t size);

/** Program header `index`, if it is to be loaded. False if not, or if it is malformed: then `*bad` is set. */
bool image_elf_segment(const uint8_t *data, size_t size, unsigned index, struct image_segment *segment, bool *bad);

/** The entry's physical address: through the segment that it lies in. 0 if it lies in none. */
uint64_t image_elf_entry(const uint8_t *data, size_t size);

#endif
