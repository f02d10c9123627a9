/* From a description's source to its tree and its source map, by dtc. */
#ifndef TOOLS_COMPILE_H
#define TOOLS_COMPILE_H

#include "source_map.h"

#include <stdbool.h>

/* The tree is fresh memory. False, after messages, if the source does not compile. */
bool compile_description(const char *path, void **tree, struct source_map *map);

#endif
