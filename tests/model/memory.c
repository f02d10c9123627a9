/* Kernel memory of partitions, and what is mapped where. */
#include "model.h"

#include <string.h>

/* --- blocks: halved as needed, never joined again ------------------------------------------------------------------- */

bool m_take(int partition, int order)
{
    uint64_t *blocks = model.partitions[partition].blocks;
    int from = order;
    while (from < M_ORDERS && !blocks[from])
        from++;
    if (from == M_ORDERS)
        return false;
    blocks[from]--;
    for (int half = order; half < from; half++)
        blocks[half]++;
    return true;
}

void m_give(int partition, int order)
{
    model.partitions[partition].blocks[order]++;
}

/* The rest of a page, in blocks aligned to their sizes. */
static void m_give_rest(int partition, size_t used)
{
    for (size_t at = 0; at < M_PAGE;) {
        int order = M_ORDER_MIN;
        while (at % (2u << order) == 0 && at + (2u << order) <= M_PAGE && at)
            order++;
        if (at >= used)
            m_give(partition, order);
        at += at < used ? 1u << M_ORDER_MIN : 1u << order;
    }
}

uint64_t m_free_bytes(int partition)
{
    uint64_t bytes = 0;
    for (int order = M_ORDER_MIN; order < M_ORDERS; order++)
        bytes += model.partitions[partition].blocks[order] << order;
    return bytes;
}

/* --- partitions -------------------------------------------------------------------------------------------------------- */

static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a < b + b_size && b < a + a_size;
}

static status_t may_donate(const struct m_node *extent)
{
    if (m_has_children(extent))
        return STATUS_BUSY;
    if (extent->size > PARTITION_FEED_LIMIT || m_depth(extent) >= M_DEPTH_MAX)
        return STATUS_LIMIT;
    for (int i = 0; i < model.nodes_end; i++) {
        const struct m_node *node = &model.nodes[i];
        if (node->kind == M_DONATION && overlap(node->base, node->size, extent->base, extent->size))
            return STATUS_BUSY;
    }
    return STATUS_OK;
}

/* All but its first page, which is the kernel's to use, becomes free. */
void m_donate(int partition, struct m_node *extent)
{
    struct m_node *node = m_node_new(M_DONATION, m_node_index(extent));
    node->base = extent->base;
    node->size = extent->size;
    node->partition = partition;
    model.partitions[partition].bytes += extent->size;
    model.partitions[partition].blocks[M_ORDER_PAGE] += extent->size / M_PAGE - 1;
}

static int partition_new(struct m_thing *thing, uint64_t cpus, unsigned priority)
{
    int index = 0;
    while (model.partitions[index].used)
        index++;
    struct m_partition *partition = &model.partitions[index];
    memset(partition, 0, sizeof *partition);
    memset(partition->table, 0xff, sizeof partition->table); /* NONE */
    partition->used = true;
    partition->thing = m_thing_index(thing);
    partition->cpus = cpus;
    partition->priority = priority;
    thing->partition = thing->payer = index;
    return index;
}

status_t m_partition_create(int self, const uint64_t *r)
{
    status_t status;
    struct m_node *extent = m_find(self, r[2], CAP_EXTENT, RIGHT_KERNEL, &status);
    const struct m_partition *creator = &model.partitions[self];
    if (!extent)
        return status;
    if (r[3] == 0 || (r[3] & creator->cpus) != r[3])
        return STATUS_CPU;
    if (r[4] > creator->priority)
        return STATUS_RANGE;
    if (!m_slot_free(self, r[1], &status))
        return status;
    status = extent->size < PARTITION_MIN_MEMORY ? STATUS_ARGUMENT : may_donate(extent);
    if (status != STATUS_OK)
        return status;
    struct m_thing *thing = m_thing_new(NONE, CAP_PARTITION, &status);
    int index = partition_new(thing, r[3], (unsigned)r[4]);
    m_donate(index, extent);
    m_give_rest(index, model.costs.partition);
    m_slot_free(index, CAP_SELF, &status);
    struct m_node *own = m_cap_new(index, CAP_SELF, CAP_PARTITION, NONE);
    own->rights = RIGHT_CREATE | RIGHT_GRANT | RIGHT_OBSERVE;
    own->thing = m_thing_index(thing);
    m_thing_original(thing, self, r[1]);
    return STATUS_OK;
}

/* Did `maker` make the partition, or somebody who made its maker …? */
static bool is_maker(int maker, int partition)
{
    for (;;) {
        const struct m_node *original = m_node(m_thing(model.partitions[partition].thing)->original);
        if (!original)
            return false;
        if (original->holder == maker)
            return true;
        partition = original->holder;
    }
}

/* Only makers feed, with what comes from makers: so nobody's end follows from itself. */
static bool is_makers(const struct m_node *extent, int partition)
{
    for (; extent; extent = m_node(extent->parent)) {
        if (!is_maker(extent->holder, partition))
            return false;
    }
    return true;
}

status_t m_partition_feed(int self, const uint64_t *r)
{
    status_t status;
    const struct m_node *cap = m_find(self, r[1], CAP_PARTITION, RIGHT_CREATE, &status);
    struct m_node *extent = cap ? m_find(self, r[2], CAP_EXTENT, RIGHT_KERNEL, &status) : NULL;
    if (!extent)
        return status;
    int partition = m_thing(cap->thing)->partition;
    if (!is_makers(extent, partition))
        return STATUS_STATE;
    status = may_donate(extent);
    if (status == STATUS_OK && model.partitions[partition].feeds == PARTITION_FEEDS)
        status = STATUS_LIMIT;
    if (status != STATUS_OK)
        return status;
    model.partitions[partition].feeds++;
    m_donate(partition, extent);
    m_give_rest(partition, model.costs.donation);
    return STATUS_OK;
}

/* --- mappings -------------------------------------------------------------------------------------------------------------- */

static const uint64_t spans[] = {UINT64_C(1) << 30, UINT64_C(1) << 21, UINT64_C(1) << 12};

static bool is_mapped(const struct m_node *node, int space)
{
    return (node->kind == M_MAPPING || node->kind == M_FIXED) && node->space == space;
}

/* Is the aligned region that `address` is in mapped by one block of its size? */
static bool is_block(const struct m_node *node, uint64_t address, uint64_t span)
{
    uint64_t start = address / span * span;
    return (node->address - node->base) % span == 0 && start >= node->address && start + span <= node->address + node->size;
}

static const struct m_node *mapping_over(int space, uint64_t address, uint64_t size)
{
    for (int i = 0; i < model.nodes_end; i++) {
        const struct m_node *node = &model.nodes[i];
        if (is_mapped(node, space) && overlap(node->address, node->size, address, size))
            return node;
    }
    return NULL;
}

uint64_t m_leaf(int space, uint64_t address, uint64_t *physical, unsigned *access, bool *device)
{
    const struct m_node *node = mapping_over(space, address, 1);
    if (!node)
        return 0;
    unsigned level = 0;
    while (!is_block(node, address, spans[level]))
        level++;
    *physical = node->base + (address - node->address);
    *access = node->access;
    *device = node->device;
    return spans[level];
}

enum { TABLES_MAX = 512 };

struct regions {
    unsigned count;
    uint64_t start[TABLES_MAX];
};

static void regions_add(struct regions *regions, uint64_t start)
{
    for (unsigned i = 0; i < regions->count; i++) {
        if (regions->start[i] == start)
            return;
    }
    regions->start[regions->count++] = start;
}

/* Regions of that size that are mapped in smaller blocks: each needs a table. */
static void regions_split(struct regions *regions, const struct m_node *node, uint64_t span)
{
    uint64_t end = node->address + node->size;
    for (uint64_t at = node->address / span * span; at < end; at += span) {
        if (!is_block(node, at, span))
            regions_add(regions, at);
        else if (end - at > 2 * span) /* only the ends can be less than a block */
            at = (end - 1) / span * span - span;
    }
}

unsigned m_tables(int space)
{
    struct regions large = {0}, small = {0};
    for (int i = 0; i < model.nodes_end; i++) {
        if (!is_mapped(&model.nodes[i], space))
            continue;
        regions_split(&large, &model.nodes[i], spans[0]);
        const struct m_node *node = &model.nodes[i];
        regions_split(&small, node, spans[1]);
    }
    return 1 + large.count + small.count;
}

status_t m_space_create(int self, const uint64_t *r)
{
    status_t status;
    const struct m_node *payer = m_find(self, r[1], CAP_PARTITION, RIGHT_CREATE, &status);
    if (!payer || !m_slot_free(self, r[2], &status))
        return status;
    if (r[3] > SPACE_GUEST)
        return STATUS_ARGUMENT;
    int partition = m_thing(payer->thing)->partition;
    struct m_thing *space = m_thing_new(partition, CAP_SPACE_OBJECT, &status);
    if (!space)
        return status;
    if (!m_take(partition, M_ORDER_PAGE)) {
        m_give(partition, space->order);
        space->used = false;
        return STATUS_MEMORY;
    }
    space->space_kind = (unsigned)r[3];
    space->tables = 1;
    m_thing_original(space, self, r[2]);
    return STATUS_OK;
}

/* The regions above a block at `at` that have no table yet, and so need a page. */
static unsigned tables_missing(int space, uint64_t at, unsigned level, uint64_t made[2])
{
    unsigned missing = 0;
    for (unsigned above = 0; above < level; above++) {
        uint64_t region = at / spans[above] * spans[above];
        missing += made[above] != region && !mapping_over(space, region, spans[above]);
        made[above] = region;
    }
    return missing;
}

/* What speaks against a mapping to be: too many blocks, something in the way, no pages for tables. Which of them the kernel meets first is its affair. */
static status_t can_map(int space, const struct m_node *wanted)
{
    uint64_t made[2] = {UINT64_MAX, UINT64_MAX}, span; /* the regions that were looked at last */
    uint64_t pages = model.partitions[m_thing(space)->payer].blocks[M_ORDER_PAGE], needed = 0;
    unsigned blocks = 0;
    for (uint64_t at = wanted->address; at < wanted->address + wanted->size && blocks <= SPACE_MAP_LIMIT; at += span, blocks++) {
        unsigned level = 0;
        while (!is_block(wanted, at, spans[level]))
            level++;
        span = spans[level];
        needed += tables_missing(space, at, level, made);
    }
    model.map_limit = blocks > SPACE_MAP_LIMIT;
    model.map_exists = mapping_over(space, wanted->address, wanted->size);
    model.map_memory = needed > pages;
    return model.map_exists ? STATUS_EXISTS : model.map_limit ? STATUS_LIMIT : model.map_memory ? STATUS_MEMORY : STATUS_OK;
}

static unsigned mappings(int space)
{
    unsigned count = 0;
    for (int i = 0; i < model.nodes_end; i++)
        count += model.nodes[i].kind == M_MAPPING && model.nodes[i].space == space;
    return count;
}

static status_t map(int space, const struct m_node *extent, uint64_t address, uint64_t offset, uint64_t size, unsigned access)
{
    uint64_t limit = UINT64_C(1) << SPACE_BITS;
    int payer = m_thing(space)->payer;
    if (address % M_PAGE || size % M_PAGE || offset % M_PAGE || !size || !access || address >= limit || size > limit - address)
        return STATUS_ARGUMENT;
    if (offset > extent->size || size > extent->size - offset)
        return STATUS_RANGE;
    if (m_depth(extent) >= M_DEPTH_MAX || mappings(space) == SPACE_MAPPINGS)
        return STATUS_LIMIT;
    if (!m_take(payer, model.costs.mapping))
        return STATUS_MEMORY;
    struct m_node node = {.base = extent->base + offset, .size = size, .address = address};
    status_t status = can_map(space, &node);
    if (status != STATUS_OK) {
        m_give(payer, model.costs.mapping);
        return status;
    }
    struct m_node *mapping = m_node_new(M_MAPPING, m_node_index(extent));
    mapping->base = node.base;
    mapping->size = size;
    mapping->address = address;
    mapping->space = space;
    mapping->access = access;
    mapping->device = extent->device;
    unsigned tables = m_tables(space);
    model.partitions[payer].blocks[M_ORDER_PAGE] -= tables - m_thing(space)->tables;
    m_thing(space)->tables = tables;
    return STATUS_OK;
}

int m_map_page(int space, int payer, uint64_t address, status_t *status)
{
    struct m_node wanted = {.base = 0, .size = M_PAGE, .address = address};
    *status = STATUS_MEMORY;
    if (!m_take(payer, M_ORDER_PAGE))
        return NONE;
    *status = address % M_PAGE || address >= UINT64_C(1) << SPACE_BITS ? STATUS_ARGUMENT : can_map(space, &wanted);
    if (*status != STATUS_OK) {
        m_give(payer, M_ORDER_PAGE);
        return NONE;
    }
    struct m_node *node = m_node_new(M_FIXED, NONE);
    node->size = M_PAGE;
    node->address = address;
    node->space = space;
    node->access = RIGHT_READ | RIGHT_WRITE;
    unsigned tables = m_tables(space);
    model.partitions[m_thing(space)->payer].blocks[M_ORDER_PAGE] -= tables - m_thing(space)->tables;
    m_thing(space)->tables = tables;
    return m_node_index(node);
}

status_t m_space_map(int self, const uint64_t *r)
{
    status_t status;
    unsigned access = r[6] & (RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE);
    const struct m_node *space = m_find(self, r[1], CAP_SPACE_OBJECT, RIGHT_MAP, &status);
    const struct m_node *extent = space ? m_find(self, r[2], CAP_EXTENT, access, &status) : NULL;
    if (!extent)
        return status;
    if (extent->guest_only && m_thing(space->thing)->space_kind != SPACE_GUEST)
        return STATUS_RIGHTS;
    return access == r[6] ? map(space->thing, extent, r[3], r[4], r[5], access) : STATUS_ARGUMENT;
}

status_t m_space_unmap(int self, const uint64_t *r)
{
    status_t status;
    const struct m_node *space = m_find(self, r[1], CAP_SPACE_OBJECT, RIGHT_MAP, &status);
    if (!space)
        return status;
    for (int i = 0; i < model.nodes_end; i++) {
        struct m_node *node = &model.nodes[i];
        if (node->kind == M_MAPPING && node->space == space->thing && node->address == r[2]) {
            m_doom(node, true);
            m_remove_doomed();
            return STATUS_OK;
        }
    }
    return STATUS_RANGE;
}
