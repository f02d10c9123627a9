#include "terminal.h"

#include <string.h>

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

void terminal_write(struct terminal *terminal, const void *bytes, uint32_t count)
{
    count = least(count, terminal_room(terminal));
    uint32_t at = terminal->head % TERMINAL_SIZE;
    uint32_t first = least(count, TERMINAL_SIZE - at);
    memcpy(terminal->bytes + at, bytes, first);
    if (count > first)
        memcpy(terminal->bytes, (const uint8_t *)bytes + first, count - first);
    terminal->head += count;
}

void terminal_text(struct terminal *terminal, const char *text)
{
    terminal_write(terminal, text, (uint32_t)strlen(text));
}

void terminal_field(struct terminal *terminal, const char *text, uint32_t width)
{
    terminal_text(terminal, text);
    for (uint32_t length = (uint32_t)strlen(text); length < width; length++)
        terminal_write(terminal, " ", 1);
}

void terminal_number(struct terminal *terminal, uint64_t number, uint32_t width)
{
    char digits[20];
    uint32_t length = 0;
    do {
        digits[sizeof(digits) - ++length] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    terminal_field(terminal, "", width > length ? width - length : 0);
    terminal_write(terminal, digits + sizeof(digits) - length, length);
}

void terminal_control(struct terminal *terminal, uint32_t count, char final)
{
    terminal_text(terminal, "\x1b[");
    terminal_number(terminal, count, 0);
    terminal_write(terminal, &final, 1);
}

uint32_t terminal_peek(const struct terminal *terminal, const uint8_t **bytes)
{
    uint32_t at = terminal->tail % TERMINAL_SIZE;
    *bytes = terminal->bytes + at;
    return least(terminal->head - terminal->tail, TERMINAL_SIZE - at);
}
