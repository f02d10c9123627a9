/* Reading the firmware's tree (Devicetree Specification 0.4; interrupts as in the binding arm,gic). */
#include "firmware.h"

#include "string.h"

/* What a walk looks for and finds. */
static const char *wanted_path;
static uint32_t wanted_phandle;
static uint64_t console;
static struct tree_node uart, chosen, found; /* path[0].name is NULL: not found */
static enum uart_kind uart_kind;
static bool uart_is_console;

static bool is_found(const struct tree_node *node)
{
    return node->path[0].name;
}

/* --- what is looked for at start ------------------------------------------------------------------------------------ */

/* What the component "uart" has drivers for. */
static const struct {
    const char *compatible;
    enum uart_kind kind;
} uarts[] = {
    {"arm,pl011", UART_PL011},
    {"cdns,uart-r1p12", UART_CADENCE},
    {"xlnx,xuartps", UART_CADENCE},
};

static bool node_is_uart(const struct tree_node *node, enum uart_kind *kind)
{
    uint32_t size;
    const char *list = tree_known(node, TREE_COMPATIBLE, &size);
    for (const char *text = NULL; (text = tree_list_next(list, size, text));)
        for (unsigned i = 0; i < sizeof uarts / sizeof uarts[0]; i++)
            if (!strcmp(text, uarts[i].compatible)) {
                *kind = uarts[i].kind;
                return true;
            }
    return false;
}

static void visit_first(const struct tree_node *node)
{
    enum uart_kind kind;
    struct range range;
    if (node->depth == 1 && !strcmp(tree_name(node), "chosen"))
        chosen = *node;
    if (uart_is_console || !node_is_uart(node, &kind) || !tree_reg(node, 0, &range))
        return;
    uart_is_console = range.base.raw == console;
    if (uart_is_console || !is_found(&uart)) {
        uart = *node;
        uart_kind = kind;
    }
}

void firmware_open(const void *blob, uint64_t console_registers)
{
    console = console_registers;
    tree_open(blob);
    tree_walk(visit_first);
}

const struct tree_node *firmware_uart(enum uart_kind *kind)
{
    *kind = uart_kind;
    return is_found(&uart) ? &uart : NULL;
}

const void *firmware_seed(uint32_t *size)
{
    const void *seed = is_found(&chosen) ? tree_property(&chosen, "rng-seed", size) : NULL;
    if (!seed)
        *size = 0;
    return *size ? seed : NULL;
}

/* --- nodes ------------------------------------------------------------------------------------------------------------ */

static void visit_path(const struct tree_node *node)
{
    if (!is_found(&found) && tree_path_is(node, wanted_path))
        found = *node;
}

bool firmware_find(const char *path, struct tree_node *node)
{
    found = (struct tree_node){0};
    wanted_path = path;
    tree_walk(visit_path);
    *node = found;
    return is_found(&found);
}

bool firmware_same(const struct tree_node *a, const struct tree_node *b)
{
    return a->path[a->depth].properties == b->path[b->depth].properties;
}

static uint32_t phandle_of(const struct tree_node *node)
{
    return tree_cell(node, "phandle", 0, tree_cell(node, "linux,phandle", 0, 0));
}

static void visit_phandle(const struct tree_node *node)
{
    if (!is_found(&found) && phandle_of(node) == wanted_phandle)
        found = *node;
}

/* The one that the node's interrupts go to: it names it, or the nearest node above it that does. */
static bool controller_find(struct tree_node node, struct tree_node *controller)
{
    found = (struct tree_node){0};
    for (wanted_phandle = 0; node.depth >= 0 && !wanted_phandle; node.depth--)
        wanted_phandle = tree_cell(&node, "interrupt-parent", 0, 0);
    if (wanted_phandle)
        tree_walk(visit_phandle);
    *controller = found;
    return is_found(&found);
}

static const char *read_ranges(const struct tree_node *node, struct firmware_device *device)
{
    uint32_t size;
    struct range range;
    for (unsigned i = 0; tree_reg(node, i, &range); i++) {
        if (i == FIRMWARE_RANGES)
            return "it has more register ranges than are supported";
        device->ranges[i].base = range.base.raw;
        device->ranges[i].size = range.size;
        device->range_count = i + 1;
    }
    return tree_property(node, "reg", &size) && !device->range_count ? "its registers are not where a processor reaches them" : NULL;
}

static const char *read_irqs(const struct tree_node *node, struct firmware_device *device)
{
    enum { CELLS = 3, SPI = 0, SPI_BASE = 32, EDGE_FLAGS = 3 };
    uint32_t size;
    struct tree_node controller;
    if (!tree_property(node, "interrupts", &size))
        return NULL;
    if (!controller_find(*node, &controller) || tree_cell(&controller, "#interrupt-cells", 0, 0) != CELLS)
        return "its interrupts do not go to the GIC";
    uint32_t count = size / 4 / CELLS;
    if (count > FIRMWARE_IRQS)
        return "it has more interrupts than are supported";
    for (uint32_t i = 0; i < count; i++) {
        if (tree_cell(node, "interrupts", i * CELLS, ~0u) != SPI)
            return "it has an interrupt that is private to a processor";
        device->irqs[i] = (struct firmware_irq){tree_cell(node, "interrupts", i * CELLS + 1, 0) + SPI_BASE,
                                                tree_cell(node, "interrupts", i * CELLS + 2, 0) & EDGE_FLAGS};
    }
    device->irq_count = count;
    return NULL;
}

const char *firmware_read_device(const struct tree_node *node, struct firmware_device *device)
{
    *device = (struct firmware_device){0};
    const char *wrong = read_ranges(node, device);
    return wrong ? wrong : read_irqs(node, device);
}

const char *firmware_reserved(const struct tree_node *node)
{
    uint32_t size;
    if (is_found(&uart) && firmware_same(node, &uart))
        return "the board's UART, which belongs to the component \"uart\"";
    if (tree_property(node, "interrupt-controller", &size))
        return "an interrupt controller, which belongs to the kernel";
    if (tree_string_is(node, "device_type", "memory") || tree_string_is(node, "device_type", "cpu"))
        return "memory or a processor";
    if (!tree_property(node, "reg", &size))
        return "not a device with registers";
    return NULL;
}
