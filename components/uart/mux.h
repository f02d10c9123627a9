/*
 * The console multiplexer: many consoles on one terminal, every line with its console's name in front. Only computes: bytes come from and go
 * to the consoles' queues and `terminal`; what has to be signalled is left in `notify` and `requests` for the caller.
 *
 * One console has the keyboard. Its output appears as it comes, partial lines and escape sequences included. Of the others only text
 * appears, in whole lines, above the partial line at the bottom, which is drawn again behind them.
 */
#ifndef UART_MUX_H
#define UART_MUX_H

#include "line.h"
#include "terminal.h"

#include <bulkhead/console.h>
#include <bulkhead/startup.h>

enum {
    MUX_CONSOLES = 32,
    MUX_NAME = 16,
    MUX_TURN = 512,     /* bytes that a console may have shown before it is the next one's turn */
    MUX_EVENT = 2048,   /* more than one event (a newline, a key in the menu) adds to the terminal's bytes */
    MUX_NOBODY = -1,
};

/* One console. */
struct channel {
    char name[MUX_NAME];
    char prefix[MUX_NAME + 4]; /* of its lines; `prefix_length` bytes */
    struct console *page;
    uint64_t flush_at; /* when a partial line without the keyboard is shown nevertheless */
    struct line line;
};

struct mux {
    struct terminal terminal;
    const struct registry *registry;
    struct channel channels[MUX_CONSOLES];
    uint32_t count;
    uint32_t focus;      /* index of the console that has the keyboard */
    uint32_t turn;       /* index of the console whose turn it is first */
    uint32_t prefix_length;
    bool occupied;       /* the terminal's last line bears the focus's partial line or the menu's */
    bool menu;           /* the menu has the keyboard */
    bool swallow;        /* what comes is the rest of a function key's sequence that closed the menu */
    uint64_t escape_until; /* the Esc that closed the menu may be the beginning of such a sequence, until then */
    uint64_t now;        /* ticks */
    uint64_t second;     /* ticks per second */
    uint64_t notify;     /* bit i: console i's peer waits for input or room that is there now */
    uint64_t requests;   /* enum root_signal, to be raised when the terminal has got all bytes */
};

/** An empty multiplexer. `frequency`: ticks per second of the times it is given. The registry may be NULL. */
void mux_init(struct mux *mux, const struct registry *registry, uint64_t frequency);
/** Adds a console; false if there are too many. */
bool mux_add(struct mux *mux, const char *name, struct console *page, bool has_focus);
/** To be called behind the last mux_add: says on the terminal who has the keyboard. */
void mux_start(struct mux *mux);
/** One byte from the keyboard. */
void mux_input(struct mux *mux, uint8_t byte, uint64_t now);
/** Input got lost before it came here. */
void mux_lose(struct mux *mux);
/** Moves output to the terminal as far as there is room; false if there was none to move. */
bool mux_run(struct mux *mux, uint64_t now);
/** When mux_run has to be called even if nothing happens. */
uint64_t mux_deadline(const struct mux *mux);
/** Whether the consoles' owners are to raise their signal when they write. */
void mux_set_waits(struct mux *mux, bool waits);
/** Whether a console has output. */
bool mux_has_output(const struct mux *mux);

/* For the menu. */

/** Gives console `index` the keyboard. */
void mux_focus(struct mux *mux, uint32_t index);
/** Appends input for the console that has the keyboard. */
void mux_send(struct mux *mux, uint8_t byte);
/** Makes the terminal's last line empty: what is written now stands above the partial line. */
void mux_clear_line(struct mux *mux);

#endif
