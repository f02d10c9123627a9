/*
 * The linker sends the kernel's calls of its memory functions through here (--wrap). A free block bears the address of the next one in its
 * first word; the rest of it is poisoned, so that a use after free ends the test at the place where it happens.
 */
#include "poison.h"
#include "host.h"
#include "partition.h"

#include <sanitizer/asan_interface.h>

void *__real_memory_take(struct partition *partition, size_t size, uint8_t *order);
void __real_memory_give(struct partition *partition, void *block, uint8_t order);
struct partition *__real_partition_new(struct cap *memory, uint64_t cpu_mask, unsigned priority, status_t *status);
status_t __real_partition_feed(struct partition *partition, struct cap *memory);

void *__wrap_memory_take(struct partition *partition, size_t size, uint8_t *order);
void __wrap_memory_give(struct partition *partition, void *block, uint8_t order);
void *__wrap_memory_take_page(struct partition *partition);
void __wrap_memory_give_page(struct partition *partition, void *page);
struct partition *__wrap_partition_new(struct cap *memory, uint64_t cpu_mask, unsigned priority, status_t *status);
status_t __wrap_partition_feed(struct partition *partition, struct cap *memory);

void poison_reset(void)
{
    ASAN_UNPOISON_MEMORY_REGION(phys_to_ptr(paddr(HOST_RAM)), HOST_RAM_SIZE);
}

static void block_poison(void *block, unsigned order)
{
    ASAN_POISON_MEMORY_REGION((char *)block + sizeof(void *), ((size_t)1 << order) - sizeof(void *));
}

static void free_poison(const struct partition *partition)
{
    for (unsigned order = MEMORY_ORDER_MIN; order <= MEMORY_ORDER_PAGE; order++) {
        for (void *block = partition->free[order]; block; block = *(void **)block)
            block_poison(block, order);
    }
}

static void free_unpoison(const struct partition *partition)
{
    for (unsigned order = MEMORY_ORDER_MIN; order <= MEMORY_ORDER_PAGE; order++) {
        for (void *block = partition->free[order]; block; block = *(void **)block)
            ASAN_UNPOISON_MEMORY_REGION(block, (size_t)1 << order);
    }
}

void *__wrap_memory_take(struct partition *partition, size_t size, uint8_t *order)
{
    free_unpoison(partition);
    void *block = __real_memory_take(partition, size, order);
    free_poison(partition);
    return block;
}

void __wrap_memory_give(struct partition *partition, void *block, uint8_t order)
{
    if (host_tlb_reaches(ptr_to_phys(block).raw, (uint64_t)1 << order))
        host_fail("kernel memory at %p is freed while a TLB leads to it", block);
    __real_memory_give(partition, block, order);
    block_poison(block, order);
}

void *__wrap_memory_take_page(struct partition *partition)
{
    uint8_t order;
    return __wrap_memory_take(partition, PAGE_SIZE, &order);
}

void __wrap_memory_give_page(struct partition *partition, void *page)
{
    __wrap_memory_give(partition, page, MEMORY_ORDER_PAGE);
}

/* New kernel memory: whatever its previous life left on it goes. */
static void donation_unpoison(const struct cap *memory)
{
    if (!host_is_mapped(memory->base))
        ASAN_UNPOISON_MEMORY_REGION(phys_to_ptr(paddr(memory->base)), memory->size);
}

struct partition *__wrap_partition_new(struct cap *memory, uint64_t cpu_mask, unsigned priority, status_t *status)
{
    donation_unpoison(memory);
    struct partition *partition = __real_partition_new(memory, cpu_mask, priority, status);
    if (partition)
        free_poison(partition);
    return partition;
}

status_t __wrap_partition_feed(struct partition *partition, struct cap *memory)
{
    donation_unpoison(memory);
    free_unpoison(partition);
    status_t status = __real_partition_feed(partition, memory);
    free_poison(partition);
    return status;
}
