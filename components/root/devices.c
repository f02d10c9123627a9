/* Passing devices through: their registers by whole pages, their interrupts one by one. */
#include "devices.h"

#include "firmware.h"
#include "format.h"
#include "log.h"
#include "string.h"

static const char *why_not(const struct tree_node *node, struct firmware_device *device)
{
    const char *wrong = firmware_reserved(node);
    if (!wrong)
        wrong = firmware_read_device(node, device);
    for (uint32_t i = 0; !wrong && i < device->range_count; i++) {
        if (device->ranges[i].base % PAGE || device->ranges[i].size % PAGE || !device->ranges[i].size)
            wrong = "its registers share a page with those of others";
        else if (!memory_device(device->ranges[i].base, device->ranges[i].size))
            wrong = "the kernel keeps its registers";
    }
    return wrong;
}

/* The VM before this one that has the node, or NULL. */
static const struct vm *other_owner(const struct vm *vm, const struct tree_node *node)
{
    struct tree_node theirs;
    for (unsigned i = 0; i < vm->number; i++) {
        const struct description_vm *other = &the_system.description.vms[i];
        for (uint32_t j = 0; j < other->device_count; j++)
            if (firmware_find(other->devices[j], &theirs) && firmware_same(&theirs, node))
                return &the_system.vms[i];
    }
    return NULL;
}

void devices_check(const struct vm *vm)
{
    for (uint32_t i = 0; i < vm->described->device_count; i++) {
        const char *path = vm->described->devices[i];
        struct firmware_device device;
        struct tree_node node;
        bool found = firmware_find(path, &node);
        const char *wrong = found ? why_not(&node, &device) : "no such node in the firmware's device tree, or it is disabled";
        if (wrong)
            log_fail("description, /%s, devices: \"%s\" cannot be given: %s\n", vm->instance.name, path, wrong);
        const struct vm *other = other_owner(vm, &node);
        if (other)
            log_fail("description, /%s, devices: \"%s\" belongs to %s already; name it in one VM only\n", vm->instance.name, path,
                     other->instance.name);
    }
}

static struct startup_resource *add(struct instance *in, const char *kind, const char *path)
{
    char name[STARTUP_NAME_SIZE];
    format_text(name, sizeof name, "%s/%s", kind, strrchr(path, '/') + 1);
    return instance_resource(in, name);
}

static void give_ranges(struct instance *in, const char *path, const struct firmware_device *device)
{
    for (uint32_t i = 0; i < device->range_count; i++) {
        uint64_t base = device->ranges[i].base, size = device->ranges[i].size;
        const struct bootinfo_extent *extent = memory_device(base, size);
        struct startup_resource *resource = add(in, "device", path);
        resource->slot = instance_give(in, extent->slot, RIGHT_READ | RIGHT_WRITE, base - extent->base, size, path);
        resource->value = base;
        resource->size = size;
    }
}

static void give_irqs(struct instance *in, const char *path, const struct firmware_device *device)
{
    for (uint32_t i = 0; i < device->irq_count; i++) {
        struct startup_resource *resource = add(in, "irq", path);
        resource->number = device->irqs[i].number;
        resource->size = device->irqs[i].edge ? IRQ_EDGE : 0;
        resource->slot = instance_give(in, CAP_IRQS, RIGHT_BIND, resource->number, 1, path);
    }
}

void devices_give(struct vm *vm)
{
    for (uint32_t i = 0; i < vm->described->device_count; i++) {
        struct firmware_device device;
        const char *path = vm->described->devices[i];
        struct tree_node node;
        if (!firmware_find(path, &node) || firmware_read_device(&node, &device))
            continue; /* devices_check() has refused it */
        give_ranges(&vm->instance, path, &device);
        give_irqs(&vm->instance, path, &device);
    }
}
