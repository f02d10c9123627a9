/*
 * Physical memory and devices, as the kernel handed them to root: carved into blocks, each with a capability of its own. A block belongs to its
 * user for good: a partition that is rebuilt gets the same ones again.
 */
#ifndef ROOT_MEMORY_H
#define ROOT_MEMORY_H

#include <bulkhead/bootinfo.h>
#include <bulkhead/call.h>
#include <stdbool.h>
#include <stdint.h>

enum { PAGE = 4096 };
#define MEBIBYTE (UINT64_C(1) << 20)
#define GIBIBYTE (UINT64_C(1) << 30)

struct block {
    cap_t slot;
    uint64_t base; /* physical */
    uint64_t size;
    void *at; /* in root's space; NULL: not mapped there */
};

/** Takes over the extents of the boot information. */
void memory_begin(const struct bootinfo *info);

/** `size` bytes (rounded up to pages) for data of root and components; fails for good when there is none. Zeroed by nobody. */
void memory_take(struct block *block, uint64_t size);

/** The same, and its capability may be handed on. */
void memory_take_delegable(struct block *block, uint64_t size);

/** As memory_take, mapped in root's space for good, and zeroed. */
void memory_take_mapped(struct block *block, uint64_t size);

/** As memory_take, zeroed, and its first `mapped` bytes mapped in root's space for good. */
void memory_take_mapped_head(struct block *block, uint64_t size, uint64_t mapped);

/** Maps the page of device registers at `base` in root's space, for good; NULL: the kernel keeps them. */
volatile void *memory_map_registers(uint64_t base);

/** `size` bytes that may become kernel memory. */
void memory_take_kernel(struct block *block, uint64_t size);

/** One stretch for the RAM of a VM, 2 MiB-aligned, 1 GiB-aligned if that large; false if there is none, with the largest that there is. */
bool memory_take_ram(struct block *block, uint64_t size, uint64_t *largest);

/** Bytes of RAM that nobody was given. */
uint64_t memory_free(void);

/** Maps the block in root's space for a while; one at a time. */
void *memory_open(struct block *block);
void memory_close(struct block *block);

/** Maps an extent of the boot information read-only in root's space, for good. */
const void *memory_map_extent(const struct bootinfo_extent *extent, uint64_t size);

/** The first extent of that use, or NULL. */
const struct bootinfo_extent *memory_extent(enum extent_use use);

/** The extent of device registers that contains [base, base + size), or NULL. */
const struct bootinfo_extent *memory_device(uint64_t base, uint64_t size);

#endif
