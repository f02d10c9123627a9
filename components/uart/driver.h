/* What a UART can do, so that the rest does not know which one it is. `base`: where its registers are mapped. */
#ifndef UART_DRIVER_H
#define UART_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

enum {
    DRIVER_EMPTY = -1, /* there is no input */
    DRIVER_BREAK = -2, /* no byte: the line was broken */
    DRIVER_LOST = 256, /* bit: input before this byte got lost */
};

struct uart_driver {
    /** Sets it up with its interrupt for input on. Speed and format stay as the firmware chose them. */
    void (*start)(uintptr_t base);
    /** Sends as many of the bytes as it takes without waiting; returns how many. */
    uint32_t (*write)(uintptr_t base, const uint8_t *bytes, uint32_t count);
    /** A byte of input, or one of the above. */
    int (*read)(uintptr_t base);
    /** Whether it is to interrupt when there is room to send again. */
    void (*want_room)(uintptr_t base, bool want);
    /** At an interrupt, before bytes are read and written: what comes from now on interrupts again. */
    void (*clear)(uintptr_t base);
    /** Whether bytes are still on their way out. */
    bool (*is_busy)(uintptr_t base);
};

extern const struct uart_driver pl011_driver, cadence_driver;

#endif
