/* Partitions and their kernel memory. */
#include "partition.h"
#include "cpu.h"
#include "log.h"
#include "space.h"

static struct donation *all_donations;

/* --- blocks: free lists by size; a block is never joined again, the memory returns as a whole ---------------------- */

static void memory_push(struct partition *partition, void *block, uint8_t order)
{
    *(void **)block = partition->free[order];
    partition->free[order] = block;
}

void *memory_take(struct partition *partition, size_t size, uint8_t *order)
{
    uint8_t wanted = MEMORY_ORDER_MIN;
    while (((size_t)1 << wanted) < size)
        wanted++;
    ASSERT(wanted <= MEMORY_ORDER_PAGE);
    uint8_t found = wanted;
    while (found <= MEMORY_ORDER_PAGE && !partition->free[found])
        found++;
    if (found > MEMORY_ORDER_PAGE)
        return NULL;
    char *block = partition->free[found];
    partition->free[found] = *(void **)(void *)block;
    while (found > wanted) { /* the upper halves stay free */
        found--;
        memory_push(partition, block + ((size_t)1 << found), found);
    }
    *order = wanted;
    partition->free_bytes -= (uint64_t)1 << wanted;
    __builtin_memset(block, 0, (size_t)1 << wanted);
    return block;
}

void memory_give(struct partition *partition, void *block, uint8_t order)
{
    memory_push(partition, block, order);
    partition->free_bytes += (uint64_t)1 << order;
}

void *memory_take_page(struct partition *partition)
{
    uint8_t order;
    return memory_take(partition, PAGE_SIZE, &order);
}

void memory_give_page(struct partition *partition, void *page)
{
    memory_give(partition, page, MEMORY_ORDER_PAGE);
}

void memory_stats(uint64_t *given, uint64_t *used)
{
    *given = *used = 0;
    for (struct donation *d = all_donations; d; d = d->all_next) {
        *given += d->node.size;
        *used += d->node.size - (d == &d->partition->first ? d->partition->free_bytes : 0);
    }
}

/* What is left of a page of which the first `used` bytes are taken, in blocks. */
static void memory_give_rest(struct partition *partition, char *page, size_t used)
{
    for (size_t at = (used + (1 << MEMORY_ORDER_MIN) - 1) >> MEMORY_ORDER_MIN << MEMORY_ORDER_MIN; at < PAGE_SIZE; at += at & -at)
        memory_give(partition, page + at, (uint8_t)__builtin_ctzl(at));
}

/* --- donations ----------------------------------------------------------------------------------------------------- */

static status_t donation_check(const struct cap *memory)
{
    if (memory->child)
        return STATUS_BUSY;
    if (memory->size > PARTITION_FEED_LIMIT || memory->depth >= CAP_DEPTH_MAX)
        return STATUS_LIMIT;
    for (const struct donation *d = all_donations; d; d = d->all_next) {
        if (memory->base < d->node.base + d->node.size && d->node.base < memory->base + memory->size)
            return STATUS_BUSY;
    }
    return STATUS_OK;
}

static void donation_map(const struct cap *memory)
{
    for (uint64_t offset = 0; offset < memory->size; offset += PAGE_SIZE)
        arch_kernel_map(paddr(memory->base + offset));
}

/* Ties the donation to its extent and adds what is behind the first `used` bytes to what is free. */
static void donation_link(struct donation *donation, struct partition *partition, struct cap *memory, size_t used)
{
    donation->node = (struct cap){.type = NODE_MEMORY, .base = memory->base, .size = memory->size};
    cap_derive(&donation->node, memory);
    donation->partition = partition;
    donation->next = partition->donations;
    partition->donations = donation;
    donation->all_next = all_donations;
    all_donations = donation;
    for (uint64_t offset = memory->size; offset > PAGE_SIZE; offset -= PAGE_SIZE)
        memory_give_page(partition, phys_to_ptr(paddr(memory->base + offset - PAGE_SIZE)));
    memory_give_rest(partition, phys_to_ptr(paddr(memory->base)), used);
    partition->memory_bytes += memory->size;
}

struct partition *partition_new(struct cap *memory, uint64_t cpu_mask, unsigned priority, status_t *status)
{
    *status = memory->size < PARTITION_MIN_MEMORY ? STATUS_ARGUMENT : donation_check(memory);
    if (*status != STATUS_OK)
        return NULL;
    donation_map(memory);
    struct partition *partition = phys_to_ptr(paddr(memory->base));
    __builtin_memset(partition, 0, PAGE_SIZE);
    partition->object.type = CAP_PARTITION;
    partition->object.payer = partition;
    partition->cpus = cpu_mask;
    partition->priority = priority;
    donation_link(&partition->first, partition, memory, sizeof(*partition));
    struct cap *self = cap_slot_for(partition, CAP_SELF, status);
    ASSERT(self); /* PARTITION_MIN_MEMORY suffices for it */
    *self = (struct cap){.type = CAP_PARTITION,
                         .rights = RIGHT_CREATE | RIGHT_GRANT | RIGHT_OBSERVE,
                         .holder = partition,
                         .object = &partition->object};
    return partition;
}

/* Does the end of `partition` bring the end of `other`: is it the same, or one that it made, or one that such a one made …? */
static bool partition_contains(const struct partition *partition, const struct partition *other)
{
    while (other && other != partition)
        other = other->object.original ? other->object.original->holder : NULL;
    return other;
}

/*
 * The memory, and all that it was derived from, stands in tables of those that made the partition, directly or not. They cannot end because it
 * does: so nobody's end waits for itself, however partitions feed each other.
 */
static bool memory_of_makers(const struct partition *partition, const struct cap *memory)
{
    for (; memory; memory = memory->parent) {
        if (memory->holder == partition || !partition_contains(memory->holder, partition))
            return false;
    }
    return true;
}

status_t partition_feed(struct partition *partition, struct cap *memory)
{
    status_t status = donation_check(memory);
    if (!memory_of_makers(partition, memory))
        return STATUS_STATE;
    if (status == STATUS_OK && partition->feeds == PARTITION_FEEDS)
        status = STATUS_LIMIT;
    if (status != STATUS_OK)
        return status;
    partition->feeds++;
    donation_map(memory);
    struct donation *donation = phys_to_ptr(paddr(memory->base)); /* in itself: whoever is fed may have nothing left */
    donation_link(donation, partition, memory, sizeof(*donation));
    return STATUS_OK;
}

/* --- the end -------------------------------------------------------------------------------------------------------- */

/* The first capability that is left in the page of its table that is to be looked at. CAP_SELF, which nobody derived, may stay. */
static struct cap *partition_first_cap(struct partition *partition)
{
    struct cap *page = partition->table[partition->scanned];
    for (unsigned j = 0; page && j < CAPS_PER_PAGE; j++) {
        if (page[j].type != CAP_NONE && (page[j].object != &partition->object || page[j].parent))
            return &page[j];
    }
    partition->scanned++;
    return NULL;
}

struct cap *partition_next(struct partition *partition)
{
    partition->dying = true;
    if (partition->objects)
        return CONTAINER_OF(partition->objects, struct object, link)->original;
    return partition->scanned < CAP_PAGES ? partition_first_cap(partition) : NULL;
}

bool partition_empty(const struct partition *partition)
{
    return !partition->objects && partition->scanned == CAP_PAGES;
}

/* Unmaps the end of the newest donation, down to its first page, in which it is described. True when that is all that is left. */
static bool donation_shrink(struct donation *donation)
{
    uint64_t step = donation->node.size - PAGE_SIZE < DONATION_STEP ? donation->node.size - PAGE_SIZE : DONATION_STEP;
    for (; step; step -= PAGE_SIZE) {
        donation->node.size -= PAGE_SIZE;
        arch_kernel_unmap(paddr(donation->node.base + donation->node.size));
    }
    return donation->node.size == PAGE_SIZE;
}

/* Takes the newest donation back, of which one page is left. */
static void donation_remove(struct partition *partition)
{
    struct donation *donation = partition->donations, **p = &all_donations;
    paddr_t page = paddr(donation->node.base);
    while (*p != donation)
        p = &(*p)->all_next;
    *p = donation->all_next;
    partition->donations = donation->next;
    cap_unlink(&donation->node);
    cpu_quiesce();
    arch_kernel_unmap(page);
}

bool partition_destroy_step(struct partition *partition)
{
    if (!partition_empty(partition))
        return false;
    for (struct donation *d = partition->donations; d; d = d->next) {
        if (!donation_shrink(d))
            return false;
    }
    return true;
}

/* All of it at once: whoever revokes one of the donations is done when that one is gone. */
void partition_free(struct partition *partition)
{
    while (partition->donations != &partition->first)
        donation_remove(partition);
    donation_remove(partition);
}
