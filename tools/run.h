/* `bulkhead run`. */
#ifndef TOOLS_RUN_H
#define TOOLS_RUN_H

/* Its exit status, or the emulator's. */
int command_run(int count, char *arguments[]);

#endif
