/* The UART driver's partition: the board's UART, everybody's console, and the registry that its menu shows. */
#include "call_stubs.h"
#include "firmware.h"
#include "format.h"
#include "log.h"
#include "map.h"
#include "slots.h"
#include "string.h"
#include "system.h"

enum {
    UART_PRIORITY = 52,
    KERNEL_BYTES = 21 * 1024, /* kernel memory: for itself, and a mapping for each console */
    KERNEL_BYTES_CONSOLE = 128,
    PLACE_CONSOLES = 0x10000, /* in its space; all of them lie below PLACE_REGISTERS */
    PLACE_REGISTERS = 0x70000,
    RESTART_BITS_FIRST = 8,
    RESTART_BITS = 16,
};

static struct firmware_device device;
static enum uart_kind kind;

static bool uart_rebuild(struct instance *in)
{
    (void)in;
    return uart_build();
}

void uart_reserve(unsigned index)
{
    struct instance *in = &the_system.uart;
    const struct tree_node *node = firmware_uart(&kind);
    const char *wrong = node ? firmware_read_device(node, &device) : "there is none";
    if (!wrong && (!device.range_count || !device.irq_count))
        wrong = "it lacks \"reg\" or \"interrupts\"";
    if (wrong)
        log_fail("firmware's device tree, a UART compatible with arm,pl011 or cdns,uart-r1p12: %s\n", wrong);
    in->name = in->image = "uart";
    in->index = index;
    in->cpu = the_system.description.uart_cpu;
    in->priority = UART_PRIORITY;
    in->cpus = UINT64_C(1) << in->cpu;
    in->kernel_bytes = KERNEL_BYTES + KERNEL_BYTES_CONSOLE * (the_system.description.vm_count + the_system.description.component_count + 1);
    in->thread_count = 1;
    in->build = uart_rebuild;
    in->restarts = true;
    in->restart.rule = the_system.description.uart_restart;
    instance_reserve(in);
    if (in->refused)
        log_fail("without its UART driver the system cannot be used\n");
}

static void give_device(struct instance *in)
{
    uint64_t base = device.ranges[0].base & ~(uint64_t)(PAGE - 1);
    const struct bootinfo_extent *extent = memory_device(base, PAGE);
    struct startup_resource *registers = instance_resource(in, "uart"), *irq = instance_resource(in, "uart-irq");
    if (!extent)
        log_fail("the kernel did not hand over the UART's registers at 0x%lx\n", device.ranges[0].base);
    registers->number = kind;
    registers->address = PLACE_REGISTERS + device.ranges[0].base % PAGE;
    registers->size = PAGE - device.ranges[0].base % PAGE;
    registers->slot = instance_give(in, extent->slot, RIGHT_READ | RIGHT_WRITE, base - extent->base, PAGE, "the UART's registers");
    instance_map(in, extent->slot, PLACE_REGISTERS, base - extent->base, PAGE, RIGHT_READ | RIGHT_WRITE, "the UART's registers");
    irq->number = device.irqs[0].number;
    irq->slot = instance_give(in, CAP_IRQS, RIGHT_BIND, irq->number, 1, "the UART's interrupt");
}

/* Maps a console and reserves the slot of its owner's signal. */
static cap_t add_console(struct instance *in, const char *owner, cap_t memory, unsigned bit, uint64_t owner_mask, bool focus)
{
    char name[STARTUP_NAME_SIZE];
    format_text(name, sizeof name, "console/%s", owner);
    struct startup_resource *console = instance_resource(in, name);
    console->slot = instance_slot(in);
    console->number = bit;
    console->address = PLACE_CONSOLES + bit * (uint64_t)CONSOLE_SIZE;
    console->size = focus;
    console->value = owner_mask;
    instance_map(in, memory, console->address, 0, CONSOLE_SIZE, RIGHT_READ | RIGHT_WRITE, name);
    return console->slot;
}

static void add_consoles(struct instance *in)
{
    struct description *description = &the_system.description;
    for (unsigned i = 0; i < description->vm_count; i++) {
        struct instance *vm = &the_system.vms[i].instance;
        vm->uart_slot = add_console(in, vm->name, vm->shared_block.slot, vm->console_bit, vm->console_mask, i == description->focus);
    }
    for (unsigned i = 0; i < description->component_count; i++) {
        struct instance *component = &the_system.components[i].instance;
        component->uart_slot = add_console(in, component->name, component->shared_block.slot, component->console_bit,
                                           component->console_mask, false);
    }
    the_system.uart_slot = add_console(in, "root", the_system.console_block.slot, the_system.console_bit,
                                       UINT64_C(1) << ROOT_UART_BIT, false);
}

/* Memory that outlives it: where another instance's console is, for it has none itself. */
static void add_keep(struct instance *in)
{
    struct startup_resource *keep = instance_resource(in, "keep");
    keep->address = PLACE_SHARED;
    keep->size = PAGE;
    instance_map(in, in->shared_block.slot, PLACE_SHARED, 0, PAGE, RIGHT_READ | RIGHT_WRITE, "what outlives it");
}

static void add_registry(struct instance *in)
{
    uint64_t restarts = ((UINT64_C(1) << RESTART_BITS) - 1) << RESTART_BITS_FIRST;
    struct startup_resource *root = instance_resource(in, "root");
    root->address = PLACE_SHARED + CONSOLE_SIZE;
    root->size = PAGE;
    root->slot = instance_give(in, ROOT_SIGNAL, RIGHT_RAISE, ROOT_QUIT | restarts, 0, "root's signal");
    instance_map(in, in->shared_block.slot, root->address, CONSOLE_SIZE, PAGE, RIGHT_READ, "the registry");
}

bool uart_build(void)
{
    struct instance *in = &the_system.uart;
    instance_begin(in);
    give_device(in);
    instance_resource(in, "wake")->slot = instance_give(in, in->wake, RIGHT_RAISE | RIGHT_WAIT, 0, 0, "its wake signal");
    add_keep(in);
    add_registry(in);
    add_consoles(in);
    if (!in->broken)
        instance_check(in, cap_delegate(in->partition, the_system.uart_slot, ROOT_SIGNAL, RIGHT_RAISE, UINT64_C(1) << ROOT_UART_BIT, 0),
                       "root's console");
    for (unsigned i = 0; i < the_system.description.vm_count; i++)
        link_console(&the_system.vms[i].instance);
    for (unsigned i = 0; i < the_system.description.component_count; i++)
        link_console(&the_system.components[i].instance);
    return instance_start(in);
}

/* Either may be occupied still: then only the other side is new. Before both partitions exist this does nothing. */
void link_console(struct instance *instance)
{
    const struct instance *uart = &the_system.uart;
    if (!uart->alive || !instance->alive)
        return;
    cap_delegate(uart->partition, instance->uart_slot, instance->wake, RIGHT_RAISE, instance->console_mask, 0);
    cap_delegate(instance->partition, instance->console_slot, uart->wake, RIGHT_RAISE, UINT64_C(1) << instance->console_bit, 0);
}
