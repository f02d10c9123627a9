/*
 * What a console has written since its last newline, as the terminal would show it: characters and a cursor. With it a partial line
 * can be taken off the terminal and drawn again, and a console without the keyboard shows its lines as they ended up, without escape
 * sequences that would disturb the others. Positions count bytes; the bytes of a UTF-8 character move as one.
 */
#ifndef UART_LINE_H
#define UART_LINE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    LINE_CELLS = 512,
    LINE_ESCAPE = 128, /* longer escape sequences are dropped */
    LINE_COLOUR = 24,
    LINE_TAB = 8,
};

enum escape_state {
    ESCAPE_NONE,
    ESCAPE_START,      /* ESC, perhaps intermediate bytes */
    ESCAPE_CONTROL,    /* ESC [ … */
    ESCAPE_STRING,     /* ESC ] … and its like, until BEL or ESC \ */
    ESCAPE_STRING_END, /* in a string, behind an ESC */
};

enum escape_result {
    ESCAPE_MORE,
    ESCAPE_DONE,   /* `escape` is a whole sequence */
    ESCAPE_BROKEN, /* it is given up; the byte does not belong to it */
};

struct line {
    uint16_t length;
    uint16_t cursor;                  /* may lie behind the end */
    uint16_t shown;                   /* without the keyboard: the cells before this one were printed already */
    bool carriage;                    /* a CR came that the terminal has not been sent, for an LF may follow */
    uint8_t escape_state;             /* enum escape_state */
    uint8_t escape_length;            /* LINE_ESCAPE: it was too long */
    uint8_t colour_length;
    char escape[LINE_ESCAPE + 1];     /* the sequence so far; when it is done, a string */
    char colour[LINE_COLOUR];         /* the sequence that sets the current colours */
    uint8_t cells[LINE_CELLS];
};

/** Starts a new line. Colours stay. */
void line_clear(struct line *line);
/** Puts printable characters at the cursor; returns how many of them: fewer than `count` if the line is full then. */
uint32_t line_write(struct line *line, const uint8_t *bytes, uint32_t count);
/** Moves the cursor by `count` characters to the left, but not beyond the beginning. */
void line_back(struct line *line, uint32_t count);
/** Takes one byte of an escape sequence; the first one is the ESC. */
enum escape_result line_escape(struct line *line, uint8_t byte);
/** The final byte of the control sequence in `escape`; 0 if it is another kind of sequence. */
char line_final(const struct line *line);
/** Numeric parameter `index` of the control sequence in `escape`; 0 if absent. */
uint32_t line_parameter(const struct line *line, uint32_t index);
/** Does to the line what the sequence in `escape` does to a terminal's. */
void line_apply(struct line *line);
/** Characters in cells [from, to). */
uint32_t line_columns(const struct line *line, uint32_t from, uint32_t to);

#endif
