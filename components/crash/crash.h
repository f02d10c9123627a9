/* The acts of the component `crash` that are more than a line. */
#ifndef CRASH_H
#define CRASH_H

/** Every call with arguments at random, then again; prints what came of it. */
void calls_make(void);

#endif
