/* Partitions with a component in them: memory, space, image, startup page, thread. */
#include "instance.h"

#include "call_stubs.h"
#include "clock.h"
#include "map.h"
#include "package.h"
#include "print.h"
#include "slots.h"
#include "status_text.h"
#include "string.h"

static const struct bootinfo *boot_info(void)
{
    return (const struct bootinfo *)BOOTINFO_ADDRESS;
}

void instance_refuse(struct instance *instance, const char *member, const char *wrong)
{
    console_print("%s: cannot be built: package member \"%s\" %s; pack the image again\n", instance->name, member, wrong);
    instance->refused = true;
    instance->condition = INSTANCE_FAILED;
}

void instance_reserve(struct instance *instance)
{
    struct member member;
    const struct component_header *header = package_component(instance->image, &member);
    if (!header)
        instance_refuse(instance, instance->image, member.wrong);
    instance->rw_size = header ? header->memory_size - header->rx_size : 0;
    instance->entry = header ? header->entry : 0;
    instance->stack = COMPONENT_BASE + (header ? header->memory_size : 0);
    memory_take_kernel(&instance->kernel, instance->kernel_bytes);
    memory_take(&instance->own, instance->rw_size + 2 * PAGE);
    memory_take_mapped(&instance->shared_block, sizeof(struct shared));
    instance->shared = instance->shared_block.at;
    instance->partition = slot_allocate();
    instance->space = slot_allocate();
    for (unsigned i = 0; i < instance->thread_count; i++)
        instance->threads[i] = slot_allocate();
    instance->wake = slot_allocate();
}

bool instance_check(struct instance *instance, status_t status, const char *what)
{
    if (status == STATUS_OK)
        return true;
    if (!instance->broken)
        console_print("%s: %s could not be made: %s\n", instance->name, what, status_text(status));
    instance->broken = true;
    return false;
}

static void make_thread(struct instance *in, unsigned number, unsigned cpu, unsigned priority)
{
    uint64_t fault = UINT64_C(1) << (ROOT_FAULT_BIT + in->index % 16);
    instance_check(in, thread_create(in->partition, in->threads[number], in->space, cpu, priority, ROOT_SIGNAL, fault), "its thread");
}

static void make_objects(struct instance *in)
{
    unsigned top = in->priority;
    if (!instance_check(in, partition_create(in->partition, in->kernel.slot, in->cpus, top), "its partition"))
        return;
    instance_check(in, space_create(in->partition, in->space, SPACE_COMPONENT), "its space");
    instance_check(in, signal_create(in->partition, in->wake), "its signal");
    make_thread(in, 0, in->cpu, top);
    instance_check(in, cap_delegate(in->partition, CAP_SPACE, in->space, RIGHT_MAP | RIGHT_USE, 0, 0), "its space's capability");
    instance_check(in, cap_delegate(in->partition, CAP_THREAD, in->threads[0], RIGHT_OBSERVE, 0, 0), "its thread's capability");
}

/* The private copy of what is writable, then the two pages that only root writes. */
static void fill_own(struct instance *in, const struct component_header *header)
{
    uint64_t in_file = header->file_size - header->rx_size;
    uint8_t *own = memory_open(&in->own);
    memset(own, 0, in->own.size);
    memcpy(own, (const uint8_t *)header + header->rx_size, in_file);
    in->settings = own + in->rw_size;
    in->startup = (struct startup *)(void *)(in->settings + PAGE);
}

static void map_image(struct instance *in, const struct component_header *header, const struct member *member)
{
    uint64_t rw = COMPONENT_BASE + header->rx_size;
    instance_map(in, member->extent, COMPONENT_BASE, member->offset, header->rx_size, RIGHT_READ | RIGHT_EXECUTE, "its code");
    instance_map(in, in->own.slot, rw, 0, in->rw_size, RIGHT_READ | RIGHT_WRITE, "its data");
    instance_map(in, in->own.slot, PLACE_SETTINGS, in->rw_size, 2 * PAGE, RIGHT_READ, "its startup page");
}

static void fill_startup(struct instance *in)
{
    struct startup *startup = in->startup;
    startup->magic = STARTUP_MAGIC;
    string_copy(startup->name, sizeof startup->name, in->name);
    startup->cpu = in->cpu;
    startup->priority = in->priority;
    startup->timer_frequency = clock_frequency();
    startup->gic_version = boot_info()->variant;
    startup->host_cpus = boot_info()->cpus;
}

void instance_begin(struct instance *in)
{
    struct member member;
    const struct component_header *header = package_component(in->image, &member);
    in->broken = false;
    in->next_slot = CAP_FIRST_FREE;
    make_objects(in);
    in->alive = !in->broken;
    in->builds++;
    in->built_at = clock_now();
    fill_own(in, header);
    map_image(in, header, &member);
    fill_startup(in);
}

bool instance_start(struct instance *in)
{
    memory_close(&in->own);
    in->startup = NULL;
    if (!in->broken)
        instance_check(in, thread_start(in->threads[0], in->entry, in->stack, STARTUP_ADDRESS), "its first thread's start");
    if (in->broken)
        instance_destroy(in);
    in->condition = in->alive ? INSTANCE_RUNNING : INSTANCE_FAILED;
    return in->alive;
}

void instance_make_fault(struct instance *in)
{
    struct member member;
    const struct component_header *header = package_component(in->image, &member);
    space_unmap(in->space, COMPONENT_BASE + header->rx_size);
    instance_wake(in, UINT64_MAX);
}

void instance_stop(const struct instance *in)
{
    for (unsigned i = 0; i < in->thread_count; i++)
        thread_stop(in->threads[i]);
}

void instance_destroy(struct instance *in)
{
    instance_stop(in);
    cap_delete(in->partition);
    in->alive = false;
}

/* A kind that adds more than the page holds is a mistake of root's: the last one is overwritten, and the instance does not start. */
struct startup_resource *instance_resource(struct instance *in, const char *name)
{
    struct startup *startup = in->startup;
    if (startup->count == STARTUP_RESOURCES)
        instance_check(in, STATUS_LIMIT, name);
    else
        startup->count++;
    struct startup_resource *resource = &startup->resources[startup->count - 1];
    *resource = (struct startup_resource){0};
    string_copy(resource->name, sizeof resource->name, name);
    return resource;
}

cap_t instance_slot(struct instance *in)
{
    return in->next_slot++;
}

cap_t instance_give(struct instance *in, cap_t from, unsigned rights, uint64_t first, uint64_t size, const char *what)
{
    cap_t slot = instance_slot(in);
    if (!in->broken)
        instance_check(in, cap_delegate(in->partition, slot, from, rights, first, size), what);
    return slot;
}

void instance_give_thread(struct instance *in, unsigned number, unsigned cpu, unsigned priority)
{
    if (!in->broken)
        make_thread(in, number, cpu, priority);
    instance_give(in, in->threads[number], RIGHT_CONTROL, 0, 0, "its thread's capability");
}

void instance_map(struct instance *in, cap_t extent, uint64_t address, uint64_t offset, uint64_t size, unsigned access,
                  const char *what)
{
    if (!in->broken && size)
        instance_check(in, map_extent(in->space, extent, address, offset, size, access), what);
}

/* Nobody else writes there now. Without room the last words and the first ones share a line. */
static void console_begin_life(struct console *console)
{
    uint32_t head = console->out_head;
    if (head - __atomic_load_n(&console->out_tail, __ATOMIC_ACQUIRE) >= CONSOLE_OUT)
        return;
    console->out[head % CONSOLE_OUT] = (uint8_t)CONSOLE_NEXT_LIFE[0];
    __atomic_store_n(&console->out_head, head + 1, __ATOMIC_RELEASE);
}

void instance_add_console(struct instance *in)
{
    if (in->builds > 1)
        console_begin_life(&in->shared->console);
    struct startup_resource *wake = instance_resource(in, "wake");
    wake->slot = instance_give(in, in->wake, RIGHT_RAISE | RIGHT_WAIT, 0, 0, "its wake signal's capability");
    struct startup_resource *console = instance_resource(in, "console");
    console->address = PLACE_SHARED;
    console->size = CONSOLE_SIZE;
    console->slot = in->console_slot = instance_slot(in);
    console->value = UINT64_C(1) << in->console_bit;
    instance_map(in, in->shared_block.slot, PLACE_SHARED, 0, in->shared_size, RIGHT_READ | RIGHT_WRITE, "its console");
}

void instance_wake(const struct instance *in, uint64_t bits)
{
    signal_raise(in->wake, bits);
}
