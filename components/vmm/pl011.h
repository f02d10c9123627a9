/* PL011 UART (DDI 0183) on the VM's console. */
#ifndef VMM_PL011_H
#define VMM_PL011_H

#include <bulkhead/console.h>
#include <stdbool.h>
#include <stdint.h>

/* The device's whole state; plain data. */
struct pl011_state {
    uint32_t control;      /* UARTCR */
    uint32_t line_control; /* UARTLCR_H */
    uint32_t ibrd, fbrd, ilpr, ifls, dmacr;
    uint32_t mask; /* UARTIMSC */
    uint32_t raw;  /* UARTRIS */
    uint8_t fifo[32];
    uint32_t fifo_head, fifo_count;
    uint32_t level;   /* of the interrupt line, as told to the kernel */
    uint32_t blocked; /* output is full; uart will tell when there is room */
    uint32_t written; /* the guest has written something since the reset */
    uint32_t offered; /* the guest reads the registers as memory (pl011_page.h) */
    uint32_t polls;   /* loads of UARTFR that came here since they were last offered */
};

/** Connects the device to the console whose queues lie there and puts its registers into the guest's address space. */
void pl011_build(const struct console *console);

/** Power-on state. */
void pl011_reset(void);

/** The guest has stopped: nothing stays mapped that a VM which has not polled would not have, either. */
void pl011_stop(void);

/** Main thread: uart says that there is input or room. */
void pl011_console_event(void);

/** Whether the guest has written anything since the last reset. */
bool pl011_was_written(void);

/** Its registers (for tests: vcpu, offset, size in bytes). */
uint64_t pl011_read(unsigned vcpu, uint64_t offset, unsigned size);
void pl011_write(unsigned vcpu, uint64_t offset, unsigned size, uint64_t value);

#endif
