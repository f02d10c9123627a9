/*
 * Supervision. Events come as bits of root's signal (bulkhead/startup.h); whatever a component wrote where root reads it is checked or
 * only shown. What a death leads to is life.c's.
 */
#include "supervise.h"

#include "audit.h"
#include "call_stubs.h"
#include "clock.h"
#include "console_client.h"
#include "fault.h"
#include "format.h"
#include "life.h"
#include "link.h"
#include "log.h"
#include "manage.h"
#include "power.h"
#include "print.h"
#include "system.h"

enum {
    ORDER_PATIENCE_MS = 3000,
    RESTART_BIT = 8,
    US_PER_MS = 1000,
    WHY_SIZE = 256,
};

static struct vm *vm_each(struct vm *previous)
{
    struct vm *next = previous ? previous + 1 : the_system.vms;
    return next < the_system.vms + the_system.description.vm_count ? next : NULL;
}

/* --- events --------------------------------------------------------------------------------------------------------- */

/* `text` is the monitor's: cut where it ends or its page does, and shown without control characters. */
static void vm_failed(struct vm *vm)
{
    const volatile char *text = vm->instance.shared->status.text;
    char line[sizeof vm->instance.shared->status.text + 1] = {0};
    for (unsigned i = 0; i + 1 < sizeof line && text[i]; i++)
        line[i] = text[i] >= ' ' && text[i] < 0x7f ? text[i] : '?';
    console_print("%s: failed: %s\n", vm->instance.name, line);
    life_died(&vm->instance, line);
}

static void status_changed(struct vm *vm)
{
    struct instance *in = &vm->instance;
    if (in->condition != INSTANCE_RUNNING)
        return;
    links_look(vm);
    const struct vm_status *status = &vm->instance.shared->status;
    if (__atomic_load_n(&status->order, __ATOMIC_ACQUIRE) == VM_ORDER_NONE)
        vm->order_until = 0;
    switch (__atomic_load_n(&status->state, __ATOMIC_ACQUIRE)) {
    case VM_STATE_OFF:
        in->condition = INSTANCE_OFF;
        console_print("%s: off\n", vm->instance.name);
        break;
    case VM_STATE_FAILED:
        vm_failed(vm);
        break;
    default:
        audit_look();
        break;
    }
}

static void restart_ordered(struct vm *vm)
{
    if (vm->instance.condition != INSTANCE_RUNNING) {
        life_renew(&vm->instance);
        return;
    }
    console_print("%s: restart ordered\n", vm->instance.name);
    vm->order_until = clock_deadline_us((uint64_t)ORDER_PATIENCE_MS * US_PER_MS);
    __atomic_store_n(&vm->instance.shared->status.order, VM_ORDER_RESTART, __ATOMIC_RELEASE);
    instance_wake(&vm->instance, WAKE_ORDER);
}

/* If a thread of it has faulted: says how, and it died. */
static void fault_handle(struct instance *in, uint64_t bits)
{
    char why[WHY_SIZE];
    if (in->alive && bits >> (ROOT_FAULT_BIT + in->index % 16) & 1 && fault_report(in, why, sizeof why))
        life_died(in, why);
}

/* Root's own, too, if nobody shows them any more. */
static void uart_look(void)
{
    static bool gone;
    bool now = the_system.uart.condition == INSTANCE_FAILED || the_system.uart.condition == INSTANCE_OFF;
    if (now && !gone)
        log_to_kernel();
    else if (gone && !now)
        log_to_console();
    gone = now;
}

static struct instance *instance_each(unsigned index)
{
    const struct description *description = &the_system.description;
    if (!index)
        return &the_system.uart;
    if (index <= description->vm_count)
        return &the_system.vms[index - 1].instance;
    index -= description->vm_count + 1;
    return index < description->component_count ? &the_system.components[index].instance : NULL;
}

static void events_handle(uint64_t bits)
{
    struct instance *in;
    if (bits & ROOT_QUIT) {
        console_print("quit: switching the machine off\n");
        power_down();
    }
    for (unsigned i = 0; (in = instance_each(i)); i++)
        fault_handle(in, bits);
    for (struct vm *vm = NULL; (vm = vm_each(vm));) {
        if (bits >> (ROOT_STATUS_BIT + vm->number) & 1)
            status_changed(vm);
        if (bits >> (RESTART_BIT + vm->number) & 1)
            restart_ordered(vm);
    }
    if (bits >> ROOT_MANAGE_BIT & 1)
        manage_serve();
}

/* --- deadlines ------------------------------------------------------------------------------------------------------ */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t next_deadline(void)
{
    uint64_t deadline = DEADLINE_NEVER;
    const struct instance *in;
    for (unsigned i = 0; (in = instance_each(i)); i++)
        deadline = earlier(deadline, life_deadline(in));
    for (struct vm *vm = NULL; (vm = vm_each(vm));) {
        deadline = earlier(deadline, links_deadline(vm));
        if (vm->instance.condition == INSTANCE_RUNNING && vm->order_until)
            deadline = earlier(deadline, vm->order_until);
    }
    return deadline;
}

/* A monitor that should have taken its order by now. */
static void order_check(struct vm *vm)
{
    struct instance *in = &vm->instance;
    if (in->condition != INSTANCE_RUNNING || !vm->order_until || clock_now() < vm->order_until)
        return;
    vm->order_until = 0;
    if (__atomic_load_n(&in->shared->status.order, __ATOMIC_ACQUIRE) == VM_ORDER_NONE)
        return;
    console_print("%s: its monitor does not obey; building it anew\n", in->name);
    life_renew(in);
}

static void deadlines_handle(void)
{
    struct instance *in;
    for (unsigned i = 0; (in = instance_each(i)); i++)
        life_step(in);
    for (struct vm *vm = NULL; (vm = vm_each(vm));) {
        links_check(vm);
        order_check(vm);
    }
}

/* A component that may start VMs keeps the machine on. */
static bool has_manager(void)
{
    for (unsigned i = 0; i < the_system.description.component_count; i++)
        if (the_system.description.components[i].manages && the_system.components[i].instance.condition != INSTANCE_FAILED)
            return true;
    return false;
}

static bool all_ended(void)
{
    for (struct vm *vm = NULL; (vm = vm_each(vm));)
        if (vm->instance.condition == INSTANCE_RUNNING || vm->instance.condition == INSTANCE_WAITING ||
            (vm->instance.condition == INSTANCE_ENDING && vm->instance.next == INSTANCE_WAITING))
            return false;
    return the_system.description.vm_count > 0 && !has_manager();
}

_Noreturn void supervise(void)
{
    manage_show();
    while (!all_ended()) {
        uint64_t bits;
        signal_wait(ROOT_SIGNAL, UINT64_MAX, next_deadline(), &bits);
        events_handle(bits);
        deadlines_handle();
        uart_look();
        log_flush();
        manage_show();
        registry_update();
    }
    console_print("no VM runs any more: switching the machine off\n");
    power_down();
}
