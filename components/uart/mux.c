#include "mux.h"

#include "menu.h"

#include <string.h>

enum {
    FLUSH_FRACTION = 5, /* of a second: a partial line without the keyboard is shown after 200 ms */
    PREFIX_MORE = 3,    /* " | " behind the name */
    MUX_ROUNDS = 16,    /* per mux_run, so that the keyboard is served under any flood */
};

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static struct channel *focus_channel(struct mux *mux)
{
    return &mux->channels[mux->focus];
}

static bool is_interactive(const struct mux *mux, const struct channel *channel)
{
    return channel == &mux->channels[mux->focus] && !mux->menu;
}

/* --- drawing -------------------------------------------------------------------------------------------------------- */

static void draw_prefix(struct mux *mux, const struct channel *channel)
{
    terminal_write(&mux->terminal, channel->prefix, mux->prefix_length);
}

static void reset_colour(struct mux *mux, const struct line *line)
{
    if (line->colour_length)
        terminal_text(&mux->terminal, "\x1b[m");
}

/* The cursor goes to the beginning of the terminal's line and behind the prefix, whose colours are always the usual ones. */
static void draw_beginning(struct mux *mux, struct channel *channel)
{
    reset_colour(mux, &channel->line);
    draw_prefix(mux, channel);
    terminal_write(&mux->terminal, channel->line.colour, channel->line.colour_length);
}

static void draw_partial(struct mux *mux, struct channel *channel)
{
    struct line *line = &channel->line;
    draw_beginning(mux, channel);
    terminal_write(&mux->terminal, line->cells, line->length);
    if (line->cursor < line->length)
        terminal_control(&mux->terminal, line_columns(line, line->cursor, line->length), 'D');
    if (line->cursor > line->length)
        terminal_control(&mux->terminal, (uint32_t)(line->cursor - line->length), 'C');
    line->carriage = false;
    mux->occupied = true;
}

void mux_clear_line(struct mux *mux)
{
    if (!mux->occupied)
        return;
    reset_colour(mux, &focus_channel(mux)->line);
    terminal_text(&mux->terminal, "\r\x1b[K");
    mux->occupied = false;
}

/* What belongs on the terminal's last line when no more output is at hand. */
static void draw_last_line(struct mux *mux)
{
    struct channel *channel = focus_channel(mux);
    if (mux->occupied)
        return;
    if (mux->menu)
        menu_draw(mux);
    else if (mux->count && (channel->line.length || channel->line.cursor))
        draw_partial(mux, channel);
}

/* The console's line is about to be continued on the terminal. */
static void continue_line(struct mux *mux, struct channel *channel)
{
    if (!mux->occupied) {
        draw_partial(mux, channel);
    } else if (channel->line.carriage) {
        terminal_text(&mux->terminal, "\r");
        draw_beginning(mux, channel);
        channel->line.carriage = false;
    }
}

/* Without the keyboard: what of the line was not shown yet becomes a line of the terminal. */
static void emit_line(struct mux *mux, struct channel *channel)
{
    struct line *line = &channel->line;
    mux_clear_line(mux);
    draw_prefix(mux, channel);
    terminal_write(&mux->terminal, line->cells + line->shown, (uint32_t)(line->length - line->shown));
    terminal_text(&mux->terminal, "\r\n");
    line->shown = line->length;
}

/* --- output --------------------------------------------------------------------------------------------------------- */

static void put_newline(struct mux *mux, struct channel *channel)
{
    if (is_interactive(mux, channel)) {
        if (!mux->occupied)
            draw_partial(mux, channel);
        reset_colour(mux, &channel->line);
        terminal_text(&mux->terminal, "\r\n");
        mux->occupied = false;
    } else if (!channel->line.shown || channel->line.shown < channel->line.length) {
        emit_line(mux, channel);
    }
    line_clear(&channel->line);
}

/* With the keyboard the terminal wraps a long line; only what was kept of it so far is forgotten. */
static void wrap_line(struct mux *mux, struct channel *channel)
{
    if (!is_interactive(mux, channel))
        emit_line(mux, channel);
    line_clear(&channel->line);
}

static uint32_t put_text(struct mux *mux, struct channel *channel, const uint8_t *bytes, uint32_t count)
{
    if (is_interactive(mux, channel))
        continue_line(mux, channel);
    if (channel->line.cursor == LINE_CELLS)
        wrap_line(mux, channel);
    uint32_t written = line_write(&channel->line, bytes, count);
    if (is_interactive(mux, channel))
        terminal_write(&mux->terminal, bytes, written);
    return written;
}

/* Tab stops count from behind the prefix. Over existing text a tab only moves. */
static void put_tab(struct mux *mux, struct channel *channel)
{
    static const uint8_t blank[LINE_TAB] = {' ', ' ', ' ', ' ', ' ', ' ', ' ', ' '};
    struct line *line = &channel->line;
    uint32_t count = LINE_TAB - line_columns(line, 0, line->cursor) % LINE_TAB;
    if (line->cursor >= line->length) {
        put_text(mux, channel, blank, count);
        return;
    }
    if (is_interactive(mux, channel)) {
        continue_line(mux, channel);
        terminal_control(&mux->terminal, count, 'C');
    }
    line->cursor = (uint16_t)least(line->cursor + count, LINE_CELLS);
}

static void put_backspace(struct mux *mux, struct channel *channel)
{
    if (!channel->line.cursor)
        return;
    if (is_interactive(mux, channel)) {
        continue_line(mux, channel);
        terminal_text(&mux->terminal, "\b");
    }
    line_back(&channel->line, 1);
}

static void put_control(struct mux *mux, struct channel *channel, uint8_t byte)
{
    switch (byte) {
    case '\n':
    case '\v':
    case '\f':
        put_newline(mux, channel);
        break;
    case '\r':
        channel->line.cursor = 0;
        channel->line.carriage = true;
        break;
    case '\t':
        put_tab(mux, channel);
        break;
    case '\b':
        put_backspace(mux, channel);
        break;
    default: /* BEL, shift out, shift in, …: nothing to others, and no space on the line */
        if (is_interactive(mux, channel))
            terminal_write(&mux->terminal, &byte, 1);
        break;
    }
}

/* Positions on the screen begin behind the prefix, which therefore has to stand in the row. */
static void put_position(struct mux *mux, struct channel *channel)
{
    const struct line *line = &channel->line;
    uint32_t row = line_parameter(line, 0), column = line_parameter(line, 1);
    terminal_text(&mux->terminal, "\x1b[");
    terminal_number(&mux->terminal, row ? row : 1, 0);
    terminal_text(&mux->terminal, ";1H");
    draw_beginning(mux, channel);
    if (column > 1)
        terminal_control(&mux->terminal, column - 1, 'C');
}

static void put_column(struct mux *mux, struct channel *channel)
{
    uint32_t column = line_parameter(&channel->line, 0);
    terminal_text(&mux->terminal, "\r");
    draw_beginning(mux, channel);
    if (column > 1)
        terminal_control(&mux->terminal, column - 1, 'C');
}

/* Erasing the whole line or screen takes the prefix with it. */
static void put_erasure(struct mux *mux, struct channel *channel)
{
    struct line *line = &channel->line;
    terminal_write(&mux->terminal, line->escape, line->escape_length);
    if (line_parameter(line, 0) != 2)
        return;
    terminal_text(&mux->terminal, "\r");
    draw_beginning(mux, channel);
    if (line->cursor)
        terminal_control(&mux->terminal, line_columns(line, 0, line->cursor), 'C');
}

/* A whole escape sequence of the console that has the keyboard; the line's model gets it afterwards. */
static void put_sequence(struct mux *mux, struct channel *channel)
{
    switch (line_final(&channel->line)) {
    case 'H':
    case 'f':
        put_position(mux, channel);
        break;
    case 'G':
        put_column(mux, channel);
        break;
    case 'J':
    case 'K':
        put_erasure(mux, channel);
        break;
    default:
        terminal_write(&mux->terminal, channel->line.escape, channel->line.escape_length);
        break;
    }
}

/* False: the byte ends the sequence but is none of it. */
static bool put_escape(struct mux *mux, struct channel *channel, uint8_t byte)
{
    enum escape_result result = line_escape(&channel->line, byte);
    if (result == ESCAPE_DONE) {
        if (is_interactive(mux, channel)) {
            continue_line(mux, channel);
            put_sequence(mux, channel);
        }
        line_apply(&channel->line);
    }
    return result != ESCAPE_BROKEN;
}

/*
 * Length of the run of printable characters at the beginning, eight at a time. A control character must follow it, and whole aligned words
 * around it must be readable.
 */
static uint32_t count_text(const uint8_t *bytes)
{
    const uint64_t ones = UINT64_MAX / 0xff;
    uint32_t before = (uint32_t)((uintptr_t)bytes % 8);
    const uint8_t *at = bytes - before;
    for (uint64_t ignored = (UINT64_C(1) << 8 * before) - 1;; ignored = 0, at += 8) {
        uint64_t word;
        memcpy(&word, __builtin_assume_aligned(at, 8), sizeof(word));
        word |= ignored;
        /* Bit 7 of each byte below 0x20; exact up to the first such byte. */
        uint64_t controls = (word - ones * 0x20) & ~word & (ones * 0x80);
        if (controls)
            return (uint32_t)(at - bytes) + (uint32_t)__builtin_ctzll(controls) / 8;
    }
}

/* What the life before left begun, line, escape sequence or colours, ends here. */
static void begin_life(struct mux *mux, struct channel *channel)
{
    struct line *line = &channel->line;
    line->escape_state = ESCAPE_NONE;
    if (line->length || line->cursor)
        put_newline(mux, channel);
    else if (is_interactive(mux, channel))
        mux_clear_line(mux);
    line->colour_length = 0;
}

/* One event: a run of text or one other byte. Returns how many bytes it took. A control character must follow the bytes. */
static uint32_t put_event(struct mux *mux, struct channel *channel, const uint8_t *bytes)
{
    if (*bytes == (uint8_t)CONSOLE_NEXT_LIFE[0]) {
        begin_life(mux, channel);
        return 1;
    }
    if (channel->line.escape_state != ESCAPE_NONE || *bytes == 0x1b)
        return put_escape(mux, channel, *bytes);
    uint32_t text = count_text(bytes);
    if (text)
        return put_text(mux, channel, bytes, text);
    put_control(mux, channel, *bytes);
    return 1;
}

/* --- queues --------------------------------------------------------------------------------------------------------- */

static uint32_t output_ready(const struct channel *channel)
{
    uint32_t ready = __atomic_load_n(&channel->page->out_head, __ATOMIC_ACQUIRE) - channel->taken;
    return least(ready, CONSOLE_OUT);
}

/* More than the queue holds: its owner wrote nonsense there. It gets a fresh start. */
static void skip_nonsense(struct channel *channel)
{
    uint32_t head = __atomic_load_n(&channel->page->out_head, __ATOMIC_ACQUIRE);
    if (head - channel->taken > CONSOLE_OUT)
        channel->taken = channel->shown = channel->marked = head;
}

/* A copy, for the other side may change its bytes while they are looked at. */
static uint32_t copy_output(const struct channel *channel, uint8_t *bytes)
{
    const struct console *page = channel->page;
    uint32_t at = channel->taken % CONSOLE_OUT;
    uint32_t count = least(output_ready(channel), MUX_TURN);
    uint32_t first = least(count, CONSOLE_OUT - at);
    memcpy(bytes, page->out + at, first);
    memcpy(bytes + first, page->out, count - first);
    return count;
}

static void notify_peer(struct mux *mux, const struct channel *channel, const uint32_t *waits)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(waits, __ATOMIC_RELAXED))
        mux->notify |= UINT64_C(1) << (channel - mux->channels);
}

static bool is_hidden(const struct mux *mux, const struct channel *channel)
{
    return !is_interactive(mux, channel) && channel->line.length > channel->line.shown;
}

/* Notes what was taken as shown, unless some of it is still only in the line's model. Of that there must not be so much that the queue stands still. */
static void note_shown(const struct mux *mux, struct channel *channel)
{
    bool held = is_hidden(mux, channel) || channel->line.escape_state != ESCAPE_NONE;
    if (!held || channel->taken - channel->shown > CONSOLE_OUT / 2)
        channel->shown = channel->taken;
}

/* A console's turn: up to MUX_TURN bytes of its output. */
static bool take_output(struct mux *mux, struct channel *channel)
{
    uint8_t bytes[MUX_TURN + 8] __attribute__((aligned(8)));
    skip_nonsense(channel);
    uint32_t count = copy_output(channel, bytes), taken = 0;
    memset(bytes + count, 0, 8); /* the control character that count_text needs */
    while (taken < count && terminal_room(&mux->terminal) >= TERMINAL_SIZE / 2) {
        uint32_t event = put_event(mux, channel, bytes + taken);
        taken += event;
        channel->taken += event;
        note_shown(mux, channel);
    }
    if (!taken)
        return false;
    channel->flush_at = is_hidden(mux, channel) ? mux->now + mux->second / FLUSH_FRACTION : UINT64_MAX;
    return true;
}

/* What was marked has been sent: the owner may write there. */
static void free_marked(struct mux *mux, struct channel *channel)
{
    if (channel->page->out_tail == channel->marked)
        return;
    __atomic_store_n(&channel->page->out_tail, channel->marked, __ATOMIC_RELEASE);
    notify_peer(mux, channel, &channel->page->room_waits);
}

void mux_sent(struct mux *mux)
{
    bool more = true;
    while (more && (int32_t)(mux->terminal.tail - mux->mark) >= 0) {
        more = false;
        for (uint32_t i = 0; i < mux->count; i++) {
            struct channel *channel = &mux->channels[i];
            free_marked(mux, channel);
            more |= channel->marked != channel->shown;
            channel->marked = channel->shown;
        }
        mux->mark = mux->terminal.head;
    }
}

static bool take_round(struct mux *mux)
{
    bool moved = false;
    for (uint32_t i = 0; i < mux->count; i++)
        moved |= take_output(mux, &mux->channels[(mux->turn + i) % mux->count]);
    if (mux->count)
        mux->turn = (mux->turn + 1) % mux->count;
    return moved;
}

static void flush_lines(struct mux *mux)
{
    for (uint32_t i = 0; i < mux->count; i++) {
        struct channel *channel = &mux->channels[i];
        if (channel->flush_at > mux->now || terminal_room(&mux->terminal) < TERMINAL_SIZE / 2)
            continue;
        if (!is_interactive(mux, channel))
            emit_line(mux, channel);
        note_shown(mux, channel);
        channel->flush_at = UINT64_MAX;
    }
}

bool mux_run(struct mux *mux, uint64_t now)
{
    mux->now = now;
    uint32_t rounds = 0;
    while (rounds < MUX_ROUNDS && take_round(mux))
        rounds++;
    flush_lines(mux);
    draw_last_line(mux);
    if (mux->count)
        note_shown(mux, focus_channel(mux));
    return rounds > 0;
}

uint64_t mux_deadline(const struct mux *mux)
{
    uint64_t deadline = UINT64_MAX;
    for (uint32_t i = 0; i < mux->count; i++)
        if (mux->channels[i].flush_at < deadline)
            deadline = mux->channels[i].flush_at;
    return deadline;
}

void mux_set_waits(struct mux *mux, bool waits)
{
    for (uint32_t i = 0; i < mux->count; i++)
        __atomic_store_n(&mux->channels[i].page->out_waits, waits, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

bool mux_has_output(const struct mux *mux)
{
    for (uint32_t i = 0; i < mux->count; i++)
        if (output_ready(&mux->channels[i]))
            return true;
    return false;
}

/* --- input ---------------------------------------------------------------------------------------------------------- */

void mux_lose(struct mux *mux)
{
    if (terminal_room(&mux->terminal) > MUX_EVENT)
        terminal_text(&mux->terminal, "\a");
}

void mux_send(struct mux *mux, uint8_t byte)
{
    struct channel *channel = focus_channel(mux);
    struct console *page = channel->page;
    uint32_t head = page->in_head;
    if (head - __atomic_load_n(&page->in_tail, __ATOMIC_ACQUIRE) >= CONSOLE_IN) {
        mux_lose(mux);
        return;
    }
    page->in[head % CONSOLE_IN] = byte;
    __atomic_store_n(&page->in_head, head + 1, __ATOMIC_RELEASE);
    notify_peer(mux, channel, &page->in_waits);
}

void mux_input(struct mux *mux, uint8_t byte, uint64_t now)
{
    mux->now = now;
    if (!mux->count || menu_swallow(mux, byte))
        return;
    if (!mux->menu && byte != MENU_KEY)
        mux_send(mux, byte);
    else if (terminal_room(&mux->terminal) < 2 * MUX_EVENT)
        mux_lose(mux);
    else if (mux->menu)
        menu_input(mux, byte);
    else
        menu_open(mux);
}

/* --- set-up --------------------------------------------------------------------------------------------------------- */

void mux_init(struct mux *mux, const struct registry *registry, uint64_t frequency)
{
    memset(mux, 0, sizeof(*mux));
    mux->registry = registry;
    mux->second = frequency;
}

bool mux_add(struct mux *mux, const char *name, struct console *page, bool has_focus)
{
    if (mux->count == MUX_CONSOLES)
        return false;
    struct channel *channel = &mux->channels[mux->count];
    uint32_t length = (uint32_t)strnlen(name, MUX_NAME - 1);
    memcpy(channel->name, name, length);
    channel->page = page;
    channel->flush_at = UINT64_MAX;
    channel->taken = channel->shown = channel->marked = page->out_tail;
    if (has_focus)
        mux->focus = mux->count;
    mux->count++;
    if (mux->prefix_length < length + PREFIX_MORE)
        mux->prefix_length = length + PREFIX_MORE;
    return true;
}

/* Names are filled up to the longest one's length. */
static void make_prefix(const struct mux *mux, struct channel *channel)
{
    memset(channel->prefix, ' ', sizeof(channel->prefix));
    memcpy(channel->prefix, channel->name, strlen(channel->name));
    channel->prefix[mux->prefix_length - 2] = '|';
}

static void tell_focus(struct mux *mux, const char *more)
{
    terminal_text(&mux->terminal, "-- keyboard: ");
    terminal_text(&mux->terminal, focus_channel(mux)->name);
    terminal_text(&mux->terminal, more);
    terminal_text(&mux->terminal, " --\r\n");
}

void mux_notify_all(struct mux *mux)
{
    mux->notify = mux->count ? UINT64_MAX >> (64 - mux->count) : 0;
}

void mux_start(struct mux *mux, bool again)
{
    if (again)
        terminal_text(&mux->terminal, "\x1b[m\r\n");
    for (uint32_t i = 0; i < mux->count; i++)
        make_prefix(mux, &mux->channels[i]);
    if (mux->count)
        tell_focus(mux, " (Ctrl-]: menu)");
}

void mux_focus(struct mux *mux, uint32_t index)
{
    struct channel *old = focus_channel(mux);
    mux_clear_line(mux);
    if (index != mux->focus && old->line.length > old->line.shown)
        emit_line(mux, old);
    mux->focus = index;
    focus_channel(mux)->flush_at = UINT64_MAX;
    tell_focus(mux, "");
}
