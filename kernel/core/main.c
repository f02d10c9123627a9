/* From the architecture's start to root's first instruction: builds the root partition and gives it all there is. */
#include "cpu.h"
#include "irq.h"
#include "log.h"
#include "partition.h"
#include "space.h"
#include "tag.h"
#include "thread.h"
#include <bulkhead/bootinfo.h>
#include <bulkhead/package.h>

enum {
    ROOT_MEMORY = 72 * 1024, /* kernel memory of the root partition, unless the package tells better */
    ROOT_PRIORITY = 60,
};

static struct cap root_memory, root_image[3];

/* --- ranges of physical addresses --------------------------------------------------------------------------------------------- */

static void ranges_add(struct ranges *ranges, uint64_t base, uint64_t end)
{
    if (base >= end)
        return;
    ASSERT(ranges->count < RANGES_MAX);
    ranges->list[ranges->count++] = (struct range){paddr(base), end - base};
}

/* Takes `cut`, widened to pages, out of all of them. */
static void ranges_cut(struct ranges *ranges, struct range cut)
{
    struct ranges rest = {0};
    uint64_t low = cut.base.raw & ~(uint64_t)(PAGE_SIZE - 1), high = page_round_up(cut.base.raw + cut.size);
    if (!cut.size)
        return;
    for (unsigned i = 0; i < ranges->count; i++) {
        uint64_t base = ranges->list[i].base.raw, end = base + ranges->list[i].size;
        ranges_add(&rest, base, low < end ? low : end);
        ranges_add(&rest, high > base ? high : base, end);
    }
    *ranges = rest;
}

/* Takes `size` bytes from the first range that has them. */
static paddr_t ranges_take(struct ranges *ranges, uint64_t size)
{
    for (unsigned i = 0; i < ranges->count; i++) {
        paddr_t base = ranges->list[i].base;
        if (ranges->list[i].size < size)
            continue;
        ranges_cut(ranges, (struct range){base, size});
        return base;
    }
    panic("no %lu bytes of free memory for root", size);
}

struct ranges platform_free_ram(void)
{
    struct ranges ranges = {0};
    for (unsigned i = 0; i < platform.ram_count; i++)
        ranges_add(&ranges, platform.ram[i].base.raw, platform.ram[i].base.raw + platform.ram[i].size);
    for (unsigned i = 0; i < platform.reserved_count; i++)
        ranges_cut(&ranges, platform.reserved[i]);
    ranges_cut(&ranges, arch_kernel_image());
    ranges_cut(&ranges, platform.package);
    ranges_cut(&ranges, platform.fdt);
    ranges_cut(&ranges, arch_kernel_area());
    return ranges;
}

static struct ranges device_space(void)
{
    struct ranges ranges = {0};
    ranges_add(&ranges, 0, platform.physical_limit);
    for (unsigned i = 0; i < platform.ram_count; i++)
        ranges_cut(&ranges, platform.ram[i]);
    for (unsigned i = 0; i < platform.reserved_count; i++)
        ranges_cut(&ranges, platform.reserved[i]);
    ranges_cut(&ranges, platform.guest_device);
    return ranges;
}

/* --- root's capabilities ---------------------------------------------------------------------------------------------------------- */

static struct cap *root_slot(struct partition *root, unsigned slot)
{
    status_t status;
    struct cap *cap = cap_slot_for(root, slot, &status);
    if (!cap)
        panic("root's capability %u: status %d", slot, (int)status);
    return cap;
}

static void root_give(struct partition *root, unsigned slot, unsigned type, unsigned rights, uint64_t base, uint64_t size)
{
    *root_slot(root, slot) = (struct cap){.type = (uint8_t)type,
                                          .rights = (uint8_t)(rights | RIGHT_DELEGATE),
                                          .holder = root,
                                          .base = base,
                                          .size = size};
}

static void root_give_extent(struct partition *root, struct bootinfo *info, unsigned use, unsigned rights, struct range range)
{
    uint64_t base = range.base.raw & ~(uint64_t)(PAGE_SIZE - 1), end = page_round_up(range.base.raw + range.size);
    unsigned slot = CAP_FIRST_FREE + info->extent_count;
    if (!range.size)
        return;
    if (info->extent_count == BOOTINFO_EXTENTS) {
        log_print("bulkhead: memory at %lx left unused: too many pieces\n", base);
        return;
    }
    info->extents[info->extent_count++] = (struct bootinfo_extent){base, end - base, slot, use};
    root_give(root, slot, CAP_EXTENT, rights, base, end - base);
    if (use == EXTENT_DEVICE || use == EXTENT_GUEST_DEVICE)
        cap_slot(root, slot)->flags = CAP_FLAG_DEVICE;
    if (use == EXTENT_GUEST_DEVICE)
        cap_slot(root, slot)->flags |= CAP_FLAG_GUEST; /* a component would act for whichever guest is loaded */
}

static void root_give_all(struct partition *root, struct bootinfo *info, const struct ranges *ram, const struct ranges *devices)
{
    enum { READ_WRITE = RIGHT_READ | RIGHT_WRITE };
    struct range area = arch_kernel_area();
    for (unsigned i = 0; i < ram->count; i++)
        root_give_extent(root, info, EXTENT_RAM, READ_WRITE | RIGHT_EXECUTE, ram->list[i]);
    area.base.raw += root_memory.size;
    area.size -= root_memory.size;
    root_give_extent(root, info, EXTENT_KERNEL, RIGHT_KERNEL, area);
    for (unsigned i = 0; i < devices->count; i++)
        root_give_extent(root, info, EXTENT_DEVICE, READ_WRITE, devices->list[i]);
    root_give_extent(root, info, EXTENT_FDT, RIGHT_READ, platform.fdt);
    root_give_extent(root, info, EXTENT_PACKAGE, RIGHT_READ | RIGHT_EXECUTE, platform.package);
    root_give_extent(root, info, EXTENT_GUEST_DEVICE, READ_WRITE, platform.guest_device);
    root_give(root, CAP_SYSTEM, CAP_SYSTEM_OBJECT, RIGHT_POWER | RIGHT_LOG, 0, 0);
    root_give(root, CAP_IRQS, CAP_IRQ, RIGHT_BIND, platform.irq_first, platform.irq_count);
}

/* --- root's program ------------------------------------------------------------------------------------------------------------------ */

static void root_map(struct space *space, struct cap *extent, uint64_t address, paddr_t base, uint64_t size, unsigned access)
{
    *extent = (struct cap){.type = CAP_EXTENT, .rights = (uint8_t)access, .base = base.raw, .size = size};
    status_t status = size ? space_map(space, extent, saddr(address), 0, size, access) : STATUS_OK;
    if (status != STATUS_OK)
        panic("root's image at %lx cannot be mapped: status %d", address, (int)status);
}

/* Code and data where they lie in the package, the rest from scrubbed memory. Returns the entry point and the end. */
static const struct component_header *root_load(struct space *space, struct ranges *ram)
{
    paddr_t image = platform.root;
    const struct component_header *header = phys_to_ptr(image);
    if (header->magic != COMPONENT_MAGIC || header->version != COMPONENT_VERSION)
        panic("the package's \"root\" is not a component of this version");
    uint64_t file = page_round_up(header->file_size), zero = header->memory_size - file;
    root_map(space, &root_image[0], COMPONENT_BASE, image, header->rx_size, RIGHT_READ | RIGHT_EXECUTE);
    root_map(space, &root_image[1], COMPONENT_BASE + header->rx_size, paddr(image.raw + header->rx_size), file - header->rx_size,
             RIGHT_READ | RIGHT_WRITE);
    paddr_t bss = ranges_take(ram, zero);
    for (uint64_t done = 0; done < zero; done += ARCH_SCRUB_STEP)
        arch_scrub(paddr(bss.raw + done), zero - done < ARCH_SCRUB_STEP ? zero - done : ARCH_SCRUB_STEP);
    root_map(space, &root_image[2], COMPONENT_BASE + file, bss, zero, RIGHT_READ | RIGHT_WRITE);
    return header;
}

static struct bootinfo *root_bootinfo(struct partition *root, struct space *space)
{
    status_t status;
    struct bootinfo *info = space_page_new(space, saddr(BOOTINFO_ADDRESS), root, RIGHT_READ, &status);
    _Static_assert(sizeof(*info) <= PAGE_SIZE, "the boot information is one page");
    if (!info)
        panic("no memory for the boot information");
    info->magic = BOOTINFO_MAGIC;
    info->cpus = platform.cpus;
    info->variant = platform.variant;
    info->timer_frequency = arch_counter_frequency();
    info->fdt_offset = platform.fdt.base.raw & (PAGE_SIZE - 1);
    info->console = platform.console.raw;
    info->boot_ticks = platform.boot_ticks;
    for (unsigned i = 0; i + 1 < sizeof(info->commit) && build_commit[i]; i++)
        info->commit[i] = build_commit[i];
    return info;
}

static void root_start(void)
{
    status_t status;
    struct range area = arch_kernel_area();
    /* What is no size for a partition ends in a panic. */
    uint64_t bytes = platform.root_memory ? page_round_up(platform.root_memory) : ROOT_MEMORY;
    root_memory = (struct cap){.type = CAP_EXTENT, .rights = RIGHT_KERNEL, .base = area.base.raw, .size = bytes};
    struct partition *root = partition_new(&root_memory, (UINT64_C(1) << platform.cpus) - 1, PRIORITIES - 1, &status);
    struct space *space = space_new(root, SPACE_COMPONENT, &status);
    struct thread *thread = thread_new(root, space, 0, ROOT_PRIORITY, &status);
    if (!thread)
        panic("root: status %d", (int)status);
    cap_fill_original(root_slot(root, CAP_SPACE), root, &space->object);
    cap_fill_original(root_slot(root, CAP_THREAD), root, &thread->object);
    struct ranges ram = platform_free_ram(), devices = device_space();
    const struct component_header *header = root_load(space, &ram);
    struct bootinfo *info = root_bootinfo(root, space);
    root_give_all(root, info, &ram, &devices);
    info->own_end = COMPONENT_BASE + header->memory_size;
    /* The first thread's stack lies at the end of its memory. */
    status = thread_start(thread, header->entry, info->own_end, BOOTINFO_ADDRESS);
    ASSERT(status == STATUS_OK);
}

/* --- CPUs ------------------------------------------------------------------------------------------------------------------------------ */

static void cpu_init(struct cpu *cpu)
{
    cpu->scheduler.policy = &fixed_priority;
    cpu->slice_end = UINT64_MAX;
    cpu->timer_armed = UINT64_MAX;
    cpu->switched_at = arch_counter();
    __atomic_store_n(&cpu->online, true, __ATOMIC_RELEASE);
}

static void cpus_start(void)
{
    unsigned started = 1;
    for (unsigned i = 1; i < platform.cpus; i++) {
        if (!arch_cpu_start(i))
            break; /* those behind it keep their numbers only if none is missing */
        while (!__atomic_load_n(&cpus[i].online, __ATOMIC_ACQUIRE))
            arch_relax();
        started++;
    }
    platform.cpus = started;
}

_Noreturn void kernel_main(void)
{
    for (unsigned i = 0; i < CPUS_MAX; i++)
        cpus[i].index = i;
    tags_init();
    cpu_init(&cpus[0]);
    cpus_start();
    root_start();
    cpu_reschedule(&cpus[0]);
    arch_resume(&cpus[0]);
}

_Noreturn void cpu_main(struct cpu *cpu)
{
    cpu_init(cpu);
    cpu_reschedule(cpu);
    arch_resume(cpu);
}
