/*
 * dtc writes a tree as source again, one node's begin, node's end or property a line, and with -T -T adds to each a comment
 * with the places that it came from:
 *
 *     linux {   a comment: system.dts:4:16-12:7, other.dts:2:1-2:9
 *         memory = "512M";   a comment: system.dts:7:9-7:26
 *     };
 *
 * A node may have several places; the first, where it was begun, is taken. The compiled tree itself holds no places.
 */
#include "source_map.h"

#include <regex.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void source_map_add(struct source_map *map, const char *path, const char *property, struct place place)
{
    map->entries = array_resize(map->entries, map->count + 1, sizeof *map->entries);
    map->entries[map->count++] = (struct source_entry){
        .path = text_format("%s", path),
        .property = property == NULL ? NULL : text_format("%s", property),
        .place = {.file = text_format("%s", place.file), .line = place.line},
    };
}

/* Cuts the comment off the line; false if it has none. The file's name stays in the line's memory. */
static bool take_place(char *line, struct place *place)
{
    static regex_t pattern;
    static bool compiled;
    regmatch_t match[3];
    char *comment = NULL;

    if (!compiled)
        compiled = regcomp(&pattern, "^(.*):([0-9]+):[0-9]+-[0-9]+:[0-9]+$", REG_EXTENDED) == 0;
    for (char *found = line; (found = strstr(found, " /* ")) != NULL; found++)
        comment = found; /* the last one: a string may look like a comment, too */
    if (comment == NULL)
        return false;
    *comment = '\0';
    comment += 4;
    comment[strcspn(comment, ",")] = '\0';
    if (strlen(comment) > 3 && strcmp(comment + strlen(comment) - 3, " */") == 0)
        comment[strlen(comment) - 3] = '\0';
    if (!compiled || regexec(&pattern, comment, 3, match, 0) != 0)
        return false;
    comment[match[1].rm_eo] = '\0';
    *place = (struct place){.file = comment, .line = (unsigned)strtoul(comment + match[2].rm_so, NULL, 10)};
    return true;
}

/* The name that a line begins with, behind labels ("label: name"), cut off at what follows it. */
static char *take_name(char *line)
{
    char *name = line + strspn(line, "\t ");
    char *end;

    for (;;) {
        end = name + strcspn(name, " :;=");
        if (end[0] != ':' || end[1] != ' ')
            break;
        name = end + 2;
    }
    *end = '\0';
    return name;
}

static void path_enter(char **path, const char *name)
{
    char *longer = strcmp(name, "/") == 0              ? text_format("/")
                   : *path == NULL || (*path)[1] == '\0' ? text_format("/%s", name)
                                                         : text_format("%s/%s", *path, name);

    free(*path);
    *path = longer;
}

static void path_leave(char *path)
{
    char *slash = path == NULL ? NULL : strrchr(path, '/');

    if (slash != NULL)
        slash[slash == path ? 1 : 0] = '\0';
}

static void read_line(struct source_map *map, char **path, char *line)
{
    struct place place;
    bool placed = take_place(line, &place);
    size_t length = strlen(line);

    if (line[strspn(line, "\t")] == '}') {
        path_leave(*path);
    } else if (length > 0 && line[length - 1] == '{') {
        path_enter(path, take_name(line));
        if (placed)
            source_map_add(map, *path, NULL, place);
    } else if (placed && *path != NULL) {
        source_map_add(map, *path, take_name(line), place);
    }
}

void source_map_read(struct source_map *map, char *annotated)
{
    char *path = NULL;

    for (char *line, *rest = annotated; (line = strsep(&rest, "\n")) != NULL;)
        read_line(map, &path, line);
    free(path);
}

static const struct source_entry *find_exactly(const struct source_map *map, const char *path, const char *property)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct source_entry *entry = &map->entries[i];

        if (strcmp(entry->path, path) != 0 || (entry->property == NULL) != (property == NULL))
            continue;
        if (property == NULL || strcmp(entry->property, property) == 0)
            return entry;
    }
    return NULL;
}

struct place source_map_find(const struct source_map *map, const char *path, const char *property)
{
    const struct source_entry *entry = property == NULL ? NULL : find_exactly(map, path, property);
    char *above = text_format("%s", path);

    for (entry = entry == NULL ? find_exactly(map, above, NULL) : entry; entry == NULL && above[1] != '\0';) {
        path_leave(above);
        entry = find_exactly(map, above, NULL);
    }
    free(above);
    return entry == NULL ? (struct place){0} : entry->place;
}

void source_map_free(struct source_map *map)
{
    for (size_t i = 0; i < map->count; i++) {
        free(map->entries[i].path);
        free(map->entries[i].property);
        free((void *)(uintptr_t)map->entries[i].place.file);
    }
    free(map->entries);
    *map = (struct source_map){0};
}
