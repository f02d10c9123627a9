/* Files as the tool sees them: mapped for reading, and found next to other files. */
#ifndef TOOLS_FILE_H
#define TOOLS_FILE_H

#include <stdbool.h>
#include <stdint.h>

struct file {
    const uint8_t *data; /* NULL if the file is empty */
    uint64_t size;
};

/* Map a regular file. NULL, or else what is wrong with it, for a message. */
const char *file_open(struct file *file, const char *path);
void file_close(struct file *file);

/* `path` as seen from the directory of the file `base`; fresh memory. */
char *file_beside(const char *base, const char *path);

/* Little-endian fields of a file's header; the caller has checked the size. */
uint32_t file_u32(const struct file *file, uint64_t offset);
uint64_t file_u64(const struct file *file, uint64_t offset);

#endif
