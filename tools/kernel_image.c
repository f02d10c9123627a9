/*
 * The formats that the monitor's loader takes: arm64 Image (Linux Documentation/arch/arm64/booting), the same gzip'd, ELF64 for
 * AArch64, 32-bit Arm zImage (Documentation/arch/arm/booting), and anything else as a flat binary that is entered at its first
 * byte. Files of other known formats would be flat binaries, too, and crash at once: these are refused by name.
 */
#include "kernel_image.h"

#include "file.h"
#include "message.h"
#include "process.h"

#include <elf.h>
#include <string.h>

enum {
    IMAGE_HEADER_SIZE = 64,
    IMAGE_TEXT_OFFSET = 8, /* offsets of fields */
    IMAGE_SIZE = 16,
    IMAGE_FLAGS = 24,
    INSTRUCTION = 4,
    IMAGE_MAGIC = 56,
    ZIMAGE_MAGIC = 36,
    ZIMAGE_ENDIAN = 48,
    ZIMAGE_TABLE_MAGIC = 52,
    ZIMAGE_TABLE = 56,
    GUNZIP_LIMIT = 4096, /* bytes that are looked at */
};

static bool file_has(const struct file *file, uint64_t offset, const void *bytes, size_t size)
{
    return file->size >= offset + size && memcmp(file->data + offset, bytes, size) == 0;
}

static bool is_image(const struct file *file)
{
    return file->size >= IMAGE_HEADER_SIZE && file_has(file, IMAGE_MAGIC, "ARM\x64", 4);
}

/* `size` is the file's, for kernels older than 3.17, which do not state their own. */
static uint64_t image_memory(const struct file *file, uint64_t size)
{
    uint64_t stated = file_u64(file, IMAGE_SIZE), offset = file_u64(file, IMAGE_TEXT_OFFSET);

    size = stated > size ? stated : size;
    return size > UINT64_MAX - offset ? UINT64_MAX : offset + size;
}

static const char *find_image_lie(const struct file *file)
{
    if (file_u32(file, IMAGE_FLAGS) & 1)
        return "is an Image for big-endian processors; give one built for little-endian";
    if (file_u64(file, IMAGE_TEXT_OFFSET) % INSTRUCTION)
        return "is an Image whose header lies: text_offset is no multiple of 4; build or copy it again";
    return NULL;
}

static bool is_zimage(const struct file *file)
{
    return file->size >= IMAGE_HEADER_SIZE && file_has(file, ZIMAGE_MAGIC, "\x18\x28\x6f\x01", 4) &&
           file_has(file, ZIMAGE_ENDIAN, "\x01\x02\x03\x04", 4);
}

/* Itself and what it decompresses to, as far as its table (Linux 4.15 and later) tells. */
static uint64_t zimage_memory(const struct file *file)
{
    uint64_t table = file_u32(file, ZIMAGE_TABLE), size_at;

    if (!file_has(file, ZIMAGE_TABLE_MAGIC, "EEEE", 4) || !file_has(file, table + 4, "KLSZ", 4) || file->size - table < 20)
        return file->size;
    size_at = file_u32(file, table + 8);
    if (size_at > file->size || file->size - size_at < 4)
        return file->size;
    return file->size + file_u32(file, table + 16) + file_u32(file, size_at) + file_u32(file, table + 12);
}

struct magic {
    uint64_t offset;
    const char *bytes;
    size_t size;
    const char *problem;
};

static const struct magic foreign[] = {
    {0x202, "HdrS", 4, "is an x86 bzImage; give a kernel built for arm64"},
    {0x24, "\x18\x28\x6f\x01", 4, "is a 32-bit Arm zImage that is big-endian or older than Linux 3.17; give another"},
    {0x24, "\x01\x6f\x28\x18", 4, "is a 32-bit Arm zImage that is big-endian or older than Linux 3.17; give another"},
    {0, "\x27\x05\x19\x56", 4, "is a U-Boot uImage; take its wrapping off (dumpimage) and give the Image within"},
    {0, "\xd0\x0d\xfe\xed", 4, "is a device tree or FIT image, not a kernel; give the Image"},
    {4, "zimg", 4, "is a self-decompressing EFI image; give the Image that it was made from (arch/arm64/boot/Image)"},
    {0, "\xfd" "7zXZ", 5, "is compressed by xz; only gzip is understood: unxz it"},
    {0, "\x28\xb5\x2f\xfd", 4, "is compressed by zstd; only gzip is understood: unzstd it"},
    {0, "\x02\x21\x4c\x18", 4, "is compressed by lz4; only gzip is understood: unlz4 it"},
    {0, "\x04\x22\x4d\x18", 4, "is compressed by lz4; only gzip is understood: unlz4 it"},
    {0, "BZh", 3, "is compressed by bzip2; only gzip is understood: bunzip2 it"},
    {0, "070701", 6, "is a cpio archive; give it as initrd"},
    {0, "!<arch>\n", 8, "is a Debian package or an archive; unpack it and give the kernel in it"},
    {0, "#!", 2, "is a script, not a kernel"},
};

static const char *find_foreign(const struct file *file)
{
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        if (file_has(file, foreign[i].offset, foreign[i].bytes, foreign[i].size))
            return foreign[i].problem;
    return NULL;
}

static const char *find_elf_mismatch(const struct file *file)
{
    if (file->size < sizeof(Elf64_Ehdr))
        return "is a truncated ELF file";
    if (file->data[EI_CLASS] != ELFCLASS64)
        return "is a 32-bit ELF file; VMs start in AArch64, give a 64-bit kernel";
    if (file->data[EI_DATA] != ELFDATA2LSB)
        return "is a big-endian ELF file; give a little-endian kernel";
    if (((file_u32(file, 18) & 0xffff)) != EM_AARCH64)
        return "is an ELF file for another processor; give a kernel built for AArch64";
    return NULL;
}

/* Returns a problem, or NULL, with `*end` raised to the segment's end. */
static const char *check_segment(const Elf64_Phdr *segment, uint64_t file_size, uint64_t *end)
{
    uint64_t start = segment->p_paddr;

    if (segment->p_type != PT_LOAD || segment->p_memsz == 0)
        return NULL;
    if (segment->p_filesz > segment->p_memsz || segment->p_offset > file_size || segment->p_filesz > file_size - segment->p_offset)
        return "is an ELF file with a segment outside of the file; copy it again";
    if (start < GUEST_RAM_BASE || segment->p_memsz > UINT64_MAX - start)
        return "is an ELF file with a segment that lies below RAM (0x40000000) by its physical address; link it into RAM, or "
               "give an Image";
    if (start + segment->p_memsz > *end)
        *end = start + segment->p_memsz;
    return NULL;
}

static void inspect_elf(const struct file *file, struct kernel_image *image)
{
    uint64_t end = GUEST_RAM_BASE;
    Elf64_Ehdr header;
    Elf64_Phdr segment;

    image->problem = find_elf_mismatch(file);
    if (image->problem != NULL)
        return;
    memcpy(&header, file->data, sizeof header);
    if (header.e_phentsize != sizeof segment || header.e_phoff > file->size ||
        header.e_phnum > (file->size - header.e_phoff) / sizeof segment) {
        image->problem = "is a truncated ELF file";
        return;
    }
    for (unsigned i = 0; i < header.e_phnum && image->problem == NULL; i++) {
        memcpy(&segment, file->data + header.e_phoff + i * sizeof segment, sizeof segment);
        image->problem = check_segment(&segment, file->size, &end);
    }
    image->memory = end - GUEST_RAM_BASE;
    if (image->problem == NULL && image->memory == 0)
        image->problem = "is an ELF file without anything to load; give a linked executable";
    else if (image->problem == NULL && (header.e_entry < GUEST_RAM_BASE || header.e_entry >= end))
        image->doubt = "is an ELF file whose entry lies outside of its physical addresses; entered there, it will fault";
}

static void inspect_gzip(const char *path, struct kernel_image *image)
{
    char *arguments[] = {(char[]){"gzip"}, (char[]){"-dc"}, (char[]){"--"}, (char *)(uintptr_t)path, NULL};
    struct capture capture;
    struct file inside;

    if (!process_capture(arguments, GUNZIP_LIMIT, &capture)) {
        image->doubt = "is compressed and could not be looked into";
        return;
    }
    inside = (struct file){.data = (const uint8_t *)capture.output, .size = capture.output_size};
    if (is_image(&inside)) {
        image->memory = image_memory(&inside, inside.size);
        image->problem = find_image_lie(&inside);
    } else
        image->problem = inside.size == 0 ? "is a damaged gzip file; copy it again"
                                          : "is a gzip file that holds no arm64 Image; decompress it and see what it is";
    capture_free(&capture);
}

/* Entered at its first byte: what could that be? */
static void inspect_flat(const struct file *file, struct kernel_image *image)
{
    image->memory = file->size;
    if (file->size < 4)
        image->problem = "is too short to hold one instruction";
    else if (file_u32(file, 0) == 0 || file_u32(file, 0) == UINT32_MAX)
        image->doubt = "has no known format and does not begin with an instruction; entered there, it will fault";
    else if (memchr(file->data, '\0', file->size < 4096 ? file->size : 4096) == NULL && file->data[0] < 0x80)
        image->doubt = "looks like text; as a flat binary it will fault";
}

void kernel_image_inspect(const char *path, struct kernel_image *image)
{
    struct file file;

    *image = (struct kernel_image){.format = "flat binary"};
    image->problem = file_open(&file, path);
    if (image->problem != NULL)
        return;
    if (file.size == 0) {
        image->problem = "is empty";
    } else if (is_image(&file)) {
        image->format = "arm64 Image";
        image->memory = image_memory(&file, file.size);
        image->problem = find_image_lie(&file);
    } else if (is_zimage(&file)) {
        image->format = "32-bit Arm zImage";
        image->arm32 = true;
        image->memory = zimage_memory(&file);
    } else if (file_has(&file, 0, "\x1f\x8b\x08", 3)) {
        image->format = "gzip'd arm64 Image";
        inspect_gzip(path, image);
    } else if (file_has(&file, 0, ELFMAG, SELFMAG)) {
        image->format = "ELF";
        inspect_elf(&file, image);
    } else if ((image->problem = find_foreign(&file)) == NULL) {
        inspect_flat(&file, image);
    }
    file_close(&file);
}
