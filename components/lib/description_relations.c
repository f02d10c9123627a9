/* What no node of a description says alone. */
#include "description_reader.h"

#include <libfdt.h>

static bool component_find(const struct description *description, const char *name, uint32_t *index)
{
    for (*index = 0; *index < description->component_count; ++*index)
        if (text_is(description->components[*index].name, name))
            return true;
    return false;
}

/* The node's list of names; false if it has none, or a malformed one, which has been reported. */
static bool list_find(const struct reader *reader, int node, const char *name, struct value *value)
{
    value_find(reader, node, name, value);
    return value->data != NULL && value_is_list(value);
}

static void resolve_doorbells(const struct reader *reader, struct description_vm *vm)
{
    struct value value;
    uint32_t position = 0, component;
    const char *name;

    if (!list_find(reader, vm->node, "doorbells", &value))
        return;
    while ((name = value_next(&value, &position)) != NULL) {
        if (!component_find(reader->out, name, &component) || reader->out->components[component].role != DESCRIPTION_PLAIN)
            REPORT(reader, vm->node, value.name, "there is no component \"", name,
                   "\"; add a node of that name with compatible = \"bulkhead,component\"");
        else if (vm->doorbell_count < DESCRIPTION_MAX_DOORBELLS)
            vm->doorbells[vm->doorbell_count++] = component;
    }
}

/* What a component may manage: false if there is nothing of that name, or it is the component itself. */
static bool manage_add(const struct description *description, struct description_component *manager, const char *name)
{
    uint32_t index;

    if (text_is(name, "uart")) {
        manager->manages_uart = true;
        return true;
    }
    for (index = 0; index < description->vm_count; index++)
        if (text_is(description->vms[index].name, name)) {
            manager->manages_vms |= UINT32_C(1) << index;
            return true;
        }
    if (!component_find(description, name, &index) || manager == &description->components[index])
        return false;
    manager->manages_components |= UINT32_C(1) << index;
    return true;
}

static void resolve_manages(const struct reader *reader, struct description_component *component)
{
    struct value value;
    uint32_t position = 0;
    const char *name;

    if (!list_find(reader, component->node, "manages", &value))
        return;
    component->manages = true;
    while ((name = value_next(&value, &position)) != NULL)
        if (!manage_add(reader->out, component, name))
            REPORT(reader, component->node, value.name, "there is no other VM or component \"", name,
                   "\"; \"uart\" means the UART's driver");
}

static bool vm_has_device(const struct description_vm *vm, const char *path)
{
    for (uint32_t i = 0; i < vm->device_count; i++)
        if (text_is(vm->devices[i], path))
            return true;
    return false;
}

static void check_device_owners(const struct reader *reader, const struct description_vm *vm)
{
    for (const struct description_vm *other = reader->out->vms; other < vm; other++)
        for (uint32_t i = 0; i < vm->device_count; i++)
            if (vm_has_device(other, vm->devices[i]))
                REPORT(reader, vm->node, "devices", "\"", vm->devices[i], "\" belongs to VM \"", other->name,
                       "\" already; a device has one owner");
}

static void resolve_focus(const struct reader *reader)
{
    struct description *out = reader->out;
    bool found = false;

    for (uint32_t i = 0; i < out->vm_count; i++) {
        if (!out->vms[i].focus)
            continue;
        if (found)
            REPORT(reader, out->vms[i].node, "focus", "VM \"", out->vms[out->focus].name,
                   "\" has the keyboard already; keep one focus");
        else
            out->focus = i;
        found = true;
    }
}

/* Disks and their drivers. */

static void check_clients(const struct reader *reader, const struct description_disk *disk)
{
    uint32_t clients = 0;

    for (uint32_t i = 0; i < reader->out->vm_count; i++)
        for (uint32_t d = 0; d < reader->out->vms[i].disk_count; d++)
            clients += reader->out->vms[i].disks[d].driver == disk->driver;
    if (clients > DESCRIPTION_MAX_CLIENTS)
        REPORT(reader, disk->node, "driver", "one disk too many; a driver serves at most 16");
}

static void resolve_disk(const struct reader *reader, struct description_disk *disk)
{
    struct value value;
    const char *name;

    value_find(reader, disk->node, "driver", &value);
    name = value_text(&value);
    if (name == NULL) /* reported */
        return;
    if (!component_find(reader->out, name, &disk->driver) || reader->out->components[disk->driver].role != DESCRIPTION_BLK) {
        disk->driver = UINT32_MAX;
        REPORT(reader, disk->node, value.name, "there is no driver \"", name, "\"; add a node of that name with compatible = \"bulkhead,blk\"");
        return;
    }
    check_clients(reader, disk);
}

/* Who reads what another one writes has a file system that changes under it: the driver refuses that, too. */
static bool disks_collide(const struct description_disk *a, const struct description_disk *b)
{
    return a->driver != UINT32_MAX && a->driver == b->driver && !(a->read_only && b->read_only) &&
           (a->partition == b->partition || a->partition == 0 || b->partition == 0);
}

static void report_collision(const struct reader *reader, const struct description_disk *disk, const char *vm,
                             const struct description_disk *other)
{
    struct decimal number;
    bool whole = other->partition == 0;

    REPORT(reader, disk->node, disk->partition == 0 ? NULL : "partition", "/", vm, "/", other->name, other->read_only ? " reads " : " writes to ",
           whole ? "the whole disk" : "partition ", whole ? "" : decimal_format(&number, other->partition),
           " already, and what one of two writes destroys the other's data; give each a partition of its own, or make both read-only");
}

/* Each pair once: the one that stands behind is the mistake. */
static void check_writers(const struct reader *reader, const struct description_vm *vm, const struct description_disk *disk)
{
    for (const struct description_vm *other = reader->out->vms; other <= vm; other++)
        for (uint32_t d = 0; d < other->disk_count && &other->disks[d] != disk; d++)
            if (disks_collide(disk, &other->disks[d])) {
                report_collision(reader, disk, other->name, &other->disks[d]);
                return;
            }
}

static void resolve_disks(const struct reader *reader, struct description_vm *vm)
{
    for (uint32_t d = 0; d < vm->disk_count; d++)
        resolve_disk(reader, &vm->disks[d]);
    for (uint32_t d = 0; d < vm->disk_count; d++)
        check_writers(reader, vm, &vm->disks[d]);
    if (vm->doorbell_count + vm->disk_count > DESCRIPTION_MAX_RUNG)
        REPORT(reader, vm->node, "doorbells", "a VM has at most 15 doorbells and disks together");
}

bool description_transport(const char *path, uint32_t *number)
{
    static const char start[] = "/virtio_mmio@";
    enum { BASE = 0xa000000, SIZE = 0x200 };
    uint32_t address = 0;
    const char *c = path + sizeof start - 1;

    if (strlen(path) < sizeof start || memcmp(path, start, sizeof start - 1) != 0 || strlen(c) > 7)
        return false;
    for (; (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'f'); c++)
        address = address * 16 + (uint32_t)(*c <= '9' ? *c - '0' : *c - 'a' + 10);
    *number = (address - BASE) / SIZE;
    return *c == '\0' && address >= BASE && address % SIZE == 0 && *number < DESCRIPTION_TRANSPORTS;
}

/* Transports lie eight to a page, and a page belongs to one driver. */
static bool devices_share_page(const char *a, const char *b)
{
    enum { PAGE_TRANSPORTS = 8 };
    uint32_t first, second;

    return description_transport(a, &first) && description_transport(b, &second) && first / PAGE_TRANSPORTS == second / PAGE_TRANSPORTS;
}

static void check_driver_device(const struct reader *reader, const struct description_component *driver)
{
    const struct description *out = reader->out;

    if (driver->device == NULL)
        return;
    for (uint32_t i = 0; i < out->vm_count; i++)
        if (vm_has_device(&out->vms[i], driver->device))
            REPORT(reader, driver->node, "device", "\"", driver->device, "\" belongs to VM \"", out->vms[i].name,
                   "\" already; a device has one owner");
    for (const struct description_component *other = out->components; other < driver; other++)
        if (other->device != NULL && text_is(other->device, driver->device))
            REPORT(reader, driver->node, "device", "\"", driver->device, "\" belongs to \"", other->name, "\" already; a device has one owner");
        else if (other->device != NULL && devices_share_page(other->device, driver->device))
            REPORT(reader, driver->node, "device", "its registers share a page with those of \"", other->device, "\", which \"", other->name,
                   "\" drives; take a transport that is a multiple of 0x1000 away from it");
}

void description_resolve(const struct reader *reader)
{
    struct description *out = reader->out;

    for (uint32_t i = 0; i < out->vm_count; i++) {
        resolve_doorbells(reader, &out->vms[i]);
        check_device_owners(reader, &out->vms[i]);
        resolve_disks(reader, &out->vms[i]);
    }
    for (uint32_t i = 0; i < out->component_count; i++) {
        resolve_manages(reader, &out->components[i]);
        check_driver_device(reader, &out->components[i]);
    }
    resolve_focus(reader);
}

static void check_cpu(const struct reader *reader, int node, const char *property, uint32_t cpu, uint32_t cpu_count)
{
    struct decimal given, count;

    if (cpu >= cpu_count && cpu < DESCRIPTION_MAX_CPUS) /* what lies above that has been reported already */
        REPORT(reader, node, property, "there is no CPU ", decimal_format(&given, cpu), "; the host has ",
               decimal_format(&count, cpu_count), ", numbered from 0");
}

bool description_check_cpus(const struct description *description, uint32_t cpu_count, struct description_reporter *reporter)
{
    struct reader reader = {.tree = description->tree, .reporter = reporter};
    uint32_t before = reporter->count;

    for (uint32_t i = 0; i < description->vm_count; i++)
        for (uint32_t v = 0; v < description->vms[i].vcpu_count; v++)
            check_cpu(&reader, description->vms[i].node, "cpus", description->vms[i].cpus[v], cpu_count);
    for (uint32_t i = 0; i < description->component_count; i++)
        check_cpu(&reader, description->components[i].node, "cpu", description->components[i].cpu, cpu_count);
    check_cpu(&reader, description->uart_node, "cpu", description->uart_cpu, cpu_count);
    return reporter->count == before;
}
