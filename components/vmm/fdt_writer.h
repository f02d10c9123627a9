/*
 * Writing a device tree front to back (libfdt's sequential-write functions). The first error sticks, so that nobody needs to look at each
 * property.
 */
#ifndef VMM_FDT_WRITER_H
#define VMM_FDT_WRITER_H

#include <stddef.h>
#include <stdint.h>

struct fdt_writer {
    void *fdt;
    int error; /* of libfdt; 0: none so far */
};

/* What the boot protocol adds to a tree, generated or the user's. */
struct fdt_boot {
    uint64_t initrd, initrd_size; /* guest-physical; size 0: none */
};

/** Begin and end of the tree, in `size` bytes at `buffer`, and of a node; a property of bytes, text, nothing or one number. The first error is kept. */
void fdt_write_begin(struct fdt_writer *writer, void *buffer, size_t size);
void fdt_write_end(struct fdt_writer *writer);
void fdt_node_begin(struct fdt_writer *writer, const char *name);
void fdt_node_end(struct fdt_writer *writer);
void fdt_write_bytes(struct fdt_writer *writer, const char *name, const void *value, size_t size);
void fdt_write_text(struct fdt_writer *writer, const char *name, const char *value);
void fdt_write_empty(struct fdt_writer *writer, const char *name);
void fdt_write_u64(struct fdt_writer *writer, const char *name, uint64_t value);

/** `count` (up to 32) cells. */
void fdt_write_cells(struct fdt_writer *writer, const char *name, const uint32_t *cells, unsigned count);

/** A `reg` of one address and size, in `address_cells` and `size_cells` cells (1 or 2) each. */
void fdt_write_reg(struct fdt_writer *writer, uint64_t address, uint64_t size, unsigned address_cells, unsigned size_cells);

/** The machine's memory, as a node. */
void fdt_write_memory(struct fdt_writer *writer, unsigned address_cells, unsigned size_cells);

/** Properties of /chosen that the boot protocol asks for: initrd, boot arguments, seeds. */
void fdt_write_chosen(struct fdt_writer *writer, const struct fdt_boot *boot);

/** Generates the tree of this machine into `size` bytes at `buffer`; answers libfdt's error or 0. */
int fdt_generate(void *buffer, size_t size, const struct fdt_boot *boot);

/** Copies the user's tree, with memory and /chosen replaced by this machine's; as above. */
int fdt_copy_user(void *buffer, size_t size, const void *user, size_t user_size, const struct fdt_boot *boot);

#endif
