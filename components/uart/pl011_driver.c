/* The Arm PrimeCell UART (PL011), Arm DDI 0183. */
#include "driver.h"
#include "registers.h"

/* Registers, byte offsets (DDI 0183 §3.2), and bits (§3.3). */
enum {
    DR = 0x00,
    FR = 0x18,
    LCR_H = 0x2c,
    CR = 0x30,
    IFLS = 0x34,
    IMSC = 0x38,
    ICR = 0x44,
};
enum { DR_FRAMING = 1 << 8, DR_BREAK = 1 << 10, DR_OVERRUN = 1 << 11, DR_BYTE = 0xff };
enum { FR_BUSY = 1 << 3, FR_RXFE = 1 << 4, FR_TXFF = 1 << 5, FR_TXFE = 1 << 7 };
enum { LCR_H_FEN = 1 << 4, LCR_H_8_BITS = 3 << 5 };
enum { CR_UARTEN = 1 << 0, CR_TXE = 1 << 8, CR_RXE = 1 << 9 };
enum { IFLS_TX_EIGHTH = 0, IFLS_RX_HALF = 2 << 3 };
enum { INT_RX = 1 << 4, INT_TX = 1 << 5, INT_RX_TIMEOUT = 1 << 6, INT_OVERRUN = 1 << 10, INT_ALL = 0x7ff };
enum { FIFO_DEPTH = 16 /* r1p5 has 32, all have these */ };

/* LCR_H is not written when it is right: switching FIFOs on empties them (§3.3.7). */
static void pl011_start(uintptr_t base)
{
    register_write(base, IMSC, 0);
    uint32_t format = register_read(base, LCR_H);
    if (!(format & LCR_H_FEN)) {
        register_write(base, CR, 0);
        register_write(base, LCR_H, (format ? format : LCR_H_8_BITS) | LCR_H_FEN);
    }
    register_write(base, IFLS, IFLS_TX_EIGHTH | IFLS_RX_HALF);
    register_write(base, ICR, INT_ALL);
    register_write(base, CR, CR_UARTEN | CR_TXE | CR_RXE);
    register_write(base, IMSC, INT_RX | INT_RX_TIMEOUT | INT_OVERRUN);
}

/* An empty FIFO takes FIFO_DEPTH bytes without being asked again: the fewest instructions per byte. */
static uint32_t pl011_write(uintptr_t base, const uint8_t *bytes, uint32_t count)
{
    const uint8_t *at = bytes, *end = bytes + count;
    while (at < end) {
        uint32_t flags = register_read(base, FR);
        if (flags & FR_TXFF)
            break;
        const uint8_t *stop = at + 1;
        if (flags & FR_TXFE)
            stop = end - at < FIFO_DEPTH ? end : at + FIFO_DEPTH;
        while (at < stop)
            register_write(base, DR, *at++);
    }
    return (uint32_t)(at - bytes);
}

static int pl011_read(uintptr_t base)
{
    if (register_read(base, FR) & FR_RXFE)
        return DRIVER_EMPTY;
    uint32_t data = register_read(base, DR);
    if (data & (DR_BREAK | DR_FRAMING))
        return DRIVER_BREAK;
    return (int)(data & DR_BYTE) | (data & DR_OVERRUN ? DRIVER_LOST : 0);
}

/*
 * The transmit interrupt comes when the FIFO runs through its trigger level (§2.8.2), so it is to be switched on while the FIFO is full: it
 * latches even if that happens before IMSC is written.
 */
static void pl011_want_room(uintptr_t base, bool want)
{
    register_write(base, IMSC, INT_RX | INT_RX_TIMEOUT | INT_OVERRUN | (want ? INT_TX : 0));
}

static void pl011_clear(uintptr_t base)
{
    register_write(base, ICR, INT_ALL);
}

static bool pl011_is_busy(uintptr_t base)
{
    return (register_read(base, FR) & FR_BUSY) != 0;
}

const struct uart_driver pl011_driver = {
    .start = pl011_start,
    .write = pl011_write,
    .read = pl011_read,
    .want_room = pl011_want_room,
    .clear = pl011_clear,
    .is_busy = pl011_is_busy,
};
