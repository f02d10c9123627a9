/* What uart's menu shows. */
#include "string.h"
#include "system.h"

static const char *state_text(const struct vm *vm)
{
    const struct instance *in = &vm->instance;
    switch (in->condition == INSTANCE_ENDING ? in->next : in->condition) {
    case INSTANCE_RUNNING:
        return vm->instance.shared->status.state == VM_STATE_STARTING ? "starting" : "running";
    case INSTANCE_WAITING:
        return "restarting";
    case INSTANCE_OFF:
        return "off";
    case INSTANCE_ENDING:
    case INSTANCE_FAILED:
        break;
    }
    return "failed";
}

static void fill_entry(struct registry_entry *entry, const struct vm *vm)
{
    string_copy(entry->name, sizeof entry->name, vm->instance.name);
    string_copy(entry->state, sizeof entry->state, state_text(vm));
    uint32_t starts = vm->instance.shared->status.restarts;
    entry->restarts = vm->instance.builds - 1 + (starts ? starts - 1 : 0);
    entry->vcpus = vm->described->vcpu_count;
    entry->memory = vm->described->memory;
}

void registry_update(void)
{
    struct registry *registry = &the_system.uart.shared->registry;
    registry->count = the_system.description.vm_count;
    for (unsigned i = 0; i < registry->count; i++)
        fill_entry(&registry->entries[i], &the_system.vms[i]);
    __atomic_fetch_add(&registry->generation, 1, __ATOMIC_RELEASE);
}
