/* The derivation tree and the tables. */
#include "cap.h"
#include "cpu.h"
#include "irq.h"
#include "log.h"
#include "object.h"
#include "partition.h"
#include "space.h"

static unsigned tree_taken;
static bool removed; /* capabilities were removed since the lock was taken */

bool cap_tree_lock(void)
{
    if (!__atomic_exchange_n(&tree_taken, 1, __ATOMIC_ACQUIRE))
        return true;
    arch_relax();
    return false;
}

void cap_tree_unlock(void)
{
    if (removed) {
        removed = false;
        cpu_quiesce();
    }
    __atomic_store_n(&tree_taken, 0, __ATOMIC_RELEASE);
}

struct cap *cap_slot(const struct partition *partition, uint64_t slot)
{
    if (slot == 0 || slot >= CAP_SLOTS)
        return NULL;
    struct cap *page = __atomic_load_n(&partition->table[slot / CAPS_PER_PAGE], __ATOMIC_ACQUIRE);
    return page ? &page[slot % CAPS_PER_PAGE] : NULL;
}

struct cap *cap_find(const struct partition *partition, uint64_t slot, unsigned type, unsigned rights, status_t *status)
{
    struct cap *cap = cap_slot(partition, slot);
    if (!cap || __atomic_load_n(&cap->type, __ATOMIC_ACQUIRE) != type) {
        *status = STATUS_CAP;
        return NULL;
    }
    if ((cap->rights & rights) != rights) {
        *status = STATUS_RIGHTS;
        return NULL;
    }
    return cap;
}

struct cap *cap_slot_for(struct partition *partition, uint64_t slot, status_t *status)
{
    if (slot == 0 || slot >= CAP_SLOTS) {
        *status = STATUS_RANGE;
        return NULL;
    }
    struct cap **page = &partition->table[slot / CAPS_PER_PAGE];
    if (!*page)
        __atomic_store_n(page, memory_take_page(partition), __ATOMIC_RELEASE);
    struct cap *cap = cap_slot(partition, slot);
    *status = !cap ? STATUS_MEMORY : cap->type == CAP_NONE ? STATUS_OK : STATUS_EXISTS;
    return *status == STATUS_OK ? cap : NULL;
}

void cap_fill_original(struct cap *cap, struct partition *holder, struct object *object)
{
    *cap = (struct cap){.rights = RIGHT_ALL | RIGHT_DELEGATE,
                        .flags = CAP_FLAG_ORIGINAL,
                        .holder = holder,
                        .object = object,
                        .size = object->type == CAP_SIGNAL ? UINT64_MAX : 0};
    object->original = cap;
    __atomic_store_n(&cap->type, object->type, __ATOMIC_RELEASE);
}

void cap_derive(struct cap *cap, struct cap *parent)
{
    cap->depth = (uint16_t)(parent->depth + 1);
    cap->parent = parent;
    cap->child = NULL;
    link_add(&parent->child, &cap->link);
}

void cap_unlink(struct cap *cap)
{
    ASSERT(!cap->child);
    link_remove(&cap->link);
    cap->parent = NULL;
    cap->holder = NULL;
    __atomic_store_n(&cap->type, CAP_NONE, __ATOMIC_RELEASE);
    removed = true;
}

/* Must the memory behind this capability be scrubbed before its parent's holder has it to itself again? */
static bool cap_needs_scrub(const struct cap *cap)
{
    return (cap->type & ~NODE_DYING) == CAP_EXTENT && cap->rights & RIGHT_WRITE && !(cap->flags & CAP_FLAG_DEVICE) &&
           cap->parent && cap->parent->holder != cap->holder && cap->size;
}

/* A childless capability in a table: shrinks while it is scrubbed, its interrupts are unbound one by one; nobody can look it up meanwhile. */
static bool cap_remove_step(struct cap *cap)
{
    if (cap_needs_scrub(cap)) {
        uint64_t step = cap->size < ARCH_SCRUB_STEP ? cap->size : ARCH_SCRUB_STEP;
        __atomic_store_n(&cap->type, (uint8_t)(CAP_EXTENT | NODE_DYING), __ATOMIC_RELEASE);
        arch_scrub(paddr(cap->base), step);
        cap->base += step;
        cap->size -= step;
        return false;
    }
    if ((cap->type & ~NODE_DYING) == CAP_IRQ) {
        cap->type |= NODE_DYING; /* nobody binds by it any more */
        if (!irq_unbind_step(cap))
            return false;
    }
    struct object *object = cap->flags & CAP_FLAG_ORIGINAL ? cap->object : NULL;
    if (object) {
        cap->type |= NODE_DYING;
        if (!object_destroy_step(object))
            return false;
        cpu_quiesce(); /* nobody still looks at it */
    }
    cap_unlink(cap);
    if (object)
        object_free(object);
    return true;
}

/*
 * What has to go first so that `cap` can go: its newest descendant; if that is a partition's memory, the partition; and of a partition, what
 * is in it. A loop, because the kernel's stack is small and partitions may lie deep within each other.
 */
static struct cap *cap_first_to_go(struct cap *cap)
{
    for (;;) {
        while (cap->child)
            cap = CONTAINER_OF(cap->child, struct cap, link);
        struct cap *next = NULL;
        if (cap->type == NODE_MEMORY) {
            next = CONTAINER_OF(cap, struct donation, node)->partition->object.original;
        } else if (cap->flags & CAP_FLAG_ORIGINAL && (cap->type & ~NODE_DYING) == CAP_PARTITION) {
            cap->type |= NODE_DYING;
            next = partition_next((struct partition *)cap->object);
        }
        if (!next)
            return cap;
        cap = next;
    }
}

static bool node_remove_step(struct cap *node)
{
    if (node->type == NODE_MAPPING)
        return mapping_remove_step(CONTAINER_OF(node, struct mapping, node));
    return cap_remove_step(node);
}

bool cap_revoke_step(struct cap *cap)
{
    if (cap->child)
        node_remove_step(cap_first_to_go(CONTAINER_OF(cap->child, struct cap, link)));
    return !cap->child;
}

bool cap_delete_step(struct cap *cap)
{
    struct cap *node = cap_first_to_go(cap);
    return node_remove_step(node) && node == cap;
}
