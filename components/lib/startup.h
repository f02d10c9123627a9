/* What root gave this component, found by name (bulkhead/startup.h lists the names). */
#ifndef LIB_STARTUP_H
#define LIB_STARTUP_H

#include <bulkhead/startup.h>

/** The startup page. */
const struct startup *startup_page(void);

/** The resource of that name, or NULL. */
const struct startup_resource *startup_find(const char *name);

/** The resource of that name; without it the component ends with a message. */
const struct startup_resource *startup_need(const char *name);

/** The next resource after `previous` (NULL: the first) whose name starts with `prefix`, or NULL. */
const struct startup_resource *startup_each(const char *prefix, const struct startup_resource *previous);

/** The component's own: what it does. Its result is the exit code. */
int component_main(struct startup *startup);

#endif
