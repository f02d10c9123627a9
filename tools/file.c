/* Mapped files. */
#include "file.h"

#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *map_descriptor(struct file *file, int descriptor)
{
    struct stat status;
    void *data;

    if (fstat(descriptor, &status) < 0)
        return strerror(errno);
    if (S_ISDIR(status.st_mode))
        return "is a directory, not a file";
    if (!S_ISREG(status.st_mode))
        return "is not a regular file";
    if (status.st_size == 0)
        return NULL;
    data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (data == MAP_FAILED)
        return strerror(errno);
    *file = (struct file){.data = data, .size = (uint64_t)status.st_size};
    return NULL;
}

const char *file_open(struct file *file, const char *path)
{
    /* Without O_NONBLOCK, opening a FIFO would wait for its writer before it could be refused. */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const char *problem;

    *file = (struct file){0};
    if (descriptor < 0)
        return strerror(errno);
    problem = map_descriptor(file, descriptor);
    close(descriptor);
    return problem;
}

void file_close(struct file *file)
{
    if (file->data != NULL)
        munmap((void *)(uintptr_t)file->data, (size_t)file->size);
    *file = (struct file){0};
}

char *file_beside(const char *base, const char *path)
{
    const char *slash = strrchr(base, '/');

    if (path[0] == '/' || slash == NULL)
        return text_format("%s", path);
    return text_format("%.*s/%s", (int)(slash - base), base, path);
}

uint32_t file_u32(const struct file *file, uint64_t offset)
{
    const uint8_t *byte = file->data + offset;

    return (uint32_t)byte[0] | (uint32_t)byte[1] << 8 | (uint32_t)byte[2] << 16 | (uint32_t)byte[3] << 24;
}

uint64_t file_u64(const struct file *file, uint64_t offset)
{
    return file_u32(file, offset) | (uint64_t)file_u32(file, offset + 4) << 32;
}
