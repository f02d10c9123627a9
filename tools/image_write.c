/* Writing a boot image, as it is or as an ELF file with one segment. */
#include "image.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ELF_LOAD_ADDRESS UINT64_C(0x40200000) /* physical; where QEMU puts an Image, too */

enum {
    CHUNK = 4 << 20,       /* bytes between two looks at the clock */
    KERNEL_IMAGE_SIZE = 16 /* offset of image_size in the kernel's header */
};

struct writer {
    int file;
    bool failed; /* errno is kept in `error` */
    int error;
    struct progress progress;
};

static void write_bytes(struct writer *writer, const void *data, uint64_t size)
{
    const char *from = data;
    ssize_t written;

    while (size > 0 && !writer->failed) {
        written = write(writer->file, from, size < CHUNK ? size : CHUNK);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            writer->failed = true;
            writer->error = errno;
            return;
        }
        from += written;
        size -= (uint64_t)written;
        progress_add(&writer->progress, (uint64_t)written);
    }
}

static void write_zeros(struct writer *writer, uint64_t size)
{
    static const char zeros[PACKAGE_ALIGN];

    for (; size > sizeof zeros; size -= sizeof zeros)
        write_bytes(writer, zeros, sizeof zeros);
    write_bytes(writer, zeros, size);
}

static void write_padding(struct writer *writer, uint64_t size)
{
    write_zeros(writer, -size % PACKAGE_ALIGN);
}

static void write_padded(struct writer *writer, const void *data, uint64_t size)
{
    write_bytes(writer, data, size);
    write_padding(writer, size);
}

static void write_elf_header(struct writer *writer, uint64_t size)
{
    struct {
        Elf64_Ehdr header;
        Elf64_Phdr segment;
    } elf = {.header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                        .e_type = ET_EXEC,
                        .e_machine = EM_AARCH64,
                        .e_version = EV_CURRENT,
                        .e_entry = ELF_LOAD_ADDRESS,
                        .e_phoff = sizeof(Elf64_Ehdr),
                        .e_ehsize = sizeof(Elf64_Ehdr),
                        .e_phentsize = sizeof(Elf64_Phdr),
                        .e_phnum = 1},
             .segment = {.p_type = PT_LOAD,
                         .p_flags = PF_R | PF_W | PF_X,
                         .p_offset = PACKAGE_ALIGN,
                         .p_vaddr = ELF_LOAD_ADDRESS,
                         .p_paddr = ELF_LOAD_ADDRESS,
                         .p_filesz = size,
                         .p_memsz = size,
                         .p_align = PACKAGE_ALIGN}};

    write_padded(writer, &elf, sizeof elf);
}

/* Whoever loads the image keeps image_size bytes free for it: the package has to count. */
static void write_kernel(struct writer *writer, const struct image *image)
{
    uint64_t size = image_size(image);
    uint8_t field[8];

    for (unsigned i = 0; i < sizeof field; i++)
        field[i] = (uint8_t)(size >> 8 * i);
    write_bytes(writer, image->kernel.data, KERNEL_IMAGE_SIZE);
    write_bytes(writer, field, sizeof field);
    write_bytes(writer, image->kernel.data + KERNEL_IMAGE_SIZE + sizeof field,
                image->kernel.size - KERNEL_IMAGE_SIZE - sizeof field);
    write_padding(writer, image->kernel.size);
}

static void write_package(struct writer *writer, const struct image *image)
{
    struct package_header header = {.magic = PACKAGE_MAGIC,
                                    .version = PACKAGE_VERSION,
                                    .count = (uint32_t)image->count,
                                    .root_memory = image->root_memory,
                                    .size = image->package_size};

    write_bytes(writer, &header, sizeof header);
    for (size_t i = 0; i < image->count; i++)
        write_bytes(writer, &image->members[i].entry, sizeof image->members[i].entry);
    uint64_t written = sizeof header + image->count * sizeof(struct package_entry);
    for (size_t i = 0; i < image->count; i++) {
        write_zeros(writer, image->members[i].entry.offset - written);
        write_bytes(writer, image->members[i].file.data, image->members[i].file.size);
        written = image->members[i].entry.offset + image->members[i].file.size;
    }
    write_zeros(writer, image->package_size - written);
}

bool image_write(const struct image *image, int file, bool as_elf)
{
    struct writer writer = {.file = file};

    progress_start(&writer.progress, "packing", image_size(image));
    if (as_elf)
        write_elf_header(&writer, image_size(image));
    write_kernel(&writer, image);
    write_package(&writer, image);
    progress_end(&writer.progress);
    errno = writer.error;
    return !writer.failed;
}

/* mkstemp makes files for their owner only; an image is as readable as any other file that one makes. */
static bool widen_mode(int file)
{
    mode_t mask = umask(0);

    umask(mask);
    return fchmod(file, 0666 & ~mask) == 0;
}

/* The file being written, for the handler that removes it. */
static char *partial;

static void remove_partial(int signal)
{
    unlink(partial);
    _exit(128 + signal);
}

static void on_interruption(void (*handler)(int))
{
    signal(SIGINT, handler);
    signal(SIGTERM, handler);
    signal(SIGHUP, handler);
}

static bool write_partial(const struct image *image, bool as_elf)
{
    int file = mkstemp(partial);
    bool good = file >= 0 && image_write(image, file, as_elf) && widen_mode(file);
    int error = errno;

    if (file >= 0 && close(file) < 0 && good) {
        good = false;
        error = errno;
    }
    errno = error;
    return good;
}

/* Renaming would replace a device by a file. */
static bool may_replace(const char *path)
{
    struct stat status;

    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        errno = EEXIST;
        return false;
    }
    return true;
}

bool image_save(const struct image *image, const char *path, bool as_elf)
{
    bool good;

    partial = text_format("%s.XXXXXX", path);
    on_interruption(remove_partial);
    good = may_replace(path) && write_partial(image, as_elf) && rename(partial, path) == 0;
    if (!good) {
        message_at((struct place){.file = path}, SEVERITY_ERROR, "cannot write it: %s",
                   errno == EEXIST ? "there is something that is not a regular file" : strerror(errno));
        unlink(partial);
    }
    on_interruption(SIG_DFL);
    free(partial);
    partial = NULL;
    return good;
}
