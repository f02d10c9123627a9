/* Text on the PL011 (or SBSA) UART. */
#include "guest.h"

static void print_char(char c)
{
    while (mmio_read(machine.uart + PL011_FR) & PL011_FR_TXFF)
        __asm__ volatile("yield");
    mmio_write(machine.uart + PL011_DR, (uint8_t)c);
}

void print(const char *text)
{
    for (; *text; text++) {
        if (*text == '\n')
            print_char('\r');
        print_char(*text);
    }
}

void print_dec(uint64_t n)
{
    char text[21], *p = text + sizeof(text) - 1;
    *p = 0;
    do {
        *--p = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    print(p);
}

void print_hex(uint64_t n)
{
    char text[19], *p = text + sizeof(text) - 1;
    *p = 0;
    do {
        unsigned digit = n & 15;
        *--p = (char)(digit < 10 ? '0' + digit : 'a' + digit - 10);
        n >>= 4;
    } while (n);
    *--p = 'x';
    *--p = '0';
    print(p);
}
