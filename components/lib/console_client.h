/*
 * The component's own console, a pair of byte queues shared with `uart` (bulkhead/console.h). Any thread may write or read. Nothing here
 * waits, except console_write_all.
 */
#ifndef LIB_CONSOLE_CLIENT_H
#define LIB_CONSOLE_CLIENT_H

#include <bulkhead/call.h>
#include <bulkhead/console.h>
#include <stdbool.h>
#include <stddef.h>

/** From now on this is the console; `mask` of `signal` tells uart about output. */
void console_open(struct console *console, cap_t signal, uint64_t mask);

/** Whether console_open was called. */
bool console_is_open(void);

/** Queues what there is room for; answers how many bytes that was. */
size_t console_write(const char *text, size_t size);

/** Queues one byte; answers for how many there was room before, 0: it was not queued. */
uint32_t console_write_byte(uint8_t byte);

/** Queues everything, sleeping while there is no room; gives up when uart has not made any for 2 s. */
void console_write_all(const char *text, size_t size);

/** Takes up to `size` bytes of input; answers how many. */
size_t console_read(char *to, size_t size);

/** Asks to be raised (bit 0 of "wake") when there is room to write. False: there is already. */
bool console_want_room(void);

/** Asks to be raised when there is input. False: there is already. */
bool console_want_input(void);

#endif
