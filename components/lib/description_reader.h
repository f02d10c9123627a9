/* What the files of the description's reader share: where they read, what a value is, how they report. */
#ifndef DESCRIPTION_READER_H
#define DESCRIPTION_READER_H

#include "description.h"

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

/* A buffer large enough for a 32-bit number. */
struct decimal {
    char text[11];
};

/** The number as text, in the buffer. */
const char *decimal_format(struct decimal *decimal, uint32_t number);

/** Adds `text` to what stands in the buffer, as far as there is room. */
void reader_append(char *buffer, size_t size, const char *text);

/** Reports a mistake in a node (negative: in the tree) or its property; the message is the concatenated parts, the last of which is NULL. */
void reader_report(const struct reader *reader, int node, const char *property, const char *const *parts);

#define REPORT(reader, node, property, ...) reader_report((reader), (node), (property), (const char *const[]){__VA_ARGS__, NULL})

/** Whether they are the same. */
static inline bool text_is(const char *text, const char *wanted)
{
    size_t length = strlen(wanted);

    return strlen(text) == length && memcmp(text, wanted, length) == 0;
}

/** A property of a node; `data` is NULL if it has none of that name. */
void value_find(const struct reader *reader, int node, const char *name, struct value *value);

/** One string that is not empty, and nothing behind it; NULL otherwise. */
const char *value_text(const struct value *value);

/** Its cell number `index`. */
uint32_t value_cell(const struct value *value, uint32_t index);

/** The next string of a list, from `*position` on; NULL at its end. The list is known to be well-formed. */
const char *value_next(const struct value *value, uint32_t *position);

/** Strings, each terminated, none of them empty, no two alike. */
bool value_is_list(const struct value *value);

/** Looks up what nodes say of each other, and reports what does not fit. */
void description_resolve(const struct reader *reader);

#endif
