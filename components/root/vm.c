/* A VM: its monitor's partition, the guest's space and RAM, and what the monitor is told about them. */
#include "call_stubs.h"
#include "clock.h"
#include "devices.h"
#include "format.h"
#include "link.h"
#include "log.h"
#include "package.h"
#include "seed.h"
#include "slots.h"
#include "string.h"
#include "system.h"

/*
 * Where things are in the monitor's space (see also instance.h): small files by pages in the space's first table; the others one after the other,
 * each congruent to its physical address, so that blocks map it; RAM behind them if it ends below 1 GiB, for another GiB takes another table.
 */
#define PLACE_RAM UINT64_C(0x1000000000) /* of more than fits */
#define PLACE_UART_PAGE (PLACE_SHARED + sizeof(struct shared))

enum {
    PLACE_SMALL = 0x10000, /* up to PLACE_SHARED */
    PLACE_LARGE = 0x800000,
    BLOCK = 0x200000,
    GUEST_RAM = 0x40000000, /* as on QEMU's virt */
    FIRST_DOORBELL_LINE = 35,
    WAKE_CONSOLE = 1, /* bits of its wake signal; the other one is WAKE_ORDER (system.h) */
    BOOTARGS_MAX = PAGE - SETTINGS_BOOTARGS - 1,
    /*
     * Kernel memory: what every VM takes (a partition, nine tables, capabilities, the VM, spaces, mappings, a thread), and each vCPU (its state
     * page, registers, thread, mappings). `make size` shows what is used of it.
     */
    KERNEL_BYTES = 41664,
    KERNEL_BYTES_VCPU = 7424,
    KERNEL_BYTES_GICV2 = 4224, /* a table and a mapping for the virtual CPU interface */
    /* More, in pages: for tables. */
    KERNEL_PAGES_GIB = 2,     /* per GiB of RAM, if it is not below the first GiB of the monitor's space */
    KERNEL_PAGES_FLASH = 4,
    KERNEL_PAGES_MEMBER = 2,  /* per file that is neither small nor mapped by blocks */
    KERNEL_PAGES_DEVICE = 5,  /* per device passed through: four ranges, slots */
    KERNEL_PAGES_SLOTS = 1,   /* if it has many doorbells */
    SLOTS_DOORBELLS = 4,
    FLASH_UNIT = BLOCK,         /* a bank of flash memory exists by blocks of 2 MiB, at least one, */
    FLASH_BANK_SIZE = 0x4000000 /* at most so much */
};

/* Pages for tables of a file's mapping; adds to `end` how far it reaches in the monitor's space. */
static uint64_t member_pages(const char *member, uint64_t *end)
{
    if (!member)
        return 0;
    struct member found = package_find(member);
    *end += found.mapped_size + BLOCK;
    return found.mapped_size > PLACE_SHARED - PLACE_SMALL && found.mapped_size % BLOCK ? KERNEL_PAGES_MEMBER : 0;
}

static uint64_t kernel_bytes(const struct description_vm *described)
{
    const char *members[] = {described->kernel, described->initrd, described->dtb, described->firmware, described->flash};
    uint64_t gib = (described->memory + GIBIBYTE - 1) / GIBIBYTE, end = PLACE_LARGE + described->memory, pages = 0;
    for (unsigned i = 0; i < sizeof members / sizeof members[0]; i++)
        pages += member_pages(members[i], &end);
    end += described->firmware ? 2 * (uint64_t)FLASH_BANK_SIZE : 0;
    pages += end > GIBIBYTE ? 1 + KERNEL_PAGES_GIB * gib : 0;
    pages += described->firmware ? KERNEL_PAGES_FLASH : 0;
    pages += KERNEL_PAGES_DEVICE * (uint64_t)described->device_count;
    pages += described->doorbell_count > SLOTS_DOORBELLS ? KERNEL_PAGES_SLOTS : 0;
    uint64_t interface = memory_extent(EXTENT_GUEST_DEVICE) ? KERNEL_BYTES_GICV2 : 0;
    return KERNEL_BYTES + KERNEL_BYTES_VCPU * (uint64_t)described->vcpu_count + interface + links_kernel_bytes(described) + pages * PAGE;
}

static uint64_t cpu_mask(const struct description_vm *described)
{
    uint64_t mask = 0;
    for (uint32_t i = 0; i < described->vcpu_count; i++)
        mask |= UINT64_C(1) << described->cpus[i];
    return mask;
}

static void check_member(struct vm *vm, const char *member)
{
    const char *wrong = member ? package_find(member).wrong : NULL;
    if (wrong)
        instance_refuse(&vm->instance, member, wrong);
}

static void check_description(struct vm *vm)
{
    const struct description_vm *described = vm->described;
    check_member(vm, described->kernel);
    check_member(vm, described->initrd);
    check_member(vm, described->dtb);
    check_member(vm, described->firmware);
    check_member(vm, described->flash);
    if (described->bootargs && strlen(described->bootargs) > BOOTARGS_MAX)
        log_fail("description, /%s, bootargs: %lu characters are more than the %d that fit\n", vm->instance.name,
                 strlen(described->bootargs), BOOTARGS_MAX);
    devices_check(vm);
}

/* Memory for a bank whose contents come from the member; NULL: none. */
static uint64_t flash_size(struct vm *vm, const char *member)
{
    uint64_t size = member ? package_find(member).size : 0;
    if (size > FLASH_BANK_SIZE) {
        instance_refuse(&vm->instance, member, "is larger than a bank of flash memory, 64 MiB");
        size = 0;
    }
    return size ? (size + FLASH_UNIT - 1) & ~(uint64_t)(FLASH_UNIT - 1) : FLASH_UNIT;
}

static void reserve_flash(struct vm *vm)
{
    uint64_t largest;
    if (!vm->described->firmware)
        return;
    uint64_t size = flash_size(vm, vm->described->firmware) + flash_size(vm, vm->described->flash);
    if (!memory_take_ram(&vm->flash, size, &largest))
        log_fail("description, /%s, firmware: no %lu MiB are left for flash memory: describe fewer or smaller VMs\n", vm->instance.name,
                 size / MEBIBYTE);
}

static void reserve_ram(struct vm *vm)
{
    uint64_t largest;
    if (!memory_take_ram(&vm->ram, vm->described->memory, &largest))
        log_fail("description, /%s, memory: %lu MiB in one piece are not there; the largest is %lu MiB\n", vm->instance.name,
                 vm->described->memory / MEBIBYTE, largest / MEBIBYTE);
}

static bool vm_rebuild(struct instance *in)
{
    return vm_build((struct vm *)in); /* its first member */
}

void vm_reserve(struct vm *vm, unsigned number, unsigned index)
{
    const struct description_vm *described = &the_system.description.vms[number];
    struct instance *in = &vm->instance;
    vm->described = described;
    vm->number = number;
    in->name = described->name;
    in->image = "vmm";
    in->index = index;
    in->cpu = described->cpus[0];
    in->priority = described->priority + 1; /* its main thread answers while vCPUs are busy */
    in->cpus = cpu_mask(described);
    in->kernel_bytes = kernel_bytes(described);
    in->thread_count = 1 + described->vcpu_count;
    in->shared_size = sizeof(struct shared);
    in->console_mask = WAKE_CONSOLE;
    in->build = vm_rebuild;
    in->restarts = described->on_crash == DESCRIPTION_RESTART;
    in->stays = "on-crash = \"restart\" in its description would restart it";
    in->restart.rule = described->restart;
    if (described->disk_count) {
        in->release = links_release;
        in->released = links_released;
    }
    check_description(vm);
    instance_reserve(in);
    reserve_ram(vm);
    reserve_flash(vm);
    memory_take_delegable(&vm->uart_page, PAGE);
    vm->guest_space = slot_allocate();
    vm->object = slot_allocate();
    in->reaper = slot_allocate();
}

static void give_machine(struct vm *vm)
{
    struct instance *in = &vm->instance;
    if (!in->broken)
        instance_check(in, space_create(in->partition, vm->guest_space, SPACE_GUEST), "the guest's space");
    if (!in->broken)
        instance_check(in, vm_create(in->partition, vm->object, vm->guest_space), "the VM");
    instance_resource(in, "vm")->slot = instance_give(in, vm->object, RIGHT_CONFIGURE | RIGHT_RAISE, 0, 0, "the VM's capability");
    instance_resource(in, "guest-space")->slot = instance_give(in, vm->guest_space, RIGHT_MAP, 0, 0, "the guest space's capability");
    const struct bootinfo_extent *gicv = memory_extent(EXTENT_GUEST_DEVICE);
    if (!gicv)
        return;
    struct startup_resource *resource = instance_resource(in, "gicv");
    resource->size = gicv->size;
    resource->slot = instance_give(in, gicv->slot, RIGHT_READ | RIGHT_WRITE, 0, 0, "the virtual CPU interface");
}

static void give_ram(struct vm *vm)
{
    struct instance *in = &vm->instance;
    struct startup_resource *ram = instance_resource(in, "ram");
    ram->slot = instance_give(in, vm->ram.slot, RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE, 0, 0, "the guest's RAM");
    ram->address = vm->place + vm->ram.size <= GIBIBYTE ? vm->place : PLACE_RAM;
    ram->value = GUEST_RAM;
    ram->size = vm->ram.size;
    instance_map(in, vm->ram.slot, ram->address, 0, vm->ram.size, RIGHT_READ | RIGHT_WRITE, "the guest's RAM");
}

/* Addresses for so much, congruent to `offset` if it is more than goes among the small. */
static uint64_t place_take(struct vm *vm, uint64_t size, uint64_t offset)
{
    uint64_t address = vm->place_small;
    if (size <= PLACE_SHARED - vm->place_small) {
        vm->place_small += size;
        return address;
    }
    address = vm->place + offset % BLOCK;
    vm->place = (address + size + BLOCK - 1) & ~(uint64_t)(BLOCK - 1);
    return address;
}

static void give_member(struct vm *vm, const char *name, const char *member_name)
{
    if (!member_name)
        return;
    struct member member = package_find(member_name);
    struct startup_resource *resource = instance_resource(&vm->instance, name);
    resource->size = member.size;
    resource->address = place_take(vm, member.mapped_size, member.align_offset);
    instance_map(&vm->instance, member.extent, resource->address, member.offset, member.mapped_size, RIGHT_READ, name);
}

static void give_flash(struct vm *vm)
{
    struct instance *in = &vm->instance;
    if (!vm->flash.size)
        return;
    struct startup_resource *banks = instance_resource(in, "banks");
    banks->slot = instance_give(in, vm->flash.slot, RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE, 0, 0, "flash memory");
    banks->address = place_take(vm, vm->flash.size, 0);
    banks->size = vm->flash.size;
    banks->value = flash_size(vm, vm->described->firmware);
    instance_map(in, vm->flash.slot, banks->address, 0, vm->flash.size, RIGHT_READ | RIGHT_WRITE, "flash memory");
    give_member(vm, "firmware", vm->described->firmware);
    give_member(vm, "flash", vm->described->flash);
}

static void give_threads(struct vm *vm)
{
    const struct description_vm *described = vm->described;
    struct startup_resource *threads = instance_resource(&vm->instance, "threads");
    threads->size = described->vcpu_count;
    threads->slot = vm->instance.next_slot; /* and those after it */
    for (uint32_t i = 0; i < described->vcpu_count; i++)
        instance_give_thread(&vm->instance, 1 + i, described->cpus[i], described->priority);
}

static void give_settings(struct vm *vm)
{
    struct instance *in = &vm->instance;
    const struct description_vm *described = vm->described;
    if (described->bootargs) {
        struct startup_resource *bootargs = instance_resource(in, "bootargs");
        bootargs->address = PLACE_SETTINGS + SETTINGS_BOOTARGS;
        bootargs->size = strlen(described->bootargs);
        memcpy(in->settings + SETTINGS_BOOTARGS, described->bootargs, bootargs->size + 1);
    }
    if (seed_derive(described->name, in->settings + SETTINGS_SEED)) {
        struct startup_resource *seed = instance_resource(in, "seed");
        seed->address = PLACE_SETTINGS + SETTINGS_SEED;
        seed->size = SEED_SIZE;
    }
    instance_resource(in, "on-reset")->number = described->on_reset == DESCRIPTION_RESTART;
}

static void give_status(struct vm *vm)
{
    struct instance *in = &vm->instance;
    struct startup_resource *status = instance_resource(in, "status");
    in->shared->status = (struct vm_status){.state = VM_STATE_STARTING};
    status->address = PLACE_SHARED + CONSOLE_SIZE;
    status->size = PAGE;
    status->value = UINT64_C(1) << (ROOT_STATUS_BIT + vm->number);
    status->slot = instance_give(in, ROOT_SIGNAL, RIGHT_RAISE, status->value, 0, "root's signal");
}

/* Delegated for reading: the guest's mapping bears no more than the monitor's capability. */
static void give_uart_page(struct vm *vm)
{
    struct instance *in = &vm->instance;
    struct startup_resource *page = instance_resource(in, "uart-page");
    page->address = PLACE_UART_PAGE;
    page->slot = instance_give(in, vm->uart_page.slot, RIGHT_READ, 0, 0, "the page of its UART");
    instance_map(in, vm->uart_page.slot, PLACE_UART_PAGE, 0, PAGE, RIGHT_READ | RIGHT_WRITE, "the page of its UART");
}

static void give_doorbells(struct vm *vm)
{
    struct instance *in = &vm->instance;
    for (uint32_t i = 0; i < vm->described->doorbell_count; i++) {
        struct component *component = &the_system.components[vm->described->doorbells[i]];
        char name[STARTUP_NAME_SIZE];
        format_text(name, sizeof name, "doorbell/%s", component->instance.name);
        struct startup_resource *doorbell = instance_resource(in, name);
        doorbell->number = FIRST_DOORBELL_LINE + i;
        doorbell->value = UINT64_C(1) << component_doorbell(component, vm);
        if (component->instance.alive) /* else root connects it when it is there */
            doorbell->slot = instance_give(in, component->instance.wake, RIGHT_RAISE, doorbell->value, 0, name);
    }
}

bool vm_build(struct vm *vm)
{
    struct instance *in = &vm->instance;
    if (in->refused)
        return false;
    instance_begin(in);
    instance_add_console(in);
    give_machine(vm);
    vm->place_small = PLACE_SMALL;
    vm->place = PLACE_LARGE;
    give_member(vm, "kernel", vm->described->kernel);
    give_member(vm, "initrd", vm->described->initrd);
    give_member(vm, "dtb", vm->described->dtb);
    give_flash(vm);
    give_ram(vm);
    give_threads(vm);
    give_settings(vm);
    give_status(vm);
    give_uart_page(vm);
    give_doorbells(vm);
    devices_give(vm);
    links_give_monitor(vm);
    link_console(in);
    link_doorbells(vm);
    links_join_vm(vm);
    vm->order_until = 0;
    return instance_start(in);
}
