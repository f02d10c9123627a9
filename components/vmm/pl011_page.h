/*
 * The UART's registers as a page of memory that the guest reads without an exit. Offered only while a read changes nothing: the receive FIFO is
 * empty. Stores still come to the monitor. No locks: the callers have the device's.
 */
#ifndef VMM_PL011_PAGE_H
#define VMM_PL011_PAGE_H

#include <stdbool.h>
#include <stdint.h>

/** Takes over the page that root gave; without one, or if something else is at the UART's addresses, it is never offered. */
void pl011_page_build(bool possible);

/** Sets the register at `offset`. */
void pl011_page_set(uint32_t offset, uint32_t value);

/** The guest reads the page from now on; false if it cannot. */
bool pl011_page_offer(void);

/** When it returns the guest's reads come to the monitor again. */
void pl011_page_withdraw(void);

#endif
