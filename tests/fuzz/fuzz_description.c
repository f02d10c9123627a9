/*
 * Root's two readers of device trees, on any bytes: the system description out of the package, and the firmware's tree. What they fill in keeps
 * the limits that the rest of root relies on; mistakes are told.
 */
#include "fuzz.h"

#include "../../kernel/arch/aarch64/tree.c"
#include "../../components/root/firmware.c"
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

static void check_disk(const struct description *description, const struct description_disk *disk)
{
    check_name(disk->name);
    MUST(disk->driver < description->component_count && description->components[disk->driver].role == DESCRIPTION_BLK);
    MUST(disk->partition <= DESCRIPTION_MAX_PARTITION);
}

static void check_vm(const struct description *description, const struct description_vm *vm)
{
    check_name(vm->name);
    MUST((vm->kernel || vm->firmware) && (vm->firmware || !vm->flash));
    MUST(vm->memory && vm->memory % DESCRIPTION_MEMORY_UNIT == 0 && vm->memory <= DESCRIPTION_MEMORY_MAX);
    MUST(vm->vcpu_count && vm->vcpu_count <= DESCRIPTION_MAX_VCPUS && vm->device_count <= DESCRIPTION_MAX_DEVICES);
    MUST(vm->priority >= DESCRIPTION_VM_PRIORITY_MIN && vm->priority <= DESCRIPTION_VM_PRIORITY_MAX);
    MUST(vm->doorbell_count <= DESCRIPTION_MAX_DOORBELLS);
    for (uint32_t i = 0; i < vm->vcpu_count; i++)
        MUST(vm->cpus[i] < DESCRIPTION_MAX_CPUS);
    for (uint32_t i = 0; i < vm->doorbell_count; i++)
        MUST(vm->doorbells[i] < description->component_count);
    MUST(vm->disk_count <= DESCRIPTION_MAX_DISKS);
    for (uint32_t i = 0; i < vm->disk_count; i++)
        check_disk(description, &vm->disks[i]);
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
        MUST(component->role == DESCRIPTION_PLAIN || (component->device && component->dma_trusted));
    }
}

static void description_try(const void *blob)
{
    static struct description description;
    struct description_reporter reporter = {.report = report};
    bool good = description_read(blob, &description, &reporter);
    MUST(good == !reporter.count);
    if (good)
        check_description(&description);
}

static unsigned asked;

/* As root asks for the devices that a description names: any node; of many, the first ones, for each is looked up from the start. */
static void device_try(const struct tree_node *node)
{
    struct firmware_device device;
    if (asked++ >= 16)
        return;
    firmware_reserved(node);
    firmware_read_device(node, &device);
    MUST(device.range_count <= FIRMWARE_RANGES && device.irq_count <= FIRMWARE_IRQS);
}

/* What the kernel has let pass. */
static void firmware_try(const void *blob, size_t size)
{
    struct tree_node node;
    uint32_t seed_size = 0;
    enum uart_kind kind;
    uint32_t used = tree_size(blob);
    if (!used || used > size)
        return;
    tree_open(blob);
    if (!tree_check())
        return;
    memset(&uart, 0, sizeof uart), memset(&chosen, 0, sizeof chosen), uart_is_console = false;
    firmware_open(blob, 0x9000000);
    firmware_uart(&kind);
    firmware_find("/pl011@9000000", &node);
    firmware_seed(&seed_size);
    MUST(seed_size <= size);
    asked = 0;
    tree_walk(device_try);
}

void input_try(const uint8_t *data, size_t size)
{
    char *copy = aligned_alloc(8, (size + 15) & ~(size_t)7);
    memcpy(copy, data, size);
    if (!blob_check(copy, size))
        description_try(copy);
    if (size >= sizeof(struct header))
        firmware_try(copy, size);
    free(copy);
}
