/* Parsing of image headers. Fields are read bytewise: images lie where they lie, and tests run on other machines. */
#include "image.h"

enum {
    LINUX_HEADER = 64,
    LINUX_TEXT_OFFSET = 8,
    LINUX_IMAGE_SIZE = 16,
    LINUX_FLAGS = 24,
    LINUX_MAGIC = 56,
    LINUX_TEXT_OFFSET_OLD = 0x80000, /* where image_size is zero (before Linux 3.17) */
    ELF_HEADER = 64,
    ELF_CLASS = 4,
    ELF_CLASS_64 = 2,
    ELF_DATA = 5,
    ELF_DATA_LITTLE = 1,
    ELF_MACHINE = 18,
    ELF_MACHINE_AARCH64 = 183,
    ELF_ENTRY = 24,
    ELF_PHOFF = 32,
    ELF_PHENTSIZE = 54,
    ELF_PHNUM = 56,
    PH_SIZE = 56,
    PH_OFFSET = 8,
    PH_VADDR = 16,
    PH_PADDR = 24,
    PH_FILESZ = 32,
    PH_MEMSZ = 40,
    PT_LOAD = 1,
    ZIMAGE_HEADER = 64,
    ZIMAGE_MAGIC = 36,
    ZIMAGE_ENDIAN = 48,
    ZIMAGE_TABLE_MAGIC = 52, /* followed by the table's offset: size in words, tag, then … */
    ZIMAGE_TABLE = 56,
    TABLE_WORDS = 5,
    TABLE_SIZE_OFFSET = 8,  /* where the file has the decompressed size */
    TABLE_BSS = 12,
    TABLE_TEXT_OFFSET = 16,
    ZIMAGE_RATIO = 5,          /* nothing compresses kernels better */
    ZIMAGE_TEXT_OFFSET = 0x8000,
};

static uint64_t number(const uint8_t *data, size_t at, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)data[at + i] << 8 * i;
    return value;
}

static enum image_kind elf_kind(const uint8_t *data)
{
    bool ours = data[ELF_CLASS] == ELF_CLASS_64 && data[ELF_DATA] == ELF_DATA_LITTLE && number(data, ELF_MACHINE, 2) == ELF_MACHINE_AARCH64;
    return ours ? IMAGE_ELF : IMAGE_ELF_FOREIGN;
}

enum image_kind image_detect(const uint8_t *data, size_t size)
{
    if (size >= LINUX_HEADER && number(data, LINUX_MAGIC, 4) == 0x644d5241) /* "ARM\x64" */
        return IMAGE_LINUX;
    if (size >= ZIMAGE_HEADER && number(data, ZIMAGE_MAGIC, 4) == 0x016f2818 && number(data, ZIMAGE_ENDIAN, 4) == 0x04030201)
        return IMAGE_ZIMAGE;
    if (size >= ELF_HEADER && number(data, 0, 4) == 0x464c457f) /* "\x7fELF" */
        return elf_kind(data);
    return IMAGE_FLAT;
}

struct image_linux image_linux_parse(const uint8_t *data, size_t size)
{
    struct image_linux image = {number(data, LINUX_TEXT_OFFSET, 8), number(data, LINUX_IMAGE_SIZE, 8), data[LINUX_FLAGS] & 1};
    if (!image.size)
        image.text_offset = LINUX_TEXT_OFFSET_OLD;
    if (image.size < size)
        image.size = size;
    return image;
}

/* The table that Linux 4.15 and later have, if it lies in the file. 32-bit values: sums do not overflow. */
static bool zimage_table(const uint8_t *data, size_t size, uint64_t *kernel_end)
{
    uint64_t at = number(data, ZIMAGE_TABLE, 4);
    if (number(data, ZIMAGE_TABLE_MAGIC, 4) != 0x45454545 || at > size || size - at < 4 * TABLE_WORDS)
        return false;
    uint64_t size_at = number(data, at + TABLE_SIZE_OFFSET, 4);
    if (number(data, at, 4) < TABLE_WORDS || number(data, at + 4, 4) != 0x5a534c4b || size_at > size || size - size_at < 4)
        return false;
    *kernel_end = number(data, at + TABLE_TEXT_OFFSET, 4) + number(data, size_at, 4) + number(data, at + TABLE_BSS, 4);
    return true;
}

struct image_zimage image_zimage_parse(const uint8_t *data, size_t size)
{
    struct image_zimage image = {ZIMAGE_TEXT_OFFSET + (uint64_t)size * ZIMAGE_RATIO};
    zimage_table(data, size, &image.kernel_end);
    return image;
}

unsigned image_elf_headers(const uint8_t *data, size_t size)
{
    uint64_t offset = number(data, ELF_PHOFF, 8), count = number(data, ELF_PHNUM, 2);
    if (number(data, ELF_PHENTSIZE, 2) != PH_SIZE || offset > size || count * PH_SIZE > size - offset)
        return 0;
    return (unsigned)count;
}

static size_t header_at(const uint8_t *data, unsigned index)
{
    return (size_t)number(data, ELF_PHOFF, 8) + (size_t)index * PH_SIZE;
}

bool image_elf_segment(const uint8_t *data, size_t size, unsigned index, struct image_segment *segment, bool *bad)
{
    size_t at = header_at(data, index);
    *segment = (struct image_segment){number(data, at + PH_PADDR, 8), number(data, at + PH_OFFSET, 8), number(data, at + PH_FILESZ, 8),
                                      number(data, at + PH_MEMSZ, 8)};
    if (number(data, at, 4) != PT_LOAD || !segment->memory_size)
        return false;
    *bad |= segment->offset > size || segment->file_size > size - segment->offset || segment->file_size > segment->memory_size;
    return !*bad;
}

uint64_t image_elf_entry(const uint8_t *data, size_t size)
{
    uint64_t entry = number(data, ELF_ENTRY, 8);
    for (unsigned i = 0; i < image_elf_headers(data, size); i++) {
        size_t at = header_at(data, i);
        uint64_t offset = entry - number(data, at + PH_VADDR, 8);
        if (number(data, at, 4) == PT_LOAD && offset < number(data, at + PH_MEMSZ, 8))
            return number(data, at + PH_PADDR, 8) + offset;
    }
    return 0;
}
