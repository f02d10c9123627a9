/* Free slots of the component's own capability table, behind those that it was started with. */
#ifndef LIB_SLOTS_H
#define LIB_SLOTS_H

#include <bulkhead/call.h>

/** Slots below `first` are taken; called once at start. */
void slots_begin(cap_t first);

/** A free slot, or 0 if there is none. */
cap_t slot_allocate(void);

/** The slot is empty again. */
void slot_free(cap_t slot);

/** Slots in use. */
unsigned slots_used(void);

#endif
