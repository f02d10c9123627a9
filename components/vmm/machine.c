/* Root's resources become the guest's machine. */
#include "machine.h"
#include "image.h"

#include "call_stubs.h"
#include "map.h"
#include "print.h"
#include "startup.h"
#include "string.h"

struct machine machine;

static uint32_t running; /* 0: vCPUs have to park */
static uint32_t pending; /* enum machine_request */

static struct blob blob_find(const char *name)
{
    const struct startup_resource *resource = startup_find(name);
    if (!resource || !resource->address)
        return (struct blob){0};
    return (struct blob){(const uint8_t *)resource->address, resource->size}; /* NOLINT: mapped there by root */
}

static void ram_map(const struct startup_resource *ram)
{
    status_t status = map_extent(machine.guest_space, ram->slot, ram->value, 0, ram->size, RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE);
    if (status != STATUS_OK)
        component_fail("VM %s: mapping its memory at 0x%llx failed (status %lld): is `memory` a multiple of 2M?", machine.name,
                       (unsigned long long)ram->value, (long long)status);
    machine.ram = (struct ram){(uint8_t *)ram->address, ram->value, ram->size}; /* NOLINT */
}

static void threads_find(void)
{
    const struct startup_resource *threads = startup_need("threads");
    if (!threads->size || threads->size > VM_VCPUS)
        component_fail("VM %s: %llu vCPUs; `cpus` lists 1 to %d", machine.name, (unsigned long long)threads->size, VM_VCPUS);
    machine.cpus = (uint32_t)threads->size;
    machine.threads = threads->slot;
}

/* vCPU threads wake the main thread by the same signal as root and uart do. */
static void wake_find(void)
{
    uint64_t type_rights = 0, base, size;
    machine.wake = startup_need("wake")->slot;
    cap_identify(machine.wake, &type_rights, &base, &size);
    if ((type_rights >> 8 & (RIGHT_RAISE | RIGHT_WAIT)) != (RIGHT_RAISE | RIGHT_WAIT))
        component_fail("VM %s: its monitor needs RIGHT_RAISE and RIGHT_WAIT of \"wake\"", machine.name);
}

static void status_find(void)
{
    const struct startup_resource *status = startup_need("status");
    machine.status = (struct vm_status *)status->address; /* NOLINT */
    machine.status_signal = status->slot;
    machine.status_mask = status->value;
}

/* Maps the GICv2 virtual CPU interface where the guest expects its CPU interface (IHI 0048 §5.5). */
static void gicc_map(void)
{
    if (machine.gic_version != 2)
        return;
    const struct startup_resource *gicv = startup_need("gicv");
    uint64_t size = gicv->size < GICC_SIZE ? gicv->size : GICC_SIZE;
    status_t status = space_map(machine.guest_space, gicv->slot, GICC_BASE, 0, size, RIGHT_READ | RIGHT_WRITE);
    if (status != STATUS_OK)
        component_fail("VM %s: mapping the GICv2 CPU interface failed (status %lld)", machine.name, (long long)status);
}

void machine_build(const struct startup *startup)
{
    machine.name = startup->name;
    machine.gic_version = startup->gic_version;
    machine.vm = startup_need("vm")->slot;
    machine.guest_space = startup_need("guest-space")->slot;
    wake_find();
    status_find();
    threads_find();
    ram_map(startup_need("ram"));
    gicc_map();
    machine.kernel = blob_find("kernel");
    machine.initrd = blob_find("initrd");
    machine.dtb = blob_find("dtb");
    machine.firmware = blob_find("firmware");
    machine.flash = blob_find("flash");
    machine.aarch32 = !machine.firmware.data && machine.kernel.data &&
                      image_detect(machine.kernel.data, machine.kernel.size) == IMAGE_ZIMAGE;
    machine.bootargs = blob_find("bootargs");
    machine.seed = blob_find("seed");
    const struct startup_resource *on_reset = startup_find("on-reset");
    machine.restart_on_reset = !on_reset || on_reset->number;
}

void machine_request(enum machine_request request)
{
    uint32_t none = REQUEST_NONE;
    __atomic_compare_exchange_n(&pending, &none, request, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    machine_hold();
    signal_raise(machine.wake, WAKE_REQUEST);
}

enum machine_request machine_request_take(void)
{
    return (enum machine_request)__atomic_exchange_n(&pending, REQUEST_NONE, __ATOMIC_SEQ_CST);
}

void machine_text_set(const char *text)
{
    string_copy(machine.status->text, sizeof machine.status->text, text);
}

void machine_state_set(enum vm_state state, const char *text)
{
    if (text)
        machine_text_set(text);
    __atomic_store_n(&machine.status->state, state, __ATOMIC_RELEASE);
    signal_raise(machine.status_signal, machine.status_mask);
}

bool machine_is_running(void)
{
    return __atomic_load_n(&running, __ATOMIC_SEQ_CST);
}

void machine_release(void)
{
    __atomic_store_n(&running, 1, __ATOMIC_SEQ_CST);
}

void machine_hold(void)
{
    __atomic_store_n(&running, 0, __ATOMIC_SEQ_CST);
}

void *ram_at(uint64_t address, uint64_t size)
{
    uint64_t offset = address - machine.ram.base;
    if (address < machine.ram.base || offset > machine.ram.size || size > machine.ram.size - offset)
        return NULL;
    return machine.ram.host + offset;
}
