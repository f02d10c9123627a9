/* The reader of system descriptions: one table of properties per kind of node, one function per type of value. */
#include "description_reader.h"

#include <libfdt.h>

/* One property that a kind of node may have. `offset` is that of the field in the node's structure. */
struct rule {
    const char *name;
    void (*read)(const struct reader *reader, const struct rule *rule, const struct value *value, void *object);
    size_t offset;
    bool required;
    uint32_t min, max;
    const char *example;
};

static bool name_is_valid(const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < length; i++)
        if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') || name[i] == '-'))
            return false;
    return length > 0 && length < DESCRIPTION_NAME_SIZE;
}

/* The types of values. */

static void *field_of(const struct rule *rule, void *object)
{
    return (char *)object + rule->offset;
}

static void read_nothing(const struct reader *reader, const struct rule *rule, const struct value *value, void *object)
{
    (void)reader, (void)rule, (void)value, (void)object;
}

static void read_text(const struct reader *reader, const struct rule *rule, const struct value *value, void *object)
{
    const char *text = value_text(value);

    if (text == NULL)
        REPORT(reader, value->node, value->name, "must be one string that is not empty, such as ", rule->example);
    *(const char **)field_of(rule, object) = text;
}

/* Unlike the others, these may be empty. */
static void read_bootargs(const struct reader *reader, const struct rule *rule, const struct value *value, void *object)
{
    if (value->length != 1)
        read_text(reader, rule, value, object);
}

static void read_name(const struct reader *reader, const struct rule *rule, const struct value *value, void *object)
{
    const char *text = value_text(value);

    if (text == NULL || !name_is_valid(text))
        REPORT(reader, value->node, value->name, "must be one name of at most 15 of a-z, 0-9 and -, such as ", rule->example);
    else if (text_is(text, "root") || text_is(text, "vmm") || text_is(text, "uart"))
        REPORT(reader, value->node, value->name, "\"", text, "\" is started by Bulkhead itself; name an image of your own");
    else
        *(const char **)field_of(rule, object) = text;
}

static void read_memory(const struct reader *reader, const struct rule *rule, const struct value *value, void *object)
{
    const char *text = value_text(value);
    uint64_t bytes = 0;

    if (text == NULL || !description_parse_size(text, &bytes))
        REPORT(reader, value->node, value->name, "must be a string with a number and K, M or G, such as ", rule->example);
    else if (bytes == 0 || bytes % DESCRIPTION_MEMORY_UNIT != 0)
        REPORT(reader, value->node, value->name, "must be a multiple of 2M and not zero, not ", text);
    else if (bytes > DESCRIPTION_MEMORY_MAX)
        REPORT(reader, value->node, value->name, "must be at most 512G, not ", text);
    else
        *(uint64_t *)field_of(rule, object) = bytes;
}

static void read_number(const struct reader *reader, const struct rule *rule, const struct value *value, void *object)
{
    struct decimal min, max, given;
    uint32_t number;

    if (value->length != 4) {
        REPORT(reader, value->node, value->name, "must be one number, such as ", rule->example);
        return;
    }
    number = value_cell(value, 0);
    if (number < rule->min || number > rule->max)
        REPORT(reader, value->node, value->name, "must be from ", decimal_format(&min, rule->min), " to ",
               decimal_format(&max, rule->max), ", not ", decimal_format(&given, number));
    else
        *(uint32_t *)field_of(rule, object) = number;
}

static void read_flag(const struct reader *reader, const struct rule *rule, const struct value *value, void *object)
{
    if (value->length != 0)
        REPORT(reader, value->node, value->name, "takes no value; write ", rule->example);
    *(bool *)field_of(rule, object) = true;
}

static void read_action(const struct reader *reader, const struct rule *rule, const struct value *value, void *object)
{
    enum description_action *action = field_of(rule, object);
    const char *text = value_text(value);

    if (text != NULL && text_is(text, "restart"))
        *action = DESCRIPTION_RESTART;
    else if (text != NULL && text_is(text, "stop"))
        *action = DESCRIPTION_STOP;
    else
        REPORT(reader, value->node, value->name, "must be \"restart\" or \"stop\"");
}

/* Two numbers, the second no less than the first. */
static void read_delays(const struct reader *reader, const struct rule *rule, const struct value *value, void *object)
{
    struct description_restart *restart = field_of(rule, object);
    struct decimal max;

    if (value->length != 8 || value_cell(value, 0) > value_cell(value, 1) || value_cell(value, 1) > rule->max) {
        REPORT(reader, value->node, value->name, "must be two numbers of milliseconds, the delay before the first restart and the longest, up to ",
               decimal_format(&max, rule->max), ", such as ", rule->example);
        return;
    }
    restart->first_ms = value_cell(value, 0);
    restart->most_ms = value_cell(value, 1);
}

static void read_cpus(const struct reader *reader, const struct rule *rule, const struct value *value, void *object)
{
    struct description_vm *vm = object;
    struct decimal max, given;

    if (value->length == 0 || value->length % 4 != 0 || value->length / 4 > DESCRIPTION_MAX_VCPUS) {
        REPORT(reader, value->node, value->name, "must be 1 to 8 numbers, the host CPU of each vCPU, such as ", rule->example);
        return;
    }
    vm->vcpu_count = value->length / 4;
    for (uint32_t i = 0; i < vm->vcpu_count; i++) {
        vm->cpus[i] = value_cell(value, i);
        if (vm->cpus[i] > rule->max)
            REPORT(reader, value->node, value->name, "host CPUs are numbered from 0 to ", decimal_format(&max, rule->max),
                   ", not ", decimal_format(&given, vm->cpus[i]));
    }
}

/* Names are looked up later, when all components are known: see resolve_doorbells. */
static void read_doorbells(const struct reader *reader, const struct rule *rule, const struct value *value, void *object)
{
    (void)object;
    if (!value_is_list(value))
        REPORT(reader, value->node, value->name, "must be different names of components, such as ", rule->example);
}

/* As above: see resolve_manages. */
static void read_manages(const struct reader *reader, const struct rule *rule, const struct value *value, void *object)
{
    (void)object;
    if (!value_is_list(value))
        REPORT(reader, value->node, value->name, "must be different names of VMs and components, or \"uart\", such as ", rule->example);
}

static void read_devices(const struct reader *reader, const struct rule *rule, const struct value *value, void *object)
{
    struct description_vm *vm = object;
    uint32_t position = 0;
    const char *text;

    if (!value_is_list(value)) {
        REPORT(reader, value->node, value->name, "must be different paths in the firmware's device tree, such as ",
               rule->example);
        return;
    }
    while ((text = value_next(value, &position)) != NULL) {
        if (text[0] != '/')
            REPORT(reader, value->node, value->name, "\"", text, "\" is not a full path; write it like ", rule->example);
        else if (vm->device_count == DESCRIPTION_MAX_DEVICES)
            REPORT(reader, value->node, value->name, "has more than 8 devices; \"", text, "\" is one too many");
        else
            vm->devices[vm->device_count++] = text;
    }
}

static void read_path(const struct reader *reader, const struct rule *rule, const struct value *value, void *object)
{
    const char *text = value_text(value);

    if (text == NULL || text[0] != '/')
        REPORT(reader, value->node, value->name, "must be one full path in the firmware's device tree, such as ", rule->example);
    else
        *(const char **)field_of(rule, object) = text;
}

static void read_driver(const struct reader *reader, const struct rule *rule, const struct value *value, void *object)
{
    (void)object;
    if (value_text(value) == NULL)
        REPORT(reader, value->node, value->name, "must be the name of one driver, such as ", rule->example);
}

/* The kinds of nodes. */

#define VM(field) offsetof(struct description_vm, field)
#define COMPONENT(field) offsetof(struct description_component, field)

/* Rules of what may be restarted; `field` is its struct description_restart. */
#define RESTART_RULES(field)                                                                                                        \
    {.name = "restart-delay", .read = read_delays, .offset = (field), .max = DESCRIPTION_MAX_RESTART_MS,                            \
     .example = "restart-delay = <100 10000>"},                                                                                     \
    {.name = "restart-stable", .read = read_number, .offset = (field) + offsetof(struct description_restart, stable_ms),            \
     .max = DESCRIPTION_MAX_RESTART_MS, .example = "restart-stable = <60000>"},                                                     \
    {.name = "restart-limit", .read = read_number, .offset = (field) + offsetof(struct description_restart, limit),                 \
     .max = 1000000, .example = "restart-limit = <10>"}

static const struct rule system_rules[] = {
    {.name = "compatible", .read = read_nothing},
    {.name = "audit", .read = read_flag, .offset = offsetof(struct description, audit), .example = "audit"},
    {.name = NULL},
};

static const struct rule vm_rules[] = {
    {.name = "compatible", .read = read_nothing},
    {.name = "kernel", .read = read_text, .offset = VM(kernel), .example = "kernel = \"Image\""},
    {.name = "initrd", .read = read_text, .offset = VM(initrd), .example = "initrd = \"initrd.gz\""},
    {.name = "firmware", .read = read_text, .offset = VM(firmware), .example = "firmware = \"u-boot.bin\""},
    {.name = "flash", .read = read_text, .offset = VM(flash), .example = "flash = \"vars.fd\""},
    {.name = "dtb", .read = read_text, .offset = VM(dtb), .example = "dtb = \"guest.dtb\""},
    {.name = "bootargs", .read = read_bootargs, .offset = VM(bootargs), .example = "bootargs = \"console=ttyAMA0\""},
    {.name = "memory", .read = read_memory, .offset = VM(memory), .required = true, .example = "memory = \"512M\""},
    {.name = "cpus", .read = read_cpus, .required = true, .max = DESCRIPTION_MAX_CPUS - 1, .example = "cpus = <1 2>"},
    {.name = "priority", .read = read_number, .offset = VM(priority), .min = DESCRIPTION_VM_PRIORITY_MIN,
     .max = DESCRIPTION_VM_PRIORITY_MAX, .example = "priority = <10>"},
    {.name = "focus", .read = read_flag, .offset = VM(focus), .example = "focus"},
    {.name = "on-reset", .read = read_action, .offset = VM(on_reset)},
    {.name = "on-crash", .read = read_action, .offset = VM(on_crash)},
    RESTART_RULES(VM(restart)),
    {.name = "doorbells", .read = read_doorbells, .example = "doorbells = \"probe\""},
    {.name = "devices", .read = read_devices, .example = "devices = \"/pl031@9010000\""},
    {.name = NULL},
};

static const struct rule component_rules[] = {
    {.name = "compatible", .read = read_nothing},
    {.name = "image", .read = read_name, .offset = COMPONENT(image), .required = true, .example = "image = \"probe\""},
    {.name = "cpu", .read = read_number, .offset = COMPONENT(cpu), .max = DESCRIPTION_MAX_CPUS - 1, .example = "cpu = <0>"},
    {.name = "priority", .read = read_number, .offset = COMPONENT(priority), .min = DESCRIPTION_COMPONENT_PRIORITY_MIN,
     .max = DESCRIPTION_COMPONENT_PRIORITY_MAX, .example = "priority = <41>"},
    {.name = "arguments", .read = read_bootargs, .offset = COMPONENT(arguments), .example = "arguments = \"seed=1\""},
    {.name = "on-crash", .read = read_action, .offset = COMPONENT(on_crash)},
    RESTART_RULES(COMPONENT(restart)),
    {.name = "manages", .read = read_manages, .example = "manages = \"linux\", \"uart\""},
    {.name = NULL},
};

#define DISK(field) offsetof(struct description_disk, field)

static const struct rule blk_rules[] = {
    {.name = "compatible", .read = read_nothing},
    {.name = "device", .read = read_path, .offset = COMPONENT(device), .required = true, .example = "device = \"/virtio_mmio@a000000\""},
    {.name = "dma-trusted", .read = read_flag, .offset = COMPONENT(dma_trusted), .example = "dma-trusted"},
    {.name = "image", .read = read_text, .offset = COMPONENT(disk_image), .example = "image = \"disk.img\""},
    {.name = "cpu", .read = read_number, .offset = COMPONENT(cpu), .max = DESCRIPTION_MAX_CPUS - 1, .example = "cpu = <0>"},
    {.name = "priority", .read = read_number, .offset = COMPONENT(priority), .min = DESCRIPTION_COMPONENT_PRIORITY_MIN,
     .max = DESCRIPTION_COMPONENT_PRIORITY_MAX, .example = "priority = <41>"},
    {.name = "on-crash", .read = read_action, .offset = COMPONENT(on_crash)},
    RESTART_RULES(COMPONENT(restart)),
    {.name = NULL},
};

/* Drivers are looked up later: see resolve_disks. */
static const struct rule disk_rules[] = {
    {.name = "compatible", .read = read_nothing},
    {.name = "driver", .read = read_driver, .required = true, .example = "driver = \"blk0\""},
    {.name = "partition", .read = read_number, .offset = DISK(partition), .min = 1, .max = DESCRIPTION_MAX_PARTITION,
     .example = "partition = <1>"},
    {.name = "read-only", .read = read_flag, .offset = DISK(read_only), .example = "read-only"},
    {.name = "bounce", .read = read_flag, .offset = DISK(bounce), .example = "bounce"},
    {.name = NULL},
};

static const struct rule uart_rules[] = {
    {.name = "compatible", .read = read_nothing},
    {.name = "cpu", .read = read_number, .offset = offsetof(struct description, uart_cpu), .max = DESCRIPTION_MAX_CPUS - 1,
     .example = "cpu = <0>"},
    RESTART_RULES(offsetof(struct description, uart_restart)),
    {.name = NULL},
};

static const struct rule *rule_find(const struct rule *rules, const char *name)
{
    for (; rules->name != NULL; rules++)
        if (text_is(rules->name, name))
            return rules;
    return NULL;
}

static void report_unknown_property(const struct reader *reader, const struct rule *rules, int node, const char *name)
{
    char known[DESCRIPTION_MESSAGE_SIZE] = "";

    for (; rules->name != NULL; rules++) {
        reader_append(known, sizeof known, rules->name);
        if (rules[1].name != NULL)
            reader_append(known, sizeof known, ", ");
    }
    REPORT(reader, node, name, "unknown property; this node may have ", known);
}

static void read_property(const struct reader *reader, const struct rule *rules, int node, int property, void *object)
{
    struct value value = {.node = node};
    const struct rule *rule;
    int length = 0;

    value.data = fdt_getprop_by_offset(reader->tree, property, &value.name, &length);
    if (value.data == NULL || length < 0)
        return;
    value.length = (uint32_t)length;
    rule = rule_find(rules, value.name);
    if (rule != NULL)
        rule->read(reader, rule, &value, object);
    else if (!text_is(value.name, "phandle")) /* dtc adds it where a label is used */
        report_unknown_property(reader, rules, node, value.name);
}

static void read_properties(const struct reader *reader, const struct rule *rules, int node, void *object)
{
    int property;

    fdt_for_each_property_offset(property, reader->tree, node)
        read_property(reader, rules, node, property, object);
    for (; rules->name != NULL; rules++)
        if (rules->required && fdt_getprop(reader->tree, node, rules->name, NULL) == NULL)
            REPORT(reader, node, NULL, "has no property \"", rules->name, "\"; add ", rules->example);
}

static void refuse_subnodes(const struct reader *reader, int node)
{
    int child;

    fdt_for_each_subnode(child, reader->tree, node)
        REPORT(reader, child, NULL, "unknown node; only a VM has nodes of its own, its disks");
}

/* Copies a valid name; reports and leaves the field empty otherwise. */
static void read_node_name(const struct reader *reader, int node, char name[DESCRIPTION_NAME_SIZE])
{
    const char *given = fdt_get_name(reader->tree, node, NULL);

    if (given == NULL || !name_is_valid(given))
        REPORT(reader, node, NULL, "a name is at most 15 of a-z, 0-9 and -");
    else
        memcpy(name, given, strlen(given) + 1);
}

static const struct description_restart restart_default = {.first_ms = 100, .most_ms = 10000, .stable_ms = 60000, .limit = 0};

/* What starts a VM: a kernel, or firmware, which may have one as well. */
static void check_start(const struct reader *reader, int node)
{
    bool kernel = fdt_getprop(reader->tree, node, "kernel", NULL) != NULL;
    bool firmware = fdt_getprop(reader->tree, node, "firmware", NULL) != NULL;

    if (!kernel && !firmware)
        REPORT(reader, node, NULL, "has no property \"kernel\"; add kernel = \"Image\", or firmware = \"u-boot.bin\"");
    if (!firmware && fdt_getprop(reader->tree, node, "flash", NULL) != NULL)
        REPORT(reader, node, "flash", "only a VM with firmware has flash memory; add firmware = \"u-boot.bin\" or take this out");
}

static void read_disk(const struct reader *reader, struct description_vm *vm, int node)
{
    struct description_disk *disk = &vm->disks[vm->disk_count];

    if (vm->disk_count == DESCRIPTION_MAX_DISKS) {
        REPORT(reader, node, NULL, "one disk too many; a VM has at most 8");
        return;
    }
    vm->disk_count++;
    disk->node = node;
    disk->driver = UINT32_MAX;
    read_node_name(reader, node, disk->name);
    read_properties(reader, disk_rules, node, disk);
    refuse_subnodes(reader, node);
}

static void read_vm_nodes(const struct reader *reader, struct description_vm *vm)
{
    struct value value;
    int child;

    fdt_for_each_subnode(child, reader->tree, vm->node) {
        value_find(reader, child, "compatible", &value);
        if (value_text(&value) != NULL && text_is(value_text(&value), "bulkhead,disk"))
            read_disk(reader, vm, child);
        else
            REPORT(reader, child, value.data == NULL ? NULL : value.name, "unknown node; a VM's nodes are its disks: compatible = \"bulkhead,disk\"");
    }
}

static void read_vm(const struct reader *reader, int node)
{
    struct description *out = reader->out;
    struct description_vm *vm = &out->vms[out->vm_count];

    if (out->vm_count == DESCRIPTION_MAX_VMS) {
        REPORT(reader, node, NULL, "one VM too many; at most 16 are possible");
        return;
    }
    out->vm_count++;
    vm->node = node;
    vm->priority = DESCRIPTION_VM_PRIORITY_DEFAULT;
    vm->on_reset = DESCRIPTION_RESTART;
    vm->on_crash = DESCRIPTION_STOP;
    vm->restart = restart_default;
    read_node_name(reader, node, vm->name);
    read_properties(reader, vm_rules, node, vm);
    read_vm_nodes(reader, vm);
    check_start(reader, node);
}

/* NULL, after a message: there are too many. */
static struct description_component *add_component(const struct reader *reader, int node)
{
    struct description *out = reader->out;
    struct description_component *component = &out->components[out->component_count];

    if (out->component_count == DESCRIPTION_MAX_COMPONENTS) {
        REPORT(reader, node, NULL, "one component too many; at most 16 are possible, drivers of disks included");
        return NULL;
    }
    out->component_count++;
    component->node = node;
    component->priority = DESCRIPTION_COMPONENT_PRIORITY_MIN;
    component->on_crash = DESCRIPTION_STOP;
    component->restart = restart_default;
    read_node_name(reader, node, component->name);
    return component;
}

static void read_component(const struct reader *reader, int node)
{
    struct description_component *component = add_component(reader, node);

    if (component != NULL)
        read_properties(reader, component_rules, node, component);
    refuse_subnodes(reader, node);
}

static void read_blk(const struct reader *reader, int node)
{
    struct description_component *component = add_component(reader, node);

    refuse_subnodes(reader, node);
    if (component == NULL)
        return;
    component->role = DESCRIPTION_BLK;
    component->image = "blk";
    component->on_crash = DESCRIPTION_RESTART;
    read_properties(reader, blk_rules, node, component);
    if (!component->dma_trusted)
        REPORT(reader, node, NULL, "has no property \"dma-trusted\"; no SMMU covers the device, so whoever drives it reaches all memory by "
               "its DMA. Add dma-trusted if you accept that");
}

static void read_uart(const struct reader *reader, int node)
{
    if (reader->out->uart_node >= 0)
        REPORT(reader, node, NULL, "a second \"bulkhead,uart\"; one driver serves all consoles");
    reader->out->uart_node = node;
    read_properties(reader, uart_rules, node, reader->out);
    refuse_subnodes(reader, node);
}

static void read_node(const struct reader *reader, int node)
{
    static const struct {
        const char *compatible;
        void (*read)(const struct reader *reader, int node);
    } kinds[] = {{"bulkhead,vm", read_vm}, {"bulkhead,component", read_component}, {"bulkhead,blk", read_blk}, {"bulkhead,uart", read_uart}};
    struct value value;
    const char *kind;

    value_find(reader, node, "compatible", &value);
    kind = value_text(&value);
    for (size_t i = 0; kind != NULL && i < sizeof kinds / sizeof kinds[0]; i++)
        if (text_is(kind, kinds[i].compatible)) {
            kinds[i].read(reader, node);
            return;
        }
    REPORT(reader, node, value.data == NULL ? NULL : value.name,
           "unknown node; compatible must be \"bulkhead,vm\", \"bulkhead,component\", \"bulkhead,blk\" or \"bulkhead,uart\"");
    refuse_subnodes(reader, node);
}

static bool tree_is_system(const struct reader *reader)
{
    struct value value;
    const char *kind;

    if (fdt_check_header(reader->tree) != 0) {
        REPORT(reader, -1, NULL, "this is not a flattened device tree");
        return false;
    }
    value_find(reader, 0, "compatible", &value);
    kind = value_text(&value);
    if (kind != NULL && text_is(kind, "bulkhead,system"))
        return true;
    REPORT(reader, 0, value.data == NULL ? NULL : value.name,
           "this is no system description: the root node must have compatible = \"bulkhead,system\"");
    return false;
}

static void read_system(const struct reader *reader)
{
    struct description *out = reader->out;
    int node;

    read_properties(reader, system_rules, 0, out);
    fdt_for_each_subnode(node, reader->tree, 0)
        read_node(reader, node);
    description_resolve(reader);
    if (out->vm_count == 0 && out->component_count == 0)
        REPORT(reader, 0, NULL, "there is no VM; add a node with compatible = \"bulkhead,vm\"");
}

bool description_read(const void *tree, struct description *description, struct description_reporter *reporter)
{
    struct reader reader = {.tree = tree, .out = description, .reporter = reporter};
    uint32_t before = reporter->count;

    memset(description, 0, sizeof *description);
    description->tree = tree;
    description->uart_node = -1;
    description->uart_restart = restart_default;
    if (tree_is_system(&reader))
        read_system(&reader);
    return reporter->count == before;
}
