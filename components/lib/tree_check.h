/* Whether bytes that somebody else has made are a flattened device tree. */
#ifndef TREE_CHECK_H
#define TREE_CHECK_H

#include <libfdt.h>
#include <stddef.h>

/*
 * libfdt 1.6 adds a property's length to its offset as a signed number: lengths above INT_MAX lead into the property itself or back to its start,
 * where fdt_check_full() stays for good. Without them each tag ends behind its start.
 */
static inline int blob_check_lengths(const void *blob)
{
    int next = 0, length;
    uint32_t tag;
    do {
        int offset = next;
        tag = fdt_next_tag(blob, offset, &next);
        if (tag == FDT_PROP && (!fdt_get_property_by_offset(blob, offset, &length) || length < 0))
            return -FDT_ERR_BADSTRUCTURE;
    } while (tag != FDT_END);
    return 0;
}

/**
 * fdt_check_full(), for any size, version and lengths: libfdt takes trees older than version 16, whose nodes carry whole paths, and then its check of
 * the root's name reads a null pointer. Nothing makes them any more.
 */
static inline int blob_check(const void *blob, size_t size)
{
    enum { VERSION_MIN = 16 };
    if (size < sizeof(struct fdt_header))
        return -FDT_ERR_TRUNCATED;
    if (fdt_magic(blob) == FDT_MAGIC && fdt_version(blob) < VERSION_MIN)
        return -FDT_ERR_BADVERSION;
    int error = fdt_check_header(blob);
    if (!error && fdt_totalsize(blob) > size)
        error = -FDT_ERR_TRUNCATED;
    if (!error)
        error = blob_check_lengths(blob);
    return error ? error : fdt_check_full(blob, size);
}

#endif
