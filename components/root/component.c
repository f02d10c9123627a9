/* Components that the description names: they serve VMs' doorbells. */
#include "call_stubs.h"
#include "driver.h"
#include "format.h"
#include "link.h"
#include "manage.h"
#include "string.h"
#include "system.h"

enum { KERNEL_PAGES = 14, FIRST_DOORBELL_LINE = 35, WAKE_CONSOLE_BIT = 62 /* behind the doorbells */ };

static bool is_driver(const struct component *component)
{
    return component->described->role != DESCRIPTION_PLAIN;
}

static bool component_rebuild(struct instance *in)
{
    return component_build((struct component *)in); /* its first member */
}

void component_reserve(struct component *component, unsigned number, unsigned index)
{
    struct instance *in = &component->instance;
    component->described = &the_system.description.components[number];
    in->name = component->described->name;
    in->image = component->described->image;
    in->index = index;
    in->cpu = component->described->cpu;
    in->priority = component->described->priority;
    in->cpus = UINT64_C(1) << in->cpu;
    in->kernel_bytes = KERNEL_PAGES * PAGE;
    in->thread_count = 1;
    in->shared_size = CONSOLE_SIZE;
    in->console_mask = UINT64_C(1) << WAKE_CONSOLE_BIT;
    in->build = component_rebuild;
    in->restarts = component->described->on_crash == DESCRIPTION_RESTART;
    in->stays = "VMs that ring it get no answer";
    in->restart.rule = component->described->restart;
    if (is_driver(component))
        driver_reserve(component);
    instance_reserve(in);
    manage_reserve(component);
}

/* Position of the component among the VM's doorbells, or -1. */
static int doorbell_position(const struct component *component, const struct description_vm *vm)
{
    for (uint32_t i = 0; i < vm->doorbell_count; i++)
        if (&the_system.components[vm->doorbells[i]] == component)
            return (int)i;
    return -1;
}

int component_doorbell(const struct component *component, const struct vm *vm)
{
    int number = 0;
    for (unsigned i = 0; i < vm->number; i++)
        number += doorbell_position(component, &the_system.description.vms[i]) >= 0;
    return doorbell_position(component, &the_system.description.vms[vm->number]) >= 0 ? number : -1;
}

static void add_line(struct component *component, const struct vm *vm)
{
    int bit = component_doorbell(component, vm);
    if (bit < 0)
        return;
    char name[STARTUP_NAME_SIZE];
    format_text(name, sizeof name, "line/%s", the_system.description.vms[vm->number].name);
    struct startup_resource *line = instance_resource(&component->instance, name);
    line->slot = component->line_slots[vm->number] = instance_slot(&component->instance);
    line->number = FIRST_DOORBELL_LINE + (uint32_t)doorbell_position(component, &the_system.description.vms[vm->number]);
    line->value = UINT64_C(1) << bit;
}

static void give_arguments(struct component *component)
{
    const char *arguments = component->described->arguments;
    if (!arguments)
        return;
    struct startup_resource *resource = instance_resource(&component->instance, "arguments");
    resource->address = PLACE_SETTINGS;
    resource->size = strlen(arguments);
    string_copy((char *)component->instance.settings, PAGE, arguments);
}

static void link_line(const struct component *component, const struct vm *vm)
{
    int position = doorbell_position(component, vm->described);
    if (position >= 0 && component->line_slots[vm->number])
        cap_delegate(component->instance.partition, component->line_slots[vm->number], vm->object, RIGHT_RAISE,
                     FIRST_DOORBELL_LINE + (uint64_t)position, 1);
}

/* What joins it to a VM that was there before it. The VM's doorbell raises its new signal. */
static void link_vm(const struct component *component, const struct vm *vm)
{
    int position = doorbell_position(component, vm->described);
    if (position < 0 || !vm->instance.alive || !component->instance.alive)
        return;
    link_line(component, vm);
    vm_doorbell(vm->object, DOORBELL_BASE + (uint64_t)position * DOORBELL_SIZE, component->instance.wake,
                UINT64_C(1) << component_doorbell(component, vm));
}

bool component_build(struct component *component)
{
    if (component->instance.refused)
        return false;
    instance_begin(&component->instance);
    instance_add_console(&component->instance);
    give_arguments(component);
    manage_give(component);
    if (is_driver(component))
        driver_give(component);
    for (unsigned i = 0; i < the_system.description.vm_count; i++)
        add_line(component, &the_system.vms[i]);
    link_console(&component->instance);
    for (unsigned i = 0; i < the_system.description.vm_count; i++)
        link_vm(component, &the_system.vms[i]);
    return is_driver(component) ? driver_start(component) : instance_start(&component->instance);
}

void link_doorbells(struct vm *vm)
{
    for (unsigned i = 0; i < the_system.description.component_count; i++)
        link_line(&the_system.components[i], vm);
}
