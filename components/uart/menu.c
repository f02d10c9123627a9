#include "menu.h"

#include <string.h>

enum {
    ESC = 0x1b,
    KEY_FRACTION = 20, /* of a second: within 50 ms of an Esc, its key's other bytes have come */
    MIB_SHIFT = 20,
};

void menu_open(struct mux *mux)
{
    mux_clear_line(mux);
    /* All of the partial line is gone from the terminal; should it end while the menu is open, all of it is shown. */
    mux->channels[mux->focus].line.shown = 0;
    mux->menu = true;
}

static void menu_close(struct mux *mux)
{
    mux_clear_line(mux);
    mux->menu = false;
}

/* Shorter than 80 columns: a line that the terminal wraps could not be taken back. */
void menu_draw(struct mux *mux)
{
    terminal_text(&mux->terminal, "-- menu: n next, 1-9 console, l list, r restart, q quit, h help, Esc back -- ");
    mux->occupied = true;
}

/* A line that says something and stays. */
static void say(struct mux *mux, const char *before, const char *name, const char *after)
{
    mux_clear_line(mux);
    terminal_text(&mux->terminal, "-- ");
    terminal_text(&mux->terminal, before);
    terminal_text(&mux->terminal, name);
    terminal_text(&mux->terminal, after);
    terminal_text(&mux->terminal, " --\r\n");
}

/* The registry's index of a VM, or MUX_NOBODY. */
static int find_entry(const struct mux *mux, const char *name)
{
    const struct registry *registry = mux->registry;
    const uint32_t limit = sizeof(registry->entries) / sizeof(registry->entries[0]);
    for (uint32_t i = 0; registry && i < registry->count && i < limit; i++)
        if (!strncmp(registry->entries[i].name, name, MUX_NAME))
            return (int)i;
    return MUX_NOBODY;
}

/* A copy that ends, whatever the page holds. */
static void list_state(struct mux *mux, const struct registry_entry *entry)
{
    char state[sizeof(entry->state)] = {0};
    memcpy(state, entry->state, sizeof(state) - 1);
    terminal_field(&mux->terminal, state, sizeof(state));
    terminal_number(&mux->terminal, entry->vcpus, 5);
    terminal_number(&mux->terminal, entry->memory >> MIB_SHIFT, 8);
    terminal_text(&mux->terminal, " MiB");
    terminal_number(&mux->terminal, entry->restarts, 10);
}

static void list_console(struct mux *mux, uint32_t index)
{
    const char *name = mux->channels[index].name;
    terminal_text(&mux->terminal, index == mux->focus ? "-- *" : "--  ");
    terminal_number(&mux->terminal, index + 1, 2);
    terminal_text(&mux->terminal, "  ");
    terminal_field(&mux->terminal, name, MUX_NAME);
    int entry = find_entry(mux, name);
    if (entry != MUX_NOBODY)
        list_state(mux, &mux->registry->entries[entry]);
    else
        terminal_text(&mux->terminal, "(no VM)");
    terminal_text(&mux->terminal, "\r\n");
}

static void show_list(struct mux *mux)
{
    mux_clear_line(mux);
    terminal_text(&mux->terminal, "--   #  console         state           vCPUs      memory  restarts\r\n");
    for (uint32_t i = 0; i < mux->count; i++)
        list_console(mux, i);
}

static void show_help(struct mux *mux)
{
    mux_clear_line(mux);
    terminal_text(&mux->terminal, "-- n        the next console gets the keyboard\r\n"
                                  "-- 1-9      that console gets the keyboard\r\n"
                                  "-- l        list of the consoles and their VMs\r\n"
                                  "-- r        restart the VM that has the keyboard\r\n"
                                  "-- q        quit: switch the machine off\r\n"
                                  "-- Ctrl-]   send a Ctrl-] to the VM\r\n"
                                  "-- Esc      back (Enter, too)\r\n");
}

static void restart_focus(struct mux *mux)
{
    const char *name = mux->channels[mux->focus].name;
    int entry = find_entry(mux, name);
    if (entry == MUX_NOBODY) {
        say(mux, "cannot restart ", name, ": it is no VM; choose one with n or its number first");
        return;
    }
    mux->requests |= (uint64_t)ROOT_RESTART_0 << entry;
    say(mux, "restarting ", name, "");
    menu_close(mux);
}

static void choose(struct mux *mux, uint32_t index)
{
    if (index >= mux->count) {
        say(mux, "there is no console of that number", "", "; l lists them");
        return;
    }
    mux_focus(mux, index);
    menu_close(mux);
}

static void quit(struct mux *mux)
{
    say(mux, "quit", "", "");
    mux->requests |= ROOT_QUIT;
    menu_close(mux);
}

static void close_by(struct mux *mux, uint8_t byte)
{
    menu_close(mux);
    if (byte == MENU_KEY)
        mux_send(mux, byte);
    if (byte == ESC)
        mux->escape_until = mux->now + mux->second / KEY_FRACTION;
}

void menu_input(struct mux *mux, uint8_t byte)
{
    switch (byte) {
    case 'n':
        choose(mux, (mux->focus + 1) % mux->count);
        break;
    case 'l':
        show_list(mux);
        break;
    case 'r':
        restart_focus(mux);
        break;
    case 'h':
    case '?':
        show_help(mux);
        break;
    case 'q':
        quit(mux);
        break;
    case MENU_KEY:
    case ESC:
    case '\r':
    case '\n':
        close_by(mux, byte);
        break;
    default:
        if (byte >= '1' && byte <= '9')
            choose(mux, (uint32_t)(byte - '1'));
        break;
    }
}

bool menu_swallow(struct mux *mux, uint8_t byte)
{
    if (mux->swallow) {
        mux->swallow = byte < 0x40;
        return true;
    }
    mux->swallow = mux->now < mux->escape_until && (byte == '[' || byte == 'O');
    mux->escape_until = 0;
    return mux->swallow;
}
