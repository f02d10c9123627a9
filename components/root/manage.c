/*
 * Managing. A component's requests are read once and checked; it sees, and reaches, what its node names and nothing else. Its targets are numbered: VMs,
 * components, the UART's driver, each in the description's order.
 */
#include "manage.h"

#include "call_stubs.h"
#include "clock.h"
#include "format.h"
#include "life.h"
#include "slots.h"
#include "string.h"
#include "system.h"

#include <bulkhead/manage.h>

enum { WHY_SIZE = 40 };

static volatile struct manage_request *request_of(const struct component *manager)
{
    return manager->manage.at;
}

static struct manage_view *view_of(const struct component *manager)
{
    return (struct manage_view *)((char *)manager->manage.at + MANAGE_SIZE / 2);
}

void manage_reserve(struct component *component)
{
    if (component->described->manages)
        memory_take_mapped(&component->manage, MANAGE_SIZE);
}

void manage_give(struct component *component)
{
    struct instance *in = &component->instance;
    cap_t slot = component->manage.slot;
    if (!slot)
        return;
    memset(component->manage.at, 0, MANAGE_SIZE);
    component->manage_answered = 0;
    struct startup_resource *resource = instance_resource(in, "manage");
    resource->address = PLACE_MANAGE;
    resource->size = MANAGE_SIZE;
    resource->value = UINT64_C(1) << ROOT_MANAGE_BIT;
    resource->slot = instance_give(in, ROOT_SIGNAL, RIGHT_RAISE, resource->value, 0, "root's signal");
    instance_map(in, slot, PLACE_MANAGE, 0, MANAGE_SIZE / 2, RIGHT_READ | RIGHT_WRITE, "its requests");
    instance_map(in, slot, PLACE_MANAGE + MANAGE_SIZE / 2, MANAGE_SIZE / 2, MANAGE_SIZE / 2, RIGHT_READ, "its view");
}

/* --- targets -------------------------------------------------------------------------------------------------------- */

struct target {
    struct instance *instance;
    const struct vm *vm; /* NULL: no VM */
    enum manage_kind kind;
};

/* The component's target number `index`; false if it has not as many. */
static bool target_find(const struct component *manager, uint32_t index, struct target *target)
{
    const struct description_component *may = manager->described;
    uint32_t left = index;
    for (uint32_t i = 0; i < the_system.description.vm_count; i++)
        if (may->manages_vms >> i & 1 && !left--) {
            *target = (struct target){&the_system.vms[i].instance, &the_system.vms[i], MANAGE_VM};
            return true;
        }
    for (uint32_t i = 0; i < the_system.description.component_count; i++)
        if (may->manages_components >> i & 1 && !left--) {
            *target = (struct target){&the_system.components[i].instance, NULL, MANAGE_COMPONENT};
            return true;
        }
    *target = (struct target){&the_system.uart, NULL, MANAGE_UART};
    return may->manages_uart && !left;
}

static enum manage_state state_of(const struct target *target)
{
    static const uint8_t states[] = {
        [INSTANCE_RUNNING] = MANAGE_RUNNING, [INSTANCE_OFF] = MANAGE_OFF,       [INSTANCE_ENDING] = MANAGE_ENDING,
        [INSTANCE_WAITING] = MANAGE_WAITING, [INSTANCE_FAILED] = MANAGE_FAILED,
    };
    const struct instance *in = target->instance;
    if (in->condition == INSTANCE_RUNNING && target->vm && in->shared->status.state == VM_STATE_STARTING)
        return MANAGE_STARTING;
    return states[in->condition];
}

static void target_show(struct manage_target *shown, const struct target *target)
{
    const struct instance *in = target->instance;
    *shown = (struct manage_target){.kind = target->kind,
                                    .state = state_of(target),
                                    .builds = in->builds,
                                    .deaths = in->deaths,
                                    .in_row = in->restart.in_row,
                                    .delay_ms = in->restart.delay_ms};
    string_copy(shown->name, sizeof shown->name, in->name);
}

/* --- what is shown -------------------------------------------------------------------------------------------------- */

/* Kernel memory that the VMs' partitions use. How much it is depends on how far their monitors are. */
static uint64_t used_by_vms(void)
{
    uint64_t used = 0;
    for (unsigned i = 0; i < DESCRIPTION_MAX_VMS; i++) {
        const struct instance *in = &the_system.vms[i].instance;
        uint64_t bytes = 0, free = 0;
        if (in->alive && partition_stats(in->partition, &bytes, &free) == STATUS_OK)
            used += bytes - free;
    }
    return used;
}

static void resources_measure(struct manage_resources *to)
{
    struct system_figures figures = {0};
    uint64_t bytes = 0, free = 0;
    system_figures(CAP_SYSTEM, &figures);
    partition_stats(CAP_SELF, &bytes, &free);
    *to = (struct manage_resources){.kernel_given = figures.given,
                                    .kernel_used = figures.used - used_by_vms(),
                                    .root_used = bytes - free,
                                    .ram_free = memory_free(),
                                    .root_slots = slots_used(),
                                    .irqs_bound = (uint32_t)figures.irqs_bound,
                                    .irqs_awake = (uint32_t)figures.irqs_awake,
                                    .tags = (uint32_t)figures.tags};
}

static void sequence_step(struct manage_view *view)
{
    __atomic_store_n(&view->sequence, view->sequence + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Writes what differs; whether anything did. */
static bool targets_show(const struct component *manager)
{
    struct manage_view *view = view_of(manager);
    struct target target;
    bool changed = false;
    uint32_t count = 0;
    for (; count < MANAGE_TARGETS && target_find(manager, count, &target); count++) {
        struct manage_target now;
        target_show(&now, &target);
        if (!memcmp(&now, &view->targets[count], sizeof now))
            continue;
        sequence_step(view);
        view->targets[count] = now;
        sequence_step(view);
        changed = true;
    }
    view->count = count;
    return changed;
}

static void manager_tell(const struct component *manager)
{
    instance_wake(&manager->instance, UINT64_C(1) << MANAGE_WAKE_BIT);
}

static bool is_manager(const struct component *component)
{
    return component->manage.slot && component->instance.alive;
}

void manage_show(void)
{
    for (unsigned i = 0; i < the_system.description.component_count; i++) {
        const struct component *manager = &the_system.components[i];
        if (is_manager(manager) && targets_show(manager))
            manager_tell(manager);
    }
}

/* --- requests ------------------------------------------------------------------------------------------------------- */

static status_t start(struct instance *in)
{
    if (in->alive && in->condition == INSTANCE_RUNNING)
        return STATUS_STATE;
    life_renew(in);
    return STATUS_OK;
}

static status_t stop(struct instance *in)
{
    restart_forget(&in->restart);
    life_end(in, INSTANCE_OFF);
    return STATUS_OK;
}

static status_t kill(const struct component *manager, struct instance *in)
{
    char why[WHY_SIZE];
    if (!in->alive)
        return STATUS_STATE;
    format_text(why, sizeof why, "killed by %s", manager->instance.name);
    life_died(in, why);
    return STATUS_OK;
}

static status_t make_fault(struct instance *in)
{
    if (!in->alive)
        return STATUS_STATE;
    instance_make_fault(in);
    return STATUS_OK;
}

static status_t carry_out(const struct component *manager, uint32_t verb, uint32_t index)
{
    struct target target;
    if (verb == MANAGE_LOOK)
        return STATUS_OK;
    if (!target_find(manager, index, &target))
        return STATUS_RANGE;
    switch (verb) {
    case MANAGE_START:
        return start(target.instance);
    case MANAGE_STOP:
        return stop(target.instance);
    case MANAGE_RESTART:
        life_renew(target.instance);
        return STATUS_OK;
    case MANAGE_KILL:
        return kill(manager, target.instance);
    case MANAGE_FAULT:
        return make_fault(target.instance);
    default:
        return STATUS_ARGUMENT;
    }
}

static void request_serve(struct component *manager)
{
    volatile struct manage_request *request = request_of(manager);
    struct manage_view *view = view_of(manager);
    uint32_t number = __atomic_load_n(&request->number, __ATOMIC_ACQUIRE);
    if (number == manager->manage_answered)
        return;
    manager->manage_answered = number;
    status_t status = carry_out(manager, request->verb, request->target);
    targets_show(manager);
    sequence_step(view);
    resources_measure(&view->resources);
    view->status = (int32_t)status;
    sequence_step(view);
    __atomic_store_n(&view->answered, number, __ATOMIC_RELEASE);
    manager_tell(manager);
}

void manage_serve(void)
{
    for (unsigned i = 0; i < the_system.description.component_count; i++)
        if (is_manager(&the_system.components[i]))
            request_serve(&the_system.components[i]);
}
