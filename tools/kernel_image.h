/* What a VM's kernel file is, judged before anything boots. */
#ifndef TOOLS_KERNEL_IMAGE_H
#define TOOLS_KERNEL_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#define GUEST_RAM_BASE UINT64_C(0x40000000)

struct kernel_image {
    const char *format;  /* for people */
    uint64_t memory;     /* bytes of RAM that it needs, from the start of RAM */
    bool arm32;          /* its VM runs in AArch32 */
    const char *problem; /* why it cannot boot, and the remedy; NULL: it may */
    const char *doubt;   /* why it may not boot; NULL: none */
};

/* Fills in `image` from the file at `path`, which can be read. */
void kernel_image_inspect(const char *path, struct kernel_image *image);

#endif
