/*
 * The board from the firmware's device tree: RAM, CPUs, GIC, timer, PSCI, UART; and the package behind the image. What the kernel
 * cannot do without is looked for at the end, so that an odd tree is told apart from one that lacks something.
 */
#include "board.h"
#include "console.h"
#include "layout.h"
#include "log.h"
#include "mmu.h"
#include "sysreg.h"
#include "tree.h"

#include <bulkhead/package.h>
#include <string.h>

enum {
    FDT_SIZE_MAX = 0x200000, /* Linux boot protocol */
    PPI_FIRST = 16,
    INTERRUPT_IS_PPI = 1, /* first cell of `interrupts` below a GIC */
    TIMER_VIRTUAL = 2,    /* place in a timer's `interrupts` */
    TIMER_HYP = 3,
    MAINTENANCE_USUAL = 25,
    ALIAS_SIZE = 32,
};

#define RAM_BASE_OF_EMULATORS UINT64_C(0x40000000) /* where QEMU leaves the tree for an ELF file */

struct platform platform;
struct board board;
static bool boot_cpu_listed;
/* Nodes that are found before they are asked for; depth 0: not yet. On the stack of platform_init(), for they are large. */
static struct {
    struct tree_node timer, gic, chosen, aliases, uart;
} *found;
static const char *stdout_path;

/* --- ranges ----------------------------------------------------------------------------------------------------------- */

struct range platform_reserve(struct range range)
{
    if (!range.size)
        return range;
    if (platform.reserved_count == PLATFORM_RANGES)
        panic("device tree: more than %u reserved stretches of memory", PLATFORM_RANGES);
    platform.reserved[platform.reserved_count++] = range;
    return range;
}

static void ram_add(struct range range)
{
    uint64_t base = page_round_up(range.base.raw), end = (range.base.raw + range.size) & ~(uint64_t)(PAGE_SIZE - 1);
    unsigned at = platform.ram_count;
    if (base >= end)
        return;
    if (at == PLATFORM_RANGES) {
        log_print("bulkhead: memory at %lx left unused: more than %u banks\n", base, PLATFORM_RANGES);
        return;
    }
    for (; at > 0 && platform.ram[at - 1].base.raw > base; at--)
        platform.ram[at] = platform.ram[at - 1];
    platform.ram[at] = (struct range){paddr(base), end - base};
    platform.ram_count++;
}

static struct range reg_need(const struct tree_node *node, unsigned index)
{
    struct range range;
    if (!tree_reg(node, index, &range))
        panic("device tree: node %s: no usable entry %u in property reg", tree_name(node), index);
    return range;
}

/* --- nodes ------------------------------------------------------------------------------------------------------------ */

static void memory_found(const struct tree_node *node)
{
    struct range range;
    for (unsigned i = 0; tree_reg(node, i, &range); i++)
        ram_add(range);
}

/* Without a reg it is a wish to the operating system for some memory, no matter where. */
static void reserved_found(const struct tree_node *node)
{
    struct range range;
    uint32_t size;
    if (!tree_property(node, "reg", &size))
        return;
    platform_reserve(reg_need(node, 0));
    for (unsigned i = 1; tree_reg(node, i, &range); i++)
        platform_reserve(range);
}

/* In the tree's order, but the CPU that booted is the first. */
static void cpu_found(const struct tree_node *node)
{
    uint64_t mpidr;
    if (!tree_reg_value(node, &mpidr))
        panic("device tree: node %s: property reg is missing", tree_name(node));
    mpidr &= MPIDR_AFFINITY;
    if (mpidr == board.mpidr[0])
        boot_cpu_listed = true;
    else if (platform.cpus < CPUS_MAX)
        board.mpidr[platform.cpus++] = mpidr;
}

static void gicv2_found(const struct tree_node *node)
{
    if (found->gic.depth)
        return;
    found->gic = *node;
    platform.variant = 2;
    board.distributor = platform_reserve(reg_need(node, 0));
    board.cpu_interface = platform_reserve(reg_need(node, 1));
    board.virtual_control = platform_reserve(reg_need(node, 2));
    platform.guest_device = reg_need(node, 3);
}

static void gicv3_found(const struct tree_node *node)
{
    uint32_t regions = tree_cell(node, "#redistributor-regions", 0, 1);
    if (found->gic.depth)
        return;
    if (regions > BOARD_REDISTRIBUTORS)
        panic("device tree: node %s: property #redistributor-regions is more than %u", tree_name(node), BOARD_REDISTRIBUTORS);
    found->gic = *node;
    platform.variant = 3;
    board.distributor = platform_reserve(reg_need(node, 0));
    for (unsigned i = 0; i < regions; i++)
        board.redistributors[i] = platform_reserve(reg_need(node, 1 + i));
    board.redistributor_count = regions;
    board.redistributor_stride = tree_cell(node, "redistributor-stride", 1, 0); /* low half of two cells */
}

/* Whoever commands it writes to any memory: nobody gets it. */
static void its_found(const struct tree_node *node)
{
    platform_reserve(reg_need(node, 0));
}

static void timer_found(const struct tree_node *node)
{
    found->timer = *node;
}

static void psci_found(const struct tree_node *node)
{
    bool numbered = tree_string_is(node, "compatible", "arm,psci-0.2") || tree_string_is(node, "compatible", "arm,psci-1.0");
    if (!tree_string_is(node, "method", "smc"))
        panic("device tree: node %s: property method is not \"smc\": the firmware cannot be called from EL2", tree_name(node));
    board.psci_on = numbered ? 0xc4000003 : tree_cell(node, "cpu_on", 0, 0);
    board.psci_off = numbered ? 0x84000008 : 0;
    board.psci_reset = numbered ? 0x84000009 : 0;
}

static const struct uart_kind *uart_kind(const struct tree_node *node)
{
    uint32_t size;
    const char *list = tree_known(node, TREE_COMPATIBLE, &size);
    for (const char *text = NULL; (text = tree_list_next(list, size, text));) {
        for (unsigned i = 0; console_kind(i); i++) {
            if (strcmp(text, console_kind(i)->compatible) == 0)
                return console_kind(i);
        }
    }
    return NULL;
}

/* The console: the UART that stdout-path names, else the first. */
static void visit_uart(const struct tree_node *node)
{
    struct range range;
    const struct uart_kind *kind = uart_kind(node);
    bool named = kind && stdout_path && tree_path_is(node, stdout_path);
    if (kind && (!board.uart || named) && tree_reg(node, 0, &range)) {
        board.uart = kind;
        platform.console = range.base;
        found->uart = *node;
    }
}

static void visit_first(const struct tree_node *node)
{
    visit_uart(node);
    if (node->depth == 1 && strcmp(tree_name(node), "chosen") == 0)
        found->chosen = *node;
    if (node->depth == 1 && strcmp(tree_name(node), "aliases") == 0)
        found->aliases = *node;
}

struct kind {
    const char *value;
    void (*found)(const struct tree_node *node);
};
static const struct kind by_compatible[] = {
    {"arm,cortex-a15-gic", gicv2_found}, {"arm,gic-400", gicv2_found},  {"arm,cortex-a7-gic", gicv2_found},
    {"arm,gic-v3", gicv3_found},         {"arm,gic-v3-its", its_found}, {"arm,armv8-timer", timer_found},
    {"arm,psci-0.2", psci_found},        {"arm,psci-1.0", psci_found},  {"arm,psci", psci_found},
};
static const struct kind by_device_type[] = {{"memory", memory_found}, {"cpu", cpu_found}};

static void dispatch(const struct tree_node *node, enum tree_known property, const struct kind *kinds, unsigned count)
{
    uint32_t size;
    const char *list = tree_known(node, property, &size);
    for (const char *text = NULL; (text = tree_list_next(list, size, text));) {
        for (unsigned i = 0; i < count; i++) {
            if (strcmp(text, kinds[i].value) == 0) {
                kinds[i].found(node);
                return;
            }
        }
    }
}

static void visit(const struct tree_node *node)
{
    if (node->depth == 2 && strcmp(node->path[1].name, "reserved-memory") == 0) {
        reserved_found(node);
        return;
    }
    dispatch(node, TREE_COMPATIBLE, by_compatible, ARRAY_SIZE(by_compatible));
    dispatch(node, TREE_DEVICE_TYPE, by_device_type, ARRAY_SIZE(by_device_type));
}

/* --- what needs several nodes ------------------------------------------------------------------------------------------ */

/* Number of a PPI: entry `index` of the node's `interrupts`; 0: there is none. */
static unsigned ppi_number(const struct tree_node *node, unsigned index)
{
    unsigned first = index * tree_cell(&found->gic, "#interrupt-cells", 0, 3);
    if (tree_cell(node, "interrupts", first, ~0u) != INTERRUPT_IS_PPI)
        return 0;
    return PPI_FIRST + (tree_cell(node, "interrupts", first + 1, 0) & 0xf);
}

static void interrupts_find(void)
{
    if (!found->gic.depth)
        panic("device tree: no node compatible with arm,gic-v3, arm,gic-400 or arm,cortex-a15-gic");
    if (!found->timer.depth)
        panic("device tree: no node compatible with arm,armv8-timer");
    board.virtual_timer = ppi_number(&found->timer, TIMER_VIRTUAL);
    board.hyp_timer = ppi_number(&found->timer, TIMER_HYP);
    if (!board.virtual_timer || !board.hyp_timer)
        panic("device tree: node %s: property interrupts lacks the virtual or the hypervisor's timer", tree_name(&found->timer));
    unsigned maintenance = ppi_number(&found->gic, 0);
    board.maintenance = maintenance ? maintenance : MAINTENANCE_USUAL;
}

static void reservations_find(void)
{
    struct range range;
    for (unsigned i = 0; tree_reservation(i, &range); i++)
        platform_reserve(range);
}

/* What an alias stands for; a path stands for itself. Its options after a colon do not matter. */
static const char *path_resolve(const char *path)
{
    char alias[ALIAS_SIZE] = "";
    uint32_t size;
    if (!path || *path == '/' || !found->aliases.depth)
        return path;
    for (unsigned i = 0; i + 1 < ALIAS_SIZE && path[i] && path[i] != ':'; i++)
        alias[i] = path[i];
    return tree_property(&found->aliases, alias, &size);
}

static void console_find(void)
{
    uint32_t size;
    tree_walk(visit_first);
    if (found->chosen.depth)
        stdout_path = path_resolve(tree_property(&found->chosen, "stdout-path", &size));
    if (stdout_path && !(board.uart && tree_path_is(&found->uart, stdout_path)))
        tree_walk(visit_uart);
    if (board.uart)
        console_init(platform.console, board.uart);
}

static void check(void)
{
    if (!platform.ram_count)
        panic("device tree: no node with device_type \"memory\" and a usable property reg");
    if (!boot_cpu_listed)
        panic("device tree: no node with device_type \"cpu\" and property reg %lx, which is this CPU's", board.mpidr[0]);
    if (!board.psci_on)
        panic("device tree: no node compatible with arm,psci-0.2 (or arm,psci with property cpu_on)");
}

/* --- package ------------------------------------------------------------------------------------------------------------ */

/* Whether it lies in RAM with its table; of a damaged one nothing is mapped. */
static bool package_sound(const struct package_header *header, uint64_t base)
{
    for (unsigned i = 0; i < platform.ram_count; i++) {
        uint64_t offset = base - platform.ram[i].base.raw;
        if (offset < platform.ram[i].size && header->size <= platform.ram[i].size - offset)
            return header->count <= header->size / sizeof(header->entries[0]);
    }
    return false;
}

/* The only member that the kernel wants. */
static paddr_t root_find(const struct package_header *header, uint64_t base)
{
    for (unsigned i = 0; i < header->count; i++) {
        if (strcmp(header->entries[i].name, "root"))
            continue;
        if (header->entries[i].offset > header->size - sizeof(struct component_header))
            panic("the package behind the kernel is damaged: \"root\" lies outside");
        return paddr(base + header->entries[i].offset);
    }
    panic("no member \"root\" behind the kernel: this is not an image that `bulkhead pack` wrote");
}

/* The table, and the first page of root's program, are all that the kernel reads of it. */
static void package_find(void)
{
    paddr_t base = paddr((uint64_t)_image_end);
    const struct package_header *header = mmu_map_constant(base, sizeof(*header));
    if (header->magic != PACKAGE_MAGIC || header->version != PACKAGE_VERSION)
        panic("no package behind the kernel: boot an image that `bulkhead pack` wrote");
    if (!package_sound(header, base.raw))
        panic("the package behind the kernel is damaged: pack the image again");
    mmu_map_constant(base, sizeof(*header) + header->count * sizeof(header->entries[0]));
    platform.package = (struct range){base, page_round_up(header->size)};
    platform.root_memory = header->root_memory;
    platform.root = root_find(header, base.raw);
    mmu_map_constant(platform.root, sizeof(struct component_header));
}

/* --- all of it ------------------------------------------------------------------------------------------------------------ */

static bool fdt_open(uint64_t at)
{
    paddr_t base = paddr(at);
    const void *fdt = mmu_map_blocks(base, PAGE_SIZE);
    uint32_t size = tree_size(fdt);
    if (!size || size > FDT_SIZE_MAX) {
        mmu_unmap_blocks(base, PAGE_SIZE);
        return false;
    }
    mmu_map_blocks(base, size);
    platform.fdt = (struct range){base, size};
    tree_open(fdt);
    if (!tree_check())
        panic("the device tree at %lx is damaged", at);
    return true;
}

/* Where the loader says, or, for an ELF file, where emulators put it. */
static void fdt_find(uint64_t hint)
{
    bool plausible = hint && hint % 8 == 0 && !(hint >> KERNEL_VA_BITS);
    if (!(plausible && fdt_open(hint)) && !fdt_open(RAM_BASE_OF_EMULATORS))
        panic("no device tree at %lx", hint); /* nobody can read it, but a debugger */
}

static uint64_t address_limit(void)
{
    static const uint8_t bits[] = {32, 36, 40, 42, 44, 48, 52};
    uint64_t range = read_sysreg(id_aa64mmfr0_el1) & 0xf;
    uint8_t limit = range < ARRAY_SIZE(bits) ? bits[range] : 48;
    return UINT64_C(1) << (limit > 48 ? 48 : limit);
}

__attribute__((noinline)) void platform_init(uint64_t fdt)
{
    found = &(__typeof__(*found)){0};
    fdt_find(fdt);
    platform.image = (struct range){paddr((uint64_t)_image_start), (uint64_t)(_image_end - _image_start)};
    platform.physical_limit = address_limit();
    platform.cpus = 1;
    board.mpidr[0] = read_sysreg(mpidr_el1) & MPIDR_AFFINITY;
    console_find();
    reservations_find();
    tree_walk(visit);
    check();
    interrupts_find();
    mmu_unmap_blocks(platform.fdt.base, platform.fdt.size);
    package_find();
}
