/* What a component did that it may not. */
#ifndef ROOT_FAULT_H
#define ROOT_FAULT_H

#include "instance.h"

#include <stddef.h>

/** If a thread of the instance has faulted or ended: prints why, where and what helps, puts the reason into `why`, and answers true. */
bool fault_report(const struct instance *instance, char *why, size_t size);

#endif
