/* The flattened tree is a sequence of 32-bit big-endian tokens; strings lie apart. */
#include "tree.h"

#include <string.h>

/* On each property of each node, at every boot. */
#define INLINE inline __attribute__((always_inline))

enum { MAGIC = (int)0xd00dfeed, VERSION = 17 };
enum { TOKEN_BEGIN = 1, TOKEN_END = 2, TOKEN_PROPERTY = 3, TOKEN_NOP = 4, TOKEN_LAST = 9 };
enum { CELLS_MAX = 4 /* per address or size; two are used */, NAMES = 64 /* remembered at a time */ };

/* All fields big-endian. */
struct header {
    uint32_t magic, total_size, structure, strings, reservations, version, compatible_version, boot_cpu, strings_size, structure_size;
};

static const char *tree;
/* By place among the strings: the place + 1, and below it in 8 bits which of the known names stands there. */
static uint32_t names[NAMES];

static uint32_t be32(uint32_t value)
{
    return __builtin_bswap32(value);
}

static const struct header *header(void)
{
    return (const struct header *)(const void *)tree;
}

static bool holds(uint32_t total, uint32_t offset, uint32_t size)
{
    return offset <= total && size <= total - offset;
}

uint32_t tree_size(const void *fdt)
{
    const struct header *h = fdt;
    uint32_t total = be32(h->total_size);
    uint32_t structure_end = be32(h->structure) + be32(h->structure_size), strings_end = be32(h->strings) + be32(h->strings_size);
    uint32_t used = structure_end > strings_end ? structure_end : strings_end;
    bool good = be32(h->magic) == (uint32_t)MAGIC && be32(h->version) >= VERSION && be32(h->compatible_version) <= VERSION &&
                holds(total, be32(h->structure), be32(h->structure_size)) && holds(total, be32(h->strings), be32(h->strings_size));
    return !good ? 0 : be32(h->reservations) < used ? used : total;
}

void tree_open(const void *fdt)
{
    tree = fdt;
    memset(names, 0, sizeof(names));
}

/* --- the check ----------------------------------------------------------------------------------------------------------- */

/* Words that the string at `at` takes, with its zero; none if it does not end before `end`. */
static size_t string_words(const uint32_t *at, const uint32_t *end)
{
    for (const char *c = (const char *)at; c < (const char *)end; c++) {
        if (!*c)
            return (size_t)(c - (const char *)at) / 4 + 1;
    }
    return 0;
}

static size_t property_words(const uint32_t *at, const uint32_t *end)
{
    if (end - at < 3 || be32(at[2]) >= be32(header()->strings_size))
        return 0;
    uint64_t words = 3 + ((uint64_t)be32(at[1]) + 3) / 4;
    return words < (uint64_t)(end - at) ? words : 0;
}

/* Words that the token at `at` takes; 0: it is none, or reaches to `end`. */
static size_t token_words(const uint32_t *at, const uint32_t *end, unsigned *depth)
{
    size_t words;
    switch (be32(*at)) {
    case TOKEN_BEGIN:
        words = string_words(at + 1, end);
        *depth += 1;
        return words ? words + 1 : 0;
    case TOKEN_END:
        return (*depth)-- ? 1 : 0;
    case TOKEN_PROPERTY:
        return *depth ? property_words(at, end) : 0;
    case TOKEN_NOP:
        return 1;
    default:
        return 0;
    }
}

/* The last token is one of ours, so that whoever reads properties comes to an end there. */
static bool structure_check(void)
{
    unsigned depth = 0;
    size_t words;
    const uint32_t *at = (const uint32_t *)(const void *)(tree + be32(header()->structure));
    const uint32_t *end = at + be32(header()->structure_size) / 4;
    for (; at < end && be32(*at) != TOKEN_LAST; at += words) {
        words = token_words(at, end, &depth);
        if (!words)
            return false;
    }
    return at < end && !depth;
}

static bool reservations_check(void)
{
    struct range range;
    uint32_t offset = be32(header()->reservations), total = tree_size(header());
    unsigned count = offset <= total ? (total - offset) / 16 : 0;
    for (unsigned i = 0; i < count; i++) {
        if (!tree_reservation(i, &range))
            return true;
    }
    return false;
}

bool tree_check(void)
{
    const struct header *h = header();
    uint32_t size = be32(h->strings_size);
    bool aligned = !(be32(h->structure) % 4) && !(be32(h->reservations) % 8);
    bool ended = !size || !tree[be32(h->strings) + size - 1];
    return aligned && ended && structure_check() && reservations_check();
}

bool tree_reservation(unsigned index, struct range *range)
{
    const uint64_t *entry = (const uint64_t *)(const void *)(tree + be32(header()->reservations)) + (uintptr_t)index * 2;
    *range = (struct range){paddr(__builtin_bswap64(entry[0])), __builtin_bswap64(entry[1])};
    return range->base.raw || range->size;
}

/* --- properties -------------------------------------------------------------------------------------------------------- */

static INLINE const uint32_t *after_bytes(const uint32_t *at, uint64_t bytes)
{
    return at + (bytes + 3) / 4;
}

/* A property is its token, its size, its name's place among the strings, and its value. */
static INLINE const uint32_t *property_after(const uint32_t *at)
{
    return after_bytes(at + 3, be32(at[1]));
}

/* The token at `at`, or behind what means nothing there. */
static INLINE const uint32_t *token_at(const uint32_t *at)
{
    while (be32(*at) == TOKEN_NOP)
        at++;
    return at;
}

const void *tree_property(const struct tree_node *node, const char *name, uint32_t *size)
{
    const char *strings = tree + be32(header()->strings);
    for (const uint32_t *at = token_at(node->path[node->depth].properties); be32(*at) == TOKEN_PROPERTY; at = token_at(property_after(at))) {
        if (strcmp(strings + be32(at[2]), name) == 0) {
            *size = be32(at[1]);
            return at + 3;
        }
    }
    return NULL;
}

const void *tree_known(const struct tree_node *node, enum tree_known name, uint32_t *size)
{
    const uint32_t *at = node->known[name];
    *size = at ? be32(at[1]) : 0;
    return at ? at + 3 : NULL;
}

static const uint32_t *cells_of(const struct tree_node *node, const char *name, unsigned *count)
{
    uint32_t size = 0;
    const uint32_t *cells = tree_property(node, name, &size);
    *count = size / 4;
    return cells;
}

uint32_t tree_cell(const struct tree_node *node, const char *name, unsigned index, uint32_t missing)
{
    unsigned count;
    const uint32_t *cells = cells_of(node, name, &count);
    return index < count ? be32(cells[index]) : missing;
}

const char *tree_list_next(const char *list, uint32_t size, const char *text)
{
    const char *next = text ? text + strlen(text) + 1 : list;
    return size && !list[size - 1] && next < list + size ? next : NULL;
}

static bool list_holds(const char *list, uint32_t size, const char *value)
{
    for (const char *text = NULL; (text = tree_list_next(list, size, text));) {
        if (strcmp(text, value) == 0)
            return true;
    }
    return false;
}

bool tree_string_is(const struct tree_node *node, const char *name, const char *value)
{
    uint32_t size = 0;
    const char *list = tree_property(node, name, &size);
    return list_holds(list, size, value);
}

const char *tree_name(const struct tree_node *node)
{
    return node->path[node->depth].name;
}

bool tree_path_is(const struct tree_node *node, const char *path)
{
    for (int i = 1; i <= node->depth; i++) {
        if (*path++ != '/')
            return false;
        for (const char *name = node->path[i].name; *name; name++) {
            if (*path++ != *name)
                return false;
        }
    }
    return !*path || *path == ':';
}

/* --- addresses ------------------------------------------------------------------------------------------------------- */

/* A number of `count` cells; of more than two, the last two count. */
static uint64_t cells_value(const uint32_t *cells, unsigned count)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < count; i++)
        value = value << 32 | be32(cells[i]);
    return value;
}

/* From the address space below the bus to the one that it lies in, by its `ranges`. */
static bool bus_translate(const struct tree_node *bus, uint64_t *address)
{
    unsigned child = bus->path[bus->depth].address_cells, size = bus->path[bus->depth].size_cells;
    unsigned parent = bus->path[bus->depth - 1].address_cells, entry = child + parent + size, count;
    const uint32_t *ranges = cells_of(bus, "ranges", &count);
    if (!count)
        return ranges != NULL; /* empty: the same addresses; missing: none */
    for (unsigned i = 0; i + entry <= count; i += entry) {
        uint64_t from = cells_value(&ranges[i], child), length = cells_value(&ranges[i + child + parent], size);
        if (*address >= from && *address - from < length) {
            *address += cells_value(&ranges[i + child], parent) - from;
            return true;
        }
    }
    return false;
}

static const uint32_t *reg_cells(const struct tree_node *node, unsigned index)
{
    unsigned entry = node->path[node->depth - 1].address_cells + node->path[node->depth - 1].size_cells, count;
    const uint32_t *cells = cells_of(node, "reg", &count);
    return entry && count / entry > index ? cells + (uintptr_t)index * entry : NULL;
}

bool tree_reg(const struct tree_node *node, unsigned index, struct range *range)
{
    const uint32_t *cells = node->depth < 1 ? NULL : reg_cells(node, index);
    if (!cells)
        return false;
    unsigned address_cells = node->path[node->depth - 1].address_cells;
    uint64_t address = cells_value(cells, address_cells);
    range->size = cells_value(cells + address_cells, node->path[node->depth - 1].size_cells);
    struct tree_node bus = *node;
    while (--bus.depth > 0) {
        if (!bus_translate(&bus, &address))
            return false;
    }
    range->base = paddr(address);
    return true;
}

bool tree_reg_value(const struct tree_node *node, uint64_t *value)
{
    const uint32_t *cells = node->depth < 1 ? NULL : reg_cells(node, 0);
    if (cells)
        *value = cells_value(cells, node->path[node->depth - 1].address_cells);
    return cells != NULL;
}

/* --- the walk -------------------------------------------------------------------------------------------------------- */

static enum tree_known name_look_up(uint32_t place)
{
    static const char known[TREE_KNOWN][16] = {"", "compatible", "device_type", "status", "#address-cells", "#size-cells"};
    const char *name = tree + be32(header()->strings) + place;
    for (unsigned i = TREE_KNOWN - 1; i > TREE_OTHER; i--) {
        if (strcmp(name, known[i]) == 0)
            return (enum tree_known)i;
    }
    return TREE_OTHER;
}

/* A name is compared once and then known by its place. A tree has few; where two would be remembered together, the later one is. */
static enum tree_known name_of(uint32_t place)
{
    uint32_t *known = &names[place / 4 % NAMES];
    if (*known >> 8 != place + 1)
        *known = (place + 1) << 8 | name_look_up(place);
    return (enum tree_known)(*known & 0xff);
}

/* Notes the node's known properties; returns what follows the last property. */
static const uint32_t *properties_note(struct tree_node *node, const uint32_t *at)
{
    memset(node->known, 0, sizeof(node->known));
    for (at = token_at(at); be32(*at) == TOKEN_PROPERTY; at = token_at(property_after(at))) {
        enum tree_known name = name_of(be32(at[2]));
        if (!node->known[name])
            node->known[name] = at;
    }
    return at;
}

static bool node_usable(const struct tree_node *node)
{
    uint32_t size;
    const char *status = tree_known(node, TREE_STATUS, &size);
    return !status || list_holds(status, size, "okay") || list_holds(status, size, "ok");
}

/* A number that is out of reason would overflow further on: as if there were none. */
static unsigned cell_count(const struct tree_node *node, enum tree_known name, unsigned missing)
{
    uint32_t size;
    const uint32_t *cells = tree_known(node, name, &size);
    uint32_t count = size >= 4 ? be32(*cells) : missing;
    return count <= CELLS_MAX ? count : 0;
}

/* Returns the token behind the node's properties. */
static const uint32_t *node_visit(struct tree_node *node, const char *name, void (*visit)(const struct tree_node *node))
{
    const uint32_t *properties = after_bytes((const uint32_t *)(const void *)name, strlen(name) + 1);
    if (node->depth >= TREE_DEPTH)
        return properties;
    node->path[node->depth].name = name;
    node->path[node->depth].properties = properties;
    const uint32_t *end = properties_note(node, properties);
    node->path[node->depth].address_cells = cell_count(node, TREE_ADDRESS_CELLS, 2);
    node->path[node->depth].size_cells = cell_count(node, TREE_SIZE_CELLS, 1);
    if (node_usable(node))
        visit(node);
    return end;
}

void tree_walk(void (*visit)(const struct tree_node *node))
{
    struct tree_node node = {.depth = -1};
    const uint32_t *at = token_at((const uint32_t *)(const void *)(tree + be32(header()->structure)));
    for (; be32(*at) != TOKEN_LAST; at = token_at(at)) {
        if (be32(*at) == TOKEN_BEGIN) {
            node.depth++;
            at = node_visit(&node, (const char *)(at + 1), visit);
        } else if (be32(*at) == TOKEN_END) {
            node.depth--;
            at++;
        } else {
            at = property_after(at);
        }
    }
}
