/*
 * The boot image: the kernel's `Image`, padded to a page, followed by one package. A package is a table of named members, each at
 * a page boundary so that it can be mapped where it lies. `bulkhead pack` writes it, root reads it; the kernel looks only
 * for the member "root".
 */
#ifndef BULKHEAD_PACKAGE_H
#define BULKHEAD_PACKAGE_H

#include <stdint.h>

enum {
    PACKAGE_MAGIC = 0x4b504842, /* "BHPK", little-endian */
    PACKAGE_VERSION = 1,
    PACKAGE_ALIGN = 4096,
    PACKAGE_BLOCK = 0x200000,   /* members that are larger than PACKAGE_LARGE begin at multiples of it in the image, and only zeros follow in their last one: */
    PACKAGE_LARGE = 0x80000,    /* they are mapped by blocks */
    PACKAGE_NAME_SIZE = 48,     /* with the terminating zero */
};

struct package_entry {
    char name[PACKAGE_NAME_SIZE]; /* "root", "vmm", "uart", "system.dtb", "linux/kernel", "linux/initrd", … */
    uint64_t offset;              /* of the first byte, from the package's first byte; a multiple of PACKAGE_ALIGN */
    uint64_t size;                /* in bytes; the rest of the last page is zero */
};

struct package_header {
    uint32_t magic;
    uint32_t version;
    uint32_t count; /* of entries */
    uint32_t root_memory; /* bytes of kernel memory that root needs for this description; 0: a usual amount */
    uint64_t size; /* of the whole package, a multiple of PACKAGE_ALIGN */
    struct package_entry entries[];
};

/*
 * A component's image (a member "root", "vmm", …): flat, linked at COMPONENT_BASE, starting with this header, which the
 * components' linker script writes. [0, rx_size) is code and constants and is mapped read-execute where it lies;
 * [rx_size, memory_size) is a private read-write copy, of which [rx_size, file_size) is in the file and the rest zero.
 */
struct component_header {
    uint32_t magic;
    uint32_t version;
    uint64_t entry;       /* virtual address of the first instruction */
    uint64_t rx_size;     /* a multiple of PACKAGE_ALIGN */
    uint64_t file_size;
    uint64_t memory_size; /* a multiple of PACKAGE_ALIGN; includes the first thread's stack */
};

enum {
    COMPONENT_MAGIC = 0x4f434842, /* "BHCO" */
    COMPONENT_VERSION = 1,
    COMPONENT_BASE = 0x100000, /* virtual address of the header */
};

#endif
