/* The board's UART as the kernel's log; at boot and in a panic only, otherwise it is a component's. */
#ifndef AARCH64_CONSOLE_H
#define AARCH64_CONSOLE_H

#include "types.h"

/* A kind of UART, as far as polled output goes: offsets of registers, and bits in them. */
struct uart_kind {
    const char *compatible;
    uint16_t data, status, control;
    uint16_t full;          /* in `status`: no room */
    uint16_t enable, disable; /* in `control`: to be set, to be cleared */
};

/* Device trees name it so; NULL: the kernel cannot write to it. */
const struct uart_kind *console_kind(unsigned index);
void console_init(paddr_t registers, const struct uart_kind *kind);

#endif
