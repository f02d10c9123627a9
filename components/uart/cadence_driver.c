/* The Cadence UART of Zynq and Zynq UltraScale+ (UG1085 chapter 21, registers UG1087 "UART"). */
#include "driver.h"
#include "registers.h"

/* Registers, byte offsets. */
enum {
    CR = 0x00,
    IER = 0x08,
    IDR = 0x0c,
    ISR = 0x14, /* latched; write 1 to clear */
    RXWM = 0x20,
    SR = 0x2c,
    FIFO = 0x30,
    RXBS = 0x48, /* what is wrong with the byte that FIFO will give next */
};
enum { CR_RXEN = 1 << 2, CR_RXDIS = 1 << 3, CR_TXEN = 1 << 4, CR_TXDIS = 1 << 5 };
/* Interrupts, and the same bits of SR: how it is now. */
enum { RTRIG = 1 << 0, REMPTY = 1 << 1, TEMPTY = 1 << 3, TFUL = 1 << 4, ROVR = 1 << 5, INT_ALL = 0x3fff };
enum { SR_TACTIVE = 1 << 11 };
enum { RXBS_FRAMING = 1 << 1, RXBS_BREAK = 1 << 2 };
enum { FIFO_DEPTH = 64 };

/* Interrupts at the first byte of input: there is no second condition, such as a time-out, to keep going. */
static void cadence_start(uintptr_t base)
{
    register_write(base, IDR, INT_ALL);
    uint32_t control = register_read(base, CR) & ~(uint32_t)(CR_RXDIS | CR_TXDIS);
    register_write(base, CR, control | CR_RXEN | CR_TXEN);
    register_write(base, RXWM, 1);
    register_write(base, ISR, INT_ALL);
    register_write(base, IER, RTRIG);
}

/*
 * False: it is full, and TEMPTY is going to be latched. It may have been latched before: it is cleared, and if the FIFO is full
 * still, it will run empty later than that.
 */
static bool has_room(uintptr_t base, uint32_t status)
{
    if (!(status & TFUL))
        return true;
    register_write(base, ISR, TEMPTY);
    return !(register_read(base, SR) & TFUL);
}

static uint32_t cadence_write(uintptr_t base, const uint8_t *bytes, uint32_t count)
{
    const uint8_t *at = bytes, *end = bytes + count;
    while (at < end) {
        uint32_t status = register_read(base, SR);
        if (!has_room(base, status))
            break;
        const uint8_t *stop = at + 1;
        if (status & TEMPTY)
            stop = end - at < FIFO_DEPTH ? end : at + FIFO_DEPTH;
        while (at < stop)
            register_write(base, FIFO, *at++);
    }
    return (uint32_t)(at - bytes);
}

/* An overrun is found by the next byte that is read: the bytes that were there are still in the FIFO when it happens. */
static int cadence_read(uintptr_t base)
{
    if (register_read(base, SR) & REMPTY)
        return DRIVER_EMPTY;
    uint32_t wrong = register_read(base, RXBS), lost = register_read(base, ISR) & ROVR;
    uint8_t byte = (uint8_t)register_read(base, FIFO);
    if (lost)
        register_write(base, ISR, ROVR);
    if (wrong & (RXBS_BREAK | RXBS_FRAMING))
        return DRIVER_BREAK;
    return byte | (lost ? DRIVER_LOST : 0);
}

static void cadence_want_room(uintptr_t base, bool want)
{
    register_write(base, want ? IER : IDR, TEMPTY);
}

static void cadence_clear(uintptr_t base)
{
    register_write(base, ISR, INT_ALL & ~ROVR);
}

static bool cadence_is_busy(uintptr_t base)
{
    return (register_read(base, SR) & (TEMPTY | SR_TACTIVE)) != TEMPTY;
}

const struct uart_driver cadence_driver = {
    .start = cadence_start,
    .write = cadence_write,
    .read = cadence_read,
    .want_room = cadence_want_room,
    .clear = cadence_clear,
    .is_busy = cadence_is_busy,
};
