/* The startup page, and how a component other than root begins. */
#include "startup.h"

#include "call_stubs.h"
#include "clock.h"
#include "console_client.h"
#include "print.h"
#include "slots.h"
#include "string.h"

static const struct startup *page;

const struct startup *startup_page(void)
{
    return page;
}

const struct startup_resource *startup_each(const char *prefix, const struct startup_resource *previous)
{
    const struct startup_resource *end = page->resources + page->count;
    const struct startup_resource *at = previous ? previous + 1 : page->resources;
    for (; at < end; at++)
        if (!strncmp(at->name, prefix, strlen(prefix)))
            return at;
    return NULL;
}

const struct startup_resource *startup_find(const char *name)
{
    const struct startup_resource *at = NULL;
    while ((at = startup_each(name, at)))
        if (!strcmp(at->name, name))
            return at;
    return NULL;
}

const struct startup_resource *startup_need(const char *name)
{
    const struct startup_resource *resource = startup_find(name);
    if (!resource)
        component_fail("%s: root did not give the resource \"%s\"", page->name, name);
    return resource;
}

static cap_t first_free_slot(void)
{
    cap_t first = CAP_FIRST_FREE;
    for (uint32_t i = 0; i < page->count; i++)
        if (page->resources[i].slot >= first)
            first = page->resources[i].slot + 1;
    return first;
}

_Noreturn void component_start(void *argument);

/* Weak: root begins with another page. */
__attribute__((weak)) _Noreturn void component_start(void *argument)
{
    struct startup *startup = argument;
    page = startup;
    clock_frequency_set(startup->timer_frequency);
    slots_begin(first_free_slot());
    const struct startup_resource *console = startup_find("console");
    if (console)
        console_open((struct console *)console->address, console->slot, console->value); /* NOLINT */
    thread_exit((uint64_t)component_main(startup));
}

/* Weak: root has none. */
__attribute__((weak)) int component_main(struct startup *startup)
{
    component_fail("%s: built without component_main", startup->name);
}
