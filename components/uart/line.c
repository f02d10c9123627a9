#include "line.h"

#include <string.h>

enum { ESC = 0x1b, BEL = 0x07 };

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* UTF-8: the second and later bytes of a character. */
static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

void line_clear(struct line *line)
{
    line->length = 0;
    line->cursor = 0;
    line->shown = 0;
    line->carriage = false;
}

/* A cursor that was moved behind the end: what lies between becomes blank. */
static void fill_gap(struct line *line)
{
    if (line->cursor > line->length) {
        memset(line->cells + line->length, ' ', (size_t)(line->cursor - line->length));
        line->length = line->cursor;
    }
}

uint32_t line_write(struct line *line, const uint8_t *bytes, uint32_t count)
{
    count = least(count, (uint32_t)(LINE_CELLS - line->cursor));
    fill_gap(line);
    memcpy(line->cells + line->cursor, bytes, count);
    line->shown = (uint16_t)least(line->shown, line->cursor);
    line->cursor = (uint16_t)(line->cursor + count);
    if (line->length < line->cursor)
        line->length = line->cursor;
    return count;
}

void line_back(struct line *line, uint32_t count)
{
    uint32_t at = line->cursor;
    for (; count && at; count--) {
        at--;
        while (at && at < line->length && is_continuation(line->cells[at]))
            at--;
    }
    line->cursor = (uint16_t)at;
}

static void line_forward(struct line *line, uint32_t count)
{
    uint32_t at = line->cursor;
    for (; count && at < LINE_CELLS; count--) {
        at++;
        while (at < line->length && is_continuation(line->cells[at]))
            at++;
    }
    line->cursor = (uint16_t)at;
}

uint32_t line_columns(const struct line *line, uint32_t from, uint32_t to)
{
    uint32_t columns = 0;
    for (uint32_t i = from; i < to; i++)
        columns += i >= line->length || !is_continuation(line->cells[i]);
    return columns;
}

/* ECMA-48 5.4, ECMA-35 13.2: which bytes continue which kind of sequence. */
static enum escape_result advance_start(struct line *line, uint8_t byte)
{
    if (byte == '[' && line->escape_length == 2)
        line->escape_state = ESCAPE_CONTROL;
    else if (byte && strchr("]PX^_", byte) && line->escape_length == 2)
        line->escape_state = ESCAPE_STRING;
    else if (byte >= 0x30)
        return ESCAPE_DONE;
    return ESCAPE_MORE;
}

static enum escape_result advance_string(struct line *line, uint8_t byte)
{
    bool ends = byte == BEL || (byte == '\\' && line->escape_state == ESCAPE_STRING_END);
    line->escape_state = byte == ESC ? ESCAPE_STRING_END : ESCAPE_STRING;
    return ends ? ESCAPE_DONE : ESCAPE_MORE;
}

static enum escape_result escape_advance(struct line *line, uint8_t byte)
{
    switch (line->escape_state) {
    case ESCAPE_START:
        return advance_start(line, byte);
    case ESCAPE_CONTROL:
        return byte >= 0x40 ? ESCAPE_DONE : ESCAPE_MORE;
    default:
        return advance_string(line, byte);
    }
}

/* A control character ends a sequence, except what belongs to a string. */
static bool breaks_escape(const struct line *line, uint8_t byte)
{
    bool string = line->escape_state >= ESCAPE_STRING;
    return byte < 0x20 && !(string && (byte == BEL || byte == ESC));
}

enum escape_result line_escape(struct line *line, uint8_t byte)
{
    if (line->escape_state == ESCAPE_NONE) {
        line->escape_state = ESCAPE_START;
        line->escape_length = 0;
    } else if (breaks_escape(line, byte)) {
        line->escape_state = ESCAPE_NONE;
        return ESCAPE_BROKEN;
    }
    if (line->escape_length < LINE_ESCAPE)
        line->escape[line->escape_length++] = (char)byte;
    if (byte == ESC && line->escape_state == ESCAPE_START)
        return ESCAPE_MORE;

    enum escape_result result = escape_advance(line, byte);
    if (result != ESCAPE_DONE)
        return result;
    line->escape_state = ESCAPE_NONE;
    if (line->escape_length == LINE_ESCAPE)
        line->escape_length = 0;
    line->escape[line->escape_length] = 0;
    return ESCAPE_DONE;
}

char line_final(const struct line *line)
{
    if (line->escape_length < 3 || line->escape[1] != '[')
        return 0;
    return line->escape[line->escape_length - 1];
}

uint32_t line_parameter(const struct line *line, uint32_t index)
{
    const char *text = line->escape + 2;
    while (index && *text)
        index -= *text++ == ';';
    uint32_t number = 0;
    for (; *text >= '0' && *text <= '9'; text++)
        number = least(number * 10 + (uint32_t)(*text - '0'), 9999);
    return number;
}

/* Colours last until they are reset; only the latest sequence is kept. */
static void keep_colour(struct line *line)
{
    bool reset = !strcmp(line->escape, "\x1b[m") || !strcmp(line->escape, "\x1b[0m");
    line->colour_length = reset || line->escape_length > LINE_COLOUR ? 0 : line->escape_length;
    memcpy(line->colour, line->escape, line->colour_length);
}

/* ED and EL, as far as this line is concerned. */
static void erase_cells(struct line *line)
{
    uint32_t what = line_parameter(line, 0);
    if (what == 0)
        line->length = (uint16_t)least(line->length, line->cursor);
    else if (what == 2)
        line->length = 0;
    line->shown = (uint16_t)least(line->shown, line->length);
}

static void delete_cells(struct line *line, uint32_t count)
{
    if (line->cursor >= line->length)
        return;
    count = least(count, (uint32_t)(line->length - line->cursor));
    line->length = (uint16_t)(line->length - count);
    memmove(line->cells + line->cursor, line->cells + line->cursor + count, (size_t)(line->length - line->cursor));
}

static void insert_cells(struct line *line, uint32_t count)
{
    if (line->cursor >= line->length)
        return;
    count = least(count, (uint32_t)(LINE_CELLS - line->length));
    uint8_t *at = line->cells + line->cursor;
    memmove(at + count, at, (size_t)(line->length - line->cursor));
    memset(at, ' ', count);
    line->length = (uint16_t)(line->length + count);
}

/* To another place of the screen: what stands there is not known. */
static void move_elsewhere(struct line *line, uint32_t column)
{
    line_clear(line);
    line_forward(line, column ? column - 1 : 0);
}

void line_apply(struct line *line)
{
    uint32_t number = line_parameter(line, 0);
    uint32_t count = number ? number : 1;
    switch (line_final(line)) {
    case 'C':
        line_forward(line, count);
        break;
    case 'D':
        line_back(line, count);
        break;
    case 'G':
        line->cursor = 0;
        line_forward(line, count - 1);
        break;
    case 'H':
    case 'f':
        move_elsewhere(line, line_parameter(line, 1));
        break;
    case 'J':
    case 'K':
        erase_cells(line);
        break;
    case 'P':
        delete_cells(line, count);
        break;
    case '@':
        insert_cells(line, count);
        break;
    case 'm':
        keep_colour(line);
        break;
    default:
        break;
    }
}
