/* Reading the firmware's tree (Devicetree Specification 0.4; interrupts as in the binding arm,gic). */
#include "firmware.h"

#include "log.h"
#include "string.h"
#include "tree_check.h"

#include <libfdt.h>
#include <stddef.h>

static const void *tree;

void firmware_open(const void *blob, uint64_t size)
{
    int status = tree_check(blob, size);
    if (status)
        log_fail("the firmware's device tree is damaged: %s\n", fdt_strerror(status));
    tree = blob;
}

int firmware_find(const char *path)
{
    return fdt_path_offset(tree, path);
}

static uint32_t get_u32(int node, const char *name, uint32_t otherwise)
{
    int size;
    const fdt32_t *value = fdt_getprop(tree, node, name, &size);
    return value && size >= 4 ? fdt32_ld(value) : otherwise;
}

static bool node_enabled(int node)
{
    const char *status = fdt_getprop(tree, node, "status", NULL);
    return !status || !strcmp(status, "okay") || !strcmp(status, "ok");
}

/* What the component "uart" has drivers for. */
static const struct {
    const char *compatible;
    enum uart_kind kind;
} uarts[] = {
    {"arm,pl011", UART_PL011},
    {"cdns,uart-r1p12", UART_CADENCE},
    {"xlnx,xuartps", UART_CADENCE},
};

static bool node_is_uart(int node, enum uart_kind *kind)
{
    for (unsigned i = 0; node >= 0 && i < sizeof uarts / sizeof uarts[0]; i++)
        if (!fdt_node_check_compatible(tree, node, uarts[i].compatible)) {
            *kind = uarts[i].kind;
            return node_enabled(node);
        }
    return false;
}

static int stdout_node(void)
{
    const char *path = fdt_getprop(tree, fdt_path_offset(tree, "/chosen"), "stdout-path", NULL);
    if (!path)
        return -FDT_ERR_NOTFOUND;
    const char *colon = strchr(path, ':'); /* options follow: "serial0:115200n8" */
    return fdt_path_offset_namelen(tree, path, colon ? (int)(colon - path) : (int)strlen(path));
}

int firmware_find_uart(enum uart_kind *kind)
{
    int node = stdout_node();
    if (node_is_uart(node, kind))
        return node;
    node = fdt_next_node(tree, -1, NULL);
    while (node >= 0 && !node_is_uart(node, kind))
        node = fdt_next_node(tree, node, NULL);
    return node;
}

static uint64_t read_cells(const fdt32_t *cells, uint32_t count)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < count; i++)
        value = value << 32 | fdt32_ld(cells + i);
    return value;
}

/* Addresses of a node are the processor's if every bus above it says so by an empty `ranges`. */
static bool bus_is_identity(int node)
{
    for (int bus = fdt_parent_offset(tree, node); bus > 0; bus = fdt_parent_offset(tree, bus)) {
        int size;
        if (!fdt_getprop(tree, bus, "ranges", &size) || size)
            return false;
    }
    return true;
}

static const char *read_ranges(int node, struct firmware_device *device)
{
    int parent = fdt_parent_offset(tree, node), size = 0;
    uint32_t address_cells = get_u32(parent, "#address-cells", 2), size_cells = get_u32(parent, "#size-cells", 1);
    const fdt32_t *reg = fdt_getprop(tree, node, "reg", &size);
    if (address_cells > 2 || size_cells > 2 || !bus_is_identity(node))
        return "it lies behind a bus that translates addresses";
    uint32_t cells = address_cells + size_cells, count = reg && cells ? (uint32_t)size / 4 / cells : 0;
    if (count > FIRMWARE_RANGES)
        return "it has more register ranges than are supported";
    for (uint32_t i = 0; i < count; i++, reg += cells) {
        device->ranges[i].base = read_cells(reg, address_cells);
        device->ranges[i].size = read_cells(reg + address_cells, size_cells);
    }
    device->range_count = count;
    return NULL;
}

/* Of the node or the nearest one above it that names one. */
static uint32_t interrupt_parent(int node)
{
    for (; node >= 0; node = fdt_parent_offset(tree, node)) {
        uint32_t phandle = get_u32(node, "interrupt-parent", 0);
        if (phandle)
            return phandle;
    }
    return 0;
}

static const char *read_irqs(int node, struct firmware_device *device)
{
    enum { CELLS = 3, SPI = 0, SPI_BASE = 32, EDGE_FLAGS = 3 };
    int size;
    const fdt32_t *cells = fdt_getprop(tree, node, "interrupts", &size);
    if (!cells)
        return NULL;
    int controller = fdt_node_offset_by_phandle(tree, interrupt_parent(node));
    if (controller < 0 || get_u32(controller, "#interrupt-cells", 0) != CELLS)
        return "its interrupts do not go to the GIC";
    uint32_t count = (uint32_t)size / 4 / CELLS;
    if (count > FIRMWARE_IRQS)
        return "it has more interrupts than are supported";
    for (uint32_t i = 0; i < count; i++, cells += CELLS) {
        if (fdt32_ld(cells) != SPI)
            return "it has an interrupt that is private to a processor";
        device->irqs[i] = (struct firmware_irq){fdt32_ld(cells + 1) + SPI_BASE, fdt32_ld(cells + 2) & EDGE_FLAGS};
    }
    device->irq_count = count;
    return NULL;
}

const char *firmware_read_device(int node, struct firmware_device *device)
{
    *device = (struct firmware_device){0};
    const char *wrong = read_ranges(node, device);
    return wrong ? wrong : read_irqs(node, device);
}

const char *firmware_reserved(int node)
{
    const char *type = fdt_getprop(tree, node, "device_type", NULL);
    enum uart_kind kind;
    if (node == firmware_find_uart(&kind))
        return "the board's UART, which belongs to the component \"uart\"";
    if (fdt_getprop(tree, node, "interrupt-controller", NULL))
        return "an interrupt controller, which belongs to the kernel";
    if (type && (!strcmp(type, "memory") || !strcmp(type, "cpu")))
        return "memory or a processor";
    if (!fdt_getprop(tree, node, "reg", NULL))
        return "not a device with registers";
    return NULL;
}

const void *firmware_seed(uint32_t *size)
{
    int length = 0;
    const void *seed = fdt_getprop(tree, fdt_path_offset(tree, "/chosen"), "rng-seed", &length);
    *size = seed ? (uint32_t)length : 0;
    return length > 0 ? seed : NULL;
}
