/* Root's life after building: what happens to partitions, and what the user orders. */
#ifndef ROOT_SUPERVISE_H
#define ROOT_SUPERVISE_H

/** Waits for events and acts on them until the machine is switched off. */
_Noreturn void supervise(void);

#endif
