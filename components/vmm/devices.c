/* Resources "device/NAME", "irq/NAME" (its size: IRQ_EDGE or 0) and "doorbell/COMPONENT" (startup.h). */
#include "devices.h"

#include "call_stubs.h"
#include "machine.h"
#include "mmio.h"
#include "print.h"
#include "startup.h"
#include "string.h"

#include <bulkhead/aarch64/call.h>

static struct device devices[DEVICES];
static struct doorbell doorbells[DOORBELLS];
static unsigned device_count, doorbell_count;

const struct device *devices_all(unsigned *count)
{
    *count = device_count;
    return devices;
}

bool devices_have_line(uint32_t intid)
{
    for (unsigned i = 0; i < device_count; i++)
        for (unsigned irq = 0; irq < devices[i].irqs; irq++)
            if (devices[i].intid[irq] == intid)
                return true;
    return false;
}

const struct doorbell *doorbells_all(unsigned *count)
{
    *count = doorbell_count;
    return doorbells;
}

/* What follows the slash in a resource's name. */
static const char *name_of(const struct startup_resource *resource)
{
    const char *slash = strchr(resource->name, '/');
    return slash ? slash + 1 : resource->name;
}

static struct device *device_of(const struct startup_resource *resource)
{
    const char *name = name_of(resource);
    for (unsigned i = 0; i < device_count; i++)
        if (!strcmp(devices[i].name, name))
            return &devices[i];
    if (device_count == DEVICES)
        component_fail("VM %s: `devices` names more than %d nodes; leave some out", machine.name, DEVICES);
    devices[device_count].name = name;
    return &devices[device_count++];
}

static void range_map(const struct startup_resource *resource)
{
    struct device *device = device_of(resource);
    status_t status =
        space_map(machine.guest_space, resource->slot, resource->value, 0, resource->size, RIGHT_READ | RIGHT_WRITE);
    if (status != STATUS_OK || device->ranges == DEVICE_RANGES || !mmio_exclude(resource->value, resource->size))
        component_fail("VM %s: registers of device %s at 0x%llx cannot be mapped (status %lld); leave it out of `devices`", machine.name,
                       device->name, (unsigned long long)resource->value, (long long)status);
    device->base[device->ranges] = resource->value;
    device->size[device->ranges++] = resource->size;
}

static void irq_keep(const struct startup_resource *resource)
{
    struct device *device = device_of(resource);
    if (device->irqs == DEVICE_IRQS || resource->number >= VM_LINES)
        component_fail("VM %s: interrupt %u of device %s: VMs have lines up to %d, and at most %d per device; leave it out of `devices`",
                       machine.name, resource->number, device->name, VM_LINES - 1, DEVICE_IRQS);
    device->slot[device->irqs] = resource->slot;
    device->edge[device->irqs] = resource->size & IRQ_EDGE;
    device->intid[device->irqs++] = resource->number;
}

/* --- doorbells: the kernel takes stores that the processor describes; others come here ------------------------------ */

static uint64_t doorbell_read(unsigned vcpu, uint64_t offset, unsigned size)
{
    (void)vcpu;
    (void)offset;
    (void)size;
    return 0;
}

static void doorbell_write(unsigned vcpu, uint64_t offset, unsigned size, uint64_t value)
{
    uint64_t index = offset / DOORBELL_SIZE;
    (void)vcpu;
    (void)value;
    if (size == DOORBELL_SIZE && index < doorbell_count)
        signal_raise(doorbells[index].signal, doorbells[index].bits);
}

static void doorbell_connect(const struct startup_resource *resource)
{
    if (doorbell_count == DOORBELLS || resource->number >= VM_LINES)
        component_fail("VM %s: at most %d `doorbells`, lines up to %d", machine.name, DOORBELLS, VM_LINES - 1);
    uint64_t address = DOORBELL_BASE + (uint64_t)doorbell_count * DOORBELL_SIZE;
    status_t status = vm_doorbell(machine.vm, address, resource->slot, resource->value);
    if (status != STATUS_OK && status != STATUS_CAP) /* the component has just died: root connects the next one */
        component_fail("VM %s: the doorbell of %s cannot be connected (status %lld)", machine.name, name_of(resource), (long long)status);
    doorbells[doorbell_count++] = (struct doorbell){name_of(resource), resource->number, resource->slot, resource->value};
}

void devices_build(void)
{
    static const struct mmio_range range = {DOORBELL_BASE, DEVICE_SIZE, doorbell_read, doorbell_write, "doorbells"};
    const struct startup_resource *at = NULL;
    while ((at = startup_each("device/", at)))
        range_map(at);
    while ((at = startup_each("irq/", at)))
        irq_keep(at);
    while ((at = startup_each("doorbell/", at)))
        doorbell_connect(at);
    if (doorbell_count)
        mmio_register(&range);
}

/* Anew, so that no edge that came for the guest's last life is kept for the next one. */
void devices_reset(void)
{
    for (unsigned i = 0; i < device_count; i++)
        for (unsigned irq = 0; irq < devices[i].irqs; irq++) {
            const struct device *device = &devices[i];
            virq_forward(machine.vm, device->intid[irq], 0, 0, 0);
            status_t status = virq_forward(machine.vm, device->intid[irq], device->slot[irq], device->intid[irq],
                                           device->edge[irq] ? IRQ_EDGE : 0);
            if (status != STATUS_OK)
                console_print("[bulkhead] VM %s: interrupt %u of %s is not forwarded (status %lld)\n", machine.name, device->intid[irq],
                              device->name, (long long)status);
        }
}
