/*
 * The console's output queue is the wire: what a guest writes to UARTDR is sent at once, and the transmit FIFO looks full when that queue is.
 * Input waits in the console's queue until the receive FIFO has room.
 *
 * `lock` guards the state; it is not held while a guest's store waits for room. Reads of the flag and of stored registers take no lock: one
 * word each, which another vCPU may change at any time on a real board too.
 *
 * A guest that polls UARTFR is offered the registers as memory: then a byte of output costs one exit, not two. With the first byte of input they
 * are taken back, since loads of UARTDR remove bytes.
 */
#include "pl011.h"

#include "console_client.h"
#include "lines.h"
#include "lock.h"
#include "machine.h"
#include "mmio.h"
#include "pl011_page.h"
#include "string.h"

enum {
    UARTDR = 0x00,
    UARTRSR = 0x04,
    UARTFR = 0x18,
    UARTILPR = 0x20,
    UARTIBRD = 0x24,
    UARTFBRD = 0x28,
    UARTLCR_H = 0x2c,
    UARTCR = 0x30,
    UARTIFLS = 0x34,
    UARTIMSC = 0x38,
    UARTRIS = 0x3c,
    UARTMIS = 0x40,
    UARTICR = 0x44,
    UARTDMACR = 0x48,
    UARTPERIPHID0 = 0xfe0,
    REGISTERS_END = 0x1000,
};

enum {
    FR_BUSY = 1 << 3,
    FR_RXFE = 1 << 4,
    FR_TXFF = 1 << 5,
    FR_RXFF = 1 << 6,
    FR_TXFE = 1 << 7,
    LCR_FEN = 1 << 4,
    CR_LBE = 1 << 7,
    CR_RESET = 0x300,
    IFLS_RESET = 0x12,
    INT_RX = 1 << 4,
    INT_TX = 1 << 5,
    INT_RT = 1 << 6,
    INT_ALL = 0x7ff,
    FIFO_SIZE = 32,
    POLLS = 64, /* loads of UARTFR before the registers are offered: offering costs as much as several of them */
};

static struct pl011_state uart;
static struct lock lock;
static const struct console *queue;

/* Bytes that the console takes now. uart's index may be nonsense: then none. */
static uint32_t console_room(void)
{
    uint32_t used = __atomic_load_n(&queue->out_head, __ATOMIC_RELAXED) - __atomic_load_n(&queue->out_tail, __ATOMIC_ACQUIRE);
    return used <= CONSOLE_OUT ? CONSOLE_OUT - used : 0;
}

static void page_update(void);

/* The end of each change. */
static void interrupt_update(void)
{
    if (uart.offered)
        page_update();
    uint32_t level = (uart.raw & uart.mask) != 0;
    if (level != uart.level) {
        uart.level = level;
        line_level(UART_INTID, level);
    }
}

/* --- receive ---------------------------------------------------------------------------------------------------------- */

static uint32_t fifo_depth(void)
{
    return uart.line_control & LCR_FEN ? FIFO_SIZE : 1;
}

static void page_withdraw(void)
{
    if (uart.offered)
        pl011_page_withdraw();
    uart.offered = uart.polls = 0;
}

/* The receive time-out comes at once: nothing tells when the next byte will arrive, and waiting helps nobody. */
static void fifo_put(uint8_t byte)
{
    page_withdraw();
    uart.fifo[(uart.fifo_head + uart.fifo_count) % FIFO_SIZE] = byte;
    uart.fifo_count++;
    uart.raw |= INT_RX | INT_RT;
}

/* As much input as the FIFO holds; the console tells when more comes, unless the FIFO is full. */
static void fifo_fill(void)
{
    char byte;
    while (uart.fifo_count < fifo_depth())
        if (console_read(&byte, 1))
            fifo_put((uint8_t)byte);
        else if (console_want_input())
            return;
}

static uint32_t data_read(void)
{
    uint32_t byte = 0;
    lock_take(&lock);
    if (uart.fifo_count) {
        byte = uart.fifo[uart.fifo_head];
        uart.fifo_head = (uart.fifo_head + 1) % FIFO_SIZE;
        uart.fifo_count--;
    }
    if (!uart.fifo_count)
        uart.raw &= ~(uint32_t)(INT_RX | INT_RT);
    fifo_fill();
    interrupt_update();
    lock_release(&lock);
    return byte;
}

/* --- transmit --------------------------------------------------------------------------------------------------------- */

/* The interrupt says that something can be written. Without room, uart is asked to tell. */
static void transmit_update(void)
{
    bool room = console_room() || !console_want_room();
    uart.blocked = !room;
    if (room)
        uart.raw |= INT_TX;
    else
        uart.raw &= ~(uint32_t)INT_TX;
}

static void loop_back(uint8_t byte)
{
    if (uart.fifo_count < fifo_depth())
        fifo_put(byte);
}

/* A guest that ignores the flag register waits here, and only its own vCPU does. `room`: of the console, before the byte was put there. */
__attribute__((noinline)) static void data_written(uint8_t byte, bool loops, uint32_t room)
{
    char character = (char)byte;
    if (!loops && !room)
        console_write_all(&character, 1);
    lock_take(&lock);
    if (loops)
        loop_back(byte);
    uart.written = 1;
    transmit_update();
    interrupt_update();
    lock_release(&lock);
}

/* As long as there is room for more the registers stay as they are after the first byte. */
static void data_write(uint8_t byte)
{
    bool loops = uart.control & CR_LBE;
    uint32_t room = loops ? 0 : console_write_byte(byte);
    if (__builtin_expect(room <= 1 || !uart.written || !(uart.raw & INT_TX), 0))
        data_written(byte, loops, room);
}

void pl011_console_event(void)
{
    lock_take(&lock);
    fifo_fill();
    if (uart.blocked)
        transmit_update();
    interrupt_update();
    lock_release(&lock);
}

bool pl011_was_written(void)
{
    return __atomic_load_n(&uart.written, __ATOMIC_RELAXED);
}

/* --- registers -------------------------------------------------------------------------------------------------------- */

static uint32_t flags_with(bool room)
{
    uint32_t count = __atomic_load_n(&uart.fifo_count, __ATOMIC_RELAXED);
    uint32_t receive = !count ? FR_RXFE : count >= fifo_depth() ? FR_RXFF : 0;
    return receive | (room ? FR_TXFE : FR_TXFF | FR_BUSY);
}

static uint32_t flags(void)
{
    return flags_with(console_room() != 0);
}

/* UARTPeriphID0 … UARTPCellID3: r1p4 has revision 1 in UARTPeriphID2[7:4]. */
static uint32_t identification(uint64_t offset)
{
    static const uint8_t bytes[8] = {0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    return offset >= UARTPERIPHID0 && offset < REGISTERS_END ? bytes[(offset - UARTPERIPHID0) / 4 % sizeof bytes] : 0;
}

static uint32_t register_read(uint64_t offset)
{
    switch (offset) {
    case UARTDR:
        return data_read();
    case UARTFR:
        return flags();
    case UARTILPR:
        return uart.ilpr;
    case UARTIBRD:
        return uart.ibrd;
    case UARTFBRD:
        return uart.fbrd;
    case UARTLCR_H:
        return uart.line_control;
    case UARTCR:
        return uart.control;
    case UARTIFLS:
        return uart.ifls;
    case UARTIMSC:
        return uart.mask;
    case UARTRIS:
        return uart.raw;
    case UARTMIS:
        return uart.raw & uart.mask;
    case UARTDMACR:
        return uart.dmacr;
    default:
        return identification(offset);
    }
}

/* Whether there is room is what was told last: of that the end is told, too, and a guest that polls the page learns of it. */
static void page_update(void)
{
    static const uint8_t changing[] = {UARTILPR, UARTIBRD, UARTFBRD, UARTLCR_H, UARTCR, UARTIFLS, UARTIMSC, UARTRIS, UARTMIS, UARTDMACR};
    for (unsigned i = 0; i < sizeof changing; i++)
        pl011_page_set(changing[i], register_read(changing[i]));
    pl011_page_set(UARTFR, flags_with(!uart.blocked));
}

static void page_offer(void)
{
    lock_take(&lock);
    uart.polls = 0;
    if (!uart.fifo_count && !uart.offered) {
        for (uint32_t offset = UARTPERIPHID0; offset < REGISTERS_END; offset += 4)
            pl011_page_set(offset, identification(offset));
        page_update();
        uart.offered = pl011_page_offer();
    }
    lock_release(&lock);
}

/* Apart, so that the flag register's path saves no registers. */
__attribute__((noinline)) static uint64_t slow_read(uint64_t offset)
{
    if (offset == UARTFR)
        page_offer();
    return register_read(offset & ~UINT64_C(3)) >> 8 * (offset & 3);
}

uint64_t pl011_read(unsigned vcpu, uint64_t offset, unsigned size)
{
    (void)vcpu;
    (void)size;
    return __builtin_expect(offset == UARTFR && ++uart.polls < POLLS, 1) ? flags() : slow_read(offset);
}

/* Switching the FIFO on or off empties it (DDI 0183 §3.3.7). */
static void line_control_write(uint32_t value)
{
    if ((value ^ uart.line_control) & LCR_FEN)
        uart.fifo_count = uart.fifo_head = 0;
    uart.line_control = value & 0xff;
    fifo_fill();
}

/* What arrived before the guest asked for interrupts must not wait for the next byte: the time-out has passed meanwhile. */
static void mask_write(uint32_t value)
{
    uart.mask = value & INT_ALL;
    if (uart.fifo_count)
        uart.raw |= INT_RT;
}

static void register_write(uint64_t offset, uint32_t value)
{
    switch (offset) {
    case UARTILPR:
        uart.ilpr = value & 0xff;
        break;
    case UARTIBRD:
        uart.ibrd = value & 0xffff;
        break;
    case UARTFBRD:
        uart.fbrd = value & 0x3f;
        break;
    case UARTLCR_H:
        line_control_write(value);
        break;
    case UARTCR:
        uart.control = value & 0xffff;
        break;
    case UARTIFLS:
        uart.ifls = value & 0x3f;
        break;
    case UARTIMSC:
        mask_write(value);
        break;
    case UARTICR:
        uart.raw &= ~value;
        break;
    case UARTDMACR:
        uart.dmacr = value & 7;
        break;
    default: /* UARTECR has no errors to clear; the others are read-only */
        break;
    }
}

void pl011_write(unsigned vcpu, uint64_t offset, unsigned size, uint64_t value)
{
    (void)vcpu;
    (void)size;
    if (offset == UARTDR) {
        data_write((uint8_t)value);
        return;
    }
    lock_take(&lock);
    register_write(offset, (uint32_t)value); /* of a word's later bytes: nothing */
    interrupt_update();
    lock_release(&lock);
}

void pl011_stop(void)
{
    lock_take(&lock);
    page_withdraw();
    lock_release(&lock);
}

void pl011_reset(void)
{
    lock_take(&lock);
    page_withdraw();
    memset(&uart, 0, sizeof uart);
    uart.control = CR_RESET;
    uart.ifls = IFLS_RESET;
    uart.polls = POLLS - 1; /* the first load counts as polling: what a VM needs shows as soon as it says its first word */
    fifo_fill();
    lock_release(&lock);
}

void pl011_build(const struct console *console)
{
    static const struct mmio_range range = {UART_BASE, DEVICE_SIZE, pl011_read, pl011_write, "PL011 (UART)"};
    queue = console;
    pl011_page_build(mmio_register(&range));
}
