/* The package behind the kernel in the boot image: components' images and VMs' files, by name. */
#ifndef ROOT_PACKAGE_H
#define ROOT_PACKAGE_H

#include <bulkhead/call.h>
#include <bulkhead/package.h>
#include <stdint.h>

struct member {
    const void *data; /* in root's space; NULL: root does not read it */
    uint64_t size;
    uint64_t mapped_size; /* the same with the zeros behind it that are mapped, too: pages, or blocks of 2 MiB */
    cap_t extent;    /* of the whole package */
    uint64_t offset; /* in it */
    uint64_t align_offset; /* the same, counted from the 2 MiB boundary below the package: for mappings by large blocks */
    const char *wrong; /* completes "package member NAME"; then nothing else is set. NULL: it may be used */
};

/** Maps the package and checks its table; fails with a message if there is none. */
void package_open(void);

/** The member of that name. */
struct member package_find(const char *name);

/** The header of the component's image `name`; NULL if the member is missing or malformed: `member->wrong`. */
const struct component_header *package_component(const char *name, struct member *member);

#endif
