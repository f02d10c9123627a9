/* Command lines. */
#include "options.h"

#include "message.h"

#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *build_dir_find(const char *stated)
{
    char path[PATH_MAX];
    ssize_t length;
    char *slash;

    if (stated != NULL)
        return text_format("%s", stated);
    length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0)
        return text_format(".");
    path[length] = '\0';
    slash = strrchr(path, '/');
    if (slash != NULL)
        *slash = '\0';
    return text_format("%s", path);
}

bool option_number(const char *text, unsigned min, unsigned max, unsigned *number)
{
    char *end;
    unsigned long value;

    if (*text < '0' || *text > '9')
        return false;
    value = strtoul(text, &end, 10);
    if (*end != '\0' || value < min || value > max)
        return false;
    *number = (unsigned)value;
    return true;
}

int option_refuse(const char *command, int result, char *const arguments[])
{
    const char *option = arguments[optind - 1];

    if (result == OPTION_MISSING)
        return message_usage(command, "%s needs a value", option);
    return message_usage(command, "unknown option %s, or one that takes no value", option);
}
