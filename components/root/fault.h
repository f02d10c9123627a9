/* Why a component's thread stopped, for the user. */
#ifndef ROOT_FAULT_H
#define ROOT_FAULT_H

#include "instance.h"

/** Whether its first thread has faulted or exited; if so prints what, where, and what to do about it. */
bool fault_report(const struct instance *instance);

#endif
