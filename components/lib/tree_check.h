/* Whether bytes that somebody else has made are a flattened device tree. */
#ifndef TREE_CHECK_H
#define TREE_CHECK_H

#include <libfdt.h>
#include <stddef.h>

/**
 * fdt_check_full(), for any size and version: libfdt takes trees older than version 16, whose nodes carry whole paths, and then its check of the
 * root's name reads a null pointer. Nothing makes them any more.
 */
static inline int blob_check(const void *blob, size_t size)
{
    enum { VERSION_MIN = 16 };
    if (size < sizeof(struct fdt_header))
        return -FDT_ERR_TRUNCATED;
    if (fdt_magic(blob) == FDT_MAGIC && fdt_version(blob) < VERSION_MIN)
        return -FDT_ERR_BADVERSION;
    return fdt_check_full(blob, size);
}

#endif
