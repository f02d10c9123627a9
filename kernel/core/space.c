/* Spaces and their mappings. */
#include "space.h"
#include "cpu.h"
#include "log.h"
#include "partition.h"
#include "thread.h"
#include "vm.h"

enum { CLEAR_STEP = 128 /* entries cleared between two looks for interrupts */ };

struct space *space_new(struct partition *payer, unsigned kind, status_t *status)
{
    struct space *space = (struct space *)object_new(payer, CAP_SPACE_OBJECT, sizeof(*space), status);
    if (!space)
        return NULL;
    space->table = (struct table){&arch_space_format, memory_take_page(payer), payer};
    if (!space->table.root) {
        object_free(&space->object);
        *status = STATUS_MEMORY;
        return NULL;
    }
    arch_table_publish(space->table.root, PAGE_SIZE);
    space->kind = (uint8_t)kind;
    return space;
}

static bool range_valid(saddr_t address, uint64_t size)
{
    uint64_t end = UINT64_C(1) << SPACE_BITS;
    return page_aligned(address.raw | size) && size && size <= end && address.raw <= end - size;
}

/* Maps the range, all of it or nothing. */
static status_t space_write(struct space *space, saddr_t address, paddr_t base, uint64_t size, unsigned access, bool device)
{
    status_t status = table_prepare(&space->table, address, base, size, SPACE_MAP_LIMIT);
    if (status == STATUS_OK)
        table_commit(&space->table, address, base, size, access, device);
    else
        table_trim(&space->table, space, address, size);
    return status;
}

status_t space_map(struct space *space, struct cap *extent, saddr_t address, uint64_t offset, uint64_t size, unsigned access)
{
    if (!range_valid(address, size) || !page_aligned(offset) || !access)
        return STATUS_ARGUMENT;
    if (offset > extent->size || size > extent->size - offset)
        return STATUS_RANGE;
    if (extent->depth >= CAP_DEPTH_MAX || space->mapping_count == SPACE_MAPPINGS)
        return STATUS_LIMIT;
    paddr_t base = paddr(extent->base + offset);
    uint8_t order;
    struct mapping *mapping = memory_take(space->table.payer, sizeof(*mapping), &order);
    if (!mapping)
        return STATUS_MEMORY;
    status_t status = space_write(space, address, base, size, access, extent->flags & CAP_FLAG_DEVICE);
    if (status != STATUS_OK) {
        memory_give(space->table.payer, mapping, order);
        return status;
    }
    mapping->address = address;
    mapping->order = order;
    mapping->node = (struct cap){.type = NODE_MAPPING, .object = &space->object, .size = size};
    cap_derive(&mapping->node, extent);
    link_add(&space->mappings, &mapping->link);
    space->mapping_count++;
    return STATUS_OK;
}

void *space_page_new(struct space *space, saddr_t address, struct partition *payer, unsigned access, status_t *status)
{
    void *page = memory_take_page(payer);
    *status = range_valid(address, PAGE_SIZE) ? STATUS_OK : STATUS_ARGUMENT;
    if (!page)
        *status = STATUS_MEMORY;
    if (*status == STATUS_OK)
        *status = space_write(space, address, ptr_to_phys(page), PAGE_SIZE, access, false);
    if (!page || *status == STATUS_OK)
        return page;
    memory_give_page(payer, page);
    return NULL;
}

void space_unmap_kernel(struct space *space, saddr_t address)
{
    table_clear(&space->table, address, PAGE_SIZE, 1);
    arch_space_flush(space, address, PAGE_SIZE);
    table_trim(&space->table, space, address, PAGE_SIZE);
}

struct mapping *space_mapping_at(const struct space *space, saddr_t address)
{
    for (struct link *link = space->mappings; link; link = link->next) {
        struct mapping *mapping = CONTAINER_OF(link, struct mapping, link);
        if (mapping->address.raw == address.raw)
            return mapping;
    }
    return NULL;
}

bool mapping_remove_step(struct mapping *mapping)
{
    struct space *space = (struct space *)mapping->node.object;
    uint64_t left = mapping->node.size - mapping->cleared;
    saddr_t from = saddr(mapping->address.raw + mapping->cleared);
    mapping->cleared += table_clear(&space->table, from, left, CLEAR_STEP);
    if (mapping->cleared < mapping->node.size)
        return false;
    arch_space_flush(space, mapping->address, mapping->node.size);
    table_trim(&space->table, space, mapping->address, mapping->node.size);
    link_remove(&mapping->link);
    space->mapping_count--;
    cap_unlink(&mapping->node);
    memory_give(space->table.payer, mapping, mapping->order);
    return true;
}

void space_user_add(struct space *space, struct space_user *user, struct object *object)
{
    user->object = object;
    user->space = space;
    link_add(&space->users, &user->link);
}

void space_user_remove(struct space_user *user)
{
    if (user->space)
        link_remove(&user->link);
    user->space = NULL;
}

/* The space is going away under this user of it. */
static void space_user_end(struct space_user *user)
{
    switch (user->object->type) {
    case CAP_THREAD_OBJECT:
        thread_space_died((struct thread *)user->object);
        break;
    case CAP_VM:
        vm_space_died((struct vm *)user->object);
        break;
    default:
        vcpu_space_died((struct vcpu *)user->object);
    }
    space_user_remove(user);
}

/* Whoever runs in it stops; then its mappings go, one step at a time. */
bool space_destroy_step(struct space *space)
{
    space->dead = true;
    if (space->users) {
        space_user_end(CONTAINER_OF(space->users, struct space_user, link));
        return false;
    }
    if (space->mappings) {
        mapping_remove_step(CONTAINER_OF(space->mappings, struct mapping, link));
        return false;
    }
    arch_space_flush(space, saddr(0), UINT64_C(1) << SPACE_BITS);
    memory_give_page(space->table.payer, space->table.root);
    return true;
}
