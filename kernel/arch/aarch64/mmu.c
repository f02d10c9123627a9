/*
 * The kernel's stage 1 at EL2 (Arm ARM D5, "VMSAv8-64"): 39 bits, physical memory at its own address, of which only this is mapped: the image
 * by what its parts need, the kernel area's pages as they are given out, the registers that the kernel drives. Layout: layout.h. The tables
 * are changed by single 64-bit stores of entries that were invalid before, or become so: no lock, and break-before-make by construction.
 */
#include "mmu.h"
#include "arch.h"
#include "board.h"
#include "cpu.h"
#include "layout.h"
#include "log.h"

enum {
    ENTRIES = 512,
    AREA_SHARE = 512, /* one part of the RAM in so many may become kernel memory */
};
#define BLOCK_SIZE UINT64_C(0x200000)
#define AREA_MIN BLOCK_SIZE
#define AREA_MAX (32 * UINT64_C(0x100000))
#define ADDRESS_MASK UINT64_C(0x0000fffffffff000)

/* Stage 1 descriptors, EL2 translation regime: AP[1] is RES1 */
enum {
    VALID = 1 << 0,
    TABLE = 1 << 1, /* at level 3: page */
    DEVICE = 1 << 2, /* MAIR attribute 1; start.S */
    AP_RES1 = 1 << 6,
    READ_ONLY = 1 << 7,
    INNER_SHAREABLE = 3 << 8,
    ACCESSED = 1 << 10,
};
#define EXECUTE_NEVER (UINT64_C(1) << 54)
#define PAGE_COMMON ((uint64_t)(VALID | AP_RES1 | INNER_SHAREABLE | ACCESSED))
#define PAGE_CODE (PAGE_COMMON | TABLE | READ_ONLY)
#define PAGE_CONSTANT (PAGE_COMMON | TABLE | READ_ONLY | EXECUTE_NEVER)
#define PAGE_DATA (PAGE_COMMON | TABLE | EXECUTE_NEVER)
#define PAGE_DEVICE (PAGE_COMMON | TABLE | DEVICE | EXECUTE_NEVER)
#define BLOCK_CONSTANT (PAGE_COMMON | READ_ONLY | EXECUTE_NEVER)

typedef uint64_t table_t[ENTRIES] __attribute__((aligned(PAGE_SIZE)));

PAGES_SECTION table_t kernel_root; /* for start.S */
static unsigned pages_used; /* of boot_pages; the first is the boot CPU's stack: start.S */
static bool built;
static struct range area;

/* After entries became valid: walkers see them, and this CPU does not go on with an earlier fault. */
static void publish(void)
{
    dsb(ishst);
    isb();
}

/* Bytes of a cache line, the smallest in the system (CTR_EL0.DminLine). */
static uint64_t line_size(void)
{
    return UINT64_C(4) << (read_sysreg(ctr_el0) >> 16 & 0xf);
}

/* --- walking -------------------------------------------------------------------------------------------------------- */

static uint64_t *page_entry(uint64_t address);

static uint64_t page_take(void)
{
    if (pages_used == BOOT_PAGES)
        panic("the board's devices are spread too wide for %u kernel tables and stacks: raise BOOT_PAGES in layout.h", BOOT_PAGES);
    return (uint64_t)boot_pages + PAGE_SIZE * (uint64_t)pages_used++;
}

/* A table is mapped as data; the first ones are when they are built, for it takes them to do so. */
static uint64_t table_take(void)
{
    uint64_t table = page_take();
    if (built) {
        *page_entry(table) = table | PAGE_DATA;
        publish();
    }
    return table;
}

static uint64_t *table_below(uint64_t *entry)
{
    if (!(*entry & VALID))
        *entry = table_take() | VALID | TABLE;
    return (uint64_t *)(*entry & ADDRESS_MASK);
}

static uint64_t *block_entry(uint64_t address)
{
    if (address >> KERNEL_VA_BITS)
        panic("physical address %lx is beyond the kernel's %u bits", address, KERNEL_VA_BITS);
    return &table_below(&kernel_root[address >> 30])[address >> 21 & (ENTRIES - 1)];
}

static uint64_t *page_entry(uint64_t address)
{
    return &table_below(block_entry(address))[address >> PAGE_SHIFT & (ENTRIES - 1)];
}

/* After entries of the pages from `address` became invalid: nobody has them any more (Arm ARM D5.10, "TLB maintenance requirements"). */
static void forget(uint64_t address, unsigned pages)
{
    dsb(ishst);
    for (unsigned i = 0; i < pages; i++)
        __asm__ volatile("tlbi vae2is, %0" : : "r"((address >> PAGE_SHIFT) + i) : "memory");
    dsb(ish);
    isb();
}

/* Where windows and stacks are, nothing else can be: what lies there physically is none of the kernel's business, unless the package is damaged. */
static void constant_map(uint64_t address)
{
    if (address >= WINDOWS_BASE && address < WINDOWS_BASE + WINDOWS_SIZE)
        panic("what the kernel has to read lies at %lx: pack the image again, or have the device tree elsewhere", address);
    *page_entry(address) = address | PAGE_CONSTANT;
}

static void map(uint64_t base, uint64_t end, uint64_t attributes)
{
    for (uint64_t page = base & ADDRESS_MASK; page < end; page += PAGE_SIZE)
        *page_entry(page) = page | attributes;
}

/* --- while booting -------------------------------------------------------------------------------------------------------- */

void mmu_stack_make(unsigned cpu)
{
    uint64_t page = page_take();
    *page_entry(STACKS_BASE + ((uint64_t)(cpu + 1) << STACK_SHIFT) - STACK_SIZE) = page | PAGE_DATA;
    publish();
}

/*
 * What was written past the caches must not be hidden by stale lines once they are on (Arm ARM, "Mismatched memory
 * attributes"). The loader left no dirty ones.
 */
static void written_invalidate(uint64_t end)
{
    dmb(sy);
    for (uint64_t at = (uint64_t)_relocated_start & ~(line_size() - 1); at < end; at += line_size())
        __asm__ volatile("dc ivac, %0" : : "r"(at) : "memory");
    dsb(sy);
}

void mmu_build(void)
{
    mmu_stack_make(0);
    map((uint64_t)_image_start, (uint64_t)_rodata_start, PAGE_CODE);
    map((uint64_t)_rodata_start, (uint64_t)_data_start, PAGE_CONSTANT);
    map((uint64_t)_data_start, (uint64_t)_data_end, PAGE_DATA);
    uint64_t end = (uint64_t)boot_pages + PAGE_SIZE * (uint64_t)pages_used;
    map((uint64_t)boot_pages + PAGE_SIZE, end, PAGE_DATA);
    built = true;
    written_invalidate(end);
}

struct range arch_kernel_image(void)
{
    return (struct range){platform.image.base, (uint64_t)boot_pages + PAGE_SIZE * (uint64_t)pages_used - platform.image.base.raw};
}

uintptr_t mmu_map_device(paddr_t base, uint64_t size)
{
    map(base.raw, base.raw + size, PAGE_DEVICE);
    publish();
    return base.raw;
}

const void *mmu_map_constant(paddr_t base, uint64_t size)
{
    for (uint64_t at = base.raw & ADDRESS_MASK; at < base.raw + size; at += PAGE_SIZE)
        constant_map(at);
    publish();
    return phys_to_ptr(base);
}

/* Where the image's pages are mapped in the same 2 MiB, by pages. */
const void *mmu_map_blocks(paddr_t base, uint64_t size)
{
    for (uint64_t at = base.raw & ADDRESS_MASK; at < base.raw + size; at += PAGE_SIZE) {
        uint64_t *entry = block_entry(at);
        if (!(*entry & VALID))
            *entry = (at & ~(BLOCK_SIZE - 1)) | BLOCK_CONSTANT;
        else if (*entry & TABLE)
            constant_map(at);
    }
    publish();
    return phys_to_ptr(base);
}

void mmu_unmap_blocks(paddr_t base, uint64_t size)
{
    for (uint64_t at = base.raw & ADDRESS_MASK; at < base.raw + size; at += PAGE_SIZE) {
        uint64_t *entry = block_entry(at);
        if (*entry & TABLE)
            *page_entry(at) = 0;
        else
            *entry = 0;
    }
    dsb(ishst);
    __asm__ volatile("tlbi alle2is" : : : "memory");
    dsb(ish);
    isb();
}

/* --- kernel area ----------------------------------------------------------------------------------------------------------- */

static uint64_t block_round_up(uint64_t address)
{
    return (address + BLOCK_SIZE - 1) & ~(BLOCK_SIZE - 1);
}

static uint64_t area_find(const struct ranges *free, uint64_t size, uint64_t from)
{
    for (unsigned i = 0; i < free->count; i++) {
        uint64_t start = free->list[i].base.raw, end = start + free->list[i].size, base = block_round_up(start > from ? start : from);
        if (base + size <= end)
            return base;
    }
    return 0;
}

/* Behind the image if there is room in any bank, else anywhere but at 0, where pointers would be null. */
static uint64_t area_choose(uint64_t size)
{
    struct ranges free = platform_free_ram();
    uint64_t base = area_find(&free, size, platform.image.base.raw);
    base = base ? base : area_find(&free, size, BLOCK_SIZE);
    if (!base)
        panic("no free %lu MiB of RAM in one piece for the kernel", size >> 20);
    return base;
}

static uint64_t area_size(void)
{
    uint64_t ram = 0;
    for (unsigned i = 0; i < platform.ram_count; i++)
        ram += platform.ram[i].size;
    uint64_t size = block_round_up(ram / AREA_SHARE);
    return size < AREA_MIN ? AREA_MIN : size > AREA_MAX ? AREA_MAX : size;
}

static uint64_t window_address(void)
{
    return WINDOWS_BASE + (uint64_t)cpu_self()->index * WINDOW_PAGES * PAGE_SIZE;
}

/*
 * The area's level 3 tables are its own last pages. They map themselves so that they can be changed later: the first such entries, in the last
 * table, are written through the window.
 */
static void area_tables_make(uint64_t tables, unsigned count)
{
    arch_scrub(paddr(tables), (uint64_t)count * PAGE_SIZE);
    uint64_t last = tables + (uint64_t)(count - 1) * PAGE_SIZE, window = window_address();
    *page_entry(window) = last | PAGE_DATA;
    publish();
    for (unsigned i = 0; i < count; i++) {
        uint64_t page = tables + i * PAGE_SIZE;
        ((uint64_t *)window)[page >> PAGE_SHIFT & (ENTRIES - 1)] = page | PAGE_DATA;
    }
    *page_entry(window) = 0;
    forget(window, 1);
    for (unsigned i = 0; i < count; i++)
        *block_entry(area.base.raw + i * BLOCK_SIZE) = (tables + i * PAGE_SIZE) | VALID | TABLE;
    publish();
}

void mmu_area_init(void)
{
    uint64_t size = area_size();
    unsigned count = (unsigned)(size / BLOCK_SIZE);
    area = (struct range){paddr(area_choose(size)), size};
    uint64_t tables = area.base.raw + size - (uint64_t)count * PAGE_SIZE;
    area_tables_make(tables, count);
    area.size = tables - area.base.raw;
    platform_reserve((struct range){paddr(tables), (uint64_t)count * PAGE_SIZE});
}

struct range arch_kernel_area(void)
{
    return area;
}

/* They lie behind it and end at a multiple of 2 MiB. */
uint64_t arch_kernel_area_tables(void)
{
    return -(area.base.raw + area.size) & (BLOCK_SIZE - 1);
}

void arch_kernel_map(paddr_t page)
{
    *page_entry(page.raw) = page.raw | PAGE_DATA;
    publish();
}

void arch_kernel_unmap(paddr_t page)
{
    *page_entry(page.raw) = 0;
    forget(page.raw, 1);
}

/* --- scrubbing ----------------------------------------------------------------------------------------------------------- */

static void zero(uint64_t base, uint64_t end)
{
    uint64_t zva = read_sysreg(dczid_el0), step = UINT64_C(4) << (zva & 0xf);
    if (zva & 0x10) { /* DC ZVA is prohibited */
        for (uint64_t *word = (uint64_t *)base; word < (uint64_t *)end; word += 2)
            __asm__ volatile("stp xzr, xzr, [%0]" : : "r"(word) : "memory");
        return;
    }
    for (uint64_t at = base; at < end; at += step)
        __asm__ volatile("dc zva, %0" : : "r"(at) : "memory");
}

static void clean_invalidate(uint64_t base, uint64_t end)
{
    uint64_t step = line_size();
    for (uint64_t at = base; at < end; at += step)
        __asm__ volatile("dc civac, %0" : : "r"(at) : "memory");
    dsb(sy);
}

void arch_scrub(paddr_t base, uint64_t size)
{
    uint64_t window = window_address();
    uint64_t *entries = page_entry(window);
    unsigned pages = (unsigned)(size >> PAGE_SHIFT);
    ASSERT(size <= ARCH_SCRUB_STEP && page_aligned(base.raw) && page_aligned(size));
    for (unsigned i = 0; i < pages; i++)
        entries[i] = (base.raw + i * PAGE_SIZE) | PAGE_DATA;
    publish();
    zero(window, window + size);
    clean_invalidate(window, window + size);
    for (unsigned i = 0; i < pages; i++)
        entries[i] = 0;
    forget(window, pages);
}

_Static_assert(ARCH_SCRUB_STEP == WINDOW_PAGES * PAGE_SIZE, "a step of scrubbing fills the window");
_Static_assert(CPUS_MAX == 8, "layout.h and kernel.lds have room for eight windows and stacks");
_Static_assert(AREA_MAX / BLOCK_SIZE <= WINDOW_PAGES, "the area's tables are scrubbed in one step");
