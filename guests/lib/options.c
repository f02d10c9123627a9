/* Words of the boot arguments. */
#include "guest.h"

const char *option_find(const char *name)
{
    for (const char *at = machine.bootargs; *at; at++) {
        if (at != machine.bootargs && at[-1] != ' ')
            continue;
        unsigned i = 0;
        while (name[i] && at[i] == name[i])
            i++;
        if (!name[i])
            return at + i;
    }
    return NULL;
}

uint64_t option_number(const char *name, uint64_t otherwise)
{
    const char *text = option_find(name);
    uint64_t value = 0;
    if (!text || *text < '0' || *text > '9')
        return otherwise;
    for (; *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (uint64_t)(*text - '0');
    return value;
}
