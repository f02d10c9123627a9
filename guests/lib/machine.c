/*
 * A minimal reader of the flattened device tree (Devicetree Specification 0.4, chapter 5): one walk over the
 * structure block, each node looked at once its properties are known. `ranges` are taken to be 1:1, which holds for
 * the machines that hypervisors show their guests.
 */
#include "guest.h"

struct machine machine;

enum { FDT_BEGIN_NODE = 1, FDT_END_NODE = 2, FDT_PROP = 3, FDT_NOP = 4, FDT_MAGIC = 0xd00dfeed, MAX_DEPTH = 8 };

struct fdt_header {
    uint32_t magic, totalsize, off_dt_struct, off_dt_strings;
};

/* What we keep of a node. Strings and cells point into the tree. */
struct node {
    bool seen;
    const char *compatible, *device_type, *method, *status, *bootargs;
    uint32_t compatible_length;
    const uint32_t *reg, *interrupts;
    uint32_t reg_cells;
    uint32_t address_cells, size_cells; /* of its children */
};

static uint32_t be32(const uint32_t *cell)
{
    return __builtin_bswap32(*cell);
}

static bool equal(const char *a, const char *b)
{
    while (a && *a && *a == *b) {
        a++;
        b++;
    }
    return a && *a == *b;
}

/* Is `name` one of the strings of the node's `compatible` list? */
static bool compatible(const struct node *node, const char *name)
{
    const char *end = node->compatible + node->compatible_length;
    for (const char *s = node->compatible; s && s < end; s++) {
        if (equal(s, name))
            return true;
        while (s < end && *s)
            s++;
    }
    return false;
}

/* Number made of `cells` cells at index `at` of the node's reg; 0 if it is shorter. */
static uint64_t reg_number(const struct node *node, uint32_t at, uint32_t cells)
{
    uint64_t value = 0;
    if (!node->reg || at + cells > node->reg_cells)
        return 0;
    for (uint32_t i = 0; i < cells; i++)
        value = value << 32 | be32(&node->reg[at + i]);
    return value;
}

/* Address of the node's n-th reg entry. */
static uintptr_t reg_address(const struct node *node, const struct node *parent, uint32_t n)
{
    return reg_number(node, n * (parent->address_cells + parent->size_cells), parent->address_cells);
}

static void see_memory(const struct node *node, const struct node *parent)
{
    uint32_t entry = parent->address_cells + parent->size_cells;
    for (uint32_t at = 0; at + entry <= node->reg_cells; at += entry) {
        uint64_t size = reg_number(node, at + parent->address_cells, parent->size_cells);
        if (size > machine.ram_size) {
            machine.ram = reg_number(node, at, parent->address_cells);
            machine.ram_size = size;
        }
    }
}

/* This CPU's affinity fields, as PSCI and the tree's cpu nodes want them. */
static uint64_t own_mpidr(void)
{
    return read_sysreg(mpidr_el1) & 0xff00ffffffUL;
}

/* The second CPU is the first one listed that is not this one. */
static void see_cpu(const struct node *node, const struct node *parent)
{
    uint64_t mpidr = reg_number(node, 0, parent->address_cells);
    machine.cpus++;
    if (mpidr != own_mpidr() && machine.second_mpidr == own_mpidr())
        machine.second_mpidr = mpidr;
}

static void see_gic(const struct node *node, const struct node *parent, unsigned version)
{
    machine.gic_version = version;
    machine.gicd = reg_address(node, parent, 0);
    machine.gic_cpu = reg_address(node, parent, 1);
}

/* Interrupt cells of the GIC's binding: type 0 is shared, then the number from INTID 32 on. */
static void see_doorbell(const struct node *node, const struct node *parent)
{
    if (machine.doorbell || !node->interrupts)
        return;
    machine.doorbell = reg_address(node, parent, 0);
    machine.doorbell_intid = be32(&node->interrupts[1]) + 32;
}

static void see(struct node *node, const struct node *parent)
{
    if (node->seen || (node->status && !equal(node->status, "okay") && !equal(node->status, "ok")))
        return;
    node->seen = true;
    if (node->bootargs)
        machine.bootargs = node->bootargs;
    if (equal(node->device_type, "memory"))
        see_memory(node, parent);
    else if (equal(node->device_type, "cpu"))
        see_cpu(node, parent);
    else if (compatible(node, "arm,gic-v3"))
        see_gic(node, parent, 3);
    else if (compatible(node, "arm,cortex-a15-gic") || compatible(node, "arm,gic-400"))
        see_gic(node, parent, 2);
    else if (!machine.uart && (compatible(node, "arm,pl011") || compatible(node, "arm,sbsa-uart")))
        machine.uart = reg_address(node, parent, 0);
    else if (compatible(node, "arm,psci-1.0") || compatible(node, "arm,psci-0.2") || compatible(node, "arm,psci"))
        machine.psci_by_smc = equal(node->method, "smc");
    else if (compatible(node, "bulkhead,doorbell"))
        see_doorbell(node, parent);
}

static void property(struct node *node, const char *name, const uint32_t *value, uint32_t length)
{
    if (equal("compatible", name)) {
        node->compatible = (const char *)value;
        node->compatible_length = length;
    } else if (equal("device_type", name)) {
        node->device_type = (const char *)value;
    } else if (equal("method", name)) {
        node->method = (const char *)value;
    } else if (equal("status", name)) {
        node->status = (const char *)value;
    } else if (equal("bootargs", name)) {
        node->bootargs = (const char *)value;
    } else if (equal("reg", name)) {
        node->reg = value;
        node->reg_cells = length / 4;
    } else if (equal("interrupts", name)) {
        node->interrupts = value;
    } else if (equal("#address-cells", name)) {
        node->address_cells = be32(value);
    } else if (equal("#size-cells", name)) {
        node->size_cells = be32(value);
    }
}

static void walk(const struct fdt_header *fdt)
{
    const uint32_t *token = (const uint32_t *)((uintptr_t)fdt + be32(&fdt->off_dt_struct));
    const char *strings = (const char *)fdt + be32(&fdt->off_dt_strings);
    struct node nodes[MAX_DEPTH + 1]; /* the path to the current node; [0] stands for the root's parent */
    unsigned depth = 0;

    nodes[0] = (struct node){.address_cells = 2, .size_cells = 1, .seen = true};
    for (;;) {
        switch (be32(token++)) {
        case FDT_BEGIN_NODE: {
            const char *name = (const char *)token;
            if (depth)
                see(&nodes[depth], &nodes[depth - 1]);
            if (++depth > MAX_DEPTH)
                return;
            nodes[depth] = (struct node){.address_cells = 2, .size_cells = 1};
            while (*name++)
                ;
            token = (const uint32_t *)(((uintptr_t)name + 3) & ~(uintptr_t)3);
            break;
        }
        case FDT_PROP: {
            uint32_t length = be32(token);
            property(&nodes[depth], strings + be32(token + 1), token + 2, length);
            token += 2 + (length + 3) / 4;
            break;
        }
        case FDT_END_NODE:
            if (depth == 0)
                return;
            see(&nodes[depth], &nodes[depth - 1]);
            depth--;
            break;
        case FDT_NOP:
            break;
        default: /* FDT_END, or not a device tree after all */
            return;
        }
    }
}

/* QEMU's `virt` machine: what is left unsaid by the tree, and all of it without one. */
static void fill_with_virt_map(void)
{
    if (!machine.gic_version) {
        machine.gic_version = read_sysreg(id_aa64pfr0_el1) & (0xfUL << 24) ? 3 : 2;
        machine.gicd = 0x08000000;
        machine.gic_cpu = machine.gic_version == 3 ? 0x080a0000 : 0x08010000;
    }
    if (!machine.bootargs)
        machine.bootargs = "";
    if (!machine.uart)
        machine.uart = 0x09000000;
    if (!machine.cpus) { /* try the next one: PSCI says no if there is none */
        machine.cpus = 2;
        machine.second_mpidr++;
    }
    if (!machine.ram_size) {
        machine.ram = 0x40000000;
        machine.ram_size = 128UL << 20;
    }
}

void machine_from_fdt(const void *fdt)
{
    const struct fdt_header *header = fdt;
    bool plausible = (uintptr_t)fdt >= 0x40000000 && ((uintptr_t)fdt & 7) == 0;

    machine = (struct machine){.second_mpidr = own_mpidr()};
    fill_with_virt_map(); /* so that a fault on reading the tree can be printed */
    if (!plausible || be32(&header->magic) != FDT_MAGIC)
        return;
    machine = (struct machine){.second_mpidr = own_mpidr(), .from_fdt = true};
    walk(header);
    fill_with_virt_map();
}
