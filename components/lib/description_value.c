/* Values of a description, and messages about them. */
#include "description_reader.h"

#include <libfdt.h>

void reader_append(char *buffer, size_t size, const char *text)
{
    size_t used = strlen(buffer);
    size_t length = strlen(text);

    if (length > size - 1 - used)
        length = size - 1 - used;
    memcpy(buffer + used, text, length);
    buffer[used + length] = '\0';
}

const char *decimal_format(struct decimal *decimal, uint32_t number)
{
    char *digit = &decimal->text[sizeof decimal->text - 1];

    *digit = '\0';
    do
        *--digit = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    return digit;
}

void reader_report(const struct reader *reader, int node, const char *property, const char *const *parts)
{
    struct description_error error = {.property = property};

    if (node < 0 || fdt_get_path(reader->tree, node, error.path, sizeof error.path) != 0)
        memcpy(error.path, "/", 2);
    for (; *parts != NULL; parts++)
        reader_append(error.message, sizeof error.message, *parts);
    reader->reporter->count++;
    reader->reporter->report(reader->reporter, &error);
}

const char *value_text(const struct value *value)
{
    if (value->length < 2 || memchr(value->data, '\0', value->length) != value->data + value->length - 1)
        return NULL;
    return value->data;
}

void value_find(const struct reader *reader, int node, const char *name, struct value *value)
{
    int length = 0;

    *value = (struct value){.node = node, .name = name};
    value->data = fdt_getprop(reader->tree, node, name, &length);
    value->length = value->data == NULL || length < 0 ? 0 : (uint32_t)length;
}

uint32_t value_cell(const struct value *value, uint32_t index)
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

const char *value_next(const struct value *value, uint32_t *position)
{
    const char *text = value->data + *position;

    if (*position >= value->length)
        return NULL;
    *position += (uint32_t)strlen(text) + 1;
    return text;
}

bool value_is_list(const struct value *value)
{
    uint32_t i = 0, j;
    const char *text, *other;

    if (value->length == 0 || value->data[value->length - 1] != '\0')
        return false;
    while ((text = value_next(value, &i)) != NULL) {
        if (*text == '\0')
            return false;
        for (j = i; (other = value_next(value, &j)) != NULL;)
            if (text_is(text, other))
                return false;
    }
    return true;
}
