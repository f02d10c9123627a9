/*
 * A device's registers, and the order of accesses to memory that it reads and writes by itself (Arm ARM B2.3: the outer shareable domain, for a device
 * need not be in the inner one). `base`: where the registers are mapped. The unit tests have registers of their own in place of this.
 */
#ifndef BLK_REGISTERS_H
#define BLK_REGISTERS_H

#include <stdint.h>

/** A load, at `offset` bytes. */
static inline uint32_t register_read(uintptr_t base, uint32_t offset)
{
    return *(volatile uint32_t *)(base + offset); /* NOLINT: an address of the startup page */
}

/** A load of one byte. */
static inline uint8_t register_read_byte(uintptr_t base, uint32_t offset)
{
    return *(volatile uint8_t *)(base + offset); /* NOLINT */
}

/** The store. */
static inline void register_write(uintptr_t base, uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)(base + offset) = value; /* NOLINT */
}

/** The device sees earlier stores before later ones, to memory and registers. */
static inline void device_publish(void)
{
    __asm__ volatile("dmb oshst" : : : "memory");
}

/** Later loads are not older than earlier ones. */
static inline void device_observe(void)
{
    __asm__ volatile("dmb oshld" : : : "memory");
}

/** Later loads come after the device may see earlier stores. */
static inline void device_exchange(void)
{
    __asm__ volatile("dmb osh" : : : "memory");
}

#endif
