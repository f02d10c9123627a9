/* Making and ending objects, whatever their type. */
#include "object.h"
#include "cpu.h"
#include "irq.h"
#include "log.h"
#include "partition.h"
#include "portal.h"
#include "signal.h"
#include "space.h"
#include "thread.h"
#include "vm.h"

struct object *object_new(struct partition *payer, unsigned type, size_t size, status_t *status)
{
    uint8_t order;
    struct object *object = payer->dying ? NULL : memory_take(payer, size, &order);
    if (!object) {
        *status = STATUS_MEMORY;
        return NULL;
    }
    object->type = (uint8_t)type;
    object->order = order;
    object->payer = payer;
    link_add(&payer->objects, &object->link);
    *status = STATUS_OK;
    return object;
}

void object_free(struct object *object)
{
    if (object->type == CAP_PARTITION) {
        partition_free((struct partition *)object);
        return;
    }
    link_remove(&object->link);
    memory_give(object->payer, object, object->order);
}

/* What must happen before an object's memory can be used for something else, by type. Each is bounded; true when done. */
bool object_destroy_step(struct object *object)
{
    switch (object->type) {
    case CAP_PARTITION:
        return partition_destroy_step((struct partition *)object);
    case CAP_SPACE_OBJECT:
        return space_destroy_step((struct space *)object);
    case CAP_THREAD_OBJECT:
        return thread_destroy((struct thread *)object);
    case CAP_SIGNAL:
        return signal_destroy((struct signal *)object);
    case CAP_PORTAL:
        return portal_destroy((struct portal *)object);
    case CAP_VM:
        return vm_destroy((struct vm *)object);
    case CAP_VCPU:
        return vcpu_destroy((struct vcpu *)object);
    default:
        panic("object of type %u destroyed", object->type);
    }
}
