/*
 * Links. A VM's memory is not scrubbed, nor given to its successor, before every driver has let go of it: by answering, or by its end, after which root
 * itself has silenced its device (driver.c).
 */
#include "link.h"

#include "call_stubs.h"
#include "clock.h"
#include "driver.h"
#include "format.h"
#include "life.h"
#include "log.h"
#include "slots.h"
#include "string.h"

#include <bulkhead/virtio.h>

#define SPACE_END (UINT64_C(1) << SPACE_BITS)
#define PLACE_WINDOWS GIBIBYTE /* VMs' RAM in a driver's space */

enum {
    PLACE_MONITOR = 0x90000,  /* links in the monitor's space */
    PLACE_DRIVER = 0x200000,  /* and in the driver's */
    BLOCK = 0x200000,
    GUEST_RAM = 0x40000000,
    ANSWER_PATIENCE_US = 2000000,
    OF_ROOT = 0, OF_DRIVER = PAGE, OF_MONITOR = 2 * PAGE, RECORDS = 3 * PAGE, /* parts of a link */
    KERNEL_BYTES_MONITOR = 256, /* mappings and a slot */
    KERNEL_BYTES_DRIVER = 512,  /* likewise, and a window's */
};

_Static_assert(offsetof(struct virtio_link, request) == OF_MONITOR && offsetof(struct virtio_link, records) == RECORDS, "whole pages each");
_Static_assert(PLACE_DRIVER + DESCRIPTION_MAX_CLIENTS * sizeof(struct virtio_link) <= PLACE_DRIVER_DEVICE, "a driver's links end before its device");

/* --- reserving ------------------------------------------------------------------------------------------------------ */

/* Another link of the VM to the same driver, before this one, or NULL. */
static const struct vm_link *link_sibling(const struct vm_link *link)
{
    for (const struct vm_link *other = link->vm->links; other < link; other++)
        if (other->driver == link->driver)
            return other;
    return NULL;
}

/* Where the VM's RAM is in the driver's space: so that large blocks map it. */
static uint64_t window_place(const struct vm_link *link)
{
    const struct vm_link *sibling = link_sibling(link);
    const struct block *ram = &link->vm->ram;
    uint64_t unit = ram->size >= GIBIBYTE ? GIBIBYTE : BLOCK;
    if (sibling)
        return sibling->head->windows[0].address;
    uint64_t address = ((link->driver->place + unit - 1) & ~(unit - 1)) + ram->base % unit;
    link->driver->place = address + ram->size;
    if (link->driver->place > SPACE_END)
        log_fail("description, /%s: the memory of all VMs that it serves does not fit below 512 GiB; use a second driver\n",
                 link->driver->instance.name);
    return address;
}

static void fill_head(const struct vm_link *link)
{
    const struct description_disk *disk = link->described;
    struct virtio_link *head = link->head;
    head->magic = LINK_MAGIC;
    head->device = VIRTIO_BLOCK;
    head->flags = (disk->read_only ? LINK_READ_ONLY : 0) | (disk->bounce ? LINK_BOUNCE : 0) | LINK_ABSENT;
    head->part = disk->partition;
    head->queues = LINK_QUEUES;
    head->window_count = 1;
    head->windows[0] = (struct link_window){GUEST_RAM, link->vm->ram.size, window_place(link), link->vm->ram.base};
    format_text(head->name, sizeof head->name, "%s/%s", link->vm->described->name, disk->name);
}

static void link_reserve(struct vm *vm, struct vm_link *link, const struct description_disk *disk)
{
    link->described = disk;
    link->vm = vm;
    link->driver = &the_system.components[disk->driver];
    link->client = link->driver->client_count++;
    link->line = FRONT_LINE + FRONT_FIRST_LINK + (unsigned)(link - vm->links);
    if (!link->client)
        link->driver->place = PLACE_WINDOWS;
    memory_take_mapped_head(&link->memory, sizeof(struct virtio_link), LINK_SIZE_MONITOR);
    link->head = link->memory.at;
    fill_head(link);
}

void links_reserve(void)
{
    for (unsigned i = 0; i < the_system.description.vm_count; i++)
        for (unsigned d = 0; d < the_system.description.vms[i].disk_count; d++)
            link_reserve(&the_system.vms[i], &the_system.vms[i].links[d], &the_system.description.vms[i].disks[d]);
}

uint64_t links_kernel_bytes(const struct description_vm *described)
{
    return KERNEL_BYTES_MONITOR * (uint64_t)described->disk_count;
}

/* A table for links and device, one for each GiB of windows. */
uint64_t links_driver_kernel_bytes(const struct component *driver)
{
    return (2 + driver->place / GIBIBYTE) * PAGE + KERNEL_BYTES_DRIVER * (uint64_t)driver->client_count;
}

/* --- giving --------------------------------------------------------------------------------------------------------- */

static void give_monitor(struct vm_link *link, unsigned number)
{
    struct instance *in = &link->vm->instance;
    char name[STARTUP_NAME_SIZE];
    format_text(name, sizeof name, "link/%s", link->described->name);
    struct startup_resource *resource = instance_resource(in, name);
    resource->address = PLACE_MONITOR + number * LINK_SIZE_MONITOR;
    resource->size = LINK_SIZE_MONITOR;
    resource->slot = link->monitor_slot = instance_slot(in);
    resource->number = link->line;
    resource->value = UINT64_C(1) << link->client;
    instance_map(in, link->memory.slot, resource->address, OF_ROOT, OF_MONITOR - OF_ROOT, RIGHT_READ, name);
    instance_map(in, link->memory.slot, resource->address + OF_MONITOR, OF_MONITOR, RECORDS - OF_MONITOR, RIGHT_READ | RIGHT_WRITE, name);
}

void links_give_monitor(struct vm *vm)
{
    for (unsigned d = 0; d < vm->described->disk_count; d++)
        give_monitor(&vm->links[d], d);
}

static void map_window(struct instance *in, const struct vm_link *link)
{
    const struct link_window *window = &link->head->windows[0];
    if (!link_sibling(link))
        instance_map(in, link->vm->ram.slot, window->address, 0, window->size, RIGHT_READ | RIGHT_WRITE, "its client's RAM");
}

static void give_driver(struct vm_link *link)
{
    struct instance *in = &link->driver->instance;
    uint64_t place = PLACE_DRIVER + link->client * sizeof(struct virtio_link);
    cap_t memory = link->memory.slot;
    char name[STARTUP_NAME_SIZE];
    format_text(name, sizeof name, "client/%u", link->client);
    struct startup_resource *resource = instance_resource(in, name);
    resource->address = place;
    resource->size = sizeof(struct virtio_link);
    resource->slot = link->driver_slot = instance_slot(in);
    instance_slot(in); /* the monitor's signal */
    resource->number = link->line;
    resource->value = UINT64_C(1) << link->client;
    instance_map(in, memory, place + OF_ROOT, OF_ROOT, OF_DRIVER - OF_ROOT, RIGHT_READ, name);
    instance_map(in, memory, place + OF_DRIVER, OF_DRIVER, OF_MONITOR - OF_DRIVER, RIGHT_READ | RIGHT_WRITE, name);
    instance_map(in, memory, place + OF_MONITOR, OF_MONITOR, RECORDS - OF_MONITOR, RIGHT_READ, name);
    instance_map(in, memory, place + RECORDS, RECORDS, sizeof(struct virtio_link) - RECORDS, RIGHT_READ | RIGHT_WRITE, name);
    map_window(in, link);
}

/* The next of a driver's links after this one (NULL: the first); NULL: there is none. */
static struct vm_link *client_each(const struct component *driver, struct vm_link *previous)
{
    unsigned wanted = previous ? previous->client + 1 : 0;
    for (unsigned i = 0; i < the_system.description.vm_count; i++)
        for (unsigned d = 0; d < the_system.description.vms[i].disk_count; d++) {
            struct vm_link *link = &the_system.vms[i].links[d];
            if (link->driver == driver && link->client == wanted)
                return link;
        }
    return NULL;
}

void links_give_driver(struct component *driver)
{
    for (struct vm_link *link = NULL; (link = client_each(driver, link));)
        give_driver(link);
}

/* --- joining -------------------------------------------------------------------------------------------------------- */

/* Slots may be occupied still: then only the other side is new. Before both partitions exist this does nothing. */
static void link_join(const struct vm_link *link)
{
    const struct instance *monitor = &link->vm->instance, *driver = &link->driver->instance;
    if (!monitor->alive || !driver->alive)
        return;
    cap_delegate(driver->partition, link->driver_slot, link->vm->object, RIGHT_RAISE, link->line, 1);
    cap_delegate(driver->partition, link->driver_slot + 1, monitor->wake, RIGHT_RAISE, WAKE_LINK, 0);
    cap_delegate(monitor->partition, link->monitor_slot, driver->wake, RIGHT_RAISE, UINT64_C(1) << link->client, 0);
    instance_wake(driver, UINT64_C(1) << link->client);
    instance_wake(monitor, WAKE_LINK);
}

void links_join_vm(struct vm *vm)
{
    for (unsigned d = 0; d < vm->described->disk_count; d++)
        link_join(&vm->links[d]);
}

/* The VM's doorbell raises its new signal. */
void links_join_driver(struct component *driver)
{
    for (struct vm_link *link = NULL; (link = client_each(driver, link));) {
        link_join(link);
        if (link->vm->instance.alive && driver->instance.alive)
            vm_doorbell(link->vm->object, FRONT_BASE + (link->line - FRONT_LINE) * (uint64_t)FRONT_SIZE + FRONT_NOTIFY, driver->instance.wake,
                        UINT64_C(1) << link->client);
    }
}

void links_driver_present(struct component *driver, bool present)
{
    for (struct vm_link *link = NULL; (link = client_each(driver, link));) {
        uint32_t flags = link->head->flags & ~(uint32_t)LINK_ABSENT;
        link->awaited_until = 0; /* a successor has time of its own */
        __atomic_store_n(&link->head->flags, present ? flags : flags | LINK_ABSENT, __ATOMIC_RELEASE);
        if (link->vm->instance.alive)
            instance_wake(&link->vm->instance, WAKE_LINK);
    }
}

/* --- letting go ----------------------------------------------------------------------------------------------------- */

/* What the driver has answered stands where only it writes: an even number means that it has stopped. */
static bool link_is_released(const struct vm_link *link)
{
    uint32_t answer = __atomic_load_n(&link->head->answer, __ATOMIC_ACQUIRE);
    bool stopped = !(answer & 1) && answer == __atomic_load_n(&link->head->request, __ATOMIC_RELAXED);
    return stopped || link->head->flags & LINK_ABSENT;
}

/*
 * A number that the driver has not answered, unless it has stopped: then nothing is asked of it. Also if there is no driver now: the next one finds it.
 */
static void link_stop(const struct vm_link *link)
{
    uint32_t request = __atomic_load_n(&link->head->request, __ATOMIC_RELAXED), answer = __atomic_load_n(&link->head->answer, __ATOMIC_ACQUIRE);
    if (!(request & 1) && link_is_released(link))
        return;
    __atomic_store_n(&link->head->request, (answer + 2) & ~1u, __ATOMIC_RELEASE);
    instance_wake(&link->driver->instance, UINT64_C(1) << link->client);
}

void links_release(struct instance *in)
{
    struct vm *vm = (struct vm *)in; /* its first member */
    instance_stop(in);
    vm->release_until = clock_deadline_us(ANSWER_PATIENCE_US);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* what the monitor last stored comes before what a driver that begins is seen to have (client.c) */
    for (unsigned d = 0; d < vm->described->disk_count; d++)
        link_stop(&vm->links[d]);
}

static void driver_kill(const struct vm_link *link)
{
    enum { WHY_SIZE = 64 };
    char why[WHY_SIZE];
    format_text(why, sizeof why, "it does not let go of the memory of %s", link->vm->instance.name);
    life_died(&link->driver->instance, why);
}

/*
 * Driver and signal are asked for themselves: a monitor that has raised nothing, or turns `request` back and forth, must not have its driver killed. One
 * that waits for its device is alive.
 */
static void link_look(struct vm_link *link)
{
    uint32_t request = __atomic_load_n(&link->head->request, __ATOMIC_RELAXED);
    if (request & 1 || link_answered(link->head) || link->awaited_until)
        return;
    __atomic_store_n(&link->head->asked, link->head->asked + 1, __ATOMIC_RELEASE);
    link->awaited_until = clock_deadline_us(ANSWER_PATIENCE_US);
    instance_wake(&link->driver->instance, UINT64_C(1) << link->client);
}

void links_look(struct vm *vm)
{
    for (unsigned d = 0; d < vm->described->disk_count; d++)
        link_look(&vm->links[d]);
}

static void link_check(struct vm_link *link)
{
    if (!link->awaited_until || clock_now() < link->awaited_until)
        return;
    link->awaited_until = 0;
    if (__atomic_load_n(&link->head->heard, __ATOMIC_ACQUIRE) != link->head->asked && link->driver->instance.alive)
        driver_kill(link);
}

void links_check(struct vm *vm)
{
    for (unsigned d = 0; d < vm->described->disk_count; d++)
        link_check(&vm->links[d]);
}

uint64_t links_deadline(const struct vm *vm)
{
    uint64_t deadline = DEADLINE_NEVER;
    for (unsigned d = 0; d < vm->described->disk_count; d++)
        if (vm->links[d].awaited_until && vm->links[d].awaited_until < deadline)
            deadline = vm->links[d].awaited_until;
    return deadline;
}

bool links_released(struct instance *in)
{
    struct vm *vm = (struct vm *)in;
    bool late = clock_now() >= vm->release_until, all = true;
    for (unsigned d = 0; d < vm->described->disk_count; d++) {
        const struct vm_link *link = &vm->links[d];
        if (!link_is_released(link) && late && link->driver->instance.alive)
            driver_kill(link);
        all = all && link_is_released(link);
    }
    return all;
}
