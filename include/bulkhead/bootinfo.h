/*
 * What the kernel tells root: a read-only page at BOOTINFO_ADDRESS, also in root's first register. Root starts with
 * the capabilities CAP_SELF … CAP_IRQS and one per entry of `extents`.
 */
#ifndef BULKHEAD_BOOTINFO_H
#define BULKHEAD_BOOTINFO_H

#include <stdint.h>

enum {
    BOOTINFO_MAGIC = 0x49424842, /* "BHBI" */
    BOOTINFO_ADDRESS = 0xff000,
    BOOTINFO_EXTENTS = 48,
};

enum extent_use {
    EXTENT_RAM,     /* free memory */
    EXTENT_KERNEL,  /* free memory that may become kernel memory (RIGHT_KERNEL) */
    EXTENT_DEVICE,  /* device registers: all of the address space that is neither RAM nor the kernel's */
    EXTENT_FDT,     /* the firmware's device tree, read-only; begins `fdt_offset` bytes into the extent */
    EXTENT_PACKAGE, /* the package (package.h), read and execute */
    EXTENT_GUEST_DEVICE, /* registers that answer to the guest which runs, to be mapped into guests' spaces only. AArch64: GICv2's virtual CPU interface */
};

struct bootinfo_extent {
    uint64_t base; /* physical */
    uint64_t size; /* bytes; page multiples */
    uint32_t slot; /* the capability */
    uint32_t use;  /* enum extent_use */
};

struct bootinfo {
    uint32_t magic;
    uint32_t cpus;                /* started, numbered from 0 in the device tree's order */
    uint32_t variant;             /* of the architecture. AArch64: 2 or 3, for GICv2 or GICv3 */
    uint32_t extent_count;
    uint64_t timer_frequency;     /* Hz of the counter */
    uint64_t fdt_offset;
    uint64_t own_end;             /* end of root's own memory (virtual), behind COMPONENT_BASE */
    uint64_t console;             /* physical address of the UART's registers that the kernel's log goes to; 0: none */
    uint64_t boot_ticks;          /* counter when the kernel was entered */
    char commit[24];              /* the build's */
    struct bootinfo_extent extents[BOOTINFO_EXTENTS];
};

#endif
