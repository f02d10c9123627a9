/* Switching the machine off. */
#ifndef ROOT_POWER_H
#define ROOT_POWER_H

/** Lets `uart` write out what is queued, then switches off. */
_Noreturn void power_down(void);

#endif
