/* Polled output to the UARTs that boards have. The firmware set its speed; in a panic a component may be using it, which stops. */
#include "console.h"
#include "arch.h"
#include "mmio.h"
#include "mmu.h"

enum { ROOM_TRIES = 1000000 }; /* a UART that never has room must not stop the machine */

static const struct uart_kind kinds[] = {
    {"arm,pl011", .data = 0x00, .status = 0x18, .full = 1 << 5, .control = 0x30, .enable = 1 << 8 | 1 << 0},
    {"arm,sbsa-uart", .data = 0x00, .status = 0x18, .full = 1 << 5},
    {"cdns,uart-r1p12", .data = 0x30, .status = 0x2c, .full = 1 << 4, .control = 0x00, .enable = 1 << 4, .disable = 1 << 5},
};

static const struct uart_kind *uart; /* NULL: none */
static uintptr_t base;

const struct uart_kind *console_kind(unsigned index)
{
    return index < ARRAY_SIZE(kinds) ? &kinds[index] : NULL;
}

static void char_write(uint32_t c)
{
    for (unsigned i = 0; i < ROOM_TRIES && mmio_read32(base + uart->status) & uart->full; i++)
        arch_relax();
    mmio_write32(base + uart->data, c);
}

void arch_log_char(char c)
{
    if (!uart)
        return;
    if (c == '\n')
        char_write('\r');
    char_write((unsigned char)c);
}

void console_init(paddr_t registers, const struct uart_kind *kind)
{
    base = mmu_map_device(registers, PAGE_SIZE);
    uart = kind;
    if (kind->enable)
        mmio_write32(base + kind->control, (mmio_read32(base + kind->control) & ~(uint32_t)kind->disable) | kind->enable);
}
