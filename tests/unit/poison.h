/* Kernel memory that is free may not be touched: ASan's poison on it, by way of --wrap (unit.mk). */
#ifndef TESTS_POISON_H
#define TESTS_POISON_H

/* None of the kernel's memory is poisoned. */
void poison_reset(void);

#endif
