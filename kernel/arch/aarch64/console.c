/* PL011 (Arm DDI 0183), output only, polled. The firmware set its speed; in a panic it may be in use by a component, which stops. */
#include "console.h"
#include "arch.h"
#include "mmio.h"
#include "mmu.h"

enum { UARTDR = 0x00, UARTFR = 0x18, UARTCR = 0x30 };
enum { FR_TXFF = 1 << 5 };
enum { CR_UARTEN = 1 << 0, CR_TXE = 1 << 8 };
enum { ROOM_TRIES = 1000000 }; /* a UART that never has room must not stop the machine */

static uintptr_t uart; /* 0: none */

static void char_write(uint32_t c)
{
    for (unsigned i = 0; i < ROOM_TRIES && mmio_read32(uart + UARTFR) & FR_TXFF; i++)
        arch_relax();
    mmio_write32(uart + UARTDR, c);
}

void arch_log_char(char c)
{
    if (!uart)
        return;
    if (c == '\n')
        char_write('\r');
    char_write((unsigned char)c);
}

void console_init(paddr_t pl011)
{
    uart = mmu_map_device(pl011, PAGE_SIZE);
    mmio_write32(uart + UARTCR, mmio_read32(uart + UARTCR) | CR_UARTEN | CR_TXE);
}
