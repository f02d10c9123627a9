/* The client's side of bulkhead/manage.h, for a component that manages others. One thread only. */
#ifndef LIB_MANAGE_H
#define LIB_MANAGE_H

#include <bulkhead/manage.h>
#include <bulkhead/status.h>

/** Finds the resource "manage"; ends the component with a message if root gave none. */
void manage_open(void);

/** Has root carry out `verb` on `target`; its status, or STATUS_TIMEOUT. A target that the verb does not need is ignored. */
status_t manage_do(enum manage_verb verb, uint32_t target);

/** A consistent copy of what root shows. */
void manage_look(struct manage_view *view);

/** Waits until something may have changed, or `deadline`. */
void manage_wait(uint64_t deadline);

#endif
