/* `bulkhead pack`. */
#ifndef TOOLS_PACK_H
#define TOOLS_PACK_H

/* Its exit status. */
int command_pack(int count, char *arguments[]);

#endif
