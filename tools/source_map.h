/* Where in the source each node and property of a device tree stands. */
#ifndef TOOLS_SOURCE_MAP_H
#define TOOLS_SOURCE_MAP_H

#include "message.h"

#include <stddef.h>

struct source_entry {
    char *path;     /* of the node */
    char *property; /* NULL: the node itself */
    struct place place;
};

struct source_map {
    struct source_entry *entries;
    size_t count;
};

/* Add one entry; the strings are copied. */
void source_map_add(struct source_map *map, const char *path, const char *property, struct place place);

/* Read the map out of the text that `dtc -O dts -T -T` prints. The text is used up. */
void source_map_read(struct source_map *map, char *annotated);

/* The place of a property, or if it is not in the source, of its node, or else of the nearest node above. */
struct place source_map_find(const struct source_map *map, const char *path, const char *property);

/* What it has taken is given back; it is empty then. */
void source_map_free(struct source_map *map);

#endif
