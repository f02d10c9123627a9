/*
 * Root's two readers of device trees, on any bytes: the system description out of the package, and the firmware's tree. What they fill in keeps
 * the limits that the rest of root relies on; mistakes are told.
 */
#include "fuzz.h"

#include <setjmp.h>

static jmp_buf failed;

_Noreturn void log_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void log_fail(const char *format, ...)
{
    MUST(format[0]);
    longjmp(failed, 1);
}

#define tree firmware_tree
#include "../../components/root/firmware.c"
#undef tree
#include "../../components/lib/description.h"
#include "tree_check.h"

static void report(struct description_reporter *reporter, const struct description_error *error)
{
    MUST(strnlen(error->path, sizeof error->path) < sizeof error->path && strnlen(error->message, sizeof error->message) < sizeof error->message);
    MUST(error->message[0] && reporter->count < 100000);
}

static void check_name(const char *name)
{
    size_t length = strnlen(name, DESCRIPTION_NAME_SIZE);
    MUST(length && length < DESCRIPTION_NAME_SIZE && !strchr(name, '/'));
}

static void check_vm(const struct description *description, const struct description_vm *vm)
{
    check_name(vm->name);
    MUST(vm->kernel && vm->memory && vm->memory % DESCRIPTION_MEMORY_UNIT == 0 && vm->memory <= DESCRIPTION_MEMORY_MAX);
    MUST(vm->vcpu_count && vm->vcpu_count <= DESCRIPTION_MAX_VCPUS && vm->device_count <= DESCRIPTION_MAX_DEVICES);
    MUST(vm->priority >= DESCRIPTION_VM_PRIORITY_MIN && vm->priority <= DESCRIPTION_VM_PRIORITY_MAX);
    MUST(vm->doorbell_count <= DESCRIPTION_MAX_DOORBELLS);
    for (uint32_t i = 0; i < vm->vcpu_count; i++)
        MUST(vm->cpus[i] < DESCRIPTION_MAX_CPUS);
    for (uint32_t i = 0; i < vm->doorbell_count; i++)
        MUST(vm->doorbells[i] < description->component_count);
}

static void check_description(const struct description *description)
{
    MUST(description->vm_count && description->vm_count <= DESCRIPTION_MAX_VMS && description->focus < description->vm_count);
    MUST(description->component_count <= DESCRIPTION_MAX_COMPONENTS && description->uart_cpu < DESCRIPTION_MAX_CPUS);
    for (uint32_t i = 0; i < description->vm_count; i++)
        check_vm(description, &description->vms[i]);
    for (uint32_t i = 0; i < description->component_count; i++) {
        const struct description_component *component = &description->components[i];
        check_name(component->name);
        MUST(component->cpu < DESCRIPTION_MAX_CPUS && component->priority >= DESCRIPTION_COMPONENT_PRIORITY_MIN &&
             component->priority <= DESCRIPTION_COMPONENT_PRIORITY_MAX);
    }
}

static void description_try(const void *tree)
{
    static struct description description;
    struct description_reporter reporter = {.report = report};
    bool good = description_read(tree, &description, &reporter);
    MUST(good == !reporter.count);
    if (good)
        check_description(&description);
}

/* As root asks for the devices that a description names: any node. */
static void firmware_try(const void *blob, size_t size)
{
    struct firmware_device device;
    uint32_t seed_size;
    enum uart_kind kind;
    if (setjmp(failed))
        return;
    firmware_open(blob, size);
    firmware_find_uart(&kind);
    firmware_find("/pl011@9000000");
    firmware_seed(&seed_size);
    MUST(seed_size <= size);
    int depth = 0;
    for (int node = 0; node >= 0; node = fdt_next_node(blob, node, &depth)) {
        firmware_reserved(node);
        firmware_read_device(node, &device);
        MUST(device.range_count <= FIRMWARE_RANGES && device.irq_count <= FIRMWARE_IRQS);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = aligned_alloc(8, (size + 15) & ~(size_t)7);
    memcpy(copy, data, size);
    if (!tree_check(copy, size))
        description_try(copy);
    if (size >= sizeof(struct fdt_header))
        firmware_try(copy, size);
    free(copy);
    return 0;
}
