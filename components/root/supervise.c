/*
 * Supervision. Events come as bits of root's signal (bulkhead/startup.h); whatever a component wrote where root reads it is checked or
 * only shown. A crash ends the partition at once; whether it comes again says the description's `on-crash`.
 */
#include "supervise.h"

#include "call_stubs.h"
#include "clock.h"
#include "console_client.h"
#include "fault.h"
#include "log.h"
#include "power.h"
#include "print.h"
#include "reaper.h"
#include "system.h"

enum {
    DELAY_FIRST_MS = 100,
    DELAY_MAX_MS = 10000,
    STABLE_S = 60,       /* after this long the next crash counts as the first */
    ORDER_PATIENCE_MS = 3000,
    UART_ENDS_MAX = 5,
    RESTART_BIT = 8,
    US_PER_MS = 1000,
};

static struct vm *vm_each(struct vm *previous)
{
    struct vm *next = previous ? previous + 1 : the_system.vms;
    return next < the_system.vms + the_system.description.vm_count ? next : NULL;
}

/* Its partition goes; then it is built again at restart_at (VM_WAITING), or not (VM_FAILED). */
static void vm_end(struct vm *vm, enum vm_condition next)
{
    vm->order_until = 0;
    vm->next = next;
    if (vm->condition == VM_ENDING)
        return;
    if (!vm->instance.alive) {
        vm->condition = next;
        return;
    }
    vm->condition = VM_ENDING;
    reaper_start(vm);
}

static void vm_restart_now(struct vm *vm)
{
    vm->restart_at = clock_now();
    vm_end(vm, VM_WAITING);
}

static void vm_restart_later(struct vm *vm)
{
    if (clock_now() - vm->built_at > clock_frequency() * STABLE_S || !vm->delay_ms)
        vm->delay_ms = DELAY_FIRST_MS;
    else if (vm->delay_ms < DELAY_MAX_MS)
        vm->delay_ms *= 2;
    vm->restart_at = clock_deadline_us((uint64_t)vm->delay_ms * US_PER_MS);
    console_print("%s: restarts in %u ms\n", vm->instance.name, vm->delay_ms);
    vm_end(vm, VM_WAITING);
}

static void vm_crashed(struct vm *vm)
{
    if (vm->described->on_crash == DESCRIPTION_RESTART) {
        vm_restart_later(vm);
        return;
    }
    console_print("%s: stays stopped; on-crash = \"restart\" in its description would restart it\n", vm->instance.name);
    vm_end(vm, VM_FAILED);
}

static void vm_rebuild(struct vm *vm)
{
    vm->rebuilds++;
    if (vm_build(vm))
        console_print("%s: started again\n", vm->instance.name);
}

/* --- events --------------------------------------------------------------------------------------------------------- */

/* `text` is the monitor's: cut where it ends or its page does, and shown without control characters. */
static void print_failure(const struct vm *vm)
{
    const volatile char *text = vm->instance.shared->status.text;
    char line[sizeof vm->instance.shared->status.text + 1] = {0};
    for (unsigned i = 0; i + 1 < sizeof line && text[i]; i++)
        line[i] = text[i] >= ' ' && text[i] < 0x7f ? text[i] : '?';
    console_print("%s: failed: %s\n", vm->instance.name, line);
}

static void status_changed(struct vm *vm)
{
    if (vm->condition != VM_RUNNING)
        return;
    const struct vm_status *status = &vm->instance.shared->status;
    if (__atomic_load_n(&status->order, __ATOMIC_ACQUIRE) == VM_ORDER_NONE)
        vm->order_until = 0;
    switch (__atomic_load_n(&status->state, __ATOMIC_ACQUIRE)) {
    case VM_STATE_OFF:
        vm->condition = VM_OFF;
        console_print("%s: off\n", vm->instance.name);
        break;
    case VM_STATE_FAILED:
        print_failure(vm);
        vm_crashed(vm);
        break;
    default:
        break;
    }
}

static void restart_ordered(struct vm *vm)
{
    if (vm->condition != VM_RUNNING) {
        vm_restart_now(vm);
        return;
    }
    console_print("%s: restart ordered\n", vm->instance.name);
    vm->order_until = clock_deadline_us((uint64_t)ORDER_PATIENCE_MS * US_PER_MS);
    __atomic_store_n(&vm->instance.shared->status.order, VM_ORDER_RESTART, __ATOMIC_RELEASE);
    instance_wake(&vm->instance, WAKE_ORDER);
}

static void uart_ended(void)
{
    log_to_kernel(); /* heard again as soon as nobody has the UART mapped */
    struct instance *uart = &the_system.uart;
    fault_report(uart);
    instance_destroy(uart);
    if (++the_system.uart_ends > UART_ENDS_MAX || !uart_build())
        log_fail("uart: ended %u times: giving up\n", the_system.uart_ends);
    console_print("uart: started again\n");
    log_to_console();
}

static void component_ended(struct component *component)
{
    instance_destroy(&component->instance);
    component->ended = true;
    console_print("%s: stays stopped; VMs that ring it get no answer\n", component->instance.name);
}

static bool faulted(const struct instance *instance, uint64_t bits)
{
    return instance->alive && bits >> (ROOT_FAULT_BIT + instance->index % 16) & 1 && fault_report(instance);
}

static void faults_handle(uint64_t bits)
{
    struct thread_fault_report fault;
    const struct instance *uart = &the_system.uart;
    if (bits >> (ROOT_FAULT_BIT + uart->index) & 1 && thread_fault(uart->thread, &fault) == STATUS_OK && fault.class != FAULT_NONE)
        uart_ended();
    for (struct vm *vm = NULL; (vm = vm_each(vm));)
        if (faulted(&vm->instance, bits))
            vm_crashed(vm);
    for (unsigned i = 0; i < the_system.description.component_count; i++)
        if (faulted(&the_system.components[i].instance, bits))
            component_ended(&the_system.components[i]);
}

static void events_handle(uint64_t bits)
{
    if (bits & ROOT_QUIT) {
        console_print("quit: switching the machine off\n");
        power_down();
    }
    faults_handle(bits);
    for (struct vm *vm = NULL; (vm = vm_each(vm));) {
        if (vm->condition == VM_ENDING && reaper_finished(vm))
            vm->condition = vm->next;
        if (bits >> (ROOT_STATUS_BIT + vm->number) & 1)
            status_changed(vm);
        if (bits >> (RESTART_BIT + vm->number) & 1)
            restart_ordered(vm);
    }
}

/* --- deadlines ------------------------------------------------------------------------------------------------------ */

static uint64_t next_deadline(void)
{
    uint64_t deadline = DEADLINE_NEVER;
    for (struct vm *vm = NULL; (vm = vm_each(vm));) {
        uint64_t own = vm->condition == VM_WAITING ? vm->restart_at : vm->order_until;
        if (own && own < deadline)
            deadline = own;
    }
    return deadline;
}

static void deadlines_handle(void)
{
    uint64_t now = clock_now();
    for (struct vm *vm = NULL; (vm = vm_each(vm));) {
        if (vm->condition == VM_WAITING && now >= vm->restart_at)
            vm_rebuild(vm);
        if (vm->condition != VM_RUNNING || !vm->order_until || now < vm->order_until)
            continue;
        bool done = __atomic_load_n(&vm->instance.shared->status.order, __ATOMIC_ACQUIRE) == VM_ORDER_NONE;
        vm->order_until = 0;
        if (done)
            continue;
        console_print("%s: its monitor does not obey; building it anew\n", vm->instance.name);
        vm_restart_now(vm);
    }
}

static bool all_ended(void)
{
    for (struct vm *vm = NULL; (vm = vm_each(vm));)
        if (vm->condition == VM_RUNNING || vm->condition == VM_WAITING || (vm->condition == VM_ENDING && vm->next == VM_WAITING))
            return false;
    return the_system.description.vm_count > 0;
}

_Noreturn void supervise(void)
{
    while (!all_ended()) {
        uint64_t bits;
        signal_wait(ROOT_SIGNAL, UINT64_MAX, next_deadline(), &bits);
        events_handle(bits);
        deadlines_handle();
        registry_update();
    }
    console_print("no VM runs any more: switching the machine off\n");
    power_down();
}
