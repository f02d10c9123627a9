/* The reader of system descriptions: one table of properties per kind of node, one function per type of value. */
#include "description.h"

#include <libfdt.h>
#include <stddef.h>
#include <string.h>

struct reader {
    const void *tree;
    struct description *out;
    struct description_reporter *reporter;
};

struct value {
    int node;
    const char *name;
    const char *data;
    uint32_t length;
};

/* One property that a kind of node may have. `offset` is that of the field in the node's structure. */
struct rule {
    const char *name;
    void (*read)(const struct reader *reader, const struct rule *rule, const struct value *value, void *object);
    size_t offset;
    bool required;
    uint32_t min, max;
    const char *example;
};

static void append_text(char *buffer, size_t size, const char *text)
{
    size_t used = strlen(buffer);
    size_t length = strlen(text);

    if (length > size - 1 - used)
        length = size - 1 - used;
    memcpy(buffer + used, text, length);
    buffer[used + length] = '\0';
}

/* A buffer large enough for a 32-bit number. */
struct decimal {
    char text[11];
};

static const char *format_number(struct decimal *decimal, uint32_t number)
{
    char *digit = &decimal->text[sizeof decimal->text - 1];

    *digit = '\0';
    do
        *--digit = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    return digit;
}

static void report(const struct reader *reader, int node, const char *property, const char *const *parts)
{
    struct description_error error = {.property = property};

    if (node < 0 || fdt_get_path(reader->tree, node, error.path, sizeof error.path) != 0)
        memcpy(error.path, "/", 2);
    for (; *parts != NULL; parts++)
        append_text(error.message, sizeof error.message, *parts);
    reader->reporter->count++;
    reader->reporter->report(reader->reporter, &error);
}

#define REPORT(reader, node, property, ...) report((reader), (node), (property), (const char *const[]){__VA_ARGS__, NULL})

static bool text_is(const char *text, const char *wanted)
{
    size_t length = strlen(wanted);

    return strlen(text) == length && memcmp(text, wanted, length) == 0;
}

static bool name_is_valid(const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < length; i++)
        if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') || name[i] == '-'))
            return false;
    return length > 0 && length < DESCRIPTION_NAME_SIZE;
}

/* One string that is not empty, and nothing behind it; NULL otherwise. */
static const char *value_text(const struct value *value)
{
    if (value->length < 2 || memchr(value->data, '\0', value->length) != value->data + value->length - 1)
        return NULL;
    return value->data;
}

static uint32_t value_cell(const struct value *value, uint32_t index)
{
    return fdt32_ld((const fdt32_t *)(const void *)(value->data + 4 * index));
}

bool description_parse_size(const char *text, uint64_t *bytes)
{
    uint64_t number = 0;
    const char *c = text;

    for (; *c >= '0' && *c <= '9' && number <= UINT32_MAX; c++)
        number = number * 10 + (uint64_t)(*c - '0');
    if (c == text || number > UINT32_MAX || *c == '\0' || c[1] != '\0')
        return false;
    if (*c != 'K' && *c != 'M' && *c != 'G')
        return false;
    *bytes = number << (*c == 'K' ? 10 : *c == 'M' ? 20 : 30);
    return true;
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
        REPORT(reader, value->node, value->name, "must be from ", format_number(&min, rule->min), " to ",
               format_number(&max, rule->max), ", not ", format_number(&given, number));
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
               format_number(&max, rule->max), ", such as ", rule->example);
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
            REPORT(reader, value->node, value->name, "host CPUs are numbered from 0 to ", format_number(&max, rule->max),
                   ", not ", format_number(&given, vm->cpus[i]));
    }
}

/* The next string of a list, from `*position` on; NULL at its end. The list is known to be well-formed. */
static const char *next_text(const struct value *value, uint32_t *position)
{
    const char *text = value->data + *position;

    if (*position >= value->length)
        return NULL;
    *position += (uint32_t)strlen(text) + 1;
    return text;
}

/* Strings, each terminated, none of them empty, no two alike. */
static bool list_is_valid(const struct value *value)
{
    uint32_t i = 0, j;
    const char *text, *other;

    if (value->length == 0 || value->data[value->length - 1] != '\0')
        return false;
    while ((text = next_text(value, &i)) != NULL) {
        if (*text == '\0')
            return false;
        for (j = i; (other = next_text(value, &j)) != NULL;)
            if (text_is(text, other))
                return false;
    }
    return true;
}

/* Names are looked up later, when all components are known: see resolve_doorbells. */
static void read_doorbells(const struct reader *reader, const struct rule *rule, const struct value *value, void *object)
{
    (void)object;
    if (!list_is_valid(value))
        REPORT(reader, value->node, value->name, "must be different names of components, such as ", rule->example);
}

/* As above: see resolve_manages. */
static void read_manages(const struct reader *reader, const struct rule *rule, const struct value *value, void *object)
{
    (void)object;
    if (!list_is_valid(value))
        REPORT(reader, value->node, value->name, "must be different names of VMs and components, or \"uart\", such as ", rule->example);
}

static void read_devices(const struct reader *reader, const struct rule *rule, const struct value *value, void *object)
{
    struct description_vm *vm = object;
    uint32_t position = 0;
    const char *text;

    if (!list_is_valid(value)) {
        REPORT(reader, value->node, value->name, "must be different paths in the firmware's device tree, such as ",
               rule->example);
        return;
    }
    while ((text = next_text(value, &position)) != NULL) {
        if (text[0] != '/')
            REPORT(reader, value->node, value->name, "\"", text, "\" is not a full path; write it like ", rule->example);
        else if (vm->device_count == DESCRIPTION_MAX_DEVICES)
            REPORT(reader, value->node, value->name, "has more than 8 devices; \"", text, "\" is one too many");
        else
            vm->devices[vm->device_count++] = text;
    }
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
        append_text(known, sizeof known, rules->name);
        if (rules[1].name != NULL)
            append_text(known, sizeof known, ", ");
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
        REPORT(reader, child, NULL, "unknown node; nodes of a system description have no nodes of their own");
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
    check_start(reader, node);
}

static void read_component(const struct reader *reader, int node)
{
    struct description *out = reader->out;
    struct description_component *component = &out->components[out->component_count];

    if (out->component_count == DESCRIPTION_MAX_COMPONENTS) {
        REPORT(reader, node, NULL, "one component too many; at most 16 are possible");
        return;
    }
    out->component_count++;
    component->node = node;
    component->priority = DESCRIPTION_COMPONENT_PRIORITY_MIN;
    component->on_crash = DESCRIPTION_STOP;
    component->restart = restart_default;
    read_node_name(reader, node, component->name);
    read_properties(reader, component_rules, node, component);
}

static void read_uart(const struct reader *reader, int node)
{
    if (reader->out->uart_node >= 0)
        REPORT(reader, node, NULL, "a second \"bulkhead,uart\"; one driver serves all consoles");
    reader->out->uart_node = node;
    read_properties(reader, uart_rules, node, reader->out);
}

static void read_node(const struct reader *reader, int node)
{
    static const struct {
        const char *compatible;
        void (*read)(const struct reader *reader, int node);
    } kinds[] = {{"bulkhead,vm", read_vm}, {"bulkhead,component", read_component}, {"bulkhead,uart", read_uart}};
    struct value value = {.node = node, .name = "compatible"};
    int length = 0;
    const char *kind;

    value.data = fdt_getprop(reader->tree, node, value.name, &length);
    value.length = value.data == NULL || length < 0 ? 0 : (uint32_t)length;
    kind = value_text(&value);
    refuse_subnodes(reader, node);
    for (size_t i = 0; kind != NULL && i < sizeof kinds / sizeof kinds[0]; i++)
        if (text_is(kind, kinds[i].compatible)) {
            kinds[i].read(reader, node);
            return;
        }
    REPORT(reader, node, value.data == NULL ? NULL : value.name,
           "unknown node; compatible must be \"bulkhead,vm\", \"bulkhead,component\" or \"bulkhead,uart\"");
}

/* What no node says alone. */

static bool component_find(const struct description *description, const char *name, uint32_t *index)
{
    for (*index = 0; *index < description->component_count; ++*index)
        if (text_is(description->components[*index].name, name))
            return true;
    return false;
}

/* The node's list of names; false if it has none, or a malformed one, which has been reported. */
static bool list_find(const struct reader *reader, int node, const char *name, struct value *value)
{
    int length = 0;

    *value = (struct value){.node = node, .name = name};
    value->data = fdt_getprop(reader->tree, node, name, &length);
    value->length = value->data == NULL || length < 0 ? 0 : (uint32_t)length;
    return value->data != NULL && list_is_valid(value);
}

static void resolve_doorbells(const struct reader *reader, struct description_vm *vm)
{
    struct value value;
    uint32_t position = 0, component;
    const char *name;

    if (!list_find(reader, vm->node, "doorbells", &value))
        return;
    while ((name = next_text(&value, &position)) != NULL) {
        if (!component_find(reader->out, name, &component))
            REPORT(reader, vm->node, value.name, "there is no component \"", name,
                   "\"; add a node of that name with compatible = \"bulkhead,component\"");
        else if (vm->doorbell_count < DESCRIPTION_MAX_DOORBELLS)
            vm->doorbells[vm->doorbell_count++] = component;
    }
}

/* What a component may manage: false if there is nothing of that name, or it is the component itself. */
static bool manage_add(const struct description *description, struct description_component *manager, const char *name)
{
    uint32_t index;

    if (text_is(name, "uart")) {
        manager->manages_uart = true;
        return true;
    }
    for (index = 0; index < description->vm_count; index++)
        if (text_is(description->vms[index].name, name)) {
            manager->manages_vms |= UINT32_C(1) << index;
            return true;
        }
    if (!component_find(description, name, &index) || manager == &description->components[index])
        return false;
    manager->manages_components |= UINT32_C(1) << index;
    return true;
}

static void resolve_manages(const struct reader *reader, struct description_component *component)
{
    struct value value;
    uint32_t position = 0;
    const char *name;

    if (!list_find(reader, component->node, "manages", &value))
        return;
    component->manages = true;
    while ((name = next_text(&value, &position)) != NULL)
        if (!manage_add(reader->out, component, name))
            REPORT(reader, component->node, value.name, "there is no other VM or component \"", name,
                   "\"; \"uart\" means the UART's driver");
}

static bool vm_has_device(const struct description_vm *vm, const char *path)
{
    for (uint32_t i = 0; i < vm->device_count; i++)
        if (text_is(vm->devices[i], path))
            return true;
    return false;
}

static void check_device_owners(const struct reader *reader, const struct description_vm *vm)
{
    for (const struct description_vm *other = reader->out->vms; other < vm; other++)
        for (uint32_t i = 0; i < vm->device_count; i++)
            if (vm_has_device(other, vm->devices[i]))
                REPORT(reader, vm->node, "devices", "\"", vm->devices[i], "\" belongs to VM \"", other->name,
                       "\" already; a device has one owner");
}

static void resolve_focus(const struct reader *reader)
{
    struct description *out = reader->out;
    bool found = false;

    for (uint32_t i = 0; i < out->vm_count; i++) {
        if (!out->vms[i].focus)
            continue;
        if (found)
            REPORT(reader, out->vms[i].node, "focus", "VM \"", out->vms[out->focus].name,
                   "\" has the keyboard already; keep one focus");
        else
            out->focus = i;
        found = true;
    }
}

static bool tree_is_system(const struct reader *reader)
{
    struct value value = {.name = "compatible"};
    int length = 0;
    const char *kind;

    if (fdt_check_header(reader->tree) != 0) {
        REPORT(reader, -1, NULL, "this is not a flattened device tree");
        return false;
    }
    value.data = fdt_getprop(reader->tree, 0, value.name, &length);
    value.length = value.data == NULL || length < 0 ? 0 : (uint32_t)length;
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
    for (uint32_t i = 0; i < out->vm_count; i++) {
        resolve_doorbells(reader, &out->vms[i]);
        check_device_owners(reader, &out->vms[i]);
    }
    for (uint32_t i = 0; i < out->component_count; i++)
        resolve_manages(reader, &out->components[i]);
    resolve_focus(reader);
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

static void check_cpu(const struct reader *reader, int node, const char *property, uint32_t cpu, uint32_t cpu_count)
{
    struct decimal given, count;

    if (cpu >= cpu_count && cpu < DESCRIPTION_MAX_CPUS) /* what lies above that has been reported already */
        REPORT(reader, node, property, "there is no CPU ", format_number(&given, cpu), "; the host has ",
               format_number(&count, cpu_count), ", numbered from 0");
}

bool description_check_cpus(const struct description *description, uint32_t cpu_count, struct description_reporter *reporter)
{
    struct reader reader = {.tree = description->tree, .reporter = reporter};
    uint32_t before = reporter->count;

    for (uint32_t i = 0; i < description->vm_count; i++)
        for (uint32_t v = 0; v < description->vms[i].vcpu_count; v++)
            check_cpu(&reader, description->vms[i].node, "cpus", description->vms[i].cpus[v], cpu_count);
    for (uint32_t i = 0; i < description->component_count; i++)
        check_cpu(&reader, description->components[i].node, "cpu", description->components[i].cpu, cpu_count);
    check_cpu(&reader, description->uart_node, "cpu", description->uart_cpu, cpu_count);
    return reporter->count == before;
}
