/* The board's UART as the kernel's log; at boot and in a panic only, otherwise it is a component's. */
#ifndef AARCH64_CONSOLE_H
#define AARCH64_CONSOLE_H

#include "types.h"

void console_init(paddr_t pl011);

#endif
