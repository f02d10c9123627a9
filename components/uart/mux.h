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
    /* Its output, as indices of its queue: up to where it was looked at; put on the terminal; put there before the mark. */
    uint32_t taken, shown, marked;
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
    uint32_t mark;       /* position in the terminal's bytes: what is marked is sent when these are */
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
/** To be called behind the last mux_add: says on the terminal who has the keyboard, on a line of its own if another driver wrote before. */
void mux_start(struct mux *mux, bool again);
/** One byte from the keyboard. */
void mux_input(struct mux *mux, uint8_t byte, uint64_t now);
/** Everybody is to look at his queues: what the driver before this one was about to say is not known. */
void mux_notify_all(struct mux *mux);
/** Input got lost before it came here. */
void mux_lose(struct mux *mux);
/** Moves output to the terminal as far as there is room; false if there was none to move. */
bool mux_run(struct mux *mux, uint64_t now);
/**
 * To be called when bytes of the terminal were sent: frees the room of what nobody needs any more. Until then it stays in the consoles' queues, so
 * that a driver that comes after this one shows it (again).
 */
void mux_sent(struct mux *mux);
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
