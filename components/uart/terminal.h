/* Bytes on their way to the terminal: a ring that the multiplexer fills and the driver empties. */
#ifndef UART_TERMINAL_H
#define UART_TERMINAL_H

#include <stdint.h>

enum { TERMINAL_SIZE = 16384 };

struct terminal {
    uint32_t head; /* next byte to write; runs freely, as does `tail` */
    uint32_t tail; /* next byte to send */
    uint8_t bytes[TERMINAL_SIZE];
};

/** Bytes that fit. */
static inline uint32_t terminal_room(const struct terminal *terminal)
{
    return TERMINAL_SIZE - (terminal->head - terminal->tail);
}

/** Appends `count` bytes; the caller has seen to it that they fit, a rest is cut. */
void terminal_write(struct terminal *terminal, const void *bytes, uint32_t count);
/** Appends a string. */
void terminal_text(struct terminal *terminal, const char *text);
/** Appends a string, filled up with spaces to `width`. */
void terminal_field(struct terminal *terminal, const char *text, uint32_t width);
/** Appends a decimal number, right-justified to `width`. */
void terminal_number(struct terminal *terminal, uint64_t number, uint32_t width);
/** Appends the control sequence ESC [ `count` `final`. */
void terminal_control(struct terminal *terminal, uint32_t count, char final);
/** The longest stretch of bytes to send that lies in one piece. */
uint32_t terminal_peek(const struct terminal *terminal, const uint8_t **bytes);

#endif
