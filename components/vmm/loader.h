/*
 * Puts kernel, initrd and device tree into the guest's memory as the arm64 boot protocol asks (Linux, Documentation/arch/arm64/booting), and cleans
 * them to the point of coherency: the guest starts with caches off.
 */
#ifndef VMM_LOADER_H
#define VMM_LOADER_H

#include <stdbool.h>
#include <stdint.h>

struct loader_result {
    uint64_t entry; /* guest-physical address of the first instruction */
    uint64_t dtb;   /* of the device tree */
    uint64_t argument; /* x0: the same, or zero for firmware, which knows where it is */
};

/** Loads everything anew. False if it does not fit or is malformed: what, and what to change, has been reported then. */
bool loader_load(struct loader_result *result);

#endif
