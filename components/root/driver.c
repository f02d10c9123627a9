/*
 * Drivers' devices. The one transport so far is virtio over MMIO (virtio 1.2 §4.2): a store of 0 to Status resets the device, and so ends its DMA. Root
 * does that itself whenever a driver has ended, because nothing else would: no SMMU covers these devices.
 */
#include "driver.h"

#include "firmware.h"
#include "link.h"
#include "log.h"
#include "string.h"

enum {
    PLACE_DMA = PLACE_DRIVER_DEVICE + 0x10000,
    DMA_SIZE = 0x10000,
    MMIO_STATUS = 0x70, /* virtio 1.2 §4.2.2 */
    RESET_LOOKS = 1000,
};

static const char *find_device(const struct component *driver, struct tree_node *node, struct firmware_device *device)
{
    uint32_t size;
    if (!firmware_find(driver->described->device, node))
        return "no such node in the firmware's device tree, or it is disabled";
    const char *wrong = firmware_reserved(node);
    if (!wrong)
        wrong = firmware_read_device(node, device);
    if (wrong)
        return wrong;
    const char *compatible = tree_property(node, "compatible", &size);
    if (!compatible || !size || compatible[size - 1] || strcmp(compatible, "virtio,mmio"))
        return "not a device that blk has a driver for: compatible must be \"virtio,mmio\"";
    if (device->range_count != 1 || device->irq_count != 1)
        return "it has not one range of registers and one interrupt";
    if (device->ranges[0].base % PAGE + device->ranges[0].size > PAGE || !memory_device(device->ranges[0].base & ~(uint64_t)(PAGE - 1), PAGE))
        return "the kernel keeps its registers, or they are more than a page";
    return NULL;
}

/* Another driver, before this one, with registers on the same page. */
static const struct component *page_owner(const struct component *driver, const struct firmware_device *device)
{
    struct firmware_device theirs;
    struct tree_node node;
    for (const struct component *other = the_system.components; other < driver; other++)
        if (other->described->device && !find_device(other, &node, &theirs) && theirs.ranges[0].base / PAGE == device->ranges[0].base / PAGE)
            return other;
    return NULL;
}

/* Rebuilding reads the tree again: it is constant. */
static void device_check(const struct component *driver, struct firmware_device *device)
{
    struct tree_node node;
    const char *wrong = find_device(driver, &node, device);
    if (wrong)
        log_fail("description, /%s, device: \"%s\" cannot be driven: %s\n", driver->instance.name, driver->described->device, wrong);
    const struct component *other = page_owner(driver, device);
    if (other)
        log_fail("description, /%s, device: its registers share a page with those of %s's device; take one of another page\n",
                 driver->instance.name, other->instance.name);
}

static volatile uint32_t *status_register(const struct component *driver)
{
    return (volatile uint32_t *)((volatile char *)driver->registers + MMIO_STATUS);
}

static void device_silence(const struct component *driver)
{
    volatile uint32_t *status = status_register(driver);
    *status = 0;
    for (unsigned i = 0; i < RESET_LOOKS && *status; i++)
        ;
}

static void driver_gone(struct instance *in)
{
    struct component *driver = (struct component *)in; /* its first member */
    device_silence(driver);
    links_driver_present(driver, false);
}

void driver_reserve(struct component *driver)
{
    struct instance *in = &driver->instance;
    struct firmware_device device;
    device_check(driver, &device);
    uint64_t base = device.ranges[0].base;
    volatile char *page = memory_map_registers(base & ~(uint64_t)(PAGE - 1));
    if (!page)
        log_fail("the registers at 0x%lx cannot be mapped for root\n", base);
    driver->registers = page + base % PAGE;
    memory_take(&driver->dma, DMA_SIZE);
    in->kernel_bytes += links_driver_kernel_bytes(driver);
    in->gone = driver_gone;
    in->stays = "its clients' requests are not answered";
}

static void give_registers(struct instance *in, const struct firmware_device *device)
{
    uint64_t base = device->ranges[0].base, page = base & ~(uint64_t)(PAGE - 1);
    const struct bootinfo_extent *extent = memory_device(page, PAGE);
    struct startup_resource *registers = instance_resource(in, "device"), *irq = instance_resource(in, "device-irq");
    registers->address = PLACE_DRIVER_DEVICE + base % PAGE;
    registers->size = device->ranges[0].size;
    registers->value = base;
    instance_map(in, extent->slot, PLACE_DRIVER_DEVICE, page - extent->base, PAGE, RIGHT_READ | RIGHT_WRITE, "its device's registers");
    irq->number = device->irqs[0].number;
    irq->size = device->irqs[0].edge ? IRQ_EDGE : 0;
    irq->slot = instance_give(in, CAP_IRQS, RIGHT_BIND, irq->number, 1, "its device's interrupt");
}

/* Not by a capability, which would have it scrubbed when the driver ends: under a device that still uses it. */
static void give_dma(struct component *driver)
{
    struct instance *in = &driver->instance;
    struct startup_resource *dma = instance_resource(in, "dma");
    dma->address = PLACE_DMA;
    dma->size = driver->dma.size;
    dma->value = driver->dma.base;
    instance_map(in, driver->dma.slot, PLACE_DMA, 0, driver->dma.size, RIGHT_READ | RIGHT_WRITE, "its memory for DMA");
}

void driver_give(struct component *driver)
{
    struct firmware_device device;
    struct tree_node node;
    if (!find_device(driver, &node, &device)) /* else driver_reserve() has refused it */
        give_registers(&driver->instance, &device);
    give_dma(driver);
    links_give_driver(driver);
}

/* It is there before it runs: from its first instruction on it is waited for. */
bool driver_start(struct component *driver)
{
    links_join_driver(driver);
    links_driver_present(driver, true);
    if (instance_start(&driver->instance))
        return true;
    driver_gone(&driver->instance);
    return false;
}
