/*
 * Root's allocator. Each extent is used from below for small blocks and from above for VMs' RAM, so that the latter stays in one piece and
 * aligned. Root's own space: small blocks behind its image, the window of memory_open, then large read-only mappings.
 */
#include "memory.h"

#include "call_stubs.h"
#include "log.h"
#include "map.h"
#include "slots.h"
#include "status_text.h"
#include "string.h"

enum { WINDOW_SMALL_END = 0x200000, WINDOW = 0x4000000, LARGE = 0x8000000, LARGE_ALIGN = 0x200000, SMALL_MAX = 0x80000 };

struct range {
    const struct bootinfo_extent *extent;
    uint64_t low, high; /* free: physical */
};

static const struct bootinfo *boot;
static struct range ranges[BOOTINFO_EXTENTS];
static uint64_t next_small, next_large = LARGE;

static uint64_t align_up(uint64_t value, uint64_t align)
{
    return (value + align - 1) & ~(align - 1);
}

void memory_begin(const struct bootinfo *info)
{
    boot = info;
    next_small = align_up(info->own_end, PAGE) + PAGE;
    for (uint32_t i = 0; i < info->extent_count && i < BOOTINFO_EXTENTS; i++) {
        const struct bootinfo_extent *extent = &info->extents[i];
        ranges[i] = (struct range){extent, extent->base, extent->base + extent->size};
    }
}

static void carve(struct block *block, const struct bootinfo_extent *extent, uint64_t base, uint64_t size, unsigned rights)
{
    *block = (struct block){slot_allocate(), base, size, NULL};
    status_t status = cap_delegate(CAP_SELF, block->slot, extent->slot, rights, base - extent->base, size);
    if (status != STATUS_OK)
        log_fail("memory at 0x%lx, 0x%lx bytes, cannot be taken: %s\n", base, size, status_text(status));
}

static void take_low(struct block *block, uint64_t size, enum extent_use use, unsigned rights)
{
    size = align_up(size, PAGE);
    for (uint32_t i = 0; i < boot->extent_count; i++) {
        struct range *range = &ranges[i];
        if (range->extent->use != use || range->high - range->low < size)
            continue;
        carve(block, range->extent, range->low, size, rights);
        range->low += size;
        return;
    }
    log_fail("no %s memory left for 0x%lx bytes: describe fewer or smaller VMs, or give the machine more memory\n",
             use == EXTENT_KERNEL ? "kernel" : "free", size);
}

void memory_take(struct block *block, uint64_t size)
{
    take_low(block, size, EXTENT_RAM, RIGHT_READ | RIGHT_WRITE);
}

void memory_take_delegable(struct block *block, uint64_t size)
{
    take_low(block, size, EXTENT_RAM, RIGHT_READ | RIGHT_WRITE | RIGHT_DELEGATE);
}

void memory_take_kernel(struct block *block, uint64_t size)
{
    take_low(block, size, EXTENT_KERNEL, RIGHT_READ | RIGHT_WRITE | RIGHT_KERNEL);
}

uint64_t memory_free(void)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < boot->extent_count; i++)
        if (ranges[i].extent->use == EXTENT_RAM)
            bytes += ranges[i].high - ranges[i].low;
    return bytes;
}

static void *map_part(struct block *block, uint64_t address, uint64_t size)
{
    status_t status = space_map(CAP_SPACE, block->slot, address, 0, size, RIGHT_READ | RIGHT_WRITE);
    if (status != STATUS_OK)
        log_fail("memory at 0x%lx cannot be mapped for root: %s\n", block->base, status_text(status));
    block->at = (void *)address; /* NOLINT */
    return block->at;
}

static void *map_block(struct block *block, uint64_t address)
{
    return map_part(block, address, block->size);
}

void memory_take_mapped(struct block *block, uint64_t size)
{
    memory_take(block, size);
    memset(map_block(block, next_small), 0, block->size);
    next_small += block->size;
}

/* A small one in the space's first table, whose end small blocks never reach in a usual system; else it takes a table while it is open. */
void *memory_open(struct block *block)
{
    bool fits = block->size <= WINDOW_SMALL_END - next_small;
    return map_block(block, next_small < WINDOW_SMALL_END && fits ? WINDOW_SMALL_END - block->size : WINDOW);
}

void memory_close(struct block *block)
{
    space_unmap(CAP_SPACE, (uint64_t)(uintptr_t)block->at);
    block->at = NULL;
}

void memory_take_mapped_head(struct block *block, uint64_t size, uint64_t mapped)
{
    memory_take(block, size);
    memset(memory_open(block), 0, block->size);
    memory_close(block);
    map_part(block, next_small, mapped);
    next_small += mapped;
}

volatile void *memory_map_registers(uint64_t base)
{
    const struct bootinfo_extent *extent = memory_device(base, PAGE);
    uint64_t address = next_small;
    if (!extent || space_map(CAP_SPACE, extent->slot, address, base - extent->base, PAGE, RIGHT_READ | RIGHT_WRITE) != STATUS_OK)
        return NULL;
    next_small += PAGE;
    return (volatile void *)address; /* NOLINT */
}

/* Highest aligned base of `size` bytes in the range; 0: none. */
static uint64_t range_top(const struct range *range, uint64_t size, uint64_t align)
{
    if (range->extent->use != EXTENT_RAM || range->high - range->low < size)
        return 0;
    uint64_t base = (range->high - size) & ~(align - 1);
    return base >= range->low ? base : 0;
}

static bool take_top(struct block *block, uint64_t size, uint64_t align)
{
    for (uint32_t i = boot->extent_count; i-- > 0;) {
        uint64_t base = range_top(&ranges[i], size, align);
        if (!base)
            continue;
        carve(block, ranges[i].extent, base, size, RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE | RIGHT_DELEGATE);
        ranges[i].high = base;
        return true;
    }
    return false;
}

bool memory_take_ram(struct block *block, uint64_t size, uint64_t *largest)
{
    *largest = 0;
    if ((size >= GIBIBYTE && take_top(block, size, GIBIBYTE)) || take_top(block, size, 2 * MEBIBYTE))
        return true;
    for (uint32_t i = 0; i < boot->extent_count; i++) {
        uint64_t low = align_up(ranges[i].low, 2 * MEBIBYTE), high = ranges[i].high & ~(2 * MEBIBYTE - 1);
        if (ranges[i].extent->use == EXTENT_RAM && high > low && high - low > *largest)
            *largest = high - low;
    }
    return false;
}

const void *memory_map_extent(const struct bootinfo_extent *extent, uint64_t size)
{
    /* A large one congruent to its physical address, so that 2 MiB blocks fit; a small one needs no table of its own. */
    uint64_t *next = size <= SMALL_MAX ? &next_small : &next_large, align = size <= SMALL_MAX ? PAGE : LARGE_ALIGN;
    uint64_t address = *next + extent->base % align;
    status_t status = map_extent(CAP_SPACE, extent->slot, address, 0, size, RIGHT_READ);
    if (status != STATUS_OK)
        log_fail("what the kernel handed over at 0x%lx cannot be mapped: %s\n", extent->base, status_text(status));
    *next = align_up(address + size, align);
    return (const void *)address; /* NOLINT */
}

const struct bootinfo_extent *memory_extent(enum extent_use use)
{
    for (uint32_t i = 0; i < boot->extent_count; i++)
        if (boot->extents[i].use == use)
            return &boot->extents[i];
    return NULL;
}

const struct bootinfo_extent *memory_device(uint64_t base, uint64_t size)
{
    for (uint32_t i = 0; i < boot->extent_count; i++) {
        const struct bootinfo_extent *extent = &boot->extents[i];
        if (extent->use == EXTENT_DEVICE && base >= extent->base && size <= extent->size &&
            base - extent->base <= extent->size - size)
            return extent;
    }
    return NULL;
}
