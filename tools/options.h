/* What the subcommands' command lines have in common. */
#ifndef TOOLS_OPTIONS_H
#define TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    DEFAULT_HOST_CPUS = 4,
    OPTION_HELP = 'h',
    OPTION_BAD = '?',
    OPTION_MISSING = ':',
};

/* The directory with kernel/ and components/: `stated`, or if NULL, the one that the tool lies in; fresh memory. */
char *build_dir_find(const char *stated);

/* A decimal number from `min` to `max`, and nothing else. */
bool option_number(const char *text, unsigned min, unsigned max, unsigned *number);

/* Complain about what getopt_long has just refused. Returns STATUS_USAGE. */
int option_refuse(const char *command, int result, char *const arguments[]);

#endif
