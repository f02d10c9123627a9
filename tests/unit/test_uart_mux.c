/* The console multiplexer: what stands on the terminal, byte by byte. */
#include "../../components/uart/menu.h"
#include "../../components/uart/mux.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LINUX, RT, ROOT, CONSOLES, SECOND = 1000 };

#define MENU "-- menu: n next, 1-9 console, l list, r restart, q quit, h help, Esc back -- "
#define ERASE "\r\x1b[K"

struct fixture {
    struct mux mux;
    struct console pages[CONSOLES];
    struct registry registry;
    char text[TERMINAL_SIZE + 1];
    uint64_t now;
};

static const char *taken(struct fixture *f)
{
    const uint8_t *bytes;
    uint32_t length = 0;
    for (uint32_t count; (count = terminal_peek(&f->mux.terminal, &bytes)) != 0; length += count) {
        memcpy(f->text + length, bytes, count);
        f->mux.terminal.tail += count;
    }
    f->text[length] = 0;
    mux_sent(&f->mux);
    return f->text;
}

static void put(struct fixture *f, int console, const char *text)
{
    struct console *page = &f->pages[console];
    for (; *text; text++)
        page->out[page->out_head++ % CONSOLE_OUT] = (uint8_t)*text;
}

static void run(struct fixture *f)
{
    while (mux_run(&f->mux, f->now))
        ;
}

/* What `console` writes makes the terminal get `expected`. */
static void check(struct fixture *f, int console, const char *text, const char *expected)
{
    put(f, console, text);
    run(f);
    assert_string_equal(taken(f), expected);
}

static void type(struct fixture *f, const char *keys)
{
    for (; *keys; keys++)
        mux_input(&f->mux, (uint8_t)*keys, f->now);
    run(f);
}

static const char *input(struct fixture *f, int console)
{
    struct console *page = &f->pages[console];
    uint32_t length = 0;
    while (page->in_tail != page->in_head)
        f->text[length++] = (char)page->in[page->in_tail++ % CONSOLE_IN];
    f->text[length] = 0;
    return f->text;
}

static void add_consoles(struct fixture *f)
{
    static const char *const names[CONSOLES] = {"linux", "rt", "root"};
    mux_init(&f->mux, &f->registry, SECOND);
    for (int i = 0; i < CONSOLES; i++)
        mux_add(&f->mux, names[i], &f->pages[i], i == LINUX);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    add_consoles(f);
    f->registry.count = 2;
    f->registry.entries[0] = (struct registry_entry){"rt", "running", 1, 1, 8 << 20};
    f->registry.entries[1] = (struct registry_entry){"linux", "off", 3, 2, 512 << 20};
    mux_start(&f->mux, false);
    run(f);
    if (strcmp(taken(f), "-- keyboard: linux (Ctrl-]: menu) --\r\n"))
        return -1;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static void test_lines_have_prefixes(void **state)
{
    struct fixture *f = *state;
    check(f, LINUX, "one\ntwo\r\n\nthree\r\r\n", "linux | one\r\nlinux | two\r\nlinux | \r\nlinux | three\r\n");
    check(f, RT, "tick\r\n", "rt    | tick\r\n");
    check(f, ROOT, "up\n", "root  | up\r\n");
}

static void test_partial_line_appears_at_once(void **state)
{
    struct fixture *f = *state;
    check(f, LINUX, "~ # ", "linux | ~ # ");
    check(f, LINUX, "l", "l");
    check(f, LINUX, "\b", "\b");
    check(f, LINUX, "\b\b\b\b\b\b", "\b\b\b\b");
}

static void test_other_lines_do_not_tear_it(void **state)
{
    struct fixture *f = *state;
    check(f, LINUX, "~ # ls", "linux | ~ # ls");
    check(f, RT, "half", "");
    check(f, RT, " whole\nnext\n", ERASE "rt    | half whole\r\nrt    | next\r\nlinux | ~ # ls");
    check(f, LINUX, "\b\b", "\b\b");
    check(f, ROOT, "x\n", ERASE "root  | x\r\nlinux | ~ # ls\x1b[2D");
    check(f, LINUX, "c\r\n", "c\r\n");
}

static void test_carriage_return_goes_behind_prefix(void **state)
{
    struct fixture *f = *state;
    check(f, LINUX, "10%\r", "linux | 10%");
    check(f, LINUX, "20", "\rlinux | 20");
    check(f, LINUX, "\r", "");
    check(f, RT, "x\n", ERASE "rt    | x\r\nlinux | 20%\x1b[3D");
    check(f, LINUX, "30", "30");
    check(f, LINUX, "\n", "\r\n");
}

static void test_escapes_pass_whole(void **state)
{
    struct fixture *f = *state;
    check(f, LINUX, "~ # \x1b[6n", "linux | ~ # \x1b[6n");
    check(f, LINUX, "abc\b\b\x1b[", "abc\b\b");
    check(f, RT, "x\n", ERASE "rt    | x\r\nlinux | ~ # abc\x1b[2D");
    check(f, LINUX, "J", "\x1b[J");
    check(f, RT, "x\n", ERASE "rt    | x\r\nlinux | ~ # a");
    check(f, LINUX, "\x1b]0;title\a\x1b(B\x1b" "7", "\x1b]0;title\a\x1b(B\x1b" "7");
    check(f, LINUX, "\x1b[3\n", "\r\n");
}

static void test_queries_are_not_repeated(void **state)
{
    struct fixture *f = *state;
    check(f, RT, "\x1b[6nhidden \x1b[31mred\x1b[m\n", "rt    | hidden red\r\n");
    check(f, RT, "\x1b[2J\x1b[H\a\x1b[1\x1b[Klast\n", "rt    | last\r\n");
}

static void test_endless_escape_is_dropped(void **state)
{
    struct fixture *f = *state;
    put(f, LINUX, "\x1b]");
    for (int i = 0; i < 3 * LINE_ESCAPE; i++)
        put(f, LINUX, "y");
    check(f, LINUX, "\anext\n", "linux | next\r\n");
}

static void test_colours_stay_with_their_console(void **state)
{
    struct fixture *f = *state;
    check(f, LINUX, "\x1b[31mred", "linux | \x1b[31mred");
    check(f, RT, "x\n", "\x1b[m" ERASE "rt    | x\r\n\x1b[mlinux | \x1b[31mred");
    check(f, LINUX, "\n", "\x1b[m\r\n");
    check(f, LINUX, "\x1b[0m", "\x1b[mlinux | \x1b[31m\x1b[0m");
    check(f, LINUX, "\n", "\r\n");
}

static void test_positions_begin_behind_prefix(void **state)
{
    struct fixture *f = *state;
    check(f, LINUX, "\x1b[H\x1b[2J", "linux | \x1b[1;1Hlinux | \x1b[2J\rlinux | ");
    check(f, LINUX, "\x1b[5;10Hx", "\x1b[5;1Hlinux | \x1b[9Cx");
    check(f, LINUX, "\x1b[3Gy", "\rlinux | \x1b[2Cy");
}

static void test_tabs_count_behind_prefix(void **state)
{
    struct fixture *f = *state;
    check(f, LINUX, "ab\tc\n", "linux | ab      c\r\n");
    check(f, LINUX, "abcdefghij\r\tX", "linux | abcdefghij\rlinux | \x1b[8CX");
}

static void test_utf8_moves_as_one(void **state)
{
    struct fixture *f = *state;
    check(f, LINUX, "a\xc3\xa9z\b\b", "linux | a\xc3\xa9z\b\b");
    check(f, RT, "x\n", ERASE "rt    | x\r\nlinux | a\xc3\xa9z\x1b[2D");
}

static void test_hidden_partial_line_is_flushed(void **state)
{
    struct fixture *f = *state;
    check(f, RT, "login: ", "");
    assert_int_equal(mux_deadline(&f->mux), 200);
    f->now = 200;
    check(f, RT, "", "rt    | login: \r\n");
    assert_true(mux_deadline(&f->mux) == UINT64_MAX);
    check(f, RT, "me\n", "rt    | me\r\n");
    check(f, RT, "\rall\n", "rt    | all\r\n");
    check(f, RT, "abc", "");
    f->now = 500;
    check(f, RT, "", "rt    | abc\r\n");
    check(f, RT, "\n", "");
}

static void test_long_lines(void **state)
{
    struct fixture *f = *state;
    char text[LINE_CELLS + 1] = {0}, expected[2 * LINE_CELLS];
    memset(text, 'a', LINE_CELLS);
    check(f, RT, text, "");
    snprintf(expected, sizeof(expected), "rt    | %s\r\nrt    | b\r\n", text);
    check(f, RT, "b\n", expected);
    snprintf(expected, sizeof(expected), "linux | %s", text);
    check(f, LINUX, text, expected);
    check(f, LINUX, "b\n", "b\r\n");
}

static void test_keys_go_to_focus(void **state)
{
    struct fixture *f = *state;
    f->pages[LINUX].in_waits = 1;
    type(f, "ls\r\x03");
    assert_string_equal(input(f, LINUX), "ls\r\x03");
    assert_int_equal(f->mux.notify, 1 << LINUX);
    assert_string_equal(taken(f), "");
}

static void test_full_input_rings_the_bell(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < CONSOLE_IN; i++)
        type(f, "k");
    assert_string_equal(taken(f), "");
    type(f, "lost");
    assert_string_equal(taken(f), "\a\a\a\a");
    assert_int_equal(strlen(input(f, LINUX)), CONSOLE_IN);
}

static void test_menu_switches_focus(void **state)
{
    struct fixture *f = *state;
    check(f, LINUX, "~ # ", "linux | ~ # ");
    check(f, RT, "rt> ", "");
    type(f, "\x1d");
    assert_string_equal(taken(f), ERASE MENU);
    type(f, "n");
    assert_string_equal(taken(f), ERASE "linux | ~ # \r\n-- keyboard: rt --\r\nrt    | rt> ");
    type(f, "x\x1d" "1");
    assert_string_equal(input(f, RT), "x");
    assert_non_null(strstr(taken(f), "-- keyboard: linux --\r\nlinux | ~ # "));
    type(f, "\x1d" "9");
    assert_non_null(strstr(taken(f), "-- there is no console of that number; l lists them --\r\n" MENU));
}

static void test_output_appears_above_menu(void **state)
{
    struct fixture *f = *state;
    check(f, LINUX, "~ # ", "linux | ~ # ");
    type(f, "\x1d");
    assert_string_equal(taken(f), ERASE MENU);
    check(f, RT, "tick\n", ERASE "rt    | tick\r\n" MENU);
    check(f, LINUX, "done\n/ # ", ERASE "linux | ~ # done\r\n" MENU);
    type(f, "\r");
    assert_string_equal(taken(f), ERASE "linux | / # ");
    assert_string_equal(input(f, LINUX), "");
}

static void test_menu_keys(void **state)
{
    struct fixture *f = *state;
    type(f, "\x1d\x1d");
    assert_string_equal(input(f, LINUX), "\x1d");
    taken(f);
    f->now = 1000;
    type(f, "\x1d\x1b[A");
    assert_string_equal(input(f, LINUX), "");
    type(f, "[");
    assert_string_equal(input(f, LINUX), "[");
    type(f, "\x1d\x1b");
    f->now = 1100;
    type(f, "[");
    assert_string_equal(input(f, LINUX), "[");
    taken(f);
    type(f, "\x1d?");
    assert_non_null(strstr(taken(f), "switch the machine off\r\n"));
}

static void test_menu_list(void **state)
{
    struct fixture *f = *state;
    type(f, "\x1dl");
    assert_string_equal(taken(f), "--   #  console         state           vCPUs      memory  restarts\r\n"
                                       "-- * 1  linux           off                 2     512 MiB         3\r\n"
                                       "--   2  rt              running             1       8 MiB         1\r\n"
                                       "--   3  root            (no VM)\r\n" MENU);
}

static void test_menu_requests(void **state)
{
    struct fixture *f = *state;
    type(f, "\x1dr");
    assert_int_equal(f->mux.requests, ROOT_RESTART_0 << 1);
    assert_non_null(strstr(taken(f), "-- restarting linux --\r\n"));
    f->mux.requests = 0;
    type(f, "\x1d" "3\x1dr");
    assert_int_equal(f->mux.requests, 0);
    assert_non_null(strstr(taken(f), "-- cannot restart root: it is no VM"));
    type(f, "q");
    assert_int_equal(f->mux.requests, ROOT_QUIT);
}

static void test_flood_does_not_starve(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < CONSOLE_OUT / 8; i++)
        put(f, RT, "1234567\n");
    put(f, LINUX, "me too\n");
    f->pages[RT].room_waits = 1;
    mux_run(&f->mux, f->now);
    const char *text = taken(f), *mine = strstr(text, "linux | me too\r\n");
    assert_non_null(mine);
    assert_true(mine - text <= 64 * (8 + 9));
    assert_int_equal(f->mux.notify, 1 << RT);
}

/* The terminal's bytes are bounded; what finds no room stays where it is, in order. */
static void test_nothing_is_lost(void **state)
{
    struct fixture *f = *state;
    char line[16];
    unsigned written = 0, read = 0;
    while (read < 20000) {
        for (; f->pages[RT].out_head - f->pages[RT].out_tail < CONSOLE_OUT - 16; written++) {
            snprintf(line, sizeof(line), "%u\n", written);
            put(f, RT, line);
        }
        mux_run(&f->mux, f->now);
        for (const char *at = taken(f); *at; read++) {
            assert_memory_equal(at, "rt    | ", 8);
            assert_int_equal(strtoul(at + 8, (char **)&at, 10), read);
            assert_memory_equal(at, "\r\n", 2);
            at += 2;
        }
    }
}

/* Red when the queue's room is given back before the terminal has sent what stood there, or not told then. */
static void test_unsent_output_stays(void **state)
{
    struct fixture *f = *state;
    f->pages[RT].room_waits = 1;
    put(f, RT, "one\ntwo\n");
    put(f, LINUX, "prompt> ");
    run(f);
    mux_sent(&f->mux);
    assert_int_equal(f->pages[RT].out_tail + f->pages[LINUX].out_tail, 0);
    assert_int_equal(f->mux.notify, 0);
    f->mux.terminal.tail = f->mux.terminal.head - 1;
    mux_sent(&f->mux);
    assert_int_equal(f->pages[RT].out_tail, 0);
    f->mux.terminal.tail++;
    mux_sent(&f->mux);
    assert_int_equal(f->pages[RT].out_tail, 8);
    assert_int_equal(f->pages[LINUX].out_tail, 8);
    assert_int_equal(f->mux.notify, 1 << RT);
}

/* Red when a line that only the model holds is given up. */
static void test_hidden_partial_line_stays(void **state)
{
    struct fixture *f = *state;
    check(f, RT, "done\npart", "rt    | done\r\n");
    assert_int_equal(f->pages[RT].out_tail, 5);
    f->now += SECOND;
    run(f);
    assert_string_equal(taken(f), "rt    | part\r\n");
    assert_int_equal(f->pages[RT].out_tail, 9);
}

/* Neither escape sequences without end nor lines without end may make the queue stand still. */
static void test_held_output_moves_on(void **state)
{
    struct fixture *f = *state;
    put(f, RT, "\x1b]");
    for (int i = 0; i < 3 * CONSOLE_OUT; i += 64) {
        for (int j = 0; j < 64; j++)
            put(f, RT, "x");
        run(f);
        taken(f);
        assert_true(f->pages[RT].out_head - f->pages[RT].out_tail < CONSOLE_OUT);
    }
}

/* A VM that died in the middle of a line, a sequence or a colour is built anew. Red when what the next one writes continues that line. */
static void test_next_life_begins_a_line(void **state)
{
    struct fixture *f = *state;
    check(f, RT, "half a li" CONSOLE_NEXT_LIFE "line 1\n", "rt    | half a li\r\nrt    | line 1\r\n");
    check(f, RT, "whole\n" CONSOLE_NEXT_LIFE "line 1\n", "rt    | whole\r\nrt    | line 1\r\n");
    check(f, RT, "a \x1b]title" CONSOLE_NEXT_LIFE "line 1\n", "rt    | a \r\nrt    | line 1\r\n");
    check(f, RT, "\x1b[31m" CONSOLE_NEXT_LIFE "line 1\n", "rt    | line 1\r\n");
    check(f, LINUX, "~ # \x1b[31mred", "linux | ~ # \x1b[31mred");
    check(f, LINUX, CONSOLE_NEXT_LIFE, "\x1b[m\r\n");
    check(f, LINUX, "boots\x1b[3", "linux | boots");
    check(f, LINUX, CONSOLE_NEXT_LIFE "again\n", "\r\nlinux | again\r\n");
}

/* Sends a part of what is to be sent. */
static uint32_t send_some(struct fixture *f, char *to)
{
    uint32_t present = f->mux.terminal.head - f->mux.terminal.tail, count = (uint32_t)rand() % (present + 1);
    for (uint32_t i = 0; i < count; i++)
        to[i] = (char)f->mux.terminal.bytes[f->mux.terminal.tail++ % TERMINAL_SIZE];
    mux_sent(&f->mux);
    return count;
}

/* The lines' numbers: each follows one that was seen, none is left out. A line that was cut by a death does not end like one. */
static unsigned numbers_seen(const char *text)
{
    unsigned next = 0;
    for (const char *at = text; (at = strstr(at, "rt    | ")); ) {
        char *end;
        at += 8;
        unsigned number = (unsigned)strtoul(at, &end, 10);
        if (strncmp(end, "\r\n", 2))
            continue;
        assert_true(number <= next);
        next = number == next ? next + 1 : next;
    }
    return next;
}

/* A driver dies at any byte that it sends: its successor shows all that was not sent, and nobody waits for room in vain. */
static void test_successor_loses_nothing(void **state)
{
    enum { LINES = 3000 };
    struct fixture *f = *state;
    char line[16], *text = calloc(1, 1 << 20);
    uint32_t length = 0;
    srand(2);
    for (unsigned written = 0; written < LINES;) {
        for (int i = rand() % 20; i >= 0 && written < LINES; i--, written++) {
            snprintf(line, sizeof(line), "%u\n", written);
            put(f, RT, line);
        }
        run(f);
        mux_sent(&f->mux);
        length += send_some(f, text + length);
        if (rand() % 2)
            continue;
        add_consoles(f);
        mux_notify_all(&f->mux);
        assert_int_equal(f->mux.notify, (1 << CONSOLES) - 1);
        mux_start(&f->mux, true);
    }
    while (run(f), mux_sent(&f->mux), f->mux.terminal.head != f->mux.terminal.tail)
        length += send_some(f, text + length);
    assert_int_equal(numbers_seen(text), LINES);
    free(text);
}

/* What its owner wrote as an index may be nonsense: that is its own loss, and passes. */
static void test_nonsense_passes(void **state)
{
    struct fixture *f = *state;
    f->pages[RT].out_head = 1u << 30;
    run(f);
    taken(f);
    assert_int_equal(f->pages[RT].out_tail, 1u << 30);
    check(f, RT, "sane\n", "rt    | sane\r\n");
}

/* A component may write anything into its page and its output. */
static void test_hostile_page(void **state)
{
    struct fixture *f = *state;
    srand(1);
    for (int i = 0; i < 3000; i++) {
        struct console *page = &f->pages[i % CONSOLES];
        for (unsigned j = 0; j < CONSOLE_OUT; j++)
            page->out[j] = (uint8_t)(rand() % 3 ? rand() : "\x1b[;J2K5HC\r\n\t\b"[rand() % 13]);
        page->out_head = f->mux.channels[i % CONSOLES].taken + (uint32_t)(rand() % 8 ? rand() % CONSOLE_OUT : rand());
        page->out_tail = (uint32_t)rand();
        page->in_head = (uint32_t)rand();
        page->in_tail = (uint32_t)rand();
        mux_input(&f->mux, (uint8_t)(rand() % 4 ? rand() : "\x1dnlh?123\x1b["[rand() % 10]), f->now += 30);
        mux_run(&f->mux, f->now);
        assert_true(terminal_room(&f->mux.terminal) > 0);
        taken(f);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_lines_have_prefixes),
        TEST(test_partial_line_appears_at_once),
        TEST(test_other_lines_do_not_tear_it),
        TEST(test_carriage_return_goes_behind_prefix),
        TEST(test_escapes_pass_whole),
        TEST(test_queries_are_not_repeated),
        TEST(test_endless_escape_is_dropped),
        TEST(test_colours_stay_with_their_console),
        TEST(test_positions_begin_behind_prefix),
        TEST(test_tabs_count_behind_prefix),
        TEST(test_utf8_moves_as_one),
        TEST(test_hidden_partial_line_is_flushed),
        TEST(test_long_lines),
        TEST(test_keys_go_to_focus),
        TEST(test_full_input_rings_the_bell),
        TEST(test_menu_switches_focus),
        TEST(test_output_appears_above_menu),
        TEST(test_menu_keys),
        TEST(test_menu_list),
        TEST(test_menu_requests),
        TEST(test_flood_does_not_starve),
        TEST(test_nothing_is_lost),
        TEST(test_unsent_output_stays),
        TEST(test_hidden_partial_line_stays),
        TEST(test_held_output_moves_on),
        TEST(test_next_life_begins_a_line),
        TEST(test_successor_loses_nothing),
        TEST(test_nonsense_passes),
        TEST(test_hostile_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
