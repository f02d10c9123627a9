#include "arguments.h"

#include "startup.h"
#include "string.h"

#include <stdbool.h>

/* Behind the word that begins with `name`; NULL if there is none. */
static const char *word_find(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (bool begins = true; *text; begins = *text++ == ' ')
        if (begins && !strncmp(text, name, length))
            return text + length;
    return NULL;
}

uint64_t argument_number(const char *name, uint64_t otherwise)
{
    const struct startup_resource *arguments = startup_find("arguments");
    const char *digit = arguments ? word_find((const char *)arguments->address, name) : NULL; /* NOLINT */
    uint64_t number = 0;
    if (!digit || *digit < '0' || *digit > '9')
        return otherwise;
    for (; *digit >= '0' && *digit <= '9'; digit++)
        number = number * 10 + (uint64_t)(*digit - '0');
    return number;
}
