/* `bulkhead run`. */
#ifndef TOOLS_RUN_H
#define TOOLS_RUN_H

int command_run(int count, char *arguments[]);

#endif
