/* Building the system: first everybody's memory, so that what does not fit is known before anything runs; then the partitions. */
#include "call_stubs.h"
#include "console_client.h"
#include "link.h"
#include "log.h"
#include "print.h"
#include "slots.h"
#include "system.h"

struct system the_system;

static void report_error(struct description_reporter *reporter, const struct description_error *error)
{
    (void)reporter;
    console_print("description, %s%s%s: %s\n", error->path, error->property ? ", " : "", error->property ? error->property : "",
                  error->message);
}

static void read_description(const void *tree)
{
    struct description_reporter reporter = {.report = report_error};
    const struct bootinfo *info = (const struct bootinfo *)BOOTINFO_ADDRESS;
    if (!description_read(tree, &the_system.description, &reporter) ||
        !description_check_cpus(&the_system.description, info->cpus, &reporter))
        log_fail("the system description has %u mistakes: nothing was started\n", reporter.count);
}

static void reserve_all(void)
{
    unsigned index = 0, bit = 0;
    const struct description *description = &the_system.description;
    uart_reserve(index++);
    for (unsigned i = 0; i < description->vm_count; i++, bit++) {
        vm_reserve(&the_system.vms[i], i, index++);
        the_system.vms[i].instance.console_bit = bit;
    }
    links_reserve();
    for (unsigned i = 0; i < description->component_count; i++, bit++) {
        component_reserve(&the_system.components[i], i, index++);
        the_system.components[i].instance.console_bit = bit;
    }
    the_system.console_bit = bit;
    memory_take_mapped(&the_system.console_block, CONSOLE_SIZE);
}

static void build_uart(void)
{
    if (!uart_build())
        log_fail("without its UART driver the system cannot be used\n");
    console_open(the_system.console_block.at, the_system.uart.wake, UINT64_C(1) << the_system.console_bit);
    log_to_console();
}

static void report_built(void)
{
    uint64_t image, given, used;
    for (unsigned i = 0; i < the_system.description.vm_count; i++) {
        const struct vm *vm = &the_system.vms[i];
        if (!vm->instance.alive)
            continue;
        console_print("%s: %u vCPUs, %lu MiB at 0x%lx\n", vm->instance.name, vm->described->vcpu_count, vm->ram.size / MEBIBYTE,
                      vm->ram.base);
    }
    if (system_stats(CAP_SYSTEM, &image, &given, &used) == STATUS_OK)
        console_print("kernel_memory_bytes %lu: kernel %lu, root and partitions %lu, of which free %lu\n", image + given, image, given, given - used);
}

void system_build(const void *tree)
{
    const struct description *description = &the_system.description;
    read_description(tree);
    reserve_all();
    build_uart();
    for (unsigned i = 0; i < description->component_count; i++)
        if (!component_build(&the_system.components[i]))
            console_print("%s: not started\n", the_system.components[i].instance.name);
    for (unsigned i = 0; i < description->vm_count; i++)
        if (!vm_build(&the_system.vms[i]))
            console_print("%s: not started\n", the_system.vms[i].instance.name);
    registry_update();
    report_built();
}
