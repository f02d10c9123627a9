/* The boot image: the kernel and the package behind it, in one file. include/bulkhead/package.h has the format. */
#ifndef TOOLS_IMAGE_H
#define TOOLS_IMAGE_H

#include "bulkhead/package.h"
#include "file.h"
#include "system.h"

struct member {
    struct package_entry entry;
    struct file file;
    bool owned; /* mapped here */
};

struct image {
    struct file kernel;
    uint64_t kernel_size; /* padded */
    struct member *members;
    size_t count;
    uint64_t package_size;
    uint32_t root_memory;
    void *tree; /* the description as it is packed: files' paths replaced by members' names */
};

/* Gather all parts of a checked system. False, after messages, if one is missing or broken; free the image in any case. */
bool image_gather(struct image *image, const struct system *system, const char *build_dir);
void image_free(struct image *image);

/* Size of the written image in bytes, without the wrapping as ELF. */
uint64_t image_size(const struct image *image);

/* Memory that a VM's banks of flash memory take beside it. */
uint64_t image_flash_size(const struct image *image, const struct description_vm *vm);

/* Write it to an open file. False if that failed; errno says why. */
bool image_write(const struct image *image, int file, bool as_elf);

/* Write it to a path, which holds either the whole image afterwards or what it held before. False after a message. */
bool image_save(const struct image *image, const char *path, bool as_elf);

#endif
