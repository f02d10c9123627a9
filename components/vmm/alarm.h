/* The main thread's next deadline. */
#ifndef VMM_ALARM_H
#define VMM_ALARM_H

/** A device's next event has changed: the main thread looks anew. */
void alarm_changed(void);

#endif
