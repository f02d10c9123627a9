/* What the description's `arguments` say to a component: words like NAME=NUMBER between spaces. */
#ifndef LIB_ARGUMENTS_H
#define LIB_ARGUMENTS_H

#include <stdint.h>

/** The decimal number behind `name`, which ends in '='; `otherwise` if there is none. */
uint64_t argument_number(const char *name, uint64_t otherwise);

#endif
