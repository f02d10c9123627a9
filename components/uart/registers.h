/* A UART's 32-bit registers. `base`: where they are mapped. The unit tests of drivers have registers of their own in place of this. */
#ifndef UART_REGISTERS_H
#define UART_REGISTERS_H

#include <stdint.h>

/** A load, at `offset` bytes. */
static inline uint32_t register_read(uintptr_t base, uint32_t offset)
{
    return *(volatile uint32_t *)(base + offset); /* NOLINT: an address of the startup page */
}

/** The store. */
static inline void register_write(uintptr_t base, uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)(base + offset) = value; /* NOLINT */
}

#endif
